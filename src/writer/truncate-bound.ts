/**
 * Shortened bounds of strings and bytes. A lower bound is cut (a prefix sorts before the value); an upper
 * bound is cut and raised, so that it still sorts after every value it stands for. Strings are cut between
 * code points, never inside one.
 * @see Iceberg table spec, "Manifests", lower_bounds and upper_bounds
 */
import { truncateString } from '../schema/transform.js'
import type { PrimitiveType, Value } from '../schema/types.js'

const MAX_CODE_POINT = 0x10ffff
const FIRST_SURROGATE = 0xd800
const LAST_SURROGATE = 0xdfff

/** A value that is at most `value` and at most `width` code points or bytes long. Other types stay whole. */
export function truncateLowerBound(type: PrimitiveType, value: Value, width: number): Value {
  if (type.kind === 'string' && typeof value === 'string') return truncateString(value, width)
  if (type.kind === 'binary' && value instanceof Uint8Array) return value.subarray(0, width)
  return value
}

/** A value that is at least `value` and at most `width` long, or undefined when there is none. */
export function truncateUpperBound(type: PrimitiveType, value: Value, width: number): Value | undefined {
  if (type.kind === 'string' && typeof value === 'string') return raisedString(value, width)
  if (type.kind === 'binary' && value instanceof Uint8Array) return raisedBytes(value, width)
  return value
}

function raisedString(text: string, width: number): string | undefined {
  const prefix = truncateString(text, width)
  if (prefix.length === text.length) return text
  const points = Array.from(prefix)
  while (points.length > 0) {
    const next = nextCodePoint(points.pop()?.codePointAt(0) ?? MAX_CODE_POINT)
    if (next !== undefined) return points.join('') + String.fromCodePoint(next)
  }
  return undefined
}

/** The next code point that UTF-8 can hold. */
function nextCodePoint(point: number): number | undefined {
  if (point >= MAX_CODE_POINT) return undefined
  return point + 1 === FIRST_SURROGATE ? LAST_SURROGATE + 1 : point + 1
}

function raisedBytes(bytes: Uint8Array, width: number): Uint8Array | undefined {
  if (bytes.length <= width) return bytes
  for (let last = width - 1; last >= 0; last--) {
    const byte = bytes[last] ?? 0xff
    if (byte === 0xff) continue
    const raised = bytes.slice(0, last + 1)
    raised[last] = byte + 1
    return raised
  }
  return undefined
}
