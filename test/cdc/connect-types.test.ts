import { describe, expect, it } from 'vitest'
import { type ExactJsonObject, parseJsonExact } from '../../src/base/json.js'
import { UNREPRESENTABLE } from '../../src/cdc/change-event.js'
import {
  type ConnectColumn,
  connectColumn,
  connectDefault,
  declaredColumn,
} from '../../src/cdc/debezium/connect-types.js'
import { printType } from '../../src/schema/type-text.js'
import { errorOf, kindOf } from '../support/errors.js'

const column = (schema: object): ConnectColumn =>
  connectColumn(parseJsonExact(JSON.stringify(schema)) as ExactJsonObject)
const value = ({ decode }: ConnectColumn, json: string): unknown => decode(parseJsonExact(json))
const base64 = (...bytes: number[]): string => JSON.stringify(Buffer.from(bytes).toString('base64'))

const decimal = (precision: number, scale: number): ConnectColumn =>
  column({
    type: 'bytes',
    name: 'org.apache.kafka.connect.data.Decimal',
    parameters: { scale: String(scale), 'connect.decimal.precision': String(precision) },
  })

describe('a column by its Connect schema', () => {
  it.each([
    [{ type: 'int16' }, 'int', '-5', -5],
    [{ type: 'int32' }, 'int', '7', 7],
    [{ type: 'int64' }, 'long', '9007199254740993', 9007199254740993n],
    [{ type: 'boolean' }, 'boolean', 'true', true],
    [{ type: 'float' }, 'float', '0.1', Math.fround(0.1)],
    [{ type: 'double' }, 'double', '"NaN"', Number.NaN],
    [{ type: 'double' }, 'double', '"-Infinity"', Number.NEGATIVE_INFINITY],
    [{ type: 'string' }, 'string', '"  a"', '  a'],
    [{ type: 'string', name: 'io.debezium.data.Json' }, 'string', '"{\\"a\\": 1}"', '{"a": 1}'],
    [{ type: 'int32', name: 'io.debezium.time.Date' }, 'date', '-1', -1],
    [{ type: 'int64', name: 'io.debezium.time.Timestamp' }, 'timestamp', '-1', -1000n],
    [{ type: 'int64', name: 'io.debezium.time.MicroTimestamp' }, 'timestamp', '-1', -1n],
    [{ type: 'int64', name: 'io.debezium.time.NanoTimestamp' }, 'timestamp', '-1000', -1n],
    [{ type: 'int32', name: 'io.debezium.time.Time' }, 'time', '1', 1000n],
    [{ type: 'int64', name: 'io.debezium.time.MicroTime' }, 'time', '86399999999', 86_399_999_999n],
    [{ type: 'int64', name: 'org.apache.kafka.connect.data.Timestamp' }, 'timestamp', '2', 2000n],
    [
      { type: 'string', name: 'io.debezium.time.ZonedTimestamp' },
      'timestamptz',
      '"1970-01-01T00:00:00.5Z"',
      500_000n,
    ],
    [{ type: 'int64', name: 'io.debezium.time.MicroDuration' }, 'string', '86400000000', '86400000000'],
  ])('%j is %s', (schema, type, json, wanted) => {
    const { type: icebergType } = column(schema)
    expect(printType(icebergType)).toBe(type)
    expect(value(column(schema), json)).toEqual(wanted)
    expect(value(column(schema), 'null')).toBeNull()
  })

  it('reads a decimal of any size from its bytes', () => {
    expect(printType(decimal(38, 2).type)).toBe('decimal(38, 2)')
    expect(value(decimal(12, 2), base64(0xff))).toBe(-1n)
    expect(
      value(
        decimal(38, 0),
        base64(
          0x4b,
          0x3b,
          0x4c,
          0xa8,
          0x5a,
          0x86,
          0xc4,
          0x7a,
          0x09,
          0x8a,
          0x22,
          0x3f,
          0xff,
          0xff,
          0xff,
          0xff,
        ),
      ),
    ).toBe(10n ** 38n - 1n)
  })

  it('refuses a decimal with more digits than its precision', () => {
    expect(errorOf(() => value(decimal(2, 0), base64(100)))).toMatchObject({
      kind: 'corrupt',
      context: { type: 'decimal(2, 0)' },
    })
  })

  it('gives a decimal that Iceberg cannot hold as text with its scale', () => {
    expect(printType(decimal(40, 3).type)).toBe('string')
    expect(value(decimal(40, 3), base64(0xff))).toBe('-0.001')
    expect(value(decimal(5, -2), base64(7))).toBe('700')
  })

  it('gives a numeric of variable scale as the digits of the source', () => {
    const numeric = column({ type: 'struct', name: 'io.debezium.data.VariableScaleDecimal' })
    expect(printType(numeric.type)).toBe('string')
    expect(value(numeric, `{"scale":3,"value":${base64(0x05, 0xdc)}}`)).toBe('1.500')
    expect(value(numeric, `{"scale":-2,"value":${base64(7)}}`)).toBe('700')
  })

  it('reads bytes, uuids and bits', () => {
    expect(value(column({ type: 'bytes' }), base64(0, 255))).toEqual(Uint8Array.of(0, 255))
    expect(value(column({ type: 'bytes' }), '""')).toEqual(Uint8Array.of())
    const uuid = column({ type: 'string', name: 'io.debezium.data.Uuid' })
    expect(printType(uuid.type)).toBe('uuid')
    expect(value(uuid, '"f79c3e09-677c-4bbd-a479-3f349cb785e7"')).toHaveLength(16)
    const bits = column({ type: 'bytes', name: 'io.debezium.data.Bits', parameters: { length: '10' } })
    expect(printType(bits.type)).toBe('string')
    expect(value(bits, base64(0b00000101, 0b00000010))).toBe('1000000101')
    expect(value(bits, '""')).toBe('0000000000')
  })

  it('is a list for an array', () => {
    const integers = column({ type: 'array', items: { type: 'int32' } })
    expect(integers.type).toMatchObject({ kind: 'list', element: { kind: 'int' } })
    expect(value(integers, '[1,null,3]')).toEqual([1, null, 3])
    expect(value(integers, '[]')).toEqual([])
    expect(value(integers, '[[1],[2]]')).toBe(UNREPRESENTABLE)
    expect(kindOf(() => value(integers, '7'))).toBe('corrupt')
  })

  it('is the JSON text of a struct or a map that Iceberg has no type for, digits kept', () => {
    const point = column({ type: 'struct', name: 'io.debezium.data.geometry.Point' })
    expect(value(point, '{"x":1.50,"wkb":"AQ==","srid":null}')).toBe('{"x":1.50,"wkb":"AQ==","srid":null}')
    expect(value(column({ type: 'map' }), '{"a":"b"}')).toBe('{"a":"b"}')
  })

  it('is not representable where the source value has no place in Iceberg', () => {
    const date = column({ type: 'int32', name: 'io.debezium.time.Date' })
    for (const days of ['2147483647', '-2147472692', '-2147472691', '99999999999']) {
      expect(value(date, days), days).toBe(UNREPRESENTABLE)
    }
    const micros = column({ type: 'int64', name: 'io.debezium.time.MicroTimestamp' })
    expect(value(micros, '9223372036825200000')).toBe(UNREPRESENTABLE)
    expect(value(micros, '-9223372036832400000')).toBe(UNREPRESENTABLE)
    expect(value(column({ type: 'int64', name: 'io.debezium.time.Timestamp' }), '9223372036854775807')).toBe(
      UNREPRESENTABLE,
    )
    expect(value(column({ type: 'int64', name: 'io.debezium.time.MicroTime' }), '86400000000')).toBe(
      UNREPRESENTABLE,
    )
    expect(value(column({ type: 'string', name: 'io.debezium.time.ZonedTimestamp' }), '"infinity"')).toBe(
      UNREPRESENTABLE,
    )
  })

  it('refuses values that are not of the type', () => {
    expect(kindOf(() => value(column({ type: 'bytes' }), '"no base64!"'))).toBe('corrupt')
    expect(kindOf(() => value(column({ type: 'bytes' }), '"abc"'))).toBe('corrupt')
    expect(kindOf(() => value(column({ type: 'int32' }), '2147483648'))).toBe('corrupt')
    expect(kindOf(() => value(column({ type: 'int32', name: 'io.debezium.time.Date' }), '"x"'))).toBe(
      'corrupt',
    )
    expect(kindOf(() => column({ type: 'wonder' }))).toBe('unsupported')
  })

  it('reads a value of 40 MB', () => {
    const bytes = Buffer.alloc(30 << 20, 7)
    expect(column({ type: 'bytes' }).decode(bytes.toString('base64'))).toHaveLength(bytes.length)
  })
})

