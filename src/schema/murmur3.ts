/**
 * Murmur3, 32-bit x86 variant, seed 0: the hash of the bucket transform and of in-memory key tables.
 * Integers are hashed as the 8 little-endian bytes of a long, so an int and a long hash alike.
 * @see Iceberg table spec, Appendix B "32-bit Hash Requirements"
 */

function mixWord(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51)
  k = (k << 15) | (k >>> 17)
  const h = hash ^ Math.imul(k, 0x1b873593)
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0
}

function finish(hash: number, lengthBytes: number): number {
  let h = hash ^ lengthBytes
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

/** The signed 32-bit hash of bytes. */
export function murmur3(bytes: Uint8Array): number {
  return murmur3Range(bytes, 0, bytes.length)
}

/** The hash of `bytes[from .. to]`; positional, because it is called once a row of a string column. */
export function murmur3Range(bytes: Uint8Array, from: number, to: number): number {
  const lengthBytes = to - from
  const tail = to - (lengthBytes & 3)
  let hash = 0
  for (let at = from; at < tail; at += 4) {
    const word =
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)
    hash = mixWord(hash, word)
  }
  let rest = 0
  for (let at = to - 1; at >= tail; at--) rest = (rest << 8) | (bytes[at] as number)
  if (tail < to) {
    let k = Math.imul(rest, 0xcc9e2d51)
    k = (k << 15) | (k >>> 17)
    hash ^= Math.imul(k, 0x1b873593)
  }
  return finish(hash, lengthBytes)
}

/** The hash of a long given as its two 32-bit halves. */
export function murmur3Words(low: number, high: number): number {
  return finish(mixWord(mixWord(0, low), high), 8)
}

/** The hash of a long. */
export function murmur3Long(value: bigint): number {
  return murmur3Words(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)))
}
