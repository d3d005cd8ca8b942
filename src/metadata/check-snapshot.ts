/** What a snapshot or ref must satisfy to enter metadata; stale numbers are conflicts, the rest are mistakes. */
import { LakeError } from '../base/errors.js'
import { schemaById, snapshotById } from './lookup.js'
import { MAIN_BRANCH, type Snapshot, type SnapshotRef, type TableMetadata } from './table-metadata.js'

/** Clocks of writers may differ by that much. */
const CLOCK_SKEW_MS_MAX = 60_000

/**
 * Checks a snapshot against the metadata it is added to.
 * @throws conflict for a stale sequence number or first row id; invalid-argument for the rest
 */
export function checkSnapshot(metadata: TableMetadata, snapshot: Snapshot): void {
  const { snapshotId } = snapshot
  if (snapshotById(metadata, snapshotId) !== undefined)
    throw invalid('the snapshot id is in use', { snapshotId })
  if (snapshot.schemaId !== undefined && schemaById(metadata, snapshot.schemaId) === undefined)
    throw invalid('the snapshot names a schema that is not there', {
      snapshotId,
      schemaId: snapshot.schemaId,
    })
  checkSequenceNumber(metadata, snapshot)
  checkRowLineage(metadata, snapshot)
  checkTime(metadata, snapshot)
}

function invalid(message: string, context: Readonly<Record<string, string | number | bigint>>): LakeError {
  return new LakeError('invalid-argument', message, { context })
}

/**
 * The first snapshot of a table that replaces one has no parent, and shares no files with the snapshots before: nothing
 * compares their numbers, so when another replacement came first it may have the same. Java's library does not mend it.
 */
function checkSequenceNumber(metadata: TableMetadata, snapshot: Snapshot): void {
  const { sequenceNumber, parentSnapshotId } = snapshot
  if (metadata.formatVersion === 1 || sequenceNumber > metadata.lastSequenceNumber) return
  if (parentSnapshotId === undefined && metadata.snapshotLog.length > 0) return
  throw new LakeError('conflict', 'the sequence number of the snapshot is stale', {
    context: {
      sequenceNumber: snapshot.sequenceNumber,
      lastSequenceNumber: metadata.lastSequenceNumber,
      snapshotId: snapshot.snapshotId,
    },
  })
}

function checkRowLineage(metadata: TableMetadata, snapshot: Snapshot): void {
  if (metadata.formatVersion < 3) return
  const { firstRowId, addedRows, snapshotId } = snapshot
  if (firstRowId === undefined || addedRows === undefined)
    throw invalid('a snapshot of format version 3 needs first-row-id and added-rows', { snapshotId })
  if (addedRows < 0n)
    throw invalid('a snapshot cannot add a negative number of rows', { snapshotId, addedRows })
  const nextRowId = metadata.nextRowId ?? 0n
  if (firstRowId >= nextRowId) return
  throw new LakeError('conflict', 'the first row id of the snapshot is stale', {
    context: { firstRowId, nextRowId, snapshotId },
  })
}

function checkTime(metadata: TableMetadata, snapshot: Snapshot): void {
  const newest = Math.max(metadata.lastUpdatedMs, metadata.snapshotLog.at(-1)?.timestampMs ?? 0)
  const { timestampMs, snapshotId } = snapshot
  if (timestampMs >= newest - CLOCK_SKEW_MS_MAX) return
  throw invalid('the snapshot is older than the last update by more than a minute', {
    snapshotId,
    timestampMs,
    lastUpdatedMs: newest,
  })
}

/**
 * Checks a ref that is set.
 * @throws invalid-argument when its snapshot is not there, `main` is a tag, or a retention makes no sense
 */
export function checkSnapshotRef(
  metadata: TableMetadata,
  named: { readonly refName: string; readonly ref: SnapshotRef },
): void {
  const { refName, ref } = named
  const { snapshotId } = ref
  if (refName === '') throw invalid('a ref needs a name', { snapshotId })
  if (refName === MAIN_BRANCH && ref.type === 'tag')
    throw invalid('the main branch cannot be a tag', { snapshotId })
  if (snapshotById(metadata, snapshotId) === undefined)
    throw invalid('the ref names a snapshot that is not there', { ref: refName, snapshotId })
  checkRetention(refName, ref)
}

function checkRetention(refName: string, ref: SnapshotRef): void {
  const { minSnapshotsToKeep, maxSnapshotAgeMs, maxRefAgeMs } = ref
  if (ref.type === 'tag' && (minSnapshotsToKeep !== undefined || maxSnapshotAgeMs !== undefined))
    throw invalid('a tag has no snapshot retention', { ref: refName })
  if (refName === MAIN_BRANCH && maxRefAgeMs !== undefined)
    throw invalid('the main branch does not age', { ref: refName })
  for (const limit of [minSnapshotsToKeep, maxSnapshotAgeMs, maxRefAgeMs])
    if (limit !== undefined && !(limit > 0))
      throw invalid('a retention must be positive', { ref: refName, limit })
}