describe('a column by its declared type, in a feed without schemas', () => {
  it.each([
    ['timestamp(3) without time zone', '5', 5000n],
    ['timestamp without time zone', '5', 5n],
    ['time(3) without time zone', '5', 5000n],
    ['date', '5', 5],
    ['timestamp with time zone', '"1970-01-01T00:00:01Z"', 1_000_000n],
    ['numeric(12,2)', '"1.20"', 120n],
    ['numeric(12,2)', '1.20', 120n],
    ['numeric(12,2)', `{"scale":1,"value":${base64(12)}}`, 120n],
    ['numeric', '"1.20"', '1.20'],
    ['bytea', base64(1), Uint8Array.of(1)],
    ['integer[]', '[1,2]', [1, 2]],
    ['bit(3)', base64(5), '101'],
    ['bit(1)', 'true', '1'],
    ['jsonb', '"{}"', '{}'],
    ['point', '{"x":1,"y":2}', '{"x":1,"y":2}'],
  ])('%s %s', (type, json, wanted) => {
    expect(value(declaredColumn(type), json)).toEqual(wanted)
  })

  it.each([
    ['date', '"2024-01-31Z"', 19753],
    ['date', '"2024-01-31"', 19753],
    ['timestamp', '"1970-01-01T00:00:01.5Z"', 1_500_000n],
    ['timestamp', '"1970-01-01T00:00:01.5"', 1_500_000n],
    ['time', '"00:00:01Z"', 1_000_000n],
  ])('%s in the mode isostring: %s', (type, json, wanted) => {
    expect(value(declaredColumn(type), json)).toEqual(wanted)
  })

  it('takes nanoseconds where nine digits are declared', () => {
    expect(value(declaredColumn('timestamp(9)'), '1500')).toBe(1n)
  })

  it('reads bytes of every binary mode', () => {
    const bytes = Uint8Array.of(0xfb, 0xff, 0xfe, 0x01)
    expect(value(declaredColumn('bytea'), '"+//+AQ=="')).toEqual(bytes)
    expect(value(declaredColumn('bytea'), '"-__-AQ"')).toEqual(bytes)
    expect(value(declaredColumn('bytea', { binary: 'hex' }), '"fbfffe01"')).toEqual(bytes)
    expect(kindOf(() => value(declaredColumn('bytea'), '"a b"'))).toBe('corrupt')
  })

  it('reads a decimal as text, as bytes, and as a double, whose digits are rounded', () => {
    expect(value(declaredColumn('numeric(12,2)'), '"0E-2"')).toBe(0n)
    expect(value(declaredColumn('numeric(12,2)'), base64(0x04, 0xd2))).toBe(1234n)
    expect(value(declaredColumn('numeric(12,2)'), '0.30000000000000004')).toBe(30n)
    expect(value(declaredColumn('numeric(38,2)'), '1.0E21')).toBe(10n ** 23n)
  })

  it('takes digits for text until the column has shown bytes, and refuses to have guessed', () => {
    const shown = declaredColumn('numeric(12,0)')
    expect(value(shown, base64(1))).toBe(1n)
    expect(value(shown, '"1234"')).toBe(BigInt(0xd76df8) - (1n << 24n))
    const guessed = declaredColumn('numeric(12,0)')
    expect(value(guessed, '"1234"')).toBe(1234n)
    expect(errorOf(() => value(guessed, base64(1)))?.context).toHaveProperty('remedy')
  })

  it('of another database than PostgreSQL and MySQL says nothing', () => {
    expect(kindOf(() => declaredColumn('datetime2', { dialect: 'other' }))).toBe('unsupported')
  })

  it('knows the names of NaN and infinity', () => {
    expect(value(declaredColumn('numeric'), '"NAN"')).toBe('NaN')
    expect(value(declaredColumn('numeric'), '"NEGATIVE_INFINITY"')).toBe('-Infinity')
    expect(value(declaredColumn('numeric(5,1)'), '"POSITIVE_INFINITY"')).toBe(UNREPRESENTABLE)
  })
})

