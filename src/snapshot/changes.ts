/**
 * What differs between two states of a table, by state and not by history: the live files of one that are not
 * live in the other. It holds for any two snapshots, whatever lies between them - expired snapshots, a rollback,
 * another branch.
 *
 * Manifests never change, so those that both lists name cancel out and are not read.
 */
import { isLakeError, LakeError } from '../base/errors.js'
import type { FileIO } from '../io/file-io.js'
import type { ManifestEntry } from '../manifest/content-file.js'
import { readLiveEntries } from '../manifest/live-entries.js'
import type { ManifestFile } from '../manifest/manifest-file.js'
import { readManifestList } from '../manifest/manifest-list-read.js'
import { currentSchema } from '../metadata/lookup.js'
import type { Snapshot, TableMetadata } from '../metadata/table-metadata.js'
import { fileKey } from './file-changes.js'

export interface TableStates {
  readonly before: Snapshot | undefined
  readonly after: Snapshot | undefined
  /** Knows the schemas and specs of both. */
  readonly metadata: TableMetadata
}

export interface FileDelta {
  /** Live now, not then. */
  readonly added: readonly ManifestEntry[]
  /** Live then, not now. */
  readonly removed: readonly ManifestEntry[]
}

export interface DiffOptions {
  readonly content: 'data' | 'deletes'
  /** Manifests that may be passed over because no file of interest can be in them. Default: none. */
  readonly isOfInterest?: ((manifest: ManifestFile) => boolean) | undefined
  readonly signal?: AbortSignal | undefined
}

/** A commit that is tried again makes its snapshot anew, with the same id and another list. */
export function isSameState({ before, after }: Pick<TableStates, 'before' | 'after'>): boolean {
  return before?.snapshotId === after?.snapshotId && before?.manifestList === after?.manifestList
}

/**
 * The files of one kind that came and went. Costs two manifest lists and the manifests that only one of them names.
 * @throws conflict when the older state was expired and its files are gone
 */
export async function diffFiles(io: FileIO, states: TableStates, options: DiffOptions): Promise<FileDelta> {
  if (isSameState(states)) return { added: [], removed: [] }
  const then = await readOlder(states, () => listOf(io, states.before, options))
  const now = await listOf(io, states.after, options)
  const onlyThen = without(then, now)
  const onlyNow = without(now, then)
  const gone = await readOlder(states, () => liveEntries(io, onlyThen, states.metadata, options))
  const come = await liveEntries(io, onlyNow, states.metadata, options)
  return { added: withoutKeys(come, gone), removed: withoutKeys(gone, come) }
}

async function listOf(
  io: FileIO,
  snapshot: Snapshot | undefined,
  options: DiffOptions,
): Promise<readonly ManifestFile[]> {
  if (snapshot === undefined) return []
  const manifests = await readManifestList(io, snapshot, { signal: options.signal })
  return manifests.filter(
    manifest => manifest.content === options.content && (options.isOfInterest?.(manifest) ?? true),
  )
}

function without(
  manifests: readonly ManifestFile[],
  others: readonly ManifestFile[],
): readonly ManifestFile[] {
  const locations = new Set(others.map(manifest => manifest.location))
  return manifests.filter(manifest => !locations.has(manifest.location))
}

async function liveEntries(
  io: FileIO,
  manifests: readonly ManifestFile[],
  metadata: TableMetadata,
  options: DiffOptions,
): Promise<readonly ManifestEntry[]> {
  const schema = currentSchema(metadata)
  return readLiveEntries(io, manifests, { metadata, schema, withStatistics: true, signal: options.signal })
}

function withoutKeys(
  entries: readonly ManifestEntry[],
  others: readonly ManifestEntry[],
): readonly ManifestEntry[] {
  const keys = new Set(others.map(entryKey))
  return entries.filter(entry => !keys.has(entryKey(entry)))
}

/** A file that was removed and added again with another sequence number is another file to deletes. */
function entryKey(entry: ManifestEntry): string {
  return `${entry.dataSequenceNumber} ${fileKey(entry.file)}`
}

async function readOlder<T>(states: TableStates, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (cause) {
    if (!isLakeError(cause, 'not-found') || states.before === undefined) throw cause
    throw new LakeError('conflict', 'the snapshot that the operation began on was expired meanwhile', {
      cause,
      context: { snapshotId: states.before.snapshotId },
    })
  }
}
