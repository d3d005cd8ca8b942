/**
 * What `ALTER TABLE t` may be followed by, in Spark's words; several clauses are parted by semicolons.
 *
 *   ADD COLUMN[S] [IF NOT EXISTS] a.b type [NOT NULL] [DEFAULT value] [COMMENT text] [FIRST | AFTER c], ..
 *   DROP COLUMN[S] [IF EXISTS] a, b.c        RENAME COLUMN a.b TO c
 *   ALTER COLUMN a (TYPE type | SET NOT NULL | DROP NOT NULL | SET DEFAULT value | DROP DEFAULT
 *                   | COMMENT text | FIRST | AFTER c | BEFORE c)+
 *   ADD | DROP PARTITION FIELD term [AS name]        REPLACE PARTITION FIELD term WITH term [AS name]
 *   RENAME PARTITION FIELD a TO b
 *   WRITE [DISTRIBUTED BY PARTITION] [[LOCALLY] ORDERED BY sort terms]        WRITE UNORDERED
 *   SET | ADD | DROP IDENTIFIER FIELDS a, b
 *   SET TBLPROPERTIES ('k' = 'v', ..)        UNSET TBLPROPERTIES [IF EXISTS] ('k', ..)        SET LOCATION text
 *
 * Names of columns are looked up when the changes are applied. The order that rows are written in comes with the
 * property `write.distribution-mode`, as in Spark: `range` for a whole order, `none` for a local one, `hash` with
 * DISTRIBUTED BY PARTITION.
 */
import type { TableAlteration } from '../commit/alter-table.js'
import { placeLiteral } from '../expression/literal.js'
import type { ColumnPosition, DefaultInput } from '../schema/evolve-schema.js'
import type { PartitionTerm } from '../schema/evolve-spec.js'
import { isPrimitive } from '../schema/types.js'
import { orderingOf, transformOf, typeOfSyntax } from './ddl.js'
import { dottedName, nameOf, operand, readSortTerms, separated, type, unquote } from './grammar.js'
import { readWhole } from './parse-syntax.js'
import { literalOfSyntax } from './predicate.js'
import { syntaxError } from './syntax.js'
import type { TokenReader } from './token-reader.js'

interface Source {
  readonly reader: TokenReader
  readonly text: string
}

/**
 * The changes that the clauses say.
 * @throws invalid-argument with `position` and `near`
 */
export function parseAlterations(text: string): TableAlteration[] {
  return readWhole(text, reader => {
    const changes: TableAlteration[] = []
    for (;;) {
      while (reader.tryWord(';'));
      if (reader.peek().kind === 'end') return changes
      changes.push(...clause({ reader, text }))
      if (reader.peek().kind !== 'end') reader.takeWord(';')
    }
  })
}

function clause(source: Source): readonly TableAlteration[] {
  const { reader } = source
  if (reader.tryWord('add')) return addClause(source)
  if (reader.tryWord('drop')) return dropClause(source)
  if (reader.tryWord('rename')) return [renameClause(source)]
  if (reader.tryWord('alter') ?? reader.tryWord('change')) return alterColumn(source)
  if (reader.tryWord('replace')) {
    takeWords(reader, 'partition', 'field')
    const field = term(source)
    reader.takeWord('with')
    return [{ kind: 'replace-partition-field', field, ...newPartitionField(source) }]
  }
  if (reader.tryWord('write')) return writeClause(source)
  if (reader.tryWord('set')) return [setClause(source)]
  if (reader.tryWord('unset')) {
    reader.takeWord('tblproperties')
    if (reader.tryWord('if')) reader.takeWord('exists')
    return [{ kind: 'unset-properties', names: inParentheses(reader, propertyName) }]
  }
  throw reader.expected('add, drop, rename, alter, replace, write, set, unset')
}

// ---- columns

function addClause(source: Source): readonly TableAlteration[] {
  const { reader } = source
  if (reader.tryWord('partition')) {
    reader.takeWord('field')
    return [{ kind: 'add-partition-field', ...newPartitionField(source) }]
  }
  if (reader.tryWord('identifier')) return [identifierFields('add-identifier-fields', reader)]
  takeOneOf(reader, 'column', 'columns')
  let ifNotExists: true | undefined
  if (reader.tryWord('if')) {
    takeWords(reader, 'not', 'exists')
    ifNotExists = true
  }
  const column = (): TableAlteration => addedColumn(source, ifNotExists)
  return reader.peek().word === '(' ? inParentheses(reader, column) : separated(reader, column)
}

