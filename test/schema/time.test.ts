import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  civilFromDays,
  daysFromCivil,
  floorDivide,
  formatDate,
  formatTime,
  formatTimestamp,
  monthsFromDays,
  parseDate,
  parseTime,
  parseTimestamp,
} from '../../src/schema/time.js'

const DAY_MS = 86_400_000

describe('dates', () => {
  it('agrees with the platform on every day it can tell', () => {
    fc.assert(
      fc.property(fc.integer({ min: -100_000_000, max: 100_000_000 }), days => {
        const date = new Date(days * DAY_MS)
        const civil = { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() }
        expect(civilFromDays(days)).toEqual(civil)
        expect(daysFromCivil(civil)).toBe(days)
        expect(monthsFromDays(days)).toBe((civil.year - 1970) * 12 + civil.month - 1)
      }),
      { numRuns: 2000 },
    )
  })

  it('knows each day around the ends of years, centuries and eras', () => {
    for (const year of [-400, -1, 0, 1, 4, 100, 400, 1582, 1900, 1970, 2000, 2023, 2024, 9999, 10000]) {
      const first = daysFromCivil({ year, month: 1, day: 1 })
      for (let day = first - 2; day < first + 368; day++) expect(daysFromCivil(civilFromDays(day))).toBe(day)
      expect(civilFromDays(first - 1)).toEqual({ year: year - 1, month: 12, day: 31 })
    }
  })

  it('reads back what it printed, in all years', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -5_000_000, max: 10_000_000 }),
        days => parseDate(formatDate(days)) === days,
      ),
    )
    expect(formatDate(0)).toBe('1970-01-01')
    expect(formatDate(-719_529)).toBe('-0001-12-31')
    expect(formatDate(2_932_897)).toBe('+10000-01-01')
  })

  it('refuses days that are not', () => {
    for (const text of [
      '2023-02-29',
      '1900-02-29',
      '2024-13-01',
      '2024-00-01',
      '2024-04-31',
      '2024-1-1',
      '24-01-01',
      '',
      'x',
    ]) {
      expect(parseDate(text)).toBeUndefined()
    }
    expect(parseDate('2000-02-29')).toBe(11016)
  })
})

describe('times', () => {
  it('reads back what it printed', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 86_399_999_999n }),
        micros => parseTime(formatTime(micros)) === micros,
      ),
    )
    expect(formatTime(0n)).toBe('00:00:00.000000')
  })

  it('takes missing seconds and up to nine digits, when the last three are zeros', () => {
    expect(parseTime('10:20')).toBe(37_200_000_000n)
    expect(parseTime('00:00:00.1')).toBe(100_000n)
    expect(parseTime('00:00:00.000001000')).toBe(1n)
    for (const text of ['00:00:00.0000001', '24:00:00', '23:60:00', '23:59:60', '1:00', '00:00:00.']) {
      expect(parseTime(text)).toBeUndefined()
    }
  })
})

describe('timestamps', () => {
  it('reads back what it printed, over all of 64 bits', () => {
    const long = fc.oneof(
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.bigInt({ min: -10n, max: 10n }),
    )
    fc.assert(
      fc.property(long, fc.boolean(), fc.constantFrom('micros', 'nanos'), (value, zoned, unit) => {
        const text = formatTimestamp(value, { zoned, unit })
        expect(parseTimestamp(text, { zone: zoned ? 'required' : 'none', unit })).toBe(value)
      }),
    )
  })

  it('is exact to the last digit before and after 1970', () => {
    expect(formatTimestamp(-1n, { zoned: false, unit: 'micros' })).toBe('1969-12-31T23:59:59.999999')
    expect(formatTimestamp(-1n, { zoned: true, unit: 'nanos' })).toBe('1969-12-31T23:59:59.999999999+00:00')
    expect(formatTimestamp(1510871468000001n, { zoned: false, unit: 'micros' })).toBe(
      '2017-11-16T22:31:08.000001',
    )
  })

  it('takes all common spellings of zones', () => {
    const utc = (text: string): bigint | undefined =>
      parseTimestamp(text, { zone: 'default-utc', unit: 'micros' })
    const expected = 1510871468000000n
    for (const zone of ['', 'Z', 'z', '+00:00', '-00:00', '+00', '+0000', ' Z', ' +00:00']) {
      expect([zone, utc(`2017-11-16T22:31:08${zone}`)]).toEqual([zone, expected])
    }
    expect(utc('2017-11-16 14:31:08-08:00')).toBe(expected)
    expect(utc('2017-11-17 04:01:08+0530')).toBe(expected)
    expect(utc('2017-11-16')).toBe(1510790400000000n)
    expect(utc('2017-11-16T00:00Z')).toBe(1510790400000000n)
  })

  it('demands or refuses a zone as asked', () => {
    expect(parseTimestamp('2017-11-16T22:31:08', { zone: 'required', unit: 'micros' })).toBeUndefined()
    expect(parseTimestamp('2017-11-16T22:31:08Z', { zone: 'none', unit: 'micros' })).toBeUndefined()
  })

  it('refuses what is finer than its unit, or outside 64 bits, or no timestamp', () => {
    const nanos = { zone: 'none', unit: 'nanos' } as const
    expect(parseTimestamp('2262-04-11T23:47:16.854775807', nanos)).toBe(2n ** 63n - 1n)
    expect(parseTimestamp('2262-04-11T23:47:16.854775808', nanos)).toBeUndefined()
    const micros = { zone: 'default-utc', unit: 'micros' } as const
    for (const text of [
      '2017-11-16T22:31:08.0000001',
      '2017-11-16T',
      '2017-11-16T22',
      '2017-11-16T25:00:00',
      '2017-11-16T22:31:08+19:00',
      '12:00:00',
      '2017-11-16T22:31:08 UTC',
    ]) {
      expect([text, parseTimestamp(text, micros)]).toEqual([text, undefined])
    }
  })
})

describe('floorDivide', () => {
  it('rounds towards minus infinity', () => {
    expect(floorDivide(-1n, 10n)).toBe(-1n)
    expect(floorDivide(-10n, 10n)).toBe(-1n)
    expect(floorDivide(9n, 10n)).toBe(0n)
  })
})
