/**
 * The grammar, on Chevrotain, which only `src/sql` knows.
 *
 *   expression   := conjunction (OR conjunction)*
 *   conjunction  := negation (AND negation)*
 *   negation     := NOT* condition
 *   condition    := operand [compare operand | IS [NOT] (NULL | NAN)
 *                            | [NOT] (IN list | BETWEEN operand AND operand | LIKE operand)]
 *   operand      := '(' expression ')' | literal | call | dotted name | '?'
 *   columns      := column (',' column)*          column := name [':'] type ([NOT] NULL | COMMENT text)*
 *   type         := ARRAY '<' type '>' | MAP '<' type ',' type '>' | STRUCT '<' columns '>' | name [parameters]
 *   terms        := operand (',' operand)*
 *   sort terms   := operand [ASC | DESC] [NULLS (FIRST | LAST)] (',' ...)*
 *
 * Conditions and values are one rule family, so that statements can use both; what a tree may mean is decided
 * where it is used (`predicate.ts`, `ddl.ts`). Rules run once with placeholder tokens when the parser is made,
 * so they only build; they never judge what they read.
 */
import { EmbeddedActionsParser, type IToken, type ParserMethod, type TokenType } from 'chevrotain'
import type { ComparisonOp } from '../expression/expression.js'
import type {
  ColumnSyntax,
  LiteralSyntax,
  NamedTypeSyntax,
  SortTermSyntax,
  Syntax,
  TestSyntax,
  TypeSyntax,
} from './syntax.js'
import * as token from './tokens.js'

/** Error messages that only say what was expected; `parse-syntax.ts` says the rest. */
const EXPECTED = {
  buildMismatchTokenMessage: (options: { readonly expected: TokenType }): string => labelOf(options.expected),
  buildNotAllInputParsedMessage: (): string => 'the end of the text',
  buildNoViableAltMessage: (options: {
    readonly expectedPathsPerAlt: TokenType[][][]
    readonly customUserDescription?: string
  }): string => options.customUserDescription ?? labelsOf(options.expectedPathsPerAlt.flat()),
  buildEarlyExitMessage: (options: {
    readonly expectedIterationPaths: TokenType[][]
    readonly customUserDescription?: string
  }): string => options.customUserDescription ?? labelsOf(options.expectedIterationPaths),
}

function labelsOf(paths: readonly (readonly TokenType[])[]): string {
  const firsts = paths.flatMap(path => path.slice(0, 1)).map(labelOf)
  return [...new Set(firsts)].join(', ')
}

function labelOf(type: TokenType): string {
  return type.LABEL ?? type.name
}

type Rule<T> = ParserMethod<[], T>

/** The rules. One instance parses any number of texts, one after the other; making it takes milliseconds. */
export class SqlParser extends EmbeddedActionsParser {
  constructor() {
    super(token.TOKENS, { maxLookahead: 2, errorMessageProvider: EXPECTED, recoveryEnabled: false })
    this.performSelfAnalysis()
  }

  // Starting points

  readonly predicate: Rule<Syntax> = this.RULE('predicate', (): Syntax => this.SUBRULE(this.expression))

  readonly columns: Rule<ColumnSyntax[]> = this.RULE('columns', (): ColumnSyntax[] => {
    const columns: ColumnSyntax[] = []
    this.AT_LEAST_ONE_SEP({
      SEP: token.Comma,
      DEF: () => {
        columns.push(this.SUBRULE(this.column))
      },
    })
    return columns
  })

  readonly terms: Rule<Syntax[]> = this.RULE('terms', (): Syntax[] => {
    const terms: Syntax[] = []
    this.AT_LEAST_ONE_SEP({
      SEP: token.Comma,
      ERR_MSG: 'a column or a value',
      DEF: () => {
        terms.push(this.SUBRULE(this.operand))
      },
    })
    return terms
  })

  readonly sortTerms: Rule<SortTermSyntax[]> = this.RULE('sortTerms', (): SortTermSyntax[] => {
    const terms: SortTermSyntax[] = []
    this.AT_LEAST_ONE_SEP({
      SEP: token.Comma,
      ERR_MSG: 'a column or a value',
      DEF: () => {
        terms.push(this.SUBRULE(this.sortTerm))
      },
    })
    return terms
  })

  // Conditions

