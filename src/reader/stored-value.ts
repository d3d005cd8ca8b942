/** The way back from a column's type to the one that a file was written with. */

import { MICROS_PER_DAY, NANOS_PER_DAY } from '../schema/time.js'
import { samePrimitive } from '../schema/type-text.js'
import type { PrimitiveType, Value } from '../schema/types.js'

/**
 * The value of the stored type that is promoted to `value`; undefined when there is none, so that no row of the file
 * can have it. The stored type must be one that may be promoted to the other.
 */
export function demotedValue(
  value: Value,
  types: { readonly from: PrimitiveType; readonly to: PrimitiveType },
): Value | undefined {
  const { from, to } = types
  if (samePrimitive(from, to)) return value
  switch (from.kind) {
    case 'int':
      return typeof value === 'bigint' ? asInt(value) : undefined
    case 'float':
      return typeof value === 'number' && Object.is(Math.fround(value), value) ? value : undefined
    case 'date':
      return typeof value === 'bigint' ? asDays(value, to) : undefined
    default:
      return value
  }
}

function asInt(value: bigint): number | undefined {
  return BigInt.asIntN(32, value) === value ? Number(value) : undefined
}

function asDays(value: bigint, to: PrimitiveType): number | undefined {
  const unitsPerDay = to.kind === 'timestamp_ns' ? NANOS_PER_DAY : MICROS_PER_DAY
  return value % unitsPerDay === 0n ? asInt(value / unitsPerDay) : undefined
}
