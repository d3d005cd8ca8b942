/**
 * The writers of the world: real actions, commits, plans and clean-ups over files whose rows the world knows. What reads or
 * writes Parquet in serac - looking for keys, rewriting files - is done here by the world's own few lines.
 */
import type { Runtime } from '../../src/base/runtime.js'
import type { Catalog, LoadedTable, TableIdentifier } from '../../src/catalog/catalog.js'
import { type CommitTarget, commitTables, type TableAction } from '../../src/commit/commit-loop.js'
import { type FileHold, holdFiles } from '../../src/commit/hold-lease.js'
import { rollbackAction } from '../../src/commit/move-branch.js'
import { onceAction } from '../../src/commit/once.js'
import { createRefAction, dropRefAction } from '../../src/commit/ref-actions.js'
import type { FileIO } from '../../src/io/file-io.js'
import { type CompactionGroup, compactionLimits, planCompaction } from '../../src/maintenance/compact-plan.js'
import { expireSnapshots } from '../../src/maintenance/expire.js'
import { removeOrphans } from '../../src/maintenance/orphans.js'
import { type RewrittenGroup, standingGroups } from '../../src/maintenance/standing-groups.js'
import type { ContentFile, DataFile, DeleteFile } from '../../src/manifest/content-file.js'
import { currentSchema, refByName } from '../../src/metadata/lookup.js'
import { planScan, type ReadTask } from '../../src/reader/plan.js'
import { ancestors } from '../../src/snapshot/ancestry.js'
import { appendAction, discardFiles } from '../../src/writer/append.js'
import { fileNaming } from '../../src/writer/file-location.js'
import { overwriteAction } from '../../src/writer/overwrite.js'
import { headOf, snapshotChanges, type WriteOptions } from '../../src/writer/snapshot-change.js'
import type { Process } from './network.js'
import type { Contents, Row } from './rows.js'
import type { NamedStep, Step, TableName } from './steps.js'
import { STEP } from './truth.js'

/** What a step can be done with; a planted bug replaces a part of it. */
export interface Client {
  readonly process: Process
  readonly io: FileIO
  readonly catalog: Catalog
  readonly contents: Contents
  readonly parts: Parts
  /** Told what rows a step saw that holds to them. */
  readonly onSeen: (step: string, head: bigint | undefined) => void
}

/** Parts of serac that the world puts together. */
export interface Parts {
  readonly commitTables: typeof commitTables
  readonly standingGroups: typeof standingGroups
  readonly expireSnapshots: typeof expireSnapshots
  readonly removeOrphans: typeof removeOrphans
  readonly overwriteAction: typeof overwriteAction
  readonly onceAction: typeof onceAction
  /** False: which rows a key is of is decided at the first attempt alone. */
  readonly decidesAgain: boolean
  /**
   * Ages from which on orphans are removed: never less than clocks may differ by. Whoever has such files in flight is refused,
   * or holds a lease.
   */
  readonly orphanAgesMs: readonly number[]
  /** Share of steps that take long between writing and committing. */
  readonly slowShare: number
  /** Around every action. */
  readonly action: (action: TableAction, step: Step, runtime: Runtime) => TableAction
}

const DAY_MS = 86_400_000
const MINUTE_MS = 60_000

export const PARTS: Parts = {
  commitTables,
  standingGroups,
  expireSnapshots,
  removeOrphans,
  overwriteAction,
  onceAction,
  decidesAgain: true,
  orphanAgesMs: [5 * MINUTE_MS, 10 * MINUTE_MS, DAY_MS],
  slowShare: 0.08,
  action: action => action,
}

export function tableOf(name: TableName): TableIdentifier {
  return { namespace: ['shop'], name }
}

/** Whether the step changed anything. @throws what serac throws */
export async function doStep(client: Client, { name, step }: NamedStep): Promise<boolean> {
  const { runtime } = client.process
  const options = { runtime, summary: { [STEP]: name }, operationUuid: runtime.uuid() }
  const job: Job = { ...client, name, step, options, holds: new Map() }
  try {
    return await doJob(job)
  } finally {
    for (const hold of job.holds.values()) await hold.end()
  }
}

