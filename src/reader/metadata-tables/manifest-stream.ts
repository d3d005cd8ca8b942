/**
 * The manifests and entries behind metadata tables, as streams: manifest lists and manifests are read a few at a
 * time, in order, and let go of once they were handed on, so memory does not grow with the table.
 */
import type { FileIO } from '../../io/file-io.js'
import type { ContentFile, EntryStatus } from '../../manifest/content-file.js'
import { checkManifestUnencrypted, manifestTerms } from '../../manifest/live-entries.js'
import type { ManifestFile } from '../../manifest/manifest-file.js'
import { readManifestList } from '../../manifest/manifest-list-read.js'
import { type OpenEntries, openEntries, readManifest } from '../../manifest/manifest-read.js'
import { currentSchema } from '../../metadata/lookup.js'
import type { Snapshot, TableMetadata } from '../../metadata/table-metadata.js'
import { orderedStreams } from '../ordered-streams.js'
import type { ReadOptions } from './metadata-source.js'

/** What metadata tables are read from. */
export interface InspectedTable {
  readonly io: FileIO
  readonly metadata: TableMetadata
  readonly metadataLocation: string
}

/** The manifests that one snapshot lists. */
export interface SnapshotManifests {
  readonly snapshot: Snapshot
  readonly manifests: readonly ManifestFile[]
}

/** The manifest lists of snapshots, one after the other. */
export function manifestLists(
  io: FileIO,
  snapshots: readonly Snapshot[],
  options: ReadOptions,
): AsyncIterable<SnapshotManifests> {
  async function* read(snapshot: Snapshot, stopped: AbortSignal): AsyncGenerator<SnapshotManifests> {
    const signal = eitherSignal(options.signal, stopped)
    yield { snapshot, manifests: await readManifestList(io, snapshot, { signal }) }
  }
  return orderedStreams(snapshots, read, { limit: options.concurrency })
}

/** Both signals as one. */
export function eitherSignal(signal: AbortSignal | undefined, stopped: AbortSignal): AbortSignal {
  return signal === undefined ? stopped : AbortSignal.any([signal, stopped])
}

export interface EntryStreamOptions extends ReadOptions {
  /** Manifests of one content only; default both. */
  readonly content?: ManifestFile['content'] | undefined
  /** Manifests to read; default all. */
  readonly keepManifest?: ((manifest: ManifestFile) => boolean) | undefined
  /** Entries to return; default all, deleted ones included. */
  readonly keep?: ((status: EntryStatus) => boolean) | undefined
  /** Columns whose statistics are looked at one by one; default none. */
  readonly statisticsOf?: readonly number[] | undefined
}

/**
 * The manifests of some snapshots, read ahead and not yet walked: each is to be released before the next is taken. One
 * that several snapshots list comes once.
 */
export async function* openManifests(
  table: InspectedTable,
  snapshots: readonly Snapshot[],
  options: EntryStreamOptions,
): AsyncGenerator<OpenEntries> {
  const { io, metadata } = table
  const { keep, statisticsOf } = options
  async function* read(manifest: ManifestFile, stopped: AbortSignal): AsyncGenerator<OpenEntries> {
    checkManifestUnencrypted(manifest)
    const signal = eitherSignal(options.signal, stopped)
    const terms = manifestTerms(metadata, currentSchema(metadata))
    yield await openEntries(io, manifest, { ...terms, keep, statisticsOf, signal })
  }
  for await (const manifests of newManifests(table, snapshots, options))
    yield* orderedStreams(manifests, read, { limit: options.concurrency })
}

/** The files of the manifests of some snapshots without their statistics, a manifest at a time. */
export async function* fileChunks(
  table: InspectedTable,
  snapshots: readonly Snapshot[],
  options: Omit<EntryStreamOptions, 'statisticsOf'>,
): AsyncGenerator<readonly ContentFile[]> {
  const { io, metadata } = table
  async function* read(manifest: ManifestFile, stopped: AbortSignal): AsyncGenerator<readonly ContentFile[]> {
    checkManifestUnencrypted(manifest)
    const entries = await readManifest(io, manifest, {
      ...manifestTerms(metadata, currentSchema(metadata)),
      keep: options.keep,
      withStatistics: false,
      signal: eitherSignal(options.signal, stopped),
    })
    yield entries.map(entry => entry.file)
  }
  for await (const manifests of newManifests(table, snapshots, options))
    yield* orderedStreams(manifests, read, { limit: options.concurrency })
}

/** The manifests to read that each snapshot lists and none before it did. */
async function* newManifests(
  table: InspectedTable,
  snapshots: readonly Snapshot[],
  options: EntryStreamOptions,
): AsyncGenerator<readonly ManifestFile[]> {
  const { content, keepManifest = () => true } = options
  const seen = new Set<string>()
  for await (const { manifests } of manifestLists(table.io, snapshots, options)) {
    yield manifests.filter(manifest => {
      if ((content !== undefined && manifest.content !== content) || seen.has(manifest.location)) return false
      seen.add(manifest.location)
      return keepManifest(manifest)
    })
  }
}
