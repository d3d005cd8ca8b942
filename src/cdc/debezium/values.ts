/**
 * Values in Debezium's JSON forms, one decoder for each: days, milli-, micro- or nanoseconds or ISO text for times, base64
 * or hex for bytes, unscaled bytes, text, doubles or `{scale, value}` for decimals.
 */
import { base64Decode, hexDecode } from '../../base/bytes.js'
import { LakeError } from '../../base/errors.js'
import { type ExactJson, JsonNumber, stringifyJson } from '../../base/json.js'
import { formatDecimal, parseDecimal, parseUnscaled } from '../../schema/decimal.js'
import { floorDivide, MICROS_PER_DAY } from '../../schema/time.js'
import type { Value } from '../../schema/types.js'
import { type DecodeCell, UNREPRESENTABLE } from '../change-event.js'
import { isExactObject } from '../feed-lines.js'
import {
  decodeInstant,
  decodePostgresText,
  icebergTypeOfPostgres,
  type PostgresType,
  parsePostgresType,
} from '../postgres-types.js'

type Decoded = Value | typeof UNREPRESENTABLE

/** PostgreSQL's infinite dates and timestamps after the connector's arithmetic. */
const INFINITE_DAYS = new Set([2147483647, -2147483648, -2147472692, -2147472691])
const INFINITE_TIMES = new Set([
  9223372036825200000n,
  -9223372036832400000n,
  9223372036825200n,
  -9223372036832400n,
])

const DATE: PostgresType = parsePostgresType('date')
const TIME: PostgresType = parsePostgresType('time')
const INSTANT: PostgresType = parsePostgresType('timestamp with time zone')

export type Unit = 'millis' | 'micros' | 'nanos'

/** Days since 1970, or in the mode `isostring` text such as `2024-01-31Z`. */
export function decodeDays(raw: ExactJson): Decoded {
  if (raw === null) return null
  if (typeof raw === 'string') return decodePostgresText(DATE, raw.replace(/Z$/, ''))
  const days = Number(integerOf('date', raw))
  return INFINITE_DAYS.has(days) || (days | 0) !== days ? UNREPRESENTABLE : days
}

/** A count since 1970, or ISO text; without a zone. */
export function decodeTimestamp(raw: ExactJson, unit: Unit): Decoded {
  if (raw === null) return null
  if (typeof raw === 'string')
    return decodeInstant(INSTANT, /(Z|[+-]\d\d(:?\d\d)?)$/.test(raw.slice(10)) ? raw : `${raw}Z`)
  const value = integerOf('timestamp', raw)
  if (INFINITE_TIMES.has(value)) return UNREPRESENTABLE
  const micros = inMicros(value, unit)
  return BigInt.asIntN(64, micros) === micros ? micros : UNREPRESENTABLE
}

/** A count since midnight, or ISO text. */
export function decodeTime(raw: ExactJson, unit: Unit): Decoded {
  if (raw === null) return null
  if (typeof raw === 'string') return decodePostgresText(TIME, raw.replace(/Z$/, ''))
  const micros = inMicros(integerOf('time', raw), unit)
  return micros >= 0n && micros < MICROS_PER_DAY ? micros : UNREPRESENTABLE
}

/** PostgreSQL has microseconds, so nanoseconds lose nothing; SQL Server's last digit is cut. */
function inMicros(value: bigint, unit: Unit): bigint {
  if (unit === 'micros') return value
  return unit === 'millis' ? value * 1000n : floorDivide(value, 1000n)
}

/** An instant as ISO text. */
export function decodeZoned(raw: ExactJson): Decoded {
  if (raw === null) return null
  if (typeof raw !== 'string') throw malformed('timestamptz', raw)
  return decodeInstant(INSTANT, raw)
}

/** How `binary.handling.mode` writes bytes where no schema calls them so: both alphabets of base64, or hex, which looks like them. */
export type BinaryMode = 'base64' | 'hex'

export function decodeBinaryText(mode: BinaryMode = 'base64'): DecodeCell {
  const bytesOfText = mode === 'hex' ? hexDecode : anyBase64
  return raw => {
    if (raw === null) return null
    const bytes = typeof raw === 'string' ? bytesOfText(raw) : undefined
    if (bytes === undefined) throw malformed('bytes', raw)
    return bytes
  }
}

/** Connect's bytes, always standard base64. */
export function decodeBytes(raw: ExactJson): Value {
  return raw === null ? null : bytesOf(raw)
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/
const BASE64_URL = /^[A-Za-z0-9_-]*={0,2}$/

/** @throws corrupt for what is not base64 */
export function bytesOf(raw: ExactJson): Uint8Array {
  if (typeof raw !== 'string' || raw.length % 4 !== 0 || !BASE64.test(raw)) throw malformed('bytes', raw)
  return base64Decode(raw)
}

/** The URL's alphabet may come without its padding. */
function anyBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 === 0 && BASE64.test(text)) return base64Decode(text)
  if (!BASE64_URL.test(text) || text.replace(/=+$/, '').length % 4 === 1) return undefined
  return base64Decode(text.replaceAll('-', '+').replaceAll('_', '/'))
}

