import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Vector } from '../../../../src/batch/column-batch.js'
import { columnValues } from '../../../../src/batch/values.js'
import { batchOf } from '../../../../src/batch/vector-builder.js'
import { shredColumn } from '../../../../src/format/parquet/encode/shred.js'
import {
  type WriteLeaf,
  type WriteRoot,
  writeSchema,
} from '../../../../src/format/parquet/encode/write-schema.js'
import { readParquetSchema } from '../../../../src/format/parquet/footer/schema.js'
import type { LeafEntries } from '../../../../src/format/parquet/leaf.js'
import type { Field, Type, Value } from '../../../../src/schema/types.js'
import { arbitraryRows } from '../../arbitrary-rows.js'
import { shredRows } from '../decode/column-pages.js'

const field = (type: Type, required = false): Field => ({ id: 1, name: 'c', required, type })
const listOf = (element: Type, elementRequired = false): Type => ({
  kind: 'list',
  elementId: 2,
  elementRequired,
  element,
})
const INT: Type = { kind: 'int' }

function rootOf(column: Field): WriteRoot {
  return writeSchema([column]).roots[0] as WriteRoot
}

function shredValues(column: Field, values: readonly Value[]): LeafEntries[] {
  const batch = batchOf(
    [column],
    values.map(value => [value]),
  )
  return shredColumn(rootOf(column), batch.columns[0] as Vector)
}

/** Levels with the defaults written out, and values as Iceberg has them. */
function plain(leaf: WriteLeaf, entries: LeafEntries) {
  const fill = (level: number): number[] => new Array<number>(entries.entries).fill(level)
  return {
    definition: entries.definition === undefined ? fill(leaf.maxDefinition) : [...entries.definition],
    repetition: entries.repetition === undefined ? fill(0) : [...entries.repetition],
    values: valuesOf(leaf, entries),
  }
}

function valuesOf(leaf: WriteLeaf, { values }: LeafEntries): Value[] {
  const stored = columnValues(values, leaf.type)
  if (leaf.type.kind !== 'decimal') return stored
  return stored.map(value => (value instanceof Uint8Array ? signedBytes(value) : BigInt(value as number)))
}

function signedBytes(bytes: Uint8Array): bigint {
  return BigInt.asIntN(8 * bytes.length, BigInt(`0x${Buffer.from(bytes).toString('hex')}`))
}

