/**
 * Debezium's envelope: `{before, after, source, op, transaction}`, bare or captured from Kafka as
 * `{topic, key, value, headers}`, with or without Connect schemas around key and value.
 *
 * What real feeds do, and what is done about it:
 * - Inside one transaction `transaction.id` is `txid:lsn` with the LSN of each event: group by the part before
 *   the colon; the END record's LSN is the commit's position. A feed without transaction records is cut where
 *   `source.txId` changes and stands at `line:<n>`.
 * - A key update is delete(old) and create(new), joined by the headers `__debezium.newkey` / `oldkey`.
 * - A big value that was not touched is a placeholder text; in a snapshot row, or a create that is no key
 *   update, the same text is a real value.
 * - `before` of a delete holds fillers: only the record's key says which row.
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
  type SourceTransaction,
  UNCHANGED,
} from './change-event.js'
import { type ConnectColumn, connectColumn, declaredColumn } from './connect-types.js'
import { type FeedLine, parseFeedJson } from './feed-lines.js'
import type { FeedPosition } from './feed-position.js'

/** Rows of an initial snapshot that are handed on together: the snapshot need not fit in memory. */
const SNAPSHOT_ROWS = 10_000

const PLACEHOLDER = '__debezium_unavailable_value'
const PLACEHOLDERS = new Set([
  PLACEHOLDER,
  Buffer.from(PLACEHOLDER).toString('base64'),
  `hex:${Buffer.from(PLACEHOLDER).toString('hex')}`,
])

interface Shape {
  readonly columns: readonly SourceColumn[]
  readonly decoders: readonly ConnectColumn[]
  readonly indexOf: ReadonlyMap<string, number>
  readonly parts: Map<string, readonly SourceColumn[]>
}

/** A record with the wrappings of capture and schema taken off. */
interface Record {
  readonly line: FeedLine
  readonly keySchema?: ExactJsonObject | undefined
  readonly key?: ExactJsonObject | undefined
  readonly valueSchema?: ExactJsonObject | undefined
  readonly value: ExactJsonObject
  readonly headers: ExactJsonObject
}

/** A transaction being collected. */
interface Open {
  readonly kind: 'snapshot' | 'marked' | 'by-txid'
  readonly id: string
  readonly events: ChangeEvent[]
  lastLine: number
  lsn: bigint
  rows: number
  source: string
}

/** @throws corrupt with the line's number; unsupported for flattened records */
export async function* readDebezium(
  lines: AsyncIterable<FeedLine>,
  context: FeedContext,
): AsyncGenerator<SourceTransaction> {
  const shapes = new Map<string, Shape>()
  let open: Open | undefined
  for await (const line of lines) {
    const record = unwrap(line)
    if (record === undefined) continue
    const mark = transactionMark(record)
    if (mark !== undefined) {
      if (open !== undefined && (mark.status === 'BEGIN' || open.kind !== 'marked')) {
        const closed = close(open)
        if (closed !== undefined) yield closed
        open = undefined
      }
      if (mark.status === 'END' && open !== undefined) {
        open.lastLine = line.number
        yield transactionOf(open, { kind: 'lsn', lsn: mark.lsn })
      }
      open = mark.status === 'BEGIN' ? opened('marked', mark.id) : undefined
      continue
    }
    const group = groupOf(record, context)
    if (group === undefined) continue
    if (open === undefined || open.kind !== group.kind || open.id !== group.id) {
      const closed = open === undefined ? undefined : close(open)
      if (closed !== undefined) yield closed
      open = opened(group.kind, group.id)
    }
    open.events.push(readChange(record, shapes, context))
    open.lastLine = line.number
    open.lsn = group.lsn
    open.source = group.source
    open.rows += 1
    if (open.kind === 'snapshot' && open.events.length >= SNAPSHOT_ROWS) {
      yield snapshotPart(open)
      open = { ...open, events: [] }
    }
  }
  const closed = open === undefined ? undefined : close(open)
  if (closed !== undefined) yield closed
}

function opened(kind: Open['kind'], id: string): Open {
  return { kind, id, events: [], lastLine: 0, lsn: 0n, rows: 0, source: '' }
}

/** What is handed on when something else begins: a marked transaction without its END is incomplete. */
function close(open: Open): SourceTransaction | undefined {
  if (open.events.length === 0 || open.kind === 'marked') return undefined
  if (open.kind === 'snapshot') return snapshotPart(open)
  return transactionOf(open, { kind: 'line', line: open.lastLine })
}

function snapshotPart(open: Open): SourceTransaction {
  return transactionOf(open, { kind: 'lsn', lsn: open.lsn, rows: open.rows })
}

function transactionOf(open: Open, position: FeedPosition): SourceTransaction {
  return { position, lastLine: open.lastLine, events: open.events, source: open.source }
}

