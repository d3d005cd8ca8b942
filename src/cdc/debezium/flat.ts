/**
 * Flattened records, which `ExtractNewRecordState` makes: the row, with some words about it added as further columns or
 * headers (`add.fields`, `add.headers`).
 *
 * - Which table: `__table`, with `__schema` or `__db`; else the topic; else the schema's name.
 * - What happened: `__deleted` and `__op`. Without `__op` a row is taken for an update, so that a placeholder leaves the
 *   column as it is. Where a delete is a bare tombstone (`delete.tombstone.handling.mode` tombstone, delete-to-tombstone)
 *   its key says which row; where `__deleted` tells, tombstones say nothing new. A feed that begins with tombstones keeps
 *   them until a row tells which of the two it is.
 * - Which transaction: an added `transaction.id`, `source.txId` or `source.gtid`; else what PostgreSQL committed at one
 *   moment, or a row event of a binary log.
 *
 * What this form does not have: TRUNCATE, old images - so an update of a row without a key cannot be followed - and with
 * the mode `drop` deletes.
 */
import { LakeError } from '../../base/errors.js'
import { type ExactJson, type ExactJsonObject, JsonNumber } from '../../base/json.js'
import type { ChangeEvent, FeedContext, SourceTable } from '../change-event.js'
import { isExactObject } from '../feed-lines.js'
import { keysFor, unlessPoisoned } from './changes.js'
import type { Dialect } from './connect-types.js'
import { type DebeziumRecord, headerOf, scalarHeader, type ValueRecord } from './record.js'
import { type ImageOptions, readRow, type Shapes } from './rows.js'
import { binlogPlace, numberOf, type Origin, transactionId } from './source.js'

export interface FlatReader {
  /** Whether a record without an `op` is a row. */
  isRow(record: ValueRecord): boolean
  /** The change that a row says, behind deletes that are known only now. @throws corrupt; unsupported */
  read(record: ValueRecord): readonly FlatChange[]
  /** The delete that a tombstone says, unless that is not known yet. */
  tombstone(record: DebeziumRecord): readonly FlatChange[]
  /** The topic has envelopes: its tombstones say nothing. */
  noteEnvelope(topic: string | undefined): void
  /** Tombstones that nothing has told about. */
  readonly pending: number
}

export interface FlatChange {
  readonly event: ChangeEvent
  readonly origin: Origin
}

/** Tombstones that are kept until a row tells what they are. */
const PENDING_MAX = 10_000

export function createFlatReader(context: FeedContext, shapes: Shapes): FlatReader {
  /** Whether a tombstone is a delete, by topic. */
  const deletes = new Map<string, boolean>()
  let pending: DebeziumRecord[] = []
  let dialect: Dialect = 'postgres'

  const read = (record: ValueRecord): FlatChange => {
    dialect = dialectOf(record) ?? dialect
    return readFlat(record, { context, shapes, dialect })
  }
  const settle = (topic: string, isDelete: boolean): readonly FlatChange[] => {
    deletes.set(topic, isDelete)
    if (pending.length === 0) return []
    const own = pending.filter(record => (record.topic ?? '') === topic)
    pending = pending.filter(record => (record.topic ?? '') !== topic)
    return isDelete ? own.map(record => read(asDelete(record))) : []
  }
  return {
    get pending() {
      return pending.length
    },
    isRow: isFlatRow,
    read(record) {
      const topic = record.topic ?? ''
      const saysDeleted = record.value.__deleted !== undefined
      const settled = deletes.has(topic) && !saysDeleted ? [] : settle(topic, !saysDeleted)
      return [...settled, read(record)]
    },
    tombstone(record) {
      const isDelete = deletes.get(record.topic ?? '')
      if (isDelete === false || !isExactObject(record.key)) return []
      if (isDelete === true) return [read(asDelete(record))]
      if (pending.length >= PENDING_MAX) {
        throw new LakeError('unsupported', 'the feed begins with nothing but tombstones', {
          context: { line: record.line },
        })
      }
      pending.push(record)
      return []
    },
    noteEnvelope(topic = '') {
      if (deletes.get(topic) !== false) settle(topic, false)
    },
  }
}

/** Names of `add.fields` without their prefix `__`. */
const META =
  /^__(?:deleted|op|table|schema|db|name|connector|version|lsn|xmin|txId|snapshot|sequence|file|pos|row|gtid|server_id|thread|query|scn|commit_scn|commit_lsn|change_lsn|event_serial_no|ts_(?:ms|us|ns)|source_\w+|transaction_\w+)$/

