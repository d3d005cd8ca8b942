/** Where one attempt reads and writes manifests: the table's settings, the operation's names, and what was written. */

import { assert, present } from '../base/assert.js'
import type { FileIO } from '../io/file-io.js'
import { joinLocation } from '../io/location.js'
import type { ManifestEntry } from '../manifest/content-file.js'
import { isLive, manifestTerms } from '../manifest/live-entries.js'
import type { ManifestFile, NewManifestFile } from '../manifest/manifest-file.js'
import { readManifest } from '../manifest/manifest-read.js'
import type { WrittenFormatVersion } from '../manifest/manifest-schema.js'
import { type ManifestEntryToWrite, writeManifest } from '../manifest/manifest-write.js'
import { currentSchema, specById } from '../metadata/lookup.js'
import { manifestProperties, metadataFolder } from '../metadata/properties.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import type { ProduceCache } from './produce-cache.js'

export interface ManifestSiteOptions {
  readonly io: FileIO
  readonly metadata: TableMetadata
  readonly cache: ProduceCache
  readonly snapshotId: bigint
  readonly operationUuid: string
  readonly signal?: AbortSignal | undefined
}

export interface ManifestSite extends ManifestSiteOptions {
  readonly formatVersion: WrittenFormatVersion
  /** Live entries of a manifest, with all statistics: they are written again. */
  readLive(manifest: ManifestFile): Promise<readonly ManifestEntry[]>
  write(
    entries: readonly ManifestEntryToWrite[],
    kind: { readonly content: 'data' | 'deletes'; readonly specId: number },
  ): Promise<NewManifestFile>
  /** Notes a file that this attempt is about to write. */
  record(location: string): void
  /** Deletes what this attempt wrote; best effort. */
  discard(): Promise<void>
}

export function openManifestSite(options: ManifestSiteOptions): ManifestSite {
  const { io, metadata, cache, snapshotId, operationUuid, signal } = options
  const recorded: string[] = []
  const schema = currentSchema(metadata)
  const formatVersion = writtenVersion(metadata)
  return {
    ...options,
    formatVersion,
    readLive: manifest =>
      readManifest(io, manifest, {
        ...manifestTerms(metadata, schema),
        keep: isLive,
        withStatistics: true,
        signal,
      }),
    write: (entries, { content, specId }) => {
      const name = `${operationUuid}-m${cache.nextManifestNumber()}.avro`
      const location = joinLocation(metadataFolder(metadata), name)
      recorded.push(location)
      return writeManifest(io, location, {
        entries,
        spec: present(specById(metadata, specId), 'the spec of a manifest'),
        schema,
        schemas: metadata.schemas,
        content,
        formatVersion,
        snapshotId,
        codec: manifestProperties(metadata).codec,
        signal,
      })
    },
    record: location => {
      recorded.push(location)
    },
    discard: async () => {
      cache.forget(new Set(recorded))
      try {
        await io.delete(recorded)
      } catch {
        // The error that made us discard is the one to report; what stays is an orphan that nothing refers to.
      }
    },
  }
}

function writtenVersion(metadata: TableMetadata): WrittenFormatVersion {
  assert(metadata.formatVersion !== 1, 'a table that may be written is not of v1')
  return metadata.formatVersion
}
