/**
 * Snapshot expiry: plan, one commit that forgets snapshots, then physical clean-up.
 *
 * ```
 * plan on base -> commit {remove refs, remove snapshots} requiring every ref -> reload -> prove -> delete
 * ```
 *
 * `remove-snapshots` carries no requirement of its own, so the commit requires every ref that the plan knew. A ref
 * that somebody made in the meantime is in no requirement: a catalog may drop it together with its snapshot. So
 * the state just before ours is compared afterwards; if a ref went down with our commit, nothing is deleted, the
 * ref is made again where the format allows it, and the report says so.
 *
 * Only what the reloaded metadata proves unreachable is deleted, after the commit, and a failure to delete is
 * reported, not thrown.
 *
 * Readers keep their snapshot: one that a lease names does not expire, and behind the commit the leases are looked at
 * again, for readers that loaded the table just before it (`catalog/read-leases.ts`).
 */
import { errorText } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import type { Catalog, LoadedTable, TableIdentifier } from '../catalog/catalog.js'
import { type CommitOptions, commitTables, type TableChange } from '../commit/commit-loop.js'
import { streamUpdatesForExpiry } from '../commit/stream-position.js'
import type { FileIO } from '../io/file-io.js'
import { applyUpdates } from '../metadata/apply-update.js'
import { snapshotById } from '../metadata/lookup.js'
import { readTableMetadata } from '../metadata/metadata-file.js'
import { refRequirements } from '../metadata/requirement.js'
import type { Snapshot, SnapshotRef, TableMetadata } from '../metadata/table-metadata.js'
import type { TableUpdate } from '../metadata/table-update.js'
import { checkMayDeleteFiles, deleteFiles, mayDeleteFiles } from './delete-files.js'
import { type ExpireInputs, type ExpirePlan, type ExpirePolicy, planExpire } from './expire-plan.js'
import { type ReachableFile, type ReachableKind, unreachableFiles } from './reachable-files.js'

export interface ExpireOptions extends ExpirePolicy {
  readonly io: FileIO
  readonly runtime: Runtime
  /** Default true; refused when the table says `gc.enabled=false`. */
  readonly deleteFiles?: boolean | undefined
  /** Plans and proves, commits and deletes nothing. */
  readonly dryRun?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  readonly retry?: CommitOptions['retry']
  readonly onEvent?: CommitOptions['onEvent']
}

export interface ExpireReport {
  readonly dryRun: boolean
  readonly snapshotIds: readonly bigint[]
  /** Snapshots that stayed because somebody reads them, or may do so. */
  readonly heldIds: readonly bigint[]
  readonly refs: readonly string[]
  /** Files deleted, or, in a dry run, to be deleted. */
  readonly files: readonly ReachableFile[]
  readonly counts: Readonly<Record<ReachableKind, number>>
  readonly sizeBytes: number
  readonly failed: readonly { readonly location: string; readonly reason: string }[]
  /** Why nothing was deleted although snapshots expired. */
  readonly kept?: string
  /** Refs of others that the catalog dropped together with our snapshots. */
  readonly droppedRefs: readonly {
    readonly ref: string
    readonly snapshotId: bigint
    readonly restored: boolean
  }[]
}

/**
 * Expires snapshots of a table and deletes the files that nothing kept reaches.
 * @throws invalid-argument for a policy that makes no sense and for a table with `gc.enabled=false`; not-found;
 * conflict; commit-state-unknown (nothing was deleted)
 */
