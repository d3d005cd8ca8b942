/**
 * Planning a scan: from a snapshot and a filter to the data files that must be read, each with its deletes.
 *
 *   manifest list -> delete manifests -> delete index
 *                 -> data manifests   -> live files, pruned by partition and bounds -> tasks
 *
 * A plan is plain data: it is printed, asserted, and read here or on another machine.
 * @see Iceberg table spec, "Scan Planning"
 */
import { mapBounded } from '../base/concurrency.js'
import { LakeError } from '../base/errors.js'
import { BOUND_TRUE, type Bound } from '../expression/bind.js'
import type { FileIO } from '../io/file-io.js'
import { type IoCounts, meteredIO } from '../io/metered.js'
import type {
  DataFile,
  EqualityDeleteFile,
  ManifestEntry,
  PositionDeleteFile,
} from '../manifest/content-file.js'
import {
  buildDeleteIndex,
  type DeleteIndex,
  type DeletesOfFile,
  type EntryOf,
  isDataEntry,
} from '../manifest/delete-index.js'
import type { ManifestFile } from '../manifest/manifest-file.js'
import { readManifestList } from '../manifest/manifest-list-read.js'
import { readManifest } from '../manifest/manifest-read.js'
import type { Snapshot, TableMetadata } from '../metadata/table-metadata.js'
import type { Field, Schema } from '../schema/types.js'
import { createPruner, type Pruner } from './prune.js'
import { outputFields } from './scan-columns.js'

/** What a scan needs of a table: a reader knows no catalog. */
export interface TableState {
  readonly metadata: TableMetadata
}

