/**
 * Which files snapshots reach: manifest lists, manifests, the live files in them, statistics. Expiry deletes what
 * the expired snapshots reached and nothing that is kept reaches.
 *
 * It works over all kept snapshots of all refs and none, never by "what this snapshot removed": with several refs,
 * staged commits or a rollback the incremental reasoning deletes files that are still in use.
 */
import { mapBounded } from '../base/concurrency.js'
import { isLakeError } from '../base/errors.js'
import { ownershipOf } from '../commit/clone-origins.js'
import type { FileIO } from '../io/file-io.js'
import { comparableLocation } from '../io/location.js'
import type { ContentFile, ManifestEntry } from '../manifest/content-file.js'
import { isLive, manifestTerms } from '../manifest/live-entries.js'
import type { ManifestFile } from '../manifest/manifest-file.js'
import { readManifestList } from '../manifest/manifest-list-read.js'
import { readManifest } from '../manifest/manifest-read.js'
import { currentSchema } from '../metadata/lookup.js'
import type { Snapshot, TableMetadata } from '../metadata/table-metadata.js'

export type ReachableKind = ContentFile['content'] | 'manifest' | 'manifest-list' | 'statistics'

export interface ReachableFile {
  readonly location: string
  readonly kind: ReachableKind
  /** What metadata says of it; 0 where it says nothing. */
  readonly sizeBytes: number
}

export interface ReachOptions {
  readonly signal?: AbortSignal | undefined
  /** Manifests and lists that are read at once; default 8. */
  readonly concurrency?: number | undefined
}

/**
 * The files that the removed snapshots reach and nothing in `kept` does, content first, lists last. A list or
 * manifest of a removed snapshot that is gone already (an earlier clean-up was cut short) is passed over, and so is
 * what a clone reaches outside of its own folder.
 * @throws whatever reading a kept list or manifest throws: then nothing is proven, and nothing may be deleted
 */
export async function unreachableFiles(
  io: FileIO,
  states: {
    readonly removed: readonly Snapshot[]
    readonly before: TableMetadata
    readonly kept: TableMetadata
  },
  options: ReachOptions = {},
): Promise<readonly ReachableFile[]> {
  const { removed, before, kept } = states
  const keptManifests = await manifestsOf(io, kept.snapshots, options)
  const removedManifests = await manifestsOf(io, removed, { ...options, passOverMissing: true })
  const candidates = new Map<string, ReachableFile>()
  const onlyRemoved = [...removedManifests.values()].filter(
    manifest => !keptManifests.has(comparableLocation(manifest.location)),
  )
  const gone = await liveFiles(io, onlyRemoved, { ...options, metadata: before, passOverMissing: true })
  for (const file of gone) candidates.set(comparableLocation(file.location), contentFile(file))
  await dropReached(io, candidates, { ...options, metadata: kept, manifests: [...keptManifests.values()] })
  for (const { location, lengthBytes } of onlyRemoved) {
    candidates.set(comparableLocation(location), { location, kind: 'manifest', sizeBytes: lengthBytes })
  }
  for (const file of ownFiles(removed, before)) candidates.set(comparableLocation(file.location), file)
  for (const file of ownFiles(kept.snapshots, kept)) candidates.delete(comparableLocation(file.location))
  const isOwn = ownershipOf(kept)
  return [...candidates.values()].filter(file => isOwn(file.location))
}

function contentFile(file: ContentFile): ReachableFile {
  return { location: file.location, kind: file.content, sizeBytes: file.fileSizeBytes }
}

/** Manifest lists, and statistics of the snapshots. */
function ownFiles(snapshots: readonly Snapshot[], metadata: TableMetadata): readonly ReachableFile[] {
  const ids = new Set(snapshots.map(snapshot => snapshot.snapshotId))
  const lists = snapshots.flatMap(({ manifestList }) =>
    manifestList === undefined
      ? []
      : [{ location: manifestList, kind: 'manifest-list' as const, sizeBytes: 0 }],
  )
  const statistics = [...metadata.statistics, ...metadata.partitionStatistics]
    .filter(file => ids.has(file.snapshotId))
    .map(file => ({
      location: file.statisticsPath,
      kind: 'statistics' as const,
      sizeBytes: file.fileSizeBytes,
    }))
  return [...statistics, ...lists]
}

interface ReadOptions extends ReachOptions {
  readonly passOverMissing?: boolean
}

async function manifestsOf(
  io: FileIO,
  snapshots: readonly Snapshot[],
  options: ReadOptions,
): Promise<ReadonlyMap<string, ManifestFile>> {
  const read = (snapshot: Snapshot): Promise<readonly ManifestFile[]> =>
    readManifestList(io, snapshot, { signal: options.signal })
  const lists = await mapBounded(
    snapshots,
    snapshot => orNothing(options, () => read(snapshot)),
    bounds(options),
  )
  return new Map(lists.flat().map(manifest => [comparableLocation(manifest.location), manifest]))
}

interface ManifestReadOptions extends ReadOptions {
  readonly metadata: TableMetadata
}

async function liveFiles(
  io: FileIO,
  manifests: readonly ManifestFile[],
  options: ManifestReadOptions,
): Promise<readonly ContentFile[]> {
  const read = manifestReader(io, options)
  const entries = await mapBounded(
    manifests,
    manifest => orNothing(options, () => read(manifest)),
    bounds(options),
  )
  return entries.flat().map(entry => entry.file)
}

/** Takes every file that a kept manifest holds out of the candidates; stops reading when none is left. */
async function dropReached(
  io: FileIO,
  candidates: Map<string, ReachableFile>,
  options: ManifestReadOptions & { readonly manifests: readonly ManifestFile[] },
): Promise<void> {
  const read = manifestReader(io, options)
  const drop = async (manifest: ManifestFile): Promise<void> => {
    if (candidates.size === 0) return
    for (const { file } of await read(manifest)) candidates.delete(comparableLocation(file.location))
  }
  await mapBounded(options.manifests, drop, bounds(options))
}

function manifestReader(
  io: FileIO,
  options: ManifestReadOptions,
): (manifest: ManifestFile) => Promise<readonly ManifestEntry[]> {
  const { metadata, signal } = options
  const schema = currentSchema(metadata)
  return manifest =>
    readManifest(io, manifest, {
      ...manifestTerms(metadata, schema),
      keep: isLive,
      withStatistics: false,
      signal,
    })
}

async function orNothing<T>(options: ReadOptions, read: () => Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await read()
  } catch (error) {
    if (options.passOverMissing === true && isLakeError(error, 'not-found')) return []
    throw error
  }
}

function bounds(options: ReachOptions): { limit: number; signal?: AbortSignal | undefined } {
  return { limit: options.concurrency ?? 8, signal: options.signal }
}
