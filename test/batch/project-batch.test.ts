import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hasLayoutOf } from '../../src/batch/layout.js'
import { projectBatch, promoteVector } from '../../src/batch/project-batch.js'
import { batchRows, columnValues } from '../../src/batch/values.js'
import { batchOf, createVectorBuilder } from '../../src/batch/vector-builder.js'
import { planProjection } from '../../src/schema/projection.js'
import { promoteValue } from '../../src/schema/promotion.js'
import { floorDivide } from '../../src/schema/time.js'
import { parseType } from '../../src/schema/type-text.js'
import type { Field, PrimitiveType, Type, Value } from '../../src/schema/types.js'
import { anyRows, anyValueOrNull } from '../schema/arbitrary.js'
import { dictionaryOf } from './encode.js'

function field(id: number, name: string, type: Type | string, more: Partial<Field> = {}): Field {
  return { id, name, required: false, type: typeof type === 'string' ? parseType(type) : type, ...more }
}

function project(
  file: readonly Field[],
  rows: readonly (readonly Value[])[],
  expected: readonly Field[],
): Value[][] {
  const projected = projectBatch(batchOf(file, rows), planProjection(file, expected), expected)
  for (const [at, column] of projected.columns.entries()) {
    expect(hasLayoutOf(column, expected[at]!.type)).toBe(true)
    expect(column.length).toBe(rows.length)
  }
  return batchRows(projected)
}

describe('projectBatch', () => {
  it('changes nothing when nothing changed', () => {
    fc.assert(
      fc.property(anyRows(), ({ fields, rows }) => {
        const batch = batchOf(fields, rows)
        const projected = projectBatch(batch, planProjection(fields, fields), fields)
        expect(projected.columns).toEqual(batch.columns)
        expect(batchRows(projected)).toEqual(rows)
      }),
    )
  })

  it('picks and reorders columns by id', () => {
    fc.assert(
      fc.property(anyRows(), fc.infiniteStream(fc.nat(3)), ({ fields, rows }, picks) => {
        const indexes = [...picks.take(3)].map(pick => pick % fields.length)
        const expected = indexes.map(index => ({ ...fields[index]!, name: `renamed${index}` }))
        expect(project(fields, rows, expected)).toEqual(rows.map(row => indexes.map(index => row[index])))
      }),
    )
  })

  it('promotes, fills defaults and nulls', () => {
    const file = [
      field(1, 'i', 'int'),
      field(2, 'f', 'float'),
      field(3, 'd', 'date'),
      field(4, 'dec', 'decimal(5, 2)'),
    ]
    const expected = [
      field(4, 'dec', 'decimal(20, 2)'),
      field(3, 'd', 'timestamp'),
      field(2, 'f', 'double'),
      field(1, 'i', 'long'),
      field(9, 'new', 'string', { required: true, initialDefault: 'x' }),
      field(10, 'none', 'int'),
    ]
    const rows = [
      [-7, 0.5, -1, 125n],
      [null, null, null, null],
    ]
    expect(project(file, rows, expected)).toEqual([
      [125n, -86_400_000_000n, 0.5, -7n, 'x', null],
      [null, null, null, null, 'x', null],
    ])
  })

  it('changes what is inside structs, lists and maps, and leaves null structs null', () => {
    const oldPoint: Type = { kind: 'struct', fields: [field(11, 'x', 'int'), field(12, 'y', 'int')] }
    const newPoint: Type = {
      kind: 'struct',
      fields: [field(13, 'z', 'int', { initialDefault: 3 }), field(11, 'x', 'long')],
    }
    const listOf = (element: Type): Type => ({ kind: 'list', elementId: 21, elementRequired: false, element })
    const mapOf = (value: Type): Type => ({
      kind: 'map',
      keyId: 31,
      key: { kind: 'string' },
      valueId: 32,
      valueRequired: false,
      value,
    })
    const file = [field(1, 's', oldPoint), field(2, 'l', listOf(oldPoint)), field(3, 'm', mapOf(oldPoint))]
    const expected = [
      field(1, 's', newPoint),
      field(2, 'l', listOf(newPoint)),
      field(3, 'm', mapOf(newPoint)),
    ]
    const rows: Value[][] = [
      [
        [1, 2],
        [[1, 2], null],
        [
          ['a', [5, 6]],
          ['b', null],
        ],
      ],
      [null, null, null],
      [[null, 4], [], []],
    ]
    expect(project(file, rows, expected)).toEqual([
      [
        [3, 1n],
        [[3, 1n], null],
        [
          ['a', [3, 5n]],
          ['b', null],
        ],
      ],
      [null, null, null],
      [[3, null], [], []],
    ])
  })

  it('fills structs with constants, but not those that are null', () => {
    const file = [field(1, 's', { kind: 'struct', fields: [field(11, 'x', 'int')] })]
    const city = field(12, 'city', 'string', { required: true })
    const expected = [field(1, 's', { kind: 'struct', fields: [city, field(11, 'x', 'int')] })]
    const plan = planProjection(file, expected, { constantOf: ({ id }) => (id === 12 ? 'Oslo' : undefined) })
    const projected = projectBatch(batchOf(file, [[[1]], [null], [[null]]]), plan, expected)
    expect(batchRows(projected)).toEqual([[['Oslo', 1]], [null], [['Oslo', null]]])
  })

  it('joins the two parts of a variant, behind dictionaries too', () => {
    const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
    const parts: Type = {
      kind: 'struct',
      fields: [field(-1, 'value', 'binary'), field(-1, 'metadata', 'binary')],
    }
    const file = [field(1, 'v', parts)]
    const expected = [field(1, 'v', 'variant')]
    const rows = [[[bytes(12, 3), bytes(1, 0, 0)]], [null], [[bytes(0), null]], [[bytes(), bytes(1)]]]
    const joined = [[bytes(1, 0, 0, 12, 3)], [null], [bytes(0)], [bytes(1)]]
    expect(project(file, rows, expected)).toEqual(joined)
    const batch = batchOf(file, rows)
    const [struct] = batch.columns
    if (struct?.layout !== 'struct') throw new TypeError('a struct is built as one')
    const children = struct.children.map(dictionaryOf)
    const encoded = { ...batch, columns: [{ ...struct, children }] }
    expect(batchRows(projectBatch(encoded, planProjection(file, expected), expected))).toEqual(joined)
  })

  it('keeps the number of rows when no column is asked for', () => {
    const file = [field(1, 'a', 'int')]
    expect(projectBatch(batchOf(file, [[1], [2]]), [], [])).toEqual({ length: 2, fields: [], columns: [] })
  })
})

