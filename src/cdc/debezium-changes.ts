/**
 * From a Debezium record to the change that it is.
 *
 * - A key update is delete(old) and create(new), joined by the headers `__debezium.newkey` / `oldkey`; where the
 *   headers were not captured, by the log position that only these two share.
 * - A big value that was not touched is a placeholder. In a snapshot row, or in a create that is no key update, the
 *   same text is a real value.
 * - `before` of a delete holds fillers: only the record's key says which row, or `before` for key columns that the
 *   user named.
 */
import { isLakeError, LakeError } from '../base/errors.js'
import { type ExactJson, type ExactJsonObject, JsonNumber } from '../base/json.js'
import {
  type Cell,
  type ChangeEvent,
  type FeedContext,
  type SourceColumn,
  type SourceRow,
  type SourceTable,
  UNCHANGED,
} from './change-event.js'
import { type ConnectColumn, connectColumn, declaredColumn } from './connect-types.js'
import { type DebeziumRecord, headerOf, objectOf, textOf } from './debezium-record.js'
import { isExactObject } from './feed-lines.js'

export interface ChangeReader {
  /** The change of a record that has an `op`. @throws corrupt for an envelope that names no table; unsupported */
  read(record: DebeziumRecord): ChangeEvent
}

/** A row image's columns and how their values read. */
interface Shape {
  readonly columns: readonly SourceColumn[]
  readonly decoders: readonly ConnectColumn[]
  readonly indexOf: ReadonlyMap<string, number>
  readonly parts: Map<string, readonly SourceColumn[]>
}

/** What an image is read with. */
interface ImageOptions {
  readonly shape: Shape
  readonly line: number
  /** In a change of a row that was there, the placeholder means an unchanged value; the key's values are never that. */
  readonly unchangedBut?: ExactJsonObject | undefined
}

/** The last delete, while nothing came after it. */
interface Departure {
  readonly table: SourceTable
  readonly lsn: string
  readonly key: SourceRow
}

export function createChangeReader(context: FeedContext): ChangeReader {
  const shapes = new Map<string, Shape>()
  let departure: Departure | undefined
  return {
    read(record) {
      const before = departure
      departure = undefined
      const source = objectOf(record.value.source, 'source', record.line)
      const table: SourceTable = {
        schema: textOf(source.schema ?? source.db ?? '', 'schema', record.line),
        name: textOf(source.table, 'table', record.line),
      }
      const { line } = record
      if (record.value.op === 't') return { kind: 'truncate', table, line }
      const lsn = source.lsn instanceof JsonNumber ? source.lsn.text : ''
      const moved = before !== undefined && before.lsn === lsn && sameTable(before.table, table)
      try {
        const shape = shapeOf(record, table, { shapes, context })
        const event = readChange(record, {
          table,
          shape,
          keys: context.keys,
          left: moved ? before.key : undefined,
        })
        if (event.kind === 'delete') departure = { table, lsn, key: event.key }
        return event
      } catch (error) {
        if (isLakeError(error, 'corrupt')) return { kind: 'poison', table, line, error }
        throw error
      }
    },
  }
}

function sameTable(a: SourceTable, b: SourceTable): boolean {
  return a.name === b.name && a.schema === b.schema
}

function readChange(
  record: DebeziumRecord,
  about: {
    readonly table: SourceTable
    readonly shape: Shape
    readonly keys: readonly string[] | undefined
    /** Key of the row that the record just before took away from here. */
    readonly left: SourceRow | undefined
  },
): ChangeEvent {
  const { value, key, line } = record
  const { table, shape } = about
  const named = { table, line, keyColumns: key === undefined ? [] : Object.keys(key) }
  const image = (name: 'before' | 'after'): ExactJsonObject => objectOf(value[name], name, line)
  const literal = { shape, line }
  const patched = { shape, line, unchangedBut: key ?? {} }
  switch (value.op) {
    case 'd':
      return { kind: 'delete', ...named, key: readRow(deletedKey(record, about.keys), literal) }
    case 'r':
      return { kind: 'insert', ...named, row: readRow(image('after'), literal) }
    case 'c': {
      const oldKey = headerOf(record, '__debezium.oldkey')
      const movedFrom = oldKey === undefined ? about.left : readRow(oldKey, literal)
      if (movedFrom === undefined) return { kind: 'insert', ...named, row: readRow(image('after'), literal) }
      return { kind: 'insert', ...named, row: readRow(image('after'), patched), movedFrom }
    }
    case 'u': {
      const row = readRow(image('after'), patched)
      const oldKey = namedKey(value.before, about.keys)
      return oldKey === undefined
        ? { kind: 'update', ...named, row }
        : { kind: 'update', ...named, row, oldKey: readRow(oldKey, literal) }
    }
    default:
      throw new LakeError('corrupt', 'a record has an unknown op', {
        context: { line, op: String(value.op) },
      })
  }
}

