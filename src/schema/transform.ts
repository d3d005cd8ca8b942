/**
 * Partition and sort transforms: their text, what they apply to, what they give, and one value at a time
 * (`batch/transform-vector.ts` does columns).
 * @see Iceberg table spec, "Partition Transforms" and Appendix B
 */

import { utf8Encode } from '../base/bytes.js'
import { LakeError } from '../base/errors.js'
import { unscaledBytes } from './decimal.js'
import { murmur3, murmur3Long } from './murmur3.js'
import type { Transform } from './partition-spec.js'
import { floorDivide, MICROS_PER_DAY, monthsFromDays, NANOS_PER_DAY } from './time.js'
import { printType } from './type-text.js'
import { isPrimitive, type PrimitiveType, type Type, type Value } from './types.js'

const PARAMETER = /^(bucket|truncate)\[(\d+)\]$/
const INT32_MAX = 2 ** 31 - 1

/**
 * The transform of a spec's text, such as `bucket[16]`. A text this version does not know, or a parameter out
 * of range, gives kind `unsupported`, which prints as the same text again.
 */
export function parseTransform(text: string): Transform {
  const lower = text.toLowerCase()
  switch (lower) {
    case 'identity':
    case 'year':
    case 'month':
    case 'day':
    case 'hour':
    case 'void':
      return { kind: lower }
    default:
      return parseParametrised(lower) ?? { kind: 'unsupported', text }
  }
}

function parseParametrised(text: string): Transform | undefined {
  const match = PARAMETER.exec(text)
  const parameter = Number(match?.[2])
  if (!match || !isTransformParameter(parameter)) return undefined
  return match[1] === 'bucket' ? { kind: 'bucket', count: parameter } : { kind: 'truncate', width: parameter }
}

/** Whether a number can be a count of buckets or a width of truncation. */
export function isTransformParameter(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= INT32_MAX
}

export function printTransform(transform: Transform): string {
  switch (transform.kind) {
    case 'bucket':
      return `bucket[${transform.count}]`
    case 'truncate':
      return `truncate[${transform.width}]`
    case 'unsupported':
      return transform.text
    default:
      return transform.kind
  }
}

export function sameTransform(a: Transform, b: Transform): boolean {
  return a.kind === b.kind && printTransform(a) === printTransform(b)
}

/** Whether the transform is defined for a source type. An unsupported transform applies to nothing. */
export function canTransform(transform: Transform, sourceType: Type): boolean {
  if (transform.kind === 'void') return true
  if (!isPrimitive(sourceType)) return false
  const kind = sourceType.kind
  switch (transform.kind) {
    case 'identity':
      return kind !== 'variant' && kind !== 'geometry' && kind !== 'geography'
    case 'bucket':
      return BUCKET_KINDS.has(kind) && isTransformParameter(transform.count)
    case 'truncate':
      return TRUNCATE_KINDS.has(kind) && isTransformParameter(transform.width)
    case 'hour':
      return TIMESTAMP_KINDS.has(kind)
    case 'year':
    case 'month':
    case 'day':
      return kind === 'date' || TIMESTAMP_KINDS.has(kind)
    default:
      return false
  }
}

const TIMESTAMP_KINDS: ReadonlySet<string> = new Set([
  'timestamp',
  'timestamptz',
  'timestamp_ns',
  'timestamptz_ns',
])
const TRUNCATE_KINDS: ReadonlySet<string> = new Set(['int', 'long', 'decimal', 'string', 'binary'])
const BUCKET_KINDS: ReadonlySet<string> = new Set([
  ...TIMESTAMP_KINDS,
  ...TRUNCATE_KINDS,
  'date',
  'time',
  'uuid',
  'fixed',
])

/**
 * The type of transformed values; `day` gives a date, as all engines write it. For an unsupported transform
 * it is string, Java's choice, and nested sources (void only) give unknown.
 */
export function transformResultType(transform: Transform, sourceType: Type): PrimitiveType {
  switch (transform.kind) {
    case 'bucket':
    case 'year':
    case 'month':
    case 'hour':
      return { kind: 'int' }
    case 'day':
      return { kind: 'date' }
    case 'unsupported':
      return { kind: 'string' }
    default:
      return isPrimitive(sourceType) ? sourceType : { kind: 'unknown' }
  }
}

