/**
 * Copies of short byte strings, the inner loop of strings. `set` on a sub-array costs some 60 ns whatever its length;
 * words through DataViews cost a tenth of that. Words are moved as integers: as floats, a bit pattern may change.
 */

/** Copies may overwrite so many bytes behind what they were asked for. */
export const COPY_SLACK_BYTES = 16
/** From this length on, `set` on a sub-array is faster. */
const LONG_COPY_BYTES = 160

/** Bytes, and their memory in words. */
export interface CopyEnd {
  readonly bytes: Uint8Array
  readonly view: DataView
}

export function copyEnd(bytes: Uint8Array): CopyEnd {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) }
}

/** Copies `length` bytes; `to` has COPY_SLACK_BYTES more than that, which may be overwritten. */
export function copyBytes(from: CopyEnd, fromAt: number, to: CopyEnd, toAt: number, length: number): void {
  if (length < LONG_COPY_BYTES && fromAt + length + COPY_SLACK_BYTES <= from.bytes.length) {
    copyShort(from.view, fromAt, to.view, toAt, length)
  } else {
    to.bytes.set(from.bytes.subarray(fromAt, fromAt + length), toAt)
  }
}

/** Copies in steps of 16 bytes: reads and writes up to 15 bytes too many. */
function copyShort(from: DataView, fromAt: number, to: DataView, toAt: number, length: number): void {
  const end = toAt + length
  let source = fromAt
  for (let target = toAt; target < end; target += 16) {
    const word0 = from.getInt32(source, true)
    const word1 = from.getInt32(source + 4, true)
    const word2 = from.getInt32(source + 8, true)
    const word3 = from.getInt32(source + 12, true)
    to.setInt32(target, word0, true)
    to.setInt32(target + 4, word1, true)
    to.setInt32(target + 8, word2, true)
    to.setInt32(target + 12, word3, true)
    source += 16
  }
}
