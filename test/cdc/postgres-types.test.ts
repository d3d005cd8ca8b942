import { describe, expect, it } from 'vitest'
import { parseJsonExact } from '../../src/base/json.js'
import { UNREPRESENTABLE } from '../../src/cdc/change-event.js'
import {
  decodeInstant,
  decodePostgresJson,
  decodePostgresText,
  icebergTypeOfPostgres,
  parsePostgresType,
} from '../../src/cdc/postgres-types.js'
import { printType } from '../../src/schema/type-text.js'
import { kindOf } from '../support/errors.js'

const iceberg = (type: string): string => printType(icebergTypeOfPostgres(parsePostgresType(type)))
const text = (type: string, value: string): unknown => decodePostgresText(parsePostgresType(type), value)
const json = (type: string, value: string): unknown =>
  decodePostgresJson(parsePostgresType(type), parseJsonExact(value))

describe('the type of a PostgreSQL column', () => {
  it.each([
    ['smallint', 'int'],
    ['integer', 'int'],
    ['int4', 'int'],
    ['bigint', 'long'],
    ['real', 'float'],
    ['double precision', 'double'],
    ['boolean', 'boolean'],
    ['date', 'date'],
    ['time without time zone', 'time'],
    ['time(3) without time zone', 'time'],
    ['timestamp without time zone', 'timestamp'],
    ['timestamp(3) without time zone', 'timestamp'],
    ['timestamp with time zone', 'timestamptz'],
    ['timestamp(0) with time zone', 'timestamptz'],
    ['uuid', 'uuid'],
    ['bytea', 'binary'],
    ['numeric(10,2)', 'decimal(10, 2)'],
    ['numeric(38,38)', 'decimal(38, 38)'],
    ['numeric(39,2)', 'string'],
    ['numeric', 'string'],
    ['numeric(2,5)', 'string'],
    ['numeric(5,-2)', 'string'],
    ['character varying(40)', 'string'],
    ['character(12)', 'string'],
    ['jsonb', 'string'],
    ['interval day to second(3)', 'string'],
    ['int4range', 'string'],
    ['bit(5)', 'string'],
    ['time with time zone', 'string'],
    ['public.mood', 'string'],
    ['"Date"', 'string'],
    // wal2json writes a quoted name without its quotes: this is a user's type.
    ['Date', 'string'],
    ['Pos Int', 'string'],
    ['My Schema.mood', 'string'],
    ['money', 'string'],
    ['bit varying(9)', 'string'],
    ['hstore', 'string'],
    ['xml', 'string'],
    ['tstzrange', 'string'],
    ['int4multirange', 'string'],
    ['char', 'string'],
    ['oid', 'string'],
    // Names of the catalog, without modifiers.
    ['float8', 'double'],
    ['timestamptz', 'timestamptz'],
    ['bpchar', 'string'],
    // Several dimensions, where a declaration says so.
    ['integer[][]', 'string'],
    ['numeric(10,2)[3][3]', 'string'],
  ])('%s becomes %s', (postgres, wanted) => {
    expect(iceberg(postgres)).toBe(wanted)
  })

  it.each([
    ['_int4', 'int'],
    ['_text', 'string'],
    ['_timestamptz', 'timestamptz'],
    ['"Mood Q"[]', 'string'],
    ['timestamp with time zone[]', 'timestamptz'],
    ['bytea[]', 'binary'],
    ['integer[3]', 'int'],
  ])('%s is a list of %s', (postgres, wanted) => {
    const type = icebergTypeOfPostgres(parsePostgresType(postgres))
    expect(type.kind === 'list' && printType(type.element)).toBe(wanted)
  })

  it('may begin with an underscore without being an array', () => {
    expect(iceberg('_mine')).toBe('string')
  })

  it('is a list for an array, with the type of its elements', () => {
    expect(icebergTypeOfPostgres(parsePostgresType('numeric(10,2)[]'))).toMatchObject({
      kind: 'list',
      elementRequired: false,
      element: { kind: 'decimal', precision: 10, scale: 2 },
    })
  })
})

