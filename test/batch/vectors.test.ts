import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ColumnBatch, isPresent, type Vector } from '../../src/batch/column-batch.js'
import { hasLayoutOf } from '../../src/batch/layout.js'
import { fromBitmap } from '../../src/batch/selection.js'
import {
  concatBatches,
  constantVector,
  emptyBatch,
  nullVectorOf,
  plainVector,
  selectColumns,
  sliceBatch,
  takeBatch,
  takeVector,
} from '../../src/batch/take.js'
import { batchRows, columnValues, rowAt, valueAt } from '../../src/batch/values.js'
import { batchOf, createVectorBuilder } from '../../src/batch/vector-builder.js'
import { parseType } from '../../src/schema/type-text.js'
import type { Field, Type, Value } from '../../src/schema/types.js'
import { anyRows, anyType, anyValue } from '../schema/arbitrary.js'
import { encodeSome } from './encode.js'

/** A batch whose columns are cut out of longer ones, some behind dictionaries: all a reader may hand over. */
const anyBatch = fc
  .record({ data: anyRows(), before: fc.nat(9), after: fc.nat(3), encode: fc.boolean() })
  .map(({ data, before, after, encode }) => {
    const padded = [...data.rows.slice(0, before), ...data.rows, ...data.rows.slice(0, after)]
    const whole = batchOf(data.fields, padded)
    const start = Math.min(before, data.rows.length)
    const batch = sliceBatch(encode ? encodeSome(whole) : whole, start, start + data.rows.length)
    return { batch, fields: data.fields, rows: data.rows }
  })

function expectSound(batch: ColumnBatch): void {
  expect(batch.columns.length).toBe(batch.fields.length)
  for (const [at, column] of batch.columns.entries()) {
    expect(column.length).toBe(batch.length)
    expect(hasLayoutOf(column, batch.fields[at]!.type)).toBe(true)
  }
}

describe('building and reading', () => {
  it('gives back the values that were put in', () => {
    fc.assert(
      fc.property(anyBatch, ({ batch, rows }) => {
        expectSound(batch)
        expect(batchRows(batch)).toEqual(rows)
        expect(rows.map((_, row) => rowAt(batch, row))).toEqual(rows)
      }),
    )
  })

  it('allocates no validity while there is no null', () => {
    const ints = createVectorBuilder({ kind: 'int' })
    for (let value = 0; value < 100; value++) ints.append(value)
    expect(ints.finish()).toMatchObject({ layout: 'fixed-width', length: 100, validity: undefined })
  })

  it('marks nulls from wherever the first one is', () => {
    for (const first of [0, 1, 7, 8, 9, 63, 64, 500]) {
      const builder = createVectorBuilder({ kind: 'long' }, 4)
      for (let row = 0; row < first; row++) builder.append(BigInt(row))
      builder.append(null)
      builder.append(7n)
      const vector = builder.finish()
      const present = Array.from({ length: vector.length }, (_, row) => isPresent(vector, row))
      expect(present).toEqual(present.map((_, row) => row !== first))
    }
  })

  it('keeps long text, wide decimals and the lowest numbers exact', () => {
    const text = `${'x'.repeat(40)}é😀`.repeat(30)
    const values: [string, Value][] = [
      ['string', text],
      ['string', 'é'],
      ['decimal(38, 0)', -(10n ** 38n) + 1n],
      ['decimal(38, 0)', -1n],
      ['long', -(2n ** 63n)],
      ['int', -(2 ** 31)],
      ['double', -0],
    ]
    for (const [type, value] of values) {
      const builder = createVectorBuilder(parseType(type), 1)
      builder.append(null)
      builder.append(value)
      builder.append(value)
      const vector = builder.finish()
      expect(columnValues(vector, parseType(type))).toEqual([null, value, value])
    }
  })

  it('refuses values that do not have the form of the type', () => {
    const list: Type = { kind: 'list', elementId: 1, elementRequired: true, element: { kind: 'int' } }
    const map: Type = {
      kind: 'map',
      keyId: 1,
      key: { kind: 'string' },
      valueId: 2,
      valueRequired: false,
      value: { kind: 'int' },
    }
    const wrong: [Type, Value][] = [
      [{ kind: 'int' }, 1n],
      [{ kind: 'int' }, 1.5],
      [{ kind: 'int' }, 2 ** 31],
      [{ kind: 'long' }, 1],
      [{ kind: 'long' }, 2n ** 63n],
      [{ kind: 'boolean' }, 1],
      [{ kind: 'string' }, Uint8Array.of(1)],
      [{ kind: 'binary' }, 'a'],
      [{ kind: 'uuid' }, Uint8Array.of(1)],
      [parseType('decimal(9, 2)'), 1],
      [{ kind: 'unknown' }, 1],
      [list, 1],
      [list, ['a']],
      [map, ['a']],
      [map, [[null, 1]]],
      [{ kind: 'struct', fields: [] }, 1],
    ]
    for (const [type, value] of wrong) {
      expect(() => createVectorBuilder(type).append(value)).toThrow(
        expect.objectContaining({ kind: 'invalid-argument' }),
      )
    }
  })
})

