/** How the manifests of a table are read, and what is live in them. */
import { mapBounded } from '../base/concurrency.js'
import { LakeError } from '../base/errors.js'
import type { FileIO, IoOptions } from '../io/file-io.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import type { Schema } from '../schema/types.js'
import type { EntryStatus, ManifestEntry } from './content-file.js'
import type { ManifestCache } from './manifest-cache.js'
import type { ManifestFile } from './manifest-file.js'
import { type ReadManifestOptions, readManifest } from './manifest-read.js'

type KnownTerms = Pick<TableMetadata, 'partitionSpecs' | 'schemas'>

export interface LiveEntriesOptions extends IoOptions {
  readonly metadata: KnownTerms
  /** The schema whose types the partition values take. */
  readonly schema: Schema
  readonly withStatistics: ReadManifestOptions['withStatistics']
  readonly cache?: ManifestCache | undefined
}

/** Manifests that `readLiveEntries` reads at the same time. */
export const MANIFESTS_AT_ONCE = 8

/** What a table knows that every manifest of it is read with. */
export function manifestTerms(
  metadata: KnownTerms,
  schema: Schema,
): Pick<ReadManifestOptions, 'specs' | 'schemas' | 'schema'> {
  return { specs: metadata.partitionSpecs, schemas: metadata.schemas, schema }
}

export function isLive(status: EntryStatus): boolean {
  return status !== 'deleted'
}

/** @throws unsupported naming the manifest when it is encrypted */
export function checkManifestUnencrypted({ location, keyMetadata }: ManifestFile): void {
  if (keyMetadata === undefined || keyMetadata.length === 0) return
  throw new LakeError('unsupported', 'encrypted manifests cannot be read', { context: { location } })
}

/**
 * The entries of the manifests that are not deleted, in order; one request a manifest.
 * @throws corrupt, unsupported, not-found, denied, unavailable, aborted
 */
export async function readLiveEntries(
  io: FileIO,
  manifests: readonly ManifestFile[],
  options: LiveEntriesOptions,
): Promise<readonly ManifestEntry[]> {
  const { metadata, schema, withStatistics, cache, signal } = options
  const readOptions = { ...manifestTerms(metadata, schema), keep: isLive, withStatistics, cache, signal }
  const read = (manifest: ManifestFile): Promise<ManifestEntry[]> => readManifest(io, manifest, readOptions)
  return (await mapBounded(manifests, read, { limit: MANIFESTS_AT_ONCE, signal })).flat()
}
