/**
 * Which files a snapshot changed, by state and not by what its entries say: the live files of the parent against
 * those of the snapshot, each with the deletes that reach it there.
 *
 *   data files     parent    snapshot
 *     removed        x                   its rows that were live
 *     added                     x        its rows that are live
 *     changed        x          x        other deletes reach it: rows that were live and are not, or the other way
 *
 * Manifests never change, so those that both lists name cancel out. They are read only for the files that changed
 * deletes might reach, and for the deletes that reach the files found.
 */
import { LakeError } from '../base/errors.js'
import { BOUND_TRUE } from '../expression/bind.js'
import type { FileIO } from '../io/file-io.js'
import type { DataFile, ManifestEntry } from '../manifest/content-file.js'
import {
  buildDeleteIndex,
  type DeleteIndex,
  dataFileOf,
  type EntryOf,
  isDataEntry,
} from '../manifest/delete-index.js'
import { MANIFESTS_AT_ONCE, readLiveEntries } from '../manifest/live-entries.js'
import { manifestCacheOf } from '../manifest/manifest-cache.js'
import { type ManifestFile, mightHaveLiveFiles } from '../manifest/manifest-file.js'
import { readManifestList } from '../manifest/manifest-list-read.js'
import { specById } from '../metadata/lookup.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { isUnpartitioned } from '../schema/partition.js'
import type { Schema } from '../schema/types.js'
import { fileKey } from '../snapshot/file-changes.js'
import { partitionScope } from '../snapshot/partition-scope.js'
import { addedFiles, NO_DELETES } from './append-scan.js'
import { expired, type RangeStep } from './changelog-range.js'
import type { ReadTask } from './plan.js'

/** One data file with the deletes of the parent and with those of the snapshot. */
export interface ChangedFile {
  readonly before: ReadTask
  readonly after: ReadTask
}

export interface SnapshotFiles {
  readonly removed: readonly ReadTask[]
  readonly added: readonly ReadTask[]
  readonly changed: readonly ChangedFile[]
}

export interface SnapshotFilesOptions {
  readonly metadata: TableMetadata
  readonly schema: Schema
  readonly signal?: AbortSignal | undefined
}

/**
 * The files that a snapshot changed.
 * @throws not-found when the parent is needed and was expired; corrupt, denied, unavailable
 */
export async function planSnapshotFiles(
  io: FileIO,
  step: RangeStep,
  options: SnapshotFilesOptions,
): Promise<SnapshotFiles> {
  const { snapshot, parent } = step
  if (step.isParentExpired) {
    if (snapshot.operation !== 'append') throw expired(snapshot.parentSnapshotId ?? 0n, snapshot)
    const entries = await addedFiles(io, snapshot, options)
    const added = entries.map(entry => ({ entry, deletes: NO_DELETES, residual: BOUND_TRUE }))
    return { removed: [], added, changed: [] }
  }
  const [before, after] = await Promise.all([
    parent === undefined ? [] : readManifestList(io, parent, { signal: options.signal }),
    readManifestList(io, snapshot, { signal: options.signal }),
  ])
  return compareStates(manifestReader(io, options), options.metadata, {
    data: compareManifests(before, after, 'data'),
    deletes: compareManifests(before, after, 'deletes'),
    sequenceNumber: snapshot.sequenceNumber,
  })
}

/** Manifests of the parent alone, of the snapshot alone, and of both. */
interface ManifestDelta {
  readonly gone: readonly ManifestFile[]
  readonly come: readonly ManifestFile[]
  readonly kept: readonly ManifestFile[]
}

function compareManifests(
  before: readonly ManifestFile[],
  after: readonly ManifestFile[],
  content: ManifestFile['content'],
): ManifestDelta {
  const live = (manifest: ManifestFile): boolean =>
    manifest.content === content && mightHaveLiveFiles(manifest)
  const then = new Set(before.map(manifest => manifest.location))
  const now = new Set(after.map(manifest => manifest.location))
  return {
    gone: before.filter(manifest => live(manifest) && !now.has(manifest.location)),
    come: after.filter(manifest => live(manifest) && !then.has(manifest.location)),
    kept: after.filter(manifest => live(manifest) && then.has(manifest.location)),
  }
}

