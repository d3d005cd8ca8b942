/** Manifests of the files that a snapshot adds: one kind and one partition spec each. */
import type { ContentFile } from '../manifest/content-file.js'
import type { NewManifestFile } from '../manifest/manifest-file.js'
import type { ManifestEntryToWrite } from '../manifest/manifest-write.js'
import type { FileChanges } from './file-changes.js'
import type { ManifestSite } from './manifest-site.js'

/** Entries of one manifest at most: a few megabytes, near Java's `commit.manifest.target-size-bytes`. */
const ENTRIES_MAX = 10_000

/** Writes the manifests, or takes those an earlier attempt wrote for the very same files. Data manifests come first. */
export async function writeAddedManifests(
  site: ManifestSite,
  changes: Pick<FileChanges, 'addedDataFiles' | 'addedDeleteFiles' | 'dataSequenceNumber'>,
): Promise<readonly NewManifestFile[]> {
  const { addedDataFiles, addedDeleteFiles, dataSequenceNumber } = changes
  const data = await writeGroups(site, { content: 'data', files: addedDataFiles, dataSequenceNumber })
  const deletes = await writeGroups(site, {
    content: 'deletes',
    files: addedDeleteFiles,
    dataSequenceNumber: undefined,
  })
  return [...data, ...deletes]
}

interface AddedFiles {
  readonly content: 'data' | 'deletes'
  readonly files: readonly ContentFile[]
  readonly dataSequenceNumber: bigint | undefined
}

async function writeGroups(site: ManifestSite, added: AddedFiles): Promise<readonly NewManifestFile[]> {
  const bySpec = groupBySpec(added.files)
  const manifests: NewManifestFile[] = []
  for (const [specId, files] of bySpec) {
    const group = `${added.content}/${specId}`
    const cached = site.cache.added(group)
    if (cached !== undefined && isFor(cached, { ...added, files })) {
      manifests.push(...cached.manifests)
      continue
    }
    const written = await writeGroup(site, { ...added, files, specId })
    site.cache.keepAdded(group, { files, dataSequenceNumber: added.dataSequenceNumber, manifests: written })
    manifests.push(...written)
  }
  return manifests
}

function isFor(
  cached: Pick<AddedFiles, 'files' | 'dataSequenceNumber'>,
  added: Pick<AddedFiles, 'files' | 'dataSequenceNumber'>,
): boolean {
  return (
    cached.dataSequenceNumber === added.dataSequenceNumber &&
    cached.files.length === added.files.length &&
    cached.files.every((file, index) => file === added.files[index])
  )
}

function groupBySpec(files: readonly ContentFile[]): ReadonlyMap<number, readonly ContentFile[]> {
  const groups = new Map<number, ContentFile[]>()
  for (const file of files) {
    const group = groups.get(file.specId)
    if (group === undefined) groups.set(file.specId, [file])
    else group.push(file)
  }
  return groups
}

async function writeGroup(
  site: ManifestSite,
  group: AddedFiles & { readonly specId: number },
): Promise<readonly NewManifestFile[]> {
  const manifests: NewManifestFile[] = []
  for (let from = 0; from < group.files.length; from += ENTRIES_MAX) {
    const entries = group.files.slice(from, from + ENTRIES_MAX).map(
      (file): ManifestEntryToWrite => ({
        status: 'added',
        file,
        dataSequenceNumber: group.dataSequenceNumber,
      }),
    )
    manifests.push(await site.write(entries, group))
  }
  return manifests
}
