/**
 * Pure: metadata in, metadata out. One small function per update; the switch in `applyUpdate` is the table of
 * contents. An update that changes nothing gives back the same object, so "nothing to commit" is `===`.
 *
 * Ids in the updates of a client that raced with another are not trusted: schemas, specs and sort orders get the
 * id of an equal one that is there, or the next free one, and `LAST_ADDED` means that id. Snapshots carry numbers
 * that the base decides (sequence number, first row id): stale ones are a `conflict`, because trying again on the
 * new base mends them.
 * @see Iceberg REST catalog specification, "TableUpdate"
 */
import { unreachable } from '../base/assert.js'
import { LakeError } from '../base/errors.js'
import { trimTrailingSlash } from '../io/location.js'
import { checkSnapshot, checkSnapshotRef } from './check-snapshot.js'
import { withItem } from './lazy-list.js'
import { refByName, snapshotById } from './lookup.js'
import { isReservedProperty, previousVersionsMax } from './properties.js'
import {
  addSchema,
  addSortOrder,
  addSpec,
  type Draft,
  removePartitionSpecs,
  removeSchemas,
  setCurrentSchema,
  setDefaultSortOrder,
  setDefaultSpec,
} from './structure-updates.js'
import {
  type FormatVersion,
  MAIN_BRANCH,
  type PartitionStatisticsFile,
  type Snapshot,
  type SnapshotLogEntry,
  type SnapshotRef,
  type StatisticsFile,
  type TableMetadata,
} from './table-metadata.js'
import type { TableUpdate } from './table-update.js'

export interface ApplyOptions {
  readonly nowMs: number
  /** The metadata file that `base` was read from: it becomes the newest entry of the metadata log. */
  readonly baseLocation?: string | undefined
}

/**
 * The metadata after all updates, in order; `base` itself when they change nothing. `base` undefined makes a new table.
 * @throws conflict when the updates were made for an older base; invalid-argument when they make no sense
 */
export function applyUpdates(
  base: TableMetadata | undefined,
  updates: readonly TableUpdate[],
  options: ApplyOptions,
): TableMetadata {
  const start = base ?? emptyMetadata(updates)
  let draft: Draft = { metadata: start, nowMs: options.nowMs, addedSnapshotIds: new Set() }
  for (const update of updates) draft = applyUpdate(draft, update)
  if (draft.metadata === base) return base
  return finish(base, draft, options)
}

function applyUpdate(draft: Draft, update: TableUpdate): Draft {
  switch (update.action) {
    case 'assign-uuid':
      return assignUuid(draft, update.uuid)
    case 'upgrade-format-version':
      return upgradeFormatVersion(draft, update.formatVersion)
    case 'add-schema':
      return addSchema(draft, update.schema)
    case 'set-current-schema':
      return setCurrentSchema(draft, update.schemaId)
    case 'add-spec':
      return addSpec(draft, update.spec)
    case 'set-default-spec':
      return setDefaultSpec(draft, update.specId)
    case 'add-sort-order':
      return addSortOrder(draft, update.sortOrder)
    case 'set-default-sort-order':
      return setDefaultSortOrder(draft, update.sortOrderId)
    case 'add-snapshot':
      return addSnapshot(draft, update.snapshot)
    case 'set-snapshot-ref':
      return setSnapshotRef(draft, update.refName, update.ref)
    case 'remove-snapshots':
      return removeSnapshots(draft, new Set(update.snapshotIds))
    case 'remove-snapshot-ref':
      return removeSnapshotRef(draft, update.refName)
    case 'set-location':
      return setLocation(draft, update.location)
    case 'set-properties':
      return setProperties(draft, update.updates)
    case 'remove-properties':
      return removeProperties(draft, update.removals)
    case 'set-statistics':
      return setStatistics(draft, update.statistics)
    case 'remove-statistics':
      return removeStatistics(draft, update.snapshotId)
    case 'set-partition-statistics':
      return setPartitionStatistics(draft, update.partitionStatistics)
    case 'remove-partition-statistics':
      return removePartitionStatistics(draft, update.snapshotId)
    case 'remove-partition-specs':
      return removePartitionSpecs(draft, update.specIds)
    case 'remove-schemas':
      return removeSchemas(draft, update.schemaIds)
    default:
      return unreachable(update)
  }
}

function change(draft: Draft, members: Partial<TableMetadata>): Draft {
  return { ...draft, metadata: { ...draft.metadata, ...members } }
}

// ---- before and after

/** A table of which nothing is known but its format version. `finish` checks that the updates gave the rest. */
function emptyMetadata(updates: readonly TableUpdate[]): TableMetadata {
  const asked = updates.find(update => update.action === 'upgrade-format-version')
  const formatVersion = asked?.formatVersion ?? 2
  return {
    formatVersion,
    location: '',
    lastSequenceNumber: 0n,
    lastUpdatedMs: 0,
    lastColumnId: 0,
    schemas: [],
    currentSchemaId: -1,
    partitionSpecs: [],
    defaultSpecId: -1,
    lastPartitionId: 999,
    sortOrders: [],
    defaultSortOrderId: -1,
    properties: {},
    snapshots: [],
    snapshotLog: [],
    metadataLog: [],
    refs: {},
    statistics: [],
    partitionStatistics: [],
    ...(formatVersion >= 3 ? { nextRowId: 0n } : {}),
    encryptionKeys: [],
  }
}

