/**
 * zstandard, both ways. `node:zlib` has it from Node 22.15 on; on older versions the reference library compiled to
 * WebAssembly does the same, at about two thirds of the speed.
 *
 *   frame  28 b5 2f fd | descriptor | window? | dictionary id? | content size? | block ... | checksum?
 *   block  3 bytes, little endian: bit 0 last, bits 1-2 raw, run or compressed, then its size | bytes
 *
 * Frames are measured before they are decoded: blocks state how much they can give, so broken bytes are refused
 * before memory is taken, and the decoder gets exactly the room it needs. That matters in `node:zlib` as well: with room
 * for the whole frame the library decodes in one step, without a window of its own (30 to 50 % faster on pages).
 * @see RFC 8878, 3.1.1
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import * as zlib from 'node:zlib'
import { concatBytes, dataView } from '../../base/bytes.js'
import { copyOut, type Scratch } from './scratch.js'
import { ownBytes, roomFor } from './zlib-output.js'

const MAGIC = 0xfd2fb528
/** Frames to skip begin with this or one of the 15 numbers after it. */
const SKIPPABLE_MAGIC = 0x184d2a50
const BLOCK_BYTES_MAX = 2 ** 17
/**
 * Room for an output of `node:zlib` at least. Each call takes and frees a compressor of about 1 MB; outputs of a page's
 * size between them, which live until they are collected, would leave the allocator's heap in pieces (70 MB a thread).
 */
const ROOM_BYTES_MIN = 2 ** 20
const RUN_BLOCK = 1
const COMPRESSED_BLOCK = 2

/**
 * The frames' content; in the scratch, when there is one and the decoder has no memory of its own to give away.
 * @throws Error when the bytes are broken, or give more than `sizeBytesMax`
 */
export function decompressZstd(bytes: Uint8Array, sizeBytesMax: number, scratch?: Scratch): Uint8Array {
  const parts: Uint8Array[] = []
  let sizeBytes = 0
  for (let at = 0; at < bytes.length || at === 0; ) {
    const frame = measureFrame(bytes, at)
    if (!frame.isSkippable) {
      const room = Math.min(frame.sizeBytesMax, sizeBytesMax - sizeBytes)
      const isOnly = at === 0 && frame.end === bytes.length
      const part = decompressFrame(bytes.subarray(at, frame.end), room, isOnly ? scratch : undefined)
      if (part.length > room) throw new Error('the content is too large')
      if (frame.contentBytes !== undefined && part.length !== frame.contentBytes)
        throw new Error('the content has another size than its frame states')
      parts.push(part)
      sizeBytes += part.length
    }
    at = frame.end
  }
  return parts.length === 1 ? (parts[0] as Uint8Array) : concatBytes(parts)
}

/** One frame that states its content size. */
export function compressZstd(bytes: Uint8Array, level: number): Uint8Array {
  if (node === undefined) return compressInWasm(bytes, level)
  const params = { [node.levelParameter]: level }
  // With this much room the library compresses in one step.
  const chunkSize = Math.max(ROOM_BYTES_MIN, roomFor(compressedBytesMax(bytes.length)))
  return ownBytes(node.compress(bytes, { chunkSize, params }))
}

/** Loads what is loaded when first used, so that the first page does not wait for it. */
export function prepareZstd(): void {
  if (node === undefined) instance ??= instantiate()
}

function decompressFrame(bytes: Uint8Array, sizeBytesMax: number, scratch: Scratch | undefined): Uint8Array {
  if (node === undefined) return decompressInWasm(bytes, sizeBytesMax, scratch)
  return ownBytes(
    node.decompress(bytes, {
      chunkSize: roomFor(sizeBytesMax),
      maxOutputLength: Math.max(1, sizeBytesMax),
    }),
  )
}

// ---------------------------------------------------------------- frames

