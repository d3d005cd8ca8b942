/**
 * Commits of a filesystem catalog: whoever makes the next version's file has committed.
 *
 *   find the current version N -> check, apply -> (lock of version N + 1 -> N is current still? -> lock held?) -> create v<N+1>
 *
 * The file is created only where none is, so two writers of serac never make the same version. Java takes the lock, looks, and
 * then renames plainly - in S3, where there is no rename, it copies - which would overwrite ours: hence the lock beside it,
 * and hence no writing without one, unless nobody but serac writes here.
 *
 * The version before says how a version is compressed, and with it its name; the first one is plain. So whatever writers make
 * of the property meanwhile, they want the same name: two names for one version would be two versions.
 */
import { checkSignal, isLakeError, LakeError } from '../base/errors.js'
import type { IoOptions } from '../io/file-io.js'
import { comparableLocation, trimTrailingSlash } from '../io/location.js'
import { EMPTIED_METADATA, expiredMetadataFiles, tableMetadataBytes } from '../metadata/metadata-file.js'
import { metadataCodec } from '../metadata/properties.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import type { CommitAttempt, CommitOutcome, LoadedTable, SwapOptions, TableCommit } from './catalog.js'
import { namespaceMissing } from './catalog-errors.js'
import { decideChange, movedConflict } from './decide-change.js'
import { finishDrop } from './filesystem-drop.js'
import { folderAt } from './filesystem-folders.js'
import {
  checkMayWrite,
  type FilesystemContext,
  type FoundVersion,
  findVersion,
  keepSeen,
  lockNames,
  rootOf,
} from './filesystem-tables.js'
import { statVersion, versionLocation, writeHint } from './filesystem-versions.js'
import { printIdentifier } from './identifier.js'
import type { HeldLock } from './lock.js'
import type { PointerCommits } from './pointer-commit.js'

/** The version that a commit wants to make. */
interface NextVersion {
  readonly change: TableCommit
  readonly root: string
  readonly from: FoundVersion | undefined
  readonly version: number
  readonly to: LoadedTable
  readonly bytes: Uint8Array
}

interface Context extends FilesystemContext {
  readonly pending: WeakMap<CommitAttempt, NextVersion>
}

type Made =
  | { readonly status: 'made' }
  | { readonly status: 'lost' }
  | { readonly status: 'unknown'; readonly cause: unknown }

const PREPARE_ATTEMPTS = 4

export function createFilesystemCommits(store: FilesystemContext): PointerCommits {
  const context: Context = { ...store, pending: new WeakMap() }
  return {
    commit: async (changes, options = {}) => commit(context, onlyChange(changes), options),
    settle: (attempt, options = {}) => settle(context, attempt, options),
  }
}

function onlyChange(changes: readonly TableCommit[]): TableCommit {
  const [change, second] = changes
  if (change === undefined) throw new LakeError('invalid-argument', 'a commit needs a table')
  if (second === undefined) return change
  throw new LakeError('unsupported', 'this catalog cannot commit several tables at once', {
    context: { tables: changes.map(each => printIdentifier(each.identifier)) },
  })
}

/** @see Catalog.commit */
async function commit(context: Context, change: TableCommit, options: SwapOptions): Promise<CommitOutcome> {
  checkMayWrite(context)
  for (let attempt = 1; ; attempt++) {
    const next = await prepare(context, change, options)
    if ('status' in next) return next
    const made = await makeVersion(context, next, options)
    if (made.status === 'made') return committed(context, next)
    if (made.status === 'unknown') return unknownOutcome(context, next, made.cause)
    // A request that the network repeated is refused by its own first copy.
    const whose = await whoseVersion(context, next, options)
    if (whose === 'ours') return committed(context, next)
    if (whose === 'retired') return unknownOutcome(context, next, comeAndGone())
    if (attempt >= PREPARE_ATTEMPTS) return movedConflict(change, next.from?.table)
  }
}

// ---- prepare

async function prepare(
  context: Context,
  change: TableCommit,
  options: SwapOptions,
): Promise<NextVersion | CommitOutcome> {
  const { identifier } = change
  const root = rootOf(context, identifier)
  const found = await findVersion(context, identifier, options)
  const from = found !== undefined && 'table' in found ? found : undefined
  const times = { nowMs: context.runtime.nowMs(), sinceMs: options.sinceMs }
  const metadata = decideChange(change, from?.table ?? 'missing', times)
  if ('status' in metadata) return metadata
  if (from !== undefined && metadata === from.table.metadata)
    return { status: 'committed', tables: [from.table] }
  checkStays(metadata, root)
  if (from === undefined) await checkNamespace(context, identifier.namespace, options)
  if (found !== undefined && 'dropped' in found)
    await finishDrop(context, root, { dropped: found.dropped, options })
  const version = (from?.version.version ?? 0) + 1
  const location = versionLocation(
    root,
    version,
    from === undefined ? 'none' : metadataCodec(from.table.metadata),
  )
  const to = { identifier, metadata, metadataLocation: location }
  return { change, root, from, version, to, bytes: tableMetadataBytes(metadata, location) }
}

/** @throws unsupported for a table that would lie elsewhere than in the folder of its name */
function checkStays({ location, properties }: TableMetadata, root: string): void {
  if (comparableLocation(trimTrailingSlash(location)) !== comparableLocation(root))
    throw new LakeError('unsupported', 'in a filesystem catalog a table lies in the folder of its name', {
      context: { location, folder: root },
    })
  if (properties['write.metadata.path'] !== undefined)
    throw new LakeError('unsupported', 'in a filesystem catalog metadata lies in the folder of the table', {
      context: { property: 'write.metadata.path' },
    })
}