function addedColumn(source: Source, ifNotExists: true | undefined): TableAlteration {
  const { reader, text } = source
  const { parts } = dottedName(reader)
  reader.tryWord(':')
  const added = {
    kind: 'add-column',
    parent: parts.length > 1 ? parts.slice(0, -1).join('.') : undefined,
    name: parts.at(-1) ?? '',
    type: typeOfSyntax(type(reader), text),
    ifNotExists,
  } as const
  let required = false
  let doc: string | undefined
  let initialDefault: DefaultInput | undefined
  let position: ColumnPosition | undefined
  for (;;) {
    if (reader.tryWord('not')) {
      reader.takeWord('null')
      required = true
    } else if (reader.tryWord('default')) initialDefault = defaultValue(source)
    else if (reader.tryWord('comment')) doc = quotedText(reader)
    else {
      const found = tryPosition(reader)
      if (found !== undefined) position = found
      else if (!reader.tryWord('null')) return { ...added, required, doc, initialDefault, position }
    }
  }
}

/** The value is made once the type of the column is known. */
function defaultValue({ reader, text }: Source): DefaultInput {
  const node = operand(reader)
  if (node.kind !== 'literal') throw syntaxError(text, node.at, { message: 'a default is a plain value' })
  if (node.form === 'null') return null
  const literal = literalOfSyntax(node, { text })
  return columnType => {
    const place = isPrimitive(columnType) ? placeLiteral(literal, columnType, '') : undefined
    if (place?.at === 'value') return place.value
    throw syntaxError(text, node.at, { message: 'the default is no value of the type of the column' })
  }
}

function tryPosition(reader: TokenReader): ColumnPosition | undefined {
  if (reader.tryWord('first')) return 'first'
  if (reader.tryWord('after')) return { after: columnName(reader) }
  if (reader.tryWord('before')) return { before: columnName(reader) }
  return undefined
}

function dropClause(source: Source): readonly TableAlteration[] {
  const { reader } = source
  if (reader.tryWord('partition')) {
    reader.takeWord('field')
    return [{ kind: 'drop-partition-field', field: term(source) }]
  }
  if (reader.tryWord('identifier')) return [identifierFields('drop-identifier-fields', reader)]
  takeOneOf(reader, 'column', 'columns')
  let ifExists: true | undefined
  if (reader.tryWord('if')) {
    reader.takeWord('exists')
    ifExists = true
  }
  const columns =
    reader.peek().word === '(' ? inParentheses(reader, columnName) : separated(reader, columnName)
  return columns.map(column => ({ kind: 'drop-column', column, ifExists }))
}

function renameClause({ reader }: Source): TableAlteration {
  if (reader.tryWord('partition')) {
    reader.takeWord('field')
    const name = nameOf(reader.takeKind('name'))
    reader.takeWord('to')
    return { kind: 'rename-partition-field', name, to: nameOf(reader.takeKind('name')) }
  }
  reader.takeWord('column')
  const column = columnName(reader)
  reader.takeWord('to')
  return { kind: 'rename-column', column, to: nameOf(reader.takeKind('name')) }
}

function alterColumn(source: Source): readonly TableAlteration[] {
  const { reader } = source
  reader.takeWord('column')
  const column = columnName(reader)
  const changes = [columnChange(source, column)]
  while (reader.peek().kind !== 'end' && reader.peek().word !== ';')
    changes.push(columnChange(source, column))
  return changes
}

