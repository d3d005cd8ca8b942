/**
 * What a statement of MySQL or MariaDB says of columns that the table definitions beside it in the feed do not:
 * digits of decimals, defaults, and which column became which.
 *
 *   CREATE TABLE t (id int, price decimal(10,2) DEFAULT 0, ...)
 *   ALTER TABLE t ADD c type, MODIFY c type, CHANGE a b type, RENAME COLUMN a TO b, DROP c, ...
 *
 * A reader of columns only: what it does not know it passes over, and of a statement that it cannot follow it
 * says nothing.
 */

/** A column as a statement declares it. */
export interface StatementColumn {
  readonly name: string
  /** As spelled: `decimal(10,2) unsigned`. */
  readonly type: string
  readonly isNullable: boolean
  /** Its value comes from somewhere else than a constant default: a sequence or an expression. */
  readonly isComputed: boolean
  /** Undefined when the statement gives none, or no constant. */
  readonly constant: Constant | undefined
}

/** A literal; bytes of bit and hexadecimal literals. */
export type Constant = { readonly text: string } | { readonly bytes: Uint8Array } | null

export interface ColumnStatement {
  /** By name, as they are after the statement. */
  readonly columns: ReadonlyMap<string, StatementColumn>
  /** New names by old ones. */
  readonly renamed: ReadonlyMap<string, string>
  /** Those that the statement adds. */
  readonly added: ReadonlySet<string>
}

/** Reads a statement, or returns undefined when it neither makes nor alters a table by listing columns. */
export function readColumnStatement(sql: string): ColumnStatement | undefined {
  const tokens = tokenize(sql)
  const first = wordAt(tokens, 0)
  const start = tokens.findIndex((_, at) => wordAt(tokens, at) === 'table')
  if (start < 0) return undefined
  const afterName = skipTableName(tokens, start + 1)
  const statement = { columns: new Map(), renamed: new Map(), added: new Set<string>() }
  if (first === 'create') {
    const body = tokens.findIndex((token, at) => at >= afterName && token.text === '(')
    if (body < 0) return undefined
    for (const item of listAfter(tokens, body)) declare(statement, item)
    return statement
  }
  if (first !== 'alter') return undefined
  for (const item of splitAtCommas(tokens.slice(afterName))) readAction(statement, item)
  return statement
}

interface MutableStatement {
  readonly columns: Map<string, StatementColumn>
  readonly renamed: Map<string, string>
  readonly added: Set<string>
}

interface Token {
  /** `name` is quoted with backticks, `text` with quotes. */
  readonly kind: 'word' | 'name' | 'text' | 'number' | 'mark'
  /** Without its quotes. */
  readonly text: string
}

const TOKEN =
  /\s+|--[^\n]*|#[^\n]*|\/\*(?!!)[\s\S]*?\*\/|\/\*!\d*|\*\/|`((?:[^`]|``)*)`|'((?:[^'\\]|''|\\[\s\S])*)'|"((?:[^"\\]|""|\\[\s\S])*)"|(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?(?![\w$])|\.\d+)|([\w$\u0080-\uffff]+)|([\s\S])/y

function tokenize(sql: string): readonly Token[] {
  const tokens: Token[] = []
  const pattern = new RegExp(TOKEN)
  for (let match = pattern.exec(sql); match !== null && match[0] !== ''; match = pattern.exec(sql)) {
    const [, name, single, double, number, word, mark] = match
    if (name !== undefined) tokens.push({ kind: 'name', text: name.replaceAll('``', '`') })
    else if (single !== undefined) tokens.push({ kind: 'text', text: unescaped(single, "'") })
    else if (double !== undefined) tokens.push({ kind: 'text', text: unescaped(double, '"') })
    else if (number !== undefined) tokens.push({ kind: 'number', text: number })
    else if (word !== undefined) tokens.push({ kind: 'word', text: word })
    else if (mark !== undefined) tokens.push({ kind: 'mark', text: mark })
  }
  return tokens
}

