/**
 * Which metadata file of a table's folder is the current one, when no catalog says it.
 *
 * `metadata/version-hint.text` names it where there is one: a version, or the stem of a file name. A hint may be stale,
 * so from a version it is followed upwards as long as the next one is there. Without a hint that fits, the highest
 * version counts: `v12.metadata.json` and `00012-<uuid>.metadata.json` are both version 12, and numbers are compared
 * as numbers. Of several files of one version the one that was written last counts.
 *
 * A folder whose catalog is elsewhere may hold metadata of commits that lost: the hint and the numbers cannot tell them.
 */
import { present } from '../base/assert.js'
import { utf8Decode } from '../base/bytes.js'
import { isLakeError } from '../base/errors.js'
import type { FileIO, FileStat, IoOptions } from '../io/file-io.js'
import { joinLocation } from '../io/location.js'
import { readTableMetadata } from '../metadata/metadata-file.js'

/** A metadata file, by its name. */
export interface VersionedFile {
  readonly location: string
  /** The name without `.metadata.json` and what compression adds. */
  readonly stem: string
  /** -1 for a name without one, which is older than all others. */
  readonly version: number
  readonly modifiedMs: number
}

const EXTENSION = /(?:\.gz|\.zstd?)?\.metadata\.json(?:\.gz|\.zstd?)?$/i
/** What starts the stem of a file with a version. */
const VERSION = /^v?(\d{1,15})(?:-|$)/i
/** A name without one is older than all others. */
const NO_VERSION = -1
/** A hint is a few bytes; more is no hint. */
const HINT_BYTES_MAX = 1024

/**
 * The location of the current metadata file; undefined when the folder has none. The folder is the table's, or the one
 * that the metadata files are in when it is called `metadata` or has a version hint.
 * @throws denied, unavailable
 */
export async function findTableMetadata(
  io: FileIO,
  folder: string,
  options: IoOptions = {},
): Promise<string | undefined> {
  const inside = await currentIn(io, joinLocation(folder, 'metadata'), options)
  if (inside !== undefined) return inside
  const isMetadataFolder = folder.endsWith('/metadata') || (await readHint(io, folder, options)) !== undefined
  return isMetadataFolder ? currentIn(io, folder, options) : undefined
}

async function currentIn(io: FileIO, folder: string, options: IoOptions): Promise<string | undefined> {
  const files = await metadataFiles(io, `${folder}/`, options)
  if (files.length === 0) return undefined
  const candidates = chooseVersion(files, await readHint(io, folder, options))
  return (await lastWritten(io, candidates, options)).location
}

async function metadataFiles(io: FileIO, prefix: string, options: IoOptions): Promise<VersionedFile[]> {
  const files: VersionedFile[] = []
  for await (const entry of io.listLevel(prefix, options)) {
    const file = entry.kind === 'file' ? versionedFile(entry.file) : undefined
    if (file !== undefined) files.push(file)
  }
  return files
}

/** What the name of a file says; undefined for one that holds no metadata. */
export function versionedFile(file: Pick<FileStat, 'location' | 'modifiedMs'>): VersionedFile | undefined {
  const name = file.location.slice(file.location.lastIndexOf('/') + 1)
  if (!EXTENSION.test(name)) return undefined
  const stem = name.replace(EXTENSION, '')
  const { location, modifiedMs } = file
  return { location, stem, version: Number(VERSION.exec(stem)?.[1] ?? NO_VERSION), modifiedMs }
}

async function readHint(io: FileIO, folder: string, options: IoOptions): Promise<string | undefined> {
  try {
    const range = { offset: 0, lengthBytes: HINT_BYTES_MAX }
    return utf8Decode(await io.read(joinLocation(folder, 'version-hint.text'), { ...options, range })).trim()
  } catch (error) {
    if (isLakeError(error) && error.kind !== 'not-found') throw error
    return undefined
  }
}

/** The files that may be current: those of one version, or those that the hint names. */
function chooseVersion(files: readonly VersionedFile[], hint: string | undefined): readonly VersionedFile[] {
  const stem = hint?.replace(EXTENSION, '') ?? ''
  const number = /^v?(\d{1,15})$/i.exec(stem)?.[1]
  const named = number === undefined ? files.filter(file => file.stem === stem) : []
  if (named.length > 0) return named
  const versions = new Set(files.map(file => file.version))
  let version = Number(number ?? Number.NaN)
  if (versions.has(version)) while (versions.has(version + 1)) version += 1
  else version = files.reduce((highest, file) => Math.max(highest, file.version), NO_VERSION)
  return files.filter(file => file.version === version)
}

/** Of files of one version, the one whose table was updated last; broken ones are passed over. */
async function lastWritten(
  io: FileIO,
  files: readonly VersionedFile[],
  options: IoOptions,
): Promise<VersionedFile> {
  const newestFirst = [...files].sort(
    (a, b) => b.modifiedMs - a.modifiedMs || (a.location < b.location ? 1 : -1),
  )
  let last: { readonly file: VersionedFile; readonly updatedMs: number } | undefined
  if (newestFirst.length > 1) {
    for (const file of newestFirst) {
      const updatedMs = await updatedAt(io, file, options)
      if (updatedMs !== undefined && updatedMs > (last?.updatedMs ?? -1)) last = { file, updatedMs }
    }
  }
  return present(last?.file ?? newestFirst[0], 'metadata file')
}

async function updatedAt(io: FileIO, file: VersionedFile, options: IoOptions): Promise<number | undefined> {
  try {
    return (await readTableMetadata(io, file.location, options)).lastUpdatedMs
  } catch (error) {
    if (isLakeError(error, 'corrupt') || isLakeError(error, 'not-found')) return undefined
    throw error
  }
}
