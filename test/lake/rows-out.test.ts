import { describe, expect, it } from 'vitest'
import { stringifyJson } from '../../src/base/json.js'
import { batchOfRows } from '../../src/lake/rows-in.js'
import { jsonRowsOfBatch, type RowOptions, rowsOfBatch } from '../../src/lake/rows-out.js'
import { parseColumns } from '../../src/sql/ddl.js'
import { errorOf } from '../support/errors.js'

const read = (type: string, given: unknown, options: RowOptions = {}): unknown =>
  [...rowsOfBatch(batchOfRows(parseColumns(`c ${type}`), [{ c: given }]), options)][0]?.c
const json = (type: string, given: unknown): string =>
  stringifyJson([...jsonRowsOfBatch(batchOfRows(parseColumns(`c ${type}`), [{ c: given }]))][0]?.c)

const UUID = 'f79c3e09-677c-4bbd-a479-3f349cb785e7'

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