const ESCAPES: Readonly<Record<string, string>> = {
  '0': '\0',
  b: '\b',
  n: '\n',
  r: '\r',
  t: '\t',
  Z: '\x1a',
}

function unescaped(text: string, quote: string): string {
  return text
    .replaceAll(quote + quote, quote)
    .replace(/\\([\s\S])/g, (_, char: string) => ESCAPES[char] ?? char)
}

/** The word at a place in lower case; undefined for quoted names and anything else. */
function wordAt(tokens: readonly Token[], at: number): string | undefined {
  const token = tokens[at]
  return token?.kind === 'word' ? token.text.toLowerCase() : undefined
}

/** Past `IF NOT EXISTS`, `db`.`name` and MariaDB's `WAIT n`. */
function skipTableName(tokens: readonly Token[], start: number): number {
  let at = start
  while (['if', 'not', 'exists'].includes(wordAt(tokens, at) ?? '')) at += 1
  at += tokens[at + 1]?.text === '.' ? 3 : 1
  if (wordAt(tokens, at) === 'wait') return at + 2
  return wordAt(tokens, at) === 'nowait' ? at + 1 : at
}

/** The items of the list whose parenthesis opens at a place. */
function listAfter(tokens: readonly Token[], open: number): readonly (readonly Token[])[] {
  let depth = 0
  for (let at = open; at < tokens.length; at++) {
    const mark = markAt(tokens, at)
    if (mark === '(') depth += 1
    if (mark === ')') depth -= 1
    if (depth === 0) return splitAtCommas(tokens.slice(open + 1, at))
  }
  return splitAtCommas(tokens.slice(open + 1))
}

function markAt(tokens: readonly Token[], at: number): string | undefined {
  const token = tokens[at]
  return token?.kind === 'mark' ? token.text : undefined
}

function splitAtCommas(tokens: readonly Token[]): readonly (readonly Token[])[] {
  const items: (readonly Token[])[] = []
  let depth = 0
  let start = 0
  for (let at = 0; at <= tokens.length; at++) {
    const mark = markAt(tokens, at)
    if (mark === '(') depth += 1
    if (mark === ')') depth -= 1
    if (at < tokens.length && (mark !== ',' || depth > 0)) continue
    items.push(tokens.slice(start, at))
    start = at + 1
  }
  return items
}

/** One action of an ALTER. */
function readAction(statement: MutableStatement, item: readonly Token[]): void {
  const at = wordAt(item, 1) === 'column' ? 2 : 1
  const past = ['if', 'not', 'exists'].includes(wordAt(item, at) ?? '') ? skipConditions(item, at) : at
  switch (wordAt(item, 0)) {
    case 'add':
      if (markAt(item, past) === '(') {
        for (const column of listAfter(item, past)) declareAdded(statement, column)
      } else declareAdded(statement, item.slice(past))
      return
    case 'modify':
      declare(statement, item.slice(past))
      return
    case 'change':
      rename(statement, item[past], item[past + 1])
      declare(statement, item.slice(past + 1))
      return
    case 'rename':
      if (at === 2 && wordAt(item, past + 1) === 'to') rename(statement, item[past], item[past + 2])
      return
  }
}

function skipConditions(item: readonly Token[], start: number): number {
  let at = start
  while (['if', 'not', 'exists'].includes(wordAt(item, at) ?? '')) at += 1
  return at
}

function declareAdded(statement: MutableStatement, item: readonly Token[]): void {
  const name = declare(statement, item)
  if (name !== undefined) statement.added.add(name)
}

function rename(statement: MutableStatement, from: Token | undefined, to: Token | undefined): void {
  if (from !== undefined && to !== undefined && from.text !== to.text)
    statement.renamed.set(from.text, to.text)
}

/** What begins an item of a table that is no column. */
const NO_COLUMN = new Set([
  ...['constraint', 'index', 'key', 'primary', 'unique', 'fulltext', 'spatial', 'foreign', 'check'],
  ...['partition', 'period', 'system', 'like'],
])

