/** The encodings bit by bit, as the specification puts them: what the fast code is compared with. */

/** Values of `width` bits, lowest bit first, filled up to a byte. */
export function packNaively(values: readonly bigint[], width: number): number[] {
  const bytes = new Array<number>(Math.ceil((values.length * width) / 8)).fill(0)
  values.forEach((value, index) => {
    for (let bit = 0; bit < width; bit++) {
      if (((value >> BigInt(bit)) & 1n) === 1n) {
        const at = index * width + bit
        bytes[at >> 3]! |= 1 << (at & 7)
      }
    }
  })
  return bytes
}

export function varintNaively(value: bigint): number[] {
  const low = Number(value & 127n)
  return value < 128n ? [low] : [low | 128, ...varintNaively(value >> 7n)]
}

export function zigzagNaively(value: bigint): number[] {
  return varintNaively(value < 0n ? -2n * value - 1n : 2n * value)
}

export interface Run {
  readonly kind: 'repeated' | 'packed'
  readonly values: readonly number[]
}

/** Runs of the RLE / bit-packed hybrid; a repeated run repeats its first value, a packed one is filled up with ones. */
export function encodeRunsNaively(runs: readonly Run[], width: number): number[] {
  return runs.flatMap(({ kind, values }) => {
    const numbers = values.map(value => BigInt(value >>> 0))
    if (kind === 'repeated') {
      const value = packNaively([numbers[0] ?? 0n], 8 * Math.ceil(width / 8))
      return [...varintNaively(BigInt(values.length * 2)), ...value]
    }
    while (numbers.length % 8 !== 0) numbers.push((1n << BigInt(width)) - 1n)
    return [...varintNaively(BigInt((numbers.length / 8) * 2 + 1)), ...packNaively(numbers, width)]
  })
}

export function decodeRunsNaively(bytes: Uint8Array, width: number, count: number): number[] {
  const values: number[] = []
  let at = 0
  while (values.length < count) {
    let header = 0
    for (let shift = 0; ; shift += 7) {
      header += (bytes[at]! & 127) * 2 ** shift
      if (bytes[at++]! < 128) break
    }
    const run = bytes.subarray(at)
    if (header % 2 === 0) {
      const value = bitsNaively(run, 0, 8 * Math.ceil(width / 8))
      for (let index = 0; index < header / 2; index++) values.push(value)
      at += Math.ceil(width / 8)
    } else {
      const length = (header - 1) * 4
      for (let index = 0; index < length; index++) values.push(bitsNaively(run, index * width, width))
      at += (length * width) / 8
    }
  }
  return values.slice(0, count)
}

function bitsNaively(bytes: Uint8Array, from: number, width: number): number {
  let value = 0
  for (let bit = 0; bit < width; bit++)
    value |= ((bytes[(from + bit) >> 3]! >> ((from + bit) & 7)) & 1) << bit
  return value
}

export interface BlockSizes {
  readonly blockSize: number
  readonly miniblockCount: number
  /** Bits a value more than needed. */
  readonly extraBits: number
  /** Widths of miniblocks that hold nothing. */
  readonly idleWidth: number
  /** Whether the last miniblock ends behind its last value. */
  readonly cutPadding: boolean
}

/** DELTA_BINARY_PACKED of integers of `bits` bits, in blocks of any size. */
export function encodeDeltasNaively(values: readonly bigint[], bits: 32 | 64, sizes: BlockSizes): number[] {
  const { blockSize, miniblockCount } = sizes
  const header = [blockSize, miniblockCount, values.length].flatMap(size => varintNaively(BigInt(size)))
  const deltas = values.slice(1).map((value, at) => BigInt.asIntN(bits, value - values[at]!))
  const blocks: number[] = []
  for (let at = 0; at < deltas.length; at += blockSize) {
    blocks.push(...blockNaively(deltas.slice(at, at + blockSize), bits, sizes))
  }
  return [...header, ...zigzagNaively(values[0] ?? 0n), ...blocks]
}

function blockNaively(deltas: readonly bigint[], bits: number, sizes: BlockSizes): number[] {
  const { blockSize, miniblockCount, extraBits, idleWidth, cutPadding } = sizes
  const size = blockSize / miniblockCount
  const min = deltas.reduce((least, delta) => (delta < least ? delta : least))
  const widths: number[] = []
  const bodies: number[] = []
  for (let at = 0; at < blockSize; at += size) {
    const above = deltas.slice(at, at + size).map(delta => delta - min)
    if (above.length === 0) {
      widths.push(idleWidth)
      continue
    }
    const most = above.reduce((highest, value) => (value > highest ? value : highest))
    const width = Math.min(bits, most.toString(2).length - (most === 0n ? 1 : 0) + extraBits)
    widths.push(width)
    if (!cutPadding) while (above.length < size) above.push(0n)
    bodies.push(...packNaively(above, width))
  }
  return [...zigzagNaively(min), ...widths, ...bodies]
}
