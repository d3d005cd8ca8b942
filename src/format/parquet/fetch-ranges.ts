/** Parts of a Parquet file in memory: what came with the footer is taken from there, the rest is asked for. */
import { mapBounded } from '../../base/concurrency.js'
import { LakeError } from '../../base/errors.js'
import type { FileIO } from '../../io/file-io.js'
import type { FileTail, ParquetFooter } from './footer/footer.js'
import type { FileRange } from './footer/metadata.js'

/** A file whose footer was read. */
export interface PageSource {
  readonly io: FileIO
  readonly footer: ParquetFooter
  readonly signal: AbortSignal | undefined
}

/** The bytes of a range that lies in one of those that were fetched. Throws a RangeError for another one. */
export type BytesOf = (range: FileRange) => Uint8Array

const PARALLEL_RANGES = 8

/**
 * One request a range; the caller has joined those that are near.
 * @param placeFor memory for the bytes of a range, if they shall be in a certain one
 * @throws corrupt when the file is shorter, unavailable
 */
export async function fetchRanges(
  { io, footer, signal }: PageSource,
  ranges: readonly FileRange[],
  placeFor?: (range: FileRange) => Uint8Array | undefined,
): Promise<BytesOf> {
  const parts = await mapBounded(
    ranges,
    async (range): Promise<FileTail> => {
      if (range.offset >= footer.tail.offset) return footer.tail
      const bytes = await io.read(footer.location, { range, into: placeFor?.(range), signal })
      if (bytes.length === range.lengthBytes) return { offset: range.offset, bytes }
      throw new LakeError('corrupt', 'the parquet file is shorter than its footer says', {
        context: { location: footer.location, offset: range.offset },
      })
    },
    { limit: PARALLEL_RANGES, signal },
  )
  return range => bytesIn(parts, range)
}

function bytesIn(parts: readonly FileTail[], range: FileRange): Uint8Array {
  for (const { offset, bytes } of parts) {
    const from = range.offset - offset
    if (from >= 0 && from + range.lengthBytes <= bytes.length) {
      return bytes.subarray(from, from + range.lengthBytes)
    }
  }
  throw new RangeError('a planned range was not fetched')
}