async function checkNamespace(
  { folders, warehouse }: Context,
  namespace: readonly string[],
  options: IoOptions,
): Promise<void> {
  if (!(await folders.exists(folderAt(warehouse, namespace), options))) throw namespaceMissing(namespace)
}

// ---- the version

async function makeVersion(context: Context, next: NextVersion, options: IoOptions): Promise<Made> {
  const { writing } = context
  if (writing.kind !== 'locked') return createVersion(context, next, options)
  const { entityId, ownerId } = lockNames(context, next.to.metadataLocation)
  const held = await writing.lock.acquire(entityId, ownerId, options)
  if (held === undefined) return { status: 'lost' }
  try {
    const made: Made = (await maySwap(context, next, { held, options }))
      ? await createVersion(context, next, options)
      : { status: 'lost' }
    // A create that may yet arrive must not find Java between its look and its rename.
    if (made.status === 'unknown') held.letLapse()
    return made
  } finally {
    await held.release()
  }
}

/** Under the lock: the version that we come from is current still, and the lock is ours, for a whole lease from now on. */
async function maySwap(
  { io }: Context,
  { root, from, version }: NextVersion,
  { held, options }: { readonly held: HeldLock; readonly options: IoOptions },
): Promise<boolean> {
  if ((await statVersion(io, root, { ...options, version })) !== undefined) return false
  if (from !== undefined) {
    const now = await statVersion(io, root, { ...options, version: from.version.version })
    if (now?.location !== from.version.location || now.mark !== from.version.mark) return false
  }
  return held.isHeld(options)
}

/** Not to be aborted once it is on its way. @throws aborted before, denied, invalid-argument: then nothing was made */
async function createVersion({ io }: Context, next: NextVersion, { signal }: IoOptions): Promise<Made> {
  checkSignal(signal)
  try {
    const outcome = await io.create(next.to.metadataLocation, next.bytes)
    return { status: outcome === 'created' ? 'made' : 'lost' }
  } catch (cause) {
    if (isLakeError(cause, 'denied') || isLakeError(cause, 'invalid-argument')) throw cause
    return { status: 'unknown', cause }
  }
}

// ---- outcomes

async function committed(context: Context, next: NextVersion): Promise<CommitOutcome> {
  const { io } = context
  const { root, from, version, to } = next
  await writeHint(io, root, version)
  for (const location of expiredMetadataFiles(from?.table.metadata, to.metadata))
    await retire(context, location)
  // Without it the next load reads the file again.
  const made = await statVersion(io, root, { version }).catch(() => undefined)
  if (made?.location === to.metadataLocation && made.sizeBytes === next.bytes.length)
    keepSeen(context, root, { version: made, table: to })
  return { status: 'committed', tables: [to] }
}

/**
 * Old versions leave their names behind, a few bytes each: a request that comes late, of a writer that was frozen meanwhile,
 * must not make a version again that was made long ago.
 */
async function retire({ io }: Context, location: string): Promise<void> {
  try {
    const { etag, sizeBytes } = await io.stat(location)
    if (etag !== undefined && sizeBytes > EMPTIED_METADATA.length)
      await io.replace(location, EMPTIED_METADATA, { etag })
  } catch {
    // It stays as it is, which only costs room.
  }
}

/** No metadata location: a version's name is anybody's. */
function unknownOutcome(context: Context, next: NextVersion, cause: unknown): CommitOutcome {
  const attempt: CommitAttempt = { changes: [next.change] }
  context.pending.set(attempt, next)
  return { status: 'unknown', attempt, cause }
}

// ---- settle

/** The version's file is ours, or somebody else's and will stay so, or not there: then it is created again. */
async function settle(context: Context, attempt: CommitAttempt, options: IoOptions): Promise<CommitOutcome> {
  const next = context.pending.get(attempt)
  if (next === undefined) throw new LakeError('invalid-argument', 'the attempt is not one of this catalog')
  const is = await whoseVersion(context, next, options)
  if (is === 'ours') return committed(context, next)
  if (is === 'theirs') return movedConflict(next.change, next.from?.table)
  if (is === 'retired' || !isAt(await findVersion(context, next.change.identifier, options), next.from))
    return { status: 'unknown', attempt, cause: comeAndGone() }
  const made = await makeVersion(context, next, options)
  if (made.status === 'made') return committed(context, next)
  const cause =
    made.status === 'unknown' ? made.cause : new LakeError('unavailable', 'the version was made meanwhile')
  return { status: 'unknown', attempt, cause }
}

function isAt(current: Awaited<ReturnType<typeof findVersion>>, from: FoundVersion | undefined): boolean {
  if (current === undefined || from === undefined) return current === from
  return 'table' in current && current.version.mark === from.version.mark
}

function comeAndGone(): LakeError {
  return new LakeError('unavailable', 'the version has come and gone, by whomever')
}

/** `retired`: so much was committed since that only the version's name is left. */
async function whoseVersion(
  { io }: Context,
  { to, bytes, root, version }: NextVersion,
  options: IoOptions,
): Promise<'ours' | 'theirs' | 'nobody' | 'retired'> {
  const there = await statVersion(io, root, { ...options, version })
  if (there === undefined) return 'nobody'
  if (there.sizeBytes === EMPTIED_METADATA.length) return 'retired'
  if (there.location !== to.metadataLocation || there.sizeBytes !== bytes.length) return 'theirs'
  const stored = await io.read(there.location, options)
  return Buffer.compare(stored, bytes) === 0 ? 'ours' : 'theirs'
}