function finish(base: TableMetadata | undefined, draft: Draft, options: ApplyOptions): TableMetadata {
  const { metadata } = draft
  checkComplete(metadata)
  return {
    ...metadata,
    snapshotLog: withoutPassing(draft),
    metadataLog: nextMetadataLog(base, metadata, options.baseLocation),
    lastUpdatedMs: lastUpdatedMs(base, draft),
  }
}

function checkComplete(metadata: TableMetadata): void {
  const missing = [
    metadata.location === '' && 'location',
    metadata.tableUuid === undefined && metadata.formatVersion > 1 && 'uuid',
    metadata.currentSchemaId < 0 && 'current schema',
    metadata.defaultSpecId < 0 && 'default partition spec',
    metadata.defaultSortOrderId < 0 && 'default sort order',
  ].filter(what => what !== false)
  if (missing.length > 0)
    throw new LakeError('invalid-argument', 'the updates do not make a complete table', {
      context: { missing },
    })
}

/** The time of the snapshot that was added (within the clock skew that is allowed), else now, or the base's time if that is later. */
function lastUpdatedMs(base: TableMetadata | undefined, draft: Draft): number {
  const newest = draft.metadata.snapshots.findLast(snapshot =>
    draft.addedSnapshotIds.has(snapshot.snapshotId),
  )
  if (newest !== undefined) return newest.timestampMs
  return Math.max(draft.nowMs, base?.lastUpdatedMs ?? 0)
}

/** The oldest entries go first, before the new one is added. */
function nextMetadataLog(
  base: TableMetadata | undefined,
  next: TableMetadata,
  baseLocation: string | undefined,
): TableMetadata['metadataLog'] {
  if (base === undefined || baseLocation === undefined) return next.metadataLog
  const kept = Math.min(next.metadataLog.length, previousVersionsMax(next) - 1)
  return [
    ...next.metadataLog.slice(next.metadataLog.length - kept),
    { timestampMs: base.lastUpdatedMs, metadataFile: baseLocation },
  ]
}

/** Snapshots of this commit that were current only on the way to its last one were never seen: no log entries. */
function withoutPassing(draft: Draft): readonly SnapshotLogEntry[] {
  const { snapshotLog, currentSnapshotId } = draft.metadata
  return snapshotLog.filter(
    entry => entry.snapshotId === currentSnapshotId || !draft.addedSnapshotIds.has(entry.snapshotId),
  )
}

// ---- table-wide members

function assignUuid(draft: Draft, uuid: string): Draft {
  const current = draft.metadata.tableUuid
  if (current?.toLowerCase() === uuid.toLowerCase()) return draft
  if (current !== undefined)
    throw new LakeError('invalid-argument', 'the uuid of a table cannot change', {
      context: { current, uuid },
    })
  return change(draft, { tableUuid: uuid })
}

function upgradeFormatVersion(draft: Draft, formatVersion: FormatVersion): Draft {
  const current = draft.metadata.formatVersion
  if (formatVersion === current) return draft
  if (formatVersion < current)
    throw new LakeError('invalid-argument', 'a table cannot go back to an older format version', {
      context: { current, asked: formatVersion },
    })
  return change(draft, { formatVersion, ...(formatVersion >= 3 ? { nextRowId: 0n } : {}) })
}

function setLocation(draft: Draft, location: string): Draft {
  const trimmed = trimTrailingSlash(location)
  return trimmed === draft.metadata.location ? draft : change(draft, { location: trimmed })
}

/** Reserved names stand for metadata fields: they are not stored. */
function setProperties(draft: Draft, updates: Readonly<Record<string, string>>): Draft {
  const { properties } = draft.metadata
  const changed = Object.entries(updates).filter(
    ([name, value]) =>
      !isReservedProperty(name) && !(Object.hasOwn(properties, name) && properties[name] === value),
  )
  if (changed.length === 0) return draft
  return change(draft, { properties: { ...properties, ...Object.fromEntries(changed) } })
}

function removeProperties(draft: Draft, removals: readonly string[]): Draft {
  const { properties } = draft.metadata
  const kept = Object.entries(properties).filter(([name]) => !removals.includes(name))
  if (kept.length === Object.keys(properties).length) return draft
  return change(draft, { properties: Object.fromEntries(kept) })
}

// ---- snapshots and refs

function addSnapshot(draft: Draft, snapshot: Snapshot): Draft {
  const { metadata } = draft
  checkSnapshot(metadata, snapshot)
  const isFirstVersion = metadata.formatVersion === 1
  const lineage =
    metadata.formatVersion < 3 ? {} : { nextRowId: (snapshot.firstRowId ?? 0n) + (snapshot.addedRows ?? 0n) }
  const added = change(draft, {
    snapshots: withItem(metadata.snapshots, snapshot),
    lastSequenceNumber: isFirstVersion ? 0n : later(metadata.lastSequenceNumber, snapshot.sequenceNumber),
    ...lineage,
  })
  return { ...added, addedSnapshotIds: new Set(draft.addedSnapshotIds).add(snapshot.snapshotId) }
}

