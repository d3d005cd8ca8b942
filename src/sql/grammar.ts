/**
 * The grammar, a function a rule, by recursive descent.
 *
 *   expression   := conjunction (OR conjunction)*
 *   conjunction  := negation (AND negation)*
 *   negation     := NOT* condition
 *   condition    := operand [(compare | '<=>') operand | IS [NOT] (NULL | NAN)
 *                            | [NOT] (IN list | BETWEEN operand AND operand | LIKE operand)]
 *   list         := '(' operand (',' operand)* ')' | '?'
 *   operand      := product (('+' | '-' | '||') product)*
 *   product      := factor (('*' | '/' | '%') factor)*
 *   factor       := ('+' | '-')* ('(' expression ')' | literal | call | case | cast | interval | dotted name | '?')
 *   case         := CASE [operand] (WHEN expression THEN expression)+ [ELSE expression] END
 *   cast         := CAST '(' expression AS type ')'        interval := INTERVAL ['-'] (number | text) unit
 *   assignments  := dotted name '=' expression (',' ...)*
 *   columns      := column (',' column)*          column := name [':'] type ([NOT] NULL | COMMENT text)*
 *   type         := ARRAY '<' type '>' | MAP '<' type ',' type '>' | STRUCT '<' columns '>' | name [parameters]
 *   terms        := operand (',' operand)*
 *   sort terms   := operand [ASC | DESC] [NULLS (FIRST | LAST)] (',' ...)*
 *
 * Conditions and values are one rule family, so that statements can use both; what a tree may mean is decided
 * where it is used (`predicate.ts`, `scalar.ts`, `ddl.ts`). One token decides which way a rule goes, in a few places
 * the one behind it too: `date '..'`, `name (`, `array <`, `case when`, `interval 1`.
 */
import type { ComparisonOp } from '../expression/expression.js'
import type {
  AssignmentSyntax,
  CaseBranchSyntax,
  CaseSyntax,
  ColumnSyntax,
  IntervalSyntax,
  LiteralSyntax,
  NamedTypeSyntax,
  NameSyntax,
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

export function readAssignments(reader: TokenReader): AssignmentSyntax[] {
  return separated(reader, assignment)
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
export function separated<T>(reader: TokenReader, rule: Rule<T>): T[] {
  const items = [rule(reader)]
  while (reader.tryWord(',')) items.push(rule(reader))
  return items
}

// Conditions

export function expression(reader: TokenReader): Syntax {
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
    if (image === '<=>') return { kind: 'same', left, right: operand(reader), at }
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

export function operand(reader: TokenReader): Syntax {
  return operations(reader, SUMS, product)
}

function product(reader: TokenReader): Syntax {
  return operations(reader, PRODUCTS, factor)
}

const SUMS = ['+', '-', '||'] as const
const PRODUCTS = ['*', '/', '%'] as const

/** Operators of one rank, from left to right. */
function operations(
  reader: TokenReader,
  operators: typeof SUMS | typeof PRODUCTS,
  rule: Rule<Syntax>,
): Syntax {
  let left = rule(reader)
  for (;;) {
    const { word, at } = reader.peek()
    const op = operators.find(each => each === word)
    if (op === undefined) return left
    reader.take()
    left = { kind: 'arithmetic', op, left, right: rule(reader), at }
  }
}

/** Signs in a row are taken one after the other; the last one belongs to a number behind it. */
function factor(reader: TokenReader): Syntax {
  const { at } = reader.peek()
  let negated = false
  for (;;) {
    const { word } = reader.peek()
    if (word !== '-' && word !== '+') break
    if (reader.peek(1).kind === 'number') break
    reader.take()
    negated = (word === '-') !== negated
  }
  const inner = primary(reader)
  return negated ? { kind: 'negate', operand: inner, at } : inner
}

function primary(reader: TokenReader): Syntax {
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
  if (word === 'case' && beginsCase(behind)) return caseExpression(reader)
  if (word === 'cast' && behind.word === '(') return cast(reader)
  if (word === 'interval' && INTERVAL_STARTS.has(behind.kind)) return interval(reader)
  if (word === 'interval' && behind.word === '-' && INTERVAL_STARTS.has(reader.peek(2).kind)) {
    return reader.peek(3).kind === 'name' ? interval(reader) : dottedName(reader)
  }
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
  const args = separated(reader, expression)
  reader.takeWord(')')
  return { kind: 'call', name: nameOf(name), args, at: name.at }
}

/** What may stand behind a column named `case` begins none. */
function beginsCase({ kind, word }: Token): boolean {
  if (kind === 'name') return word !== 'asc' && word !== 'desc' && word !== 'nulls' && word !== 'as'
  return kind === 'number' || kind === 'text' || kind === 'hex' || word === 'not'
}

function caseExpression(reader: TokenReader): CaseSyntax {
  const { at } = reader.takeWord('case')
  reader.enter()
  const subject = reader.peek().word === 'when' ? undefined : operand(reader)
  const branches = [caseBranch(reader)]
  while (reader.peek().word === 'when') branches.push(caseBranch(reader))
  const otherwise = reader.tryWord('else') ? expression(reader) : undefined
  reader.takeWord('end')
  reader.leave()
  return { kind: 'case', subject, branches, otherwise, at }
}

function caseBranch(reader: TokenReader): CaseBranchSyntax {
  reader.takeWord('when')
  const when = expression(reader)
  reader.takeWord('then')
  return { when, result: expression(reader) }
}

function cast(reader: TokenReader): Syntax {
  const { at } = reader.takeWord('cast')
  reader.takeWord('(')
  const inner = expression(reader)
  reader.takeWord('as')
  const to = type(reader)
  reader.takeWord(')')
  return { kind: 'cast', operand: inner, type: to, at }
}

const INTERVAL_STARTS: ReadonlySet<Token['kind']> = new Set<Token['kind']>(['number', 'text'])

function interval(reader: TokenReader): IntervalSyntax {
  const { at } = reader.takeWord('interval')
  const minus = reader.tryWord('-')
  const { kind } = reader.peek()
  const { image } = reader.take()
  const count = kind === 'text' ? unquote(image) : image
  const unit = reader.takeKind('name')
  return { kind: 'interval', count, negated: minus !== undefined, unit: nameOf(unit), at }
}

function assignment(reader: TokenReader): AssignmentSyntax {
  const { parts, at } = dottedName(reader)
  reader.takeWord('=')
  return { column: parts.join('.'), value: expression(reader), at }
}

export function dottedName(reader: TokenReader): NameSyntax {
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

export function type(reader: TokenReader): TypeSyntax {
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
export function unquote(image: string): string {
  const quote = image.charAt(0)
  return image.slice(1, -1).replaceAll(quote + quote, quote)
}

export function nameOf({ image }: Token): string {
  return image.startsWith('"') || image.startsWith('`') ? unquote(image) : image
}
