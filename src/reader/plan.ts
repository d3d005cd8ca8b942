/**
 * Planning a scan: from a snapshot and a filter to the data files that must be read, each with its deletes.
 *
 *   manifest list -> delete manifests -> delete index
 *                 -> data manifests   -> live files, pruned by partition and bounds -> tasks
 *
 * Manifests are read side by side. Each becomes tasks as soon as it is there and what the filter does not keep of it
 * is never decoded, so memory goes with the files that are left, not with those of the table.
 *
 * A plan is plain data: it is printed, asserted, and read here or on another machine.
 * @see Iceberg table spec, "Scan Planning"
 */
import { createGate, mapBounded } from '../base/concurrency.js'
import { LakeError } from '../base/errors.js'
import { BOUND_TRUE, type Bound, boundFields } from '../expression/bind.js'
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
import { checkManifestUnencrypted, isLive, manifestTerms } from '../manifest/live-entries.js'
import { type ManifestCache, manifestCacheOf } from '../manifest/manifest-cache.js'
import type { ManifestFile } from '../manifest/manifest-file.js'
import { readManifestList } from '../manifest/manifest-list-read.js'
import { type ReadManifestOptions, readManifest, selectFromManifest } from '../manifest/manifest-read.js'
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
  /** Further fields whose statistics the tasks keep, beside those that the filter and the deletes need. */
  readonly statisticsOf?: readonly number[] | undefined
  /** Manifests read at the same time; default 8. */
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
  /** Fields whose statistics the tasks have, by `PlanOptions.statisticsOf`. */
  readonly statisticsOf?: ReadonlySet<number> | undefined
  readonly report: PlanReport
}

const MANIFEST_CONCURRENCY = 8
/** Bytes of manifests that are read at the same time; a larger one goes alone. */
const MANIFEST_BYTES_AT_ONCE = 2 ** 23

/**
 * Plans the scan of one snapshot. Costs one read for the manifest list and one for each manifest that the
 * filter and the deletes leave.
 * @throws invalid-argument for an unknown column, corrupt, not-found, denied, unavailable
 */
export async function planScan(table: TableState, io: FileIO, options: PlanOptions): Promise<ScanPlan> {
  const { metadata } = table
  const { snapshot, schema } = options
  const filter = options.filter ?? BOUND_TRUE
  const { select, caseSensitive } = options
  const fields = outputFields(schema, { select, caseSensitive, specs: metadata.partitionSpecs })
  const metered = meteredIO(io)
  const manifests =
    snapshot === undefined || filter.op === 'false'
      ? []
      : await readManifestList(metered.io, snapshot, { signal: options.signal })
  for (const manifest of manifests) checkManifestUnencrypted(manifest)

  const pruner = createPruner(filter, metadata, schema)
  const chosen = chooseManifests(manifests, pruner)
  const cache = cacheFor([...chosen.data, ...chosen.deletes], manifestCacheOf(io))
  const site: PlanSite = { io: metered.io, cache, metadata, schema, filter, options }
  const deletes = await readDeletes(chosen.deletes, site)
  const statisticsOf = new Set([
    ...boundFields(filter),
    ...deletes.equalityFieldIds,
    ...(options.statisticsOf ?? []),
  ])
  const planned = await planManifests(chosen.data, { ...site, pruner, deletes, statisticsOf })
  return {
    metadata,
    snapshot,
    schema,
    fields,
    filter,
    tasks: planned.tasks,
    statisticsOf,
    report: report(manifests, chosen, deletes, planned, metered.counts),
  }
}

/** How many times as large manifests are unpacked, about. */
const UNPACKED_FACTOR = 4

/**
 * The cache, if all manifests of a plan fit into it: those of a larger table, read in the same order again and
 * again, would push out each one just before it is needed.
 */
