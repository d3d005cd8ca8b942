/**
 * The grammar, a function a rule, by recursive descent.
 *
 *   expression   := conjunction (OR conjunction)*
 *   conjunction  := negation (AND negation)*
 *   negation     := NOT* condition
 *   condition    := operand [compare operand | IS [NOT] (NULL | NAN)
 *                            | [NOT] (IN list | BETWEEN operand AND operand | LIKE operand)]
 *   list         := '(' operand (',' operand)* ')' | '?'
 *   operand      := '(' expression ')' | literal | call | dotted name | '?'
 *   columns      := column (',' column)*          column := name [':'] type ([NOT] NULL | COMMENT text)*
 *   type         := ARRAY '<' type '>' | MAP '<' type ',' type '>' | STRUCT '<' columns '>' | name [parameters]
 *   terms        := operand (',' operand)*
 *   sort terms   := operand [ASC | DESC] [NULLS (FIRST | LAST)] (',' ...)*
 *
 * Conditions and values are one rule family, so that statements can use both; what a tree may mean is decided
 * where it is used (`predicate.ts`, `ddl.ts`). One token decides which way a rule goes, in three places the one
 * behind it too: `date '..'`, `name (`, `array <`.
 */
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
import type { TokenReader } from './token-reader.js'
import type { Token } from './tokens.js'

// Starting points

export function readPredicate(reader: TokenReader): Syntax {
  return expression(reader)
}

export function readColumns(reader: TokenReader): ColumnSyntax[] {
  return separated(reader, column)
}

export function readTerms(reader: TokenReader): Syntax[] {
  return separated(reader, operand)
}

export function readSortTerms(reader: TokenReader): SortTermSyntax[] {
  return separated(reader, sortTerm)
}

type Rule<T> = (reader: TokenReader) => T

/** One or more, with commas between. */
function separated<T>(reader: TokenReader, rule: Rule<T>): T[] {
  const items = [rule(reader)]
  while (reader.tryWord(',')) items.push(rule(reader))
  return items
}

// Conditions

function expression(reader: TokenReader): Syntax {
  return chain(reader, 'or', conjunction)
}

function conjunction(reader: TokenReader): Syntax {
  return chain(reader, 'and', negation)
}

function chain(reader: TokenReader, kind: 'and' | 'or', rule: Rule<Syntax>): Syntax {
  const first = rule(reader)
  const children = [first]
  while (reader.tryWord(kind)) children.push(rule(reader))
  return children.length === 1 ? first : { kind, children, at: first.at }
}

function negation(reader: TokenReader): Syntax {
  const { at } = reader.peek()
  let negated = false
  while (reader.tryWord('not')) negated = !negated
  const child = condition(reader)
  return negated ? { kind: 'not', child, at } : child
}