export async function expireSnapshots(
  catalog: Catalog,
  identifier: TableIdentifier,
  options: ExpireOptions,
): Promise<ExpireReport> {
  const base = await catalog.loadTable(identifier, { signal: options.signal })
  checkGarbageCollection(base.metadata, options)
  if (options.dryRun === true) return rehearse(base, await inputsOf(catalog, options), options)
  const { plan, committed } = await commitExpiry(catalog, base, options)
  if (committed === undefined) return report(options, { plan })
  const dropped = await refsDroppedWith(committed, options)
  if (dropped === 'not-known') {
    return report(options, { plan, kept: 'what others committed meanwhile cannot be read' })
  }
  if (dropped.length > 0) {
    const droppedRefs = await restoreRefs(catalog, committed, { ...options, dropped })
    return report(options, { plan, droppedRefs, kept: 'a ref of somebody else was dropped by the commit' })
  }
  if (options.deleteFiles === false) return report(options, { plan, kept: 'files were not to be deleted' })
  return report(options, { plan, ...(await cleanUp(catalog, committed, options)) })
}

function checkGarbageCollection(metadata: TableMetadata, options: ExpireOptions): void {
  if (options.deleteFiles !== false) checkMayDeleteFiles(metadata, { location: metadata.location })
}

/** The policy, the time and the readers of this moment. */
async function inputsOf(catalog: Catalog, options: ExpireOptions): Promise<ExpireInputs> {
  const heldIds = (await catalog.leases?.held())?.snapshotIds
  return { ...options, nowMs: options.runtime.nowMs(), heldIds }
}

async function rehearse(
  base: LoadedTable,
  inputs: ExpireInputs,
  options: ExpireOptions,
): Promise<ExpireReport> {
  const plan = planExpire(base.metadata, inputs)
  if (options.deleteFiles === false || plan.snapshotIds.length === 0) return report(options, { plan })
  const removed = removedSnapshots(base.metadata, plan)
  const ids = new Set(plan.snapshotIds)
  const snapshots = base.metadata.snapshots.filter(snapshot => !ids.has(snapshot.snapshotId))
  const states = { removed, before: base.metadata, kept: { ...base.metadata, snapshots } }
  return report(options, {
    plan,
    files: await unreachableFiles(options.io, states, { signal: options.signal }),
  })
}

interface CommittedExpiry {
  readonly plan: ExpirePlan
  /** What the winning attempt planned on. */
  readonly before: LoadedTable
  readonly after: LoadedTable
}

const NOTHING_EXPIRES: ExpirePlan = { snapshotIds: [], refs: [], heldIds: [] }

async function commitExpiry(
  catalog: Catalog,
  base: LoadedTable,
  options: ExpireOptions,
): Promise<{ readonly plan: ExpirePlan; readonly committed?: CommittedExpiry }> {
  let planned = { plan: NOTHING_EXPIRES, before: base }
  const action = async (before: LoadedTable): Promise<TableChange | 'unchanged'> => {
    checkGarbageCollection(before.metadata, options)
    const plan = planExpire(before.metadata, await inputsOf(catalog, options))
    planned = { plan, before }
    if (plan.snapshotIds.length === 0 && plan.refs.length === 0) return 'unchanged'
    // Every ref, so that no known one can move onto a snapshot that goes.
    const requirements = refRequirements(before.metadata, Object.keys(before.metadata.refs))
    return { updates: withPositions(before.metadata, updatesOf(plan)), requirements, written: [] }
  }
  const result = await commitTables(catalog, [{ identifier: base.identifier, base, action }], options)
  const [after] = result.tables
  if (result.changed[0] !== true || after === undefined) return { plan: planned.plan }
  return { plan: planned.plan, committed: { ...planned, after } }
}

function updatesOf(plan: ExpirePlan): readonly TableUpdate[] {
  const refs = plan.refs.map((refName): TableUpdate => ({ action: 'remove-snapshot-ref', refName }))
  if (plan.snapshotIds.length === 0) return refs
  return [...refs, { action: 'remove-snapshots', snapshotIds: plan.snapshotIds }]
}

/** Where feeds stand stays readable, although a snapshot that says so may be cut off from its branch. */
function withPositions(metadata: TableMetadata, updates: readonly TableUpdate[]): readonly TableUpdate[] {
  const after = applyUpdates(metadata, updates, { nowMs: metadata.lastUpdatedMs })
  return [...updates, ...streamUpdatesForExpiry(metadata, after)]
}

