import { describe, expect, it } from 'vitest'
import { hexDecode, utf8Encode } from '../../src/base/bytes.js'
import { parseDecimal } from '../../src/schema/decimal.js'
import { murmur3, murmur3Long } from '../../src/schema/murmur3.js'
import type { Transform } from '../../src/schema/partition-spec.js'
import { parseDate, parseTime, parseTimestamp } from '../../src/schema/time.js'
import {
  canTransform,
  parseTransform,
  preservesOrder,
  printTransform,
  transformResultType,
  transformValue,
} from '../../src/schema/transform.js'
import { parseType } from '../../src/schema/type-text.js'
import type { Type, Value } from '../../src/schema/types.js'
import { parseUuid } from '../../src/schema/uuid-text.js'

/** The bucket of the whole hash range gives the hash without its sign bit. */
function hashOf(typeText: string, value: Value | undefined): number {
  expect(value).toBeDefined()
  const result = transformValue({ kind: 'bucket', count: 2 ** 31 - 1 }, parseType(typeText), value ?? null)
  return Number(result)
}

function positive(hash: number): number {
  return (hash & 0x7fff_ffff) % (2 ** 31 - 1)
}

describe('bucket', () => {
  it('hashes as Appendix B of the spec says', () => {
    const micros = parseTimestamp('2017-11-16T22:31:08', { zone: 'none', unit: 'micros' })
    const nanos = parseTimestamp('2017-11-16T22:31:08', { zone: 'none', unit: 'nanos' })
    const vectors: [string, Value | undefined, number][] = [
      ['int', 34, 2017239379],
      ['long', 34n, 2017239379],
      ['decimal(9, 2)', 1420n, -500754589],
      ['date', parseDate('2017-11-16'), -653330422],
      ['time', parseTime('22:31:08'), -662762989],
      ['timestamp', micros, -2047944441],
      [
        'timestamptz',
        parseTimestamp('2017-11-16T14:31:08-08:00', { zone: 'required', unit: 'micros' }),
        -2047944441,
      ],
      ['timestamp', (micros ?? 0n) + 1n, -1207196810],
      ['timestamp_ns', nanos, -2047944441],
      ['timestamp_ns', (nanos ?? 0n) + 1000n, -1207196810],
      ['timestamptz_ns', (nanos ?? 0n) + 1999n, -1207196810],
      ['string', 'iceberg', 1210000089],
      ['uuid', parseUuid('f79c3e09-677c-4bbd-a479-3f349cb785e7'), 1488055340],
      ['fixed[4]', Uint8Array.of(0, 1, 2, 3), -188683207],
      ['binary', Uint8Array.of(0, 1, 2, 3), -188683207],
    ]
    for (const [type, value, hash] of vectors)
      expect([type, hashOf(type, value)]).toEqual([type, positive(hash)])
  })

  it('hashes the values of the spec that are not bucket sources', () => {
    // boolean true is hashed as the int 1; a double as the bits of a long.
    expect(murmur3Long(1n)).toBe(1392991556)
    const bits = (value: number): bigint => new BigInt64Array(new Float64Array([value]).buffer)[0] ?? 0n
    expect(murmur3Long(bits(1))).toBe(-142385009)
    expect(murmur3Long(bits(0))).toBe(1669671676)
    expect(murmur3(utf8Encode(''))).toBe(0)
  })

  it('takes the tail of bytes of every length into the hash', () => {
    // Values of the reference implementation of Murmur3 (x86, 32 bit, seed 0).
    const expected: [string, number][] = [
      ['00', 0x514e28b7],
      ['0000', 0x30f4c306],
      ['000000', 0x85f0b427],
      ['00000000', 0x2362f9de],
      ['21', 0x72661cf4],
      ['2143', 0xa0f7b07a],
      ['214365', 0x7e4a8634],
      ['21436587', 0xf55b516b],
      ['ffffffff', 0x76293b50],
    ]
    for (const [hex, hash] of expected) expect([hex, murmur3(hexDecode(hex)!) >>> 0]).toEqual([hex, hash])
  })

  it('gives an int and the long it was promoted to one bucket, also below zero', () => {
    for (const value of [-1, 0, 34, -(2 ** 31), 2 ** 31 - 1]) {
      const bucket: Transform = { kind: 'bucket', count: 16 }
      const asInt = transformValue(bucket, { kind: 'int' }, value)
      expect(asInt).toBe(transformValue(bucket, { kind: 'long' }, BigInt(value)))
      expect(asInt).toBeGreaterThanOrEqual(0)
    }
  })

  it('does not apply to floats, booleans and nested types', () => {
    const struct: Type = { kind: 'struct', fields: [] }
    for (const type of [parseType('float'), parseType('double'), parseType('boolean'), struct]) {
      expect(canTransform({ kind: 'bucket', count: 4 }, type)).toBe(false)
    }
    expect(() => transformValue({ kind: 'bucket', count: 4 }, { kind: 'float' }, 1)).toThrow(
      expect.objectContaining({ kind: 'invalid-argument' }),
    )
  })
})

