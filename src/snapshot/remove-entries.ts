/**
 * Takes files out of the manifests of a base: a manifest that holds one is written anew, with that entry marked
 * deleted and the others existing; all other manifests are kept as they are.
 *
 * Deletes that name a removed data file (vectors and file-scoped position deletes) go with it. A manifest is
 * read only when its partition summary allows that it holds something of interest.
 */
import { mapBounded } from '../base/concurrency.js'
import { LakeError } from '../base/errors.js'
import type { ContentFile, ManifestEntry } from '../manifest/content-file.js'
import { isDeletionVector } from '../manifest/content-file.js'
import { referencedDataFile } from '../manifest/delete-index.js'
import { MANIFESTS_AT_ONCE } from '../manifest/live-entries.js'
import type { ManifestFile } from '../manifest/manifest-file.js'
import type { ManifestEntryToWrite } from '../manifest/manifest-write.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { type FileChanges, fileKey } from './file-changes.js'
import type { ManifestSite } from './manifest-site.js'
import { type PartitionScope, partitionScope } from './partition-scope.js'
import type { RewrittenManifest } from './produce-cache.js'

/**
 * Takes the files out of manifests that are not merged.
 * @throws conflict when a data file that gets a deletion vector would keep an older one
 */
export async function removeFromManifests(
  site: ManifestSite,
  manifests: readonly ManifestFile[],
  removal: Removal,
): Promise<readonly RewrittenManifest[]> {
  return mapBounded(
    manifests,
    async manifest => (removal.mightTouch(manifest) ? rewriteOrReuse(site, manifest, removal) : UNTOUCHED),
    { limit: MANIFESTS_AT_ONCE, signal: site.signal },
  )
}

const UNTOUCHED: RewrittenManifest = { manifest: undefined, removedFiles: [], entryCount: 0 }

/** What a commit takes out of the manifests of its base. */
export interface Removal {
  /** Equal for equal removals: what was rewritten for one is right for the other. */
  readonly key: string
  readonly removeAll: boolean
  /** Keys of the files to be removed. */
  readonly files: ReadonlySet<string>
  readonly dataFiles: ReadonlySet<string>
  /** Data files that get a deletion vector. */
  readonly vectorTargets: ReadonlySet<string>
  mightTouch(manifest: ManifestFile): boolean
}

export function planRemoval(metadata: TableMetadata, changes: FileChanges): Removal {
  const { removedFiles, addedDeleteFiles } = changes
  const removeAll = changes.removeAll === true
  const data = removedFiles.filter(file => file.content === 'data')
  const vectors = addedDeleteFiles.filter(isDeletionVector)
  const dataScope = partitionScope(metadata, data)
  const deleteScope = partitionScope(metadata, [...removedFiles, ...vectors])
  const scopeOf = (manifest: ManifestFile): PartitionScope =>
    manifest.content === 'data' ? dataScope : deleteScope
  const files = new Set(removedFiles.map(fileKey))
  const vectorTargets = new Set(vectors.flatMap(vector => vector.referencedDataFile ?? []))
  return {
    key: [String(removeAll), ...[...files].sort(), '', ...[...vectorTargets].sort()].join('\n'),
    removeAll,
    files,
    dataFiles: new Set(data.map(file => file.location)),
    vectorTargets,
    mightTouch: manifest => removeAll || scopeOf(manifest).mightBeIn(manifest),
  }
}

async function rewriteOrReuse(
  site: ManifestSite,
  manifest: ManifestFile,
  removal: Removal,
): Promise<RewrittenManifest> {
  const source = sourceKey(manifest)
  const known = site.cache.rewritten(source, removal.key)
  if (known !== undefined) return known
  const rewritten = await rewriteManifest(site, manifest, removal)
  site.cache.keepRewritten(source, removal.key, rewritten)
  return rewritten
}

/**
 * Equal for sources whose entries read alike. A manifest from before v3 gets its row ids by the first v3 list that
 * names it: what was rewritten without them would number the rows anew. A manifest that an earlier step of the same
 * transaction added gets another sequence number with each attempt, and its entries inherit it.
 */
export function sourceKey({ location, sequenceNumber, firstRowId }: ManifestFile): string {
  return `${location}#${sequenceNumber}#${firstRowId ?? ''}`
}

async function rewriteManifest(
  site: ManifestSite,
  manifest: ManifestFile,
  removal: Removal,
): Promise<RewrittenManifest> {
  const { entries, removedFiles } = await remainingEntries(site, manifest, removal)
  if (removedFiles.length === 0) return UNTOUCHED
  return { manifest: await site.write(entries, manifest), removedFiles, entryCount: entries.length }
}

export interface RemainingEntries {
  /** The live entries of the manifest, existing now, or deleted by this commit. */
  readonly entries: readonly ManifestEntryToWrite[]
  readonly removedFiles: readonly ContentFile[]
}

/** Reads a manifest and takes the files out. @throws as `removeFromManifests` */
export async function remainingEntries(
  site: ManifestSite,
  manifest: ManifestFile,
  removal: Removal,
): Promise<RemainingEntries> {
  const live = await site.readLive(manifest)
  const removedFiles: ContentFile[] = []
  const entries = live.map((entry): ManifestEntryToWrite => {
    if (!isRemoved(entry.file, removal)) return { ...entry, status: 'existing' }
    removedFiles.push(entry.file)
    return { ...entry, status: 'deleted', snapshotId: site.snapshotId }
  })
  checkVectors(live, removal)
  return { entries, removedFiles }
}

function isRemoved(file: ContentFile, removal: Removal): boolean {
  if (removal.removeAll || removal.files.has(fileKey(file))) return true
  if (file.content !== 'position-deletes' || removal.dataFiles.size === 0) return false
  const target = referencedDataFile(file)
  return target !== undefined && removal.dataFiles.has(target)
}

function checkVectors(entries: readonly ManifestEntry[], removal: Removal): void {
  if (removal.vectorTargets.size === 0) return
  for (const { file } of entries) {
    if (!isDeletionVector(file) || isRemoved(file, removal)) continue
    const dataFile = file.referencedDataFile
    if (dataFile === undefined || !removal.vectorTargets.has(dataFile)) continue
    throw new LakeError('conflict', 'the data file has another deletion vector by now', {
      context: { dataFile, location: file.location },
    })
  }
}

/** @throws conflict when a file to be removed is not live */
export function checkAllFound(removal: Removal, removedFiles: readonly ContentFile[]): void {
  const missing = new Set(removal.files)
  for (const file of removedFiles) missing.delete(fileKey(file))
  if (missing.size === 0) return
  throw new LakeError('conflict', 'a file to be removed is not live any more', {
    context: { files: [...missing].slice(0, 10), count: missing.size },
  })
}
