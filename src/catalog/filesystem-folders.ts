/**
 * Folders of a filesystem catalog. On a disk they are folders. In an object store a folder is there when something lies in
 * it: for an empty one that is a file of ours (`shop/.namespace`), or the empty object of the folder's own name (`shop/`)
 * that Hadoop's clients leave. What lies deeper is never walked.
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
  /** Whether a file with that end of its name lies right in it; the names of most such files have that beginning. */
  hasFile(folder: string, name: FileName, options: IoOptions): Promise<boolean>
  /** Removes it when nothing is in it. */
  remove(folder: string, options: IoOptions): Promise<'removed' | 'not-empty'>
  /** Removes the empty folders at and below it. */
  prune(folder: string): Promise<void>
}

export interface FileName {
  readonly beginning: string
  readonly ending: string
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
    hasFile: (folder, { ending }) =>
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
  return {
    async exists(folder, options) {
      for await (const _ of io.listLevel(`${folder}/`, options)) return true
      return fileExists(io, `${folder}/`, options)
    },
    async make(folder, options) {
      await io.create(`${folder}/${MARKER}`, new Uint8Array(), options)
    },
    async below(folder, options) {
      const prefix = `${folder}/`
      const names: string[] = []
      for await (const entry of io.listLevel(prefix, options))
        if (entry.kind === 'folder') names.push(entry.location.slice(prefix.length))
      return names
    },
    async hasFile(folder, { beginning, ending }, options) {
      // Names come in their order: the likely ones are asked for before all others.
      for (const prefix of [`${folder}/${beginning}`, `${folder}/`])
        for await (const entry of io.listLevel(prefix, options))
          if (entry.kind === 'file' && entry.file.location.endsWith(ending)) return true
      return false
    },
    async remove(folder, options) {
      const own = [`${folder}/${MARKER}`, `${folder}/`]
      for await (const entry of io.listLevel(`${folder}/`, options))
        if (entry.kind === 'folder' || !own.includes(entry.file.location)) return 'not-empty'
      await io.delete(own, options)
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
