/**
 * The values inside a variant, each with the Iceberg type that holds it: for edges that show variants as JSON or as
 * values of JavaScript.
 *
 *   null -> unknown    int8, int16, int32 -> int    int64 -> long    decimal4, 8, 16 -> decimal
 *   everything else -> the Iceberg type of the same name
 *
 * @see https://github.com/apache/parquet-format/blob/master/VariantEncoding.md "Encoding types"
 */
import { asBuffer, dataView } from '../base/bytes.js'
import { LakeError } from '../base/errors.js'
import { parseUnscaled } from '../schema/decimal.js'
import type { PrimitiveType, Value } from '../schema/types.js'
import { nameStart, readUint, readVariantMetadata, type VariantMetadata } from './variant-metadata.js'
import {
  checkVariant,
  childAt,
  fieldIdAt,
  isVariantObject,
  readContainer,
  VariantPrimitive,
} from './variant-value.js'

/** What is made of each value, innermost first. */
export interface VariantMaker<T> {
  /** A null is of type unknown. */
  primitive(type: PrimitiveType, value: Value): T
  array(elements: readonly T[]): T
  /** Fields in the order of the variant, which is that of their names. */
  object(fields: readonly (readonly [name: string, value: T])[]): T
}

/**
 * Makes something of a variant: metadata with the value behind it. The bytes are checked first.
 * @throws corrupt when they break the encoding
 * @throws unsupported for what later versions of the encoding may have, and for values nested too deeply
 */
export function readVariant<T>(bytes: Uint8Array, maker: VariantMaker<T>): T {
  const at = checkVariant(bytes)
  const reading: Reading = { bytes, view: dataView(bytes), metadata: readVariantMetadata(bytes, 0, at) }
  return readValue(reading, at, maker)
}

interface Reading {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly metadata: VariantMetadata
}

function readValue<T>(reading: Reading, at: number, maker: VariantMaker<T>): T {
  const { bytes } = reading
  const first = bytes[at] as number
  switch (first & 3) {
    case 0:
      return readPrimitive(reading, at, maker)
    case 1:
      return maker.primitive({ kind: 'string' }, textAt(bytes, at + 1, first >> 2))
    default:
      return readNested(reading, at, maker)
  }
}

function readNested<T>(reading: Reading, at: number, maker: VariantMaker<T>): T {
  const { bytes } = reading
  const container = readContainer(bytes, at, bytes.length)
  const values = Array.from({ length: container.count }, (_, index) =>
    readValue(reading, childAt(bytes, container, index), maker),
  )
  if (!isVariantObject(bytes, at)) return maker.array(values)
  return maker.object(
    values.map((value, index) => [nameOf(reading, fieldIdAt(bytes, container, index)), value]),
  )
}

function nameOf({ metadata }: Reading, id: number): string {
  const from = nameStart(metadata, id)
  return textAt(metadata.bytes, from, nameStart(metadata, id + 1) - from)
}

function textAt(bytes: Uint8Array, from: number, length: number): string {
  return asBuffer(bytes).toString('utf8', from, from + length)
}

function readPrimitive<T>(reading: Reading, at: number, maker: VariantMaker<T>): T {
  const { bytes, view } = reading
  const primitive = (bytes[at] as number) >> 2
  const from = at + 1
  switch (primitive) {
    case VariantPrimitive.null:
      return maker.primitive({ kind: 'unknown' }, null)
    case VariantPrimitive.true:
    case VariantPrimitive.false:
      return maker.primitive({ kind: 'boolean' }, primitive === VariantPrimitive.true)
    case VariantPrimitive.int8:
      return maker.primitive({ kind: 'int' }, view.getInt8(from))
    case VariantPrimitive.int16:
      return maker.primitive({ kind: 'int' }, view.getInt16(from, true))
    case VariantPrimitive.int32:
      return maker.primitive({ kind: 'int' }, view.getInt32(from, true))
    case VariantPrimitive.date:
      return maker.primitive({ kind: 'date' }, view.getInt32(from, true))
    case VariantPrimitive.float:
      return maker.primitive({ kind: 'float' }, view.getFloat32(from, true))
    case VariantPrimitive.double:
      return maker.primitive({ kind: 'double' }, view.getFloat64(from, true))
    case VariantPrimitive.decimal4:
    case VariantPrimitive.decimal8:
    case VariantPrimitive.decimal16:
      return readDecimal(reading, from, maker)
    case VariantPrimitive.binary:
    case VariantPrimitive.string:
      return readSized(reading, at, maker)
    case VariantPrimitive.uuid:
      return maker.primitive({ kind: 'uuid' }, bytes.slice(from, from + 16))
    default:
      return maker.primitive({ kind: longKind(primitive) }, view.getBigInt64(from, true))
  }
}

function longKind(primitive: number): 'long' | 'time' | TimestampKind {
  switch (primitive) {
    case VariantPrimitive.int64:
      return 'long'
    case VariantPrimitive.time:
      return 'time'
    case VariantPrimitive.timestamp:
      return 'timestamp'
    case VariantPrimitive.timestamptz:
      return 'timestamptz'
    case VariantPrimitive.timestamp_ns:
      return 'timestamp_ns'
    case VariantPrimitive.timestamptz_ns:
      return 'timestamptz_ns'
    default:
      throw new LakeError('unsupported', 'a variant has a primitive type that is not known', {
        context: { primitive },
      })
  }
}

type TimestampKind = 'timestamp' | 'timestamptz' | 'timestamp_ns' | 'timestamptz_ns'

const DECIMAL_BYTES: ReadonlyMap<number, number> = new Map([
  [VariantPrimitive.decimal4, 4],
  [VariantPrimitive.decimal8, 8],
  [VariantPrimitive.decimal16, 16],
])

/** A scale, then the unscaled value with its lowest byte first. */
function readDecimal<T>({ bytes }: Reading, from: number, maker: VariantMaker<T>): T {
  const size = DECIMAL_BYTES.get((bytes[from - 1] as number) >> 2) ?? 0
  const unscaled = parseUnscaled(bytes.slice(from + 1, from + 1 + size).reverse())
  return maker.primitive({ kind: 'decimal', precision: 38, scale: bytes[from] as number }, unscaled)
}

function readSized<T>({ bytes }: Reading, at: number, maker: VariantMaker<T>): T {
  const from = at + 5
  const length = readUint(bytes, at + 1, 4)
  if ((bytes[at] as number) >> 2 === VariantPrimitive.string)
    return maker.primitive({ kind: 'string' }, textAt(bytes, from, length))
  return maker.primitive({ kind: 'binary' }, bytes.slice(from, from + length))
}