interface DroppedRef {
  readonly name: string
  readonly ref: SnapshotRef
}

/**
 * Refs that were made after our plan and are gone after our commit, because they pointed at what it removed.
 * Found in the metadata files between the two states.
 */
async function refsDroppedWith(
  committed: CommittedExpiry,
  options: ExpireOptions,
): Promise<readonly DroppedRef[] | 'not-known'> {
  const { plan, before, after } = committed
  const log = after.metadata.metadataLog.map(entry => entry.metadataFile)
  const at = log.lastIndexOf(before.metadataLocation)
  if (at < 0) return 'not-known'
  const dropped = new Map<string, SnapshotRef>()
  for (const location of log.slice(at + 1)) {
    try {
      const between = await readTableMetadata(options.io, location, { signal: options.signal })
      for (const [name, ref] of Object.entries(between.refs)) {
        const isGone = after.metadata.refs[name] === undefined && before.metadata.refs[name] === undefined
        if (isGone && plan.snapshotIds.includes(ref.snapshotId)) dropped.set(name, ref)
      }
    } catch {
      return 'not-known'
    }
  }
  return [...dropped].map(([name, ref]) => ({ name, ref }))
}

/** Makes the refs again. Their snapshot enters as a new one of this moment: its files are all there. */
async function restoreRefs(
  catalog: Catalog,
  committed: CommittedExpiry,
  options: ExpireOptions & { readonly dropped: readonly DroppedRef[] },
): Promise<ExpireReport['droppedRefs']> {
  const { identifier, metadata } = committed.before
  const outcomes: { ref: string; snapshotId: bigint; restored: boolean }[] = []
  for (const { name, ref } of options.dropped) {
    const action = async (base: LoadedTable): Promise<TableChange> => ({
      updates: restoringUpdates(base.metadata, { name, ref, from: metadata, nowMs: options.runtime.nowMs() }),
      requirements: [{ type: 'assert-ref-snapshot-id', ref: name, snapshotId: undefined }],
      written: [],
    })
    let restored = true
    try {
      await commitTables(catalog, [{ identifier, action }], options)
    } catch {
      restored = false
    }
    outcomes.push({ ref: name, snapshotId: ref.snapshotId, restored })
  }
  return outcomes
}

function restoringUpdates(
  base: TableMetadata,
  dropped: DroppedRef & { readonly from: TableMetadata; readonly nowMs: number },
): readonly TableUpdate[] {
  const { name, ref, from, nowMs } = dropped
  const snapshot = snapshotById(from, ref.snapshotId)
  const setRef: TableUpdate = { action: 'set-snapshot-ref', refName: name, ref }
  if (snapshot === undefined || snapshotById(base, ref.snapshotId) !== undefined) return [setRef]
  const again = {
    ...snapshot,
    sequenceNumber: base.lastSequenceNumber + 1n,
    timestampMs: Math.max(nowMs, base.lastUpdatedMs),
    ...(base.formatVersion < 3 ? {} : { firstRowId: base.nextRowId ?? 0n, addedRows: 0n }),
  }
  return [{ action: 'add-snapshot', snapshot: again }, setRef]
}

