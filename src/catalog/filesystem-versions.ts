/**
 * The versions of a table in a filesystem catalog, as Java's HadoopTableOperations keeps them:
 *
 *   <table>/metadata/v<N>.metadata.json         version N, from 1; also v<N>.gz.metadata.json, and, old, v<N>.metadata.json.gz
 *   <table>/metadata/version-hint.text          a version, maybe an old one
 *
 * The current version is the one that nothing follows: the hint, or what was seen last, is where looking begins. Without
 * a hint the folder is listed.
 */
import { utf8Decode, utf8Encode } from '../base/bytes.js'
import { isLakeError } from '../base/errors.js'
import type { FileIO, FileStat, IoOptions } from '../io/file-io.js'
import { isLocal, joinLocation } from '../io/location.js'

export interface TableVersion {
  readonly version: number
  readonly location: string
  readonly sizeBytes: number
  /** Another for each file that ever had the name. */
  readonly mark: string
}

const HINT = 'version-hint.text'
/** A hint is a few bytes; more is no hint. */
const HINT_BYTES_MAX = 64
const VERSION_NAME = /^v(\d{1,15})(?:\.gz\.metadata\.json|\.metadata\.json(?:\.gz)?)$/

export function metadataFolderOf(root: string): string {
  return joinLocation(root, 'metadata')
}

export function versionLocation(root: string, version: number, codec: 'none' | 'gzip'): string {
  return `${metadataFolderOf(root)}/v${version}${codec === 'gzip' ? '.gz' : ''}.metadata.json`
}

/** Every name that a version may have, in the order in which Java looks for them. */
function versionLocations(root: string, version: number): readonly string[] {
  const stem = `${metadataFolderOf(root)}/v${version}`
  return [`${stem}.metadata.json`, `${stem}.gz.metadata.json`, `${stem}.metadata.json.gz`]
}

/** The file of one version. Three requests at once. */
export async function statVersion(
  io: FileIO,
  root: string,
  { version, ...options }: IoOptions & { readonly version: number },
): Promise<TableVersion | undefined> {
  const stats = await Promise.all(
    versionLocations(root, version).map(location => statOrNone(io, location, options)),
  )
  const found = stats.find(stat => stat !== undefined)
  if (found === undefined) return undefined
  return { version, location: found.location, sizeBytes: found.sizeBytes, mark: markOf(found) }
}

async function statOrNone(io: FileIO, location: string, options: IoOptions): Promise<FileStat | undefined> {
  try {
    return await io.stat(location, options)
  } catch (error) {
    if (isLakeError(error, 'not-found')) return undefined
    throw error
  }
}

function markOf({ etag, modifiedMs, sizeBytes }: FileStat): string {
  return etag ?? `${modifiedMs} ${sizeBytes}`
}

/**
 * The current version; undefined for a folder without any.
 * @param seen the version that was current once. The hint is asked all the same: other engines delete old versions,
 * and what ends in front of such a gap is not the current one.
 */
export async function currentVersion(
  io: FileIO,
  root: string,
  { seen, ...options }: IoOptions & { readonly seen?: number | undefined },
): Promise<TableVersion | undefined> {
  const [hint, known] = await Promise.all([
    readHint(io, root, options),
    seen === undefined ? undefined : lastFrom(io, root, { ...options, version: seen }),
  ])
  if (known !== undefined && known.version >= (hint ?? 0)) return known
  const hinted = hint === undefined ? undefined : await lastFrom(io, root, { ...options, version: hint })
  if (hinted !== undefined) return hinted
  // The hint lies, there is none, or the table was made anew.
  const highest = await highestVersion(io, root, options)
  return highest === undefined ? undefined : lastFrom(io, root, { ...options, version: highest })
}

/** The last of the versions that follow each other from this one on; undefined when neither it nor the next is there. */
async function lastFrom(
  io: FileIO,
  root: string,
  from: IoOptions & { readonly version: number },
): Promise<TableVersion | undefined> {
  const at = (version: number): Promise<TableVersion | undefined> =>
    statVersion(io, root, { ...from, version })
  let [found, next] = await Promise.all([at(from.version), at(from.version + 1)])
  while (next !== undefined) {
    found = next
    next = await at(found.version + 1)
  }
  return found
}

async function highestVersion(io: FileIO, root: string, options: IoOptions): Promise<number | undefined> {
  const prefix = `${metadataFolderOf(root)}/`
  let highest: number | undefined
  for await (const { location } of io.list(`${prefix}v`, options)) {
    const version = VERSION_NAME.exec(location.slice(prefix.length))?.[1]
    if (version !== undefined) highest = Math.max(Number(version), highest ?? 0)
  }
  return highest
}

// ---- the hint

async function readHint(io: FileIO, root: string, options: IoOptions): Promise<number | undefined> {
  try {
    const range = { offset: 0, lengthBytes: HINT_BYTES_MAX }
    const text = utf8Decode(await io.read(hintLocation(root), { ...options, range })).trim()
    return /^\d{1,15}$/.test(text) ? Number(text) : undefined
  } catch (error) {
    if (isLakeError(error) && error.kind !== 'not-found') throw error
    return undefined
  }
}

/** A hint that cannot be written is an old one, which does. */
export async function writeHint(io: FileIO, root: string, version: number): Promise<void> {
  const location = hintLocation(root)
  try {
    // Hadoop's checksum of the file that is replaced would tell Java that the new one is broken.
    if (isLocal(location)) await io.delete([checksumOf(location)])
    await io.write(location, utf8Encode(String(version)))
  } catch {
    // Whoever looks finds the version behind the old hint.
  }
}

export function hintLocation(root: string): string {
  return `${metadataFolderOf(root)}/${HINT}`
}

/** The hidden file beside a local file in which Hadoop keeps its checksum. */
export function checksumOf(location: string): string {
  const at = location.lastIndexOf('/') + 1
  return `${location.slice(0, at)}.${location.slice(at)}.crc`
}