/** Reads the live entries of manifests, with the statistics of all or of some columns. */
type LiveReader = (
  manifests: readonly ManifestFile[],
  statistics: true | ReadonlySet<number>,
) => Promise<readonly ManifestEntry[]>

function manifestReader(io: FileIO, options: SnapshotFilesOptions): LiveReader {
  const { metadata, schema, signal } = options
  const cache = manifestCacheOf(io)
  return (manifests, withStatistics) =>
    readLiveEntries(io, manifests, { metadata, schema, withStatistics, signal, cache })
}

interface StateDelta {
  readonly data: ManifestDelta
  readonly deletes: ManifestDelta
  readonly sequenceNumber: bigint
}

async function compareStates(
  read: LiveReader,
  metadata: TableMetadata,
  delta: StateDelta,
): Promise<SnapshotFiles> {
  const deletes = compareEntries(await read(delta.deletes.gone, true), await read(delta.deletes.come, true))
  const areDeletesChanged = deletes.added.length > 0 || deletes.removed.length > 0
  const needsKeptDeletes = areDeletesChanged || delta.data.gone.length > 0
  const keptDeletes = needsKeptDeletes ? await read(delta.deletes.kept, true) : []
  const standing = [...keptDeletes, ...deletes.kept]
  const keyIds = equalityFieldIds([...standing, ...deletes.added, ...deletes.removed])
  const data = compareEntries(await read(delta.data.gone, keyIds), await read(delta.data.come, keyIds))
  // Files that are added under an older sequence number, as if written then, meet older deletes.
  const agedFiles = data.added.some(entry => entry.dataSequenceNumber < delta.sequenceNumber)
  if (agedFiles && !needsKeptDeletes) standing.push(...(await read(delta.deletes.kept, true)))

  const before = buildDeleteIndex([...standing, ...deletes.removed], metadata)
  const after = buildDeleteIndex([...standing, ...deletes.added], metadata)
  const touched = areDeletesChanged
    ? await touchedFiles({ read, metadata, deletes, data, manifests: delta.data.kept, keyIds })
    : []
  return {
    removed: data.removed.map(entry => taskOf(entry, before)),
    added: data.added.map(entry => taskOf(entry, after)),
    changed: touched
      .map(entry => ({ before: taskOf(entry, before), after: taskOf(entry, after) }))
      .filter(file => !haveSameDeletes(file)),
  }
}

interface EntryDelta {
  readonly added: readonly ManifestEntry[]
  readonly removed: readonly ManifestEntry[]
  /** Live then and now, in manifests that were rewritten. */
  readonly kept: readonly ManifestEntry[]
}

function compareEntries(gone: readonly ManifestEntry[], come: readonly ManifestEntry[]): EntryDelta {
  const then = new Set(gone.map(entryKey))
  const now = new Set(come.map(entryKey))
  return {
    added: come.filter(entry => !then.has(entryKey(entry))),
    removed: gone.filter(entry => !now.has(entryKey(entry))),
    kept: come.filter(entry => then.has(entryKey(entry))),
  }
}

/** A file that was removed and added again at another sequence number is another file to deletes. */
function entryKey(entry: ManifestEntry): string {
  return `${entry.dataSequenceNumber} ${fileKey(entry.file)}`
}

function equalityFieldIds(entries: readonly ManifestEntry[]): ReadonlySet<number> {
  const ids = new Set<number>()
  for (const { file } of entries)
    if (file.content === 'equality-deletes') for (const id of file.equalityFieldIds) ids.add(id)
  return ids
}