/** What the record says of itself, in an added column or header: `table` or `source.table`. */
function metaOf(record: DebeziumRecord, name: string): ExactJson | undefined {
  for (const member of [`__${name}`, `__source_${name}`]) {
    const value = record.value?.[member] ?? scalarHeader(record, member)
    if (value !== undefined && value !== null) return value
  }
  return undefined
}

function metaText(record: DebeziumRecord, name: string): string | undefined {
  const value = metaOf(record, name)
  if (value instanceof JsonNumber) return value.text
  return typeof value === 'string' && value !== '' ? value : undefined
}

function isFlatRow(record: ValueRecord): boolean {
  const { value, key, topic, valueSchema } = record
  if (['deleted', 'op', 'table', 'lsn', 'file', 'ts_ms'].some(name => metaOf(record, name) !== undefined))
    return true
  if (typeof valueSchema?.name === 'string' && /.\..+\.Value$/.test(valueSchema.name)) return true
  const isNotification = value.aggregate_type !== undefined && value.additional_data !== undefined
  if (isNotification || topic === undefined || topic.split('.').length < 3 || !isExactObject(key))
    return false
  return Object.keys(key).every(name => Object.hasOwn(value, name))
}

function asDelete(record: DebeziumRecord): ValueRecord {
  const key = isExactObject(record.key) ? record.key : {}
  return { ...record, value: { ...key, __op: 'd' } }
}

function dialectOf(record: DebeziumRecord): Dialect | undefined {
  const connector = metaText(record, 'connector')
  if (connector === 'mysql' || connector === 'mariadb') return 'mysql'
  if (connector !== undefined) return connector === 'postgresql' ? 'postgres' : 'other'
  if (['file', 'gtid', 'server_id'].some(name => metaOf(record, name) !== undefined)) return 'mysql'
  if (['scn', 'commit_scn', 'commit_lsn', 'change_lsn'].some(name => metaOf(record, name) !== undefined))
    return 'other'
  return metaOf(record, 'lsn') === undefined ? undefined : 'postgres'
}

/** @throws unsupported where nothing names the table */
function tableOf(record: ValueRecord, dialect: Dialect): SourceTable {
  const path = record.topic ?? schemaPath(record) ?? ''
  const [space, last] = path.split('.').slice(-2)
  const name = metaText(record, 'table') ?? (path.includes('.') ? last : undefined)
  if (name === undefined || name === '') {
    throw new LakeError('unsupported', 'the flattened feed does not name its tables', {
      context: { line: record.line, remedy: 'capture topics, or use add.fields=table' },
    })
  }
  if (dialect === 'mysql')
    return { schema: '', name, database: metaText(record, 'db') ?? (path === '' ? '' : (space ?? '')) }
  return { schema: metaText(record, 'schema') ?? (path === '' ? '' : (space ?? '')), name }
}

/** Schemas have the topic's name with `.Value` behind it. */
function schemaPath({ valueSchema }: ValueRecord): string | undefined {
  const name = valueSchema?.name
  return typeof name === 'string' && name.endsWith('.Value') ? name.slice(0, -'.Value'.length) : undefined
}

interface FlatOptions {
  readonly context: FeedContext
  readonly shapes: Shapes
  readonly dialect: Dialect
}

function readFlat(record: ValueRecord, options: FlatOptions): FlatChange {
  const table = tableOf(record, options.dialect)
  return {
    event: unlessPoisoned(record, table, () => readEvent(record, table, options)),
    origin: originOf(record, options.dialect),
  }
}

function readEvent(record: ValueRecord, table: SourceTable, options: FlatOptions): ChangeEvent {
  const { context, shapes, dialect } = options
  const { line } = record
  const op = metaText(record, 'op')
  const key = record.key ?? undefined
  const keys = keysFor(context, table)
  const named = { table, line, keyColumns: key === undefined ? [] : Object.keys(key) }
  const literal: ImageOptions = {
    shape: shapes.of({ table, dialect, fields: rowFields(record.valueSchema), line }),
    line,
  }
  const image = rowOf(record.value)
  if (isDeleted(record) || op === 'd')
    return { kind: 'delete', ...named, key: readRow(deletedKey(image, key, keys), literal) }
  const whole = { ...literal, isWhole: true }
  const oldKey = headerOf(record, '__debezium.oldkey')
  if (oldKey === undefined && (op === 'c' || op === 'r'))
    return { kind: 'insert', ...named, row: readRow(image, whole) }
  const row = readRow(image, dialect === 'mysql' ? whole : { ...whole, unchangedBut: key ?? {} })
  if (oldKey !== undefined) return { kind: 'insert', ...named, row, movedFrom: readRow(oldKey, literal) }
  if (record.key === null && (keys ?? []).length === 0) return keylessUpdate(record, table)
  return { kind: 'update', ...named, row }
}