describe('taking, slicing, joining', () => {
  it('takes rows in any order, as often as asked', () => {
    fc.assert(
      fc.property(anyBatch, fc.array(fc.nat(1000), { maxLength: 30 }), ({ batch, rows }, picks) => {
        const wanted = rows.length === 0 ? [] : picks.map(pick => pick % rows.length)
        const taken = takeBatch(batch, Uint32Array.from(wanted))
        expectSound(taken)
        expect(batchRows(taken)).toEqual(wanted.map(row => rows[row]))
      }),
    )
  })

  it('slices any range', () => {
    fc.assert(
      fc.property(anyBatch, fc.nat(30), fc.nat(30), ({ batch, rows }, a, b) => {
        const [from, to] = [Math.min(a, b, rows.length), Math.min(Math.max(a, b), rows.length)]
        const slice = sliceBatch(batch, from, to)
        expectSound(slice)
        expect(batchRows(slice)).toEqual(rows.slice(from, to))
      }),
    )
  })

  it('joins what was cut, whatever stands behind dictionaries', () => {
    fc.assert(
      fc.property(
        anyBatch,
        fc.array(fc.nat(20), { maxLength: 4 }),
        fc.boolean(),
        ({ batch, fields, rows }, cuts, decode) => {
          const edges = [0, ...cuts.map(cut => Math.min(cut, rows.length)).sort((a, b) => a - b), rows.length]
          const parts = edges.slice(1).map((to, at) => sliceBatch(batch, edges[at]!, to))
          // Every second part without its dictionaries, so that layouts differ.
          const mixed = parts.map((part, at) =>
            decode && at % 2 === 1 ? { ...part, columns: part.columns.map(plainVector) } : part,
          )
          const joined = concatBatches(fields, mixed)
          expectSound(joined)
          expect(batchRows(joined)).toEqual(rows)
        },
      ),
    )
  })

  it('joins nothing to a batch of no rows', () => {
    const fields: Field[] = [{ id: 1, name: 'a', required: true, type: { kind: 'int' } }]
    expect(concatBatches(fields, [])).toEqual(emptyBatch(fields))
    expect(concatBatches(fields, [emptyBatch(fields), emptyBatch(fields)]).length).toBe(0)
    expectSound(emptyBatch(fields))
  })

  it('keeps a dictionary that all parts share', () => {
    const dictionary = createVectorBuilder({ kind: 'string' })
    dictionary.append('x')
    const vector: Vector = {
      layout: 'dictionary',
      length: 2,
      codes: Int32Array.of(0, 0),
      dictionary: dictionary.finish(),
    }
    const fields: Field[] = [{ id: 1, name: 'a', required: true, type: { kind: 'string' } }]
    const batch: ColumnBatch = { length: 2, fields, columns: [vector] }
    const joined = concatBatches(fields, [batch, batch])
    expect(joined.columns[0]).toMatchObject({ layout: 'dictionary', length: 4 })
    expect(batchRows(joined)).toEqual([['x'], ['x'], ['x'], ['x']])
  })

  it('keeps the bits of NaN', () => {
    const bits = new BigUint64Array([0x7ff8_0000_dead_beefn, 0xfff0_0000_0000_0001n])
    const values = new Float64Array(bits.buffer)
    const taken = takeVector({ layout: 'fixed-width', length: 2, values }, Uint32Array.of(1, 0))
    const buffer = taken.layout === 'fixed-width' ? taken.values.buffer : new ArrayBuffer(0)
    expect([...new BigUint64Array(buffer)]).toEqual([...bits].reverse())
  })

  it('decodes a dictionary whose null rows have no sensible code', () => {
    const entries = createVectorBuilder({ kind: 'string' })
    const empty: Vector = {
      layout: 'dictionary',
      length: 2,
      validity: Uint8Array.of(0),
      codes: Int32Array.of(-1, 9),
      dictionary: entries.finish(),
    }
    expect(columnValues(plainVector(empty), { kind: 'string' })).toEqual([null, null])
    const one = createVectorBuilder({ kind: 'string' })
    one.append('x')
    const vector: Vector = {
      layout: 'dictionary',
      length: 3,
      validity: Uint8Array.of(0b010),
      codes: Int32Array.of(-1, 0, 7),
      dictionary: one.finish(),
    }
    expect(columnValues(plainVector(vector), { kind: 'string' })).toEqual([null, 'x', null])
  })

  it('selects columns by index', () => {
    const fields: Field[] = ['a', 'b'].map((name, at) => ({
      id: at,
      name,
      required: true,
      type: { kind: 'int' },
    }))
    const batch = batchOf(fields, [[1, 2]])
    expect(batchRows(selectColumns(batch, [1, 0, 1]))).toEqual([[2, 1, 2]])
    expect(() => selectColumns(batch, [2])).toThrow(expect.objectContaining({ kind: 'invalid-argument' }))
  })
})

describe('constants', () => {
  it('has one value in every row, or null', () => {
    fc.assert(
      fc.property(
        anyType(2).chain(type => anyValue(type).map(value => ({ type, value }))),
        fc.nat(20),
        ({ type, value }, length) => {
          const vector = constantVector(type, value, length)
          expect(hasLayoutOf(vector, type)).toBe(true)
          expect(columnValues(vector, type)).toEqual(new Array(length).fill(value))
          expect(columnValues(nullVectorOf(type, length), type)).toEqual(new Array(length).fill(null))
        },
      ),
    )
  })

  it('stores text once', () => {
    expect(constantVector({ kind: 'string' }, 'file:/x', 1000)).toMatchObject({ dictionary: { length: 1 } })
  })

  it('takes null rows of a constant as of any other column', () => {
    const nulls = nullVectorOf({ kind: 'string' }, 10)
    expect(valueAt(takeVector(nulls, fromBitmap(Uint8Array.of(0xff), 8)), { kind: 'string' }, 3)).toBeNull()
  })
})
