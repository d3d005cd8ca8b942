/**
 * The manifests and entries behind metadata tables, as streams: manifest lists and manifests are read a few at a
 * time, in order, and let go of once they were handed on, so memory does not grow with the table.
 */
import type { FileIO } from '../../io/file-io.js'
import type { ContentFile, EntryStatus, ManifestEntry } from '../../manifest/content-file.js'
import { checkManifestUnencrypted, manifestTerms } from '../../manifest/live-entries.js'
import type { ManifestFile } from '../../manifest/manifest-file.js'
import { readManifestList } from '../../manifest/manifest-list-read.js'
import { readManifest } from '../../manifest/manifest-read.js'
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
  readonly withStatistics: boolean
}

/** The entries of the manifests of some snapshots, a manifest at a time; one that several snapshots list is read once. */
export async function* entryChunks(
  table: InspectedTable,
  snapshots: readonly Snapshot[],
  options: EntryStreamOptions,
): AsyncGenerator<readonly ManifestEntry[]> {
  const { content, keepManifest = () => true } = options
  const seen = new Set<string>()
  for await (const { manifests } of manifestLists(table.io, snapshots, options)) {
    const fresh = manifests.filter(manifest => {
      if ((content !== undefined && manifest.content !== content) || seen.has(manifest.location)) return false
      seen.add(manifest.location)
      return keepManifest(manifest)
    })
    yield* entriesOf(table, fresh, options)
  }
}

/** As `entryChunks`, the files alone. */
export async function* fileChunks(
  table: InspectedTable,
  snapshots: readonly Snapshot[],
  options: EntryStreamOptions,
): AsyncGenerator<readonly ContentFile[]> {
  for await (const entries of entryChunks(table, snapshots, options)) yield entries.map(entry => entry.file)
}

function entriesOf(
  table: InspectedTable,
  manifests: readonly ManifestFile[],
  options: EntryStreamOptions,
): AsyncIterable<readonly ManifestEntry[]> {
  const { io, metadata } = table
  async function* read(
    manifest: ManifestFile,
    stopped: AbortSignal,
  ): AsyncGenerator<readonly ManifestEntry[]> {
    checkManifestUnencrypted(manifest)
    yield await readManifest(io, manifest, {
      ...manifestTerms(metadata, currentSchema(metadata)),
      keep: options.keep,
      withStatistics: options.withStatistics,
      signal: eitherSignal(options.signal, stopped),
    })
  }
  return orderedStreams(manifests, read, { limit: options.concurrency })
}
