import { describe, expect, it } from 'vitest'
import { rowAt } from '../../src/batch/values.js'
import { batchOfRows, type InputRow } from '../../src/lake/rows-in.js'
import { rowsOfBatch } from '../../src/lake/rows-out.js'
import { parseColumns } from '../../src/sql/ddl.js'
import { errorOf } from '../support/errors.js'

/** The stored value of one given value, in a column of the type. */
function stored(type: string, value: unknown): unknown {
  const batch = batchOfRows(parseColumns(`c ${type}`), [{ c: value }])
  return rowAt(batch, 0)[0]
}

const micros = (text: string): bigint => BigInt(Date.parse(text)) * 1000n

describe('a value given to a column', () => {
  it.each([
    ['boolean', true, true],
    ['int', 7, 7],
    ['int', 7n, 7],
    ['int', '-2147483648', -2147483648],
    ['long', 7, 7n],
    ['long', '9223372036854775807', 2n ** 63n - 1n],
    ['long', -(2n ** 63n), -(2n ** 63n)],
    ['float', 0.1, Math.fround(0.1)],
    ['float', 'NaN', Number.NaN],
    ['double', 0.1, 0.1],
    ['double', '1e-7', 1e-7],
    ['double', 5n, 5],
    ['double', -0, -0],
    ['double', Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
    ['double', '-Infinity', Number.NEGATIVE_INFINITY],
    ['decimal(5, 2)', '1.5', 150n],
    ['decimal(5, 2)', 1.25, 125n],
    ['decimal(5, 2)', 3n, 300n],
    ['decimal(38, 0)', '99999999999999999999999999999999999999', 10n ** 38n - 1n],
    ['date', '2026-11-21', 20778],
    ['date', new Date('2026-11-21T00:00:00Z'), 20778],
    ['date', '-0001-01-01', Date.parse('-000001-01-01') / 86_400_000],
    ['time', '23:59:59.999999', 86_399_999_999n],
    ['timestamp_ntz', '2026-11-21T10:00:00', micros('2026-11-21T10:00:00Z')],
    ['timestamp_ntz', new Date(5), 5000n],
    ['timestamptz', '2026-11-21T10:00:00+02:00', micros('2026-11-21T08:00:00Z')],
    ['timestamptz_ns', '1970-01-01T00:00:00.000000001Z', 1n],
    ['timestamp_ns', new Date(1), 1_000_000n],
    ['string', '', ''],
    ['string', '\u{1f600}', '\u{1f600}'],
    ['binary', Buffer.from('ab'), Uint8Array.of(97, 98)],
    ['fixed(2)', Uint8Array.of(1, 2), Uint8Array.of(1, 2)],
    ['array<int>', [1, null], [1, null]],
    ['map<string, int>', { a: 1 }, [['a', 1]]],
    ['map<int, string>', new Map([[1, null]]), [[1, null]]],
    ['struct<a: int, b: string>', { b: 'x' }, [null, 'x']],
    ['int', null, null],
    ['int', undefined, null],
  ])('%s (case %#)', (type, given, wanted) => {
    const value = stored(type, given)
    if (value instanceof Uint8Array) expect([...value]).toEqual([...(wanted as Uint8Array)])
    else expect(value).toEqual(wanted)
  })

  it('of type uuid is text or 16 bytes', () => {
    const text = 'f79c3e09-677c-4bbd-a479-3f349cb785e7'
    const bytes = stored('uuid', text)
    expect(bytes).toHaveLength(16)
    expect(stored('uuid', bytes)).toEqual(bytes)
  })
})

describe('a value given to a variant column', () => {
  const fields = parseColumns('v variant, l array<variant>, s struct<v: variant>')

  it.each([
    [{ b: [1, 'x', null, true, 1.5], a: { c: {} } }],
    [[]],
    ['text'],
    [2n ** 63n - 1n],
    [-0.5],
    [false],
  ])('is read back as it was (case %#)', value => {
    const [row] = rowsOfBatch(batchOfRows(fields, [{ v: value, l: [value, null], s: { v: value } }]))
    expect(row).toEqual({ v: value, l: [value, null], s: { v: value } })
  })

  it('is a null column for null, and not the null of variants', () => {
    const batch = batchOfRows(fields, [{ v: null }, {}])
    expect([rowAt(batch, 0)[0], rowAt(batch, 1)[0]]).toEqual([null, null])
  })

  it('is refused where a variant has no place for it, with the row and the column', () => {
    expect(errorOf(() => batchOfRows(fields, [{ v: 1 }, { v: [() => 1] }]))).toMatchObject({
      kind: 'invalid-argument',
      context: {
        column: 'v',
        row: 1,
        type: 'variant',
        reason: 'a value of type function has no place in a variant',
      },
    })
  })
})

describe('a value that does not fit its column is refused', () => {
  it.each([
    ['boolean', 1],
    ['int', 2147483648],
    ['int', 1.5],
    ['int', '1.0'],
    ['int', ''],
    ['int', true],
    ['long', 2 ** 53],
    ['long', 2n ** 63n],
    ['float', 1e300],
    ['float', 16_777_217n],
    ['double', 2n ** 60n + 1n],
    ['double', '1e999'],
    ['double', 'many'],
    ['double', ''],
    ['decimal(5, 2)', '1.005'],
    ['decimal(5, 2)', 1000],
    ['decimal(5, 2)', Number.NaN],
    ['date', '2026-02-30'],
    ['date', 5],
    ['date', new Date(5)],
    ['date', new Date(Number.NaN)],
    ['time', '24:00:00'],
    ['timestamp_ntz', '2026-11-21T10:00:00Z'],
    ['timestamptz', '2026-11-21T10:00:00'],
    ['timestamptz', '2026-11-21T10:00:00.0000001Z'],
    ['string', 5],
    ['string', 'half \ud83d of a pair'],
    ['uuid', 'f79c3e09'],
    ['binary', 'text'],
    ['fixed(2)', Uint8Array.of(1)],
    ['array<int>', 'ab'],
    ['array<int>', ['x']],
    ['map<string, int>', 5],
    ['map<string, int>', { a: 'x' }],
    ['struct<a: int>', { b: 1 }],
    ['struct<a: int>', [1]],
    ['struct<a: int not null>', {}],
    ['int', Symbol('s')],
    ['int', Object.create(null)],
  ])('%s (case %#)', (type, given) => {
    expect(errorOf(() => stored(type, given))).toMatchObject({
      kind: 'invalid-argument',
      context: { column: 'c', row: 0 },
    })
  })
})

describe('rows given as objects', () => {
  const fields = parseColumns('id int not null, s struct<a: int, b: int>')

  it('name row, column and field of a value that does not fit', () => {
    const rows = [{ id: 1 }, { id: 2, s: { a: 1, b: 'x' } }]
    expect(errorOf(() => batchOfRows(fields, rows, { firstRow: 100 }))).toMatchObject({
      kind: 'invalid-argument',
      message: 'a value does not fit its column',
      context: { column: 's', row: 101, type: 'struct<a: int, b: int>', reason: 'b: "x" does not fit' },
    })
  })

  it('must have required columns, and none that the table lacks', () => {
    expect(errorOf(() => batchOfRows(fields, [{ s: null }]))?.context).toEqual({ column: 'id', row: 0 })
    expect(errorOf(() => batchOfRows(fields, [{ id: null }]))?.context).toEqual({ column: 'id', row: 0 })
    expect(errorOf(() => batchOfRows(fields, [{ id: 1 }, { id: 2, x: 1 }]))?.context).toEqual({
      column: 'x',
      row: 1,
    })
  })

  it('take write defaults where a column is missing, at every depth, but not where it is null', () => {
    const inner = { id: 3, name: 'a', required: false, type: { kind: 'int' }, writeDefault: 5 } as const
    const defaulted = [
      { id: 1, name: 'x', required: true, type: { kind: 'int' }, writeDefault: 7 },
      { id: 2, name: 's', required: false, type: { kind: 'struct', fields: [inner] } },
    ] as const
    const batch = batchOfRows(defaulted, [{ s: {} }, { x: 1, s: { a: null } }])
    expect([rowAt(batch, 0), rowAt(batch, 1)]).toEqual([
      [7, [5]],
      [1, [null]],
    ])
  })

  it('count with their own properties only', () => {
    const odd = parseColumns('constructor string, toString string')
    const batch = batchOfRows(odd, [{} as InputRow])
    expect(rowAt(batch, 0)).toEqual([null, null])
  })
})
