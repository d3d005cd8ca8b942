/** Scalars on batches against the model, which takes one row at a time. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isLakeError } from '../../src/base/errors.js'
import type { ColumnBatch, Vector } from '../../src/batch/column-batch.js'
import { hasLayoutOf } from '../../src/batch/layout.js'
import { columnValues } from '../../src/batch/values.js'
import { batchOf } from '../../src/batch/vector-builder.js'
import { bind } from '../../src/expression/bind.js'
import { evaluate } from '../../src/expression/evaluate.js'
import { bindCondition, bindScalar } from '../../src/expression/scalar/bind.js'
import { splitCondition } from '../../src/expression/scalar/condition.js'
import { evaluateCondition, evaluateScalar } from '../../src/expression/scalar/evaluate.js'
import { printScalar } from '../../src/expression/scalar/print.js'
import { sameShape } from '../../src/expression/scalar/types.js'
import type { Value } from '../../src/schema/types.js'
import { parseScalar } from '../../src/sql/scalar.js'
import type { Row } from './model.js'
import { anyCondition, anyScalar, type Modelled, RowError, SCALAR_FIELDS, scalarRow } from './scalar-model.js'

const relation = { fields: SCALAR_FIELDS }
const rowsOf = fc.array(scalarRow, { maxLength: 12 })

/** The model's values, or what failed; a row that fails ends it, as it ends evaluation. */
function modelled(scalar: Modelled, rows: readonly Row[]): Value[] | 'fails' {
  try {
    return rows.map(row => scalar.of(row))
  } catch (error) {
    if (error instanceof RowError) return 'fails'
    throw error
  }
}

function computed<T>(compute: () => T): T | 'fails' {
  try {
    return compute()
  } catch (error) {
    if (isLakeError(error, 'invalid-argument') && typeof error.context.row === 'number') return 'fails'
    throw error
  }
}

/** Ints come as numbers from a column, and as bigints from the model. */
function comparable(values: readonly Value[] | 'fails', isInt: boolean): unknown {
  if (values === 'fails') return values
  return isInt ? values.map(value => (value === null ? null : Number(value))) : values
}

function throughDictionaries(batch: ColumnBatch): ColumnBatch {
  const wrapped = (vector: Vector): Vector => ({
    layout: 'dictionary',
    length: vector.length,
    codes: Int32Array.from({ length: vector.length }, (_, row) => row),
    dictionary: vector,
  })
  return { ...batch, columns: batch.columns.map(each => (each.layout === 'struct' ? each : wrapped(each))) }
}

describe('scalars on batches', () => {
  it('have the values that a row by row reading has, and fail where it fails', () => {
    fc.assert(
      fc.property(anyScalar, rowsOf, (scalar, rows) => {
        const bound = bindScalar(scalar.scalar, relation)
        const isInt = bound.type.kind === 'int'
        const vector = computed(() => evaluateScalar(bound, batchOf(SCALAR_FIELDS, rows)))
        const values = vector === 'fails' ? vector : columnValues(vector, bound.type)
        expect(comparable(values, isInt)).toEqual(comparable(modelled(scalar, rows), isInt))
        if (vector !== 'fails') expect(hasLayoutOf(vector, bound.type)).toBe(true)
        if (bound.required && values !== 'fails') expect(values).not.toContain(null)
      }),
      { numRuns: 1500 },
    )
  })

  it('compute only the rows that are selected, and read dictionaries as they read plain columns', () => {
    fc.assert(
      fc.property(anyScalar, rowsOf, fc.nat({ max: 2 }), (scalar, rows, step) => {
        const bound = bindScalar(scalar.scalar, relation)
        const selection = Uint32Array.from(rows.keys()).filter(row => row % (step + 1) === 0)
        const kept = rows.filter((_, row) => row % (step + 1) === 0)
        const batch = throughDictionaries(batchOf(SCALAR_FIELDS, rows))
        const values = computed(() => {
          const all = columnValues(evaluateScalar(bound, batch, selection), bound.type)
          return [...selection].map(row => all[row] ?? null)
        })
        const isInt = bound.type.kind === 'int'
        expect(comparable(values, isInt)).toEqual(comparable(modelled(scalar, kept), isInt))
      }),
      { numRuns: 500 },
    )
  })

  it('keep the rows where a condition is true, whole or split into what is pushed down and the rest', () => {
    fc.assert(
      fc.property(fc.array(anyCondition, { minLength: 1, maxLength: 3 }), rowsOf, (conjuncts, rows) => {
        const condition = { kind: 'and', children: conjuncts.map(each => each.scalar) } as const
        const truths = conjuncts.map(each => modelled(each, rows))
        // Order decides what is computed at all, so only conditions that fail nowhere have one answer.
        fc.pre(!truths.includes('fails'))
        const expected = rows.flatMap((_, row) => (truths.every(each => each[row] === true) ? [row] : []))
        const batch = batchOf(SCALAR_FIELDS, rows)
        expect([...evaluateCondition(bindCondition(condition, relation), batch)]).toEqual(expected)
        const { pushed, residual } = splitCondition(condition, relation)
        const kept = evaluate(bind(pushed, relation), batch)
        expect([...(residual === undefined ? kept : evaluateCondition(residual, batch, kept))]).toEqual(
          expected,
        )
      }),
      { numRuns: 600 },
    )
  })

  it('keep the sign of a zero in their text', () => {
    const zero = { kind: 'literal', literal: { kind: 'typed', type: { kind: 'double' }, value: -0 } } as const
    const bound = bindScalar(parseScalar(printScalar(zero)), relation)
    expect(bound.type).toEqual({ kind: 'double' })
    expect(
      columnValues(
        evaluateScalar(bound, batchOf(SCALAR_FIELDS, [SCALAR_FIELDS.map(() => null)])),
        bound.type,
      ),
    ).toEqual([-0])
  })

  it('are printed as text that parses to what means the same', () => {
    fc.assert(
      fc.property(anyScalar, rowsOf, (scalar, rows) => {
        const batch = batchOf(SCALAR_FIELDS, rows)
        const again = parseScalar(printScalar(scalar.scalar))
        expect(printScalar(again)).toEqual(printScalar(parseScalar(printScalar(again))))
        const first = bindScalar(scalar.scalar, relation)
        const second = bindScalar(again, relation)
        // Digits that are written out have the type that they need, which may be a narrower one.
        fc.pre(sameShape(first.type, second.type))
        const [values, valuesAgain] = [first, second].map(bound =>
          computed(() => columnValues(evaluateScalar(bound, batch), bound.type)),
        )
        fc.pre(values !== 'fails' && valuesAgain !== 'fails')
        expect(valuesAgain).toEqual(values)
      }),
      { numRuns: 300 },
    )
  })
})
