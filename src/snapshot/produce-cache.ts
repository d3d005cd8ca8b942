/**
 * What the attempts of one commit share: names already taken and manifests that an earlier attempt wrote and a
 * later one may use again. One cache serves one operation on one table.
 */
import type { ContentFile } from '../manifest/content-file.js'
import type { NewManifestFile } from '../manifest/manifest-file.js'
import type { AddedGroup } from './file-changes.js'

/** The manifest of added files; right for as long as exactly these files are added. */
export interface CachedAdded {
  readonly group: AddedGroup
  readonly manifest: NewManifestFile
}

/** What removing files made of one manifest of the base, or merging of several. */
export interface RewrittenManifest {
  /** The new version; undefined when the manifest holds none of the files and is kept; of a merge, when nothing is left. */
  readonly manifest: NewManifestFile | undefined
  readonly removedFiles: readonly ContentFile[]
  readonly entryCount: number
}

export interface ProduceCache {
  /** The number in the name of the next manifest. */
  nextManifestNumber(): number
  added(groupKey: string): CachedAdded | undefined
  keepAdded(groupKey: string, cached: CachedAdded): void
  /** What the key's manifests, with the key's removal, were merged to. */
  merged(key: string): CachedMerge | undefined
  keepMerged(key: string, cached: CachedMerge): void
  /** What this removal made of the manifest that the source key stands for. */
  rewritten(source: string, removalKey: string): RewrittenManifest | undefined
  keepRewritten(source: string, removalKey: string, rewritten: RewrittenManifest): void
  /** Drops what refers to these files: they are about to be deleted. */
  forget(locations: ReadonlySet<string>): void
}

/** What several manifests were merged to; right for as long as they and the added files among them are the same. */
export interface CachedMerge {
  readonly groups: readonly AddedGroup[]
  readonly result: RewrittenManifest
}

/** An empty cache, to be made once per operation and table. */
export function createProduceCache(): ProduceCache {
  let manifestNumber = 0
  const added = new Map<string, CachedAdded>()
  const merged = new Map<string, CachedMerge>()
  const rewritten = new Map<string, RewrittenManifest>()
  let currentRemoval = ''
  return {
    nextManifestNumber: () => manifestNumber++,
    added: groupKey => added.get(groupKey),
    keepAdded: (groupKey, cached) => {
      added.set(groupKey, cached)
    },
    merged: key => merged.get(key),
    keepMerged: (key, cached) => {
      merged.set(key, cached)
    },
    rewritten: (source, removalKey) => (removalKey === currentRemoval ? rewritten.get(source) : undefined),
    keepRewritten: (source, removalKey, result) => {
      if (removalKey !== currentRemoval) rewritten.clear()
      currentRemoval = removalKey
      rewritten.set(source, result)
    },
    forget: locations => {
      for (const [group, cached] of added) {
        if (locations.has(cached.manifest.location)) added.delete(group)
      }
      for (const [key, { result }] of merged) {
        if (result.manifest !== undefined && locations.has(result.manifest.location)) merged.delete(key)
      }
      for (const [source, cached] of rewritten) {
        if (cached.manifest !== undefined && locations.has(cached.manifest.location)) rewritten.delete(source)
      }
    },
  }
}
