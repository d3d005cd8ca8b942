/**
 * LZ4 blocks, both ways, and the framing of Hadoop, which Parquet's deprecated codec LZ4 has.
 *
 *   block     token | more literal length ... | literals | offset | more match length ... | token | ...
 *   Hadoop    content bytes (big endian) | (block bytes (big endian) | block) ... until the content is complete | ...
 *
 * Blocks carry no length and no checksum. They are walked before they are decoded: that gives the exact length, so that
 * no memory is taken for a lie, and refuses matches that begin before the block, which the library lets read what
 * is left in its memory when the offset is 0 (CVE-2026-32829).
 * @see https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md
 */
import { createRequire } from 'node:module'
import { dataView } from '../../base/bytes.js'

const BROKEN = -1
const LENGTH_MORE = 15
const MATCH_BYTES_MIN = 4

/** The content of one block. @throws Error unless it is exactly `sizeBytes` */
export function decompressLz4(bytes: Uint8Array, sizeBytes: number): Uint8Array {
  if (blockContentBytes(bytes, 0, bytes.length) !== sizeBytes)
    throw new Error('the LZ4 block is broken or has another length')
  return decodeBlock(bytes, sizeBytes)
}

/**
 * The content of blocks framed as Hadoop does, or of one block: the codec's name stood for both.
 * @throws Error unless it is exactly `sizeBytes`
 */
export function decompressHadoopLz4(bytes: Uint8Array, sizeBytes: number): Uint8Array {
  const blocks = hadoopBlocks(bytes)
  const framedBytes = blocks?.reduce((sum, block) => sum + block.sizeBytes, 0)
  if (blocks === undefined || framedBytes !== sizeBytes) return decompressLz4(bytes, sizeBytes)
  const content = new Uint8Array(sizeBytes)
  let at = 0
  for (const block of blocks) {
    content.set(decodeBlock(block.bytes, block.sizeBytes), at)
    at += block.sizeBytes
  }
  return content
}

/** One block. */
export function compressLz4(bytes: Uint8Array): Uint8Array {
  return library().compress(bytes).subarray(4)
}

interface Block {
  readonly bytes: Uint8Array
  readonly sizeBytes: number
}

function hadoopBlocks(bytes: Uint8Array): Block[] | undefined {
  const view = dataView(bytes)
  const blocks: Block[] = []
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < 4) return undefined
    let left = view.getUint32(at)
    at += 4
    while (left > 0) {
      if (bytes.length - at < 4) return undefined
      const end = at + 4 + view.getUint32(at)
      const sizeBytes = end > bytes.length ? BROKEN : blockContentBytes(bytes, at + 4, end)
      if (sizeBytes <= 0 || sizeBytes > left) return undefined
      blocks.push({ bytes: bytes.subarray(at + 4, end), sizeBytes })
      left -= sizeBytes
      at = end
    }
  }
  return blocks
}

/** How many bytes the block gives; BROKEN when it is cut short or a match begins before the block. */
function blockContentBytes(bytes: Uint8Array, from: number, to: number): number {
  let at = from
  let size = 0
  while (at < to) {
    const token = bytes[at++] as number
    let literals = token >>> 4
    if (literals === LENGTH_MORE) {
      let more = 255
      while (more === 255 && at < to) {
        more = bytes[at++] as number
        literals += more
      }
      if (more === 255) return BROKEN
    }
    at += literals
    size += literals
    if (at === to) return size
    if (at + 2 > to) return BROKEN
    const offset = (bytes[at] as number) | ((bytes[at + 1] as number) << 8)
    at += 2
    if (offset === 0 || offset > size) return BROKEN
    let match = token & 15
    if (match === LENGTH_MORE) {
      let more = 255
      while (more === 255 && at < to) {
        more = bytes[at++] as number
        match += more
      }
      if (more === 255) return BROKEN
    }
    size += match + MATCH_BYTES_MIN
  }
  return BROKEN
}

function decodeBlock(bytes: Uint8Array, sizeBytes: number): Uint8Array {
  const sized = new Uint8Array(4 + bytes.length)
  dataView(sized).setUint32(0, sizeBytes, true)
  sized.set(bytes, 4)
  return library().decompress(sized)
}

/** Blocks behind their content's length, 32 bits little endian. */
type Library = typeof import('lz4-wasm-nodejs')

let loaded: Library | undefined

/** Loaded when first used: the package compiles its WebAssembly as it is loaded. */
function library(): Library {
  loaded ??= createRequire(import.meta.url)('lz4-wasm-nodejs') as Library
  return loaded
}