describe('promoteVector', () => {
  it('equals the promotion of each value, behind a dictionary too', () => {
    const pairs: [PrimitiveType, PrimitiveType][] = [
      [parseType('int'), parseType('long')],
      [parseType('float'), parseType('double')],
      [parseType('date'), parseType('timestamp')],
      [parseType('decimal(9, 2)'), parseType('decimal(38, 2)')],
      [parseType('unknown'), parseType('string')],
    ]
    const data = fc
      .constantFrom(...pairs)
      .chain(([from, to]) =>
        fc.array(anyValueOrNull(from), { maxLength: 10 }).map(values => ({ from, to, values })),
      )
    fc.assert(
      fc.property(data, ({ from, to, values }) => {
        const builder = createVectorBuilder(from)
        for (const value of values) builder.append(value)
        const vector = builder.finish()
        const expected = values.map(value => promoteValue(from, to, value))
        expect(columnValues(promoteVector(vector, from, to), to)).toEqual(expected)
        expect(columnValues(promoteVector(dictionaryOf(vector), from, to), to)).toEqual(expected)
      }),
    )
  })

  it('floors nanoseconds to microseconds over all of 64 bits', () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })), values => {
        const vector = {
          layout: 'fixed-width',
          length: values.length,
          values: BigInt64Array.from(values),
        } as const
        const micros = promoteVector(vector, { kind: 'timestamp_ns' }, { kind: 'timestamp' })
        expect(columnValues(micros, { kind: 'timestamp' })).toEqual(
          values.map(value => floorDivide(value, 1000n)),
        )
      }),
    )
  })
})
