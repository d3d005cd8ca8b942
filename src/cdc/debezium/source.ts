/**
 * Where a Debezium record comes from: the connector, the source transaction, the position.
 *
 * | connector | transaction | position |
 * |---|---|---|
 * | postgresql | `txId`; with transaction records the part of their id before the colon | LSN of END, else line |
 * | mysql, mariadb | GTID; without, every row event for itself | place in the binary log |
 * | sqlserver, db2, informix | `commit_lsn` | line |
 * | oracle | `txId` | line |
 *
 * The lines of the others stand in the order of the log as well, so that their order is known; only their positions have
 * no form of their own. Connectors that do not give whole rows in one order - MongoDB, Cassandra, Vitess, Spanner - are not
 * read.
 */
import { LakeError } from '../../base/errors.js'
import { type ExactJson, type ExactJsonObject, JsonNumber } from '../../base/json.js'
import { isExactObject } from '../feed-lines.js'
import type { FeedPosition } from '../feed-position.js'
import type { Dialect } from './connect-types.js'
import { objectOf, type ValueRecord } from './record.js'

/** Where a change comes from. */
export interface Origin {
  /** Groups changes that were committed together; rows of snapshots belong to no transaction. */
  readonly txid: string | undefined
  /** Place in the source's log; undefined where only the feed's lines order. A change's LSN orders nothing but snapshots. */
  readonly place: FeedPosition | undefined
  /** Server and database. */
  readonly source: string | undefined
  readonly committedMs: number | undefined
  readonly dialect: Dialect
  /** This is the first half of a key update, or the second. */
  readonly leaves: boolean
  readonly arrives: boolean
}

const DIALECTS: Readonly<Record<string, Dialect>> = {
  postgresql: 'postgres',
  mysql: 'mysql',
  mariadb: 'mysql',
  sqlserver: 'other',
  oracle: 'other',
  db2: 'other',
  informix: 'other',
}

/** Of the envelope's `source` block. @throws corrupt without one; unsupported for other connectors */
export function originOf(record: ValueRecord): Omit<Origin, 'leaves' | 'arrives'> {
  const { value, line } = record
  const block = objectOf(value.source, 'source', line)
  const dialect = dialectOf(block, line)
  const isSnapshot = value.op === 'r' || isSnapshotRecord(block)
  return {
    txid: isSnapshot
      ? undefined
      : (transactionOf(value.transaction) ?? blockTransaction(block) ?? `line ${line}`),
    place: placeOf(block),
    source: sourceName(block),
    committedMs: isSnapshot ? undefined : numberOf(block.ts_ms),
    dialect,
  }
}

/** Server and database; of MySQL the server alone, which commits to several databases together. */
function sourceName(block: ExactJsonObject): string {
  return block.file === undefined ? `${block.name ?? ''}/${block.db ?? ''}` : String(block.name ?? '')
}

function dialectOf(block: ExactJsonObject, line: number): Dialect {
  const { connector } = block
  const named = typeof connector === 'string' ? DIALECTS[connector] : undefined
  if (named !== undefined) return named
  if (connector === undefined && block.lsn !== undefined) return 'postgres'
  if (connector === undefined && block.file !== undefined) return 'mysql'
  throw new LakeError('unsupported', 'feeds of this connector are not read', {
    context: { line, connector: String(connector ?? '') },
  })
}

/** True for what the connector read as it began, schema changes included; an incremental snapshot has only rows. */
export function isSnapshotRecord(block: ExactJsonObject): boolean {
  const { snapshot } = block
  return snapshot !== undefined && snapshot !== null && snapshot !== 'false' && snapshot !== false
}

function placeOf(block: ExactJsonObject): FeedPosition | undefined {
  if (block.lsn instanceof JsonNumber) return { kind: 'lsn', lsn: BigInt(block.lsn.text) }
  return binlogPlace(block.file, block.pos, block.row)
}

/** A place in a binary log, from its parts. */
export function binlogPlace(
  file: ExactJson | undefined,
  pos: ExactJson | undefined,
  row: ExactJson | undefined,
): FeedPosition | undefined {
  const at = numberOf(pos)
  if (typeof file !== 'string' || at === undefined) return undefined
  return { kind: 'binlog', file, pos: at, row: numberOf(row) ?? 0 }
}

export function numberOf(value: ExactJson | undefined): number | undefined {
  if (value instanceof JsonNumber || typeof value === 'string') {
    const number = Number(value instanceof JsonNumber ? value.text : value)
    return Number.isFinite(number) ? number : undefined
  }
  return undefined
}

/** The id in an event's `transaction` block. */
function transactionOf(block: ExactJson | undefined): string | undefined {
  if (!isExactObject(block) || typeof block.id !== 'string') return undefined
  return transactionId(block.id).id
}

function blockTransaction(block: ExactJsonObject): string | undefined {
  const { txId, gtid, commit_lsn: commitLsn, file, pos } = block
  if (txId instanceof JsonNumber) return txId.text
  for (const id of [txId, gtid, commitLsn]) if (typeof id === 'string' && id !== '') return id
  return file === undefined ? undefined : `${file}:${pos instanceof JsonNumber ? pos.text : ''}`
}

/** PostgreSQL's ids are `txid:lsn`, where the LSN is that of each record; of all others the id is the same throughout. */
export function transactionId(text: string): { readonly id: string; readonly lsn: bigint | undefined } {
  const match = /^(\d+):(\d+)$/.exec(text)
  return match === null ? { id: text, lsn: undefined } : { id: match[1] ?? '', lsn: BigInt(match[2] ?? '') }
}

export interface TransactionMark {
  readonly status: 'BEGIN' | 'END'
  readonly id: string
  /** The commit's, where the record tells it. */
  readonly place: FeedPosition | undefined
}

const MARK_NAMES: ReadonlySet<string> = new Set([
  ...['status', 'id', 'event_count', 'data_collections', 'ts_ms', 'ts_us', 'ts_ns'],
])

/** A record of the transaction topic. */
export function transactionMark({ value }: ValueRecord): TransactionMark | undefined {
  const { status, id } = value
  if (typeof id !== 'string' || (status !== 'BEGIN' && status !== 'END')) return undefined
  for (const name of Object.keys(value)) if (!MARK_NAMES.has(name)) return undefined
  const { id: txid, lsn } = transactionId(id)
  return { status, id: txid, place: lsn === undefined ? undefined : { kind: 'lsn', lsn } }
}