describe('a value that PostgreSQL printed', () => {
  it.each([
    ['bigint', '9007199254740993', 9007199254740993n],
    ['bigint', '-9223372036854775808', -(2n ** 63n)],
    ['integer', '-2147483648', -2147483648],
    ['numeric(12,2)', '-12.30', -1230n],
    ['numeric', '1.50', '1.50'],
    ['numeric', 'NaN', 'NaN'],
    ['double precision', '-0', -0],
    ['double precision', '-Infinity', Number.NEGATIVE_INFINITY],
    ['real', '0.1', Math.fround(0.1)],
    ['boolean', 't', true],
    ['boolean', 'false', false],
    ['date', '0044-03-15 BC', Date.parse('-000043-03-15T00:00:00Z') / 86_400_000],
    ['date', '5874897-12-31', 2145042905],
    ['time', '23:59:59.999999', 86_399_999_999n],
    ['timestamp', '1969-12-31 23:59:59.999999', -1n],
    ['timestamp', '294247-01-10 04:00:54.775807', 2n ** 63n - 1n],
    ['timestamptz', '2026-11-21 10:00:00+02', 1795248000000000n],
    ['timestamptz', '1890-01-01 00:00:00+00:53:28', -2524524808000000n],
    ['character(5)', 'ab   ', 'ab   '],
    ['jsonb', 'null', 'null'],
    ['text', '', ''],
    ['timestamp', '0044-03-15 12:00:00 BC', -63_517_780_800_000_000n],
    ['timestamp(3) without time zone', '4713-01-01 00:00:00 BC', -210_863_520_000_000_000n],
    ['timestamptz', '0001-12-31 23:00:00+00 BC', -62_135_600_400_000_000n],
    ['timestamp', '10000-01-01 00:00:00', 253_402_300_800_000_000n],
    ['numeric', `0.${'0'.repeat(129)}1`, `0.${'0'.repeat(129)}1`],
    ['numeric(50,5)', '99999.00000', '99999.00000'],
    ['numeric(38,10)', '1234567890123456780123456789.0123456789', 12345678901234567801234567890123456789n],
    ['interval', '1 year 2 mons -3 days +04:05:06.789', '1 year 2 mons -3 days +04:05:06.789'],
    ['time with time zone', '24:00:00+02', '24:00:00+02'],
    ['money', '-$1,234.56', '-$1,234.56'],
    ['bit(5)', '01010', '01010'],
    ['hstore', '"a"=>"1", "b c"=>NULL', '"a"=>"1", "b c"=>NULL'],
    ['point', '(1,2.5)', '(1,2.5)'],
    ['int4range', '[1,5)', '[1,5)'],
    ['real', '1e-45', Math.fround(1e-45)],
    ['double precision', '5e-324', 5e-324],
    ['integer[][]', '{{1,2},{3,4}}', '{{1,2},{3,4}}'],
  ])('%s %s', (type, given, wanted) => {
    expect(Object.is(text(type, given), wanted), String(text(type, given))).toBe(true)
  })

  it('reads bytes in hex, with and without the prefix', () => {
    expect(text('bytea', '\\x00ff')).toEqual(Uint8Array.of(0, 255))
    expect(text('bytea', '00ff')).toEqual(Uint8Array.of(0, 255))
    expect(text('bytea', '')).toEqual(Uint8Array.of())
  })

  it('is not representable when Iceberg has no such value', () => {
    for (const [type, value] of [
      ['date', 'infinity'],
      ['timestamp', '-infinity'],
      ['timestamp', '294276-12-31 23:59:59.999999'],
      ['timestamptz', 'infinity'],
      ['time', '24:00:00'],
      ['numeric(5,2)', 'NaN'],
      ['numeric(5,2)', '-Infinity'],
      ['date[]', '{2026-01-01,infinity}'],
    ] as const) {
      expect(text(type, value), `${type} ${value}`).toBe(UNREPRESENTABLE)
    }
  })

  it('is corrupt when it does not fit its type, which the error names', () => {
    for (const [type, value] of [
      ['integer', '2147483648'],
      ['integer', '1.0'],
      ['bigint', '9223372036854775808'],
      ['numeric(5,2)', '1000.00'],
      ['numeric(5,2)', '1.001'],
      ['double precision', ''],
      ['double precision', '0x10'],
      ['boolean', 'yes'],
      ['bytea', 'xyz'],
      ['uuid', 'abcd'],
      ['date', '2026-02-30'],
      ['timestamp', 'now'],
    ] as const) {
      expect(
        kindOf(() => text(type, value)),
        `${type} ${value}`,
      ).toBe('corrupt')
    }
  })
})

