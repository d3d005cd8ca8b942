/**
 * Type promotion: which types a column may change to, and what its old values become.
 * @see Iceberg table spec, "Schema Evolution"
 */
import { LakeError } from '../base/errors.js'
import { MICROS_PER_DAY, NANOS_PER_DAY } from './time.js'
import { printType, samePrimitive } from './type-text.js'
import { isPrimitive, type Type, type Value } from './types.js'

/**
 * Whether a column of one type may become another: int to long, float to double, decimal to one of more
 * digits and the same scale; in format version 3 also date to timestamp or timestamp_ns and unknown to
 * anything. A type may always stay what it is; nested types never change as a whole.
 *
 * `formatVersion` defaults to 3: what a reader must accept.
 */
export function canPromote(
  from: Type,
  to: Type,
  options: { readonly formatVersion?: number | undefined } = {},
): boolean {
  const v3 = (options.formatVersion ?? 3) >= 3
  if (from.kind === 'unknown') return v3 || to.kind === 'unknown'
  if (!isPrimitive(from) || !isPrimitive(to)) return false
  if (samePrimitive(from, to)) return true
  switch (from.kind) {
    case 'int':
      return to.kind === 'long'
    case 'float':
      return to.kind === 'double'
    case 'decimal':
      return to.kind === 'decimal' && to.scale === from.scale && to.precision > from.precision
    case 'date':
      return v3 && (to.kind === 'timestamp' || to.kind === 'timestamp_ns')
    default:
      return false
  }
}

/**
 * A value of the old type as one of the new.
 * @throws invalid-argument when the promotion is not allowed
 */
export function promoteValue(from: Type, to: Type, value: Value): Value {
  if (!canPromote(from, to)) {
    throw new LakeError('invalid-argument', 'the type cannot be promoted', {
      context: { from: printType(from), to: printType(to) },
    })
  }
  if (typeof value !== 'number') return value
  switch (to.kind) {
    case 'long':
      return BigInt(value)
    case 'timestamp':
      return BigInt(value) * MICROS_PER_DAY
    case 'timestamp_ns':
      return BigInt(value) * NANOS_PER_DAY
    default:
      return value
  }
}
