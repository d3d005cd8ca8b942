/** Listing files of this machine: folders walked to any depth, or one level of one. */
import type { Stats } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { mapBounded } from '../base/concurrency.js'
import { checkSignal } from '../base/errors.js'
import { errnoOf, storageError } from './errno.js'
import type { FileStat, LevelEntry } from './file-io.js'
import { localPath } from './location.js'

const STATS_AT_ONCE = 16

/** @see FileIO.list */
export async function* listLocalFiles(
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncIterable<FileStat> {
  const { path, spelling, folder } = placeOf(prefix)
  try {
    for await (const found of walk(folder, path, signal)) {
      yield { ...found, location: spelling + found.location }
    }
  } catch (error) {
    throw storageError(error, prefix)
  }
}

/** @see FileIO.listLevel */
export async function* listLocalLevel(
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncIterable<LevelEntry> {
  const { path, spelling, folder } = placeOf(prefix)
  try {
    const { files, folders } = await readLevel(folder, path, signal)
    for (const found of folders) yield { kind: 'folder', location: spelling + found.slice(0, -1) }
    for (const found of files) yield { kind: 'file', file: { ...found, location: spelling + found.location } }
  } catch (error) {
    throw storageError(error, prefix)
  }
}

/** The folder that a prefix ends in, and how the caller spells what is before paths. */
function placeOf(prefix: string): {
  readonly path: string
  readonly spelling: string
  readonly folder: string
} {
  const path = localPath(prefix)
  const spelling = prefix.slice(0, prefix.length - path.length)
  return { path, spelling, folder: path.slice(0, path.lastIndexOf('/') + 1) }
}

async function* walk(
  folder: string,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncIterable<FileStat> {
  const { files, folders } = await readLevel(folder, prefix, signal)
  yield* files
  for (const inner of folders) yield* walk(inner, prefix, signal)
}

/** What a folder holds of a prefix that ends in it or above it. The paths of folders end in a slash. */
async function readLevel(
  folder: string,
  prefix: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly files: readonly FileStat[]; readonly folders: readonly string[] }> {
  checkSignal(signal)
  const entries = await ignoreAbsent(readdir(folder, { withFileTypes: true }))
  const folders: string[] = []
  const paths: string[] = []
  for (const entry of entries ?? []) {
    const path = folder + entry.name
    // A link to a folder is not followed: it could lead in a circle.
    if (entry.isDirectory()) {
      if (path.startsWith(prefix)) folders.push(`${path}/`)
    } else if (path.startsWith(prefix)) paths.push(path)
  }
  const stats = await mapBounded(paths, path => ignoreAbsent(stat(path)), { limit: STATS_AT_ONCE, signal })
  const files = stats.flatMap((found, index) =>
    found?.isFile() ? [listed(paths[index] as string, found)] : [],
  )
  return { files, folders }
}

function listed(path: string, stats: Stats): FileStat {
  return { location: path, sizeBytes: stats.size, modifiedMs: Math.trunc(stats.mtimeMs) }
}

/** Folders and files may go away while they are listed. */
async function ignoreAbsent<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined
    throw error
  }
}