  private readonly expression: Rule<Syntax> = this.RULE('expression', (): Syntax => {
    const children = [this.SUBRULE(this.conjunction)]
    this.MANY(() => {
      this.CONSUME(token.Or)
      children.push(this.SUBRULE2(this.conjunction))
    })
    return chain('or', children)
  })

  private readonly conjunction: Rule<Syntax> = this.RULE('conjunction', (): Syntax => {
    const children = [this.SUBRULE(this.negation)]
    this.MANY(() => {
      this.CONSUME(token.And)
      children.push(this.SUBRULE2(this.negation))
    })
    return chain('and', children)
  })

  private readonly negation: Rule<Syntax> = this.RULE('negation', (): Syntax => {
    const nots: IToken[] = []
    this.MANY(() => {
      nots.push(this.CONSUME(token.Not))
    })
    const child = this.SUBRULE(this.condition)
    const [first] = nots
    return first !== undefined && nots.length % 2 === 1
      ? { kind: 'not', child, at: first.startOffset }
      : child
  })

  private readonly condition: Rule<Syntax> = this.RULE('condition', (): Syntax => {
    const operand = this.SUBRULE(this.operand)
    let result = operand
    this.OPTION(() => {
      this.OR([
        {
          ALT: () => {
            const operator = this.CONSUME(token.Comparison)
            const right = this.SUBRULE2(this.operand)
            const op = this.ACTION(() => COMPARISON_OPS[operator.image] ?? 'eq')
            result = { kind: 'compare', op, left: operand, right, at: operator.startOffset }
          },
        },
        {
          ALT: () => {
            const is = this.CONSUME(token.Is)
            const negated = this.OPTION2(() => this.CONSUME(token.Not)) !== undefined
            const kind = this.OR2<TestSyntax['kind']>([
              { ALT: () => meaning(this.CONSUME(token.Null), 'is-null') },
              { ALT: () => meaning(this.CONSUME(token.Nan), 'is-nan') },
            ])
            result = { kind, operand, negated, args: [], at: is.startOffset }
          },
        },
        {
          ALT: () => {
            const negated = this.OPTION3(() => this.CONSUME2(token.Not)) !== undefined
            result = { ...this.SUBRULE(this.test), operand, negated }
          },
        },
      ])
    })
    return result
  })

  /** A test without its left side. */
  private readonly test: Rule<Pick<TestSyntax, 'kind' | 'args' | 'at'>> = this.RULE('test', () =>
    this.OR<Pick<TestSyntax, 'kind' | 'args' | 'at'>>([
      {
        ALT: () => {
          const at = this.CONSUME(token.In).startOffset
          return { kind: 'in', args: this.SUBRULE(this.list), at }
        },
      },
      {
        ALT: () => {
          const at = this.CONSUME(token.Between).startOffset
          const low = this.SUBRULE(this.operand)
          this.CONSUME(token.And)
          return { kind: 'between', args: [low, this.SUBRULE2(this.operand)], at }
        },
      },
      {
        ALT: () => {
          const at = this.CONSUME(token.Like).startOffset
          return { kind: 'like', args: [this.SUBRULE3(this.operand)], at }
        },
      },
    ]),
  )

  private readonly list: Rule<Syntax[]> = this.RULE('list', (): Syntax[] => {
    const items: Syntax[] = []
    this.OR([
      { ALT: () => items.push({ kind: 'parameter', at: this.CONSUME(token.Parameter).startOffset }) },
      {
        ALT: () => {
          this.CONSUME(token.LeftParen)
          this.AT_LEAST_ONE_SEP({
            SEP: token.Comma,
            ERR_MSG: 'a column or a value',
            DEF: () => {
              items.push(this.SUBRULE(this.operand))
            },
          })
          this.CONSUME(token.RightParen)
        },
      },
    ])
    return items
  })

  // Values

  private readonly operand: Rule<Syntax> = this.RULE(
    'operand',
    (): Syntax =>
      this.OR<Syntax>({
        IGNORE_AMBIGUITIES: true,
        ERR_MSG: 'a column or a value',
        DEF: [
          { ALT: () => this.SUBRULE(this.literal) },
          { ALT: () => this.SUBRULE(this.call) },
          { ALT: () => this.SUBRULE(this.dottedName) },
          { ALT: () => ({ kind: 'parameter', at: this.CONSUME(token.Parameter).startOffset }) },
          {
            ALT: () => {
              this.CONSUME(token.LeftParen)
              const inner = this.SUBRULE(this.expression)
              this.CONSUME(token.RightParen)
              return inner
            },
          },
        ],
      }),
  )