interface FrameMeasure {
  readonly end: number
  readonly isSkippable: boolean
  /** As stated in the frame. */
  readonly contentBytes?: number | undefined
  /** The most that the frame's blocks can give, and what it states if that is less. */
  readonly sizeBytesMax: number
}

function measureFrame(bytes: Uint8Array, from: number): FrameMeasure {
  const view = dataView(bytes)
  if (bytes.length - from < 8) throw new Error('the frame is cut short')
  const magic = view.getUint32(from, true)
  if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) {
    const end = from + 8 + view.getUint32(from + 4, true)
    if (end > bytes.length) throw new Error('the frame is cut short')
    return { end, isSkippable: true, sizeBytesMax: 0 }
  }
  if (magic !== MAGIC) throw new Error('no zstd frame')
  const header = measureHeader(bytes, from)
  const blocks = measureBlocks(bytes, header.end)
  const end = blocks.end + (header.hasChecksum ? 4 : 0)
  if (end > bytes.length) throw new Error('the frame is cut short')
  const contentBytes = header.contentBytes
  if (contentBytes !== undefined && contentBytes > blocks.sizeBytesMax)
    throw new Error('the content size is too large for the blocks')
  return { end, isSkippable: false, contentBytes, sizeBytesMax: contentBytes ?? blocks.sizeBytesMax }
}

function measureHeader(
  bytes: Uint8Array,
  from: number,
): { end: number; hasChecksum: boolean; contentBytes: number | undefined } {
  const descriptor = bytes[from + 4] as number
  const sizeFlag = descriptor >>> 6
  const isSingleSegment = (descriptor & 0x20) !== 0
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] as number
  const sizeBytes = sizeFlag === 0 ? (isSingleSegment ? 1 : 0) : 1 << sizeFlag
  const at = from + 5 + (isSingleSegment ? 0 : 1) + dictionaryBytes
  if (at + sizeBytes > bytes.length) throw new Error('the frame is cut short')
  let contentBytes = sizeFlag === 1 ? 256 : 0
  for (let index = 0; index < sizeBytes; index++)
    contentBytes += (bytes[at + index] as number) * 2 ** (8 * index)
  return {
    end: at + sizeBytes,
    hasChecksum: (descriptor & 4) !== 0,
    contentBytes: sizeBytes === 0 ? undefined : contentBytes,
  }
}

function measureBlocks(bytes: Uint8Array, from: number): { end: number; sizeBytesMax: number } {
  let sizeBytesMax = 0
  let at = from
  for (let isLast = false; !isLast; ) {
    if (at + 3 > bytes.length) throw new Error('the frame is cut short')
    const header =
      (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16)
    const type = (header >>> 1) & 3
    const size = header >>> 3
    isLast = (header & 1) === 1
    sizeBytesMax += type === COMPRESSED_BLOCK ? BLOCK_BYTES_MAX : Math.min(size, BLOCK_BYTES_MAX)
    at += 3 + (type === RUN_BLOCK ? 1 : size)
  }
  return { end: at, sizeBytesMax }
}

/** The library's own bound: never less than what it writes. */
function compressedBytesMax(sizeBytes: number): number {
  const small = sizeBytes < BLOCK_BYTES_MAX ? (BLOCK_BYTES_MAX - sizeBytes) >>> 11 : 0
  return sizeBytes + (sizeBytes >>> 8) + small
}

// ---------------------------------------------------------------- node:zlib

interface NodeZstd {
  readonly compress: (bytes: Uint8Array, options: zlib.BrotliOptions) => Buffer
  readonly decompress: (bytes: Uint8Array, options: zlib.ZlibOptions) => Buffer
  readonly levelParameter: number
}

/** What `node:zlib` has at run time; the types of Node 20 do not know it. */
const node: NodeZstd | undefined = nodeZstd()