function isDeleted({ value }: ValueRecord): boolean {
  return value.__deleted === 'true' || value.__deleted === true
}

function keylessUpdate(record: ValueRecord, table: SourceTable): ChangeEvent {
  const { line, text } = record
  const error = new LakeError(
    'unsupported',
    'a flattened update does not tell which row of a table without a key it changed',
    {
      context: { line, remedy: 'capture the whole envelope, or name a key with --keys' },
    },
  )
  return { kind: 'poison', table, line, error, raw: text }
}

/** The record's key, and what it lacks of the named key columns; the whole row where there is no key. */
function deletedKey(
  image: ExactJsonObject,
  key: ExactJsonObject | undefined,
  keys: readonly string[] = [],
): ExactJsonObject {
  if (key === undefined) return image
  const missing = keys.filter(name => !Object.hasOwn(key, name) && Object.hasOwn(image, name))
  if (missing.length === 0) return key
  return { ...key, ...Object.fromEntries(missing.map(name => [name, image[name] ?? null])) }
}

function rowOf(value: ExactJsonObject): ExactJsonObject {
  const columns = Object.keys(value).filter(name => !META.test(name))
  return Object.fromEntries(columns.map(name => [name, value[name] ?? null]))
}

function rowFields(schema: ExactJsonObject | undefined): readonly ExactJsonObject[] | undefined {
  if (schema === undefined || !Array.isArray(schema.fields)) return undefined
  const fields = (schema.fields as readonly ExactJson[]).filter(isExactObject)
  return fields.filter(({ field }) => typeof field === 'string' && !META.test(field))
}

/**
 * Places in a binary log are positions only where rows tell that they are deleted: a bare tombstone has no place, and
 * must not come behind what it came before.
 */
function originOf(record: ValueRecord, dialect: Dialect): Origin {
  const isSnapshot = metaText(record, 'op') === 'r'
  const log = binlogPlace(metaOf(record, 'file'), metaOf(record, 'pos'), metaOf(record, 'row'))
  const lsn = numberOf(metaOf(record, 'lsn'))
  const place = dialect === 'postgres' && lsn !== undefined ? lsnPlace(record) : log
  return {
    txid: isSnapshot ? undefined : transactionOf(record, dialect),
    place: record.value.__deleted === undefined && place?.kind === 'binlog' ? undefined : place,
    source: sourceOf(record),
    committedMs: isSnapshot ? undefined : sourceTime(record, 'ms'),
    dialect,
    leaves: headerOf(record, '__debezium.newkey') !== undefined,
    arrives: headerOf(record, '__debezium.oldkey') !== undefined,
  }
}

function lsnPlace(record: ValueRecord): Origin['place'] {
  const text = metaText(record, 'lsn') ?? ''
  return /^\d+$/.test(text) ? { kind: 'lsn', lsn: BigInt(text) } : undefined
}

function transactionOf(record: ValueRecord, dialect: Dialect): string {
  const named = record.value.__transaction_id ?? scalarHeader(record, '__transaction_id')
  if (typeof named === 'string') return transactionId(named).id
  const id = metaText(record, 'txId') ?? metaText(record, 'gtid') ?? metaText(record, 'commit_lsn')
  if (id !== undefined) return id
  const file = metaText(record, 'file')
  if (file !== undefined) return `${file}:${metaText(record, 'pos') ?? ''}`
  // PostgreSQL's time is that of the commit.
  const moment = sourceTime(record, 'us') ?? sourceTime(record, 'ms')
  return dialect === 'postgres' && moment !== undefined ? `at ${moment}` : `line ${record.line}`
}

function sourceOf(record: ValueRecord): string | undefined {
  const path = record.topic ?? schemaPath(record)
  const server = metaText(record, 'name') ?? path?.split('.').slice(0, -2).join('.')
  const database = metaText(record, 'db')
  return database === undefined || server === undefined ? server : `${server}/${database}`
}

/** The source's time, not the connector's. */
function sourceTime(record: ValueRecord, unit: 'ms' | 'us'): number | undefined {
  const name = `__source_ts_${unit}`
  return numberOf(record.value[name] ?? scalarHeader(record, name))
}
