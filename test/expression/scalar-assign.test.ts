import { describe, expect, it } from 'vitest'
import { batchRows, columnValues } from '../../src/batch/values.js'
import { batchOf } from '../../src/batch/vector-builder.js'
import type { Assignment } from '../../src/expression/merge-clause.js'
import {
  applyAssignments,
  assignAll,
  bindAssignments,
  bindInsert,
} from '../../src/expression/scalar/assign.js'
import { evaluateScalar } from '../../src/expression/scalar/evaluate.js'
import type { Field, Value } from '../../src/schema/types.js'
import { parseAssignments } from '../../src/sql/scalar.js'
import { errorOf } from '../support/errors.js'

const field = (id: number, name: string, type: Field['type'], more: Partial<Field> = {}): Field => ({
  id,
  name,
  required: false,
  type,
  ...more,
})
const FIELDS: readonly Field[] = [
  field(1, 'id', { kind: 'long' }, { required: true }),
  field(2, 'i', { kind: 'int' }),
  field(3, 'd', { kind: 'decimal', precision: 5, scale: 2 }),
  field(4, 's', { kind: 'string' }),
  field(5, 'day', { kind: 'date' }, { writeDefault: 7 }),
  field(6, 'tz', { kind: 'timestamptz' }),
  field(7, 'u', { kind: 'uuid' }),
  field(8, 'o', { kind: 'boolean' }),
  field(9, 'f', { kind: 'fixed', lengthBytes: 2 }),
  field(10, 'st', {
    kind: 'struct',
    fields: [field(11, 'a', { kind: 'int' }), field(12, 'b', { kind: 'string' })],
  }),
  field(13, 'ls', { kind: 'list', elementId: 14, elementRequired: false, element: { kind: 'long' } }),
]
const target = { alias: 't', fields: FIELDS }
const scope = { target, relations: target }
const ROW: readonly Value[] = [1n, 2, 125n, 'x', 3, 4n, null, true, null, [5, 'y'], [1n]]

/** What the assigned columns hold in a row, by name. */
function assigned(text: string, row: readonly Value[] = ROW): Record<string, Value> {
  const batch = batchOf(FIELDS, [row])
  return Object.fromEntries(
    bindAssignments(parseAssignments(text), scope).map(({ field: { name, type }, value }) => [
      name,
      columnValues(evaluateScalar(value, batch), type)[0] ?? null,
    ]),
  )
}

function refusal(text: string): string | undefined {
  return errorOf(() => assigned(text))?.message
}

