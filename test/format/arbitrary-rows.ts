/** Random fields and rows for property tests: every stored type, nested up to three levels. */
import fc from 'fast-check'
import type { Field, PrimitiveType, Type, Value } from '../../src/schema/types.js'

const I64_MIN = -(2n ** 63n)
const I64_MAX = 2n ** 63n - 1n

const PRIMITIVES: readonly PrimitiveType[] = [
  { kind: 'boolean' },
  { kind: 'int' },
  { kind: 'long' },
  { kind: 'float' },
  { kind: 'double' },
  { kind: 'decimal', precision: 9, scale: 2 },
  { kind: 'decimal', precision: 18, scale: 0 },
  { kind: 'decimal', precision: 38, scale: 38 },
  { kind: 'date' },
  { kind: 'time' },
  { kind: 'timestamp' },
  { kind: 'timestamptz_ns' },
  { kind: 'string' },
  { kind: 'uuid' },
  { kind: 'binary' },
  { kind: 'fixed', lengthBytes: 3 },
]

export interface TypedRows {
  readonly fields: readonly Field[]
  readonly rows: readonly (readonly Value[])[]
}

/** Fields with ids of their own and rows that fit them. */
export function arbitraryRows(rowsMax: number): fc.Arbitrary<TypedRows> {
  return fc
    .array(fc.record({ required: fc.boolean(), type: arbitraryType(2) }), { minLength: 1, maxLength: 4 })
    .chain(columns => {
      let id = 0
      const next = (): number => ++id
      const fields = columns.map(({ required, type }, index) => ({
        id: next(),
        name: `c${index}`,
        required,
        type: numbered(type, next),
      }))
      const row = fc.tuple(...fields.map(field => arbitraryValue(field)))
      return fc.array(row, { maxLength: rowsMax }).map(rows => ({ fields, rows }))
    })
}

function arbitraryType(depth: number): fc.Arbitrary<Type> {
  const primitive = fc.constantFrom<Type>(...PRIMITIVES)
  if (depth === 0) return primitive
  const inner = arbitraryType(depth - 1)
  const list = fc.record({ required: fc.boolean(), type: inner }).map(
    ({ required, type }): Type => ({
      kind: 'list',
      elementId: 0,
      elementRequired: required,
      element: type,
    }),
  )
  const map = fc.record({ required: fc.boolean(), value: inner }).map(
    ({ required, value }): Type => ({
      kind: 'map',
      keyId: 0,
      key: { kind: 'string' },
      valueId: 0,
      valueRequired: required,
      value,
    }),
  )
  const struct = fc
    .array(fc.record({ required: fc.boolean(), type: inner }), { minLength: 1, maxLength: 3 })
    .map(
      (members): Type => ({
        kind: 'struct',
        fields: members.map(({ required, type }, at) => ({ id: 0, name: `m${at}`, required, type })),
      }),
    )
  return fc.oneof({ weight: 3, arbitrary: primitive }, list, map, struct)
}

function numbered(type: Type, next: () => number): Type {
  if (type.kind === 'list') return { ...type, elementId: next(), element: numbered(type.element, next) }
  if (type.kind === 'map') {
    return { ...type, keyId: next(), valueId: next(), value: numbered(type.value, next) }
  }
  if (type.kind !== 'struct') return type
  return {
    kind: 'struct',
    fields: type.fields.map(f => ({ ...f, id: next(), type: numbered(f.type, next) })),
  }
}

function arbitraryValue(slot: { readonly required: boolean; readonly type: Type }): fc.Arbitrary<Value> {
  const value = presentValue(slot.type)
  return slot.required ? value : fc.option(value, { nil: null, freq: 3 })
}

function presentValue(type: Type): fc.Arbitrary<Value> {
  switch (type.kind) {
    case 'boolean':
      return fc.boolean()
    case 'int':
    case 'date':
      return fc.integer()
    case 'float':
      return fc.float()
    case 'double':
      return fc.double()
    case 'decimal': {
      const limit = 10n ** BigInt(type.precision) - 1n
      return fc.bigInt(-limit, limit)
    }
    case 'time':
      return fc.bigInt(0n, 86_399_999_999n)
    case 'string':
      return fc.string({ unit: 'grapheme', maxLength: 12 })
    case 'uuid':
      return fc.uint8Array({ minLength: 16, maxLength: 16 })
    case 'fixed':
      return fc.uint8Array({ minLength: type.lengthBytes, maxLength: type.lengthBytes })
    case 'binary':
      return fc.uint8Array({ maxLength: 8 })
    case 'list':
      return fc.array(arbitraryValue({ required: type.elementRequired, type: type.element }), {
        maxLength: 3,
      })
    case 'map':
      return fc.uniqueArray(
        fc.tuple(presentValue(type.key), arbitraryValue({ required: type.valueRequired, type: type.value })),
        { maxLength: 3, selector: entry => entry[0] },
      )
    case 'struct':
      return fc.tuple(...type.fields.map(arbitraryValue))
    default:
      return fc.bigInt(I64_MIN, I64_MAX)
  }
}
