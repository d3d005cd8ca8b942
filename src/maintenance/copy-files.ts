/** Copying files from one place to another, also between stores. */
import { mapBounded } from '../base/concurrency.js'
import { isLakeError } from '../base/errors.js'
import type { FileIO } from '../io/file-io.js'
import { comparableLocation } from '../io/location.js'

export interface CopyPair {
  readonly source: string
  readonly target: string
  /** Where it is known. A target that is there with this size is not copied again. */
  readonly sizeBytes?: number
}

export interface CopiedFiles {
  readonly copiedFiles: number
  readonly copiedBytes: number
}

const FILES_AT_ONCE = 4
/** What of a file is in memory at once. */
const PIECE_BYTES = 2 ** 23

/**
 * Copies files; those that are at their place are passed over, so that a copy that was cut short goes on.
 * @throws not-found, denied, unavailable; what was copied until then stays
 */
export async function copyFiles(
  io: FileIO,
  files: readonly CopyPair[],
  options: { readonly signal?: AbortSignal | undefined },
): Promise<CopiedFiles> {
  const { signal } = options
  const copied = await mapBounded(files, file => copyFile(io, file, signal), { limit: FILES_AT_ONCE, signal })
  const bytes = copied.filter(sizeBytes => sizeBytes !== undefined)
  return { copiedFiles: bytes.length, copiedBytes: bytes.reduce((sum, size) => sum + size, 0) }
}

/** The bytes of the file; undefined when it was there. */
async function copyFile(
  io: FileIO,
  { source, target, sizeBytes }: CopyPair,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  if (comparableLocation(source) === comparableLocation(target)) return undefined
  const size = sizeBytes ?? (await io.stat(source, { signal })).sizeBytes
  if ((await sizeOf(io, target, signal)) === size) return undefined
  const writer = await io.openWriter(target, { signal })
  try {
    for (let offset = 0; offset < size; offset += PIECE_BYTES) {
      const range = { offset, lengthBytes: Math.min(PIECE_BYTES, size - offset) }
      await writer.write(await io.read(source, { range, signal }))
    }
    await writer.close()
    return size
  } catch (error) {
    await writer.abort()
    throw error
  }
}

async function sizeOf(
  io: FileIO,
  location: string,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  try {
    return (await io.stat(location, { signal })).sizeBytes
  } catch (error) {
    if (isLakeError(error, 'not-found')) return undefined
    throw error
  }
}