describe('a column of MySQL or MariaDB', () => {
  const mysql = { dialect: 'mysql' } as const
  const connect = (schema: object, declared?: string): ConnectColumn =>
    connectColumn(parseJsonExact(JSON.stringify(schema)) as ExactJsonObject, { ...mysql, declared })

  it.each([
    ['bigint(20) unsigned', 'decimal(20, 0)', '-1', 2n ** 64n - 1n],
    ['bigint(20) unsigned', 'decimal(20, 0)', '-9223372036854775808', 2n ** 63n],
    ['datetime(3)', 'timestamp', '5', 5000n],
    ['datetime(6)', 'timestamp', '5', 5n],
    ['timestamp(6)', 'timestamptz', '"1970-01-01T00:00:01Z"', 1_000_000n],
    ['time(6)', 'string', '-3020399999999', '-838:59:59.999999'],
    ['decimal(12,2)', 'decimal(12, 2)', '"-1.20"', -120n],
    ['decimal(12,2)', 'decimal(12, 2)', base64(120), 120n],
    ['year(4)', 'int', '2024', 2024],
    ['bit(1)', 'boolean', 'true', true],
    ['bit(10)', 'binary', base64(1, 2), Uint8Array.of(2, 1)],
    ["set('a','b')", 'string', '"a,b"', 'a,b'],
    ['binary(3)', 'binary', base64(7), Uint8Array.of(7, 0, 0)],
    ['blob', 'binary', '"AQ"', Uint8Array.of(1)],
    ['date', 'date', '"2024-01-31Z"', 19753],
  ])('%s is %s', (declared, type, json, wanted) => {
    const column = declaredColumn(declared, mysql)
    expect(printType(column.type)).toBe(type)
    expect(value(column, json)).toEqual(wanted)
  })

  it('by its schema alone is what PostgreSQL has, but for times and bits', () => {
    expect(value(connect({ type: 'int64', name: 'io.debezium.time.MicroTime' }), '90000000000')).toBe(
      '25:00:00',
    )
    expect(
      printType(connect({ type: 'bytes', name: 'io.debezium.data.Bits', parameters: { length: '9' } }).type),
    ).toBe('binary')
    expect(value(connect({ type: 'int32', name: 'io.debezium.time.Year' }), '1901')).toBe(1901)
    expect(value(connect({ type: 'int64' }), '-1')).toBe(-1n)
  })

  it('by its schema and its declared type knows what the schema leaves out', () => {
    expect(value(connect({ type: 'int64' }, 'bigint unsigned'), '-1')).toBe(2n ** 64n - 1n)
    expect(value(connect({ type: 'string' }, 'decimal(5,1)'), '"1.5"')).toBe(15n)
    expect(value(connect({ type: 'string' }, 'varbinary(9)'), '"AQ=="')).toEqual(Uint8Array.of(1))
    expect(value(connect({ type: 'string' }, 'varchar(9)'), '"AQ=="')).toBe('AQ==')
    expect(value(connect({ type: 'int64', name: 'io.debezium.time.MicroTime' }, 'time(6)'), '1')).toBe(
      '00:00:00.000001',
    )
  })
})

describe('a default in a schema', () => {
  const initial = (schema: object): unknown => {
    const parsed = parseJsonExact(JSON.stringify(schema)) as ExactJsonObject
    return connectDefault(parsed, connectColumn(parsed))
  }

  it('is the value that older rows have', () => {
    expect(initial({ type: 'string', default: 'web' })).toBe('web')
    expect(initial({ type: 'int32', default: 0 })).toBe(0)
    expect(initial({ type: 'int32' })).toBeUndefined()
  })

  it('says nothing where it stands for one that is computed, or is none of the type', () => {
    expect(initial({ type: 'int64', name: 'io.debezium.time.MicroTimestamp', default: 0 })).toBeUndefined()
    expect(initial({ type: 'int64', name: 'io.debezium.time.MicroTimestamp', default: 7 })).toBe(7n)
    expect(initial({ type: 'int32', default: 'x' })).toBeUndefined()
  })
})
