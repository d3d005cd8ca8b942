/**
 * Pruning by statistics: what a predicate can and must say about a set of rows (a file, a row group, the
 * partitions of a manifest, one partition tuple) of which only counts and bounds are known.
 *
 *   mightMatch false   no row matches: skip the set
 *   mustMatch true     every row matches: the filter is not needed
 *
 * When in doubt keep the row: anything missing, malformed or of an unexpected form proves nothing. Bounds
 * may be truncated: `lower` is at most the least value, `upper` at least the greatest. They leave out nulls
 * and NaN, and NaN is above every number, so `x > 5` is pruned by bounds only where there is no NaN.
 * Counts of fields inside structs differ between writers (is a null struct a null of its fields?), so for
 * those only bounds are believed, and only to skip.
 * @see Iceberg table spec, "Scan Planning"
 */
import { unreachable } from '../base/assert.js'
import { compareBytes, utf8Encode } from '../base/bytes.js'
import type { PrimitiveType, Value } from '../schema/types.js'
import { compareValues } from '../schema/value.js'
import type { Bound, BoundComparison, BoundLeaf, BoundPrefix, BoundSet, BoundUnary } from './bind.js'

/** What is known of one column in a set of rows. Absent: not known. */
export interface ColumnStatistics {
  /** Values including nulls and NaN: the number of rows for a column that is not inside a list or map. */
  readonly valueCount?: number | undefined
  readonly nullCount?: number | undefined
  readonly nanCount?: number | undefined
  /** At most the least value that is neither null nor NaN. */
  readonly lower?: Value | undefined
  /** At least the greatest value that is neither null nor NaN. */
  readonly upper?: Value | undefined
}

/** Statistics by field id; undefined when there are none. */
export type StatisticsOf = (fieldId: number) => ColumnStatistics | undefined

/** False only when the statistics prove that the predicate is true for no row. */
export function mightMatch(bound: Bound, statistics: StatisticsOf): boolean {
  return mightMatchLeaves(bound, leaf => leafMightMatch(leaf, statistics))
}

/** False only when the predicate is true for no row, given for which leaves some row might be. */
export function mightMatchLeaves(bound: Bound, leafMight: (leaf: BoundLeaf) => boolean): boolean {
  switch (bound.op) {
    case 'true':
      return true
    case 'false':
      return false
    case 'and':
      return mightMatchLeaves(bound.left, leafMight) && mightMatchLeaves(bound.right, leafMight)
    case 'or':
      return mightMatchLeaves(bound.left, leafMight) || mightMatchLeaves(bound.right, leafMight)
    default:
      return leafMight(bound)
  }
}

/** `mightMatch` of one test. */
export function leafMightMatch(leaf: BoundLeaf, statistics: StatisticsOf): boolean {
  return knownMightMatch(leaf, knownOf(leaf, statistics))
}

/** True only when the statistics prove that the predicate is true for every row. */
export function mustMatch(bound: Bound, statistics: StatisticsOf): boolean {
  switch (bound.op) {
    case 'true':
      return true
    case 'false':
      return false
    case 'and':
      return mustMatch(bound.left, statistics) && mustMatch(bound.right, statistics)
    case 'or':
      return mustMatch(bound.left, statistics) || mustMatch(bound.right, statistics)
    default:
      return bound.path.length === 1 && leafMustMatch(bound, knownOf(bound, statistics))
  }
}

/** Statistics as facts: each flag is set only when it is proven. */
interface Known {
  readonly allNull: boolean
  readonly noNull: boolean
  readonly allNan: boolean
  readonly noNan: boolean
  readonly lower: Value | undefined
  readonly upper: Value | undefined
}

const NOTHING_KNOWN: ColumnStatistics = {}

function knownOf(leaf: BoundLeaf, statistics: StatisticsOf): Known {
  const { valueCount, nullCount, nanCount, lower, upper } = statistics(leaf.fieldId) ?? NOTHING_KNOWN
  const floating = leaf.type.kind === 'float' || leaf.type.kind === 'double'
  const counted = leaf.path.length === 1 && valueCount !== undefined && valueCount >= 0
  return {
    allNull: counted && nullCount === valueCount,
    noNull: leaf.path.length === 1 && nullCount === 0,
    allNan: counted && floating && nanCount === valueCount,
    noNan: !floating || nanCount === 0,
    lower: boundOf(leaf, lower, -0),
    upper: boundOf(leaf, upper, 0),
  }
}

/**
 * A usable bound. Some writers store 0.0 for a least value of -0.0 and the reverse, so a zero is widened to
 * `zero`; NaN and values of another form than the type's are no bounds.
 */
function boundOf(leaf: BoundLeaf, bound: Value | undefined, zero: number): Value | undefined {
  if (bound === undefined || bound === null || !hasForm(bound, leaf)) return undefined
  if (typeof bound !== 'number') return bound
  if (Number.isNaN(bound)) return undefined
  return bound === 0 && (leaf.type.kind === 'float' || leaf.type.kind === 'double') ? zero : bound
}

/** Whether a bound has the same form in memory as the values it is compared with. */
function hasForm(bound: Value, leaf: BoundLeaf): boolean {
  const sample = 'values' in leaf ? leaf.values[0] : 'value' in leaf ? leaf.value : undefined
  if (sample === undefined) return true
  return typeof bound === typeof sample && bound instanceof Uint8Array === sample instanceof Uint8Array
}

