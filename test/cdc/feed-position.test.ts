import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type FeedPosition,
  isPassed,
  isUpTo,
  parseLsn,
  parsePosition,
  printLsn,
  printPosition,
} from '../../src/cdc/feed-position.js'
import { kindOf } from '../support/errors.js'

const at = (position: string, line = 1): { position: FeedPosition; line: number; lastLine: number } => ({
  position: parsePosition(position),
  line,
  lastLine: line,
})

describe('the text of a position', () => {
  it('is that of PostgreSQL for an LSN', () => {
    expect(parseLsn('16/B374D848')).toBe(0x16b374d848n)
    expect(printLsn(0x16b374d848n)).toBe('16/B374D848')
    expect(parsePosition('0/1998A48')).toEqual({ kind: 'lsn', lsn: 0x1998a48n })
    expect(parsePosition('26838600')).toEqual({ kind: 'lsn', lsn: 26838600n })
  })

  it('reads back as what was printed', () => {
    const position = fc.oneof(
      fc.record({ kind: fc.constant('lsn' as const), lsn: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) }),
      fc.record({
        kind: fc.constant('lsn' as const),
        lsn: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        rows: fc.nat(),
      }),
      fc.record({ kind: fc.constant('line' as const), line: fc.nat() }),
      fc.record({
        kind: fc.constant('binlog' as const),
        file: fc.constantFrom('', 'bin.000001', 'mysql-bin.999999', 'a.b.1000000', '000001'),
        pos: fc.nat(),
      }),
      fc.record({
        kind: fc.constant('binlog' as const),
        file: fc.constantFrom('', 'bin.000001'),
        pos: fc.nat(),
        row: fc.nat(),
      }),
    )
    fc.assert(
      fc.property(position, given => {
        expect(parsePosition(printPosition(given))).toEqual(given)
      }),
    )
  })

  it('is a file and a place in it for a binary log', () => {
    expect(parsePosition('bin.000001:878584')).toEqual({ kind: 'binlog', file: 'bin.000001', pos: 878584 })
    expect(printPosition({ kind: 'binlog', file: 'bin.000001', pos: 4, row: 7 })).toBe('bin.000001:4+7')
  })

  it('of anything else is refused', () => {
    for (const text of [
      '',
      'now',
      '0/',
      '0/123456789',
      'line:',
      'line:x',
      '-1',
      '0/1 ',
      'bin:4',
      'bin.000001',
      'bin.000001:',
    ]) {
      expect(
        kindOf(() => parsePosition(text)),
        text,
      ).toBe('invalid-argument')
    }
  })
})

describe('a change is passed', () => {
  it('by its commit, the position itself included', () => {
    expect(isPassed(at('0/10'), parsePosition('0/10'))).toBe(true)
    expect(isPassed(at('0/F'), parsePosition('0/10'))).toBe(true)
    expect(isPassed(at('0/11'), parsePosition('0/10'))).toBe(false)
    expect(isPassed(at('1/0'), parsePosition('0/FFFFFFFF'))).toBe(false)
  })

  it('row by row inside a snapshot, which comes after the transaction that ends where it was read', () => {
    expect(isPassed(at('0/10+5'), parsePosition('0/10+5'))).toBe(true)
    expect(isPassed(at('0/10+6'), parsePosition('0/10+5'))).toBe(false)
    expect(isPassed(at('0/10'), parsePosition('0/10+5'))).toBe(true)
    expect(isPassed(at('0/10+1'), parsePosition('0/10'))).toBe(false)
  })

  it('by the number of its log and the place in it', () => {
    expect(isPassed(at('bin.000001:20'), parsePosition('bin.000001:20'))).toBe(true)
    expect(isPassed(at('bin.000001:21'), parsePosition('bin.000001:20'))).toBe(false)
    expect(isPassed(at('bin.000001:999'), parsePosition('bin.000002:4'))).toBe(true)
    expect(isPassed(at('bin.1000000:4'), parsePosition('bin.999999:999'))).toBe(false)
    expect(isPassed(at('bin.000001:20+1'), parsePosition('bin.000001:20'))).toBe(false)
    expect(isPassed(at('bin.000001:20+1'), parsePosition('bin.000001:20+1'))).toBe(true)
    expect(isPassed(at('bin.000001:20'), parsePosition(':0+9'))).toBe(false)
    expect(isPassed(at(':0+9'), parsePosition('bin.000001:20'))).toBe(true)
  })

  it('of no position of another log, or another kind of feed', () => {
    expect(kindOf(() => isPassed(at('other.000001:20'), parsePosition('bin.000002:20')))).toBe(
      'invalid-argument',
    )
    expect(kindOf(() => isPassed(at('0/10'), parsePosition('bin.000002:20')))).toBe('invalid-argument')
    expect(kindOf(() => isPassed(at('bin.000002:20'), parsePosition('0/10')))).toBe('invalid-argument')
  })

  it('line by line where the feed counts lines', () => {
    expect(isPassed(at('line:9', 4), parsePosition('line:4'))).toBe(true)
    expect(isPassed(at('line:9', 5), parsePosition('line:4'))).toBe(false)
    expect(isPassed(at('0/10', 4), parsePosition('line:4'))).toBe(true)
    expect(isPassed(at('line:9', 4), parsePosition('0/10'))).toBe(false)
  })
})

describe('a transaction belongs to a feed up to a position', () => {
  it('when it commits there or before', () => {
    expect(isUpTo(at('0/10'), parsePosition('0/10'))).toBe(true)
    expect(isUpTo(at('0/11'), parsePosition('0/10'))).toBe(false)
  })

  it('with the whole snapshot read there, unless rows are counted', () => {
    expect(isUpTo(at('0/10+999'), parsePosition('0/10'))).toBe(true)
    expect(isUpTo(at('0/10+5'), parsePosition('0/10+5'))).toBe(true)
    expect(isUpTo(at('0/10+6'), parsePosition('0/10+5'))).toBe(false)
    expect(isUpTo(at('bin.000001:20+999'), parsePosition('bin.000001:20'))).toBe(true)
    expect(isUpTo(at('bin.000001:20+6'), parsePosition('bin.000001:20+5'))).toBe(false)
    expect(isUpTo(at('bin.000001:21'), parsePosition('bin.000001:20'))).toBe(false)
  })

  it('by its last line', () => {
    expect(isUpTo(at('line:9', 9), parsePosition('line:9'))).toBe(true)
    expect(isUpTo(at('line:9', 9), parsePosition('line:8'))).toBe(false)
    expect(isUpTo(at('0/10', 9), parsePosition('line:8'))).toBe(false)
  })

  it('but an LSN says nothing about a feed that has none', () => {
    expect(kindOf(() => isUpTo(at('line:9', 9), parsePosition('0/10')))).toBe('invalid-argument')
  })
})
