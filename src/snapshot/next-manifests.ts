/**
 * The manifests of the next snapshot: those of the base without what is removed, those of what is added, and small
 * ones merged. A manifest that a merge takes in is read once and written once, with its removed entries marked.
 */
import { mapBounded } from '../base/concurrency.js'
import type { ContentFile } from '../manifest/content-file.js'
import { MANIFESTS_AT_ONCE } from '../manifest/live-entries.js'
import { type ManifestFile, mightHaveLiveFiles, type NewManifestFile } from '../manifest/manifest-file.js'
import { addedEntries, groupAdded, isSameGroup, writeAddedManifest } from './added-manifests.js'
import type { FileChanges } from './file-changes.js'
import type { ManifestSite } from './manifest-site.js'
import { type Merge, planMerges } from './merge-plan.js'
import type { RewrittenManifest } from './produce-cache.js'
import {
  checkAllFound,
  planRemoval,
  type Removal,
  remainingEntries,
  removeFromManifests,
  sourceKey,
} from './remove-entries.js'

export interface NextManifests {
  /** Newest first. */
  readonly manifests: readonly (ManifestFile | NewManifestFile)[]
  /** Those of `manifests` that this operation wrote, on this attempt or an earlier one. */
  readonly written: readonly NewManifestFile[]
  /** Manifests of the base that others stand for now. */
  readonly replacedCount: number
  /** Every file that was removed, deletes that went with their data file included. */
  readonly removedFiles: readonly ContentFile[]
  /** Entries read from manifests and written to others. */
  readonly entriesProcessed: number
}

export interface NextManifestsInput {
  /** The manifests of the base. */
  readonly before: readonly ManifestFile[]
  readonly changes: FileChanges
  /** From 1. */
  readonly attempt: number
  /** False: small manifests stay, whatever the table's properties say. */
  readonly merging: boolean
}

/**
 * Writes the manifests that are new.
 * @throws conflict when a file to be removed is not live, or when a data file that gets a deletion vector would
 * keep an older one
 */
export async function writeNextManifests(
  site: ManifestSite,
  { before, changes, attempt, merging }: NextManifestsInput,
): Promise<NextManifests> {
  const { metadata } = site
  const live = before.filter(mightHaveLiveFiles)
  const groups = groupAdded(changes)
  const removal = planRemoval(metadata, changes)
  const isDone = (merge: Merge): boolean => knownMerge(site, merge, removal) !== undefined
  const merges = merging ? planMerges({ metadata, groups, manifests: live, attempt, isDone }) : []

  const mergedSources = new Set(merges.flatMap(merge => merge.manifests))
  const mergedGroups = new Set(merges.flatMap(merge => merge.groups))
  const others = live.filter(manifest => !mergedSources.has(manifest))
  const rewritten = await removeFromManifests(site, others, removal)
  const merged: RewrittenManifest[] = []
  for (const merge of merges) merged.push(await mergeOrReuse(site, merge, removal))
  const results = [...merged, ...rewritten]
  const removedFiles = results.flatMap(result => result.removedFiles)
  checkAllFound(removal, removedFiles)

  const added: NewManifestFile[] = []
  for (const group of groups) if (!mergedGroups.has(group)) added.push(await writeAddedManifest(site, group))
  const standIns = standInsOf({ others, rewritten, merges, merged })
  const changed = results.flatMap(result => result.manifest ?? [])
  return {
    manifests: [
      ...added,
      ...merges.flatMap((merge, index) => (merge.groups.length > 0 ? (merged[index]?.manifest ?? []) : [])),
      ...live.flatMap(manifest => standIns.get(manifest) ?? []),
    ],
    written: [...added, ...changed],
    replacedCount: mergedSources.size + rewritten.filter(result => result.manifest !== undefined).length,
    removedFiles,
    entriesProcessed: results.reduce((sum, result) => sum + result.entryCount, 0),
  }
}

/** What stands in the place of each manifest of the base; the newest of a merge makes room for it. */
function standInsOf(given: {
  readonly others: readonly ManifestFile[]
  readonly rewritten: readonly RewrittenManifest[]
  readonly merges: readonly Merge[]
  readonly merged: readonly RewrittenManifest[]
}): ReadonlyMap<ManifestFile, ManifestFile | NewManifestFile> {
  const standIns = new Map<ManifestFile, ManifestFile | NewManifestFile>()
  given.others.forEach((manifest, index) => {
    standIns.set(manifest, given.rewritten[index]?.manifest ?? manifest)
  })
  given.merges.forEach(({ groups, manifests: [newest] }, index) => {
    const result = given.merged[index]?.manifest
    if (groups.length === 0 && newest !== undefined && result !== undefined) standIns.set(newest, result)
  })
  return standIns
}

function mergeKey({ manifests, groups }: Merge, removal: Removal): string {
  return [removal.key, ...manifests.map(sourceKey), '', ...groups.map(group => group.key)].join('\n')
}

/** What an earlier attempt made of the very same manifests and files. */
function knownMerge(site: ManifestSite, merge: Merge, removal: Removal): RewrittenManifest | undefined {
  const cached = site.cache.merged(mergeKey(merge, removal))
  if (cached === undefined) return undefined
  const isSame = merge.groups.every((group, index) => {
    const other = cached.groups[index]
    return other !== undefined && isSameGroup(group, other)
  })
  return isSame ? cached.result : undefined
}

async function mergeOrReuse(site: ManifestSite, merge: Merge, removal: Removal): Promise<RewrittenManifest> {
  const known = knownMerge(site, merge, removal)
  if (known !== undefined) return known
  const parts = await mapBounded(merge.manifests, manifest => remainingEntries(site, manifest, removal), {
    limit: MANIFESTS_AT_ONCE,
    signal: site.signal,
  })
  const kept = parts.flatMap(part => part.entries)
  const entries = [...merge.groups.flatMap(addedEntries), ...kept]
  const result: RewrittenManifest = {
    manifest: entries.length === 0 ? undefined : await site.write(entries, merge),
    removedFiles: parts.flatMap(part => part.removedFiles),
    entryCount: kept.length,
  }
  site.cache.keepMerged(mergeKey(merge, removal), { groups: merge.groups, result })
  return result
}
