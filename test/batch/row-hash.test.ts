import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Vector } from '../../src/batch/column-batch.js'
import { groupRows } from '../../src/batch/group-rows.js'
import { buildKeyTable, createRowComparer, hashRows } from '../../src/batch/row-hash.js'
import { sliceBatch } from '../../src/batch/take.js'
import { batchOf } from '../../src/batch/vector-builder.js'
import { partitionKey } from '../../src/schema/partition.js'
import { parseType } from '../../src/schema/type-text.js'
import type { Field, Type, Value } from '../../src/schema/types.js'
import { equalValues } from '../../src/schema/value.js'
import { anyFields, anyRows, anyValueOrNull } from '../schema/arbitrary.js'
import { dictionaryOf } from './encode.js'

type Row = readonly Value[]

/** Rows with many repetitions. */
const repeatedRows = anyFields(1).chain(fields => {
  const row = fc.tuple(...fields.map(field => anyValueOrNull(field.type)))
  return fc
    .array(row, { minLength: 1, maxLength: 6 })
    .chain(pool =>
      fc.array(fc.constantFrom(...pool), { maxLength: 30 }).map(rows => ({ fields, rows, pool })),
    )
})

function columnsOf(fields: readonly Field[], rows: readonly Row[], encode = false): readonly Vector[] {
  const { columns } = batchOf(fields, rows)
  return encode ? columns.map(dictionaryOf) : columns
}
const typesOf = (fields: readonly Field[]): Type[] => fields.map(field => field.type)

describe('hashRows and createRowComparer', () => {
  it('hashes equal rows alike, whatever their layout, and compares as compareValues', () => {
    fc.assert(
      fc.property(anyRows(), fc.boolean(), ({ fields, rows }, encode) => {
        const types = typesOf(fields)
        const twice = batchOf(fields, [...rows, ...rows])
        const a = sliceBatch(twice, 0, rows.length).columns
        const b = sliceBatch(twice, rows.length, 2 * rows.length).columns.map(each =>
          encode ? dictionaryOf(each) : each,
        )
        expect(hashRows(b, types)).toEqual(hashRows(a, types))
        const comparer = createRowComparer(a, b, { types })
        for (const [i, x] of rows.entries()) {
          for (const [j, y] of rows.entries()) {
            const equal = types.every((type, at) => equalValues(type, x[at] ?? null, y[at] ?? null))
            expect(comparer.equal(i, j)).toBe(equal)
          }
        }
      }),
    )
  })

  it('spreads consecutive integers, and texts, over the table', () => {
    for (const [type, keyOf] of [
      ['int', (row: number) => row],
      ['long', (row: number) => BigInt(row) * 4_294_967_296n],
      ['string', (row: number) => `key-${row}`],
      ['double', (row: number) => row],
    ] as const) {
      const fields: Field[] = [{ id: 1, name: 'k', required: true, type: parseType(type) }]
      const rows = Array.from({ length: 4096 }, (_, row) => [keyOf(row)])
      const slots = new Set([...hashRows(columnsOf(fields, rows), typesOf(fields))].map(hash => hash & 8191))
      // A random function fills 8192 * (1 - e^-0.5) = 3223 slots.
      expect(slots.size).toBeGreaterThan(3000)
    }
  })

  it('refuses columns that do not have the layout of their type', () => {
    const ints = columnsOf([{ id: 1, name: 'k', required: true, type: { kind: 'int' } }], [[1]])
    expect(() => hashRows(ints, [{ kind: 'long' }])).toThrow(expect.objectContaining({ kind: 'corrupt' }))
    const table = buildKeyTable(ints, [{ kind: 'int' }])
    const longs = columnsOf([{ id: 1, name: 'k', required: true, type: { kind: 'long' } }], [[1n]])
    expect(() => table.find(longs)).toThrow(expect.objectContaining({ kind: 'corrupt' }))
  })
})