describe('truncate', () => {
  const truncate = (width: number, type: Type, value: Value): Value =>
    transformValue({ kind: 'truncate', width }, type, value)

  it('floors numbers, also below zero', () => {
    expect(truncate(10, { kind: 'int' }, 1)).toBe(0)
    expect(truncate(10, { kind: 'int' }, -1)).toBe(-10)
    expect(truncate(10, { kind: 'int' }, -10)).toBe(-10)
    expect(truncate(10, { kind: 'long' }, 1n)).toBe(0n)
    expect(truncate(10, { kind: 'long' }, -1n)).toBe(-10n)
  })

  it('wraps around at the lowest value, as Java does', () => {
    expect(truncate(10, { kind: 'int' }, -(2 ** 31))).toBe(2147483646)
    expect(truncate(10, { kind: 'long' }, -(2n ** 63n))).toBe(9223372036854775806n)
  })

  it('works on the unscaled value of a decimal', () => {
    const type = { kind: 'decimal', precision: 9, scale: 2 } as const
    const unscaled = (text: string): bigint => parseDecimal(text, type) ?? 0n
    expect(truncate(50, type, unscaled('10.65'))).toBe(unscaled('10.50'))
    expect(truncate(10, type, unscaled('12.34'))).toBe(unscaled('12.30'))
    expect(truncate(10, type, unscaled('-0.05'))).toBe(unscaled('-0.10'))
  })

  it('counts code points of a string and bytes of a binary', () => {
    expect(truncate(3, { kind: 'string' }, 'iceberg')).toBe('ice')
    expect(truncate(3, { kind: 'string' }, 'ic')).toBe('ic')
    expect(truncate(2, { kind: 'string' }, '😀é😀')).toBe('😀é')
    expect(truncate(1, { kind: 'string' }, '😀')).toBe('😀')
    expect(truncate(2, { kind: 'binary' }, Uint8Array.of(1, 2, 3))).toEqual(Uint8Array.of(1, 2))
  })
})

describe('time transforms', () => {
  const at = (text: string): bigint => parseTimestamp(text, { zone: 'none', unit: 'micros' }) ?? 0n
  const ts: Type = { kind: 'timestamp' }

  it('counts from 1970', () => {
    const value = at('2017-12-01T10:30:55.038194')
    expect(transformValue({ kind: 'year' }, ts, value)).toBe(47)
    expect(transformValue({ kind: 'month' }, ts, value)).toBe(575)
    expect(transformValue({ kind: 'day' }, ts, value)).toBe(17501)
    expect(transformValue({ kind: 'hour' }, ts, value)).toBe(420034)
  })

  it('floors before 1970', () => {
    const value = at('1969-12-31T23:59:59.999999')
    for (const kind of ['year', 'month', 'day', 'hour'] as const) {
      expect(transformValue({ kind }, ts, value)).toBe(-1)
    }
    const nanos: Type = { kind: 'timestamp_ns' }
    expect(transformValue({ kind: 'hour' }, nanos, -1n)).toBe(-1)
    expect(transformValue({ kind: 'month' }, { kind: 'date' }, parseDate('1969-12-01') ?? 0)).toBe(-1)
    expect(transformValue({ kind: 'year' }, { kind: 'date' }, parseDate('1968-12-31') ?? 0)).toBe(-2)
  })

  it('has no hour of a date and nothing of a time', () => {
    expect(canTransform({ kind: 'hour' }, { kind: 'date' })).toBe(false)
    expect(canTransform({ kind: 'day' }, { kind: 'time' })).toBe(false)
    expect(canTransform({ kind: 'hour' }, { kind: 'timestamptz_ns' })).toBe(true)
  })
})

describe('transforms as text', () => {
  it('prints what it parsed', () => {
    for (const text of ['identity', 'year', 'month', 'day', 'hour', 'void', 'bucket[16]', 'truncate[4]']) {
      expect(parseTransform(text).kind).not.toBe('unsupported')
      expect(printTransform(parseTransform(text))).toBe(text)
    }
  })

  it('keeps a transform it does not know, or whose parameter makes no sense, as its text', () => {
    for (const text of [
      'zorder',
      'bucket[0]',
      'truncate[0]',
      'bucket',
      'bucket[99999999999]',
      'truncate[-1]',
      'Geo[3]',
    ]) {
      expect(parseTransform(text)).toEqual({ kind: 'unsupported', text })
      expect(printTransform(parseTransform(text))).toBe(text)
    }
  })

  it('refuses to apply an unknown transform', () => {
    expect(() => transformValue(parseTransform('zorder'), { kind: 'int' }, 1)).toThrow(
      expect.objectContaining({ kind: 'unsupported' }),
    )
  })
})

describe('results', () => {
  it('has the types of the spec', () => {
    const ts: Type = { kind: 'timestamp' }
    expect(transformResultType({ kind: 'identity' }, ts)).toEqual(ts)
    expect(transformResultType({ kind: 'truncate', width: 3 }, { kind: 'string' })).toEqual({
      kind: 'string',
    })
    expect(transformResultType({ kind: 'day' }, ts)).toEqual({ kind: 'date' })
    for (const kind of ['year', 'month', 'hour'] as const) {
      expect(transformResultType({ kind }, ts)).toEqual({ kind: 'int' })
    }
    expect(transformResultType({ kind: 'void' }, ts)).toEqual(ts)
    expect(transformResultType({ kind: 'unsupported', text: 'x' }, ts)).toEqual({ kind: 'string' })
  })

  it('is null for null, and always for void', () => {
    expect(transformValue({ kind: 'bucket', count: 4 }, { kind: 'int' }, null)).toBeNull()
    expect(transformValue({ kind: 'void' }, { kind: 'int' }, 7)).toBeNull()
    expect(transformValue({ kind: 'void' }, { kind: 'struct', fields: [] }, [])).toBeNull()
  })

  it('says which transforms keep order', () => {
    const keep = ['identity', 'year', 'month', 'day', 'hour', 'truncate[3]'].map(parseTransform)
    expect(keep.every(preservesOrder)).toBe(true)
    expect(['void', 'bucket[3]', 'zorder'].map(parseTransform).some(preservesOrder)).toBe(false)
  })
})