function groupOf(
  record: Record,
  context: FeedContext,
):
  | { readonly kind: Open['kind']; readonly id: string; readonly lsn: bigint; readonly source: string }
  | undefined {
  const { value, line } = record
  if (value.op === undefined) {
    if (value.__op !== undefined || value.__deleted !== undefined) {
      throw new LakeError('unsupported', 'the feed is flattened; capture the whole envelope', {
        context: { line: line.number },
      })
    }
    context.onIgnored(value.ddl === undefined ? 'record without a change' : 'schema change record')
    return undefined
  }
  if (value.op === 'm') {
    context.onIgnored('message')
    return undefined
  }
  const source = objectOf(value.source, 'source', line)
  const lsn = source.lsn instanceof JsonNumber ? BigInt(source.lsn.text) : undefined
  if (lsn === undefined) {
    throw new LakeError('unsupported', 'only feeds of the PostgreSQL connector are read', {
      context: { line: line.number, connector: String(source.connector ?? '') },
    })
  }
  const at = { lsn, source: `${source.name ?? ''}/${source.db ?? ''}` }
  if (value.op === 'r') return { kind: 'snapshot', id: 'snapshot', ...at }
  if (isObject(value.transaction)) {
    return { kind: 'marked', id: transactionId(textOf(value.transaction.id, 'transaction', line)).id, ...at }
  }
  const txId = source.txId instanceof JsonNumber ? source.txId.text : ''
  return { kind: 'by-txid', id: txId, ...at }
}

function transactionMark(
  record: Record,
): { readonly status: 'BEGIN' | 'END'; readonly id: string; readonly lsn: bigint } | undefined {
  const { status, id, op } = record.value
  if (op !== undefined || typeof id !== 'string' || (status !== 'BEGIN' && status !== 'END')) return undefined
  const { id: txid, lsn } = transactionId(id)
  if (lsn === undefined) {
    throw new LakeError('unsupported', 'only transaction records of the PostgreSQL connector are read', {
      context: { line: record.line.number, id },
    })
  }
  return { status, id: txid, lsn }
}

function transactionId(text: string): { readonly id: string; readonly lsn: bigint | undefined } {
  const match = /^(\d+):(\d+)$/.exec(text)
  return match === null ? { id: text, lsn: undefined } : { id: match[1] ?? '', lsn: BigInt(match[2] ?? '') }
}

function unwrap(line: FeedLine): Record | undefined {
  const parsed = objectOf(parseFeedJson(line), 'line', line)
  const captured = parsed.value !== undefined && parsed.op === undefined && parsed.payload === undefined
  const value = captured ? parsed.value : parsed
  if (value === null || value === undefined) return undefined
  const { schema: valueSchema, payload } = takeSchemaOff(objectOf(value, 'value', line))
  if (payload === null) return undefined
  const key = captured && isObject(parsed.key) ? takeSchemaOff(parsed.key) : undefined
  return {
    line,
    value: objectOf(payload, 'payload', line),
    valueSchema,
    key: isObject(key?.payload) ? key.payload : undefined,
    keySchema: key?.schema,
    headers: captured && isObject(parsed.headers) ? parsed.headers : {},
  }
}

function takeSchemaOff(value: ExactJsonObject): {
  readonly schema: ExactJsonObject | undefined
  readonly payload: ExactJson
} {
  if (value.payload === undefined || value.schema === undefined) return { schema: undefined, payload: value }
  return { schema: isObject(value.schema) ? value.schema : undefined, payload: value.payload }
}

function readChange(record: Record, shapes: Map<string, Shape>, context: FeedContext): ChangeEvent {
  const source = objectOf(record.value.source, 'source', record.line)
  const schema = source.schema ?? source.db ?? ''
  const table: SourceTable = {
    schema: textOf(schema, 'schema', record.line),
    name: textOf(source.table, 'table', record.line),
  }
  if (record.value.op === 't') return { kind: 'truncate', table }
  try {
    return readRowChange(record, table, shapes, context)
  } catch (error) {
    if (isLakeError(error, 'corrupt')) return { kind: 'poison', table, line: record.line.number, error }
    throw error
  }
}

function readRowChange(
  record: Record,
  table: SourceTable,
  shapes: Map<string, Shape>,
  context: FeedContext,
): ChangeEvent {
  const { value, key, headers, line } = record
  const keyColumns = key === undefined ? [] : Object.keys(key)
  const image = value.op === 'd' ? value.before : value.after
  const shape = shapeOf(record, table, shapes, context)
  switch (value.op) {
    case 'd': {
      const row = key ?? objectOf(image, 'before', line)
      return { kind: 'delete', table, keyColumns, key: readRow(row, shape, line, 'literal') }
    }
    case 'c': {
      const oldKey = headerValue(headers, '__debezium.oldkey')
      if (oldKey === undefined) break
      const row = readRow(objectOf(image, 'after', line), shape, line, 'unchanged')
      return { kind: 'insert', table, keyColumns, row, movedFrom: readRow(oldKey, shape, line, 'literal') }
    }
    case 'r':
      break
    case 'u': {
      const row = readRow(objectOf(image, 'after', line), shape, line, 'unchanged')
      return { kind: 'update', table, keyColumns, row }
    }
    default:
      throw new LakeError('corrupt', 'a record has an unknown op', {
        context: { line: line.number, op: String(value.op) },
      })
  }
  return {
    kind: 'insert',
    table,
    keyColumns,
    row: readRow(objectOf(image, 'after', line), shape, line, 'literal'),
  }
}

