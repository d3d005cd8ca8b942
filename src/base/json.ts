/**
 * JSON in which a 64-bit integer is exact. Iceberg writes snapshot ids and sequence numbers as bare JSON
 * numbers, change feeds write `bigint` and `numeric` columns so: a double would change them silently.
 */
import { isSafeNumber, parse, stringify } from 'lossless-json'
import { errorText, LakeError } from './errors.js'

export type JsonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  /** Only written: `parseJson` gives none. */
  | JsonNumber
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue }
export type JsonObject = { readonly [key: string]: JsonValue }

/** A JSON number whose digits are kept as written: of any size and precision, or `1.0` where `1` is something else. */
export class JsonNumber {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** What `parseJsonExact` returns: every number is a `JsonNumber`. */
export type ExactJson =
  | null
  | boolean
  | string
  | JsonNumber
  | readonly ExactJson[]
  | { readonly [key: string]: ExactJson }
export type ExactJsonObject = { readonly [key: string]: ExactJson }

const INTEGER = /^-?\d+$/
/** What costs nothing to read; a million digits take a second. */
const INTEGER_LENGTH_MAX = 1_000

function integerOrDouble(text: string): number | bigint {
  if (!INTEGER.test(text)) return Number(text)
  const value = Number(text)
  if (Number.isSafeInteger(value)) return value
  if (text.length > INTEGER_LENGTH_MAX) throw new RangeError('a number has too many digits')
  return BigInt(text)
}

/**
 * Parses JSON; an integer outside the safe range becomes a bigint, every other number a double.
 * @throws corrupt when the text is not JSON
 */
export function parseJson(text: string): JsonValue {
  try {
    return parse(text, undefined, { parseNumber: integerOrDouble }) as JsonValue
  } catch (cause) {
    throw new LakeError('corrupt', 'the text is not valid JSON', {
      cause,
      context: { reason: errorText(cause) },
    })
  }
}

/**
 * Parses JSON and keeps the digits of every number.
 * @throws corrupt when the text is not JSON
 */
export function parseJsonExact(text: string): ExactJson {
  try {
    return parse(text, undefined, { parseNumber: digits => new JsonNumber(digits) }) as ExactJson
  } catch (cause) {
    throw new LakeError('corrupt', 'the text is not valid JSON', {
      cause,
      context: { reason: errorText(cause) },
    })
  }
}

/**
 * JSON text; a bigint and a `JsonNumber` are written as bare numbers, negative zero keeps its sign, `undefined` members
 * are left out.
 */
export function stringifyJson(value: unknown, options: { readonly indent?: number } = {}): string {
  return stringify(value, undefined, options.indent, [NEGATIVE_ZERO, AS_WRITTEN]) ?? 'null'
}

const NEGATIVE_ZERO = {
  test: (value: unknown): boolean => Object.is(value, -0),
  stringify: (): string => '-0.0',
}

const AS_WRITTEN = {
  test: (value: unknown): boolean => value instanceof JsonNumber,
  stringify: (value: unknown): string => (value instanceof JsonNumber ? value.text : 'null'),
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber)
  )
}

/** True when the digits survive a trip through a double. */
export function isExactDouble(text: string): boolean {
  return isSafeNumber(text)
}
