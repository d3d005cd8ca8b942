/**
 * The value of a variant: how its bytes are walked and checked.
 *
 *   byte 0: bits 0-1 basic type, bits 2-7 its header
 *
 *   0 primitive      header: VariantPrimitive    its bytes (see PRIMITIVE_BYTES)
 *   1 short string   header: length              UTF-8
 *   2 object         header: widths              count  id ..  offset 0 .. offset count  values
 *   3 array          header: widths              count         offset 0 .. offset count  values
 *
 * Field ids number the names of the metadata and stand in the order of the names; the values of an object may stand
 * in any order. A variant in memory is its metadata with its value behind it.
 * @see https://github.com/apache/parquet-format/blob/master/VariantEncoding.md "Value encoding"
 */
import { LakeError } from '../base/errors.js'
import {
  compareNames,
  corruptVariant,
  isText,
  readUint,
  readVariantMetadata,
  type VariantMetadata,
} from './variant-metadata.js'

/** Numbers of the primitive types. */
export const VariantPrimitive = {
  null: 0,
  true: 1,
  false: 2,
  int8: 3,
  int16: 4,
  int32: 5,
  int64: 6,
  double: 7,
  decimal4: 8,
  decimal8: 9,
  decimal16: 10,
  date: 11,
  timestamptz: 12,
  timestamp: 13,
  float: 14,
  binary: 15,
  string: 16,
  time: 17,
  timestamptz_ns: 18,
  timestamp_ns: 19,
  uuid: 20,
} as const

/** Bytes behind the first, by primitive type; those of binary and string follow a length of four bytes. */
const PRIMITIVE_BYTES = Uint8Array.of(0, 0, 0, 1, 2, 4, 8, 8, 5, 9, 17, 4, 8, 8, 4, 4, 4, 8, 8, 8, 16)

/** Values nested deeper are refused: what reads them is recursive. JSON parsers have the same limit. */
export const VARIANT_DEPTH_MAX = 1000

/** A variant has no decimal with more fraction digits. */
const MAX_SCALE = 38

/** Where the parts of an object or an array stand. */
export interface VariantContainer {
  readonly count: number
  /** Objects only. */
  readonly idsAt: number
  readonly idBytes: number
  readonly offsetsAt: number
  readonly offsetBytes: number
  /** Offsets count from here. */
  readonly valuesAt: number
  /** Behind the last value. */
  readonly end: number
}

export function isVariantObject(bytes: Uint8Array, at: number): boolean {
  return ((bytes[at] as number) & 3) === 2
}

/**
 * The parts of the object or array at `at`, whose header lies before `end` and whose values end there at the latest.
 * @throws corrupt
 */
export function readContainer(bytes: Uint8Array, at: number, end: number): VariantContainer {
  const header = (bytes[at] as number) >> 2
  const isObject = isVariantObject(bytes, at)
  const countBytes = (header & (isObject ? 16 : 4)) === 0 ? 1 : 4
  const offsetBytes = (header & 3) + 1
  const idBytes = isObject ? ((header >> 2) & 3) + 1 : 0
  const idsAt = at + 1 + countBytes
  if (idsAt > end) throw endsEarly()
  const count = readUint(bytes, at + 1, countBytes)
  const offsetsAt = idsAt + count * idBytes
  const valuesAt = offsetsAt + (count + 1) * offsetBytes
  if (valuesAt > end) throw endsEarly()
  const valuesEnd = valuesAt + readUint(bytes, valuesAt - offsetBytes, offsetBytes)
  if (valuesEnd > end) throw endsEarly()
  return { count, idsAt, idBytes, offsetsAt, offsetBytes, valuesAt, end: valuesEnd }
}

function endsEarly(): LakeError {
  return corruptVariant('a value ends too early')
}

/** The id of an object's field. */
export function fieldIdAt(bytes: Uint8Array, container: VariantContainer, index: number): number {
  return readUint(bytes, container.idsAt + index * container.idBytes, container.idBytes)
}

/** Where the value of a field or element begins. */
export function childAt(bytes: Uint8Array, container: VariantContainer, index: number): number {
  const { offsetsAt, offsetBytes, valuesAt } = container
  return valuesAt + readUint(bytes, offsetsAt + index * offsetBytes, offsetBytes)
}

/** Behind the value at `at`, which has been checked. */
export function valueEnd(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number
  const header = first >> 2
  if ((first & 3) > 1) return readContainer(bytes, at, bytes.length).end
  if ((first & 3) === 1) return at + 1 + header
  const end = at + 1 + (PRIMITIVE_BYTES[header] as number)
  return hasLength(header) ? end + readUint(bytes, at + 1, 4) : end
}

function hasLength(primitive: number): boolean {
  return primitive === VariantPrimitive.binary || primitive === VariantPrimitive.string
}

export interface CheckValueOptions {
  /** Exclusive; nothing from here on is read. */
  readonly end: number
  /** Containers around the value. */
  readonly depth: number
}

