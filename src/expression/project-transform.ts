/**
 * One leaf on a source column as a predicate on one partition field of it.
 *
 *   inclusive   a row that matches the leaf is in a partition that matches
 *   strict      a partition that matches holds only rows that match the leaf
 *
 * `truncate`, `year`, `month`, `day` and `hour` keep order: x <= v gives t(x) <= t(v), and t(x) < t(v) gives
 * x < v. Where values have neighbours (all types but string and binary) `x < v` is first made `x <= v - 1`,
 * which is tighter; text and bytes have t(x) <= x, which is as good. A non-null value never has a null partition value, nor the reverse.
 *
 * Two kinds of stored partition values are not what the spec says, and both are allowed for:
 *   - old Java versions rounded years, months, days and hours before 1970 towards zero, so a negative value may
 *     be stored one higher
 *   - truncated ints and longs near the type's minimum, and hours beyond the range of an int, wrap around
 * @see Iceberg table spec, "Scan Planning" (inclusive and strict projection)
 */
import type { Transform } from '../schema/partition-spec.js'
import { canTransform, transformResultType, transformValue } from '../schema/transform.js'
import type { PrimitiveType, Value } from '../schema/types.js'
import { compareValues } from '../schema/value.js'
import {
  BOUND_FALSE,
  BOUND_TRUE,
  type Bound,
  type BoundColumn,
  type BoundComparison,
  type BoundLeaf,
  type BoundPrefix,
  bothOf,
  eitherOf,
} from './bind.js'
import type { ComparisonOp } from './expression.js'

/** A partition field as seen from a leaf. */
export interface ProjectionTarget {
  readonly column: BoundColumn
  readonly transform: Transform
  readonly sourceType: PrimitiveType
}

/** The strongest predicate on the partition field that every row matching the leaf satisfies. */
export function inclusiveLeaf(leaf: BoundLeaf, target: ProjectionTarget): Bound {
  if (!canProject(target)) return BOUND_TRUE
  if (target.transform.kind === 'identity') return { ...leaf, ...target.column }
  switch (leaf.op) {
    case 'is-null':
    case 'not-null':
      return nullTest(leaf.op, target)
    case 'is-nan':
    case 'not-nan':
      return BOUND_TRUE
    case 'eq':
      return oneOfImages([leaf.value], target)
    case 'in':
      return oneOfImages(leaf.values, target)
    case 'not-eq':
    case 'not-in':
      return nullTest('not-null', target)
    case 'starts-with':
    case 'not-starts-with':
      return inclusivePrefix(leaf, target)
    default:
      return isOrdered(target) ? inclusiveRange(leaf, target) : nullTest('not-null', target)
  }
}

/** The weakest predicate on the partition field that proves the leaf for all rows of the partition. */
export function strictLeaf(leaf: BoundLeaf, target: ProjectionTarget): Bound {
  if (!canProject(target)) return BOUND_FALSE
  if (target.transform.kind === 'identity') return { ...leaf, ...target.column }
  switch (leaf.op) {
    case 'is-null':
    case 'not-null':
      return nullTest(leaf.op, target)
    case 'is-nan':
    case 'not-nan':
    case 'eq':
    case 'in':
      return BOUND_FALSE
    case 'not-eq':
      return noneOfImages([leaf.value], target)
    case 'not-in':
      return noneOfImages(leaf.values, target)
    case 'starts-with':
    case 'not-starts-with':
      return strictPrefix(leaf, target)
    default:
      return isOrdered(target) ? strictRange(leaf, target) : BOUND_FALSE
  }
}

function canProject({ transform, sourceType }: ProjectionTarget): boolean {
  return transform.kind !== 'void' && canTransform(transform, sourceType)
}

function isOrdered({ transform }: ProjectionTarget): boolean {
  return transform.kind !== 'bucket'
}

// Ranges

function inclusiveRange(leaf: BoundComparison, target: ProjectionTarget): Bound {
  const { value } = leaf
  switch (leaf.op) {
    case 'lt':
      return hasNeighbours(value) ? atMost(neighbour(value, -1), target) : compare('lt', value, target)
    case 'lt-eq':
      return atMost(value, target)
    case 'gt':
      return atLeast(hasNeighbours(value) ? neighbour(value, 1) : value, target)
    default:
      return atLeast(value, target)
  }
}

/** x <= limit, seen from t(x). */
function atMost(limit: Value, target: ProjectionTarget): Bound {
  const image = imageOf(limit, target)
  if (isDoubtful(image, target)) return nullTest('not-null', target)
  const bound = compare('lt-eq', storedHigh(image, target), target)
  const { high } = doubtfulImages(target)
  return high === undefined ? bound : eitherOf(bound, compare('gt-eq', high, target))
}

/** x >= limit, seen from t(x). */
function atLeast(limit: Value, target: ProjectionTarget): Bound {
  const image = imageOf(limit, target)
  if (isDoubtful(image, target)) return nullTest('not-null', target)
  const bound = compare('gt-eq', image, target)
  const { low } = doubtfulImages(target)
  return low === undefined ? bound : eitherOf(bound, compare('lt-eq', low, target))
}

function strictRange(leaf: BoundComparison, target: ProjectionTarget): Bound {
  const { value } = leaf
  switch (leaf.op) {
    case 'lt':
      return allBelow(value, target)
    case 'lt-eq':
      return allBelow(hasNeighbours(value) ? neighbour(value, 1) : value, target)
    case 'gt':
      return allAbove(value, target)
    default:
      return hasNeighbours(value) ? allAbove(neighbour(value, -1), target) : compare('gt-eq', value, target)
  }
}

