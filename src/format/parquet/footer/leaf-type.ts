/**
 * What the annotations of a leaf say about its values: the Iceberg type that holds them, the unit of times, the sign
 * of integers. The newer annotation (LogicalType) goes before the older one (ConvertedType).
 * @see https://github.com/apache/parquet-format/blob/master/LogicalTypes.md
 */
import type { PrimitiveType } from '../../../schema/types.js'
import { PhysicalType, type SchemaElement } from './metadata.js'
import type { ThriftStruct, ThriftValue } from './thrift.js'

export type TimeUnit = 'millis' | 'micros' | 'nanos'

/** The Iceberg type that holds a leaf's values; the annotation decides. Throws a plain error for a broken one. */
export function leafType(element: SchemaElement): PrimitiveType {
  const logical = element.logicalType
  if (logical !== undefined) {
    const type = logicalLeafType(logical, element)
    if (type !== undefined) return type
  }
  const converted = element.convertedType === undefined ? undefined : convertedLeafType(element)
  return converted ?? physicalLeafType(element)
}

function logicalLeafType(logical: ThriftStruct, element: SchemaElement): PrimitiveType | undefined {
  if (logical.field_1 !== undefined || logical.field_4 !== undefined || logical.field_12 !== undefined) {
    return { kind: 'string' }
  }
  if (logical.field_5 !== undefined) {
    const { field_1: scale, field_2: precision } = logical.field_5 as ThriftStruct
    return decimalType(precision, scale)
  }
  if (logical.field_6 !== undefined) return { kind: 'date' }
  if (logical.field_7 !== undefined) return { kind: 'time' }
  if (logical.field_8 !== undefined) return timestampType(logical.field_8 as ThriftStruct)
  if (logical.field_10 !== undefined) {
    const { field_1: bits, field_2: signed } = logical.field_10 as ThriftStruct
    return integerType(typeof bits === 'number' ? bits : 64, signed === true)
  }
  if (logical.field_11 !== undefined) return { kind: 'unknown' }
  if (logical.field_14 !== undefined) return { kind: 'uuid' }
  if (logical.field_15 !== undefined) return { kind: 'float' }
  if (logical.field_17 !== undefined) return { kind: 'geometry' }
  if (logical.field_18 !== undefined) return { kind: 'geography' }
  return logical.field_13 === undefined ? undefined : physicalLeafType(element)
}

function decimalType(precision: ThriftValue | undefined, scale: ThriftValue | undefined): PrimitiveType {
  if (typeof precision !== 'number') throw new TypeError('a decimal without a precision')
  return { kind: 'decimal', precision, scale: typeof scale === 'number' ? scale : 0 }
}

function timestampType(logical: ThriftStruct): PrimitiveType {
  const zoned = logical.field_1 === true
  const nanos = (logical.field_2 as ThriftStruct | undefined)?.field_3 !== undefined
  if (nanos) return { kind: zoned ? 'timestamptz_ns' : 'timestamp_ns' }
  return { kind: zoned ? 'timestamptz' : 'timestamp' }
}

/** The smallest Iceberg integer that holds all values; uint64 has none and is read as `long`, checked. */
function integerType(bits: number, signed: boolean): PrimitiveType {
  return { kind: bits < 32 || (bits === 32 && signed) ? 'int' : 'long' }
}

function convertedLeafType(element: SchemaElement): PrimitiveType | undefined {
  const converted = element.convertedType ?? -1
  if (converted === 0 || converted === 4 || converted === 19) return { kind: 'string' }
  if (converted === 5) return decimalType(element.precision, element.scale)
  if (converted === 6) return { kind: 'date' }
  if (converted === 7 || converted === 8) return { kind: 'time' }
  if (converted === 9 || converted === 10) return { kind: 'timestamptz' }
  if (converted >= 11 && converted <= 14) return integerType(8 << (converted - 11), false)
  if (converted >= 15 && converted <= 18) return integerType(8 << (converted - 15), true)
  return undefined
}

function physicalLeafType(element: SchemaElement): PrimitiveType {
  switch (element.physicalType) {
    case PhysicalType.boolean:
      return { kind: 'boolean' }
    case PhysicalType.int32:
      return { kind: 'int' }
    case PhysicalType.int64:
      return { kind: 'long' }
    // The old nanosecond timestamp of Impala, Hive and Spark: an instant.
    case PhysicalType.int96:
      return { kind: 'timestamptz' }
    case PhysicalType.float:
      return { kind: 'float' }
    case PhysicalType.double:
      return { kind: 'double' }
    case PhysicalType.byteArray:
      return { kind: 'binary' }
    case PhysicalType.fixed:
      return { kind: 'fixed', lengthBytes: element.typeLength ?? 0 }
    default:
      throw new TypeError('an unknown physical type')
  }
}

/** The unit of a time or timestamp; INT96 counts nanoseconds. */
export function timeUnitOf(element: SchemaElement): TimeUnit {
  if (element.physicalType === PhysicalType.int96) return 'nanos'
  const logical = (element.logicalType?.field_7 ?? element.logicalType?.field_8) as ThriftStruct | undefined
  if (logical === undefined) {
    const { convertedType } = element
    return convertedType === 7 || convertedType === 9 ? 'millis' : 'micros'
  }
  const unit = logical.field_2 as ThriftStruct | undefined
  if (unit?.field_1 !== undefined) return 'millis'
  return unit?.field_3 === undefined ? 'micros' : 'nanos'
}

/** Whether a leaf's integers have no sign. */
export function isUnsignedInteger(element: SchemaElement): boolean {
  const integer = element.logicalType?.field_10 as ThriftStruct | undefined
  if (integer !== undefined) return integer.field_2 !== true
  const converted = element.convertedType ?? -1
  return converted >= 11 && converted <= 14
}