function knownMightMatch(leaf: BoundLeaf, known: Known): boolean {
  switch (leaf.op) {
    case 'is-null':
      return !known.noNull
    case 'not-null':
      return !known.allNull
    case 'is-nan':
      return !(known.noNan || known.allNull)
    case 'not-nan':
      return !known.allNan
    default:
      return !known.allNull && valuesMightMatch(leaf, known)
  }
}

function valuesMightMatch(leaf: Exclude<BoundLeaf, BoundUnary>, known: Known): boolean {
  switch (leaf.op) {
    case 'eq':
    case 'lt':
    case 'lt-eq':
    case 'gt':
    case 'gt-eq':
    case 'not-eq':
      return comparisonMightMatch(leaf, known)
    case 'in':
      return !known.allNan && leaf.values.some(value => rangeHas(leaf.type, known, value))
    case 'not-in':
      return !(known.noNan && leaf.values.some(value => isOnly(leaf.type, known, value)))
    case 'starts-with':
      return !prefixOutside(leaf, known)
    case 'not-starts-with':
      return !prefixCovers(leaf, known)
    default:
      return unreachable(leaf)
  }
}

function comparisonMightMatch(leaf: BoundComparison, known: Known): boolean {
  const { type, value } = leaf
  switch (leaf.op) {
    case 'eq':
      return !known.allNan && rangeHas(type, known, value)
    case 'not-eq':
      return !(known.noNan && isOnly(type, known, value))
    case 'lt':
      return !known.allNan && !isAtLeast(type, known.lower, value)
    case 'lt-eq':
      return !known.allNan && !isAbove(type, known.lower, value)
    case 'gt':
      return !(known.noNan && isAtMost(type, known.upper, value))
    case 'gt-eq':
      return !(known.noNan && isBelow(type, known.upper, value))
    default:
      return unreachable(leaf.op)
  }
}

function leafMustMatch(leaf: BoundLeaf, known: Known): boolean {
  switch (leaf.op) {
    case 'is-null':
      return known.allNull
    case 'not-null':
      return known.noNull
    case 'is-nan':
      return known.allNan
    case 'not-nan':
      return known.noNan || known.allNull
    default:
      return known.noNull && valuesMustMatch(leaf, known)
  }
}

function valuesMustMatch(leaf: Exclude<BoundLeaf, BoundUnary>, known: Known): boolean {
  const { type } = leaf
  switch (leaf.op) {
    case 'eq':
      return known.noNan && isOnly(type, known, leaf.value)
    case 'not-eq':
      return known.allNan || !rangeHas(type, known, leaf.value)
    case 'lt':
      return known.noNan && isBelow(type, known.upper, leaf.value)
    case 'lt-eq':
      return known.noNan && isAtMost(type, known.upper, leaf.value)
    case 'gt':
      return known.allNan || isAbove(type, known.lower, leaf.value)
    case 'gt-eq':
      return known.allNan || isAtLeast(type, known.lower, leaf.value)
    case 'in':
      return known.noNan && onlyValueIsIn(leaf, known)
    case 'not-in':
      return known.allNan || !leaf.values.some(value => rangeHas(type, known, value))
    case 'starts-with':
      return prefixCovers(leaf, known)
    case 'not-starts-with':
      return prefixOutside(leaf, known)
    default:
      return unreachable(leaf)
  }
}

// Bounds. Each answer is true only when proven: an absent bound proves nothing.

function isBelow(type: PrimitiveType, bound: Value | undefined, value: Value): boolean {
  return bound !== undefined && compareValues(type, bound, value) < 0
}

function isAtMost(type: PrimitiveType, bound: Value | undefined, value: Value): boolean {
  return bound !== undefined && compareValues(type, bound, value) <= 0
}

function isAbove(type: PrimitiveType, bound: Value | undefined, value: Value): boolean {
  return bound !== undefined && compareValues(type, bound, value) > 0
}

function isAtLeast(type: PrimitiveType, bound: Value | undefined, value: Value): boolean {
  return bound !== undefined && compareValues(type, bound, value) >= 0
}

/** Not proven to lie outside the bounds. */
function rangeHas(type: PrimitiveType, known: Known, value: Value): boolean {
  return !isAbove(type, known.lower, value) && !isBelow(type, known.upper, value)
}

/** Both bounds are the value, so every value is, truncated or not. */
function isOnly(type: PrimitiveType, known: Known, value: Value): boolean {
  return isAtLeast(type, known.lower, value) && isAtMost(type, known.upper, value)
}

/** All values are one of the set: they are one value, or the two zeros, which a set holds together. */
function onlyValueIsIn(leaf: BoundSet, known: Known): boolean {
  if (known.lower === 0 && known.upper === 0) return leaf.values.includes(0)
  return leaf.values.some(value => isOnly(leaf.type, known, value))
}

/** All strings lie before, or all lie behind, those with the prefix. */
function prefixOutside(leaf: BoundPrefix, known: Known): boolean {
  if (isBelow(leaf.type, known.upper, leaf.value)) return true
  if (typeof known.lower !== 'string') return false
  const prefix = utf8Encode(leaf.value)
  return compareBytes(utf8Encode(known.lower).subarray(0, prefix.length), prefix) > 0
}

/** Strings with a prefix are a range: when both bounds have it, all have. */
function prefixCovers(leaf: BoundPrefix, known: Known): boolean {
  const { lower, upper } = known
  return (
    typeof lower === 'string' &&
    typeof upper === 'string' &&
    lower.startsWith(leaf.value) &&
    upper.startsWith(leaf.value)
  )
}
