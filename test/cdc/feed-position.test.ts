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
    )
    fc.assert(
      fc.property(position, given => {
        expect(parsePosition(printPosition(given))).toEqual(given)
      }),
    )
  })

  it('of anything else is refused', () => {
    for (const text of ['', 'now', '0/', '0/123456789', 'line:', 'line:x', '-1', '0/1 ']) {
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
