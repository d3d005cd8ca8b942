/**
 * Which manifests a commit puts together, so that a table of many small commits keeps a short list. As Java's
 * merging writer does it: manifests of one kind and one spec are packed into bins of the target size, from the
 * oldest on and without changing their order, and a bin becomes one manifest.
 *
 * ```
 * newest [ added ][ m9 ][ m8 ] ... [ m3 ] | [ m2 ][ m1 ] | [ m0 ] oldest       | where a bin is full
 *          the bin of the newest waits      merged at      alone:
 *          for `min-count-to-merge`         once           kept
 * ```
 *
 * Nothing is read to decide: the sizes of manifests are in the list, those of added files are guessed.
 * @see Iceberg documentation, "Configuration", `commit.manifest.*`
 */
import type { ManifestFile } from '../manifest/manifest-file.js'
import { specById } from '../metadata/lookup.js'
import { type ManifestProperties, manifestProperties } from '../metadata/properties.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import type { AddedGroup } from './file-changes.js'

/** Manifests to be written as one, newest first; added files come before them. */
export interface Merge {
  readonly content: 'data' | 'deletes'
  readonly specId: number
  readonly groups: readonly AddedGroup[]
  readonly manifests: readonly ManifestFile[]
}

export interface MergeInput {
  readonly metadata: TableMetadata
  readonly groups: readonly AddedGroup[]
  /** Those of the base that may have live files, newest first. */
  readonly manifests: readonly ManifestFile[]
  /** From 1. */
  readonly attempt: number
  /** An earlier attempt has done it. */
  readonly isDone: (merge: Merge) => boolean
}

type Item = { readonly lengthBytes: number; readonly specId: number } & (
  | { readonly group: AddedGroup }
  | { readonly manifest: ManifestFile }
)

/** Bytes of an entry in a manifest when nothing tells. */
const ENTRY_BYTES = 400

/** The merges of a commit; none when the table does not want them. */
export function planMerges(input: MergeInput): readonly Merge[] {
  const properties = manifestProperties(input.metadata)
  if (!properties.mergeEnabled) return []
  return [...planContent('data', input, properties), ...planContent('deletes', input, properties)]
}

function planContent(
  content: 'data' | 'deletes',
  input: MergeInput,
  properties: ManifestProperties,
): readonly Merge[] {
  const items = itemsOf(content, input)
  const [newest] = items
  const merges: Merge[] = []
  for (const ofSpec of bySpec(items)) {
    for (const bin of packFromOldest(ofSpec, properties.targetSizeBytes)) {
      const merge = mergeOf(content, bin)
      if (bin.length < 2 || merge.manifests.length === 0) continue
      if (newest !== undefined && bin.includes(newest) && !isDue(merge, input, properties)) continue
      merges.push(merge)
    }
  }
  return merges
}

/**
 * Whether the bin of the newest is merged. A commit that lost a race waits twice as long with a merge that it would have to do
 * anew: reading so many manifests again and again would make it lose the next race too.
 */
function isDue(
  merge: Merge,
  { attempt, isDone }: MergeInput,
  { minCountToMerge }: ManifestProperties,
): boolean {
  const count = merge.groups.length + merge.manifests.length
  if (count < minCountToMerge) return false
  return attempt === 1 || count >= 2 * minCountToMerge || isDone(merge)
}

function itemsOf(content: 'data' | 'deletes', { metadata, groups, manifests }: MergeInput): readonly Item[] {
  const own = manifests.filter(manifest => manifest.content === content)
  const added = groups.filter(group => group.content === content)
  const entryBytes = meanEntryBytes(own)
  return [
    ...added.map(group => ({
      group,
      specId: group.specId,
      lengthBytes: group.files.length * entryBytes,
    })),
    ...own
      .filter(manifest => isWritable(metadata, manifest))
      .map(manifest => ({ manifest, specId: manifest.specId, lengthBytes: manifest.lengthBytes })),
  ]
}

/** What cannot be written again stays as it is. */
function isWritable(metadata: TableMetadata, { keyMetadata, specId }: ManifestFile): boolean {
  const isEncrypted = keyMetadata !== undefined && keyMetadata.length > 0
  return !isEncrypted && specById(metadata, specId) !== undefined
}

function meanEntryBytes(manifests: readonly ManifestFile[]): number {
  let bytes = 0
  let entries = 0
  for (const { lengthBytes, addedFilesCount, existingFilesCount, deletedFilesCount } of manifests) {
    const count = (addedFilesCount ?? 0) + (existingFilesCount ?? 0) + (deletedFilesCount ?? 0)
    if (count === 0) continue
    bytes += lengthBytes
    entries += count
  }
  return entries === 0 ? ENTRY_BYTES : bytes / entries
}

function bySpec(items: readonly Item[]): Iterable<readonly Item[]> {
  const groups = new Map<number, Item[]>()
  for (const item of items) {
    const group = groups.get(item.specId)
    if (group === undefined) groups.set(item.specId, [item])
    else group.push(item)
  }
  return groups.values()
}

/** Bins of neighbours, newest first, filled from the oldest on: the newest bin is the one that is not full. */
function packFromOldest(items: readonly Item[], targetSizeBytes: number): readonly (readonly Item[])[] {
  const bins: Item[][] = []
  let bin: Item[] = []
  let sizeBytes = 0
  for (const item of items.toReversed()) {
    if (bin.length > 0 && sizeBytes + item.lengthBytes > targetSizeBytes) {
      bins.push(bin)
      bin = []
      sizeBytes = 0
    }
    bin.push(item)
    sizeBytes += item.lengthBytes
  }
  if (bin.length > 0) bins.push(bin)
  return bins.reverse().map(each => each.reverse())
}

function mergeOf(content: 'data' | 'deletes', bin: readonly Item[]): Merge {
  return {
    content,
    specId: bin[0]?.specId ?? 0,
    groups: bin.flatMap(item => ('group' in item ? [item.group] : [])),
    manifests: bin.flatMap(item => ('manifest' in item ? [item.manifest] : [])),
  }
}