/**
 * Checks the value at `at` with all inside it, and returns where it ends. Work is in proportion to its bytes.
 *
 * Fields out of order are let through, since writers have sorted by something else than bytes.
 * @throws corrupt
 * @throws unsupported for primitive types without a number here, and for values nested too deeply
 */
export function checkVariantValue(
  metadata: VariantMetadata,
  bytes: Uint8Array,
  at: number,
  options: CheckValueOptions,
): number {
  return checkValue({ metadata, bytes }, at, options.end, options.depth)
}

interface Checking {
  readonly metadata: VariantMetadata
  readonly bytes: Uint8Array
}

function checkValue(checking: Checking, at: number, end: number, depth: number): number {
  if (at >= end) throw endsEarly()
  const first = checking.bytes[at] as number
  switch (first & 3) {
    case 0:
      return checkPrimitive(checking.bytes, at, end)
    case 1:
      return checkString(checking.bytes, at + 1, at + 1 + (first >> 2), end)
    default:
      return checkContainer(checking, at, end, depth)
  }
}

function checkPrimitive(bytes: Uint8Array, at: number, end: number): number {
  const primitive = (bytes[at] as number) >> 2
  const size = PRIMITIVE_BYTES[primitive]
  if (size === undefined) {
    throw new LakeError('unsupported', 'a variant has a primitive type that is not known', {
      context: { primitive },
    })
  }
  const to = at + 1 + size
  if (to > end) throw endsEarly()
  if (hasLength(primitive)) {
    const last = to + readUint(bytes, at + 1, 4)
    if (primitive === VariantPrimitive.string) return checkString(bytes, to, last, end)
    if (last > end) throw endsEarly()
    return last
  }
  const isDecimal = primitive >= VariantPrimitive.decimal4 && primitive <= VariantPrimitive.decimal16
  if (isDecimal && (bytes[at + 1] as number) > MAX_SCALE)
    throw corruptVariant('a decimal has too many digits')
  return to
}

function checkString(bytes: Uint8Array, from: number, to: number, end: number): number {
  if (to > end) throw endsEarly()
  if (!isText(bytes, from, to)) throw corruptVariant('a string is not UTF-8')
  return to
}

function checkContainer(checking: Checking, at: number, end: number, depth: number): number {
  if (depth >= VARIANT_DEPTH_MAX) {
    throw new LakeError('unsupported', 'a variant is nested too deeply', { context: { depth } })
  }
  const { bytes } = checking
  const container = readContainer(bytes, at, end)
  if (container.idBytes > 0) checkFieldIds(checking, container)
  // Values that share bytes could be walked exponentially often; the sum is over at the innermost ones first.
  let room = container.end - container.valuesAt
  for (let index = 0; index < container.count; index++) {
    const from = childAt(bytes, container, index)
    room -= checkValue(checking, from, container.end, depth + 1) - from
    if (room < 0) throw corruptVariant('values overlap')
  }
  return container.end
}

function checkFieldIds(checking: Checking, object: VariantContainer): void {
  const { bytes, metadata } = checking
  let last = -1
  let isOrdered = true
  for (let index = 0; index < object.count; index++) {
    const id = fieldIdAt(bytes, object, index)
    if (id >= metadata.nameCount) throw corruptVariant('a field has no name')
    if (last >= 0) isOrdered &&= metadata.ascending ? id > last : compareNames(metadata, last, id) < 0
    last = id
  }
  if (!isOrdered) checkDistinct(checking, object)
}

/** Ids before names: comparing few long names over and over is what broken bytes could make expensive. */
function checkDistinct(checking: Checking, object: VariantContainer): void {
  const { bytes, metadata } = checking
  const ids = new Set<number>()
  for (let index = 0; index < object.count; index++) ids.add(fieldIdAt(bytes, object, index))
  const names = [...ids].sort((a, b) => compareNames(metadata, a, b))
  const areSame = names.some((id, at) => at > 0 && compareNames(metadata, names[at - 1] as number, id) === 0)
  if (ids.size < object.count || areSame) throw corruptVariant('an object has a field twice')
}

/**
 * Checks a whole variant: metadata, value behind it, nothing more.
 * @returns where the value begins
 * @throws corrupt
 * @throws unsupported for what later versions of the encoding may have, and for values nested too deeply
 */
export function checkVariant(bytes: Uint8Array): number {
  const metadata = readVariantMetadata(bytes, 0, bytes.length)
  // Metadata that is too short is replaced, and has no end in these bytes.
  if (metadata.bytes !== bytes) throw corruptVariant('the metadata ends too early')
  const end = checkVariantValue(metadata, bytes, metadata.to, { end: bytes.length, depth: 0 })
  if (end !== bytes.length) throw corruptVariant('bytes follow the value')
  return metadata.to
}

/** The two parts of a variant, which has been checked; they share its memory. */
export function splitVariant(bytes: Uint8Array): {
  readonly metadata: Uint8Array
  readonly value: Uint8Array
} {
  const { to } = readVariantMetadata(bytes, 0, bytes.length)
  return { metadata: bytes.subarray(0, to), value: bytes.subarray(to) }
}
