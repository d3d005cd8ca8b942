/** Manifests of the files that a snapshot adds: one kind and one partition spec each. */
import type { ContentFile } from '../manifest/content-file.js'
import type { NewManifestFile } from '../manifest/manifest-file.js'
import type { ManifestEntryToWrite } from '../manifest/manifest-write.js'
import type { AddedGroup, FileChanges } from './file-changes.js'
import type { ManifestSite } from './manifest-site.js'

/** Entries of one manifest at most: a few megabytes, near Java's `commit.manifest.target-size-bytes`. */
const ENTRIES_MAX = 10_000

/** The added files by kind and spec, no more in a group than a manifest takes. Data files come first. */
export function groupAdded(
  changes: Pick<FileChanges, 'addedDataFiles' | 'addedDeleteFiles' | 'dataSequenceNumber'>,
): readonly AddedGroup[] {
  const { addedDataFiles, addedDeleteFiles, dataSequenceNumber } = changes
  return [
    ...groupsOf('data', addedDataFiles, dataSequenceNumber),
    ...groupsOf('deletes', addedDeleteFiles, undefined),
  ]
}

function groupsOf(
  content: 'data' | 'deletes',
  added: readonly ContentFile[],
  dataSequenceNumber: bigint | undefined,
): AddedGroup[] {
  const bySpec = new Map<number, ContentFile[]>()
  for (const file of added) {
    const files = bySpec.get(file.specId)
    if (files === undefined) bySpec.set(file.specId, [file])
    else files.push(file)
  }
  const groups: AddedGroup[] = []
  for (const [specId, files] of bySpec) {
    for (let from = 0; from < files.length; from += ENTRIES_MAX) {
      const key = `${content}/${specId}/${from}`
      groups.push({ key, content, specId, files: files.slice(from, from + ENTRIES_MAX), dataSequenceNumber })
    }
  }
  return groups
}

/** The manifest of a group, or the one that an earlier attempt wrote for the very same files. */
export async function writeAddedManifest(site: ManifestSite, group: AddedGroup): Promise<NewManifestFile> {
  const cached = site.cache.added(group.key)
  if (cached !== undefined && isSameGroup(cached.group, group)) return cached.manifest
  const manifest = await site.write(addedEntries(group), group)
  site.cache.keepAdded(group.key, { group, manifest })
  return manifest
}

export function addedEntries({ files, dataSequenceNumber }: AddedGroup): readonly ManifestEntryToWrite[] {
  return files.map(file => ({ status: 'added', file, dataSequenceNumber }))
}

/** True when the groups add exactly the same files. */
export function isSameGroup(one: AddedGroup, other: AddedGroup): boolean {
  return (
    one.key === other.key &&
    one.dataSequenceNumber === other.dataSequenceNumber &&
    one.files.length === other.files.length &&
    one.files.every((file, index) => file === other.files[index])
  )
}
