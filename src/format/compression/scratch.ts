/**
 * Memory that decoders may give their output in, again and again: a fresh array for each page is a fifth of the time of
 * decompressing it, and half of the garbage of a read. What is in it holds until it is used the next time.
 */
export interface Scratch {
  bytes: Uint8Array
}

/** Larger outputs get memory of their own, so that one large page does not hold it for ever. */
const SCRATCH_BYTES_MAX = 8 * 1024 * 1024

export function createScratch(): Scratch {
  return { bytes: new Uint8Array(0) }
}

/** The bytes copied to the scratch, or to an array of their own. */
export function copyOut(bytes: Uint8Array, scratch: Scratch | undefined): Uint8Array {
  if (scratch === undefined || bytes.length > SCRATCH_BYTES_MAX) return bytes.slice()
  if (scratch.bytes.length < bytes.length) {
    scratch.bytes = new Uint8Array(Math.min(SCRATCH_BYTES_MAX, 2 * bytes.length))
  }
  const copy = scratch.bytes.subarray(0, bytes.length)
  copy.set(bytes)
  return copy
}