describe('shredding', () => {
  it('gives nulls, empty lists and repeats their levels', () => {
    const [leaf] = shredValues(field(listOf(INT)), [[1, null], [], null])
    expect(leaf).toMatchObject({
      entries: 4,
      definition: Uint8Array.of(3, 2, 1, 0),
      repetition: Uint8Array.of(0, 1, 0, 0),
      values: { length: 1 },
    })
  })

  it('makes no levels and copies nothing where nothing is null', () => {
    const values = Int32Array.of(4, 5, 6, 7)
    const column: Vector = { layout: 'fixed-width', length: 4, values }
    const [leaf] = shredColumn(rootOf(field(INT)), column, { from: 1, to: 3 })
    expect(leaf).toMatchObject({ entries: 2, definition: undefined, repetition: undefined })
    const stored = leaf?.values as Extract<Vector, { layout: 'fixed-width' }>
    expect([...stored.values]).toEqual([5, 6])
    expect(stored.values.buffer).toBe(values.buffer)
  })

  it('copies no elements of lists without nulls, and leaves out those that null lists hide', () => {
    const elements = Int32Array.of(1, 2, 3, 4)
    const element: Vector = { layout: 'fixed-width', length: 4, values: elements }
    const lists: Vector = { layout: 'list', length: 3, offsets: Int32Array.of(0, 1, 3, 4), element }
    const root = rootOf(field(listOf(INT, true)))
    const [leaf] = shredColumn(root, lists)
    expect(leaf).toMatchObject({ definition: undefined, repetition: Uint8Array.of(0, 0, 1, 0) })
    expect((leaf?.values as Extract<Vector, { layout: 'fixed-width' }>).values.buffer).toBe(elements.buffer)
    const [hiding] = shredColumn(root, { ...lists, validity: Uint8Array.of(0b101) })
    expect(hiding).toMatchObject({ entries: 3, definition: Uint8Array.of(2, 0, 2), values: { length: 2 } })
    expect(columnValues(hiding?.values as Vector, INT)).toEqual([1, 4])
  })

  it('keeps codes of a dictionary, but not one with nulls inside or with more entries than values', () => {
    const dictionary: Vector = { layout: 'fixed-width', length: 2, values: Int32Array.of(7, 9) }
    const codes = Int32Array.of(1, 99, 0, 1)
    const validity = Uint8Array.of(0b1101)
    const column: Vector = { layout: 'dictionary', length: 4, validity, codes, dictionary }
    const root = rootOf(field(INT))
    const [leaf] = shredColumn(root, column)
    expect(leaf).toMatchObject({
      definition: Uint8Array.of(1, 0, 1, 1),
      values: { layout: 'dictionary', codes: Int32Array.of(1, 0, 1) },
    })
    const nulls: Vector = { ...dictionary, validity: Uint8Array.of(0b01) }
    const [flat] = shredColumn(root, { ...column, dictionary: nulls })
    expect(flat).toMatchObject({ definition: Uint8Array.of(0, 0, 1, 0), values: { layout: 'fixed-width' } })
    const [few] = shredColumn(root, column, { from: 0, to: 1 })
    expect(few?.values).toMatchObject({ layout: 'fixed-width', length: 1 })
  })

  it('takes a column of type unknown inside a struct for not there', () => {
    const type: Type = {
      kind: 'struct',
      fields: [
        { id: 2, name: 'u', required: false, type: { kind: 'unknown' } },
        { id: 3, name: 'n', required: false, type: INT },
      ],
    }
    const leaves = shredValues(field(type), [[null, 5], null])
    expect(leaves).toHaveLength(1)
    expect(leaves[0]).toMatchObject({ definition: Uint8Array.of(2, 0), values: { length: 1 } })
  })

  it('ends all leaves of a vector that is null everywhere', () => {
    const type: Type = {
      kind: 'map',
      keyId: 2,
      key: INT,
      valueId: 3,
      valueRequired: false,
      value: listOf(INT),
    }
    const leaves = shredColumn(rootOf(field({ ...type })), { layout: 'null', length: 2 })
    expect(leaves).toHaveLength(2)
    for (const leaf of leaves) expect(leaf).toMatchObject({ entries: 2, definition: Uint8Array.of(0, 0) })
  })

  it('refuses nulls in required fields, wrong layouts and decimals wider than their type', () => {
    expect(() => shredColumn(rootOf(field(INT, true)), { layout: 'null', length: 1 })).toThrow(
      expect.objectContaining({ kind: 'invalid-argument', context: { field: 'c', fieldId: 1 } }),
    )
    expect(() => shredValues(field(listOf(INT, true)), [[1], [null]])).toThrow(
      'a required field holds a null',
    )
    const long: Vector = { layout: 'fixed-width', length: 1, values: BigInt64Array.of(1n) }
    expect(() => shredColumn(rootOf(field(INT)), long)).toThrow('layout of its type')
    for (const [precision, words] of [
      [9, [2n ** 31n, 0n]],
      [18, [0n, 1n]],
      [18, [-1n, 0n]],
      [20, [0n, 2n ** 40n]],
    ] as const) {
      const wide: Vector = { layout: 'decimal', length: 1, words: BigInt64Array.from(words) }
      const root = rootOf(field({ kind: 'decimal', precision, scale: 0 }))
      expect(() => shredColumn(root, wide)).toThrow('does not fit its precision')
    }
  })

  it('accepts hidden nulls of a required field in a null struct', () => {
    const type: Type = { kind: 'struct', fields: [{ id: 2, name: 'n', required: true, type: INT }] }
    const child: Vector = {
      layout: 'fixed-width',
      length: 2,
      validity: Uint8Array.of(0b01),
      values: Int32Array.of(3, 0),
    }
    const structs: Vector = { layout: 'struct', length: 2, validity: Uint8Array.of(0b01), children: [child] }
    const [leaf] = shredColumn(rootOf(field(type)), structs)
    expect(leaf).toMatchObject({ definition: Uint8Array.of(1, 0), values: { length: 1 } })
  })

  it('gives decimals the bytes of their physical type', () => {
    const decimal = (precision: number, values: bigint[]): LeafEntries['values'] | undefined =>
      shredValues(field({ kind: 'decimal', precision, scale: 0 }), values)[0]?.values
    expect(decimal(9, [-1n, 999_999_999n])).toMatchObject({ values: Int32Array.of(-1, 999_999_999) })
    expect(decimal(18, [-1n, 2n ** 40n])).toMatchObject({ values: BigInt64Array.of(-1n, 2n ** 40n) })
    expect(decimal(20, [-2n, 258n])).toMatchObject({
      widthBytes: 9,
      bytes: Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255, 254, 0, 0, 0, 0, 0, 0, 0, 1, 2),
    })
  })

  it('agrees with the definition of the levels, whatever the schema, the rows and the cut', () => {
    fc.assert(
      fc.property(arbitraryRows(20), fc.nat(), fc.nat(), ({ fields, rows }, a, b) => {
        const from = Math.min(a % (rows.length + 1), b % (rows.length + 1))
        const to = Math.max(a % (rows.length + 1), b % (rows.length + 1))
        const batch = batchOf(fields, rows)
        const { elements, roots } = writeSchema(fields)
        const read = readParquetSchema(elements)
        for (const [at, root] of roots.entries()) {
          const node = read.roots[at]?.node
          if (node === undefined) throw new TypeError('a root is missing')
          const values = rows.slice(from, to).map(row => row[at] as Value)
          const expected = shredRows({ node, type: root.field.type }, values)
          const shredded = shredColumn(root, batch.columns[at] as Vector, { from, to })
          expect(shredded.map((leaf, index) => plain(root.leaves[index] as WriteLeaf, leaf))).toEqual(
            expected,
          )
        }
      }),
    )
  })
})