describe('an array that PostgreSQL printed', () => {
  it.each([
    ['{}', []],
    ['{1,NULL,3}', [1, null, 3]],
    ['[0:1]={1,2}', [1, 2]],
  ])('integer[] %s', (given, wanted) => {
    expect(text('integer[]', given)).toEqual(wanted)
  })

  it('keeps quoted items apart from NULL, commas and quotes', () => {
    expect(text('text[]', '{a,"NULL",NULL,"","b,c","d\\"e\\\\f","{g}"}')).toEqual([
      'a',
      'NULL',
      null,
      '',
      'b,c',
      'd"e\\f',
      '{g}',
    ])
  })

  it('keeps what its elements are', () => {
    expect(text('bytea[]', '{"\\\\x00ff","\\\\x"}')).toEqual([Uint8Array.of(0, 255), Uint8Array.of()])
    expect(text('numeric(10,2)[]', '{1.10,-0.05}')).toEqual([110n, -5n])
    expect(text('boolean[]', '{t,f,NULL}')).toEqual([true, false, null])
    expect(text('point[]', '{"(1,2)","(3,4)"}')).toEqual(['(1,2)', '(3,4)'])
    expect(text('box[]', '{(1,1),(0,0);(3,3),(2,2)}')).toEqual(['(1,1),(0,0)', '(3,3),(2,2)'])
    expect(text('mood[]', '{sad,"very happy"}')).toEqual(['sad', 'very happy'])
  })

  it('whose element cannot be held is not representable, but a malformed one is corrupt', () => {
    expect(text('date[]', '{infinity,2024-01-01}')).toBe(UNREPRESENTABLE)
    expect(text('numeric(10,2)[]', '{NaN}')).toBe(UNREPRESENTABLE)
    expect(kindOf(() => text('date[]', '{infinity,x}'))).toBe('corrupt')
  })

  it('of more than one dimension has no list to go to', () => {
    expect(text('integer[]', '{{1,2},{3,4}}')).toBe(UNREPRESENTABLE)
    expect(text('integer[]', '[0:1][1:1]={{1},{2}}')).toBe(UNREPRESENTABLE)
  })

  it('that is cut off is corrupt', () => {
    expect(kindOf(() => text('text[]', '{"a'))).toBe('corrupt')
    expect(kindOf(() => text('text[]', 'a,b'))).toBe('corrupt')
    for (const broken of ['{', '{a,}', '{,a}', '{"a"b}', '{"a",}', '{a"b}', '{"a\\"}', '{{a}']) {
      expect(kindOf(() => text('text[]', broken)) ?? text('text[]', broken), broken).toSatisfy(
        found => found === 'corrupt' || found === UNREPRESENTABLE,
      )
    }
  })
})

describe('the JSON of wal2json', () => {
  it('keeps the digits of bare numbers', () => {
    expect(json('bigint', '9007199254740993')).toBe(9007199254740993n)
    expect(json('numeric', '12345678901234567890.1234567890')).toBe('12345678901234567890.1234567890')
    expect(json('numeric(38,0)', '99999999999999999999999999999999999999')).toBe(10n ** 38n - 1n)
  })

  it('reads booleans, quoted numbers and null', () => {
    expect(json('boolean', 'true')).toBe(true)
    expect(json('boolean', '"f"')).toBe(false)
    expect(json('integer', '"7"')).toBe(7)
    expect(json('integer', 'null')).toBeNull()
    expect(json('positive_int', '"1"')).toBe('1')
  })

  it('with an object where a value belongs is corrupt', () => {
    expect(kindOf(() => json('jsonb', '{"a":1}'))).toBe('corrupt')
  })
})

describe('an instant', () => {
  const instant = (value: string): unknown => decodeInstant(parsePostgresType('timestamptz'), value)

  it('may lie beyond the year 9999', () => {
    expect(instant('+294247-01-10T04:00:54.775807Z')).toBe(2n ** 63n - 1n)
    expect(instant('-4712-01-01T00:00:00Z')).toBe(BigInt(Date.parse('-004712-01-01T00:00:00Z')) * 1000n)
  })

  it('is not representable when it is infinite', () => {
    expect(instant('infinity')).toBe(UNREPRESENTABLE)
    expect(instant('-infinity')).toBe(UNREPRESENTABLE)
    expect(instant('+294276-12-31T23:59:59.999999Z')).toBe(UNREPRESENTABLE)
  })
})