/** `bit(n)`: little-endian bytes, without those in front that are zero, as the digits that PostgreSQL prints. */
export function decodeBitText(length: number): DecodeCell {
  return raw => {
    if (raw === null) return null
    if (typeof raw === 'boolean') return raw ? '1' : '0'
    let digits = ''
    for (const byte of bytesOf(raw)) digits = byte.toString(2).padStart(8, '0') + digits
    return digits.replace(/^0+/, '').padStart(length, '0')
  }
}

/** A decimal as the bytes of its unscaled value. */
export function decodePreciseDecimal(type: {
  readonly precision: number
  readonly scale: number
}): DecodeCell {
  const { precision, scale } = type
  const limit = 10n ** BigInt(precision)
  return raw => {
    if (raw === null) return null
    const unscaled = parseUnscaled(bytesOf(raw))
    if (unscaled >= limit || unscaled <= -limit) throw malformed(`decimal(${precision}, ${scale})`, raw)
    return unscaled
  }
}

/** PostgreSQL 15 has negative scales: whole tens, hundreds. */
export function scaledText(unscaled: bigint, scale: number): string {
  return scale < 0 ? String(unscaled * 10n ** BigInt(-scale)) : formatDecimal(unscaled, scale)
}

/** A numeric in any handling mode: bytes, text, a double, or `{scale, value}`. One decoder serves one column. */
export function decodeNumeric(type: PostgresType): DecodeCell {
  const target = icebergTypeOfPostgres(type)
  if (target.kind !== 'decimal')
    return raw => (raw === null ? null : decodePostgresText(type, numericText(raw)))
  const textOrBytes = decodeTextOrBytes(target)
  return raw => {
    if (raw === null) return null
    if (isExactObject(raw)) return decodePostgresText(type, numericText(raw))
    if (typeof raw === 'string' && NUMERIC_NAMES[raw] !== undefined) return UNREPRESENTABLE
    return textOrBytes(raw)
  }
}

function numericText(raw: ExactJson): string {
  if (isExactObject(raw)) {
    const scale = raw.scale instanceof JsonNumber ? Number(raw.scale.text) : 0
    return scaledText(parseUnscaled(bytesOf(raw.value ?? null)), scale)
  }
  const text = raw instanceof JsonNumber ? raw.text : String(raw)
  return NUMERIC_NAMES[text] ?? text
}

const NUMERIC_NAMES: Readonly<Record<string, string>> = {
  NAN: 'NaN',
  NaN: 'NaN',
  POSITIVE_INFINITY: 'Infinity',
  Infinity: 'Infinity',
  NEGATIVE_INFINITY: '-Infinity',
  '-Infinity': '-Infinity',
}

/**
 * A decimal of known digits, where the feed does not say whether it comes as text or as bytes. Digits alone may be
 * base64 as well: they are text unless the column has shown bytes, and bytes after such digits are an error, for then
 * those may have been bytes.
 */
export function decodeTextOrBytes(type: { readonly precision: number; readonly scale: number }): DecodeCell {
  const asBytes = decodePreciseDecimal(type)
  let shown: 'text' | 'bytes' | 'either' | undefined
  return raw => {
    if (raw === null) return null
    if (raw instanceof JsonNumber) return decimalOf(raw, raw.text, type)
    if (typeof raw !== 'string') throw malformed('decimal', raw)
    const isText = DECIMAL.test(raw)
    const isEither = isText && raw.length % 4 === 0 && BASE64.test(raw)
    if (isText && !(isEither && shown === 'bytes')) {
      if (!isEither) shown = 'text'
      shown ??= 'either'
      return decimalOf(raw, raw, type)
    }
    if (shown === 'text' || shown === 'either') {
      throw new LakeError('corrupt', 'a decimal comes as text and as bytes, which cannot be told apart', {
        context: { value: raw.slice(0, 100), remedy: 'capture schemas, or use decimal.handling.mode=string' },
      })
    }
    shown = 'bytes'
    return asBytes(raw)
  }
}

const DECIMAL = /^[+-]?\d+(\.\d*)?([eE][+-]?\d+)?$/

/** A double is rounded to the scale: the connector has cut the digits already. */
function decimalOf(
  raw: ExactJson,
  text: string,
  type: { readonly precision: number; readonly scale: number },
): bigint {
  const exact = parseDecimal(text, type)
  if (exact !== undefined) return exact
  const rounded = raw instanceof JsonNumber ? parseDecimal(Number(text).toFixed(type.scale), type) : undefined
  if (rounded === undefined) throw malformed(`decimal(${type.precision}, ${type.scale})`, raw)
  return rounded
}

/** Any other value by PostgreSQL's text of it; geometric types and maps are objects of the connector's own making. */
export function decodeScalar(type: PostgresType, raw: ExactJson): Decoded {
  if (raw === null) return null
  if (typeof raw === 'string') return decodePostgresText(type, raw)
  if (raw instanceof JsonNumber) return decodePostgresText(type, raw.text)
  return decodePostgresText(type, stringifyJson(raw))
}

function integerOf(type: string, raw: ExactJson): bigint {
  if (!(raw instanceof JsonNumber) || !/^-?\d+$/.test(raw.text)) throw malformed(type, raw)
  return BigInt(raw.text)
}

export function malformed(type: string, raw: ExactJson): LakeError {
  const value =
    raw instanceof JsonNumber ? raw.text : typeof raw === 'string' ? raw.slice(0, 100) : typeof raw
  return new LakeError('corrupt', 'a value of the feed does not fit its column type', {
    context: { type, value },
  })
}
