/**
 * What others did since a snapshot to the rows that an operation decided on.
 *
 *   state     files that are live in one of the two states only, in the scope    nothing: nothing happened
 *   history   which snapshot brought or took each of them, where it is kept
 *
 * State decides whether something changed, so a change that was undone is none, and rollbacks and expired snapshots are
 * no matter. History says what kind of change it was: a `replace` changes no row. Where it does not tell, files that came
 * are new rows, and files that went are removed ones.
 *
 * A `replace` can hide a change: rows that were added since are in a rewritten file now, and rows of the scope, whose
 * deletes do not name the file any more that they were in. So once one of them touched the scope, what the other snapshots
 * added and what is not live any more counts too, and so does what deletes from a file that a `replace` made.
 */
import { mapBounded } from '../base/concurrency.js'
import type { FileIO } from '../io/file-io.js'
import type { ContentFile, DataFile, DeleteFile } from '../manifest/content-file.js'
import { dataFileOf } from '../manifest/delete-index.js'
import { MANIFESTS_AT_ONCE } from '../manifest/live-entries.js'
import type { ManifestFile } from '../manifest/manifest-file.js'
import type { Snapshot, TableMetadata } from '../metadata/table-metadata.js'
import { snapshotsBetween } from './ancestry.js'
import { diffFiles, type TableStates } from './changes.js'
import { fileKey } from './file-changes.js'
import { readOwnChanges } from './own-changes.js'

/** `rows-deleted`: deletes by position came or went. `rewritten`: by a snapshot that changed no row. */
export type FileChangeKind = 'data-added' | 'data-removed' | 'rows-deleted' | 'equality-deletes' | 'rewritten'

export interface ConcurrentFile {
  readonly change: FileChangeKind
  readonly file: ContentFile
  /** The snapshot that did it; undefined where history does not tell. */
  readonly snapshotId: bigint | undefined
}

/** The rows that an operation decides on. When in doubt a file is of the scope. */
export interface ConflictScope {
  /** False only when no file of the manifest is of the scope. */
  mightBeIn(manifest: ManifestFile): boolean
  /** False only when the file holds no row of the scope. */
  hasData(file: DataFile): boolean
  /** False only when the file deletes no row of the scope. */
  reaches(file: DeleteFile): boolean | Promise<boolean>
}

export interface ConcurrentOptions {
  readonly scope: ConflictScope
  readonly signal?: AbortSignal | undefined
}

/**
 * The changes of the scope's files from `before` to `after`. Costs as `diffFiles`; once something has changed, the
 * manifest list and the own manifests of the snapshots between.
 * @throws conflict when the older state was expired and its files are gone
 */
export async function concurrentFiles(
  io: FileIO,
  states: TableStates,
  options: ConcurrentOptions,
): Promise<readonly ConcurrentFile[]> {
  const found = await changedFiles(io, states, options)
  if (found.length === 0) return []
  const { metadata, before, after } = states
  const between = snapshotsBetween(metadata, { from: before?.snapshotId, to: after?.snapshotId })
  if (between === undefined) return found.map(each => named(each, undefined))
  const known = new Map(between.map(snapshot => [snapshot.snapshotId, snapshot]))
  const isPlain = found.every(
    ({ isAdded, snapshotId }) => isAdded && known.get(snapshotId)?.operation !== 'replace',
  )
  if (isPlain) return found.map(each => named(each, known.get(each.snapshotId)))
  return withHistory(io, { found, between, metadata }, options)
}

/** A file that is live in one state only. */
interface ChangedFile {
  readonly file: ContentFile
  readonly isAdded: boolean
  /** The one that added it. */
  readonly snapshotId: bigint
}

async function changedFiles(
  io: FileIO,
  states: TableStates,
  { scope, signal }: ConcurrentOptions,
): Promise<readonly ChangedFile[]> {
  const isOfInterest = (manifest: ManifestFile): boolean => scope.mightBeIn(manifest)
  const found: ChangedFile[] = []
  for (const content of ['data', 'deletes'] as const) {
    const delta = await diffFiles(io, states, { content, isOfInterest, signal })
    const all = [
      ...delta.added.map(entry => ({ ...entry, isAdded: true })),
      ...delta.removed.map(entry => ({ ...entry, isAdded: false })),
    ]
    for (const { file, isAdded, snapshotId } of all)
      if (await isIn(scope, file)) found.push({ file, isAdded, snapshotId })
  }
  return found
}

function isIn(scope: ConflictScope, file: ContentFile): boolean | Promise<boolean> {
  return file.content === 'data' ? scope.hasData(file) : scope.reaches(file)
}

function named({ file, isAdded }: ChangedFile, author: Snapshot | undefined): ConcurrentFile {
  return { change: kindOf(file, isAdded, author), file, snapshotId: author?.snapshotId }
}

function kindOf(file: ContentFile, isAdded: boolean, author: Snapshot | undefined): FileChangeKind {
  if (author?.operation === 'replace') return 'rewritten'
  switch (file.content) {
    case 'data':
      return isAdded ? 'data-added' : 'data-removed'
    case 'equality-deletes':
      return 'equality-deletes'
    default:
      return 'rows-deleted'
  }
}

interface History {
  readonly found: readonly ChangedFile[]
  readonly between: readonly Snapshot[]
  readonly metadata: TableMetadata
}

async function withHistory(
  io: FileIO,
  { found, between, metadata }: History,
  { scope, signal }: ConcurrentOptions,
): Promise<readonly ConcurrentFile[]> {
  const read = async (snapshot: Snapshot) => ({
    snapshot,
    own: await readOwnChanges(io, { metadata, snapshot }, { signal }),
  })
  const steps = await mapBounded(between, read, { limit: MANIFESTS_AT_ONCE, signal })
  const adders = new Map<string, Snapshot>()
  const removers = new Map<string, Snapshot>()
  for (const { snapshot, own } of steps) {
    for (const file of [...own.addedDataFiles, ...own.addedDeleteFiles]) adders.set(fileKey(file), snapshot)
    for (const file of [...own.removedDataFiles, ...own.removedDeleteFiles])
      removers.set(fileKey(file), snapshot)
  }
  const seen = found.map(each => named(each, (each.isAdded ? adders : removers).get(fileKey(each.file))))
  if (seen.every(({ change }) => change !== 'rewritten')) return seen
  const live = new Set(found.filter(({ isAdded }) => isAdded).map(({ file }) => fileKey(file)))
  const rewritten = new Set<string | undefined>(
    steps
      .filter(({ snapshot }) => snapshot.operation === 'replace')
      .flatMap(({ own }) =>
        own.addedDataFiles.filter(file => scope.hasData(file)).map(file => file.location),
      ),
  )
  for (const { snapshot, own } of steps) {
    if (snapshot.operation === 'replace') continue
    for (const file of [...own.addedDataFiles, ...own.addedDeleteFiles]) {
      if (live.has(fileKey(file)) || !(rewritten.has(dataFileOf(file)) || (await isIn(scope, file)))) continue
      seen.push(named({ file, isAdded: true, snapshotId: snapshot.snapshotId }, snapshot))
    }
  }
  return seen
}
