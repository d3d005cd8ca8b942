/**
 * Bounds of a column chunk from the raw bytes of its footer statistics, exactly: a decimal is an unscaled
 * bigint, a timestamp counts micros or nanos. What cannot be trusted gives no bound.
 * @see https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift "Statistics", "ColumnOrder"
 */
import { dataView, utf8Decode } from '../../base/bytes.js'
import { parseUnscaled } from '../../schema/decimal.js'
import type { Value } from '../../schema/types.js'
import { PhysicalType, type RawStatistics, type SchemaElement } from './metadata.js'
import type { LeafColumn } from './schema.js'
import type { ThriftStruct } from './thrift.js'

export interface ChunkBounds {
  readonly lower?: Value | undefined
  readonly upper?: Value | undefined
}

/** Bounds in Iceberg's order of the leaf's type; NaN is never one, and zero bounds are -0.0 and +0.0. */
export function chunkBounds(statistics: RawStatistics, leaf: LeafColumn): ChunkBounds {
  if (leaf.repeated) return {}
  const signed = hasSignedOrder(leaf)
  const lowerBytes = statistics.lower ?? (signed ? statistics.signedLower : undefined)
  const upperBytes = statistics.upper ?? (signed ? statistics.signedUpper : undefined)
  const lower = lowerBytes === undefined ? undefined : decodeBound(lowerBytes, leaf)
  const upper = upperBytes === undefined ? undefined : decodeBound(upperBytes, leaf)
  if (typeof lower === 'number' || typeof upper === 'number') return numberBounds(lower, upper)
  return { lower, upper }
}

/** A NaN spoils both bounds: the writer compared with it. */
function numberBounds(lower: Value | undefined, upper: Value | undefined): ChunkBounds {
  if (Number.isNaN(lower) || Number.isNaN(upper)) return {}
  return { lower: lower === 0 ? -0 : lower, upper: upper === 0 ? 0 : upper }
}

/** The older statistics are right only where the order of the bytes as signed numbers is the type's order. */
function hasSignedOrder(leaf: LeafColumn): boolean {
  const { physicalType } = leaf.element
  return (
    physicalType === PhysicalType.boolean ||
    physicalType === PhysicalType.int32 ||
    physicalType === PhysicalType.int64 ||
    physicalType === PhysicalType.float ||
    physicalType === PhysicalType.double
  )
}

function decodeBound(bytes: Uint8Array, leaf: LeafColumn): Value | undefined {
  const { element, type } = leaf
  const view = dataView(bytes)
  switch (element.physicalType) {
    case PhysicalType.boolean:
      return bytes.length === 1 ? bytes[0] !== 0 : undefined
    case PhysicalType.int32:
      return bytes.length === 4 ? fromInt32(view.getInt32(0, true), leaf) : undefined
    case PhysicalType.int64:
      return bytes.length === 8 ? fromInt64(view.getBigInt64(0, true), leaf) : undefined
    case PhysicalType.float:
      return bytes.length === 4 ? view.getFloat32(0, true) : undefined
    case PhysicalType.double:
      return bytes.length === 8 ? view.getFloat64(0, true) : undefined
    case PhysicalType.byteArray:
    case PhysicalType.fixed:
      if (type.kind === 'decimal') return bytes.length === 0 ? undefined : parseUnscaled(bytes)
      if (type.kind === 'string') return decodeText(bytes)
      return type.kind === 'uuid' || type.kind === 'fixed' || type.kind === 'binary' ? bytes : undefined
    default:
      // INT96 has no order that writers agree on.
      return undefined
  }
}

/** A bound that was cut inside a character is not text; there is none then. */
function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return utf8Decode(bytes)
  } catch {
    return undefined
  }
}

function fromInt32(value: number, leaf: LeafColumn): Value | undefined {
  switch (leaf.type.kind) {
    case 'int':
      return isUnsigned(leaf.element) && value < 0 ? undefined : value
    case 'date':
      return value
    case 'decimal':
      return BigInt(value)
    case 'time':
      return BigInt(value) * 1000n
    // uint32
    case 'long':
      return BigInt(value >>> 0)
    default:
      return undefined
  }
}

function fromInt64(value: bigint, leaf: LeafColumn): Value | undefined {
  switch (leaf.type.kind) {
    case 'long':
      return isUnsigned(leaf.element) && value < 0n ? undefined : value
    case 'decimal':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return value
    case 'time':
    case 'timestamp':
    case 'timestamptz':
      return toMicros(value, leaf.element)
    default:
      return undefined
  }
}

function toMicros(value: bigint, element: SchemaElement): bigint {
  const unit = timeUnit(element)
  if (unit === 'millis') return value * 1000n
  return unit === 'micros' ? value : value / 1000n
}

function timeUnit(element: SchemaElement): 'millis' | 'micros' | 'nanos' {
  const logical = (element.logicalType?.field_7 ?? element.logicalType?.field_8) as ThriftStruct | undefined
  if (logical === undefined) return element.convertedType === 9 ? 'millis' : 'micros'
  const unit = logical.field_2 as ThriftStruct | undefined
  if (unit?.field_1 !== undefined) return 'millis'
  return unit?.field_3 === undefined ? 'micros' : 'nanos'
}

/** Old statistics of unsigned columns were compared as signed, so a negative one says nothing. */
function isUnsigned(element: SchemaElement): boolean {
  const integer = element.logicalType?.field_10 as ThriftStruct | undefined
  if (integer !== undefined) return integer.field_2 !== true
  const converted = element.convertedType ?? -1
  return converted >= 11 && converted <= 14
}
