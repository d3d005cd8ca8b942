/**
 * Which snapshot a reader means, and with which schema it reads it.
 *
 * | asked by | snapshot | schema |
 * |---|---|---|
 * | nothing, or a branch | its head | the table's current one |
 * | a tag or an id | that one | the one it was written with |
 * | a time | the one that was current then, by the snapshot log | the one it was written with |
 *
 * @see Iceberg table spec, "Point in Time Reads (Time Travel)"
 */
import { LakeError } from '../base/errors.js'
import { currentSchema, refByName, schemaOfSnapshot, snapshotById } from '../metadata/lookup.js'
import { MAIN_BRANCH, type Snapshot, type TableMetadata } from '../metadata/table-metadata.js'
import { floorDivide, parseTimestamp } from '../schema/time.js'
import type { Schema } from '../schema/types.js'

export type SnapshotSelector =
  | 'current'
  | { readonly snapshotId: bigint }
  /** Milliseconds since 1970-01-01 UTC. */
  | { readonly timestampMs: number }
  | { readonly ref: string }

export interface ResolvedSnapshot {
  /** Undefined for a table, or a main branch, that has no snapshot yet: it reads as empty. */
  readonly snapshot: Snapshot | undefined
  readonly schema: Schema
}

/** @throws not-found for an unknown id or ref, and for a time before the first snapshot or of an expired one */
export function resolveSnapshot(metadata: TableMetadata, selector: SnapshotSelector): ResolvedSnapshot {
  if (selector === 'current') return resolveRef(metadata, MAIN_BRANCH)
  if ('ref' in selector) return resolveRef(metadata, selector.ref)
  if ('snapshotId' in selector) return ofSnapshot(metadata, kept(metadata, selector.snapshotId))
  return ofSnapshot(metadata, kept(metadata, snapshotIdAt(metadata, selector.timestampMs)))
}

const SNAPSHOT_ID = /^\d+$/
const LOOKS_LIKE_TIME = /^[+-]?\d{4,}-\d{2}-\d{2}/

/**
 * The one-text form: all digits are a snapshot id, an ISO-8601 time with a zone is a time, the rest is a ref.
 * @throws invalid-argument for a time without a zone
 */
export function parseAsOf(text: string): SnapshotSelector {
  if (SNAPSHOT_ID.test(text)) return { snapshotId: BigInt(text) }
  const timestampMs = parseTimestampMs(text)
  if (timestampMs !== undefined) return { timestampMs }
  if (
    LOOKS_LIKE_TIME.test(text) &&
    parseTimestamp(text, { zone: 'default-utc', unit: 'micros' }) !== undefined
  ) {
    throw new LakeError('invalid-argument', 'a time to read the table at needs a zone', { context: { text } })
  }
  return { ref: text }
}

/** Whole milliseconds, rounded down: a snapshot made within the asked millisecond counts as made at it. */
function parseTimestampMs(text: string): number | undefined {
  const micros = parseTimestamp(text, { zone: 'required', unit: 'micros' })
  if (micros === undefined) return undefined
  return Number(floorDivide(micros, 1000n))
}

function resolveRef(metadata: TableMetadata, name: string): ResolvedSnapshot {
  const ref = refByName(metadata, name)
  if (ref === undefined) {
    if (name === MAIN_BRANCH) return { snapshot: undefined, schema: currentSchema(metadata) }
    throw new LakeError('not-found', 'the table has no such branch or tag', {
      context: { ref: name, refs: Object.keys(metadata.refs) },
    })
  }
  const snapshot = kept(metadata, ref.snapshotId)
  return ref.type === 'tag' ? ofSnapshot(metadata, snapshot) : { snapshot, schema: currentSchema(metadata) }
}

function ofSnapshot(metadata: TableMetadata, snapshot: Snapshot): ResolvedSnapshot {
  return { snapshot, schema: schemaOfSnapshot(metadata, snapshot) }
}

function kept(metadata: TableMetadata, snapshotId: bigint): Snapshot {
  const snapshot = snapshotById(metadata, snapshotId)
  if (snapshot === undefined) {
    throw new LakeError('not-found', 'the table has no such snapshot, or it was expired', {
      context: { snapshotId },
    })
  }
  return snapshot
}

/** The latest log entry not after the time; of several at one time the first. The log need not be in order. */
function snapshotIdAt(metadata: TableMetadata, timestampMs: number): bigint {
  let found: { timestampMs: number; snapshotId: bigint } | undefined
  for (const entry of metadata.snapshotLog) {
    if (entry.timestampMs > timestampMs) continue
    if (found === undefined || entry.timestampMs > found.timestampMs) found = entry
  }
  if (found === undefined) {
    throw new LakeError('not-found', 'the table had no snapshot at that time, or its history was expired', {
      context: { timestampMs },
    })
  }
  return found.snapshotId
}
