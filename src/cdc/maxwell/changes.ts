/**
 * Rows of a Maxwell feed as change events.
 *
 *   insert   {"data": row}
 *   update   {"data": row after, "old": the columns that changed, as they were}
 *   delete   {"data": row}
 *
 * A key update is one update: the old key stands in `old`. With the row image MINIMAL `data` has the key and what
 * changed, an insert leaves out what took its default. With `output_nulls` off a null is left out: a column that
 * stands in `old` only has become null, and one that an insert lacks is null.
 */
import { isLakeError, LakeError } from '../../base/errors.js'
import type { ExactJsonObject } from '../../base/json.js'
import type { Cell, ChangeEvent, FeedContext, SourceRow, UNREPRESENTABLE } from '../change-event.js'
import { type FeedLine, isExactObject } from '../feed-lines.js'
import { printSource } from '../source-tables.js'
import type { MaxwellColumn } from './columns.js'
import { corrupt, type MaxwellTable, namesOf, objectOf, shapeOf } from './tables.js'

export interface RowReader {
  /** The event of a record of type insert, update, delete or bootstrap-insert. */
  read(record: ExactJsonObject, table: MaxwellTable, line: FeedLine): ChangeEvent
}

export function createRowReader(context: Pick<FeedContext, 'keys' | 'keysOf'>): RowReader {
  let hasNulls = false

  const readRow = (record: ExactJsonObject, table: MaxwellTable, line: FeedLine): ChangeEvent => {
    const data = objectOf(record.data, 'data', line)
    const named = keyColumnsOf(record, table, line)
    const keyColumns = context.keys ?? context.keysOf?.(table.source) ?? named ?? []
    const at = { table: table.source, line: line.number, keyColumns: named ?? [] }
    hasNulls ||= Object.values(data).includes(null)
    switch (record.type) {
      case 'delete':
        return {
          kind: 'delete',
          ...at,
          key: rowOf(keyColumns.length === 0 ? data : pick(data, keyColumns), { table, line }),
        }
      case 'update':
        return { kind: 'update', ...at, ...updateOf({ record, data, keyColumns }, { table, line }) }
      default: {
        const row = rowOf(data, { table, line })
        return { kind: 'insert', ...at, row: hasNulls ? withDefaults(row, table) : row }
      }
    }
  }
  return {
    read(record, table, line) {
      const poison = (error: LakeError): ChangeEvent => ({
        kind: 'poison',
        table: table.source,
        line: line.number,
        error,
        raw: line.text,
      })
      const unreadable = whyUnreadable(table, line)
      if (unreadable !== undefined) return poison(unreadable)
      try {
        return readRow(record, table, line)
      } catch (error) {
        if (!isLakeError(error, 'corrupt') && !isLakeError(error, 'unsupported')) throw error
        return poison(error)
      }
    },
  }
}

function whyUnreadable(
  { source, columns, renamedFrom }: MaxwellTable,
  line: FeedLine,
): LakeError | undefined {
  if (renamedFrom !== undefined) {
    return new LakeError('unsupported', 'a source table was renamed: its rows are those of another', {
      context: { from: printSource(renamedFrom), to: printSource(source), line: line.number },
    })
  }
  if (columns.size > 0) return undefined
  return new LakeError('invalid-argument', 'the feed carries no types: name them with --types', {
    context: { table: printSource(source), line: line.number },
  })
}

/** Without `output_primary_key_columns` by the feed's definition of the table; else undefined. */
function keyColumnsOf(
  record: ExactJsonObject,
  table: MaxwellTable,
  line: FeedLine,
): readonly string[] | undefined {
  const named = record.primary_key_columns
  if (named === undefined) return table.keyColumns
  const { keyColumns = [] } = table
  if (
    Array.isArray(named) &&
    named.length === keyColumns.length &&
    named.every((name, at) => name === keyColumns[at])
  )
    return keyColumns
  const names = namesOf(named, line)
  if (!table.isDefined) table.keyColumns = names
  return names
}

interface RowPlace {
  readonly table: MaxwellTable
  readonly line: FeedLine
}

function updateOf(
  change: {
    readonly record: ExactJsonObject
    readonly data: ExactJsonObject
    readonly keyColumns: readonly string[]
  },
  place: RowPlace,
): { readonly row: SourceRow; readonly oldKey?: SourceRow } {
  const { record, data, keyColumns } = change
  const old = isExactObject(record.old) ? record.old : undefined
  const row = rowOf(old === undefined ? data : withNulls(data, old), place)
  if (old === undefined) return keyColumns.length === 0 ? { row, oldKey: row } : { row }
  if (keyColumns.length > 0 && !keyColumns.some(name => Object.hasOwn(old, name))) return { row }
  const before = { ...data, ...old }
  return { row, oldKey: rowOf(keyColumns.length === 0 ? before : pick(before, keyColumns), place) }
}

/** The row after a change, with null for what only its state before names. */
function withNulls(data: ExactJsonObject, old: ExactJsonObject): ExactJsonObject {
  let whole = data
  for (const name of Object.keys(old)) if (!Object.hasOwn(data, name)) whole = { ...whole, [name]: null }
  return whole
}

function pick(row: ExactJsonObject, names: readonly string[]): ExactJsonObject {
  const picked: [string, ExactJsonObject[string]][] = []
  for (const name of names) {
    const value = row[name]
    if (value !== undefined) picked.push([name, value])
  }
  return Object.fromEntries(picked)
}

function rowOf(data: ExactJsonObject, { table, line }: RowPlace): SourceRow {
  const names = Object.keys(data)
  const shape = shapeOf(table, names)
  if (typeof shape === 'string') {
    throw new LakeError(
      'unsupported',
      'the feed does not say the type of a column: declare it with --types',
      {
        context: { table: printSource(table.source), column: shape, line: line.number },
      },
    )
  }
  const cells: Cell[] = new Array<Cell>(names.length)
  for (const [at, column] of shape.readers.entries())
    cells[at] = decodeCell(column, data[column.name] ?? null, line)
  return { columns: shape.columns, cells, isWhole: shape.isWhole }
}

function decodeCell(
  column: MaxwellColumn,
  raw: Parameters<MaxwellColumn['decode']>[0],
  line: FeedLine,
): Cell | typeof UNREPRESENTABLE {
  try {
    return column.decode(raw)
  } catch (cause) {
    if (!isLakeError(cause)) throw cause
    throw new LakeError(cause.kind, cause.message, {
      cause,
      context: { ...cause.context, column: column.name, line: line.number },
    })
  }
}

/** A row that was inserted with the row image MINIMAL: the defaults that the feed knows stand for what is left out. */
function withDefaults(row: SourceRow, table: MaxwellTable): SourceRow {
  if (!table.isDefined || row.isWhole === true) return row
  const named = new Set(row.columns.map(column => column.name))
  const left = [...table.columns.values()].filter(column => !named.has(column.name))
  const shape = shapeOf(table, [...named, ...left.map(column => column.name)])
  if (typeof shape === 'string') return row
  const cells = [...row.cells, ...left.map(column => column.insertDefault ?? null)]
  return { columns: shape.columns, cells, isWhole: true }
}

/** @throws unsupported for a feed whose rows are encrypted */
export function checkReadable(record: ExactJsonObject, line: FeedLine): void {
  if (record.encrypted !== undefined) {
    throw new LakeError('unsupported', "the feed's rows are encrypted: run Maxwell with --encrypt=none", {
      context: { line: line.number },
    })
  }
  if (typeof record.type !== 'string') throw corrupt('a record has no type', line)
}
