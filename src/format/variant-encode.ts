/**
 * Values of JavaScript as variants, unshredded: what `variant-tree.ts` reads back as the same values.
 *
 *   null, boolean    themselves            string        string
 *   whole number     int8 .. int64         Uint8Array    binary
 *   other number     double                Date          timestamptz
 *   bigint           int64, decimal16      array         array
 *                    beyond 64 bits        object, Map   object
 *
 * The names of all objects are one dictionary, sorted, so that ids are in the order of names. A property that is
 * undefined is left out, as in JSON; there are no other omissions.
 * @see https://github.com/apache/parquet-format/blob/master/VariantEncoding.md
 */
import { concatBytes, utf8Encode } from '../base/bytes.js'
import {
  beginElement,
  beginField,
  closeArray,
  closeObject,
  createVariantBuilder,
  openContainer,
  type VariantBuilder,
  writeBinary,
  writeConstant,
  writeDecimal,
  writeText,
  writeWord,
  writeWords,
} from './variant-builder.js'
import { VARIANT_DEPTH_MAX, VariantPrimitive } from './variant-value.js'

/** What other engines take at most. */
const VALUE_BYTES_MAX = 2 ** 27
const DECIMAL_MAX = 10n ** 38n - 1n

/** Used by one call after the other, for the memory that it has. */
const shared = createVariantBuilder(VALUE_BYTES_MAX)

/**
 * The metadata with the value behind it.
 * @throws TypeError that says what has no place in a variant
 * @throws unsupported for a variant of more than 128 MB
 */
export function encodeVariant(given: unknown): Uint8Array {
  const names = new Set<string>()
  collectNames(given, names, 0)
  const sorted = [...names].map(utf8Name).sort((a, b) => Buffer.compare(a.bytes, b.bytes))
  const ids = new Map(sorted.map(({ name }, id) => [name, id]))
  shared.sink.length = 0
  shared.entriesEnd = 0
  writeValue({ builder: shared, ids }, given)
  return concatBytes([encodeMetadata(sorted), shared.sink.bytes.subarray(0, shared.sink.length)])
}

interface Name {
  readonly name: string
  readonly bytes: Uint8Array
}

function utf8Name(name: string): Name {
  return { name, bytes: utf8Encode(wellFormed(name)) }
}

/** A half of a surrogate pair has no UTF-8. */
function wellFormed(text: string): string {
  if (/\p{Surrogate}/u.test(text)) throw new TypeError('a text in a variant holds half of a surrogate pair')
  return text
}

/** Also finds values that hold themselves: they never end. */
function collectNames(given: unknown, names: Set<string>, depth: number): void {
  const inner = Array.isArray(given) ? given : fieldsOf(given)
  if (inner === undefined) return
  if (depth >= VARIANT_DEPTH_MAX) throw new TypeError('a variant is nested too deeply, or holds itself')
  if (Array.isArray(given)) {
    for (const element of given) collectNames(element, names, depth + 1)
    return
  }
  for (const [name, value] of fieldsOf(given) ?? []) {
    names.add(name)
    collectNames(value, names, depth + 1)
  }
}

/** The fields of an object or Map; undefined for what is neither. */
function fieldsOf(given: unknown): readonly (readonly [name: string, value: unknown])[] | undefined {
  if (typeof given !== 'object' || given === null || given instanceof Date) return undefined
  if (given instanceof Map) return [...given].map(([name, value]) => [textName(name), value])
  if (ArrayBuffer.isView(given) || Symbol.iterator in given) return undefined
  return Object.entries(given).filter(([, value]) => value !== undefined)
}

function textName(name: unknown): string {
  if (typeof name === 'string') return name
  throw new TypeError('the names of an object in a variant are texts')
}

function encodeMetadata(names: readonly Name[]): Uint8Array {
  const total = names.reduce((sum, { bytes }) => sum + bytes.length, 0)
  const width = byteWidth(Math.max(total, names.length))
  const isSorted = names.length > 0 ? 16 : 0
  const bytes = new Uint8Array(1 + (names.length + 2) * width + total)
  bytes[0] = 1 | isSorted | ((width - 1) << 6)
  let at = putUint(bytes, 1, names.length, width)
  let offset = 0
  for (const name of names) {
    at = putUint(bytes, at, offset, width)
    offset += name.bytes.length
  }
  at = putUint(bytes, at, offset, width)
  for (const name of names) {
    bytes.set(name.bytes, at)
    at += name.bytes.length
  }
  return bytes
}