/** What may follow a column's type. */
const ATTRIBUTES = new Set([
  ...[
    'not',
    'null',
    'default',
    'auto_increment',
    'unique',
    'primary',
    'key',
    'comment',
    'collate',
    'character',
  ],
  ...['charset', 'generated', 'as', 'virtual', 'stored', 'persistent', 'invisible', 'visible', 'references'],
  ...[
    'check',
    'constraint',
    'on',
    'first',
    'after',
    'column_format',
    'storage',
    'srid',
    'ref',
    'with',
    'without',
  ],
  ...['compressed', 'encrypted', 'engine_attribute', 'serial'],
])

/** Takes in `name type attributes`, and returns the name. */
function declare(statement: MutableStatement, item: readonly Token[]): string | undefined {
  const [name, type] = item
  if (name === undefined || (name.kind !== 'word' && name.kind !== 'name') || type?.kind !== 'word')
    return undefined
  if (name.kind === 'word' && NO_COLUMN.has(name.text.toLowerCase())) return undefined
  const end = item.findIndex((_, at) => at > 1 && ATTRIBUTES.has(wordAt(item, at) ?? ''))
  const attributes = end < 0 ? [] : item.slice(end)
  statement.columns.set(name.text, {
    name: name.text,
    type: item
      .slice(1, end < 0 ? item.length : end)
      .map(spelled)
      .join(' '),
    isNullable: !attributes.some((_, at) => isNotNull(attributes, at)),
    isComputed:
      attributes.some((_, at) => COMPUTED.has(wordAt(attributes, at) ?? '')) || hasExpression(attributes),
    constant: constantOf(attributes),
  })
  return name.text
}

const COMPUTED = new Set(['auto_increment', 'generated', 'as'])

function spelled({ kind, text }: Token): string {
  return kind === 'text' ? `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'` : text
}

function isNotNull(attributes: readonly Token[], at: number): boolean {
  const word = wordAt(attributes, at)
  return (word === 'not' && wordAt(attributes, at + 1) === 'null') || word === 'primary'
}

function hasExpression(attributes: readonly Token[]): boolean {
  return defaultAt(attributes) >= 0 && constantOf(attributes) === undefined
}

function defaultAt(attributes: readonly Token[]): number {
  return attributes.findIndex((_, at) => wordAt(attributes, at) === 'default')
}

function constantOf(attributes: readonly Token[]): Constant | undefined {
  const at = defaultAt(attributes)
  if (at < 0) return undefined
  const [value, next] = [attributes[at + 1], attributes[at + 2]]
  const sign = markAt(attributes, at + 1)
  if ((sign === '-' || sign === '+') && next?.kind === 'number') return { text: sign + next.text }
  if (value?.kind === 'text' || value?.kind === 'number') return { text: value.text }
  const word = wordAt(attributes, at + 1)
  if (word === 'null') return null
  if (word === 'true' || word === 'false') return { text: word === 'true' ? '1' : '0' }
  if (word === undefined || next?.kind !== 'text') return hexNumber(word)
  if (word === 'b') return bytesOf(next.text, 2)
  if (word === 'x') return bytesOf(next.text, 16)
  return /^(?:_\w+|n|date|time|timestamp)$/.test(word) ? { text: next.text } : undefined
}

function hexNumber(word: string | undefined): Constant | undefined {
  if (word === undefined) return undefined
  const match = /^0([xb])([0-9a-f]+)$/.exec(word)
  return match === null ? undefined : bytesOf(match[2] ?? '', match[1] === 'x' ? 16 : 2)
}

/** Digits of base 2 or 16 as bytes, the most significant first. */
function bytesOf(digits: string, base: 2 | 16): Constant | undefined {
  const perByte = base === 2 ? 8 : 2
  const bytes = new Uint8Array(Math.ceil(digits.length / perByte))
  const padded = digits.padStart(bytes.length * perByte, '0')
  for (let at = 0; at < bytes.length; at++) {
    const byte = padded.slice(at * perByte, (at + 1) * perByte)
    if (!(base === 2 ? /^[01]+$/ : /^[0-9a-f]+$/i).test(byte)) return undefined
    bytes[at] = Number.parseInt(byte, base)
  }
  return { bytes }
}