function nodeZstd(): NodeZstd | undefined {
  const compress: unknown = Reflect.get(zlib, 'zstdCompressSync')
  const decompress: unknown = Reflect.get(zlib, 'zstdDecompressSync')
  const levelParameter: unknown = Reflect.get(zlib.constants, 'ZSTD_c_compressionLevel')
  if (typeof compress !== 'function' || typeof decompress !== 'function') return undefined
  if (typeof levelParameter !== 'number') return undefined
  return {
    compress: compress as NodeZstd['compress'],
    decompress: decompress as NodeZstd['decompress'],
    levelParameter,
  }
}

// ---------------------------------------------------------------- WebAssembly

/** What the compiled library offers; sizes below zero are errors. */
interface WasmZstd {
  /** The memory; another array after each growth. */
  readonly HEAPU8: Uint8Array
  _malloc(sizeBytes: number): number
  _free(pointer: number): void
  _compressBound(sizeBytes: number): number
  _compress(to: number, capacityBytes: number, from: number, sizeBytes: number, level: number): number
  _decompress(to: number, capacityBytes: number, from: number, sizeBytes: number): number
}

interface WasmHooks {
  instantiateWasm(imports: object, receive: (instance: WasmInstance) => void): object
}

interface WasmInstance {
  readonly exports: object
}

/** The global, whose types come with those of the browser only. */
declare const WebAssembly: {
  readonly Module: new (code: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => WasmInstance
}

/** A WebAssembly memory never shrinks: an instance that has grown beyond this is not kept. */
const MEMORY_BYTES_KEPT = 2 ** 25

let compiled: object | undefined
let instance: WasmZstd | undefined

function compressInWasm(bytes: Uint8Array, level: number): Uint8Array {
  const capacity = compressedBytesMax(bytes.length)
  return runInWasm({ bytes, capacityBytes: capacity }, (wasm, to, from) =>
    wasm._compress(to, capacity, from, bytes.length, level),
  )
}

function decompressInWasm(bytes: Uint8Array, sizeBytesMax: number, scratch: Scratch | undefined): Uint8Array {
  return runInWasm({ bytes, capacityBytes: sizeBytesMax, scratch }, (wasm, to, from) =>
    wasm._decompress(to, sizeBytesMax, from, bytes.length),
  )
}

interface WasmCall {
  readonly bytes: Uint8Array
  readonly capacityBytes: number
  readonly scratch?: Scratch | undefined
}

function runInWasm(
  { bytes, capacityBytes, scratch }: WasmCall,
  work: (wasm: WasmZstd, to: number, from: number) => number,
): Uint8Array {
  const wasm = instance ?? instantiate()
  // Until all went well: after a trap or a failed allocation the instance is not used again.
  instance = undefined
  const from = wasm._malloc(Math.max(1, bytes.length))
  const to = wasm._malloc(Math.max(1, capacityBytes))
  if (from === 0 || to === 0) throw new Error('no memory for the content')
  wasm.HEAPU8.set(bytes, from)
  const sizeBytes = work(wasm, to, from)
  const result = sizeBytes < 0 ? undefined : copyOut(wasm.HEAPU8.subarray(to, to + sizeBytes), scratch)
  wasm._free(from)
  wasm._free(to)
  if (wasm.HEAPU8.length <= MEMORY_BYTES_KEPT) instance = wasm
  if (result === undefined) throw new Error('the zstd frame is broken')
  return result
}

/** Synchronously, which the package's own entry does not offer; its loader does. */
function instantiate(): WasmZstd {
  const require = createRequire(import.meta.url)
  const create = require('@foxglove/wasm-zstd/dist/wasm-zstd.js') as (hooks: WasmHooks) => unknown
  compiled ??= new WebAssembly.Module(
    readFileSync(require.resolve('@foxglove/wasm-zstd/dist/wasm-zstd.wasm')),
  )
  const code = compiled
  const hooks: WasmHooks = {
    instantiateWasm: (imports, receive) => {
      const created = new WebAssembly.Instance(code, imports)
      receive(created)
      return created.exports
    },
  }
  create(hooks)
  return hooks as WasmHooks & WasmZstd
}