describe('KeyTable', () => {
  it('finds what a Map finds', () => {
    fc.assert(
      fc.property(repeatedRows, fc.boolean(), fc.nat(30), ({ fields, rows, pool }, encode, cut) => {
        const types = typesOf(fields)
        const build = rows.slice(0, cut)
        const probe = [...pool, ...rows]
        const map = new Map<string, number>()
        let duplicates: { first: number; second: number } | undefined
        for (const [at, row] of build.entries()) {
          const first = map.get(partitionKey(types, row))
          if (first === undefined) map.set(partitionKey(types, row), at)
          else duplicates ??= { first, second: at }
        }
        const table = buildKeyTable(columnsOf(fields, build), types)
        expect(table.size).toBe(map.size)
        expect(table.duplicates).toEqual(duplicates)
        const found = table.find(columnsOf(fields, probe, encode))
        expect([...found]).toEqual(probe.map(row => map.get(partitionKey(types, row)) ?? -1))
      }),
    )
  })

  it('takes null for a key like any other, keeps the zeros apart, and holds all NaN for one', () => {
    const fields: Field[] = [{ id: 1, name: 'k', required: false, type: { kind: 'double' } }]
    const types = typesOf(fields)
    const odd = new Float64Array(new BigUint64Array([0xfff8_0000_0000_0001n]).buffer)
    const table = buildKeyTable(columnsOf(fields, [[null], [-0], [0], [Number.NaN]]), types)
    expect(table.duplicates).toBeUndefined()
    expect([...table.find(columnsOf(fields, [[0], [-0], [null], [Number.NaN], [1]]))]).toEqual([
      2, 1, 0, 3, -1,
    ])
    expect([...table.find([{ layout: 'fixed-width', length: 1, values: odd }])]).toEqual([3])
    const float: Type = { kind: 'float' }
    const floats = new Float32Array(new Uint32Array([0x7fc0_0000, 0xffc0_0001]).buffer)
    expect(buildKeyTable([{ layout: 'fixed-width', length: 2, values: floats }], [float]).duplicates).toEqual(
      { first: 0, second: 1 },
    )
  })

  it('tells longs apart that differ in one half only', () => {
    const fields: Field[] = [{ id: 1, name: 'k', required: true, type: { kind: 'long' } }]
    const values = [0n, 1n, 2n ** 32n, 2n ** 32n + 1n, -1n, -(2n ** 32n), 2n ** 63n - 1n, -(2n ** 63n)]
    const columns = columnsOf(
      fields,
      values.map(value => [value]),
    )
    const table = buildKeyTable(columns, typesOf(fields))
    expect(table.duplicates).toBeUndefined()
    expect([...table.find(columns)]).toEqual(values.map((_, row) => row))
  })

  it('finds nothing in a table of no rows', () => {
    const fields: Field[] = [{ id: 1, name: 'k', required: true, type: { kind: 'string' } }]
    const table = buildKeyTable(columnsOf(fields, []), typesOf(fields))
    expect([...table.find(columnsOf(fields, [['a'], ['']]))]).toEqual([-1, -1])
  })

  it('holds many keys', () => {
    const count = 200_000
    const values = new BigInt64Array(count)
    for (let row = 0; row < count; row++) values[row] = BigInt(row) * 7_919n
    const types: Type[] = [{ kind: 'long' }]
    const table = buildKeyTable([{ layout: 'fixed-width', length: count, values }], types)
    expect(table.duplicates).toBeUndefined()
    const probe = BigInt64Array.of(0n, 7_919n, 7_918n, 7_919n * 199_999n, 7_919n * 200_000n)
    expect([...table.find([{ layout: 'fixed-width', length: 5, values: probe }])]).toEqual([
      0, 1, -1, 199_999, -1,
    ])
  })
})

describe('groupRows', () => {
  it('groups as a Map does, in the order of first rows', () => {
    fc.assert(
      fc.property(repeatedRows, fc.boolean(), ({ fields, rows }, encode) => {
        const types = typesOf(fields)
        const groups = new Map<string, number[]>()
        for (const [at, row] of rows.entries()) {
          const key = partitionKey(types, row)
          const group = groups.get(key)
          if (group) group.push(at)
          else groups.set(key, [at])
        }
        const expected = [...groups.values()]
        const result = groupRows(columnsOf(fields, rows, encode), types, rows.length)
        expect(result.rows.map(group => [...group])).toEqual(expected)
        expect([...result.firstRow]).toEqual(expected.map(group => group[0]))
        expect([...result.groupOf]).toEqual(
          rows.map((_, at) => expected.findIndex(group => group.includes(at))),
        )
      }),
    )
  })

  it('makes one group of all rows when there is nothing to group by', () => {
    const { groupOf, firstRow, rows } = groupRows([], [], 3)
    expect([[...groupOf], [...firstRow], rows.map(group => [...group])]).toEqual([
      [0, 0, 0],
      [0],
      [[0, 1, 2]],
    ])
    expect(groupRows([], [], 0).rows).toEqual([])
  })
})
