import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ColumnBatch, Vector } from '../../src/batch/column-batch.js'
import { batchOf } from '../../src/batch/vector-builder.js'
import { bind } from '../../src/expression/bind.js'
import { evaluate } from '../../src/expression/evaluate.js'
import {
  and,
  eq,
  gt,
  isIn,
  isNull,
  lt,
  not,
  notEq,
  notIn,
  notNan,
  or,
  startsWith,
} from '../../src/expression/expression.js'
import type { Field, Value } from '../../src/schema/types.js'
import { arbitraryRow, expressionOver, MODEL_COLUMNS, MODEL_FIELDS, MODEL_SCHEMA, truth } from './model.js'

const anyExpression = expressionOver(MODEL_COLUMNS)

function rowsWhere(
  fields: readonly Field[],
  rows: readonly (readonly Value[])[],
  expression: Parameters<typeof bind>[0],
): number[] {
  return [...evaluate(bind(expression, { fields }), batchOf(fields, rows))]
}

/** The vector as the dictionary of another: row by row, so that entries repeat and hold the nulls. */
function throughDictionary(vector: Vector): Vector {
  const { length } = vector
  const codes = Int32Array.from({ length }, (_, row) => row)
  return { layout: 'dictionary', length, codes, dictionary: vector }
}

function dictionaryBatch(batch: ColumnBatch): ColumnBatch {
  return {
    ...batch,
    columns: batch.columns.map(vector => (vector.layout === 'struct' ? vector : throughDictionary(vector))),
  }
}

describe('evaluate', () => {
  it('keeps exactly the rows where a row by row reading of the predicate is true', () => {
    fc.assert(
      fc.property(anyExpression, fc.array(arbitraryRow, { maxLength: 40 }), (expression, rows) => {
        const expected = rows.flatMap((row, index) => (truth(expression, row) === true ? [index] : []))
        const bound = bind(expression, MODEL_SCHEMA)
        expect([...evaluate(bound, batchOf(MODEL_FIELDS, rows))]).toEqual(expected)
      }),
      { numRuns: 1500 },
    )
  })

  it('gives the same rows for dictionary columns, whether the dictionary is longer or shorter than the selection', () => {
    fc.assert(
      fc.property(
        anyExpression,
        fc.array(arbitraryRow, { maxLength: 20 }),
        fc.nat({ max: 3 }),
        (expression, rows, step) => {
          const bound = bind(expression, MODEL_SCHEMA)
          const batch = batchOf(MODEL_FIELDS, rows)
          const selection = Uint32Array.from(rows.keys()).filter(row => row % (step + 1) === 0)
          const encoded = dictionaryBatch(batch)
          expect([...evaluate(bound, encoded)]).toEqual([...evaluate(bound, batch)])
          expect([...evaluate(bound, encoded, selection)]).toEqual([...evaluate(bound, batch, selection)])
        },
      ),
      { numRuns: 500 },
    )
  })

  it('looks only at the selected rows', () => {
    fc.assert(
      fc.property(anyExpression, fc.array(fc.tuple(arbitraryRow, fc.boolean())), (expression, tagged) => {
        const bound = bind(expression, MODEL_SCHEMA)
        const batch = batchOf(
          MODEL_FIELDS,
          tagged.map(([row]) => row),
        )
        const selection = Uint32Array.from(tagged.flatMap(([, chosen], row) => (chosen ? [row] : [])))
        const all = new Set(evaluate(bound, batch))
        expect([...evaluate(bound, batch, selection)]).toEqual([...selection].filter(row => all.has(row)))
      }),
      { numRuns: 300 },
    )
  })

  const text: Field = { id: 1, name: 't', required: false, type: { kind: 'string' } }
  const double: Field = { id: 2, name: 'x', required: false, type: { kind: 'double' } }
  const long: Field = { id: 3, name: 'l', required: false, type: { kind: 'long' } }

  it('keeps no null row for a comparison or for its negation', () => {
    const rows = [['eu'], [null], ['us']]
    expect(rowsWhere([text], rows, eq('t', 'eu'))).toEqual([0])
    expect(rowsWhere([text], rows, not(eq('t', 'eu')))).toEqual([2])
    expect(rowsWhere([text], rows, notIn('t', ['eu', 'x']))).toEqual([2])
    expect(rowsWhere([text], rows, not(startsWith('t', 'e')))).toEqual([2])
    expect(rowsWhere([text], rows, or(eq('t', 'eu'), isNull('t')))).toEqual([0, 1])
  })

  it('orders text by UTF-8 bytes, not by UTF-16 units', () => {
    expect(rowsWhere([text], [['\u{ffff}'], ['\u{1f600}']], gt('t', '\u{ffff}'))).toEqual([1])
  })

  it('puts NaN above every number and takes both zeros as equal', () => {
    const rows = [[-0], [0], [Number.NaN], [Infinity], [null]]
    expect(rowsWhere([double], rows, gt('x', 1e308))).toEqual([2, 3])
    expect(rowsWhere([double], rows, eq('x', 0))).toEqual([0, 1])
    expect(rowsWhere([double], rows, lt('x', 0))).toEqual([])
    expect(rowsWhere([double], rows, eq('x', Number.NaN))).toEqual([2])
    expect(rowsWhere([double], rows, notEq('x', Number.NaN))).toEqual([0, 1, 3])
    expect(rowsWhere([double], rows, notNan('x'))).toEqual([0, 1, 3, 4])
  })

  it('compares longs beyond the precision of a double', () => {
    const rows = [[2n ** 53n], [2n ** 53n + 1n], [-(2n ** 53n) - 1n], [2n ** 63n - 1n]]
    expect(rowsWhere([long], rows, gt('l', 2n ** 53n))).toEqual([1, 3])
    expect(rowsWhere([long], rows, isIn('l', [2n ** 53n + 1n, -(2n ** 53n) - 1n]))).toEqual([1, 2])
    expect(rowsWhere([long], rows, lt('l', '9223372036854775807'))).toEqual([0, 1, 2])
  })

  it('finds rows by a large set', () => {
    const wanted = Array.from({ length: 1000 }, (_, index) => BigInt(index) * 3n)
    const rows = Array.from({ length: 500 }, (_, index) => [BigInt(index)])
    expect(rowsWhere([long], rows, isIn('l', wanted))).toEqual(
      rows.flatMap((_, row) => (row % 3 === 0 ? [row] : [])),
    )
  })

  it('reads a field of a null struct as null', () => {
    const struct: Field = {
      id: 4,
      name: 's',
      required: false,
      type: { kind: 'struct', fields: [{ id: 5, name: 'a', required: true, type: { kind: 'int' } }] },
    }
    const rows = [[[1]], [null], [[2]]]
    expect(rowsWhere([struct], rows, eq('s.a', 1))).toEqual([0])
    expect(rowsWhere([struct], rows, isNull('s.a'))).toEqual([1])
    expect(rowsWhere([struct], rows, isNull('s'))).toEqual([1])
  })

  it('takes a vector whose offsets do not begin at 0', () => {
    const bytes = new TextEncoder().encode('xxabcd')
    const vector: Vector = { layout: 'var-bytes', length: 2, offsets: Int32Array.of(2, 4, 6), bytes }
    const batch: ColumnBatch = { length: 2, fields: [text], columns: [vector] }
    expect([...evaluate(bind(and(gt('t', 'ab'), startsWith('t', 'c')), { fields: [text] }), batch)]).toEqual([
      1,
    ])
  })
})