function taskOf(entry: ManifestEntry, deletes: DeleteIndex): ReadTask {
  const data = dataEntry(entry)
  return { entry: data, deletes: deletes.forDataFile(data), residual: BOUND_TRUE }
}

function dataEntry(entry: ManifestEntry): EntryOf<DataFile> {
  if (isDataEntry(entry)) return entry
  throw new LakeError('corrupt', 'a data manifest holds a delete file', {
    context: { location: entry.file.location },
  })
}

interface TouchOptions {
  readonly read: LiveReader
  readonly metadata: TableMetadata
  readonly deletes: EntryDelta
  readonly data: EntryDelta
  /** Data manifests of both states. */
  readonly manifests: readonly ManifestFile[]
  readonly keyIds: ReadonlySet<number>
}

/** The data files of both states that an added or a removed delete file reaches. */
async function touchedFiles(options: TouchOptions): Promise<readonly EntryOf<DataFile>[]> {
  const { read, metadata, deletes, data, keyIds } = options
  const indexes = [deletes.added, deletes.removed].map(entries => buildDeleteIndex(entries, metadata))
  const isTouched = (entry: EntryOf<DataFile>): boolean =>
    indexes.some(index => hasDeletes(index.forDataFile(entry)))
  const search = searchOrder(options)
  const found: EntryOf<DataFile>[] = []
  const visit = (entry: ManifestEntry): void => {
    const file = dataEntry(entry)
    search.namedFiles.delete(file.file.location)
    if (isTouched(file)) found.push(file)
  }
  for (const entry of [...data.added, ...data.removed]) search.namedFiles.delete(entry.file.location)
  for (const entry of data.kept) visit(entry)
  for (const { manifests, needed } of search.rounds) {
    for (let at = 0; at < manifests.length && needed(); at += MANIFESTS_AT_ONCE)
      for (const entry of await read(manifests.slice(at, at + MANIFESTS_AT_ONCE), keyIds)) visit(entry)
  }
  return found
}

interface SearchOrder {
  /** Data files that deletes name and that were not met yet. */
  readonly namedFiles: Set<string>
  readonly rounds: readonly { readonly manifests: readonly ManifestFile[]; readonly needed: () => boolean }[]
}

/**
 * Manifests that might hold files of the partitions of the deletes come first. A delete file that names its data
 * file reaches it in any partition, so the others are looked through for those, until all are found.
 */
function searchOrder({ deletes, metadata, manifests }: TouchOptions): SearchOrder {
  const files = [...deletes.added, ...deletes.removed].map(entry => entry.file)
  const names = files.map(dataFileOf)
  const namedFiles = new Set(names.filter(name => name !== undefined))
  const isNamedOnly = names.every(name => name !== undefined)
  const isGlobal = files.some(
    file =>
      file.content === 'equality-deletes' &&
      isUnpartitioned(specById(metadata, file.specId) ?? { specId: file.specId, fields: [] }),
  )
  const scope = partitionScope(metadata, files)
  const isNear = (manifest: ManifestFile): boolean => isGlobal || scope.mightBeIn(manifest)
  return {
    namedFiles,
    rounds: [
      { manifests: manifests.filter(isNear), needed: () => !isNamedOnly || namedFiles.size > 0 },
      { manifests: manifests.filter(manifest => !isNear(manifest)), needed: () => namedFiles.size > 0 },
    ],
  }
}

function hasDeletes(deletes: ReadTask['deletes']): boolean {
  const { vector, positionDeletes, equalityDeletes } = deletes
  return vector !== undefined || positionDeletes.length > 0 || equalityDeletes.length > 0
}

function haveSameDeletes({ before, after }: ChangedFile): boolean {
  return deletesKey(before) === deletesKey(after)
}

function deletesKey({ deletes }: ReadTask): string {
  const { vector, positionDeletes, equalityDeletes } = deletes
  const entries = [...(vector === undefined ? [] : [vector]), ...positionDeletes, ...equalityDeletes]
  return JSON.stringify(entries.map(entryKey))
}
