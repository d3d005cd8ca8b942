/**
 * A plan that somebody else made: the tasks come from a server, which has read the manifests. What they leave out -
 * sequence numbers of entries - is what only writers and one metadata column ask for.
 */
import { LakeError } from '../base/errors.js'
import { BOUND_TRUE, type Bound } from '../expression/bind.js'
import {
  type DataFile,
  type DeleteFile,
  type EqualityDeleteFile,
  isDeletionVector,
  type PositionDeleteFile,
} from '../manifest/content-file.js'
import type { DeletesOfFile, EntryOf } from '../manifest/delete-index.js'
import type { Snapshot } from '../metadata/table-metadata.js'
import { deleteFilesOf, type PlanOptions, type ReadTask, type ScanPlan, type TableState } from './plan.js'
import { outputFields } from './scan-columns.js'

export interface RemoteTask {
  readonly file: DataFile
  readonly deletes: readonly DeleteFile[]
  /** What is left of the filter; undefined: all of it. */
  readonly residual?: Bound | undefined
}

export interface RemoteTasks {
  readonly tasks: readonly RemoteTask[]
  /** Requests that planning cost. */
  readonly requests: number
}

/** Asks for the tasks of a snapshot. */
export type RemotePlanner = (options: RemotePlanOptions) => Promise<RemoteTasks>

export type RemotePlanOptions = Omit<PlanOptions, 'snapshot' | 'filter'> & {
  readonly snapshot: Snapshot
  readonly filter: Bound
}

const SEQUENCE_COLUMN = '_last_updated_sequence_number'

/**
 * As `planScan`, with the tasks of the planner. A table without a snapshot, and a filter that no row meets, ask nobody.
 * @throws unsupported for a column that only manifests tell; what the planner throws
 */
export async function planRemotely(
  table: TableState,
  planner: RemotePlanner,
  options: PlanOptions,
): Promise<ScanPlan> {
  const { metadata } = table
  const { snapshot, schema, select, caseSensitive, filter = BOUND_TRUE } = options
  const fields = outputFields(schema, { select, caseSensitive, specs: metadata.partitionSpecs })
  if (fields.some(({ name }) => name === SEQUENCE_COLUMN))
    throw new LakeError('unsupported', 'a plan of the server does not tell sequence numbers', {
      context: { column: SEQUENCE_COLUMN },
    })
  const isEmpty = snapshot === undefined || filter.op === 'false'
  const remote: RemoteTasks = isEmpty
    ? { tasks: [], requests: 0 }
    : await planner({ ...options, snapshot, filter })
  const tasks = remote.tasks.map((task): ReadTask => {
    return {
      entry: entryOf(task.file, snapshot),
      deletes: deletesOf(task.deletes, snapshot),
      residual: task.residual ?? filter,
    }
  })
  return { metadata, snapshot, schema, fields, filter, tasks, report: reportOf(tasks, remote.requests) }
}

/** Numbers are not told; the server has looked at them already. */
function entryOf<F extends DataFile | DeleteFile>(file: F, snapshot: Snapshot | undefined): EntryOf<F> {
  const snapshotId = snapshot?.snapshotId ?? 0n
  return { status: 'existing', snapshotId, dataSequenceNumber: 0n, fileSequenceNumber: 0n, file }
}

/** @throws corrupt when two deletion vectors reach one data file */
function deletesOf(files: readonly DeleteFile[], snapshot: Snapshot | undefined): DeletesOfFile {
  let vector: EntryOf<PositionDeleteFile> | undefined
  const positionDeletes: EntryOf<PositionDeleteFile>[] = []
  const equalityDeletes: EntryOf<EqualityDeleteFile>[] = []
  for (const file of files) {
    if (file.content === 'equality-deletes') equalityDeletes.push(entryOf(file, snapshot))
    else if (!isDeletionVector(file)) positionDeletes.push(entryOf(file, snapshot))
    else if (vector === undefined) vector = entryOf(file, snapshot)
    else
      throw new LakeError('corrupt', 'a data file has two deletion vectors', {
        context: { location: file.location },
      })
  }
  return { ...(vector === undefined ? {} : { vector }), positionDeletes, equalityDeletes }
}

/** Of manifests and of files that were skipped nothing is known. */
function reportOf(tasks: readonly ReadTask[], requests: number): ScanPlan['report'] {
  return {
    dataManifests: 0,
    dataManifestsSkipped: 0,
    deleteManifests: 0,
    deleteManifestsSkipped: 0,
    dataFiles: tasks.length,
    dataFilesSkippedByPartition: 0,
    dataFilesSkippedByBounds: 0,
    deleteFiles: deleteFilesOf(tasks).size,
    deleteFilesSkipped: 0,
    requests,
    readBytes: 0,
  }
}
