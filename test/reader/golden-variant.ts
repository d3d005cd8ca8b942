/** Variants in the canonical form of the golden tables: what JSON cannot tell apart is tagged. */
import { hexEncode } from '../../src/base/bytes.js'
import { readVariant } from '../../src/format/variant-tree.js'
import type { PrimitiveType, Value } from '../../src/schema/types.js'
import { displayValue } from '../../src/schema/value-json.js'

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

const TAGS: Partial<Record<PrimitiveType['kind'], string>> = {
  int: 'int',
  long: 'int',
  float: 'float',
  double: 'float',
  timestamptz: 'timestamp',
}

/** `{"variant": value}`. */
export function canonicalVariant(bytes: Uint8Array): Json {
  const variant = readVariant<Json>(bytes, {
    primitive: tagged,
    array: elements => [...elements],
    object: fields => ({ object: Object.fromEntries(fields) }),
  })
  return { variant }
}

function tagged(type: PrimitiveType, value: Value): Json {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
  const tag = TAGS[type.kind] ?? type.kind
  if (value instanceof Uint8Array && type.kind === 'binary') return { [tag]: hexEncode(value) }
  if (type.kind === 'int' || type.kind === 'long') return { [tag]: String(value) }
  if (Object.is(value, -0)) return { [tag]: '-0.0' }
  return { [tag]: displayValue(type, value) as Json }
}