function byteWidth(value: number): number {
  if (value < 2 ** 8) return 1
  if (value < 2 ** 16) return 2
  return value < 2 ** 24 ? 3 : 4
}

function putUint(bytes: Uint8Array, at: number, value: number, width: number): number {
  for (let index = 0; index < width; index++) bytes[at + index] = Math.floor(value / 2 ** (8 * index))
  return at + width
}

interface Encoding {
  readonly builder: VariantBuilder
  readonly ids: ReadonlyMap<string, number>
}

function writeValue(encoding: Encoding, given: unknown): void {
  const { builder } = encoding
  switch (typeof given) {
    case 'boolean':
      writeConstant(builder, given ? VariantPrimitive.true : VariantPrimitive.false)
      return
    case 'number':
      writeNumber(builder, given)
      return
    case 'bigint':
      writeBigint(builder, given)
      return
    case 'string': {
      const bytes = utf8Encode(wellFormed(given))
      writeText(builder, bytes, 0, bytes.length)
      return
    }
    case 'object':
      writeObject(encoding, given)
      return
    default:
      throw new TypeError(`a value of type ${typeof given} has no place in a variant`)
  }
}

function writeObject(encoding: Encoding, given: object | null): void {
  const { builder } = encoding
  if (given === null) writeConstant(builder, VariantPrimitive.null)
  else if (given instanceof Uint8Array) writeBinary(builder, given, 0, given.length)
  else if (given instanceof Date) writeDate(builder, given)
  else if (Array.isArray(given)) {
    const open = openContainer(builder)
    for (const element of given as readonly unknown[]) {
      beginElement(builder)
      writeValue(encoding, element)
    }
    closeArray(builder, open)
  } else writeFields(encoding, given)
}

function writeFields(encoding: Encoding, given: object): void {
  const { builder, ids } = encoding
  const fields = fieldsOf(given)
  if (fields === undefined) throw new TypeError(`a ${given.constructor?.name} has no place in a variant`)
  const inOrder = fields
    .map(([name, value]) => ({ id: ids.get(name) ?? 0, value }))
    .sort((a, b) => a.id - b.id)
  const open = openContainer(builder)
  for (const { id, value } of inOrder) {
    beginField(builder, id)
    writeValue(encoding, value)
  }
  closeObject(builder, open)
}

function writeNumber(builder: VariantBuilder, value: number): void {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
    const words = new Int32Array(Float64Array.of(value).buffer)
    writeWords(builder, VariantPrimitive.double, { words, at: 0, count: 2 })
  } else if (value === (value << 24) >> 24) writeWord(builder, VariantPrimitive.int8, value, 1)
  else if (value === (value << 16) >> 16) writeWord(builder, VariantPrimitive.int16, value, 2)
  else if (value === (value | 0)) writeWord(builder, VariantPrimitive.int32, value, 4)
  else writeLong(builder, VariantPrimitive.int64, BigInt(value))
}

function writeLong(builder: VariantBuilder, primitive: number, value: bigint): void {
  const words = new Int32Array(BigInt64Array.of(value).buffer)
  writeWords(builder, primitive, { words, at: 0, count: 2 })
}

function writeBigint(builder: VariantBuilder, value: bigint): void {
  if (BigInt.asIntN(64, value) === value) {
    writeLong(builder, VariantPrimitive.int64, value)
    return
  }
  if (value > DECIMAL_MAX || value < -DECIMAL_MAX)
    throw new TypeError('a whole number in a variant has 38 digits at most')
  const words = new Int32Array(BigUint64Array.of(value, value >> 64n).buffer)
  writeDecimal(builder, 0, { words, at: 0, count: 4 })
}

function writeDate(builder: VariantBuilder, value: Date): void {
  const ms = value.getTime()
  if (Number.isNaN(ms)) throw new TypeError('an invalid date has no place in a variant')
  writeLong(builder, VariantPrimitive.timestamptz, BigInt(ms) * 1000n)
}
