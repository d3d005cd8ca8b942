/**
 * Which files a stream of files has taken in: its position in the sense of `commit/stream-position.ts`, so it is
 * committed with the rows of the files and follows the ref through rollbacks.
 *
 *   { "files": { "<folder>/": { "<name>": [size in bytes, version, rows] } } }
 *
 * A file is known by its location; the version is what the store says changes with its content. A file that was
 * taken in and is another now is an error: its old rows are in the table, and only the user knows what is meant.
 *
 * The position is in the table's metadata as often as snapshots of the stream are kept, so its size has a limit. At the limit
 * files that are gone from the store are forgotten; when that is not enough the stream is full, and another has to begin.
 */
import { mapBounded } from '../base/concurrency.js'
import { isLakeError, LakeError } from '../base/errors.js'
import { isJsonObject, type JsonValue, stringifyJson } from '../base/json.js'
import type { FileIO, FileStat, IoOptions } from '../io/file-io.js'

/** A file as it was taken in. */
export interface LedgerFile {
  readonly sizeBytes: number
  readonly version: string
  readonly rows: number
}

/** By location. */
export type FileLedger = ReadonlyMap<string, LedgerFile>

/** Bytes of a position: about 3000 files of a folder. */
const LEDGER_BYTES_MAX = 2 ** 18
const STATS_AT_ONCE = 16

/** @throws corrupt when the position is not a ledger; invalid-argument when it is of another kind of stream */
export function parseLedger(position: JsonValue | undefined, stream: string): FileLedger {
  const ledger = new Map<string, LedgerFile>()
  if (position === undefined) return ledger
  const folders = isJsonObject(position) ? position.files : undefined
  if (!isJsonObject(folders)) {
    throw new LakeError('invalid-argument', 'the stream is not one of files', { context: { stream } })
  }
  for (const [folder, names] of Object.entries(folders)) {
    if (!isJsonObject(names)) throw unreadable(stream)
    for (const [name, entry] of Object.entries(names))
      ledger.set(`${folder}${name}`, parseEntry(entry, stream))
  }
  return ledger
}

function parseEntry(entry: JsonValue, stream: string): LedgerFile {
  const [sizeBytes, version, rows] = Array.isArray(entry) ? (entry as readonly JsonValue[]) : []
  if (typeof sizeBytes !== 'number' || typeof version !== 'string' || typeof rows !== 'number') {
    throw unreadable(stream)
  }
  return { sizeBytes, version, rows }
}

function unreadable(stream: string): LakeError {
  return new LakeError('corrupt', 'the files of a stream cannot be read', { context: { stream } })
}

export function serializeLedger(ledger: FileLedger): JsonValue {
  const files: Record<string, Record<string, JsonValue>> = {}
  for (const [location, { sizeBytes, version, rows }] of ledger) {
    const cut = location.lastIndexOf('/') + 1
    const folder = location.slice(0, cut)
    const names = files[folder] ?? {}
    files[folder] = names
    names[location.slice(cut)] = [sizeBytes, version, rows]
  }
  return { files }
}

/** What changes when the content does. */
export function fileVersion({ etag, modifiedMs }: FileStat): string {
  return etag ?? String(modifiedMs)
}

/**
 * The files that are not in the ledger.
 * @throws invalid-argument naming a file that changed since it was taken in; not-found
 */
export async function newFiles(
  io: FileIO,
  locations: readonly string[],
  options: IoOptions & { readonly ledger: FileLedger; readonly stream: string },
): Promise<readonly FileStat[]> {
  const { ledger, stream, signal } = options
  const stats = await mapBounded(
    [...new Set(locations)],
    async location => ({ ...(await io.stat(location, { signal })), location }),
    { limit: STATS_AT_ONCE, signal },
  )
  return stats.filter(stat => {
    const known = ledger.get(stat.location)
    if (known === undefined) return true
    if (known.sizeBytes === stat.sizeBytes && known.version === fileVersion(stat)) return false
    throw new LakeError('invalid-argument', 'a file was taken in before and is another now', {
      context: {
        location: stat.location,
        stream,
        sizeBytes: stat.sizeBytes,
        takenSizeBytes: known.sizeBytes,
        takenRows: known.rows,
      },
    })
  })
}

/**
 * The ledger with more files, as a position.
 * @throws unsupported when it would be too large
 */
export async function extendedLedger(
  io: FileIO,
  ledger: FileLedger,
  options: IoOptions & { readonly added: FileLedger; readonly stream: string },
): Promise<JsonValue> {
  const all = serializeLedger(new Map([...ledger, ...options.added]))
  if (sizeOf(all) <= LEDGER_BYTES_MAX) return all
  const present = await stillThere(io, [...ledger.keys()], options)
  const kept = [...ledger].filter(([location]) => present.has(location))
  const fewer = serializeLedger(new Map([...kept, ...options.added]))
  if (sizeOf(fewer) <= LEDGER_BYTES_MAX) return fewer
  throw new LakeError(
    'unsupported',
    'the stream has taken in too many files: remove old ones, or begin another',
    {
      context: {
        stream: options.stream,
        files: kept.length + options.added.size,
        sizeBytesMax: LEDGER_BYTES_MAX,
      },
    },
  )
}

function sizeOf(position: JsonValue): number {
  return Buffer.byteLength(stringifyJson(position))
}

async function stillThere(
  io: FileIO,
  locations: readonly string[],
  { signal }: IoOptions,
): Promise<ReadonlySet<string>> {
  const found = await mapBounded(
    locations,
    async location => {
      try {
        await io.stat(location, { signal })
        return location
      } catch (error) {
        if (isLakeError(error) && error.kind === 'not-found') return undefined
        throw error
      }
    },
    { limit: STATS_AT_ONCE, signal },
  )
  return new Set(found.filter(location => location !== undefined))
}
