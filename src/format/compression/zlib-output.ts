/** How `node:zlib` is given room for what it puts out, and how the result becomes plain bytes. */

/**
 * The chunk size that makes one step of an output of this size: a byte more than needed saves a second step. At least
 * the size of Buffer's pool, so that the memory is not shared with other buffers and can move to another thread.
 */
export function roomFor(sizeBytes: number): number {
  return Math.max(Buffer.poolSize, sizeBytes + 1)
}

/** The bytes without what Buffer adds; copied when they would keep a much larger memory alive. */
export function ownBytes(buffer: Buffer): Uint8Array {
  if (buffer.length < buffer.buffer.byteLength / 2) return new Uint8Array(buffer)
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
}