function headerValue(headers: ExactJsonObject, name: string): ExactJsonObject | undefined {
  const header = headers[name]
  if (!isObject(header)) return undefined
  const { payload } = takeSchemaOff(header)
  return isObject(payload) ? payload : undefined
}

function readRow(
  image: ExactJsonObject,
  shape: Shape,
  line: FeedLine,
  placeholder: 'unchanged' | 'literal',
): SourceRow {
  const names = Object.keys(image)
  const columns = partOf(shape, names)
  const cells: Cell[] = names.map(name => {
    const raw = image[name] ?? null
    if (placeholder === 'unchanged' && isPlaceholder(raw)) return UNCHANGED
    return decodeCell(shape, name, raw, line)
  })
  return { columns, cells }
}

function decodeCell(shape: Shape, name: string, raw: ExactJson, line: FeedLine): Cell {
  const decoder = shape.decoders[shape.indexOf.get(name) ?? -1]
  if (decoder === undefined) return raw === null ? null : String(raw instanceof JsonNumber ? raw.text : raw)
  try {
    return decoder.decode(raw)
  } catch (cause) {
    if (!isLakeError(cause)) throw cause
    throw new LakeError(cause.kind, cause.message, {
      cause,
      context: { ...cause.context, column: name, line: line.number },
    })
  }
}

function isPlaceholder(raw: ExactJson): boolean {
  if (typeof raw === 'string') return PLACEHOLDERS.has(raw)
  return Array.isArray(raw) && raw.length === 1 && typeof raw[0] === 'string' && PLACEHOLDERS.has(raw[0])
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
  record: Record,
  table: SourceTable,
  shapes: Map<string, Shape>,
  context: FeedContext,
): Shape {
  const fields = rowFields(record.valueSchema)
  const signature = `${table.schema}.${table.name}${fields === undefined ? '' : fieldsSignature(fields)}`
  let shape = shapes.get(signature)
  if (shape === undefined) {
    shape = fields === undefined ? declaredShape(record, table, context) : schemaShape(fields, record.line)
    shapes.set(signature, shape)
  }
  return shape
}

function rowFields(schema: ExactJsonObject | undefined): readonly ExactJsonObject[] | undefined {
  if (schema === undefined || !Array.isArray(schema.fields)) return undefined
  const images = schema.fields as readonly ExactJsonObject[]
  const image =
    images.find(field => field.field === 'after') ?? images.find(field => field.field === 'before')
  return Array.isArray(image?.fields) ? (image.fields as readonly ExactJsonObject[]) : undefined
}

function fieldsSignature(fields: readonly ExactJsonObject[]): string {
  let signature = ''
  for (const field of fields) {
    const parameters = isObject(field.parameters) ? field.parameters : {}
    const items = isObject(field.items) ? `${field.items.type}${field.items.name ?? ''}` : ''
    signature += `|${field.field}:${field.type}:${field.name ?? ''}:${parameters.scale ?? ''}:${parameters['connect.decimal.precision'] ?? ''}:${items}`
  }
  return signature
}

function schemaShape(fields: readonly ExactJsonObject[], line: FeedLine): Shape {
  return newShape(
    fields.map(field => ({ name: textOf(field.field, 'field', line), ...connectColumn(field) })),
  )
}

function declaredShape(record: Record, table: SourceTable, context: FeedContext): Shape {
  const declared = context.typesOf(table)
  if (declared === undefined) {
    throw new LakeError('invalid-argument', 'the feed carries no types: name them with --types', {
      context: { table: `${table.schema}.${table.name}`, line: record.line.number },
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

function objectOf(value: ExactJson | undefined, what: string, line: FeedLine): ExactJsonObject {
  if (!isObject(value)) {
    throw new LakeError('corrupt', 'a record of the feed is not a Debezium envelope', {
      context: { line: line.number, missing: what },
    })
  }
  return value
}

function isObject(value: ExactJson | undefined): value is ExactJsonObject {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber)
  )
}

function textOf(value: ExactJson | undefined, what: string, line: FeedLine): string {
  if (typeof value !== 'string') {
    throw new LakeError('corrupt', 'a name of the feed is not text', {
      context: { line: line.number, missing: what },
    })
  }
  return value
}
