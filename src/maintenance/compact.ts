/**
 * Compaction: small files, and files with many deletes, are rewritten into larger ones without deleted rows.
 *
 *   plan on S0 -> rewrite a group -> ... -> commit {remove old, add new, drop dangling deletes}
 *                                              ^ on the base of the attempt, whatever became of S0
 *
 * A group is committed only if its files stand on that base as they were read: same sequence numbers, same row
 * ids, same deletes. A group that somebody deleted from meanwhile is given up, the others land. New files keep the
 * sequence number of S0, so that equality deletes committed meanwhile still reach their rows. Format version 3:
 * row ids and last updated sequence numbers are written into the files, or the rows would be numbered anew. A read lease
 * holds S0 until the end, so that expiry does not take the files that are being read.
 * @see Iceberg table spec, "Sequence Numbers", "Row Lineage"
 */
import { errorText, isLakeError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import type { Catalog, LoadedTable, TableIdentifier } from '../catalog/catalog.js'
import { printIdentifier } from '../catalog/identifier.js'
import { createHold } from '../catalog/read-hold.js'
import type { Turn } from '../catalog/turns.js'
import { type CommitOptions, commitTables, type TableAction } from '../commit/commit-loop.js'
import { type FileHold, holdFiles } from '../commit/hold-lease.js'
import type { FileIO } from '../io/file-io.js'
import type { ContentFile, DataFile } from '../manifest/content-file.js'
import { currentSchema, defaultSpec, snapshotById } from '../metadata/lookup.js'
import { checkWritable } from '../metadata/new-table.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { createDeleteLoader } from '../reader/load-deletes.js'
import { planScan, type ReadTask } from '../reader/plan.js'
import { readTask } from '../reader/read-task.js'
import { LAST_UPDATED_SEQUENCE_NUMBER_FIELD, ROW_ID_FIELD } from '../schema/reserved-fields.js'
import { fileKey } from '../snapshot/file-changes.js'
import { openDataWriter } from '../writer/data-writer.js'
import { type FileNaming, fileNaming } from '../writer/file-location.js'
import { headOf, type SnapshotChanges, snapshotChanges } from '../writer/snapshot-change.js'
import {
  type CompactionGroup,
  type CompactionLimits,
  type CompactionOptions,
  compactionLimits,
  planCompaction,
  writeMaxFileSizeBytes,
} from './compact-plan.js'
import {
  type PlannedState,
  positionDeletesOf,
  type RewrittenGroup,
  standingGroups,
} from './standing-groups.js'

export interface CompactOptions extends CompactionOptions {
  readonly io: FileIO
  readonly runtime: Runtime
  /** Branch to compact; default main. */
  readonly ref?: string | undefined
  /** Plans, writes nothing. */
  readonly dryRun?: boolean | undefined
  /** No group is begun after that time; what is ready is committed. */
  readonly runtimeMsMax?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly retry?: CommitOptions['retry']
  readonly onEvent?: CommitOptions['onEvent']
}

export interface CompactReport {
  /** `more-left`: the time was over first; `lost`: every group was given up to concurrent commits. */
  readonly status: 'done' | 'nothing-to-do' | 'more-left' | 'lost'
  readonly dryRun: boolean
  readonly groups: {
    readonly planned: number
    readonly committed: number
    /** Given up, because their files changed meanwhile. */
    readonly lost: number
    /** Could not be rewritten. */
    readonly failed: number
  }
  /** In a dry run, what the plan holds. */
  readonly rewrittenFiles: number
  readonly rewrittenBytes: number
  /** In a dry run, as many as planned. */
  readonly addedFiles: number
  readonly addedBytes: number
  readonly removedDeleteFiles: number
  readonly failures: readonly string[]
}

/**
 * Compacts a table.
 * @throws invalid-argument for contradicting limits; unsupported for tables that may not be written; not-found;
 * commit-state-unknown (nothing was deleted); what rewriting throws, when every group failed
 */
export async function compactTable(
  catalog: Catalog,
  identifier: TableIdentifier,
  options: CompactOptions,
): Promise<CompactReport> {
  const first = await compactOnce(catalog, identifier, options)
  if (first.status !== 'lost' || catalog.turns === undefined) return first
  // Others change the same files again and again: once more, while they wait a little before their commits.
  const tables = [printIdentifier(identifier)]
  const turn = await catalog.turns.queue(tables)
  if (turn === undefined) return first
  try {
    await catalog.turns.wait(tables, { turn, signal: options.signal })
    return await compactOnce(catalog, identifier, { ...options, turn })
  } finally {
    await turn.leave()
  }
}

interface OnceOptions extends CompactOptions {
  readonly turn?: Turn | undefined
}

async function compactOnce(
  catalog: Catalog,
  identifier: TableIdentifier,
  options: OnceOptions,
): Promise<CompactReport> {
  const { ref, signal } = options
  const hold = createHold(catalog.leases)
  return hold.during(async renew => {
    const base = await hold.load(
      () => catalog.loadTable(identifier, { signal }),
      ({ metadata }) => headIds(metadata, ref),
    )
    checkWritable(base.metadata)
    return compactHeld({ ...options, catalog, base, renew })
  })
}

function headIds(metadata: TableMetadata, ref: string | undefined): readonly bigint[] {
  const head = headOf(metadata, ref)
  return head === undefined ? [] : [head.snapshotId]
}

interface HeldBase extends OnceOptions {
  readonly catalog: Catalog
  /** What is planned on, and read. */
  readonly base: LoadedTable
  /** Keeps the lease that holds the base. */
  readonly renew: () => Promise<void>
}

async function compactHeld(held: HeldBase): Promise<CompactReport> {
  const { io, ref, base, signal } = held
  const { metadata } = base
  const limits = compactionLimits(metadata, held)
  let tasks: readonly ReadTask[]
  try {
    tasks = await liveTasks(io, base, { ref, signal })
  } catch (error) {
    if (await isExpired(held, error)) return report(held, { status: 'lost' })
    throw error
  }
  const groups = planCompaction(tasks, { metadata, limits })
  if (groups.length === 0) return report(held, { status: 'nothing-to-do' })
  if (held.dryRun === true) return rehearsal(held, groups)
  const sequenceNumber = headOf(metadata, ref)?.sequenceNumber ?? 0n
  return rewriteAll({ ...held, limits, sequenceNumber }, groups)
}

/** Whether a file is gone since somebody, who does not heed leases, expired the base: then its groups are lost. */
async function isExpired({ catalog, base, ref, signal }: HeldBase, error: unknown): Promise<boolean> {
  const head = headOf(base.metadata, ref)
  if (head === undefined || !isLakeError(error, 'not-found')) return false
  const current = await catalog.loadTable(base.identifier, { signal })
  return snapshotById(current.metadata, head.snapshotId) === undefined
}

interface Job extends HeldBase {
  readonly limits: CompactionLimits
  /** Of the snapshot that was planned on. */
  readonly sequenceNumber: bigint
}

/** Of the groups of one commit. */
interface Operation extends Job {
  readonly operationUuid: string
  /** `io` is that of the hold. */
  readonly files: FileHold
}

async function liveTasks(
  io: FileIO,
  base: LoadedTable,
  options: { readonly ref: string | undefined; readonly signal?: AbortSignal | undefined },
): Promise<readonly ReadTask[]> {
  const { metadata } = base
  const snapshot = headOf(metadata, options.ref)
  const schema = currentSchema(metadata)
  const plan = await planScan(base, io, { snapshot, schema, signal: options.signal })
  return plan.tasks
}

async function rewriteAll(job: Job, groups: readonly CompactionGroup[]): Promise<CompactReport> {
  const { runtime, limits } = job
  const endMs = runtime.nowMs() + (job.runtimeMsMax ?? Number.POSITIVE_INFINITY)
  const perCommit = limits.partialProgress ? Math.ceil(groups.length / limits.maxCommits) : groups.length
  const total: Total = emptyTotal()
  const errors: unknown[] = []
  let begun = 0
  for (let from = 0; from < groups.length; from += perCommit) {
    const batch = groups.slice(from, from + perCommit)
    begun += await rewriteBatch(job, batch, { endMs, total, errors })
  }
  if (errors.length === groups.length) throw errors[0]
  const isLost = total.committed === 0 && total.lost > 0
  const status = begun < groups.length ? 'more-left' : isLost ? 'lost' : 'done'
  return report(job, { status, planned: groups.length, ...total })
}

/** Rewrites groups one after the other until the time is over, and commits those that are ready. @returns how many were begun */
async function rewriteBatch(
  job: Job,
  groups: readonly CompactionGroup[],
  { endMs, total, errors }: { readonly endMs: number; readonly total: Total; readonly errors: unknown[] },
): Promise<number> {
  const { base, runtime } = job
  const files = holdFiles({ ...job, identifier: base.identifier })
  const operation: Operation = { ...job, io: files.io, files, operationUuid: runtime.orderedUuid() }
  const ready: RewrittenGroup[] = []
  let begun = 0
  try {
    for (const group of groups) {
      if (runtime.nowMs() > endMs) break
      const taskId = begun++
      try {
        ready.push({ group, files: await rewriteGroup(operation, group, taskId) })
      } catch (error) {
        if (isLakeError(error, 'aborted')) throw await afterDiscard(operation.io, ready, error)
        if (await isExpired(job, error)) total.lost++
        else {
          errors.push(error)
          total.failures.push(errorText(error))
        }
      }
    }
    if (ready.length > 0) await commitOrLose(operation, ready, total)
  } finally {
    await files.end()
  }
  return begun
}

async function afterDiscard(io: FileIO, ready: readonly RewrittenGroup[], error: unknown): Promise<unknown> {
  await discard(io, ready)
  return error
}

/** Streams the live rows of a group, in order, into new files. When it throws, it has deleted what it wrote. */
async function rewriteGroup(
  job: Operation,
  group: CompactionGroup,
  taskId: number,
): Promise<readonly DataFile[]> {
  const { io, limits, signal, base } = job
  const { metadata } = base
  const schema = currentSchema(metadata)
  const lineage = keepsLineage(metadata, group) ? [ROW_ID_FIELD, LAST_UPDATED_SEQUENCE_NUMBER_FIELD] : []
  const naming: FileNaming = fileNaming(metadata, { operationUuid: job.operationUuid, taskId })
  const writer = openDataWriter({
    io,
    metadata,
    schema,
    spec: defaultSpec(metadata),
    naming,
    lineageFields: lineage,
    targetSizeBytes: writeMaxFileSizeBytes(limits),
    fileRowsMax: group.outputFiles > 1 ? Math.ceil(group.liveRows / group.outputFiles) : undefined,
    signal,
  })
  const deletes = createDeleteLoader(io, { metadata, schema, tasks: group.tasks })
  const fields = [...schema.fields, ...lineage]
  try {
    for (const task of group.tasks)
      for await (const batch of readTask(io, task, { metadata, schema, fields, deletes, signal })) {
        await writer.write(batch)
        await job.renew()
      }
    return await writer.close()
  } catch (error) {
    await writer.abort()
    throw error
  }
}

/** Rows of files without a first row id have no lineage to keep: they get ids with the new file. */
function keepsLineage(metadata: TableMetadata, group: CompactionGroup): boolean {
  return metadata.formatVersion >= 3 && group.tasks.some(task => task.entry.file.firstRowId !== undefined)
}

/** When other commits win every attempt, the groups are lost, as they are when their files change. */
async function commitOrLose(job: Operation, ready: readonly RewrittenGroup[], total: Total): Promise<void> {
  try {
    await commitGroups(job, ready, total)
  } catch (error) {
    if (!isLakeError(error, 'conflict')) throw error
    total.lost += ready.length
  }
}

/** Commits what still stands of the groups, and deletes the new files of those that do not. */
async function commitGroups(job: Operation, ready: readonly RewrittenGroup[], total: Total): Promise<void> {
  const { catalog, base, files: inFlight, io, runtime, signal, retry, turn } = job
  let landed: Landed = { kept: [], dangling: [] }
  let inDoubt = false
  const action = replaceAction(job, ready, change => {
    landed = change
  })
  const { identifier } = base
  const target = { identifier, action, files: inFlight, discard: () => discard(io, ready) }
  await commitTables(catalog, [target], {
    io,
    runtime,
    signal,
    retry,
    turn,
    onEvent: event => {
      if (event.type === 'unknown') inDoubt = true
      job.onEvent?.(event)
    },
  })
  const { kept, dangling } = landed
  const lost = ready.filter(rewritten => !kept.includes(rewritten))
  // After a doubt an earlier attempt might name them still: they stay as orphans.
  if (!inDoubt) await discard(io, lost)
  total.lost += lost.length
  total.committed += kept.length
  total.removedDeleteFiles += dangling.length
  for (const { group, files } of kept) {
    total.rewrittenFiles += group.tasks.length
    total.rewrittenBytes += group.inputBytes
    total.addedFiles += files.length
    total.addedBytes += files.reduce((sum, file) => sum + file.fileSizeBytes, 0)
  }
}

/** What one attempt replaces. */
interface Landed {
  readonly kept: readonly RewrittenGroup[]
  /** Delete files that reach no row any more. */
  readonly dangling: readonly ContentFile[]
}

function replaceAction(
  job: Operation,
  ready: readonly RewrittenGroup[],
  onChange: (landed: Landed) => void,
): TableAction {
  const { io, limits } = job
  const snapshots = snapshotChanges(io, job)
  return async (base, attempt) => {
    const { metadata } = base
    const { signal } = attempt
    const tasks = await liveTasks(io, base, { ref: job.ref, signal })
    const now = { metadata, snapshot: snapshots.headOf(metadata), tasks }
    const kept = await standingGroups(io, ready, { planned: plannedState(job, snapshots), now, signal })
    const dangling = danglingDeletes(kept, tasks, job)
    onChange({ kept, dangling })
    if (kept.length === 0) return 'unchanged'
    return snapshots.produce(base, attempt, {
      changes: {
        operation: 'replace',
        addedDataFiles: kept.flatMap(({ files }) => files),
        addedDeleteFiles: [],
        removedFiles: [...kept.flatMap(({ group }) => group.tasks.map(task => task.entry.file)), ...dangling],
        dataSequenceNumber: limits.useStartingSequenceNumber ? job.sequenceNumber : undefined,
      },
      written: [],
    })
  }
}

function plannedState({ base, limits, sequenceNumber }: Job, snapshots: SnapshotChanges): PlannedState {
  const { metadata } = base
  return {
    metadata,
    snapshot: snapshots.headOf(metadata),
    sequenceNumber: limits.useStartingSequenceNumber ? sequenceNumber : undefined,
  }
}

/** Deletes of rewritten files that reach no other live file, nor the new ones. */
function danglingDeletes(
  kept: readonly RewrittenGroup[],
  tasks: readonly ReadTask[],
  job: Job,
): readonly ContentFile[] {
  const rewritten = new Set(kept.flatMap(({ group }) => group.tasks.map(task => task.entry.file.location)))
  const reached = new Set<string>()
  const candidates = new Map<string, ContentFile>()
  for (const task of tasks) {
    const isRewritten = rewritten.has(task.entry.file.location)
    for (const file of positionDeletesOf(task)) {
      if (isRewritten) candidates.set(fileKey(file), file)
      else reached.add(fileKey(file))
    }
    for (const { file, dataSequenceNumber } of task.deletes.equalityDeletes) {
      const reachesNewFiles = job.limits.useStartingSequenceNumber && dataSequenceNumber > job.sequenceNumber
      if (isRewritten) candidates.set(fileKey(file), file)
      if (!isRewritten || reachesNewFiles) reached.add(fileKey(file))
    }
  }
  return [...candidates].filter(([key]) => !reached.has(key)).map(([, file]) => file)
}

async function discard(io: FileIO, groups: readonly RewrittenGroup[]): Promise<void> {
  const locations = groups.flatMap(({ files }) => files.map(file => file.location))
  if (locations.length > 0) await io.delete(locations)
}

interface Total {
  committed: number
  lost: number
  rewrittenFiles: number
  rewrittenBytes: number
  addedFiles: number
  addedBytes: number
  removedDeleteFiles: number
  readonly failures: string[]
}

function emptyTotal(): Total {
  return {
    committed: 0,
    lost: 0,
    rewrittenFiles: 0,
    rewrittenBytes: 0,
    addedFiles: 0,
    addedBytes: 0,
    removedDeleteFiles: 0,
    failures: [],
  }
}

function report(
  options: CompactOptions,
  result: Partial<Total> & { readonly status: CompactReport['status']; readonly planned?: number },
): CompactReport {
  const { status, planned = 0, committed = 0, lost = 0, ...sums } = { ...emptyTotal(), ...result }
  return {
    ...sums,
    status,
    dryRun: options.dryRun === true,
    groups: { planned, committed, lost, failed: sums.failures.length },
  }
}

function rehearsal(options: CompactOptions, groups: readonly CompactionGroup[]): CompactReport {
  const sum = (of: (group: CompactionGroup) => number): number =>
    groups.reduce((total, group) => total + of(group), 0)
  return report(options, {
    status: 'done',
    planned: groups.length,
    rewrittenFiles: sum(group => group.tasks.length),
    rewrittenBytes: sum(group => group.inputBytes),
    addedFiles: sum(group => (group.liveRows === 0 ? 0 : group.outputFiles)),
  })
}
