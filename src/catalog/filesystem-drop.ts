/**
 * Dropping a table of a filesystem catalog: a table is its folder, so everything in it is deleted, as Java does.
 *
 *   old versions -> (alone: a last version that says so) -> the current version -> everything else -> that last version
 *
 * Commits are kept off meanwhile: by the lock of the next version, or by the version that says so, which a table that was
 * dropped half way keeps until its name is taken again.
 */
import { LakeError } from '../base/errors.js'
import { deleteInBatches } from '../io/delete-files.js'
import type { IoOptions } from '../io/file-io.js'
import { gcEnabled } from '../metadata/properties.js'
import type { TableIdentifier } from './catalog.js'
import { tableMissing } from './catalog-errors.js'
import {
  checkMayWrite,
  DROPPED,
  type FilesystemContext,
  type FoundVersion,
  findVersion,
  lockNames,
  rootOf,
} from './filesystem-tables.js'
import { statVersion, type TableVersion, versionLocation } from './filesystem-versions.js'
import { printIdentifier } from './identifier.js'
import type { LockManager } from './lock.js'

/**
 * Deletes a table with all files in its folder.
 * @throws not-found; unsupported for `gc.enabled=false`; conflict when a commit came in between
 */
export async function dropFolder(
  context: FilesystemContext,
  identifier: TableIdentifier,
  options: IoOptions,
): Promise<void> {
  checkMayWrite(context)
  const found = await findVersion(context, identifier, options)
  if (found === undefined || 'dropped' in found) throw tableMissing(identifier)
  checkMayDelete(found)
  const root = rootOf(context, identifier)
  const { writing } = context
  if (writing.kind === 'locked') await dropUnderLock(context, writing.lock, { found, options })
  else {
    const last = versionLocation(root, found.version.version + 1, 'none')
    if ((await context.io.create(last, DROPPED, options)) === 'exists') throw cameBetween(identifier)
    await deleteFiles(context, root, { current: found.version.location, last, options })
  }
  context.seen.delete(root)
}

function checkMayDelete({ table }: FoundVersion): void {
  if (gcEnabled(table.metadata)) return
  throw new LakeError(
    'unsupported',
    'a table in a folder is dropped with its files, which gc.enabled forbids',
    {
      context: { table: printIdentifier(table.identifier) },
    },
  )
}

function cameBetween(identifier: TableIdentifier): LakeError {
  return new LakeError('conflict', 'the table was changed meanwhile', {
    context: { table: printIdentifier(identifier) },
  })
}

async function dropUnderLock(
  context: FilesystemContext,
  lock: LockManager,
  { found, options }: { readonly found: FoundVersion; readonly options: IoOptions },
): Promise<void> {
  const { identifier } = found.table
  const root = rootOf(context, identifier)
  const next = versionLocation(root, found.version.version + 1, 'none')
  const { entityId, ownerId } = lockNames(context, next)
  const held = await lock.acquire(entityId, ownerId, options)
  if (held === undefined) throw cameBetween(identifier)
  try {
    const now = await findVersion(context, identifier, options)
    const isSame = now !== undefined && 'table' in now && now.version.mark === found.version.mark
    if (!isSame || !(await held.isHeld(options))) throw cameBetween(identifier)
    await deleteFiles(context, root, { current: found.version.location, options })
  } finally {
    await held.release()
  }
}

/** Takes away what is left of a table that was dropped half way. */
export async function finishDrop(
  context: FilesystemContext,
  root: string,
  { dropped, options }: { readonly dropped: TableVersion; readonly options: IoOptions },
): Promise<void> {
  await deleteFiles(context, root, { last: dropped.location, dropped, options })
}

interface Doomed {
  /** The current version, that goes behind the older ones. */
  readonly current?: string
  /** What goes when nothing else is left. */
  readonly last?: string
  /** Goes on only as long as that is there: somebody else may have finished, and the name may be taken. */
  readonly dropped?: TableVersion
  readonly options: IoOptions
}

async function deleteFiles(context: FilesystemContext, root: string, doomed: Doomed): Promise<void> {
  const { io, folders } = context
  const { current, last, dropped, options } = doomed
  const versions: string[] = []
  const others: string[] = []
  for await (const { location } of io.list(`${root}/`, options)) {
    if (location === current || location === last) continue
    if (location.endsWith('.metadata.json')) versions.push(location)
    else others.push(location)
  }
  if (dropped !== undefined) {
    const now = await statVersion(io, root, { ...options, version: dropped.version })
    if (now?.mark !== dropped.mark) return
  }
  const ends = [current, last].map(location => (location === undefined ? [] : [location]))
  for (const part of [versions, ends[0] ?? [], others, ends[1] ?? []]) await deleteAll(context, part, options)
  await folders.prune(root)
}

async function deleteAll(
  { io }: FilesystemContext,
  locations: readonly string[],
  options: IoOptions,
): Promise<void> {
  for await (const { failed } of deleteInBatches(io, locations, options)) {
    const first = failed[0]
    if (first !== undefined)
      throw new LakeError('unavailable', 'files of the dropped table could not be deleted', {
        context: { location: first.location, reason: first.reason },
      })
  }
}