  private readonly literal: Rule<LiteralSyntax> = this.RULE(
    'literal',
    (): LiteralSyntax =>
      this.OR<LiteralSyntax>([
        { ALT: () => this.SUBRULE(this.number) },
        { ALT: () => quoted('text', this.CONSUME(token.Text)) },
        { ALT: () => quoted('hex', this.CONSUME(token.HexText)) },
        { ALT: () => word('true', this.CONSUME(token.True)) },
        { ALT: () => word('false', this.CONSUME(token.False)) },
        { ALT: () => word('null', this.CONSUME(token.Null)) },
        {
          ALT: () => {
            const type = this.CONSUME(token.LiteralType)
            const value = this.CONSUME2(token.Text)
            const form = LITERAL_FORMS.get(type.tokenType) ?? 'text'
            return { ...quoted(form, value), at: type.startOffset }
          },
        },
      ]),
  )

  private readonly number: Rule<LiteralSyntax> = this.RULE('number', (): LiteralSyntax => {
    let sign: IToken | undefined
    this.OPTION(() => {
      sign = this.OR([{ ALT: () => this.CONSUME(token.Minus) }, { ALT: () => this.CONSUME(token.Plus) }])
    })
    const digits = this.CONSUME(token.NumberText)
    const text = sign?.tokenType === token.Minus ? `-${digits.image}` : digits.image
    return { kind: 'literal', form: 'number', text, at: (sign ?? digits).startOffset }
  })

  private readonly call: Rule<Syntax> = this.RULE('call', (): Syntax => {
    const name = this.CONSUME(token.Name)
    const args: Syntax[] = []
    this.CONSUME(token.LeftParen)
    this.MANY_SEP({
      SEP: token.Comma,
      DEF: () => {
        args.push(this.SUBRULE(this.operand))
      },
    })
    this.CONSUME(token.RightParen)
    return { kind: 'call', name: nameOf(name), args, at: name.startOffset }
  })

  private readonly dottedName: Rule<Syntax> = this.RULE('dottedName', (): Syntax => {
    const first = this.CONSUME(token.Name)
    const parts = [nameOf(first)]
    this.MANY(() => {
      this.CONSUME(token.Dot)
      parts.push(nameOf(this.CONSUME2(token.Name)))
    })
    return { kind: 'name', parts, at: first.startOffset }
  })

  private readonly sortTerm: Rule<SortTermSyntax> = this.RULE('sortTerm', (): SortTermSyntax => {
    const term = this.SUBRULE(this.operand)
    let direction: SortTermSyntax['direction'] = 'asc'
    let nulls: SortTermSyntax['nulls']
    this.OPTION(() => {
      direction = this.OR<SortTermSyntax['direction']>([
        { ALT: () => meaning(this.CONSUME(token.Asc), 'asc') },
        { ALT: () => meaning(this.CONSUME(token.Desc), 'desc') },
      ])
    })
    this.OPTION2(() => {
      this.CONSUME(token.Nulls)
      nulls = this.OR2<'nulls-first' | 'nulls-last'>([
        { ALT: () => meaning(this.CONSUME(token.First), 'nulls-first') },
        { ALT: () => meaning(this.CONSUME(token.Last), 'nulls-last') },
      ])
    })
    return { term, direction, nulls }
  })

  // Columns and types

  private readonly column: Rule<ColumnSyntax> = this.RULE('column', (): ColumnSyntax => {
    const name = this.CONSUME(token.Name)
    this.OPTION(() => this.CONSUME(token.Colon))
    const type = this.SUBRULE(this.type)
    let required = false
    let comment: string | undefined
    this.MANY(() => {
      this.OR([
        {
          ALT: () => {
            this.CONSUME(token.Not)
            this.CONSUME(token.Null)
            required = true
          },
        },
        { ALT: () => this.CONSUME2(token.Null) },
        {
          ALT: () => {
            this.CONSUME(token.Comment)
            comment = unquote(this.CONSUME(token.Text).image, "'")
          },
        },
      ])
    })
    return { name: nameOf(name), type, required, comment, at: name.startOffset }
  })

