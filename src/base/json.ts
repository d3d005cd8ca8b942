/**
 * JSON in which a 64-bit integer is exact. Iceberg writes snapshot ids and sequence numbers as bare JSON
 * numbers, change feeds write `bigint` and `numeric` columns so: a double would change them silently.
 */
import { isSafeNumber, parse } from 'lossless-json'
import { errorText, LakeError } from './errors.js'
import { integerOf, parseWithExactIntegers } from './json-integers.js'

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

function integerOrDouble(text: string): number | bigint {
  return INTEGER.test(text) ? integerOf(text) : Number(text)
}

/**
 * Parses JSON; an integer outside the safe range becomes a bigint, every other number a double. Of equal keys the last
 * counts.
 * @throws corrupt when the text is not JSON
 */
export function parseJson(text: string): JsonValue {
  try {
    const value = parseWithExactIntegers(text)
    if (value !== undefined) return value as JsonValue
    return parse(text, undefined, { parseNumber: integerOrDouble, onDuplicateKey: lastOf }) as JsonValue
  } catch (cause) {
    throw new LakeError('corrupt', 'the text is not valid JSON', {
      cause,
      context: { reason: errorText(cause) },
    })
  }
}

function lastOf({ newValue }: { readonly newValue: unknown }): unknown {
  return newValue
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
  const { indent = 0 } = options
  return textOf(value, indent === 0 ? undefined : { step: ' '.repeat(indent), line: '\n' }) ?? 'null'
}

/** Where lines begin; undefined for text without lines. */
type Indent = { readonly step: string; readonly line: string } | undefined

/** Undefined for what JSON has no text for. */
function textOf(value: unknown, indent: Indent): string | undefined {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value)
    case 'number':
      return Object.is(value, -0) ? '-0.0' : Number.isFinite(value) ? String(value) : 'null'
    case 'bigint':
    case 'boolean':
      return String(value)
    case 'object':
      if (value === null) return 'null'
      if (value instanceof JsonNumber) return value.text
      return Array.isArray(value) ? textOfArray(value, indent) : textOfObject(value, indent)
    default:
      return undefined
  }
}

function textOfArray(items: readonly unknown[], indent: Indent): string {
  const inner = deeper(indent)
  let text = ''
  for (const item of items)
    text += `${text === '' ? '' : ','}${inner?.line ?? ''}${textOf(item, inner) ?? 'null'}`
  return text === '' ? '[]' : `[${text}${indent?.line ?? ''}]`
}

function textOfObject(members: object, indent: Indent): string {
  const inner = deeper(indent)
  const colon = indent === undefined ? ':' : ': '
  let text = ''
  for (const [key, value] of Object.entries(members)) {
    const member = textOf(value, inner)
    if (member === undefined) continue
    text += `${text === '' ? '' : ','}${inner?.line ?? ''}${JSON.stringify(key)}${colon}${member}`
  }
  return text === '' ? '{}' : `{${text}${indent?.line ?? ''}}`
}

function deeper(indent: Indent): Indent {
  return indent && { step: indent.step, line: indent.line + indent.step }
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