/** Reloads, proves, deletes. Whatever goes wrong here only leaves files behind. */
async function cleanUp(
  catalog: Catalog,
  committed: CommittedExpiry,
  options: ExpireOptions,
): Promise<Pick<ReportParts, 'files' | 'failed' | 'kept'>> {
  const { plan, before } = committed
  try {
    const { metadata: kept } = await catalog.loadTable(before.identifier, { signal: options.signal })
    if (kept.tableUuid !== before.metadata.tableUuid) return { kept: 'the table was replaced by another one' }
    if (!mayDeleteFiles(kept)) return { kept: 'gc.enabled was set to false meanwhile' }
    const gone = removedSnapshots(before.metadata, plan).filter(
      snapshot => snapshotById(kept, snapshot.snapshotId) === undefined,
    )
    const readers = await lateReaders(catalog, gone, options)
    if (readers === 'not-known') return { kept: 'readers do not say what they read' }
    const read = gone.filter(({ snapshotId }) => readers.has(snapshotId))
    const states = {
      removed: gone.filter(snapshot => !read.includes(snapshot)),
      before: before.metadata,
      kept: { ...kept, snapshots: [...kept.snapshots, ...read] },
    }
    const unreachable = await unreachableFiles(options.io, states, { signal: options.signal })
    const deletion = await deleteUnreachable(unreachable, options)
    return { ...(read.length > 0 && { kept: 'files of a snapshot that is being read' }), ...deletion }
  } catch (error) {
    return { kept: cutShortBy(errorText(error)) }
  }
}

async function deleteUnreachable(
  unreachable: readonly ReachableFile[],
  { io, signal }: ExpireOptions,
): Promise<Pick<ReportParts, 'files' | 'failed' | 'kept'>> {
  const locations = unreachable.map(file => file.location)
  const { deleted, failed, cutShort } = await deleteFiles(io, locations, { signal })
  const gone = new Set(deleted)
  const files = unreachable.filter(file => gone.has(file.location))
  return { files, failed, ...(cutShort === undefined ? {} : { kept: cutShortBy(cutShort) }) }
}

function cutShortBy(reason: string): string {
  return `the clean-up was cut short: ${reason}`
}

const READER_WAIT_MS = 5_000
const READER_POLL_MS = 20

/**
 * Removed snapshots of readers that loaded the table between the plan and the commit. Such readers are few and most are
 * soon done, so they are waited for a little.
 */
async function lateReaders(
  catalog: Catalog,
  removed: readonly Snapshot[],
  options: ExpireOptions,
): Promise<ReadonlySet<bigint> | 'not-known'> {
  const { leases } = catalog
  if (leases === undefined) return new Set()
  for (let waitedMs = 0; ; waitedMs += READER_POLL_MS) {
    const { snapshotIds, unpinned } = await leases.held()
    const isRead = removed.some(({ snapshotId }) => snapshotIds.has(snapshotId))
    if (unpinned === 0 && !isRead) return new Set()
    if (waitedMs >= READER_WAIT_MS) return unpinned > 0 ? 'not-known' : snapshotIds
    await options.runtime.sleep(READER_POLL_MS, options.signal)
  }
}

function removedSnapshots(metadata: TableMetadata, plan: ExpirePlan): readonly Snapshot[] {
  const ids = new Set(plan.snapshotIds)
  return metadata.snapshots.filter(snapshot => ids.has(snapshot.snapshotId))
}

interface ReportParts {
  readonly plan?: ExpirePlan
  readonly files?: readonly ReachableFile[]
  readonly failed?: ExpireReport['failed']
  readonly kept?: string
  readonly droppedRefs?: ExpireReport['droppedRefs']
}

function report(options: ExpireOptions, parts: ReportParts): ExpireReport {
  const files = parts.files ?? []
  const counts: Record<ReachableKind, number> = {
    data: 0,
    'position-deletes': 0,
    'equality-deletes': 0,
    manifest: 0,
    'manifest-list': 0,
    statistics: 0,
  }
  for (const file of files) counts[file.kind]++
  return {
    dryRun: options.dryRun === true,
    snapshotIds: parts.plan?.snapshotIds ?? [],
    heldIds: parts.plan?.heldIds ?? [],
    refs: parts.plan?.refs ?? [],
    files,
    counts,
    sizeBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0),
    failed: parts.failed ?? [],
    ...(parts.kept === undefined ? {} : { kept: parts.kept }),
    droppedRefs: parts.droppedRefs ?? [],
  }
}
