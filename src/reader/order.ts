/**
 * The order of a scan, and what it says about rows that cannot be among its first: a filter that the rows better than
 * the worst of those found so far accept.
 */
import { BOUND_FALSE, BOUND_TRUE, type Bound, type BoundColumn, eitherOf } from '../expression/bind.js'
import type { ComparisonOp } from '../expression/expression.js'
import type { ColumnStatistics } from '../expression/statistics.js'
import type { Field, PrimitiveType, Value } from '../schema/types.js'
import { compareValues } from '../schema/value.js'

export interface OrderKey {
  /** A top-level column of the schema. */
  readonly field: Field
  readonly type: PrimitiveType
  readonly direction: 'asc' | 'desc'
  readonly nulls: 'first' | 'last'
}

/** Negative when a row of these keys comes before one of those. Values in Iceberg's order: NaN is the greatest. */
export function compareKeys(order: readonly OrderKey[], a: readonly Value[], b: readonly Value[]): number {
  for (const [index, { type, direction, nulls }] of order.entries()) {
    const left = a[index] ?? null
    const right = b[index] ?? null
    if (left === null || right === null) {
      if (left === right) continue
      return (left === null) === (nulls === 'first') ? -1 : 1
    }
    const sign = compareValues(type, left, right)
    if (sign !== 0) return direction === 'asc' ? sign : -sign
  }
  return 0
}

/**
 * A filter that every row accepts that may come before the row of these keys. Of one key only the first is looked at,
 * and rows with an equal one are let through then.
 */
export function rowsBefore(order: readonly OrderKey[], keys: readonly Value[]): Bound {
  const [key] = order
  if (key === undefined) return BOUND_TRUE
  const isLast = order.length === 1
  const value = keys[0] ?? null
  if (value === null) return beforeNull(key, isLast)
  const better = Number.isNaN(value) ? beforeNan(key) : compared(key, value, isLast)
  return key.nulls === 'first' ? eitherOf(better, isNull(key)) : better
}

function columnOf({ field }: OrderKey): BoundColumn {
  return { fieldId: field.id, idPath: [field.id], path: [field.name] }
}

function isNull(key: OrderKey): Bound {
  return key.field.required ? BOUND_FALSE : { op: 'is-null', ...columnOf(key), type: key.type }
}

function beforeNull(key: OrderKey, isLast: boolean): Bound {
  if (key.nulls === 'first') return isLast ? BOUND_FALSE : isNull(key)
  return isLast ? { op: 'not-null', ...columnOf(key), type: key.type } : BOUND_TRUE
}

/** Rows that are equal, being NaN, included. */
function beforeNan(key: OrderKey): Bound {
  if (key.direction === 'desc') return { op: 'is-nan', ...columnOf(key), type: key.type }
  return key.field.required ? BOUND_TRUE : { op: 'not-null', ...columnOf(key), type: key.type }
}

/** Equal rows are let through for floats: a filter does not tell the two zeros apart. */
function compared(key: OrderKey, value: Value, isLast: boolean): Bound {
  const isFloat = key.type.kind === 'float' || key.type.kind === 'double'
  const isStrict = isLast && !isFloat
  const ascending: ComparisonOp = isStrict ? 'lt' : 'lt-eq'
  const descending: ComparisonOp = isStrict ? 'gt' : 'gt-eq'
  const zero = key.direction === 'asc' ? 0 : -0
  return {
    op: key.direction === 'asc' ? ascending : descending,
    ...columnOf(key),
    type: key.type,
    value: isFloat && value === 0 ? zero : value,
  }
}

/**
 * The best key that a file may hold, as far as its statistics tell; undefined when they do not. Files are read in this
 * order, so that the first rows are found soon.
 */
export function bestKey(key: OrderKey, statistics: ColumnStatistics | undefined): Value | undefined {
  const { nullCount, nanCount, lower, upper } = statistics ?? {}
  if (key.nulls === 'first' && nullCount !== 0 && !key.field.required) return null
  if (key.direction === 'asc') return lower
  const isFloat = key.type.kind === 'float' || key.type.kind === 'double'
  return isFloat && nanCount !== 0 ? undefined : upper
}
