/**
 * The files that one snapshot added and removed, as its own manifests say: what a cherry-pick does again on another
 * history, and how a check for conflicts learns who changed a file.
 */

import { mapBounded } from '../base/concurrency.js'
import type { FileIO, IoOptions } from '../io/file-io.js'
import type { DataFile, DeleteFile, ManifestEntry } from '../manifest/content-file.js'
import { MANIFESTS_AT_ONCE, manifestTerms } from '../manifest/live-entries.js'
import { readManifestList } from '../manifest/manifest-list-read.js'
import { readManifest } from '../manifest/manifest-read.js'
import { currentSchema } from '../metadata/lookup.js'
import type { Snapshot, TableMetadata } from '../metadata/table-metadata.js'

export interface OwnChanges {
  readonly addedDataFiles: readonly DataFile[]
  readonly removedDataFiles: readonly DataFile[]
  readonly addedDeleteFiles: readonly DeleteFile[]
  readonly removedDeleteFiles: readonly DeleteFile[]
}

/**
 * Costs the manifest list and the manifests that the snapshot wrote.
 * @throws not-found, corrupt, denied, unavailable
 */
export async function readOwnChanges(
  io: FileIO,
  state: { readonly metadata: TableMetadata; readonly snapshot: Snapshot },
  options: IoOptions = {},
): Promise<OwnChanges> {
  const { metadata, snapshot } = state
  const { signal } = options
  const manifests = (await readManifestList(io, snapshot, options)).filter(
    manifest => manifest.addedSnapshotId === snapshot.snapshotId,
  )
  const terms = manifestTerms(metadata, currentSchema(metadata))
  const isOwn = (entry: ManifestEntry): boolean =>
    entry.snapshotId === snapshot.snapshotId && entry.status !== 'existing'
  const entries = (
    await mapBounded(
      manifests,
      async manifest => (await readManifest(io, manifest, { ...terms, signal })).filter(isOwn),
      { limit: MANIFESTS_AT_ONCE, signal },
    )
  ).flat()
  const addedDataFiles: DataFile[] = []
  const removedDataFiles: DataFile[] = []
  const addedDeleteFiles: DeleteFile[] = []
  const removedDeleteFiles: DeleteFile[] = []
  for (const { status, file } of entries) {
    const isAdded = status === 'added'
    if (file.content === 'data') (isAdded ? addedDataFiles : removedDataFiles).push(file)
    else (isAdded ? addedDeleteFiles : removedDeleteFiles).push(file)
  }
  return { addedDataFiles, removedDataFiles, addedDeleteFiles, removedDeleteFiles }
}
