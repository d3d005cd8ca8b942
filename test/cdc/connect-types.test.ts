import { describe, expect, it } from 'vitest'
import { type ExactJsonObject, parseJsonExact } from '../../src/base/json.js'
import { UNREPRESENTABLE } from '../../src/cdc/change-event.js'
import { type ConnectColumn, connectColumn, declaredColumn } from '../../src/cdc/connect-types.js'
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

  it('knows the names of NaN and infinity', () => {
    expect(value(declaredColumn('numeric'), '"NAN"')).toBe('NaN')
    expect(value(declaredColumn('numeric'), '"NEGATIVE_INFINITY"')).toBe('-Infinity')
    expect(value(declaredColumn('numeric(5,1)'), '"POSITIVE_INFINITY"')).toBe(UNREPRESENTABLE)
  })
})
