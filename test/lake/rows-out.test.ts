import { describe, expect, it } from 'vitest'
import { stringifyJson } from '../../src/base/json.js'
import type { ColumnBatch } from '../../src/batch/column-batch.js'
import { batchOf } from '../../src/batch/vector-builder.js'
import { batchOfRows } from '../../src/lake/rows-in.js'
import { jsonRowsOfBatch, type RowOptions, rowsOfBatch } from '../../src/lake/rows-out.js'
import type { Type } from '../../src/schema/types.js'
import { parseColumns } from '../../src/sql/ddl.js'
import { encodeVariant, plainStyle, type VariantTree } from '../format/variant-tree.js'
import { errorOf } from '../support/errors.js'

const read = (type: string, given: unknown, options: RowOptions = {}): unknown =>
  [...rowsOfBatch(batchOfRows(parseColumns(`c ${type}`), [{ c: given }]), options)][0]?.c
const json = (type: string, given: unknown): string =>
  stringifyJson([...jsonRowsOfBatch(batchOfRows(parseColumns(`c ${type}`), [{ c: given }]))][0]?.c)

const UUID = 'f79c3e09-677c-4bbd-a479-3f349cb785e7'

describe('a row', () => {
  it('has a column of any name', () => {
    const field = { id: 1, name: '__proto__', required: false, type: { kind: 'int' as const } }
    const batch = batchOf([field], [[5]])
    expect([...rowsOfBatch(batch)].map(Object.entries)).toEqual([[['__proto__', 5]]])
    expect([...jsonRowsOfBatch(batch)].map(Object.entries)).toEqual([[['__proto__', 5]]])
  })
})

describe('a value that is read', () => {
  it.each([
    ['boolean', true, true, 'true'],
    ['int', 7, 7, '7'],
    ['long', '9223372036854775807', 2n ** 63n - 1n, '9223372036854775807'],
    ['float', 0.5, 0.5, '0.5'],
    ['double', Number.NaN, Number.NaN, '"NaN"'],
    ['double', Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, '"-Infinity"'],
    ['decimal(5, 2)', '-1.5', '-1.50', '"-1.50"'],
    ['date', '2026-11-21', '2026-11-21', '"2026-11-21"'],
    ['date', '+10000-01-01', '+10000-01-01', '"+10000-01-01"'],
    ['time', '10:00:00', '10:00:00.000000', '"10:00:00.000000"'],
    ['timestamp_ntz', '2026-11-21T10:00:00', '2026-11-21T10:00:00.000000', '"2026-11-21T10:00:00.000000"'],
    [
      'timestamptz',
      '2026-11-21T10:00:00Z',
      '2026-11-21T10:00:00.000000+00:00',
      '"2026-11-21T10:00:00.000000+00:00"',
    ],
    [
      'timestamp_ns',
      '2026-11-21T10:00:00',
      '2026-11-21T10:00:00.000000000',
      '"2026-11-21T10:00:00.000000000"',
    ],
    ['uuid', UUID, UUID, `"${UUID}"`],
    ['string', 'a"b', 'a"b', '"a\\"b"'],
    ['binary', Uint8Array.of(0, 255), Uint8Array.of(0, 255), '"00ff"'],
    ['array<long>', [1, null], [1n, null], '[1,null]'],
    [
      'struct<a: long, b: date>',
      { a: 1, b: '1970-01-01' },
      { a: 1n, b: '1970-01-01' },
      '{"a":1,"b":"1970-01-01"}',
    ],
    ['map<string, long>', { a: 1 }, new Map([['a', 1n]]), '{"keys":["a"],"values":[1]}'],
    ['array<struct<d: decimal(3, 1)>>', [{ d: 1 }, null], [{ d: '1.0' }, null], '[{"d":"1.0"},null]'],
    ['int', null, null, 'null'],
  ])('%s (case %#)', (type, given, row, text) => {
    expect(read(type, given)).toEqual(row)
    expect(json(type, given)).toBe(text)
  })
})

