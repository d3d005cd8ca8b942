/**
 * Types as the text of schema JSON: `long`, `decimal(10, 2)`, `fixed[16]`, `geometry(srid:4326)`.
 * Nested types have no such text in the spec; `printType` gives them one for messages.
 * @see Iceberg table spec, Appendix C "Schemas"
 */
import { LakeError } from '../base/errors.js'
import type { PrimitiveType, SimpleTypeKind, Type } from './types.js'

const SIMPLE_KINDS: ReadonlySet<string> = new Set<SimpleTypeKind>([
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'date',
  'time',
  'timestamp',
  'timestamptz',
  'timestamp_ns',
  'timestamptz_ns',
  'string',
  'uuid',
  'binary',
  'unknown',
  'variant',
])

const DECIMAL = /^decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)$/
const FIXED = /^fixed\[\s*(\d+)\s*\]$/
const GEOMETRY = /^geometry(?:\(\s*([^)]*?)\s*\))?$/
const GEOGRAPHY = /^geography(?:\(\s*([^,)]*?)\s*(?:,\s*([^)]*?)\s*)?\))?$/

function isSimpleKind(text: string): text is SimpleTypeKind {
  return SIMPLE_KINDS.has(text)
}

/**
 * The primitive type of a text; letter case does not matter, as in Java, but that of a CRS is kept.
 * @throws corrupt when the text names no Iceberg type
 */
export function parseType(text: string): PrimitiveType {
  const lower = text.trim().toLowerCase()
  if (isSimpleKind(lower)) return { kind: lower }
  const decimal = DECIMAL.exec(lower)
  if (decimal) return decimalType(Number(decimal[1]), Number(decimal[2]), text)
  const fixed = FIXED.exec(lower)
  if (fixed) return { kind: 'fixed', lengthBytes: Number(fixed[1]) }
  return parseGeospatial(text.trim()) ?? fail(text)
}

function decimalType(precision: number, scale: number, text: string): PrimitiveType {
  if (precision < 1 || precision > 38 || scale > precision) return fail(text)
  return { kind: 'decimal', precision, scale }
}

function parseGeospatial(text: string): PrimitiveType | undefined {
  const keyword = /^\w*/.exec(text)?.[0] ?? ''
  const normal = keyword.toLowerCase() + text.slice(keyword.length)
  const geometry = GEOMETRY.exec(normal)
  if (geometry) return geometry[1] ? { kind: 'geometry', crs: geometry[1] } : { kind: 'geometry' }
  const geography = GEOGRAPHY.exec(normal)
  if (!geography) return undefined
  const [, crs, algorithm] = geography
  return {
    kind: 'geography',
    ...(crs ? { crs } : {}),
    ...(algorithm ? { algorithm: algorithm.toLowerCase() } : {}),
  }
}

function fail(text: string): never {
  throw new LakeError('corrupt', 'the text is not an Iceberg type', { context: { type: text } })
}

/** The text of a type: the spec's for primitives; `struct<1: a: required int>`, `list<..>`, `map<..>` for messages. */
export function printType(type: Type): string {
  switch (type.kind) {
    case 'decimal':
      return `decimal(${type.precision}, ${type.scale})`
    case 'fixed':
      return `fixed[${type.lengthBytes}]`
    case 'geometry':
      return type.crs === undefined ? 'geometry' : `geometry(${type.crs})`
    case 'geography':
      return printGeography(type.crs, type.algorithm)
    case 'struct':
      return `struct<${type.fields.map(field => `${field.name}: ${printType(field.type)}`).join(', ')}>`
    case 'list':
      return `list<${printType(type.element)}>`
    case 'map':
      return `map<${printType(type.key)}, ${printType(type.value)}>`
    default:
      return type.kind
  }
}

function printGeography(crs: string | undefined, algorithm: string | undefined): string {
  if (algorithm !== undefined) return `geography(${crs ?? 'OGC:CRS84'}, ${algorithm})`
  return crs === undefined ? 'geography' : `geography(${crs})`
}

/** True when two primitive types are the same, parameters included. */
export function samePrimitive(a: PrimitiveType, b: PrimitiveType): boolean {
  if (a.kind !== b.kind) return false
  switch (a.kind) {
    case 'decimal':
    case 'fixed':
    case 'geometry':
    case 'geography':
      return printType(a) === printType(b)
    default:
      return true
  }
}
