/**
 * What the attempts of one commit share: names already taken and manifests that an earlier attempt wrote and a
 * later one may use again. One cache serves one operation on one table.
 */
import type { ContentFile } from '../manifest/content-file.js'
import type { NewManifestFile } from '../manifest/manifest-file.js'

/** Manifests of added files; right for as long as exactly these files are added. */
export interface CachedAdded {
  readonly files: readonly ContentFile[]
  readonly dataSequenceNumber: bigint | undefined
  readonly manifests: readonly NewManifestFile[]
}

/** What removing files made of one manifest of the base. */
export interface RewrittenManifest {
  /** The new version; undefined when the manifest holds none of the files and is kept. */
  readonly manifest: NewManifestFile | undefined
  readonly removedFiles: readonly ContentFile[]
  readonly entryCount: number
}

export interface ProduceCache {
  /** The number in the name of the next manifest. */
  nextManifestNumber(): number
  added(group: string): CachedAdded | undefined
  keepAdded(group: string, cached: CachedAdded): void
  /** What this removal made of the manifest that the source key stands for. */
  rewritten(source: string, removalKey: string): RewrittenManifest | undefined
  keepRewritten(source: string, removalKey: string, rewritten: RewrittenManifest): void
  /** Drops what refers to these files: they are about to be deleted. */
  forget(locations: ReadonlySet<string>): void
}

/** An empty cache, to be made once per operation and table. */
export function createProduceCache(): ProduceCache {
  let manifestNumber = 0
  const added = new Map<string, CachedAdded>()
  const rewritten = new Map<string, RewrittenManifest>()
  let currentRemoval = ''
  return {
    nextManifestNumber: () => manifestNumber++,
    added: group => added.get(group),
    keepAdded: (group, cached) => {
      added.set(group, cached)
    },
    rewritten: (source, removalKey) => (removalKey === currentRemoval ? rewritten.get(source) : undefined),
    keepRewritten: (source, removalKey, result) => {
      if (removalKey !== currentRemoval) rewritten.clear()
      currentRemoval = removalKey
      rewritten.set(source, result)
    },
    forget: locations => {
      for (const [group, cached] of added) {
        if (cached.manifests.some(manifest => locations.has(manifest.location))) added.delete(group)
      }
      for (const [source, cached] of rewritten) {
        if (cached.manifest !== undefined && locations.has(cached.manifest.location)) rewritten.delete(source)
      }
    },
  }
}
