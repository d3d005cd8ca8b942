/**
 * Tables of a filesystem catalog: folders with versions, and the states that were seen of them.
 *
 * A version's name says nothing of which table it is of: a table that is dropped and made anew begins with version 1 again. So
 * what was seen counts only as long as the very file is there.
 */
import { utf8Decode, utf8Encode } from '../base/bytes.js'
import { LakeError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import type { FileIO, IoOptions } from '../io/file-io.js'
import { readTableMetadata } from '../metadata/metadata-file.js'
import type { LoadedTable, TableIdentifier } from './catalog.js'
import { type Folders, folderAt } from './filesystem-folders.js'
import { currentVersion, type TableVersion } from './filesystem-versions.js'
import { checkDotless } from './identifier.js'
import type { LockManager } from './lock.js'

export interface FilesystemContext {
  readonly io: FileIO
  readonly runtime: Runtime
  readonly folders: Folders
  readonly warehouse: string
  /** The warehouse as its spelling in the names of locks. */
  readonly lockRoot: string
  /** How writers keep apart. */
  readonly writing:
    | { readonly kind: 'locked'; readonly lock: LockManager }
    | { readonly kind: 'alone' | 'never' }
  /** By folder, oldest first. */
  readonly seen: Map<string, FoundVersion>
}

/** A table and the version that it was read from. */
export interface FoundVersion {
  readonly version: TableVersion
  readonly table: LoadedTable
}

const SEEN_MAX = 64

/** What a dropped table has as its last version until nothing else of it is left; see `filesystem-drop.ts`. */
export const DROPPED: Uint8Array = utf8Encode('{"serac-dropped":true}\n')

/** @throws invalid-argument for names that are no names of folders */
export function rootOf(context: FilesystemContext, { namespace, name }: TableIdentifier): string {
  checkFolderNames([...namespace, name])
  return folderAt(context.warehouse, [...namespace, name])
}

/** @throws invalid-argument */
export function checkFolderNames(levels: readonly string[]): void {
  checkDotless(levels)
  const broken = levels.find(level => level.includes('/'))
  if (broken !== undefined)
    throw new LakeError('invalid-argument', 'a name that is a folder cannot have a slash', {
      context: { name: broken },
    })
}

/** The current state of a table; the version of one that is half dropped, or undefined when there is none. */
export async function findVersion(
  context: FilesystemContext,
  identifier: TableIdentifier,
  options: IoOptions,
): Promise<FoundVersion | { readonly dropped: TableVersion } | undefined> {
  const { io, seen } = context
  const root = rootOf(context, identifier)
  const known = seen.get(root)
  const version = await currentVersion(io, root, { ...options, seen: known?.version.version })
  if (version === undefined) return undefined
  if (known?.version.location === version.location && known.version.mark === version.mark) return known
  if (await isDropped(io, version, options)) return { dropped: version }
  const metadata = await readTableMetadata(io, version.location, options)
  const table = { identifier, metadata, metadataLocation: version.location }
  const found = { version, table }
  keepSeen(context, root, found)
  return found
}

async function isDropped(
  io: FileIO,
  { location, sizeBytes }: TableVersion,
  options: IoOptions,
): Promise<boolean> {
  if (sizeBytes !== DROPPED.length) return false
  return utf8Decode(await io.read(location, options)) === utf8Decode(DROPPED)
}

export function keepSeen({ seen }: FilesystemContext, root: string, found: FoundVersion): void {
  seen.delete(root)
  seen.set(root, found)
  for (const oldest of seen.keys()) if (seen.size > SEEN_MAX) seen.delete(oldest)
}

/** @throws unsupported where other engines may swap without looking */
export function checkMayWrite({ writing }: FilesystemContext): void {
  if (writing.kind !== 'never') return
  throw new LakeError('unsupported', 'a filesystem catalog without a lock is read-only', {
    context: {
      remedy:
        'set lock-impl as all engines that write have it, or filesystem.only-serac=true if nobody else writes',
    },
  })
}

/** The lock of a version to be made, by the names that Java gives it. */
export function lockNames(
  { warehouse, lockRoot, runtime }: FilesystemContext,
  location: string,
): { readonly entityId: string; readonly ownerId: string } {
  const entityId = lockRoot + location.slice(warehouse.length)
  const folder = entityId.slice(0, entityId.lastIndexOf('/') + 1)
  return { entityId, ownerId: `${folder}${runtime.uuid()}.metadata.json` }
}