export interface PlanOptions {
  /** The snapshot to read; undefined for a table that has none. */
  readonly snapshot: Snapshot | undefined
  /** The schema that the rows are read with. */
  readonly schema: Schema
  /** Bound to `schema`. Absent: every row. */
  readonly filter?: Bound | undefined
  /** Names of columns and metadata columns, in the order of the output; absent: all columns. */
  readonly select?: readonly string[] | undefined
  readonly caseSensitive?: boolean | undefined
  /** Manifests read at the same time; default 4. */
  readonly concurrency?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** One data file to read. */
export interface ReadTask {
  readonly entry: EntryOf<DataFile>
  readonly deletes: DeletesOfFile
  /** What is left of the filter for the rows of this file: `true` when its metadata proves that all match. */
  readonly residual: Bound
}

/** What each level of planning kept and skipped. */
export interface PlanReport {
  readonly dataManifests: number
  readonly dataManifestsSkipped: number
  readonly deleteManifests: number
  readonly deleteManifestsSkipped: number
  /** Live data files in the manifests that were read. */
  readonly dataFiles: number
  readonly dataFilesSkippedByPartition: number
  readonly dataFilesSkippedByBounds: number
  /** Live delete files in the manifests that were read, and those that reach no file of the plan. */
  readonly deleteFiles: number
  readonly deleteFilesSkipped: number
  /** Requests and bytes that planning cost. */
  readonly requests: number
  readonly readBytes: number
}

export interface ScanPlan {
  readonly metadata: TableMetadata
  readonly snapshot: Snapshot | undefined
  readonly schema: Schema
  /** The columns of the output, metadata columns included. */
  readonly fields: readonly Field[]
  readonly filter: Bound
  /** In the order of the manifests and their entries. */
  readonly tasks: readonly ReadTask[]
  readonly report: PlanReport
}

const MANIFEST_CONCURRENCY = 4

/**
 * Plans the scan of one snapshot. Costs one read for the manifest list and one for each manifest that the
 * filter and the deletes leave.
 * @throws invalid-argument for an unknown column, corrupt, not-found, denied, unavailable
 */
export async function planScan(table: TableState, io: FileIO, options: PlanOptions): Promise<ScanPlan> {
  const { metadata } = table
  const { snapshot, schema } = options
  const filter = options.filter ?? BOUND_TRUE
  const fields = outputFields(schema, { select: options.select, caseSensitive: options.caseSensitive })
  const metered = meteredIO(io)
  const manifests =
    snapshot === undefined || filter.op === 'false'
      ? []
      : await readManifestList(metered.io, snapshot, { signal: options.signal })
  for (const manifest of manifests) checkUnencrypted(manifest)

  const pruner = createPruner(filter, metadata, schema)
  const chosen = chooseManifests(manifests, pruner)
  const read = manifestReader(metered.io, metadata, schema, options)
  const deletes = buildDeleteIndex((await read(chosen.deletes)).flat(), metadata)
  const statisticsFields = new Set([...filterLeaves(filter), ...deletes.equalityFieldIds])
  const entries = (await read(chosen.data, statisticsFields)).flat()
  const planned = planTasks(entries, { deletes, filter, pruner })
  return {
    metadata,
    snapshot,
    schema,
    fields,
    filter,
    tasks: planned.tasks,
    report: report(manifests, chosen, deletes, planned, metered.counts),
  }
}

/** Reads live entries of manifests; with `statisticsFields`, only the statistics of those columns. */
type ManifestReader = (
  manifests: readonly ManifestFile[],
  statisticsFields?: ReadonlySet<number>,
) => Promise<ManifestEntry[][]>

function manifestReader(
  io: FileIO,
  metadata: TableMetadata,
  schema: Schema,
  options: PlanOptions,
): ManifestReader {
  return (manifests, statisticsFields) =>
    mapBounded(
      manifests,
      manifest =>
        readManifest(io, manifest, {
          specs: metadata.partitionSpecs,
          schemas: metadata.schemas,
          schema,
          keep: status => status !== 'deleted',
          withStatistics: statisticsFields ?? true,
          signal: options.signal,
        }),
      { limit: options.concurrency ?? MANIFEST_CONCURRENCY, signal: options.signal },
    )
}

interface ChosenManifests {
  readonly data: readonly ManifestFile[]
  readonly deletes: readonly ManifestFile[]
}

/**
 * A delete manifest that is older than every data manifest left deletes nothing of theirs, and one without a
 * matching partition reaches no file that is read.
 */
function chooseManifests(manifests: readonly ManifestFile[], pruner: Pruner): ChosenManifests {
  const data = manifests.filter(manifest => manifest.content === 'data' && pruner.keepManifest(manifest))
  const oldest = data.reduce<bigint | undefined>(
    (least, { minSequenceNumber }) =>
      least === undefined || minSequenceNumber < least ? minSequenceNumber : least,
    undefined,
  )
  const deletes = manifests.filter(
    manifest =>
      manifest.content === 'deletes' &&
      oldest !== undefined &&
      manifest.sequenceNumber >= oldest &&
      pruner.keepManifest(manifest),
  )
  return { data, deletes }
}

interface PlannedTasks {
  readonly tasks: readonly ReadTask[]
  readonly files: number
  readonly skipped: { readonly partition: number; readonly bounds: number }
}

function planTasks(
  entries: readonly ManifestEntry[],
  options: { readonly deletes: DeleteIndex; readonly filter: Bound; readonly pruner: Pruner },
): PlannedTasks {
  const { deletes, filter, pruner } = options
  const tasks: ReadTask[] = []
  const skipped = { partition: 0, bounds: 0 }
  for (const entry of entries) {
    if (!isDataEntry(entry))
      throw new LakeError('corrupt', 'a data manifest holds a delete file', {
        context: { location: entry.file.location },
      })
    const level = pruner.prunedBy(entry.file)
    if (level !== undefined) {
      skipped[level]++
      continue
    }
    const residual = pruner.isCovered(entry.file) ? BOUND_TRUE : filter
    tasks.push({ entry, deletes: deletes.forDataFile(entry), residual })
  }
  return { tasks, files: entries.length, skipped }
}

/** Field ids whose statistics the filter looks at. */
function filterLeaves(filter: Bound): readonly number[] {
  switch (filter.op) {
    case 'true':
    case 'false':
      return []
    case 'and':
    case 'or':
      return [...filterLeaves(filter.left), ...filterLeaves(filter.right)]
    default:
      return [filter.fieldId]
  }
}

function checkUnencrypted(manifest: ManifestFile): void {
  if (manifest.keyMetadata === undefined || manifest.keyMetadata.length === 0) return
  throw new LakeError('unsupported', 'encrypted manifests cannot be read', {
    context: { location: manifest.location },
  })
}

/** Each delete file that a task of the plan needs, once. */
export function deleteFilesOf(
  tasks: readonly ReadTask[],
): ReadonlySet<EntryOf<PositionDeleteFile> | EntryOf<EqualityDeleteFile>> {
  const files = new Set<EntryOf<PositionDeleteFile> | EntryOf<EqualityDeleteFile>>()
  for (const { deletes } of tasks) {
    if (deletes.vector !== undefined) files.add(deletes.vector)
    for (const entry of deletes.positionDeletes) files.add(entry)
    for (const entry of deletes.equalityDeletes) files.add(entry)
  }
  return files
}

function report(
  manifests: readonly ManifestFile[],
  chosen: ChosenManifests,
  deletes: DeleteIndex,
  planned: PlannedTasks,
  counts: IoCounts,
): PlanReport {
  const dataManifests = manifests.filter(manifest => manifest.content === 'data').length
  const deleteManifests = manifests.length - dataManifests
  return {
    dataManifests,
    dataManifestsSkipped: dataManifests - chosen.data.length,
    deleteManifests,
    deleteManifestsSkipped: deleteManifests - chosen.deletes.length,
    dataFiles: planned.files,
    dataFilesSkippedByPartition: planned.skipped.partition,
    dataFilesSkippedByBounds: planned.skipped.bounds,
    deleteFiles: deletes.fileCount,
    deleteFilesSkipped: deletes.fileCount - deleteFilesOf(planned.tasks).size,
    requests: Object.values(counts.requests).reduce((sum, count) => sum + count, 0),
    readBytes: counts.readBytes,
  }
}