function columnChange(source: Source, column: string): TableAlteration {
  const { reader, text } = source
  if (reader.tryWord('type')) return { kind: 'change-type', column, type: typeOfSyntax(type(reader), text) }
  if (reader.tryWord('comment')) return { kind: 'set-doc', column, doc: quotedText(reader) }
  if (reader.tryWord('set')) {
    if (reader.tryWord('default')) return { kind: 'set-default', column, value: defaultValue(source) }
    takeWords(reader, 'not', 'null')
    return { kind: 'set-required', column }
  }
  if (reader.tryWord('drop')) {
    if (reader.tryWord('default')) return { kind: 'set-default', column, value: undefined }
    takeWords(reader, 'not', 'null')
    return { kind: 'set-optional', column }
  }
  const to = tryPosition(reader)
  if (to !== undefined) return { kind: 'move-column', column, to }
  throw reader.expected('type, set, drop, comment, first, after, before')
}

// ---- partition fields, order, identifier fields

function term({ reader, text }: Source): PartitionTerm {
  const { column, transform } = transformOf(operand(reader), text)
  return { column: column.parts.join('.'), transform }
}

function newPartitionField(source: Source): { readonly term: PartitionTerm; readonly name?: string } {
  const { reader } = source
  const made = term(source)
  return reader.tryWord('as') ? { term: made, name: nameOf(reader.takeKind('name')) } : { term: made }
}

function writeClause(source: Source): readonly TableAlteration[] {
  const { reader, text } = source
  if (reader.tryWord('unordered')) return [{ kind: 'set-sort-order', terms: [] }, distribution('none')]
  const distributed = reader.tryWord('distributed') !== undefined
  if (distributed) takeWords(reader, 'by', 'partition')
  const locally = reader.tryWord('locally') !== undefined
  if (!distributed || locally || reader.peek().word === 'ordered') takeWords(reader, 'ordered', 'by')
  else return [{ kind: 'set-sort-order', terms: [] }, distribution('hash')]
  const terms = readSortTerms(reader).map(sortTerm => {
    const { column, transform } = transformOf(sortTerm.term, text)
    return { column: column.parts.join('.'), transform, ...orderingOf(sortTerm) }
  })
  return [{ kind: 'set-sort-order', terms }, distribution(distributed ? 'hash' : locally ? 'none' : 'range')]
}

function distribution(mode: 'none' | 'hash' | 'range'): TableAlteration {
  return { kind: 'set-properties', properties: { 'write.distribution-mode': mode } }
}

function identifierFields(
  kind: 'set-identifier-fields' | 'add-identifier-fields' | 'drop-identifier-fields',
  reader: TokenReader,
): TableAlteration {
  reader.takeWord('fields')
  return { kind, columns: separated(reader, columnName) }
}

// ---- properties

function setClause({ reader }: Source): TableAlteration {
  if (reader.tryWord('identifier')) return identifierFields('set-identifier-fields', reader)
  if (reader.tryWord('location')) return { kind: 'set-location', location: quotedText(reader) }
  if (reader.tryWord('tblproperties')) {
    const pairs = inParentheses(reader, propertyPair)
    return { kind: 'set-properties', properties: Object.fromEntries(pairs) }
  }
  throw reader.expected('tblproperties, location, identifier fields')
}

function propertyPair(reader: TokenReader): [string, string] {
  const name = propertyName(reader)
  reader.tryWord('=')
  return [name, propertyValue(reader)]
}

function propertyName(reader: TokenReader): string {
  return reader.peek().kind === 'text' ? quotedText(reader) : columnName(reader)
}

function propertyValue(reader: TokenReader): string {
  const { kind, word } = reader.peek()
  if (kind === 'text') return quotedText(reader)
  if (kind === 'number' || word === 'true' || word === 'false') return reader.take().image
  throw reader.expected('text in single quotes, a number, true, false')
}

// ---- words

function columnName(reader: TokenReader): string {
  return dottedName(reader).parts.join('.')
}

function quotedText(reader: TokenReader): string {
  return unquote(reader.takeKind('text').image)
}

function inParentheses<T>(reader: TokenReader, rule: (reader: TokenReader) => T): T[] {
  reader.takeWord('(')
  const items = separated(reader, rule)
  reader.takeWord(')')
  return items
}

function takeWords(reader: TokenReader, ...words: readonly string[]): void {
  for (const word of words) reader.takeWord(word)
}

function takeOneOf(reader: TokenReader, first: string, second: string): void {
  if (reader.tryWord(first) === undefined && reader.tryWord(second) === undefined)
    throw reader.expected(`${first}, ${second}`)
}
