/**
 * Hive's folders: `.../region=eu/ds=2026-01-01/file`. Names and values are escaped by `%` and two hexadecimal digits
 * of the character; null is `__HIVE_DEFAULT_PARTITION__`.
 */
import { parseTimestamp } from './time.js'
import type { PrimitiveType, Value } from './types.js'
import { valueFromJson } from './value-json.js'

const NULL_FOLDER = '__HIVE_DEFAULT_PARTITION__'

/** Keys and values of the folders above a file, unescaped; the folder nearest to the file wins. */
export function hiveKeys(location: string): ReadonlyMap<string, string> {
  const keys = new Map<string, string>()
  for (const folder of location.split('/').slice(0, -1)) {
    const at = folder.indexOf('=')
    if (at > 0) keys.set(unescapeHive(folder.slice(0, at)), unescapeHive(folder.slice(at + 1)))
  }
  return keys
}

function unescapeHive(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  )
}

/** The value that a folder says; undefined when the text is no value of the type. */
export function hiveValue(type: PrimitiveType, text: string): Value | undefined {
  if (text === NULL_FOLDER) return null
  try {
    return valueOfText(type, text)
  } catch {
    return undefined
  }
}

function valueOfText(type: PrimitiveType, text: string): Value | undefined {
  switch (type.kind) {
    case 'boolean':
      return /^(true|false)$/i.test(text) ? text.toLowerCase() === 'true' : undefined
    case 'int':
    case 'long':
      return /^[+-]?\d+$/.test(text) ? integerOf(type, BigInt(text)) : undefined
    case 'float':
    case 'double':
      return text.trim() === '' || Number.isNaN(Number(text)) ? undefined : valueFromJson(type, Number(text))
    case 'timestamp':
    case 'timestamp_ns':
      return parseTimestamp(text, { zone: 'none', unit: type.kind === 'timestamp' ? 'micros' : 'nanos' })
    case 'timestamptz':
    case 'timestamptz_ns':
      return parseTimestamp(text, {
        zone: 'default-utc',
        unit: type.kind === 'timestamptz' ? 'micros' : 'nanos',
      })
    default:
      return valueFromJson(type, text)
  }
}

function integerOf(type: PrimitiveType, value: bigint): Value | undefined {
  if (type.kind === 'long') return BigInt.asIntN(64, value) === value ? value : undefined
  return BigInt.asIntN(32, value) === value ? Number(value) : undefined
}
