/**
 * Reads of one file that are asked for at the same time, that is before the process turns to its next event, are joined
 * where they are near: a request takes longer than the bytes between them.
 *
 *   asked   [..]   [....]                       [..]
 *   sent    [...........]                       [..]      a gap of up to 256 KiB is read along, 8 MiB at most together
 */
import type { ReadOptions } from './file-io.js'
import type { RangeRead } from './s3-read.js'

const GAP_BYTES_MAX = 256 * 1024
const JOINED_BYTES_MAX = 8 * 2 ** 20

interface Waiting extends RangeRead {
  readonly resolve: (bytes: Uint8Array) => void
  readonly reject: (error: unknown) => void
}

/** Joins ranges before `readRange` reads them; those with different signals are left alone. */
export function coalescedReads(
  readRange: (read: RangeRead) => Promise<Uint8Array>,
): (location: string, options: ReadOptions & { readonly range: RangeRead['range'] }) => Promise<Uint8Array> {
  const waiting = new Map<string, Waiting[]>()
  const flush = (location: string): void => {
    const reads = waiting.get(location) ?? []
    waiting.delete(location)
    for (const group of groupReads(reads)) void readGroup(group, readRange)
  }
  return (location, { range, into, signal }) =>
    new Promise((resolve, reject) => {
      const read = { location, range, into, signal, resolve, reject }
      const others = waiting.get(location)
      if (others !== undefined) others.push(read)
      else {
        waiting.set(location, [read])
        setImmediate(flush, location)
      }
    })
}

/** Groups of ranges that are near each other, in the order of the file. */
export function groupReads<T extends Pick<RangeRead, 'range' | 'signal'>>(reads: readonly T[]): T[][] {
  const sorted = [...reads].sort((a, b) => a.range.offset - b.range.offset)
  const groups: T[][] = []
  let group: T[] = []
  let start = 0
  let end = 0
  for (const read of sorted) {
    const { offset, lengthBytes } = read.range
    const joinedEnd = Math.max(end, offset + lengthBytes)
    const isNear = offset - end <= GAP_BYTES_MAX && joinedEnd - start <= JOINED_BYTES_MAX
    if (group.length > 0 && isNear && group[0]?.signal === read.signal) {
      group.push(read)
      end = joinedEnd
      continue
    }
    group = [read]
    groups.push(group)
    start = offset
    end = offset + lengthBytes
  }
  return groups
}

async function readGroup(
  group: readonly Waiting[],
  readRange: (read: RangeRead) => Promise<Uint8Array>,
): Promise<void> {
  const [first] = group
  if (first === undefined) return
  try {
    if (group.length === 1) {
      first.resolve(await readRange(first))
      return
    }
    const start = first.range.offset
    const end = group.reduce((max, { range }) => Math.max(max, range.offset + range.lengthBytes), start)
    const bytes = await readRange({
      location: first.location,
      range: { offset: start, lengthBytes: end - start },
      signal: first.signal,
    })
    for (const { range, into, resolve } of group)
      resolve(partOf(bytes, range.offset - start, { range, into }))
  } catch (error) {
    for (const { reject } of group) reject(error)
  }
}

/** A copy, so that nobody holds more than it asked for. */
function partOf(
  bytes: Uint8Array,
  at: number,
  { range, into }: Pick<RangeRead, 'range' | 'into'>,
): Uint8Array {
  const part = bytes.subarray(at, at + range.lengthBytes)
  if (into === undefined || part.length > into.length) return part.slice()
  into.set(part)
  return into.subarray(0, part.length)
}