/** The record's key, but for columns that only the image has; all of `before` where there is no key. */
function deletedKey(record: DebeziumRecord, keys: readonly string[] | undefined): ExactJsonObject {
  const { key, value, line } = record
  if (key !== undefined && (keys ?? []).every(name => Object.hasOwn(key, name))) return key
  if (key === undefined) return objectOf(value.before, 'before', line)
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

function readRow(image: ExactJsonObject, options: ImageOptions): SourceRow {
  const names = Object.keys(image)
  const { unchangedBut } = options
  const cells: Cell[] = names.map(name => {
    const raw = image[name] ?? null
    if (unchangedBut === undefined || !isPlaceholder(raw)) return decodeCell(name, raw, options)
    const known = Object.hasOwn(unchangedBut, name) ? unchangedBut[name] : undefined
    return known === undefined ? UNCHANGED : decodeCell(name, known, options)
  })
  return { columns: partOf(options.shape, names), cells }
}

function decodeCell(name: string, raw: ExactJson, { shape, line }: ImageOptions): Cell {
  const decoder = shape.decoders[shape.indexOf.get(name) ?? -1]
  if (decoder === undefined) return raw === null ? null : String(raw instanceof JsonNumber ? raw.text : raw)
  try {
    return decoder.decode(raw)
  } catch (cause) {
    if (!isLakeError(cause)) throw cause
    throw new LakeError(cause.kind, cause.message, {
      cause,
      context: { ...cause.context, column: name, line },
    })
  }
}

const PLACEHOLDER = '__debezium_unavailable_value'
const PLACEHOLDER_MAP = JSON.stringify({ [PLACEHOLDER]: PLACEHOLDER })
const PLACEHOLDER_BYTES = [...Buffer.from(PLACEHOLDER)].map(String)
/** As text, bytea in its three forms, hstore, and the name-based uuid that stands in uuid[]. */
const PLACEHOLDERS: ReadonlySet<string> = new Set([
  PLACEHOLDER,
  PLACEHOLDER_MAP,
  Buffer.from(PLACEHOLDER).toString('base64'),
  Buffer.from(PLACEHOLDER).toString('base64url'),
  Buffer.from(PLACEHOLDER).toString('hex'),
  `hex:${Buffer.from(PLACEHOLDER).toString('hex')}`,
  'b68a35a7-17ad-35b3-af2a-ae46edb4545a',
])

/** Text, a list of one such text, a map from it to itself, or for arrays of numbers its bytes as numbers. */
function isPlaceholder(raw: ExactJson): boolean {
  if (typeof raw === 'string') return PLACEHOLDERS.has(raw)
  if (isExactObject(raw)) return raw[PLACEHOLDER] === PLACEHOLDER
  if (!Array.isArray(raw)) return false
  const items = raw as readonly ExactJson[]
  if (items.length === 1) return typeof items[0] === 'string' && PLACEHOLDERS.has(items[0])
  return (
    items.length === PLACEHOLDER_BYTES.length &&
    items.every((item, index) => item instanceof JsonNumber && item.text === PLACEHOLDER_BYTES[index])
  )
}

/** The columns of an image in its own order: the same array for the same names, so that callers resolve names once. */
function partOf(shape: Shape, names: readonly string[]): readonly SourceColumn[] {
  const signature = names.join('\u0000')
  let part = shape.parts.get(signature)
  if (part === undefined) {
    part = names.map(
      name => shape.columns[shape.indexOf.get(name) ?? -1] ?? { name, type: { kind: 'string' } },
    )
    shape.parts.set(signature, part)
  }
  return part
}

function shapeOf(
  record: DebeziumRecord,
  table: SourceTable,
  known: { readonly shapes: Map<string, Shape>; readonly context: FeedContext },
): Shape {
  const { shapes, context } = known
  const fields = rowFields(record.valueSchema)
  const signature = `${table.schema}\u0000${table.name}${fields === undefined ? '' : fieldsSignature(fields)}`
  let shape = shapes.get(signature)
  if (shape === undefined) {
    shape = fields === undefined ? declaredShape(record, table, context) : schemaShape(fields, record.line)
    shapes.set(signature, shape)
  }
  return shape
}

function rowFields(schema: ExactJsonObject | undefined): readonly ExactJsonObject[] | undefined {
  if (schema === undefined || !Array.isArray(schema.fields)) return undefined
  const images = (schema.fields as readonly ExactJson[]).filter(isExactObject)
  const image =
    images.find(field => field.field === 'after') ?? images.find(field => field.field === 'before')
  if (!Array.isArray(image?.fields)) return undefined
  return (image.fields as readonly ExactJson[]).filter(isExactObject)
}

/** Everything of a schema that decides types: all but defaults and optionality. */
function fieldsSignature(fields: readonly ExactJsonObject[]): string {
  let signature = ''
  for (const field of fields) {
    const parameters = isExactObject(field.parameters) ? field.parameters : {}
    const items = isExactObject(field.items) ? fieldsSignature([field.items]) : ''
    signature += `|${field.field}:${field.type}:${field.name ?? ''}:${parameters.scale ?? ''}:${parameters['connect.decimal.precision'] ?? ''}:${parameters.length ?? ''}:${items}`
  }
  return signature
}

function schemaShape(fields: readonly ExactJsonObject[], line: number): Shape {
  return newShape(
    fields.map(field => ({ name: textOf(field.field, 'field', line), ...connectColumn(field) })),
  )
}

function declaredShape(record: DebeziumRecord, table: SourceTable, context: FeedContext): Shape {
  const declared = context.typesOf(table)
  if (declared === undefined) {
    throw new LakeError('invalid-argument', 'the feed carries no types: name them with --types', {
      context: { table: `${table.schema}.${table.name}`, line: record.line },
    })
  }
  return newShape(declared.map(column => ({ name: column.name, ...declaredColumn(column.type) })))
}

function newShape(columns: readonly ({ readonly name: string } & ConnectColumn)[]): Shape {
  return {
    columns: columns.map(({ name, type }) => ({ name, type })),
    decoders: columns,
    indexOf: new Map(columns.map((column, index) => [column.name, index])),
    parts: new Map(),
  }
}