function cacheFor(
  manifests: readonly ManifestFile[],
  cache: ManifestCache | undefined,
): ManifestCache | undefined {
  if (cache === undefined) return undefined
  const likelyBytes = manifests.reduce((sum, { lengthBytes }) => sum + UNPACKED_FACTOR * lengthBytes, 0)
  return likelyBytes <= cache.sizeBytesMax ? cache : undefined
}

/** What every manifest of a plan is read with. */
interface PlanSite {
  readonly io: FileIO
  readonly cache: ManifestCache | undefined
  readonly metadata: TableMetadata
  readonly schema: Schema
  readonly filter: Bound
  readonly options: PlanOptions
}

function readOptions({ cache, metadata, schema, options }: PlanSite): ReadManifestOptions {
  return {
    ...manifestTerms(metadata, schema),
    keep: isLive,
    signal: options.signal,
    cache,
  }
}

async function readDeletes(manifests: readonly ManifestFile[], site: PlanSite): Promise<DeleteIndex> {
  const read = (manifest: ManifestFile): Promise<readonly ManifestEntry[]> =>
    readManifest(site.io, manifest, readOptions(site))
  const entries = await eachManifest(manifests, site.options, read)
  return buildDeleteIndex(entries.flat(), site.metadata)
}

/** Runs `work` on manifests side by side, within bounds of number and bytes; results are in the manifests' order. */
function eachManifest<T>(
  manifests: readonly ManifestFile[],
  options: PlanOptions,
  work: (manifest: ManifestFile) => Promise<T>,
): Promise<T[]> {
  const gate = createGate(MANIFEST_BYTES_AT_ONCE)
  const bounded = async (manifest: ManifestFile): Promise<T> => {
    const leave = await gate.enter(manifest.lengthBytes)
    try {
      return await work(manifest)
    } finally {
      leave()
    }
  }
  return mapBounded(manifests, bounded, {
    limit: options.concurrency ?? MANIFEST_CONCURRENCY,
    signal: options.signal,
  })
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
  readonly skippedByPartition: number
  readonly skippedByBounds: number
}

interface DataSite extends PlanSite {
  readonly pruner: Pruner
  readonly deletes: DeleteIndex
  readonly statisticsOf: ReadonlySet<number>
}

async function planManifests(manifests: readonly ManifestFile[], site: DataSite): Promise<PlannedTasks> {
  const parts = await eachManifest(manifests, site.options, manifest => planManifest(manifest, site))
  const sum = (count: (part: PlannedTasks) => number): number =>
    parts.reduce((total, part) => total + count(part), 0)
  return {
    tasks: parts.flatMap(part => part.tasks),
    files: sum(part => part.files),
    skippedByPartition: sum(part => part.skippedByPartition),
    skippedByBounds: sum(part => part.skippedByBounds),
  }
}

async function planManifest(manifest: ManifestFile, site: DataSite): Promise<PlannedTasks> {
  const { io, pruner, deletes, filter } = site
  const selected = await selectFromManifest(io, manifest, {
    ...readOptions(site),
    withStatistics: site.statisticsOf,
    selector: pruner.selectorOf(manifest.specId),
  })
  const tasks = selected.entries.map((entry): ReadTask => {
    if (!isDataEntry(entry))
      throw new LakeError('corrupt', 'a data manifest holds a delete file', {
        context: { location: entry.file.location },
      })
    const residual = pruner.isCovered(entry.file) ? BOUND_TRUE : filter
    return { entry, deletes: deletes.forDataFile(entry), residual }
  })
  return { ...selected, tasks }
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
    dataFilesSkippedByPartition: planned.skippedByPartition,
    dataFilesSkippedByBounds: planned.skippedByBounds,
    deleteFiles: deletes.fileCount,
    deleteFilesSkipped: deletes.fileCount - deleteFilesOf(planned.tasks).size,
    requests: Object.values(counts.requests).reduce((sum, count) => sum + count, 0),
    readBytes: counts.readBytes,
  }
}