/** The last number never goes back, not for a snapshot without a parent either. */
function later(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}

function setSnapshotRef(draft: Draft, refName: string, ref: SnapshotRef): Draft {
  const { metadata } = draft
  checkSnapshotRef(metadata, { refName, ref })
  if (sameRef(refByName(metadata, refName), ref)) return draft
  const refs = { ...metadata.refs, [refName]: ref }
  if (refName !== MAIN_BRANCH) return change(draft, { refs })
  const snapshotLog = withLogEntry(draft, ref.snapshotId)
  return change(draft, { refs, currentSnapshotId: ref.snapshotId, snapshotLog })
}

function withLogEntry(draft: Draft, snapshotId: bigint): readonly SnapshotLogEntry[] {
  const { metadata, addedSnapshotIds, nowMs } = draft
  if (metadata.currentSnapshotId === snapshotId) return metadata.snapshotLog
  const snapshot = addedSnapshotIds.has(snapshotId) ? snapshotById(metadata, snapshotId) : undefined
  const last = metadata.snapshotLog.at(-1)?.timestampMs ?? 0
  const timestampMs = snapshot?.timestampMs ?? Math.max(nowMs, last)
  return withItem(metadata.snapshotLog, { timestampMs, snapshotId })
}

function sameRef(a: SnapshotRef | undefined, b: SnapshotRef): boolean {
  return (
    a?.type === b.type &&
    a.snapshotId === b.snapshotId &&
    a.minSnapshotsToKeep === b.minSnapshotsToKeep &&
    a.maxSnapshotAgeMs === b.maxSnapshotAgeMs &&
    a.maxRefAgeMs === b.maxRefAgeMs
  )
}

/** Without `main` there is no current snapshot; snapshots and the log stay. */
function removeSnapshotRef(draft: Draft, refName: string): Draft {
  const { metadata } = draft
  if (refByName(metadata, refName) === undefined) return draft
  const { [refName]: _, ...refs } = metadata.refs
  if (refName !== MAIN_BRANCH) return change(draft, { refs })
  const { currentSnapshotId: __, ...rest } = metadata
  return { ...draft, metadata: { ...rest, refs } }
}

/**
 * Removes snapshots with their statistics. One that a ref points at is refused: the update carries no requirement,
 * so the ref may have been made since it was planned. Ids that are gone already do nothing.
 */
function removeSnapshots(draft: Draft, ids: ReadonlySet<bigint>): Draft {
  const { metadata } = draft
  const kept = metadata.snapshots.filter(snapshot => !ids.has(snapshot.snapshotId))
  if (kept.length === metadata.snapshots.length) return draft
  for (const [refName, ref] of Object.entries(metadata.refs))
    if (ids.has(ref.snapshotId))
      throw new LakeError('conflict', 'a snapshot to be removed is the head of a ref', {
        context: { ref: refName, snapshotId: ref.snapshotId },
      })
  return change(draft, {
    snapshots: kept,
    snapshotLog: logAfterRemoval(metadata.snapshotLog, kept),
    statistics: metadata.statistics.filter(file => !ids.has(file.snapshotId)),
    partitionStatistics: metadata.partitionStatistics.filter(file => !ids.has(file.snapshotId)),
  })
}

/** History before a removed snapshot would have a hole that as-of reads fall into: it goes too. */
function logAfterRemoval(
  log: readonly SnapshotLogEntry[],
  kept: readonly Snapshot[],
): readonly SnapshotLogEntry[] {
  const ids = new Set(kept.map(snapshot => snapshot.snapshotId))
  const lastGone = log.findLastIndex(entry => !ids.has(entry.snapshotId))
  return log.slice(lastGone + 1)
}

// ---- statistics

function setStatistics(draft: Draft, statistics: StatisticsFile): Draft {
  const others = draft.metadata.statistics.filter(file => file.snapshotId !== statistics.snapshotId)
  return change(draft, { statistics: [...others, statistics] })
}

function removeStatistics(draft: Draft, snapshotId: bigint): Draft {
  const kept = draft.metadata.statistics.filter(file => file.snapshotId !== snapshotId)
  return kept.length === draft.metadata.statistics.length ? draft : change(draft, { statistics: kept })
}

function setPartitionStatistics(draft: Draft, file: PartitionStatisticsFile): Draft {
  const others = draft.metadata.partitionStatistics.filter(other => other.snapshotId !== file.snapshotId)
  return change(draft, { partitionStatistics: [...others, file] })
}

function removePartitionStatistics(draft: Draft, snapshotId: bigint): Draft {
  const { partitionStatistics } = draft.metadata
  const kept = partitionStatistics.filter(file => file.snapshotId !== snapshotId)
  return kept.length === partitionStatistics.length ? draft : change(draft, { partitionStatistics: kept })
}
