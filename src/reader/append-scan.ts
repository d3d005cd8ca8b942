/**
 * Incremental append scan: the rows that the append snapshots of a range added, as they were added. Deletes and
 * overwrites of the range are not seen, neither in what they removed nor in what they added.
 */
import { mapBounded } from '../base/concurrency.js'
import { LakeError } from '../base/errors.js'
import { BOUND_TRUE, type Bound, boundFields } from '../expression/bind.js'
import type { FileIO } from '../io/file-io.js'
import { meteredIO } from '../io/metered.js'
import type { DataFile, ManifestEntry } from '../manifest/content-file.js'
import { type DeletesOfFile, type EntryOf, isDataEntry } from '../manifest/delete-index.js'
import type { ManifestSelection } from '../manifest/entry-select.js'
import { manifestTerms } from '../manifest/live-entries.js'
import { type ManifestCache, manifestCacheOf } from '../manifest/manifest-cache.js'
import type { ManifestFile } from '../manifest/manifest-file.js'
import { readManifestList } from '../manifest/manifest-list-read.js'
import { selectFromManifest } from '../manifest/manifest-read.js'
import type { Snapshot, TableMetadata } from '../metadata/table-metadata.js'
import type { Schema } from '../schema/types.js'
import { type SnapshotRange, snapshotsInRange } from './changelog-range.js'
import type { ScanPlan, TableState } from './plan.js'
import { createPruner, type Pruner } from './prune.js'
import { outputFields } from './scan-columns.js'

export interface AppendScanOptions extends SnapshotRange {
  /** The schema that the rows are read with. */
  readonly schema: Schema
  /** Bound to `schema`. Absent: every row. */
  readonly filter?: Bound | undefined
  /** Names of columns and metadata columns, in the order of the output; absent: all columns. */
  readonly select?: readonly string[] | undefined
  readonly signal?: AbortSignal | undefined
}

/** Snapshots whose manifests are read at the same time. */
const SNAPSHOTS_AT_ONCE = 4
const MANIFESTS_AT_ONCE = 4

/** A file that was just added has no deletes. */
export const NO_DELETES: DeletesOfFile = { positionDeletes: [], equalityDeletes: [] }

/**
 * Plans the scan of what was appended; its tasks are in the order of the snapshots. Costs one manifest list and
 * the added manifests for each append snapshot.
 * @throws not-found when expiry cut the history; invalid-argument for an unknown column, and when `from` is not an
 * ancestor of `to`; corrupt, denied, unavailable
 */
export async function planAppends(
  table: TableState,
  io: FileIO,
  options: AppendScanOptions,
): Promise<ScanPlan> {
  const { metadata } = table
  const { schema, filter = BOUND_TRUE, signal, to } = options
  const fields = outputFields(schema, { select: options.select, specs: metadata.partitionSpecs })
  const metered = meteredIO(io)
  const pruner = createPruner(filter, metadata, schema)
  const statistics = boundFields(filter)
  const added = { io: metered.io, cache: manifestCacheOf(io), metadata, schema, pruner, statistics, signal }
  const appends = snapshotsInRange(metadata, options).filter(
    ({ snapshot }) => snapshot.operation === 'append',
  )
  const selected = await mapBounded(appends, ({ snapshot }) => selectAdded(snapshot, added), {
    limit: SNAPSHOTS_AT_ONCE,
    signal,
  })
  const sum = (count: (part: AddedSelection) => number): number =>
    selected.reduce((total, part) => total + count(part), 0)
  return {
    metadata,
    snapshot: to,
    schema,
    fields,
    filter,
    tasks: selected.flatMap(part =>
      part.entries.map(entry => ({
        entry,
        deletes: NO_DELETES,
        residual: pruner.isCovered(entry.file) ? BOUND_TRUE : filter,
      })),
    ),
    statisticsOf: statistics,
    report: {
      dataManifests: sum(part => part.manifests),
      dataManifestsSkipped: sum(part => part.manifestsSkipped),
      deleteManifests: 0,
      deleteManifestsSkipped: 0,
      dataFiles: sum(part => part.files),
      dataFilesSkippedByPartition: sum(part => part.skippedByPartition),
      dataFilesSkippedByBounds: sum(part => part.skippedByBounds),
      deleteFiles: 0,
      deleteFilesSkipped: 0,
      requests: Object.values(metered.counts.requests).reduce((total, count) => total + count, 0),
      readBytes: metered.counts.readBytes,
    },
  }
}

/** The data files that a snapshot added, told by its own manifests. */
export async function addedFiles(
  io: FileIO,
  snapshot: Snapshot,
  options: {
    readonly metadata: TableMetadata
    readonly schema: Schema
    readonly signal?: AbortSignal | undefined
  },
): Promise<readonly EntryOf<DataFile>[]> {
  const { metadata, schema, signal } = options
  const pruner = createPruner(BOUND_TRUE, metadata, schema)
  const statistics = new Set<number>()
  const added = { io, cache: manifestCacheOf(io), metadata, schema, pruner, statistics, signal }
  return (await selectAdded(snapshot, added)).entries
}

interface AddedSite {
  readonly io: FileIO
  readonly cache: ManifestCache | undefined
  readonly metadata: TableMetadata
  readonly schema: Schema
  readonly pruner: Pruner
  readonly statistics: ReadonlySet<number>
  readonly signal?: AbortSignal | undefined
}

interface AddedSelection extends Omit<ManifestSelection, 'entries'> {
  readonly entries: readonly EntryOf<DataFile>[]
  readonly manifests: number
  readonly manifestsSkipped: number
}

async function selectAdded(snapshot: Snapshot, site: AddedSite): Promise<AddedSelection> {
  const { io, cache, metadata, schema, pruner, statistics, signal } = site
  const manifests = (await readManifestList(io, snapshot, { signal })).filter(
    ({ content, addedSnapshotId }) => content === 'data' && addedSnapshotId === snapshot.snapshotId,
  )
  const kept = manifests.filter(manifest => pruner.keepManifest(manifest))
  const select = (manifest: ManifestFile): Promise<ManifestSelection> =>
    selectFromManifest(io, manifest, {
      ...manifestTerms(metadata, schema),
      keep: status => status === 'added',
      withStatistics: statistics,
      selector: pruner.selectorOf(manifest.specId),
      signal,
      cache,
    })
  const selected = await mapBounded(kept, select, { limit: MANIFESTS_AT_ONCE, signal })
  const sum = (count: (part: ManifestSelection) => number): number =>
    selected.reduce((total, part) => total + count(part), 0)
  return {
    entries: selected.flatMap(part => addedEntries(part.entries, snapshot)),
    files: sum(part => part.files),
    skippedByPartition: sum(part => part.skippedByPartition),
    skippedByBounds: sum(part => part.skippedByBounds),
    manifests: manifests.length,
    manifestsSkipped: manifests.length - kept.length,
  }
}

function addedEntries(entries: readonly ManifestEntry[], snapshot: Snapshot): readonly EntryOf<DataFile>[] {
  return entries
    .filter(entry => entry.snapshotId === snapshot.snapshotId)
    .map(entry => {
      if (isDataEntry(entry)) return entry
      throw new LakeError('corrupt', 'a data manifest holds a delete file', {
        context: { location: entry.file.location },
      })
    })
}