function doJob(job: Job): Promise<boolean> {
  const { step } = job
  switch (step.verb) {
    case 'append':
    case 'once':
    case 'replace-all':
    case 'append-both':
      return appendRows(job, step)
    case 'upsert':
    case 'delete':
      return commit(job, [changeKeys(job, step)])
    case 'compact':
      return compact(job, step.table)
    case 'expire':
      return expire(job, step.table)
    case 'clean':
      return clean(job, step.table)
    case 'tag':
    case 'drop-tag':
      return commit(job, [{ identifier: tableOf(step.table), action: changeRef(step) }])
    case 'rollback':
      return commit(job, [{ identifier: tableOf(step.table), action: rollBack }])
    default:
      return commit(job, [{ identifier: tableOf(step.table), action: setProperty(job) }])
  }
}

interface Job extends Client, NamedStep {
  readonly options: WriteOptions & { readonly operationUuid: string }
  /** Files in flight. */
  readonly holds: Map<TableName, FileHold>
}

function holdOf({ catalog, io, process, holds }: Job, table: TableName): FileHold {
  const known = holds.get(table)
  if (known !== undefined) return known
  const hold = holdFiles({ catalog, identifier: tableOf(table), io, runtime: process.runtime })
  holds.set(table, hold)
  return hold
}

/** Through which the job writes files of the table. */
function onTable(job: Job, table: TableName): Job {
  return { ...job, io: holdOf(job, table).io }
}

function target(job: Job, table: TableName, given: Pick<CommitTarget, 'action' | 'discard'>): CommitTarget {
  return { identifier: tableOf(table), files: holdOf(job, table), ...given }
}

async function commit(job: Job, targets: readonly CommitTarget[]): Promise<boolean> {
  const { catalog, io, process, parts, step } = job
  // Some take long, so that they need a lease for what they have written.
  if (process.runtime.random() < parts.slowShare)
    await process.runtime.sleep(50_000 + process.runtime.random() * 50_000)
  const planted = targets.map(each => ({ ...each, action: parts.action(each.action, step, process.runtime) }))
  // Patient beyond days, so that who was frozen goes on.
  const retry = { retriesMax: 30, statusChecksMax: 4, totalMsMax: 30 * DAY_MS }
  const result = await parts.commitTables(catalog, planted, { io, runtime: process.runtime, retry })
  return result.changed.includes(true)
}

// ---- files

async function writeData(
  { io, contents, options }: Job,
  base: LoadedTable,
  rows: readonly Row[],
  taskId = 0,
): Promise<DataFile> {
  const { operationUuid } = options
  const location = fileNaming(base.metadata, { operationUuid, taskId }).dataFile('')
  contents.putRows(location, rows)
  await io.write(location, Uint8Array.of(rows.length))
  return {
    content: 'data',
    location,
    format: 'parquet',
    specId: 0,
    partition: [],
    recordCount: rows.length,
    fileSizeBytes: 100,
  }
}

async function appendRows(
  job: Job,
  step: Extract<Step, { verb: 'append' | 'once' | 'replace-all' | 'append-both' }>,
): Promise<boolean> {
  switch (step.verb) {
    case 'append':
      return commit(job, [await appending(job, step.table, step.rows)])
    case 'append-both':
      return commit(job, [
        await appending(job, 'orders', step.rows),
        await appending(job, 'items', step.rows),
      ])
    case 'once':
      return commit(job, [once(job, await appending(job, step.table, step.rows), step.token)])
    default:
      return commit(job, [await replacing(job, step)])
  }
}

async function appending(given: Job, table: TableName, rows: readonly Row[]): Promise<CommitTarget> {
  const job = onTable(given, table)
  const { io, catalog, options } = job
  const base = await catalog.loadTable(tableOf(table))
  const files = [await writeData(job, base, rows)]
  const schema = currentSchema(base.metadata)
  const action = appendAction(io, files, { ...options, schema })
  return { ...target(job, table, { action, discard: () => discardFiles(io, files) }), base }
}

function once(job: Job, given: CommitTarget, token: string): CommitTarget {
  const { options, parts, process } = job
  const io = given.files?.io ?? job.io
  const stream = process.name.split('.')[0] ?? ''
  return { ...given, action: parts.onceAction(given.action, { ...options, io, once: { stream, token } }) }
}