/** Partitions of which every x < limit. */
function allBelow(limit: Value, target: ProjectionTarget): Bound {
  const image = imageOf(limit, target)
  if (isDoubtful(image, target)) return BOUND_FALSE
  const bound = compare('lt', image, target)
  const { low } = doubtfulImages(target)
  return low === undefined ? bound : bothOf(bound, compare('gt', low, target))
}

/** Partitions of which every x > limit. */
function allAbove(limit: Value, target: ProjectionTarget): Bound {
  const image = imageOf(limit, target)
  if (isDoubtful(image, target)) return BOUND_FALSE
  const bound = compare('gt', storedHigh(image, target), target)
  const { high } = doubtfulImages(target)
  return high === undefined ? bound : bothOf(bound, compare('lt', high, target))
}

function hasNeighbours(value: Value): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint'
}

/** The next value of a type other than float; `bind` leaves no comparison with the least or greatest one. */
function neighbour(value: number | bigint, step: 1 | -1): Value {
  return typeof value === 'number' ? value + step : value + BigInt(step)
}

// Equality

function oneOfImages(values: readonly Value[], target: ProjectionTarget): Bound {
  const images = storedImages(values, target)
  const [first] = images ?? []
  if (images === undefined || first === undefined) return nullTest('not-null', target)
  if (images.length === 1) return compare('eq', first, target)
  return { op: 'in', ...target.column, type: resultType(target), values: images }
}

function noneOfImages(values: readonly Value[], target: ProjectionTarget): Bound {
  const images = storedImages(values, target)
  const [first] = images ?? []
  if (images === undefined || first === undefined) return BOUND_FALSE
  if (images.length === 1) return compare('not-eq', first, target)
  return { op: 'not-in', ...target.column, type: resultType(target), values: images }
}

/** What may be stored for the values, ascending and distinct; undefined when one of them is doubtful. */
function storedImages(values: readonly Value[], target: ProjectionTarget): readonly Value[] | undefined {
  const type = resultType(target)
  const images: Value[] = []
  for (const value of values) {
    const image = imageOf(value, target)
    if (isDoubtful(image, target)) return undefined
    images.push(image, storedHigh(image, target))
  }
  images.sort((a, b) => compareValues(type, a, b))
  return images.filter(
    (image, index) => index === 0 || compareValues(type, images[index - 1] ?? null, image) !== 0,
  )
}

// Prefixes

function inclusivePrefix(leaf: BoundPrefix, target: ProjectionTarget): Bound {
  if (target.transform.kind !== 'truncate') return nullTest('not-null', target)
  if (isUncut(leaf.value, target)) return { ...leaf, ...target.column }
  return leaf.op === 'starts-with' ? oneOfImages([leaf.value], target) : nullTest('not-null', target)
}

function strictPrefix(leaf: BoundPrefix, target: ProjectionTarget): Bound {
  if (target.transform.kind !== 'truncate') return BOUND_FALSE
  if (isUncut(leaf.value, target)) return { ...leaf, ...target.column }
  return leaf.op === 'starts-with' ? BOUND_FALSE : noneOfImages([leaf.value], target)
}

// Images

function resultType({ transform, sourceType }: ProjectionTarget): PrimitiveType {
  return transformResultType(transform, sourceType)
}

function imageOf(value: Value, { transform, sourceType }: ProjectionTarget): Value {
  return transformValue(transform, sourceType, value)
}

function isUncut(value: Value, target: ProjectionTarget): boolean {
  return compareValues(target.sourceType, imageOf(value, target), value) === 0
}

/** The highest value that may be stored for an image: one more for a time before 1970. */
function storedHigh(image: Value, { transform }: ProjectionTarget): Value {
  if (typeof image !== 'number' || image >= 0) return image
  switch (transform.kind) {
    case 'year':
    case 'month':
    case 'day':
    case 'hour':
      return image + 1
    default:
      return image
  }
}

interface DoubtfulImages {
  /** Images at or below may come from values that are too high. */
  readonly low?: Value
  /** Images at or above may come from values that are too low. */
  readonly high?: Value
}

const NO_DOUBT: DoubtfulImages = {}
/** Timestamps in microseconds span 2562047788 hours to each side, an int 2147483647: the rest is within this. */
const HOUR_LIMIT = 1_700_000_000

/** Where images that wrapped around may lie. */
function doubtfulImages({ transform, sourceType }: ProjectionTarget): DoubtfulImages {
  if (transform.kind === 'hour') {
    return sourceType.kind === 'timestamp' || sourceType.kind === 'timestamptz'
      ? { low: -HOUR_LIMIT, high: HOUR_LIMIT }
      : NO_DOUBT
  }
  if (transform.kind !== 'truncate') return NO_DOUBT
  if (sourceType.kind === 'int') return { high: 2 ** 31 - transform.width }
  return sourceType.kind === 'long' ? { high: 2n ** 63n - BigInt(transform.width) } : NO_DOUBT
}

function isDoubtful(image: Value, target: ProjectionTarget): boolean {
  const { low, high } = doubtfulImages(target)
  const type = resultType(target)
  return (
    (low !== undefined && compareValues(type, image, low) <= 0) ||
    (high !== undefined && compareValues(type, image, high) >= 0)
  )
}

// Leaves on the partition field

function compare(op: ComparisonOp, value: Value, target: ProjectionTarget): Bound {
  return { op, ...target.column, type: resultType(target), value }
}

function nullTest(op: 'is-null' | 'not-null', target: ProjectionTarget): Bound {
  return { op, ...target.column, type: resultType(target) }
}