/** Whether a <= b implies transform(a) <= transform(b): ranges on the source become ranges on the result. */
export function preservesOrder(transform: Transform): boolean {
  switch (transform.kind) {
    case 'bucket':
    case 'void':
    case 'unsupported':
      return false
    default:
      return true
  }
}

/**
 * The transform of one value; null gives null.
 * @throws unsupported when the transform is unknown
 * @throws invalid-argument when it does not apply to the type, or the value does not fit the type
 */
export function transformValue(transform: Transform, sourceType: Type, value: Value): Value {
  if (transform.kind === 'unsupported') {
    throw new LakeError('unsupported', 'the transform is not known', {
      context: { transform: transform.text },
    })
  }
  if (!canTransform(transform, sourceType)) return misfit(transform, sourceType)
  if (value === null || transform.kind === 'void') return null
  switch (transform.kind) {
    case 'identity':
      return value
    case 'bucket':
      return (hashValue(transform, sourceType, value) & INT32_MAX) % transform.count
    case 'truncate':
      return truncateValue(transform, sourceType, value)
    case 'year':
      return Math.floor(monthsFromDays(daysOf(transform, sourceType, value)) / 12)
    case 'month':
      return monthsFromDays(daysOf(transform, sourceType, value))
    case 'day':
      return daysOf(transform, sourceType, value)
    case 'hour':
      return Number(floorDivide(longOf(transform, sourceType, value), unitsPerDay(sourceType) / 24n)) | 0
  }
}

function misfit(transform: Transform, sourceType: Type): never {
  throw new LakeError('invalid-argument', 'the transform does not apply to the value', {
    context: { transform: printTransform(transform), type: printType(sourceType) },
  })
}

function longOf(transform: Transform, sourceType: Type, value: Value): bigint {
  return typeof value === 'bigint' ? value : misfit(transform, sourceType)
}

function daysOf(transform: Transform, sourceType: Type, value: Value): number {
  if (sourceType.kind === 'date') return typeof value === 'number' ? value : misfit(transform, sourceType)
  return Number(floorDivide(longOf(transform, sourceType, value), unitsPerDay(sourceType)))
}

/** Units of a timestamp's value in a day. */
function unitsPerDay(type: Type): bigint {
  return type.kind === 'timestamp_ns' || type.kind === 'timestamptz_ns' ? NANOS_PER_DAY : MICROS_PER_DAY
}

/** The signed hash; nanoseconds hash as their microseconds, so that a promoted timestamp stays in its bucket. */
function hashValue(transform: Transform, sourceType: Type, value: Value): number {
  if (value instanceof Uint8Array) return murmur3(value)
  if (typeof value === 'string') return murmur3(utf8Encode(value))
  if (typeof value === 'number') return murmur3Long(BigInt(value))
  if (typeof value !== 'bigint') return misfit(transform, sourceType)
  switch (sourceType.kind) {
    case 'decimal':
      return murmur3(unscaledBytes(value))
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return murmur3Long(floorDivide(value, 1000n))
    default:
      return murmur3Long(value)
  }
}

function truncateValue(
  transform: Extract<Transform, { kind: 'truncate' }>,
  sourceType: Type,
  value: Value,
): Value {
  const { width } = transform
  if (typeof value === 'string') return truncateString(value, width)
  if (value instanceof Uint8Array) return value.subarray(0, width)
  if (typeof value === 'number') return (value - (((value % width) + width) % width)) | 0
  if (typeof value !== 'bigint') return misfit(transform, sourceType)
  const divisor = BigInt(width)
  const truncated = value - (((value % divisor) + divisor) % divisor)
  return sourceType.kind === 'long' ? BigInt.asIntN(64, truncated) : truncated
}

/** The first `length` code points of a text: a cut never splits a surrogate pair. */
export function truncateString(text: string, length: number): string {
  if (text.length <= length) return text
  let at = 0
  for (let count = 0; count < length && at < text.length; count++) {
    at += (text.codePointAt(at) as number) > 0xffff ? 2 : 1
  }
  return text.slice(0, at)
}
