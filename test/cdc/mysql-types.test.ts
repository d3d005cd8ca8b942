import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { base64Encode, hexEncode } from '../../src/base/bytes.js'
import { parseJsonExact, stringifyJson } from '../../src/base/json.js'
import { UNREPRESENTABLE } from '../../src/cdc/change-event.js'
import { decodeMysqlJson, icebergTypeOfMysql, parseMysqlType } from '../../src/cdc/mysql-types.js'
import { printType } from '../../src/schema/type-text.js'
import { kindOf } from '../support/errors.js'

const iceberg = (type: string): string => printType(icebergTypeOfMysql(parseMysqlType(type)))
const decoded = (type: string, raw: string): unknown => {
  const value = decodeMysqlJson(parseMysqlType(type), parseJsonExact(raw))
  return value instanceof Uint8Array ? hexEncode(value) : value
}
const micros = (text: string): bigint => BigInt(Date.parse(text)) * 1000n

describe('the type of a MySQL column', () => {
  it.each([
    ['tinyint(1)', 'int'],
    ['BOOL', 'int'],
    ['tinyint(3) unsigned', 'int'],
    ['smallint(5) unsigned', 'int'],
    ['mediumint(8) unsigned', 'int'],
    ['int(11)', 'int'],
    ['INTEGER', 'int'],
    ['int(10) unsigned zerofill', 'long'],
    ['int zerofill', 'long'],
    ['bigint(20)', 'long'],
    ['int8', 'long'],
    ['bigint(20) unsigned', 'decimal(20, 0)'],
    ['serial', 'decimal(20, 0)'],
    ['decimal(12,2)', 'decimal(12, 2)'],
    ['decimal(38,10) unsigned', 'decimal(38, 10)'],
    ['decimal', 'decimal(10, 0)'],
    ['numeric(5)', 'decimal(5, 0)'],
    ['decimal(39,0)', 'string'],
    ['float', 'float'],
    ['float(7,4)', 'float'],
    ['float(53)', 'double'],
    ['double', 'double'],
    ['double precision', 'double'],
    ['real', 'double'],
    ['bit', 'boolean'],
    ['bit(1)', 'boolean'],
    ['bit(8)', 'binary'],
    ['binary(16)', 'binary'],
    ['varbinary(20)', 'binary'],
    ['char(4) byte', 'binary'],
    ['longblob', 'binary'],
    ['date', 'date'],
    ['datetime(3)', 'timestamp'],
    ['timestamp', 'timestamptz'],
    ['timestamp(6)', 'timestamptz'],
    ['time(6)', 'string'],
    ['year(4)', 'int'],
    ['char(36)', 'string'],
    ['varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin', 'string'],
    ['national character varying(20)', 'string'],
    ['longtext', 'string'],
    ["enum('sad','it''s ok','a)b unsigned')", 'string'],
    ["set('a','b')", 'string'],
    ['json', 'string'],
    ['point', 'string'],
    ['inet6', 'string'],
    ['uuid', 'uuid'],
  ])('%s is %s', (type, expected) => {
    expect(iceberg(type)).toBe(expected)
  })

  it('is found in any text in time', () => {
    fc.assert(
      fc.property(fc.string(), text => {
        expect(parseMysqlType(text).modifiers).toBeDefined()
      }),
    )
    expect(parseMysqlType(`enum(${"''".repeat(50_000)}`).base).toBe('enum')
  })
})

