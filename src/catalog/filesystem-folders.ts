/**
 * Folders of a filesystem catalog. On a disk they are folders. In an object store a folder is there when something lies in
 * it: for an empty one that is a file of ours (`shop/.namespace`), or the empty object of the folder's own name (`shop/`)
 * that Hadoop's clients leave, which is found when it is asked for and not listed.
 */
import { readdir, rmdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { errnoOf, storageError } from '../io/errno.js'
import { fileExists } from '../io/file-exists.js'
import type { FileIO, IoOptions } from '../io/file-io.js'
import { makeFolder } from '../io/local.js'
import { isLocal, joinLocation, localPath } from '../io/location.js'

export interface Folders {
  exists(folder: string, options: IoOptions): Promise<boolean>
  /** Makes it, with those above it; harmless when it is there. */
  make(folder: string, options: IoOptions): Promise<void>
  /** Names of the folders right below; none for a folder that is not there. */
  below(folder: string, options: IoOptions): Promise<readonly string[]>
  /** Whether a file with that end of its name lies right in it. */
  hasFile(folder: string, ending: string, options: IoOptions): Promise<boolean>
  /** Removes it when nothing is in it. */
  remove(folder: string, options: IoOptions): Promise<'removed' | 'not-empty'>
  /** Removes the empty folders at and below it. */
  prune(folder: string): Promise<void>
}

export function foldersOf(io: FileIO, location: string): Folders {
  return isLocal(location) ? localFolders() : objectFolders(io)
}

// ---- on a disk

function localFolders(): Folders {
  return {
    exists: folder => guarded(folder, async path => (await stat(path)).isDirectory(), false),
    async make(folder) {
      try {
        await makeFolder(localPath(folder), { fsync: true })
      } catch (error) {
        throw storageError(error, folder)
      }
    },
    below: folder =>
      guarded(
        folder,
        async path => {
          const entries = await readdir(path, { withFileTypes: true })
          return entries.filter(entry => entry.isDirectory()).map(entry => entry.name)
        },
        [],
      ),
    hasFile: (folder, ending) =>
      guarded(folder, async path => (await readdir(path)).some(name => name.endsWith(ending)), false),
    remove: folder => guarded(folder, removeLocal, 'removed'),
    prune: folder => guarded(folder, pruneLocal, undefined),
  }
}

/** The work on the path; `absent` where there is no such folder. */
async function guarded<T>(folder: string, work: (path: string) => Promise<T>, absent: T): Promise<T> {
  try {
    return await work(localPath(folder))
  } catch (error) {
    const code = errnoOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return absent
    throw storageError(error, folder)
  }
}

async function removeLocal(path: string): Promise<'removed' | 'not-empty'> {
  try {
    await rmdir(path)
    return 'removed'
  } catch (error) {
    const code = errnoOf(error)
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return 'not-empty'
    throw error
  }
}

async function pruneLocal(path: string): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true }))
    if (entry.isDirectory()) await pruneLocal(join(path, entry.name))
  await removeLocal(path)
}

// ---- in an object store

const MARKER = '.namespace'

function objectFolders(io: FileIO): Folders {
  const names = async (
    folder: string,
    options: IoOptions,
    pick: (rest: string) => string | undefined,
  ): Promise<readonly string[]> => {
    const prefix = `${folder}/`
    const found = new Set<string>()
    for await (const { location } of io.list(prefix, options)) {
      const name = pick(location.slice(prefix.length))
      if (name !== undefined) found.add(name)
    }
    return [...found]
  }
  return {
    async exists(folder, options) {
      for await (const _ of io.list(`${folder}/`, options)) return true
      return fileExists(io, `${folder}/`, options)
    },
    async make(folder, options) {
      await io.create(`${folder}/${MARKER}`, new Uint8Array(), options)
    },
    below: (folder, options) =>
      names(folder, options, rest => (rest.includes('/') ? rest.slice(0, rest.indexOf('/')) : undefined)),
    async hasFile(folder, ending, options) {
      const prefix = `${folder}/`
      for await (const { location } of io.list(prefix, options))
        if (!location.slice(prefix.length).includes('/') && location.endsWith(ending)) return true
      return false
    },
    async remove(folder, options) {
      const inside = await names(folder, options, rest => (rest === MARKER ? undefined : rest))
      if (inside.some(rest => rest !== '')) return 'not-empty'
      await io.delete([`${folder}/${MARKER}`, `${folder}/`], options)
      return 'removed'
    },
    // A folder goes with what lies in it.
    prune: async () => {},
  }
}

/** Where a table of that name is, or a namespace. */
export function folderAt(warehouse: string, levels: readonly string[]): string {
  return joinLocation(warehouse, ...levels)
}