async function replacing(given: Job, step: Extract<Step, { verb: 'replace-all' }>): Promise<CommitTarget> {
  const job = onTable(given, step.table)
  const { io, catalog, options, parts, process } = job
  const base = await catalog.loadTable(tableOf(step.table))
  const basis = headOf(base.metadata)
  job.onSeen(job.name, basis?.snapshotId)
  await process.runtime.sleep(process.runtime.random() * 3_000)
  const files = [await writeData(job, base, step.rows)]
  const schema = currentSchema(base.metadata)
  const action = parts.overwriteAction(io, { replaced: { kind: 'all' }, files, schema, basis }, options)
  return target(job, step.table, { action, discard: () => discardFiles(io, files) })
}

// ---- keys

function changeKeys(given: Job, step: Extract<Step, { verb: 'upsert' | 'delete' }>): CommitTarget {
  const job = onTable(given, step.table)
  const { io, options } = job
  const snapshots = snapshotChanges(io, options)
  const rows = step.verb === 'upsert' ? step.rows : []
  const keys = new Set(step.verb === 'upsert' ? step.rows.map(({ key }) => key) : step.keys)
  let added: DataFile | undefined
  let first: Removal | undefined
  const action: TableAction = async (base, attempt) => {
    if (rows.length > 0) added ??= await writeData(job, base, rows)
    const removal =
      (job.parts.decidesAgain ? undefined : first) ??
      (await removeKeys(job, base, { keys, attempt: attempt.number }))
    first ??= removal
    const addedDataFiles = [...(added === undefined ? [] : [added]), ...removal.addedDataFiles]
    if (addedDataFiles.length + removal.addedDeleteFiles.length + removal.removedFiles.length === 0)
      return 'unchanged'
    const written = [...addedDataFiles, ...removal.addedDeleteFiles].map(file => file.location)
    return snapshots.produce(base, attempt, { changes: { ...removal, addedDataFiles }, written })
  }
  return target(job, step.table, { action })
}

interface Removal {
  readonly addedDataFiles: DataFile[]
  readonly addedDeleteFiles: DeleteFile[]
  readonly removedFiles: ContentFile[]
}

async function removeKeys(
  job: Job,
  base: LoadedTable,
  { keys, attempt }: { readonly keys: ReadonlySet<number>; readonly attempt: number },
): Promise<Removal> {
  const removal: Removal = { addedDataFiles: [], addedDeleteFiles: [], removedFiles: [] }
  const isCopying = base.metadata.properties['write.merge.mode'] === 'copy-on-write'
  let taskId = 1_000 * attempt
  for (const task of await tasksOf(job, base)) {
    const rows = job.contents.rowsOf(task)
    const gone = rows.filter(({ key }) => keys.has(key))
    if (gone.length === 0) continue
    taskId += 1
    const left = rows.filter(({ key }) => !keys.has(key))
    if (isCopying || left.length === 0) {
      removal.removedFiles.push(task.entry.file)
      if (left.length > 0) removal.addedDataFiles.push(await writeData(job, base, left, taskId))
      continue
    }
    const positions = gone.map(({ position }) => position)
    removal.addedDeleteFiles.push(await writeDeletes(job, base, { task, positions, taskId }))
    if (base.metadata.formatVersion >= 3 && task.deletes.vector !== undefined)
      removal.removedFiles.push(task.deletes.vector.file)
  }
  return removal
}

async function tasksOf({ io }: Pick<Job, 'io'>, base: LoadedTable): Promise<readonly ReadTask[]> {
  const { metadata } = base
  const plan = await planScan(base, io, { snapshot: headOf(metadata), schema: currentSchema(metadata) })
  return plan.tasks
}

/** A position delete file, or a deletion vector with all that was deleted before. */
async function writeDeletes(
  { io, contents, options }: Job,
  { metadata }: LoadedTable,
  given: { readonly task: ReadTask; readonly positions: readonly number[]; readonly taskId: number },
): Promise<DeleteFile> {
  const { task, positions, taskId } = given
  const { location: dataLocation, specId, partition } = task.entry.file
  const naming = fileNaming(metadata, { operationUuid: options.operationUuid, taskId })
  const isVector = metadata.formatVersion >= 3
  const all = isVector ? [...contents.deletedOf(task), ...positions] : positions
  const file: DeleteFile = {
    content: 'position-deletes',
    location: isVector ? naming.puffinFile() : naming.deleteFile(''),
    format: isVector ? 'puffin' : 'parquet',
    specId,
    partition,
    recordCount: all.length,
    fileSizeBytes: 50,
    referencedDataFile: dataLocation,
    ...(isVector ? { contentOffset: 4, contentSizeBytes: 40 } : {}),
  }
  contents.putDeletes(file, dataLocation, all)
  await io.write(file.location, Uint8Array.of(all.length))
  return file
}

