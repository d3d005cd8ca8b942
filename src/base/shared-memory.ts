/**
 * Memory that workers see without a copy. Blocks are used again: making one costs a page fault for every 4 KiB and
 * is only undone by a garbage collection on every thread that saw it.
 */

export interface SharedBlock {
  /** At least the bytes asked for; what they hold is left from the last use. */
  readonly bytes: Uint8Array
  /** Gives the block back, when no worker uses it any more. */
  release(): void
}

/** Blocks that are free are kept up to this many bytes. */
const KEPT_BYTES_MAX = 64 * 1024 * 1024
const BLOCK_BYTES_MIN = 256 * 1024

let free: Uint8Array[] = []
let freeBytes = 0

/** A block of shared memory, used by its borrower alone until it is released. */
export function borrowShared(sizeBytes: number): SharedBlock {
  const bytes = takeFree(sizeBytes) ?? new Uint8Array(new SharedArrayBuffer(roundedUp(sizeBytes)))
  let isReleased = false
  return {
    bytes,
    release() {
      if (isReleased) return
      isReleased = true
      if (freeBytes + bytes.length > KEPT_BYTES_MAX) return
      free.push(bytes)
      freeBytes += bytes.length
    },
  }
}

/** The smallest free block that is large enough and not more than four times too large. */
function takeFree(sizeBytes: number): Uint8Array | undefined {
  let found: Uint8Array | undefined
  for (const block of free) {
    if (block.length < sizeBytes || block.length > 4 * Math.max(sizeBytes, BLOCK_BYTES_MIN)) continue
    if (found === undefined || block.length < found.length) found = block
  }
  if (found === undefined) return undefined
  const taken = found
  free = free.filter(block => block !== taken)
  freeBytes -= taken.length
  return taken
}

/** Sizes in steps of an eighth of their power of two, so that blocks of about the same size fit each other. */
function roundedUp(sizeBytes: number): number {
  const size = Math.max(sizeBytes, BLOCK_BYTES_MIN)
  const step = 2 ** Math.max(0, Math.floor(Math.log2(size)) - 3)
  return Math.ceil(size / step) * step
}
