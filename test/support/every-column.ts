/** A table with a column of every type that serac writes, and rows at the edges of each. */
import type { InputRow } from '../../src/index.js'

const BASE = [
  'id bigint not null',
  'flag boolean',
  'i int',
  'l bigint',
  'f float',
  'd double',
  'd9 decimal(9,2)',
  'd18 decimal(18,6)',
  'd38 decimal(38,10)',
  'day date',
  'tm time',
  'ts timestamp_ntz',
  'tz timestamptz',
  's string',
  'u uuid',
  'x binary',
  'fx fixed(4)',
  'tags array<string>',
  'counts array<bigint>',
  'attrs map<string,decimal(9,2)>',
  'by_number map<int,struct<a:double,b:array<boolean>>>',
  'p struct<x:double,inner:struct<name:string,at:timestamptz>,items:array<struct<u:uuid,n:int>>>',
]

/** Columns in DDL; those of format version 3 come last. */
export function everyColumn(formatVersion: 2 | 3): string {
  const added = formatVersion === 3 ? ['tsn timestamp_ns', 'tzn timestamptz_ns'] : []
  return [...BASE, ...added].join(', ')
}

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))

const ROWS: readonly InputRow[] = [
  {
    id: 1n,
    flag: true,
    i: 42,
    l: 9_007_199_254_740_993n,
    f: 1.5,
    d: -0,
    d9: '1.50',
    d18: '-0.000001',
    d38: '1234567890123456789012345678.0123456789',
    day: '2024-02-29',
    tm: '01:02:03.000004',
    ts: '2024-01-01T00:00:00.000001',
    tz: '2024-01-01T02:00:00.000001+02:00',
    s: 'naïve 😀 "quoted"\n\\',
    u: 'F79C3E09-677C-4BBD-A479-3F349CB785E7',
    x: bytes('00ff10'),
    fx: bytes('deadbeef'),
    tags: ['a', null, ''],
    counts: [-9_223_372_036_854_775_808n, 9_223_372_036_854_775_807n],
    attrs: { b: '2.00', a: null },
    by_number: new Map([
      [7, { a: 0.1, b: [true, null] }],
      [-7, null],
    ]),
    p: {
      x: 2.5,
      inner: { name: 'in', at: '1969-12-31T23:59:59.999999Z' },
      items: [{ u: '00000000-0000-0000-0000-00000000000a', n: 1 }, null, { u: null, n: null }],
    },
  },
  { id: 2n },
  {
    id: 3n,
    flag: false,
    i: -2_147_483_648,
    l: -9_223_372_036_854_775_808n,
    f: Number.NaN,
    d: Number.POSITIVE_INFINITY,
    d9: '-9999999.99',
    d18: '999999999999.999999',
    d38: '-9999999999999999999999999999.9999999999',
    day: '0001-01-01',
    tm: '00:00:00',
    ts: '1969-12-31T23:59:59.999999',
    tz: '1970-01-01T00:00:00Z',
    s: '',
    u: '00000000-0000-0000-0000-000000000000',
    x: bytes(''),
    fx: bytes('00000000'),
    tags: [],
    counts: [],
    attrs: {},
    by_number: new Map(),
    p: { x: null, inner: null, items: [] },
  },
  {
    id: 4n,
    i: 2_147_483_647,
    l: 9_223_372_036_854_775_807n,
    f: Number.NEGATIVE_INFINITY,
    d: Number.NaN,
    d9: '9999999.99',
    day: '9999-12-31',
    tm: '23:59:59.999999',
    ts: '9999-12-31T23:59:59.999999',
    tz: '0001-01-01T00:00:00Z',
    s: '\u{10FFFF}'.repeat(20),
    u: 'ffffffff-ffff-ffff-ffff-ffffffffffff',
    x: bytes('ff'.repeat(40)),
    fx: bytes('ffffffff'),
    tags: [null],
    p: { x: -0, inner: { name: null, at: null }, items: [null] },
  },
]

const NANOS: readonly InputRow[] = [
  { tsn: '2024-01-01T00:00:00.000000001', tzn: '2024-01-01T02:00:00.123456789+02:00' },
  {},
  { tsn: '1969-12-31T23:59:59.999999999', tzn: '1677-09-21T00:12:44Z' },
  { tsn: '2262-04-11T23:47:16.854775807', tzn: '2262-04-11T23:47:16.854775807Z' },
]

export function everyRow(formatVersion: 2 | 3): readonly InputRow[] {
  return formatVersion === 2 ? ROWS : ROWS.map((row, index) => ({ ...row, ...NANOS[index] }))
}
