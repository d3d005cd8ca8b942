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
import { type ManifestFile, mightHaveLiveFiles, type NewManifestFile } from '../manifest/manifest-file.js'
import type { ManifestEntryToWrite } from '../manifest/manifest-write.js'
import { type FileChanges, fileKey } from './file-changes.js'
import type { ManifestSite } from './manifest-site.js'
import { type PartitionScope, partitionScope } from './partition-scope.js'
import type { RewrittenManifest } from './produce-cache.js'

export interface RemainingManifests {
  /** The base's manifests that still have live files, in its order, and the new versions in their places. */
  readonly manifests: readonly (ManifestFile | NewManifestFile)[]
  /** Those of `manifests` that this operation wrote. */
  readonly rewritten: readonly NewManifestFile[]
  /** Every file that was removed, deletes that went with their data file included. */
  readonly removedFiles: readonly ContentFile[]
  /** Entries read from and written to rewritten manifests. */
  readonly entriesProcessed: number
}

const MANIFESTS_AT_ONCE = 8

/**
 * @throws conflict when a file to be removed is not live, or when a data file that gets a deletion vector would
 * keep an older one
 */
export async function removeFromManifests(
  site: ManifestSite,
  before: readonly ManifestFile[],
  changes: FileChanges,
): Promise<RemainingManifests> {
  const live = before.filter(mightHaveLiveFiles)
  const removal = planRemoval(site, changes)
  const results = await mapBounded(
    live,
    async manifest => (removal.mightTouch(manifest) ? rewriteOrReuse(site, manifest, removal) : undefined),
    { limit: MANIFESTS_AT_ONCE, signal: site.signal },
  )
  const changed = results.filter(result => result?.manifest !== undefined)
  const removedFiles = changed.flatMap(result => result?.removedFiles ?? [])
  checkAllFound(removal, removedFiles)
  return {
    manifests: live.map((manifest, index) => results[index]?.manifest ?? manifest),
    rewritten: changed.flatMap(result => result?.manifest ?? []),
    removedFiles,
    entriesProcessed: changed.reduce((sum, result) => sum + (result?.entryCount ?? 0), 0),
  }
}

interface Removal {
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

function planRemoval(site: ManifestSite, changes: FileChanges): Removal {
  const { removedFiles, addedDeleteFiles } = changes
  const removeAll = changes.removeAll === true
  const data = removedFiles.filter(file => file.content === 'data')
  const vectors = addedDeleteFiles.filter(isDeletionVector)
  const dataScope = partitionScope(site.metadata, data)
  const deleteScope = partitionScope(site.metadata, [...removedFiles, ...vectors])
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
 * names it: what was rewritten without them would number the rows anew.
 */
function sourceKey({ location, firstRowId }: ManifestFile): string {
  return firstRowId === undefined ? location : `${location}#${firstRowId}`
}

async function rewriteManifest(
  site: ManifestSite,
  manifest: ManifestFile,
  removal: Removal,
): Promise<RewrittenManifest> {
  const entries = await site.readLive(manifest)
  const removedFiles: ContentFile[] = []
  const toWrite = entries.map((entry): ManifestEntryToWrite => {
    if (!isRemoved(entry.file, removal)) return { ...entry, status: 'existing' }
    removedFiles.push(entry.file)
    return { ...entry, status: 'deleted', snapshotId: site.snapshotId }
  })
  checkVectors(entries, removal)
  if (removedFiles.length === 0) return { manifest: undefined, removedFiles, entryCount: 0 }
  return { manifest: await site.write(toWrite, manifest), removedFiles, entryCount: entries.length }
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

function checkAllFound(removal: Removal, removedFiles: readonly ContentFile[]): void {
  const missing = new Set(removal.files)
  for (const file of removedFiles) missing.delete(fileKey(file))
  if (missing.size === 0) return
  throw new LakeError('conflict', 'a file to be removed is not live any more', {
    context: { files: [...missing].slice(0, 10), count: missing.size },
  })
}