describe('assignments', () => {
  it('cast values to the type of the column', () => {
    expect(
      assigned("i = id + 1, id = i, d = 1.005, s = i, day = tz, tz = date '1970-01-02', o = null"),
    ).toEqual({
      i: 2,
      id: 2n,
      d: 101n,
      s: '2',
      day: 0,
      tz: 86_400_000_000n,
      o: null,
    })
    expect(assigned('t.i = 2.9e0')).toEqual({ i: 2 })
    expect(assigned("u = 'f79c3e09-677c-4bbd-a479-3f349cb785e7', f = x'0102'")).toMatchObject({
      f: Uint8Array.of(1, 2),
    })
  })

  it('take text that is written out for dates and times, and no other text', () => {
    expect(assigned("day = '1970-01-05', tz = '1970-01-01 00:00:01'")).toEqual({ day: 4, tz: 1_000_000n })
    expect(refusal('day = s')).toBe('the value cannot be stored in the column')
    expect(refusal("i = '5'")).toBe('the value cannot be stored in the column')
    expect(refusal('o = 1')).toBe('the value cannot be stored in the column')
    expect(refusal('i = o')).toBe('the value cannot be stored in the column')
    expect(refusal('tz = id')).toBe('the value cannot be stored in the column')
    expect(errorOf(() => assigned("i = '5'"))?.context).toEqual({
      column: 'i',
      type: 'int',
      value: "'5'",
      valueType: 'string',
    })
  })

  it('check the range of every value', () => {
    expect(refusal('i = id + 2147483647')).toBe('a value cannot be cast')
    expect(refusal('d = 1000')).toBe('a value cannot be cast')
    expect(refusal("f = x'01'")).toBe('a value cannot be cast')
    expect(errorOf(() => assigned('i = id + 2147483647'))?.context).toEqual({
      row: 0,
      expression: 'i = id + 2147483647',
      value: '2147483648',
    })
  })

  it('change fields of structs and keep the others', () => {
    expect(assigned('st.a = st.a + 1')).toEqual({ st: [6, 'y'] })
    expect(assigned('st.a = 1, st.b = upper(st.b)')).toEqual({ st: [1, 'Y'] })
    expect(assigned('st.a = 1', ROW.with(9, null))).toEqual({ st: [1, null] })
  })

  it('refuse unknown columns, and a column that is assigned to twice', () => {
    expect(refusal('nothing = 1')).toBe('the column is not in the schema')
    expect(refusal('i = 1, i = 2')).toBe('a column is assigned to twice')
    expect(refusal('st.a = 1, st = st')).toBe('a column is assigned to twice')
  })

  it('stand in place of the columns of a batch', () => {
    const fields = FIELDS.slice(0, 2)
    const batch = batchOf(fields, [
      [1n, 10],
      [2n, null],
    ])
    const relation = { fields }
    const assignments = bindAssignments(parseAssignments('i = coalesce(i, 0) + 1'), {
      target: relation,
      relations: relation,
    })
    expect(batchRows(applyAssignments(batch, assignments, { input: batch }))).toEqual([
      [1n, 11],
      [2n, 1],
    ])
  })
})

describe('inserted rows', () => {
  const source = {
    alias: 's',
    fields: [
      field(1, 'id', { kind: 'int' }),
      field(2, 'extra', { kind: 'string' }),
      field(3, 'st', {
        kind: 'struct',
        fields: [field(4, 'b', { kind: 'int' }), field(5, 'a', { kind: 'long' })],
      }),
      field(6, 'ls', { kind: 'list', elementId: 7, elementRequired: true, element: { kind: 'int' } }),
    ],
  }
  const insertScope = { target, relations: source }

  function inserted(assignments: readonly Assignment[], row: readonly Value[]): Value[] {
    const batch = batchOf(source.fields, [row])
    return bindInsert(assignments, insertScope).map(
      ({ field: { type }, value }) => columnValues(evaluateScalar(value, batch), type)[0] ?? null,
    )
  }

  it('have a value for each column: given, default or null', () => {
    const values = inserted(parseAssignments('id = s.id, s = extra, st = s.st, ls = s.ls'), [
      9,
      'e',
      [1, 2n],
      [3, null],
    ])
    expect(values).toEqual([9n, null, null, 'e', 7, null, null, null, null, [2, '1'], [3n, null]])
  })

  it('name the row when a value inside a struct or list does not fit', () => {
    const error = errorOf(() =>
      inserted(parseAssignments('id = s.id, st = s.st'), [9, 'e', [1, 2n ** 40n], null]),
    )
    expect(error?.context).toMatchObject({ row: 0, expression: 'st = s.st' })
  })

  it('need a value for required columns', () => {
    expect(errorOf(() => inserted([], [1, '', null, null]))?.message).toBe('a required column has no value')
    expect(errorOf(() => bindInsert(parseAssignments('id = 1, st.a = 1'), insertScope))?.message).toBe(
      'a row is inserted with whole columns',
    )
  })

  it('take all columns from a source that has them', () => {
    const small = { fields: [field(1, 'id', { kind: 'long' }), field(2, 'extra', { kind: 'string' })] }
    expect(assignAll(small, source)).toEqual([
      { column: 'id', value: { kind: 'column', name: 's.id' } },
      { column: 'extra', value: { kind: 'column', name: 's.extra' } },
    ])
    expect(errorOf(() => assignAll(target, source))?.context.column).toBe('i')
  })
})
