/**
 * Bounds as metadata stores them, decoded so that they hold whoever wrote them: a lower bound is at most, an upper
 * bound at least, every value that is neither null nor NaN. What cannot be relied on is no bound.
 *
 *   malformed, NaN     no bound
 *   zeros              widened: not every writer tells -0.0 and 0.0 apart
 *   uuid               Iceberg's Java library long compared the halves as signed numbers, so that 0x90... came
 *                      before 0x10...: bounds the wrong way round are none, the others count for their first half
 *
 * @see Iceberg table spec, "Manifests", `lower_bounds` and `upper_bounds`; RFC 9562, section 6.11, for uuids
 */
import { compareBytes } from '../base/bytes.js'
import type { PrimitiveType, Value } from './types.js'
import { parseValue } from './value.js'

export interface StoredBounds {
  readonly lower?: Uint8Array | undefined
  readonly upper?: Uint8Array | undefined
}

export interface ParsedBounds {
  readonly lower: Value | undefined
  readonly upper: Value | undefined
}

const NO_BOUNDS: ParsedBounds = { lower: undefined, upper: undefined }

/** Bounds of these types are not values of the type. */
const WITHOUT_BOUNDS: ReadonlySet<PrimitiveType['kind']> = new Set([
  'variant',
  'geometry',
  'geography',
  'unknown',
])

/** The bounds of a column or partition field. */
export function parseBounds(type: PrimitiveType, stored: StoredBounds): ParsedBounds {
  if (WITHOUT_BOUNDS.has(type.kind)) return NO_BOUNDS
  const lower = boundOf(type, stored.lower, 0)
  const upper = boundOf(type, stored.upper, -0)
  return type.kind === 'uuid' ? uuidBounds(lower, upper) : { lower, upper }
}

/** `zeroSign` is the zero that does not bound the other one from this side. */
function boundOf(type: PrimitiveType, bytes: Uint8Array | undefined, zeroSign: 0 | -0): Value | undefined {
  const value = bytes === undefined ? undefined : parseValue(type, bytes)
  if (value === null || Number.isNaN(value)) return undefined
  const isFloat = type.kind === 'float' || type.kind === 'double'
  return isFloat && Object.is(value, zeroSign) ? -zeroSign : value
}

const UUID_HALF_BYTES = 8

/** First halves of one sign are in the same order either way; second halves count where the first ones are equal. */
function uuidBounds(lower: Value | undefined, upper: Value | undefined): ParsedBounds {
  if (!(lower instanceof Uint8Array && upper instanceof Uint8Array)) return NO_BOUNDS
  if (compareBytes(lower, upper) > 0) return NO_BOUNDS
  return {
    lower: lower.slice().fill(0x00, UUID_HALF_BYTES),
    upper: upper.slice().fill(0xff, UUID_HALF_BYTES),
  }
}
