/** Random types, values and schemas for property tests. */
import fc from 'fast-check'
import type { Field, PrimitiveType, Schema, Type, Value } from '../../src/schema/types.js'

const SIMPLE = [
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
] as const

/** Primitive types whose values have a binary and a JSON form. */
export const primitiveType: fc.Arbitrary<PrimitiveType> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...SIMPLE).map(kind => ({ kind })) },
  fc
    .integer({ min: 1, max: 38 })
    .chain(precision =>
      fc.integer({ min: 0, max: precision }).map(scale => ({ kind: 'decimal' as const, precision, scale })),
    ),
  fc.integer({ min: 0, max: 5 }).map(lengthBytes => ({ kind: 'fixed' as const, lengthBytes })),
)

/** All types; ids are filled in by `fieldsOf`. */
export function anyType(depth: number): fc.Arbitrary<Type> {
  const leaf = fc.oneof({ weight: 9, arbitrary: primitiveType }, fc.constant({ kind: 'unknown' as const }))
  if (depth === 0) return leaf
  const inner = anyType(depth - 1)
  return fc.oneof(
    { weight: 3, arbitrary: leaf },
    fc.record({ element: inner, elementRequired: fc.boolean() }).map(({ element, elementRequired }) => ({
      kind: 'list' as const,
      elementId: 0,
      elementRequired: elementRequired && element.kind !== 'unknown',
      element,
    })),
    fc
      .record({ key: primitiveType, value: inner, valueRequired: fc.boolean() })
      .map(({ key, value, valueRequired }) => ({
        kind: 'map' as const,
        keyId: 0,
        key,
        valueId: 0,
        valueRequired: valueRequired && value.kind !== 'unknown',
        value,
      })),
    fc.array(inner, { minLength: 1, maxLength: 3 }).map(types => ({
      kind: 'struct' as const,
      fields: types.map((type, at) => ({ id: 0, name: `f${at}`, required: false, type })),
    })),
  )
}

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const int64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -20n, max: 20n }),
  fc.constantFrom(-(2n ** 63n), 2n ** 63n - 1n, -1n, -(2n ** 32n), 2n ** 32n - 1n),
)
const float64 = fc.oneof(
  fc.double(),
  fc.constantFrom(-0, 0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
)
/** Well-formed text, rich in code points of all UTF-8 lengths. */
const text = fc.string({
  unit: fc.oneof(
    fc.constantFrom('a', 'é', '中', '😀', '\uffff'),
    fc.string({ unit: 'binary', maxLength: 1 }),
  ),
  maxLength: 12,
})

export function bytesOf(length: number | { readonly maxLength: number }): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array(typeof length === 'number' ? { minLength: length, maxLength: length } : length)
}

/** A value of a type, never null at the top. */
export function anyValue(type: Type): fc.Arbitrary<Value> {
  switch (type.kind) {
    case 'boolean':
      return fc.boolean()
    case 'int':
      return int32
    case 'date':
      return fc.integer({ min: -1_000_000, max: 3_000_000 })
    case 'long':
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return int64
    case 'time':
      return fc.bigInt({ min: 0n, max: 86_399_999_999n })
    case 'float':
      return float64.map(Math.fround)
    case 'double':
      return float64
    case 'decimal': {
      const limit = 10n ** BigInt(type.precision) - 1n
      return fc.oneof(fc.bigInt({ min: -limit, max: limit }), fc.constantFrom(-limit, limit, 0n))
    }
    case 'string':
      return text
    case 'uuid':
      return bytesOf(16)
    case 'fixed':
      return bytesOf(type.lengthBytes)
    case 'list':
      return fc.array(anyValueOrNull(type.element, type.elementRequired), { maxLength: 4 })
    case 'map':
      return fc.array(fc.tuple(anyValue(type.key), anyValueOrNull(type.value, type.valueRequired)), {
        maxLength: 3,
      })
    case 'struct':
      return fc.tuple(...type.fields.map(field => anyValueOrNull(field.type, field.required)))
    case 'unknown':
      return fc.constant(null)
    default:
      return bytesOf({ maxLength: 6 })
  }
}

export function anyValueOrNull(type: Type, required = false): fc.Arbitrary<Value> {
  return required ? anyValue(type) : fc.oneof({ weight: 4, arbitrary: anyValue(type) }, fc.constant(null))
}

/** Numbers all fields of a type, from `next.id`. */
function numbered(type: Type, next: { id: number }): Type {
  switch (type.kind) {
    case 'struct':
      return {
        ...type,
        fields: type.fields.map(field => ({ ...field, id: next.id++, type: numbered(field.type, next) })),
      }
    case 'list':
      return { ...type, elementId: next.id++, element: numbered(type.element, next) }
    case 'map':
      return {
        ...type,
        keyId: next.id++,
        valueId: next.id++,
        key: numbered(type.key, next),
        value: numbered(type.value, next),
      }
    default:
      return type
  }
}

/** Top-level fields `c0`, `c1`, ... with ids that are unique at every depth. */
export function anyFields(depth = 2): fc.Arbitrary<readonly Field[]> {
  return fc.array(anyType(depth), { minLength: 1, maxLength: 4 }).map(types => {
    const next = { id: 1 }
    return types.map((type, at) => ({
      id: next.id++,
      name: `c${at}`,
      required: false,
      type: numbered(type, next),
    }))
  })
}

export function anySchema(): fc.Arbitrary<Schema> {
  return fc.record({ schemaId: fc.nat(9), fields: anyFields(), identifierFieldIds: fc.constant([]) })
}

/** Fields and rows of them. */
export function anyRows(
  depth = 2,
): fc.Arbitrary<{ fields: readonly Field[]; rows: readonly (readonly Value[])[] }> {
  return anyFields(depth).chain(fields =>
    fc
      .array(fc.tuple(...fields.map(field => anyValueOrNull(field.type))), { maxLength: 20 })
      .map(rows => ({ fields, rows })),
  )
}
