/**
 * Bounds of a column chunk or page from the raw bytes of its statistics, exactly: a decimal is an unscaled bigint, a
 * timestamp counts micros or nanos. What cannot be trusted gives no bound:
 *
 *   an order that the file does not say, or that we do not know       except where there is but one: signed numbers
 *   the older pair (min, max), whose order is signed                  except for signed numbers
 *   NaN, bytes of a wrong length, text cut inside a character, a lower bound above the upper one
 *   INT96 and INTERVAL, variants and geometries, annotations to come  have no order
 *
 * @see https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift "Statistics", "ColumnOrder"
 */
import { dataView, utf8Decode } from '../../../base/bytes.js'
import { parseUnscaled } from '../../../schema/decimal.js'
import type { Value } from '../../../schema/types.js'
import { compareValues } from '../../../schema/value.js'
import { isUnsignedInteger, timeUnitOf } from './leaf-type.js'
import { PhysicalType, type RawStatistics, type SchemaElement } from './metadata.js'
import type { LeafColumn } from './schema.js'

export interface ChunkBounds {
  readonly lower?: Value | undefined
  readonly upper?: Value | undefined
}

/** The longest decimal of Iceberg has 16 bytes; writers may pad. */
const DECIMAL_BYTES_MAX = 64
/** `ConvertedType` INTERVAL. */
const INTERVAL = 21
/** The last field of the union LogicalType that we know. */
const LOGICAL_FIELD_MAX = 18

/** Bounds in Iceberg's order of the leaf's type; NaN is never one, and zero bounds are -0.0 and +0.0. */
export function chunkBounds(statistics: RawStatistics, leaf: LeafColumn): ChunkBounds {
  if (leaf.repeated || !hasOrder(leaf.element)) return {}
  const signed = isSignedNumber(leaf.element)
  const ordered = signed || leaf.element.columnOrder !== undefined
  const lowerBytes = (ordered ? statistics.lower : undefined) ?? (signed ? statistics.signedLower : undefined)
  const upperBytes = (ordered ? statistics.upper : undefined) ?? (signed ? statistics.signedUpper : undefined)
  const lower = lowerBytes === undefined ? undefined : decodeBound(lowerBytes, leaf)
  const upper = upperBytes === undefined ? undefined : decodeBound(upperBytes, leaf)
  if (leaf.type.kind === 'float' || leaf.type.kind === 'double') return floatBounds(lower, upper)
  const swapped = lower !== undefined && upper !== undefined && compareValues(leaf.type, lower, upper) > 0
  return swapped ? {} : { lower, upper }
}

/** A NaN spoils both bounds: the writer compared with it. Writers differ on which zero is the smaller. */
function floatBounds(lower: Value | undefined, upper: Value | undefined): ChunkBounds {
  if (Number.isNaN(lower) || Number.isNaN(upper)) return {}
  if (lower !== undefined && upper !== undefined && Number(lower) > Number(upper)) return {}
  return { lower: lower === 0 ? -0 : lower, upper: upper === 0 ? 0 : upper }
}

/** Whether the format defines an order of the values that Iceberg's agrees with. */
function hasOrder(element: SchemaElement): boolean {
  const { columnOrder, convertedType, logicalType, physicalType } = element
  if (columnOrder === 'other' || physicalType === PhysicalType.int96 || convertedType === INTERVAL)
    return false
  if (logicalType === undefined) return true
  const annotation = Object.keys(logicalType).map(name => Number(name.slice('field_'.length)))
  return annotation.every(field => field <= LOGICAL_FIELD_MAX) && annotation.length > 0
}

/** The older statistics are right only where the order of the bytes as signed numbers is the type's order. */
function isSignedNumber(element: SchemaElement): boolean {
  const { physicalType } = element
  if (physicalType === undefined || isUnsignedInteger(element)) return false
  return physicalType <= PhysicalType.double && physicalType !== PhysicalType.int96
}

function decodeBound(bytes: Uint8Array, leaf: LeafColumn): Value | undefined {
  const view = dataView(bytes)
  switch (leaf.element.physicalType) {
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
      return fromBytes(bytes, leaf)
    default:
      return undefined
  }
}

function fromBytes(bytes: Uint8Array, { type }: LeafColumn): Value | undefined {
  switch (type.kind) {
    case 'decimal':
      return bytes.length > 0 && bytes.length <= DECIMAL_BYTES_MAX ? parseUnscaled(bytes) : undefined
    case 'string':
      return decodeText(bytes)
    case 'uuid':
      return bytes.length === 16 ? bytes : undefined
    case 'fixed':
    case 'binary':
      return bytes
    default:
      return undefined
  }
}

function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return utf8Decode(bytes)
  } catch {
    return undefined
  }
}

function fromInt32(value: number, { element, type }: LeafColumn): Value | undefined {
  // A negative bound of an unsigned column was found by comparing as signed.
  const unsigned = isUnsignedInteger(element)
  switch (type.kind) {
    case 'int':
      return unsigned && value < 0 ? undefined : value
    case 'date':
      return value
    case 'decimal':
      return BigInt(value)
    case 'time':
      return BigInt(value) * 1000n
    case 'long':
      return BigInt(unsigned ? value >>> 0 : value)
    default:
      return undefined
  }
}

function fromInt64(value: bigint, { element, type }: LeafColumn): Value | undefined {
  switch (type.kind) {
    case 'long':
      return isUnsignedInteger(element) && value < 0n ? undefined : value
    case 'decimal':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return value
    case 'time':
    case 'timestamp':
    case 'timestamptz':
      return toMicros(value, element)
    default:
      return undefined
  }
}

function toMicros(value: bigint, element: SchemaElement): bigint {
  const unit = timeUnitOf(element)
  if (unit === 'millis') return value * 1000n
  return unit === 'micros' ? value : value / 1000n
}