// ---- maintenance

async function compact(given: Job, table: TableName): Promise<boolean> {
  const job = onTable(given, table)
  const { io, catalog, options, parts, process } = job
  const base = await catalog.loadTable(tableOf(table))
  const { metadata } = base
  const limits = compactionLimits(metadata, { minInputFiles: 2, maxFileGroupSizeBytes: 600 })
  const groups = planCompaction(await tasksOf(job, base), { metadata, limits }).slice(0, 2)
  if (groups.length === 0) return false
  const ready: RewrittenGroup[] = []
  for (const [index, group] of groups.entries()) {
    const rows = group.tasks.flatMap(task => job.contents.rowsOf(task))
    ready.push({ group, files: rows.length === 0 ? [] : [await writeData(job, base, rows, index)] })
  }
  await process.runtime.sleep(process.runtime.random() * 5_000)
  const snapshot = headOf(metadata)
  const sequenceNumber = snapshot?.sequenceNumber ?? 0n
  const snapshots = snapshotChanges(io, options)
  const action: TableAction = async (now, attempt) => {
    const tasks = await tasksOf(job, now)
    const kept = await parts.standingGroups(io, ready, {
      planned: { metadata, snapshot, sequenceNumber },
      now: { metadata: now.metadata, snapshot: headOf(now.metadata), tasks },
    })
    if (kept.length === 0) return 'unchanged'
    const changes = {
      operation: 'replace' as const,
      addedDataFiles: kept.flatMap(({ files }) => files),
      addedDeleteFiles: [],
      removedFiles: filesOf(kept.map(({ group }) => group)),
      dataSequenceNumber: sequenceNumber,
    }
    return snapshots.produce(now, attempt, {
      changes,
      written: changes.addedDataFiles.map(file => file.location),
    })
  }
  const written = ready.flatMap(({ files }) => files)
  return commit(job, [target(job, table, { action, discard: () => discardFiles(io, written) })])
}

/** Deletes of one data file go with it. */
function filesOf(groups: readonly CompactionGroup[]): readonly ContentFile[] {
  return groups.flatMap(({ tasks }) => tasks.map(task => task.entry.file))
}

async function expire({ io, catalog, process, parts }: Job, table: TableName): Promise<boolean> {
  const { runtime } = process
  const report = await parts.expireSnapshots(catalog, tableOf(table), {
    io,
    runtime,
    olderThanMs: runtime.nowMs() - runtime.random() * 20_000,
    retainLast: 2 + Math.floor(runtime.random() * 6),
    readerGraceMs: 0,
  })
  return report.snapshotIds.length > 0
}

async function clean({ io, catalog, process, parts }: Job, table: TableName): Promise<boolean> {
  const { runtime } = process
  const ages = parts.orphanAgesMs
  const ageMs = ages[Math.floor(runtime.random() * ages.length)] ?? DAY_MS
  const olderThanMs = runtime.nowMs() - ageMs
  await parts.removeOrphans(catalog, tableOf(table), { io, runtime, olderThanMs, force: true })
  return false
}

// ---- metadata alone

function changeRef({ verb, tag }: Extract<Step, { tag: string }>): TableAction {
  return async (base, attempt) => {
    const { metadata } = base
    if (verb === 'drop-tag') {
      const isThere = refByName(metadata, tag) !== undefined
      return isThere ? dropRefAction({ type: 'tag', name: tag })(base, attempt) : 'unchanged'
    }
    if (headOf(metadata) === undefined) return 'unchanged'
    return createRefAction({ type: 'tag', name: tag, orReplace: true })(base, attempt)
  }
}

/** By two snapshots, or one. */
const rollBack: TableAction = async (base, attempt) => {
  const { metadata } = base
  const [, ...earlier] = ancestors(metadata, headOf(metadata)?.snapshotId)
  const target = earlier[Math.min(1, earlier.length - 1)]
  if (target === undefined) return 'unchanged'
  return rollbackAction({ to: { snapshotId: target.snapshotId } })(base, attempt)
}

function setProperty({ name }: Job): TableAction {
  const updates = { [`step.${name}`]: 'done' }
  return async () => ({ requirements: [], updates: [{ action: 'set-properties', updates }], written: [] })
}