  private readonly type: Rule<TypeSyntax> = this.RULE(
    'type',
    (): TypeSyntax =>
      this.OR<TypeSyntax>({
        IGNORE_AMBIGUITIES: true,
        ERR_MSG: 'a type',
        DEF: [
          {
            ALT: () => {
              const at = this.CONSUME(token.ArrayWord).startOffset
              this.CONSUME(token.Less)
              const element = this.SUBRULE(this.type)
              this.CONSUME(token.Greater)
              return { kind: 'array', element, at }
            },
          },
          {
            ALT: () => {
              const at = this.CONSUME(token.MapWord).startOffset
              this.CONSUME2(token.Less)
              const key = this.SUBRULE2(this.type)
              this.CONSUME(token.Comma)
              const value = this.SUBRULE3(this.type)
              this.CONSUME2(token.Greater)
              return { kind: 'map', key, value, at }
            },
          },
          {
            ALT: () => {
              const at = this.CONSUME(token.Struct).startOffset
              this.CONSUME3(token.Less)
              const fields = this.SUBRULE(this.columns)
              this.CONSUME3(token.Greater)
              return { kind: 'struct', fields, at }
            },
          },
          { ALT: () => this.SUBRULE(this.namedType) },
        ],
      }),
  )

  private readonly namedType: Rule<NamedTypeSyntax> = this.RULE('namedType', (): NamedTypeSyntax => {
    const name = this.CONSUME(token.Name)
    const parameters: string[] = []
    this.OPTION(() => {
      this.OR([
        {
          ALT: () => {
            this.CONSUME(token.LeftParen)
            this.AT_LEAST_ONE_SEP({
              SEP: token.Comma,
              DEF: () => {
                parameters.push(this.SUBRULE(this.typeParameter))
              },
            })
            this.CONSUME(token.RightParen)
          },
        },
        {
          ALT: () => {
            this.CONSUME(token.LeftBracket)
            parameters.push(this.SUBRULE2(this.typeParameter))
            this.CONSUME(token.RightBracket)
          },
        },
      ])
    })
    return { kind: 'named', name: nameOf(name), parameters, at: name.startOffset }
  })

  private readonly typeParameter: Rule<string> = this.RULE('typeParameter', (): string =>
    this.OR([
      { ALT: () => this.CONSUME(token.NumberText).image },
      { ALT: () => unquote(this.CONSUME(token.Text).image, "'") },
    ]),
  )
}

const COMPARISON_OPS: Readonly<Record<string, ComparisonOp>> = {
  '=': 'eq',
  '==': 'eq',
  '<>': 'not-eq',
  '!=': 'not-eq',
  '<': 'lt',
  '<=': 'lt-eq',
  '>': 'gt',
  '>=': 'gt-eq',
}

const LITERAL_FORMS: ReadonlyMap<TokenType, LiteralSyntax['form']> = new Map([
  [token.DateWord, 'date'],
  [token.TimeWord, 'time'],
  [token.TimestampWord, 'timestamp'],
  [token.TimestamptzWord, 'timestamptz'],
])

/** What a word means once it has been consumed. */
function meaning<T>(_word: IToken, value: T): T {
  return value
}

function chain(kind: 'and' | 'or', children: readonly Syntax[]): Syntax {
  const [first] = children
  return first !== undefined && children.length === 1 ? first : { kind, children, at: first?.at ?? 0 }
}

function word(form: LiteralSyntax['form'], { image, startOffset }: IToken): LiteralSyntax {
  return { kind: 'literal', form, text: image, at: startOffset }
}

function quoted(form: LiteralSyntax['form'], { image, startOffset }: IToken): LiteralSyntax {
  const text = form === 'hex' ? image.slice(2, -1) : unquote(image, "'")
  return { kind: 'literal', form, text, at: startOffset }
}

/** What stands between a token's quotes, with doubled quotes made single. */
function unquote(image: string, quote: string): string {
  return image.slice(1, -1).replaceAll(quote + quote, quote)
}

function nameOf({ image }: IToken): string {
  const quote = image[0]
  return quote === '"' || quote === '`' ? unquote(image, quote) : image
}
