/** Vectors of one layout joined end to end. `take.ts` brings them to one layout first. */
import { assert, unreachable } from '../base/assert.js'
import { LakeError } from '../base/errors.js'
import { copyBits, createBitmap } from './bitmap.js'
import type {
  Bitmap,
  BooleanVector,
  DecimalVector,
  DictionaryVector,
  FixedBytesVector,
  FixedWidthValues,
  FixedWidthVector,
  ListVector,
  MapVector,
  StructVector,
  VarBytesVector,
  Vector,
} from './column-batch.js'
import { sliceVector } from './slice-vector.js'

/** All rows of the parts, in order. There is at least one part, and all have the layout of the first. */
export function concatVectors(parts: readonly Vector[]): Vector {
  const [first] = parts
  assert(first !== undefined, 'there is a vector to join')
  if (parts.length === 1) return first
  const length = totalLength(parts)
  if (first.layout === 'null') return { layout: 'null', length }
  const validity = concatValidity(parts, length)
  switch (first.layout) {
    case 'fixed-width':
      return {
        layout: 'fixed-width',
        length,
        validity,
        values: concatFixedWidth(ofLayout(parts, 'fixed-width'), length),
      }
    case 'decimal':
      return {
        layout: 'decimal',
        length,
        validity,
        words: concatDecimals(ofLayout(parts, 'decimal'), length),
      }
    case 'boolean':
      return { layout: 'boolean', length, validity, bits: concatBooleans(ofLayout(parts, 'boolean'), length) }
    case 'fixed-bytes':
      return { ...first, length, validity, bytes: concatFixedBytes(ofLayout(parts, 'fixed-bytes'), length) }
    case 'var-bytes':
      return {
        layout: 'var-bytes',
        length,
        validity,
        ...concatVarBytes(ofLayout(parts, 'var-bytes'), length),
      }
    case 'dictionary':
      return { ...first, length, validity, codes: concatCodes(ofLayout(parts, 'dictionary'), length) }
    case 'list':
      return { layout: 'list', length, validity, ...concatLists(ofLayout(parts, 'list'), length) }
    case 'map':
      return { layout: 'map', length, validity, ...concatMaps(ofLayout(parts, 'map'), length) }
    case 'struct':
      return {
        layout: 'struct',
        length,
        validity,
        children: concatChildren(ofLayout(parts, 'struct'), first),
      }
    default:
      return unreachable(first)
  }
}

type Layout = Vector['layout']

function ofLayout<L extends Layout>(parts: readonly Vector[], layout: L): Extract<Vector, { layout: L }>[] {
  const same = parts.filter((part): part is Extract<Vector, { layout: L }> => part.layout === layout)
  assert(same.length === parts.length, 'vectors to be joined have one layout')
  return same
}

function totalLength(parts: readonly Vector[]): number {
  let length = 0
  for (const part of parts) length += part.length
  return length
}

function concatValidity(parts: readonly Vector[], length: number): Bitmap | undefined {
  if (parts.every(part => part.layout !== 'null' && part.validity === undefined)) return undefined
  const bits = createBitmap(length)
  let at = 0
  for (const part of parts) {
    if (part.layout !== 'null') copyBits(bits, at, part.validity, part.length)
    at += part.length
  }
  return bits
}

function concatFixedWidth(parts: readonly FixedWidthVector[], length: number): FixedWidthValues {
  const values = parts.map(part => part.values.subarray(0, part.length))
  if (values.every(each => each instanceof Int32Array)) return joinInto(new Int32Array(length), values)
  if (values.every(each => each instanceof BigInt64Array)) return joinInto(new BigInt64Array(length), values)
  if (values.every(each => each instanceof Float32Array)) return joinInto(new Float32Array(length), values)
  if (values.every(each => each instanceof Float64Array)) return joinInto(new Float64Array(length), values)
  throw new Error('assertion failed: vectors to be joined have one width')
}

interface Settable<T> {
  set(values: T, at: number): void
  readonly length: number
}

function joinInto<T extends Settable<T>>(target: T, parts: readonly T[]): T {
  let at = 0
  for (const part of parts) {
    target.set(part, at)
    at += part.length
  }
  return target
}

function concatDecimals(parts: readonly DecimalVector[], length: number): BigInt64Array {
  return joinInto(
    new BigInt64Array(length * 2),
    parts.map(part => part.words.subarray(0, part.length * 2)),
  )
}

function concatBooleans(parts: readonly BooleanVector[], length: number): Bitmap {
  const bits = createBitmap(length)
  let at = 0
  for (const part of parts) {
    copyBits(bits, at, part.bits, part.length)
    at += part.length
  }
  return bits
}

function concatFixedBytes(parts: readonly FixedBytesVector[], length: number): Uint8Array {
  const width = parts[0]?.widthBytes ?? 0
  return joinInto(
    new Uint8Array(length * width),
    parts.map(part => part.bytes.subarray(0, part.length * width)),
  )
}

function concatCodes(parts: readonly DictionaryVector[], length: number): Int32Array {
  return joinInto(
    new Int32Array(length),
    parts.map(part => part.codes.subarray(0, part.length)),
  )
}

interface WithOffsets {
  readonly length: number
  readonly offsets: Int32Array
}

/** Offsets from 0 into what the parts use of their children, joined. */
function concatOffsets(parts: readonly WithOffsets[], length: number): Int32Array {
  const offsets = new Int32Array(length + 1)
  let row = 0
  let end = 0
  for (const part of parts) {
    const shift = end - firstOffset(part)
    for (let at = 1; at <= part.length; at++) offsets[++row] = (part.offsets[at] as number) + shift
    end = lastOffset(part) + shift
    if (end > 0x7fff_ffff)
      throw new LakeError('invalid-argument', 'a column of a batch holds more than 2 GiB')
  }
  return offsets
}

function firstOffset(part: WithOffsets): number {
  return part.offsets[0] as number
}

function lastOffset(part: WithOffsets): number {
  return part.offsets[part.length] as number
}

function concatVarBytes(
  parts: readonly VarBytesVector[],
  length: number,
): { readonly offsets: Int32Array; readonly bytes: Uint8Array } {
  const offsets = concatOffsets(parts, length)
  const used = parts.map(part => part.bytes.subarray(firstOffset(part), lastOffset(part)))
  return { offsets, bytes: joinInto(new Uint8Array(offsets[length] as number), used) }
}

function concatLists(
  parts: readonly ListVector[],
  length: number,
): { readonly offsets: Int32Array; readonly element: Vector } {
  const offsets = concatOffsets(parts, length)
  return { offsets, element: concatVectors(parts.map(part => usedRows(part.element, part))) }
}

function concatMaps(
  parts: readonly MapVector[],
  length: number,
): { readonly offsets: Int32Array; readonly keys: Vector; readonly values: Vector } {
  return {
    offsets: concatOffsets(parts, length),
    keys: concatVectors(parts.map(part => usedRows(part.keys, part))),
    values: concatVectors(parts.map(part => usedRows(part.values, part))),
  }
}

function usedRows(child: Vector, parent: WithOffsets): Vector {
  return sliceVector(child, firstOffset(parent), lastOffset(parent))
}

function concatChildren(parts: readonly StructVector[], first: StructVector): readonly Vector[] {
  return first.children.map((_, at) =>
    concatVectors(
      parts.map(part => {
        const child = part.children[at]
        assert(child !== undefined, 'structs to be joined have the same children')
        return child
      }),
    ),
  )
}