describe('a value', () => {
  it('of an integer type is exact and in its range', () => {
    expect(decoded('tinyint(1)', '2')).toBe(2)
    expect(decoded('tinyint(1)', 'true')).toBe(1)
    expect(decoded('int(11)', '-2147483648')).toBe(-2147483648)
    expect(decoded('int(10) unsigned', '4294967295')).toBe(4294967295n)
    expect(decoded('bigint(20)', '9007199254740993')).toBe(9007199254740993n)
    expect(decoded('bigint(20) unsigned', '18446744073709551615')).toBe(18446744073709551615n)
    expect(decoded('int', '-0')).toBe(0)
    for (const [type, raw] of [
      ['tinyint', '128'],
      ['tinyint unsigned', '-1'],
      ['int', '2147483648'],
      ['int', '1.5'],
      ['int', '"x"'],
      ['int', '{}'],
      ['bigint', '9223372036854775808'],
      ['bigint unsigned', '18446744073709551616'],
    ] as const)
      expect(
        kindOf(() => decoded(type, raw)),
        `${type} ${raw}`,
      ).toBe('corrupt')
  })

  it('of bigint unsigned that Debezium wrapped to a negative number is what it was', () => {
    expect(decoded('bigint(20) unsigned', '-1')).toBe(18446744073709551615n)
    expect(decoded('bigint(20) unsigned', '-9223372036854775808')).toBe(9223372036854775808n)
  })

  it('of a decimal keeps its digits, in whatever form they come', () => {
    expect(decoded('decimal(38,10)', '9999999999999999999999999999.9999999999')).toBe(10n ** 38n - 1n)
    expect(decoded('decimal(38,10)', '-1E-10')).toBe(-1n)
    expect(decoded('decimal(38,10)', '0E-10')).toBe(0n)
    expect(decoded('decimal(10,2)', '"0.10"')).toBe(10n)
    expect(decoded('decimal(65,2)', '123456789012345678901234567890123456789012.5')).toBe(
      '123456789012345678901234567890123456789012.50',
    )
    expect(kindOf(() => decoded('decimal(10,2)', '0.001'))).toBe('corrupt')
    expect(kindOf(() => decoded('decimal(65,2)', '"x"'))).toBe('corrupt')
  })

  it('of a float is rounded to 32 bits', () => {
    expect(decoded('float', '0.1')).toBe(Math.fround(0.1))
    expect(decoded('double', '1.0E21')).toBe(1e21)
    expect(kindOf(() => decoded('double', '"NaN"'))).toBe('corrupt')
  })

  it('of bits is a boolean or bytes, the most significant first', () => {
    expect(decoded('bit(1)', '1')).toBe(true)
    expect(decoded('bit(1)', 'false')).toBe(false)
    expect(decoded('bit(8)', '170')).toBe('aa')
    expect(decoded('bit(12)', '1')).toBe('0001')
    expect(decoded('bit(64)', '18446744073709551615')).toBe('ffffffffffffffff')
    // Debezium: little-endian bytes.
    expect(decoded('bit(12)', '"AQA="')).toBe('0001')
    expect(decoded('bit(12)', '"AAE="')).toBe('0100')
    expect(decoded('bit(8)', '""')).toBe('00')
    expect(kindOf(() => decoded('bit(8)', '256'))).toBe('corrupt')
  })

  it('of bytes is base64, and binary(n) is filled up', () => {
    expect(decoded('blob', '"AP8A"')).toBe('00ff00')
    expect(decoded('blob', '""')).toBe('')
    expect(decoded('binary(4)', '"AP8="')).toBe('00ff0000')
    expect(kindOf(() => decoded('blob', '"a"'))).toBe('corrupt')
    expect(kindOf(() => decoded('blob', '1'))).toBe('corrupt')
  })

  it('of date and time reads as text and as numbers', () => {
    expect(decoded('date', '"1969-12-31"')).toBe(-1)
    expect(decoded('date', '19723')).toBe(19723)
    expect(decoded('datetime(6)', '"2024-01-01 01:19:35.000001"')).toBe(micros('2024-01-01T01:19:35Z') + 1n)
    expect(decoded('datetime(3)', '1704071975123')).toBe(1704071975123000n)
    expect(decoded('datetime(6)', '1704071975123456')).toBe(1704071975123456n)
    expect(decoded('timestamp', '"2024-01-01 01:19:35"')).toBe(micros('2024-01-01T01:19:35Z'))
    expect(decoded('timestamp(3)', '"2024-01-01T01:19:35.5Z"')).toBe(micros('2024-01-01T01:19:35.5Z'))
    expect(decoded('year', '2155')).toBe(2155)
    expect(decoded('year', '"2024-01-01"')).toBe(2024)
    expect(kindOf(() => decoded('date', '"yesterday"'))).toBe('corrupt')
    expect(kindOf(() => decoded('datetime', '"2024-01-01 25:00:00"'))).toBe('corrupt')
  })

  it('of a day that is none is not representable', () => {
    for (const text of ['0000-00-00', '2024-00-01', '2024-02-30'])
      expect(decoded('date', `"${text}"`)).toBe(UNREPRESENTABLE)
    expect(decoded('datetime(6)', '"0000-00-00 00:00:00.000000"')).toBe(UNREPRESENTABLE)
    expect(decoded('timestamp', '"0000-00-00 00:00:00"')).toBe(UNREPRESENTABLE)
  })

  it('of a time is the text of a duration with the declared digits', () => {
    expect(decoded('time', '"17:04:05"')).toBe('17:04:05')
    expect(decoded('time(6)', '"17:04:05"')).toBe('17:04:05.000000')
    expect(decoded('time(6)', '"-838:59:59.999999"')).toBe('-838:59:59.999999')
    expect(decoded('time(6)', '-3020399999999')).toBe('-838:59:59.999999')
    expect(decoded('time', '1')).toBe('00:00:00.000001')
    expect(decoded('time(3)', '360000500000')).toBe('100:00:00.500')
    expect(kindOf(() => decoded('time', '"839:00:00"'))).toBe('corrupt')
  })

  it('whose time Maxwell could not print is not representable', () => {
    expect(decoded('time(6)', '"04:00:00.0-999999"')).toBe(UNREPRESENTABLE)
  })

  it('of text types is text', () => {
    expect(decoded('varchar(4)', '"a "')).toBe('a ')
    expect(decoded("enum('a')", '""')).toBe('')
    expect(decoded("set('a','b')", '["a","b"]')).toBe('a,b')
    expect(decoded("set('a','b')", '[]')).toBe('')
    expect(decoded("set('a','b')", '[""]')).toBe('')
    expect(decoded("set('a','b')", '"a,b"')).toBe('a,b')
    expect(decoded('json', '{"big":9007199254740993,"dec":0.10}')).toBe('{"big":9007199254740993,"dec":0.10}')
    expect(decoded('longtext', '"null"')).toBe('null')
    expect(decoded('json', 'null')).toBe(null)
    expect(decoded('uuid', '"f79c3e09-677c-4bbd-a479-3f349cb785e7"')).toBe('f79c3e09677c4bbda4793f349cb785e7')
    expect(kindOf(() => decoded('uuid', '"x"'))).toBe('corrupt')
  })

  it('is refused, not thrown over, whatever the JSON is', () => {
    const types = [
      'int',
      'bigint unsigned',
      'decimal(5,1)',
      'double',
      'bit(3)',
      'blob',
      'date',
      'datetime',
      'time',
      'year',
      'uuid',
      'set',
      'json',
    ]
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.jsonValue(), (type, value) => {
        const kind = kindOf(() => decoded(type, stringifyJson(value)))
        expect(kind === undefined || kind === 'corrupt').toBe(true)
      }),
    )
  })

  it('of bits survives both forms', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 64 }),
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        (bits, any) => {
          const value = BigInt.asUintN(bits, any)
          const bytes = new Uint8Array(8)
          new DataView(bytes.buffer).setBigUint64(0, value, true)
          const fromNumber = decoded(`bit(${bits})`, String(value))
          expect(BigInt(`0x${fromNumber}`)).toBe(value)
          expect(decoded(`bit(${bits})`, `"${base64Encode(bytes)}"`)).toBe(fromNumber)
        },
      ),
    )
  })
})
