/**
 * Shortened bounds of strings and bytes. A lower bound is cut (a prefix sorts before the value); an upper
 * bound is cut and raised, so that it still sorts after every value it stands for. Strings are cut between
 * code points, never inside one.
 * @see Iceberg table spec, "Manifests", lower_bounds and upper_bounds
 */
import { raisedBytes, raisedText } from '../schema/raise-prefix.js'
import { truncateString } from '../schema/transform.js'
import type { PrimitiveType, Value } from '../schema/types.js'

/** A value that is at most `value` and at most `width` code points or bytes long. Other types stay whole. */
export function truncateLowerBound(type: PrimitiveType, value: Value, width: number): Value {
  if (type.kind === 'string' && typeof value === 'string') return truncateString(value, width)
  if (type.kind === 'binary' && value instanceof Uint8Array) return value.subarray(0, width)
  return value
}

/** A value that is at least `value` and at most `width` long, or undefined when there is none. */
export function truncateUpperBound(type: PrimitiveType, value: Value, width: number): Value | undefined {
  if (type.kind === 'string' && typeof value === 'string') return raisedString(value, width)
  if (type.kind === 'binary' && value instanceof Uint8Array) {
    return value.length <= width ? value : raisedBytes(value.subarray(0, width))
  }
  return value
}

function raisedString(text: string, width: number): string | undefined {
  const prefix = truncateString(text, width)
  return prefix.length === text.length ? text : raisedText(prefix)
}
