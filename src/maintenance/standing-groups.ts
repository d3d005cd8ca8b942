/**
 * Which rewritten groups still stand on the base of an attempt: by state, whatever became of the snapshot they
 * were planned on. Each file must be live with the sequence number, row ids and deletes it was read with.
 *
 * New files keep the sequence number of the plan's snapshot, so equality deletes committed since are left to reach
 * them - if they reach exactly the rows that they reached before. A delete reaches files of its own spec and
 * partition; where the group was written into another spec, one that did not reach the old files may reach the new
 * ones, and one that reached the old may miss them. Then the group is given up.
 * @see Iceberg table spec, "Sequence Numbers", "Scan Planning"
 */
import type { FileIO } from '../io/file-io.js'
import type { ContentFile, DataFile } from '../manifest/content-file.js'
import { buildDeleteIndex, type DeleteIndex } from '../manifest/delete-index.js'
import type { Snapshot, TableMetadata } from '../metadata/table-metadata.js'
import type { ReadTask } from '../reader/plan.js'
import { isUnpartitioned } from '../schema/partition.js'
import { diffFiles } from '../snapshot/changes.js'
import { fileKey } from '../snapshot/file-changes.js'
import type { CompactionGroup } from './compact-plan.js'

/** A group and the files that take its place. */
export interface RewrittenGroup {
  readonly group: CompactionGroup
  readonly files: readonly DataFile[]
}

/** What was planned on, and how new files are committed. */
export interface PlannedState {
  readonly metadata: TableMetadata
  readonly snapshot: Snapshot | undefined
  /** The sequence number that new files keep; undefined: they get that of their commit. */
  readonly sequenceNumber: bigint | undefined
}

export interface BaseState {
  readonly metadata: TableMetadata
  readonly snapshot: Snapshot | undefined
  /** All live files with their deletes. */
  readonly tasks: readonly ReadTask[]
}

export interface StandingOptions {
  readonly planned: PlannedState
  readonly now: BaseState
  readonly signal?: AbortSignal | undefined
}

/**
 * The groups that may be committed on `now`.
 * @throws conflict when it takes the plan's snapshot to tell, and that is gone
 */
export async function standingGroups(
  io: FileIO,
  groups: readonly RewrittenGroup[],
  options: StandingOptions,
): Promise<readonly RewrittenGroup[]> {
  const { planned, now } = options
  const current = new Map(now.tasks.map(task => [task.entry.file.location, task]))
  const unchanged = groups.filter(({ group }) => isUnchanged(group, current, { planned, now }))
  if (planned.sequenceNumber === undefined || !unchanged.some(each => movesSpec(each, planned)))
    return unchanged
  const index = await newDeletesOfOutputSpec(io, options)
  return unchanged.filter(each => !movesSpec(each, planned) || !isNewlyReached(each, index, planned))
}

function movesSpec({ group }: RewrittenGroup, planned: PlannedState): boolean {
  return group.specId !== planned.metadata.defaultSpecId
}

function isUnchanged(
  group: CompactionGroup,
  current: ReadonlyMap<string, ReadTask>,
  options: Pick<StandingOptions, 'planned' | 'now'>,
): boolean {
  return group.tasks.every(then => {
    const now = current.get(then.entry.file.location)
    return (
      now !== undefined &&
      now.entry.dataSequenceNumber === then.entry.dataSequenceNumber &&
      now.entry.file.firstRowId === then.entry.file.firstRowId &&
      samePositionDeletes(then, now) &&
      equalityDeletesReach(then, now, options)
    )
  })
}

function samePositionDeletes(then: ReadTask, now: ReadTask): boolean {
  const before = keysOf(positionDeletesOf(then))
  const after = keysOf(positionDeletesOf(now))
  return before.size === after.size && [...before].every(key => after.has(key))
}

/** Deletes that were applied must still be there; newer ones must reach the new files of their own. */
function equalityDeletesReach(
  then: ReadTask,
  now: ReadTask,
  options: Pick<StandingOptions, 'planned' | 'now'>,
): boolean {
  const before = keysOf(then.deletes.equalityDeletes.map(entry => entry.file))
  const after = keysOf(now.deletes.equalityDeletes.map(entry => entry.file))
  if (![...before].every(key => after.has(key))) return false
  const { defaultSpecId } = options.planned.metadata
  const { sequenceNumber } = options.planned
  const newer = now.deletes.equalityDeletes.filter(entry => !before.has(fileKey(entry.file)))
  return newer.every(({ file, dataSequenceNumber }) => {
    const inScope = then.entry.file.specId === defaultSpecId || isGlobal(file, options.now.metadata)
    return sequenceNumber !== undefined && inScope && dataSequenceNumber > sequenceNumber
  })
}

/** Equality deletes of an unpartitioned spec reach every file, whatever its spec. */
function isGlobal({ specId }: ContentFile, metadata: TableMetadata): boolean {
  const spec = metadata.partitionSpecs.find(candidate => candidate.specId === specId)
  return spec !== undefined && isUnpartitioned(spec)
}

/** Deletes since the plan that reach files of the output spec but, not being global, none of another. */
async function newDeletesOfOutputSpec(io: FileIO, options: StandingOptions): Promise<DeleteIndex> {
  const { planned, now, signal } = options
  const { metadata } = now
  const states = { metadata, before: planned.snapshot, after: now.snapshot }
  const { added } = await diffFiles(io, states, {
    content: 'deletes',
    isOfInterest: manifest => manifest.specId === planned.metadata.defaultSpecId,
    signal,
  })
  const local = added.filter(({ file }) => !isGlobal(file, metadata))
  return buildDeleteIndex(
    local.filter(({ file }) => file.content === 'equality-deletes'),
    metadata,
  )
}

function isNewlyReached({ files }: RewrittenGroup, index: DeleteIndex, planned: PlannedState): boolean {
  const sequenceNumber = planned.sequenceNumber ?? 0n
  return files.some(file => {
    const numbers = { dataSequenceNumber: sequenceNumber, fileSequenceNumber: sequenceNumber }
    const entry = { status: 'added', snapshotId: 0n, ...numbers, file } as const
    return index.forDataFile(entry).equalityDeletes.length > 0
  })
}

/** Vectors and position delete files that reach the file of a task. */
export function positionDeletesOf({ deletes }: ReadTask): ContentFile[] {
  const files = deletes.positionDeletes.map(entry => entry.file)
  return deletes.vector === undefined ? files : [deletes.vector.file, ...files]
}

function keysOf(files: readonly ContentFile[]): ReadonlySet<string> {
  return new Set(files.map(fileKey))
}