describe('a variant', () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
  const tree: VariantTree = {
    type: 'object',
    fields: {
      a: { type: 'int64', value: 2n ** 62n },
      b: { type: 'array', elements: [{ type: 'int8', value: -1 }, { type: 'null' }] },
      c: { type: 'decimal8', scale: 2, value: -150n },
      d: { type: 'date', value: 0 },
      e: { type: 'binary', value: Uint8Array.of(0, 255) },
      f: { type: 'timestamptz_ns', value: 1n },
      g: { type: 'double', value: Number.NaN },
    },
  }
  const variants = (rows: readonly (Uint8Array | null)[]): ColumnBatch =>
    batchOf(
      [{ id: 1, name: 'v', required: false, type: { kind: 'variant' } }],
      rows.map(row => [row]),
    )
  const batch = variants([encodeVariant(tree, plainStyle(names)), null])

  it('is the value that is in it, as a column of its type would give it', () => {
    expect([...rowsOfBatch(batch)]).toEqual([
      {
        v: {
          a: 2n ** 62n,
          b: [-1, null],
          c: '-1.50',
          d: '1970-01-01',
          e: Uint8Array.of(0, 255),
          f: '1970-01-01T00:00:00.000000001+00:00',
          g: Number.NaN,
        },
      },
      { v: null },
    ])
    expect([...rowsOfBatch(batch, { long: 'string' })][0]).toMatchObject({ v: { a: String(2n ** 62n) } })
  })

  it('is JSON in JSON rows, inside other types too', () => {
    const json =
      '{"a":4611686018427387904,"b":[-1,null],"c":"-1.50","d":"1970-01-01","e":"00ff",' +
      '"f":"1970-01-01T00:00:00.000000001+00:00","g":"NaN"}'
    expect([...jsonRowsOfBatch(batch)].map(row => stringifyJson(row.v))).toEqual([json, 'null'])
    const list: Type = { kind: 'list', elementId: 2, elementRequired: false, element: { kind: 'variant' } }
    const inside = batchOf(
      [{ id: 1, name: 'l', required: false, type: list }],
      [[[encodeVariant({ type: 'string', value: 'x' }, plainStyle()), null]]],
    )
    expect([...jsonRowsOfBatch(inside)].map(row => stringifyJson(row.l))).toEqual(['["x",null]'])
    expect([...rowsOfBatch(inside)]).toEqual([{ l: ['x', null] }])
  })

  it('that is broken is an error, not another value', () => {
    expect(errorOf(() => [...rowsOfBatch(variants([Uint8Array.of(1, 0, 0, 9, 65)]))])).toMatchObject({
      kind: 'corrupt',
    })
  })
})

describe('a shape', () => {
  it('is its well-known binary, in hex in JSON rows', () => {
    expect(read('geometry', Uint8Array.of(1, 255))).toEqual(Uint8Array.of(1, 255))
    expect(json('geometry', Uint8Array.of(1, 255))).toBe('"01ff"')
    expect(json('geography', Uint8Array.of(1, 255))).toBe('"01ff"')
  })
})

describe('a long', () => {
  it('is given as bigint, number or text, at any depth', () => {
    const given = [[1]]
    expect(read('array<array<long>>', given)).toEqual([[1n]])
    expect(read('array<array<long>>', given, { long: 'number' })).toEqual([[1]])
    expect(read('array<array<long>>', given, { long: 'string' })).toEqual([['1']])
  })

  it('that a number cannot hold is refused, not rounded', () => {
    expect(read('long', 2n ** 53n - 1n, { long: 'number' })).toBe(2 ** 53 - 1)
    expect(errorOf(() => read('long', 2n ** 53n, { long: 'number' }))).toMatchObject({
      kind: 'invalid-argument',
      context: { value: '9007199254740992' },
    })
  })
})