function condition(reader: TokenReader): Syntax {
  const left = operand(reader)
  const next = reader.peek()
  if (next.kind === 'comparison') {
    const { image, at } = reader.take()
    return { kind: 'compare', op: COMPARISON_OPS[image] ?? 'eq', left, right: operand(reader), at }
  }
  if (next.word === 'is') return isTest(reader, left)
  if (!TESTS.has(next.word)) return left
  const negated = reader.tryWord('not') !== undefined
  return { ...test(reader), operand: left, negated }
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

const TESTS: ReadonlySet<string | undefined> = new Set(['not', 'in', 'between', 'like'])

function isTest(reader: TokenReader, left: Syntax): TestSyntax {
  const { at } = reader.takeWord('is')
  const negated = reader.tryWord('not') !== undefined
  if (reader.tryWord('null')) return { kind: 'is-null', operand: left, negated, args: [], at }
  if (reader.tryWord('nan')) return { kind: 'is-nan', operand: left, negated, args: [], at }
  throw reader.expected('null, nan')
}

/** A test without its left side. */
function test(reader: TokenReader): Pick<TestSyntax, 'kind' | 'args' | 'at'> {
  const { at } = reader.peek()
  if (reader.tryWord('in')) return { kind: 'in', args: list(reader), at }
  if (reader.tryWord('between')) {
    const low = operand(reader)
    reader.takeWord('and')
    return { kind: 'between', args: [low, operand(reader)], at }
  }
  if (reader.tryWord('like')) return { kind: 'like', args: [operand(reader)], at }
  throw reader.expected('in, between, like')
}

function list(reader: TokenReader): Syntax[] {
  const parameter = reader.tryWord('?')
  if (parameter !== undefined) return [{ kind: 'parameter', at: parameter.at }]
  if (!reader.tryWord('(')) throw reader.expected('"?", "("')
  const items = separated(reader, operand)
  reader.takeWord(')')
  return items
}

// Values

function operand(reader: TokenReader): Syntax {
  const next = reader.peek()
  switch (next.kind) {
    case 'name':
      return startingWithName(reader, next)
    case 'number':
      return number(reader)
    case 'text':
    case 'hex':
      return quoted(next.kind, reader.take())
    case 'reserved':
      return constant(reader)
    case 'symbol':
      return startingWithSymbol(reader, next)
    default:
      throw reader.expected(OPERAND)
  }
}

const OPERAND = 'a column or a value'

function startingWithName(reader: TokenReader, { word, at }: Token): Syntax {
  const behind = reader.peek(1)
  const form = LITERAL_FORMS.find(known => known === word)
  if (form !== undefined && behind.kind === 'text') {
    reader.take()
    return { ...quoted(form, reader.take()), at }
  }
  return behind.word === '(' ? call(reader) : dottedName(reader)
}

/** Words that make a typed literal of the text behind them: `date '2026-01-01'`. */
const LITERAL_FORMS = ['date', 'time', 'timestamp', 'timestamptz'] as const

function startingWithSymbol(reader: TokenReader, { word, at }: Token): Syntax {
  if (word === '+' || word === '-') return number(reader)
  if (reader.tryWord('?')) return { kind: 'parameter', at }
  if (!reader.tryWord('(')) throw reader.expected(OPERAND)
  const inner = expression(reader)
  reader.takeWord(')')
  return inner
}

function number(reader: TokenReader): LiteralSyntax {
  const { at } = reader.peek()
  const minus = reader.tryWord('-')
  if (minus === undefined) reader.tryWord('+')
  const { image } = reader.takeKind('number')
  return { kind: 'literal', form: 'number', text: minus === undefined ? image : `-${image}`, at }
}

function constant(reader: TokenReader): LiteralSyntax {
  const { word, image, at } = reader.peek()
  if (word !== 'true' && word !== 'false' && word !== 'null') throw reader.expected(OPERAND)
  reader.take()
  return { kind: 'literal', form: word, text: image, at }
}

function call(reader: TokenReader): Syntax {
  const name = reader.takeKind('name')
  reader.takeWord('(')
  if (reader.tryWord(')')) return { kind: 'call', name: nameOf(name), args: [], at: name.at }
  const args = separated(reader, operand)
  reader.takeWord(')')
  return { kind: 'call', name: nameOf(name), args, at: name.at }
}

function dottedName(reader: TokenReader): Syntax {
  const first = reader.takeKind('name')
  const parts = [nameOf(first)]
  while (reader.tryWord('.')) parts.push(nameOf(reader.takeKind('name')))
  return { kind: 'name', parts, at: first.at }
}

function sortTerm(reader: TokenReader): SortTermSyntax {
  const term = operand(reader)
  const direction = reader.tryWord('desc') ? 'desc' : 'asc'
  if (direction === 'asc') reader.tryWord('asc')
  return { term, direction, nulls: nullsOrder(reader) }
}

function nullsOrder(reader: TokenReader): SortTermSyntax['nulls'] {
  if (!reader.tryWord('nulls')) return undefined
  if (reader.tryWord('first')) return 'nulls-first'
  if (reader.tryWord('last')) return 'nulls-last'
  throw reader.expected('first, last')
}

// Columns and types

function column(reader: TokenReader): ColumnSyntax {
  const name = reader.takeKind('name')
  reader.tryWord(':')
  const columnType = type(reader)
  let required = false
  let comment: string | undefined
  for (;;) {
    if (reader.tryWord('not')) {
      reader.takeWord('null')
      required = true
    } else if (reader.tryWord('comment')) {
      comment = unquote(reader.takeKind('text').image)
    } else if (!reader.tryWord('null')) break
  }
  return { name: nameOf(name), type: columnType, required, comment, at: name.at }
}

function type(reader: TokenReader): TypeSyntax {
  const { kind, word, at } = reader.peek()
  if (kind !== 'name') throw reader.expected('a type')
  if (reader.peek(1).word !== '<') return namedType(reader)
  switch (word) {
    case 'array':
      return { kind: 'array', element: inAngles(reader, type), at }
    case 'map': {
      const [key, value] = inAngles(reader, keyAndValue)
      return { kind: 'map', key, value, at }
    }
    case 'struct':
      return { kind: 'struct', fields: inAngles(reader, readColumns), at }
    default:
      return namedType(reader)
  }
}

function inAngles<T>(reader: TokenReader, rule: Rule<T>): T {
  reader.take()
  reader.takeWord('<')
  const inner = rule(reader)
  reader.takeWord('>')
  return inner
}

function keyAndValue(reader: TokenReader): [TypeSyntax, TypeSyntax] {
  const key = type(reader)
  reader.takeWord(',')
  return [key, type(reader)]
}

function namedType(reader: TokenReader): NamedTypeSyntax {
  const name = reader.takeKind('name')
  return { kind: 'named', name: nameOf(name), parameters: parameters(reader), at: name.at }
}

function parameters(reader: TokenReader): string[] {
  if (reader.tryWord('(')) {
    const list = separated(reader, typeParameter)
    reader.takeWord(')')
    return list
  }
  if (!reader.tryWord('[')) return []
  const only = typeParameter(reader)
  reader.takeWord(']')
  return [only]
}

function typeParameter(reader: TokenReader): string {
  const { kind } = reader.peek()
  if (kind !== 'number' && kind !== 'text') throw reader.expected('a number, text in single quotes')
  const { image } = reader.take()
  return kind === 'number' ? image : unquote(image)
}

// What tokens hold

function quoted(form: LiteralSyntax['form'], { image, at }: Token): LiteralSyntax {
  return { kind: 'literal', form, text: form === 'hex' ? image.slice(2, -1) : unquote(image), at }
}

/** What stands between a token's quotes, with doubled quotes made single. */
function unquote(image: string): string {
  const quote = image.charAt(0)
  return image.slice(1, -1).replaceAll(quote + quote, quote)
}

function nameOf({ image }: Token): string {
  return image.startsWith('"') || image.startsWith('`') ? unquote(image) : image
}
