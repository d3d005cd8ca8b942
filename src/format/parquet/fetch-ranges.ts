/** Parts of a Parquet file in memory: what came with the footer, or was read before, is there; the rest is asked for. */
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
  /** Other parts that are in memory. */
  readonly held?: readonly FileTail[] | undefined
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
  { io, footer, signal, held = [] }: PageSource,
  ranges: readonly FileRange[],
  placeFor?: (range: FileRange) => Uint8Array | undefined,
): Promise<BytesOf> {
  const parts = await mapBounded(
    ranges,
    async (range): Promise<FileTail> => {
      if (range.offset >= footer.tail.offset) return footer.tail
      const known = held.find(part => isWithin(part, range))
      if (known !== undefined) return known
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
  const part = parts.find(one => isWithin(one, range))
  if (part === undefined) throw new RangeError('a planned range was not fetched')
  const from = range.offset - part.offset
  return part.bytes.subarray(from, from + range.lengthBytes)
}

function isWithin({ offset, bytes }: FileTail, range: FileRange): boolean {
  return range.offset >= offset && range.offset + range.lengthBytes <= offset + bytes.length
}
