/**
 * From a Debezium envelope to the change that it is.
 *
 * - A key update is delete(old) and create(new), joined by the headers `__debezium.newkey` / `oldkey`; where the
 *   headers were not captured, by the log position that only these two share.
 * - A big value that was not touched is a placeholder. In a snapshot row, or in a create that is no key update, the
 *   same text is a real value. So it is with MySQL, whose row images are whole.
 * - `before` of a delete holds fillers: only the record's key says which row, or `before` for key columns that the
 *   user named. A table without a key has whole old images: they name the row.
 */
import { isLakeError, LakeError } from '../../base/errors.js'
import { type ExactJson, type ExactJsonObject, JsonNumber } from '../../base/json.js'
import type { ChangeEvent, FeedContext, SourceRow, SourceTable } from '../change-event.js'
import { isExactObject } from '../feed-lines.js'
import { headerOf, objectOf, textOf, type ValueRecord } from './record.js'
import { keyOf, readRow, type Shape, type Shapes } from './rows.js'
import type { Origin } from './source.js'

export interface ChangeReader {
  /** The change of a record that has an `op`. @throws corrupt for an envelope that names no table; unsupported */
  read(record: ValueRecord, origin: Pick<Origin, 'dialect' | 'place'>): ChangeEvent
  /** Whoever reads a change in another way keeps this as it is kept here. */
  departure: Departure | undefined
}

/** The last delete, while no other change came after it. */
export interface Departure {
  readonly table: string
  readonly place: string
  readonly key: SourceRow
}

export function createChangeReader(context: FeedContext, shapes: Shapes): ChangeReader {
  const reader: ChangeReader = {
    departure: undefined,
    read(record, { dialect, place }) {
      const before = reader.departure
      reader.departure = undefined
      const table = sourceTable(record)
      const { line } = record
      if (record.value.op === 't') return { kind: 'truncate', table, line }
      const here = { table: keyOf(table), place: placeText(place) }
      const moved = before !== undefined && before.place === here.place && before.table === here.table
      return unlessPoisoned(record, table, () => {
        const shape = shapes.of({ table, dialect, fields: rowFields(record.valueSchema), line })
        const event = readChange(record, {
          table,
          shape,
          hasPlaceholders: dialect !== 'mysql',
          keys: keysFor(context, table),
          left: moved ? before.key : undefined,
        })
        if (event.kind === 'delete' && here.place !== '') reader.departure = { ...here, key: event.key }
        return event
      })
    },
  }
  return reader
}

/** The change, or a poison event for a record whose values cannot be read. */
export function unlessPoisoned(
  record: ValueRecord,
  table: SourceTable,
  read: () => ChangeEvent,
): ChangeEvent {
  try {
    return read()
  } catch (error) {
    if (!isLakeError(error, 'corrupt')) throw error
    return { kind: 'poison', table, line: record.line, error, raw: record.text }
  }
}

/** Key columns that the user named; none where rows are told apart by all of their columns. */
export function keysFor(context: FeedContext, table: SourceTable): readonly string[] | undefined {
  const { keys } = context
  return context.keysOf?.(table) ?? (keys?.length === 0 ? undefined : keys)
}

/** Of MySQL the database is no part of the table's name. */
export function sourceTable({ value, line }: ValueRecord): SourceTable {
  const source = objectOf(value.source, 'source', line)
  const name = textOf(source.table, 'table', line)
  if (typeof source.schema === 'string') return { schema: source.schema, name }
  return { schema: '', name, database: textOf(source.db ?? '', 'db', line) }
}

/** Only the halves of a key update share it; of a place in a log, that is. */
export function placeText(place: Origin['place']): string {
  if (place?.kind === 'lsn') return String(place.lsn)
  return place?.kind === 'binlog' ? `${place.file}:${place.pos}:${place.row}` : ''
}

function readChange(
  record: ValueRecord,
  about: {
    readonly table: SourceTable
    readonly shape: Shape
    readonly hasPlaceholders: boolean
    readonly keys: readonly string[] | undefined
    /** Key of the row that the record just before took away from here. */
    readonly left: SourceRow | undefined
  },
): ChangeEvent {
  const { value, line } = record
  const { table, shape, keys } = about
  const isKeyless = keys?.length === 0
  const key = isKeyless ? undefined : (record.key ?? undefined)
  const named = { table, line, keyColumns: key === undefined ? [] : Object.keys(key) }
  const image = (name: 'before' | 'after'): ExactJsonObject => objectOf(value[name], name, line)
  const literal = { shape, line }
  const after = { shape, line, isWhole: true }
  const patched = about.hasPlaceholders ? { ...after, unchangedBut: key ?? {} } : after
  switch (value.op) {
    case 'd':
      return { kind: 'delete', ...named, key: readRow(deletedKey(record, key, keys), literal) }
    case 'r':
      return { kind: 'insert', ...named, row: readRow(image('after'), after) }
    case 'c': {
      const oldKey = headerOf(record, '__debezium.oldkey')
      const movedFrom = oldKey === undefined ? about.left : readRow(oldKey, literal)
      // Without a key the old row went whole, and the new one comes whole.
      if (movedFrom === undefined || isKeyless)
        return { kind: 'insert', ...named, row: readRow(image('after'), after) }
      return { kind: 'insert', ...named, row: readRow(image('after'), patched), movedFrom }
    }
    case 'u': {
      const row = readRow(image('after'), patched)
      const oldKey =
        (isKeyless ? undefined : namedKey(value.before, keys)) ??
        (key === undefined ? value.before : undefined)
      return isExactObject(oldKey)
        ? { kind: 'update', ...named, row, oldKey: readRow(oldKey, literal) }
        : { kind: 'update', ...named, row }
    }
    default:
      throw new LakeError('corrupt', 'a record has an unknown op', {
        context: { line, op: opText(value.op) },
      })
  }
}

function opText(op: ExactJson | undefined): string {
  return op instanceof JsonNumber ? op.text : String(op)
}

/** The record's key, but for columns that only the image has; all of `before` where there is no key. */
function deletedKey(
  { value, line }: ValueRecord,
  key: ExactJsonObject | undefined,
  keys: readonly string[] = [],
): ExactJsonObject {
  if (key === undefined) return objectOf(value.before, 'before', line)
  if (keys.every(name => Object.hasOwn(key, name))) return key
  return { ...namedKey(value.before, keys), ...key }
}

/** The named key columns of an old image that has them all. */
function namedKey(
  image: ExactJson | undefined,
  keys: readonly string[] | undefined,
): ExactJsonObject | undefined {
  if (keys === undefined || !isExactObject(image)) return undefined
  const cells = keys.flatMap(name => (Object.hasOwn(image, name) ? [[name, image[name] ?? null]] : []))
  return cells.length === keys.length ? Object.fromEntries(cells) : undefined
}

/** The fields of a row image in the record's schema. */
export function rowFields(schema: ExactJsonObject | undefined): readonly ExactJsonObject[] | undefined {
  if (schema === undefined || !Array.isArray(schema.fields)) return undefined
  const images = (schema.fields as readonly ExactJson[]).filter(isExactObject)
  const image =
    images.find(field => field.field === 'after') ?? images.find(field => field.field === 'before')
  if (!Array.isArray(image?.fields)) return undefined
  return (image.fields as readonly ExactJson[]).filter(isExactObject)
}
