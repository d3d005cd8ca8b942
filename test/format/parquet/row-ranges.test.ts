import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  countRows,
  intersectRanges,
  type RowRanges,
  rangesOfPairs,
  rangesOfRows,
  rangesWithin,
  rowsOfRanges,
  splitRanges,
  touchesRanges,
} from '../../../src/format/parquet/row-ranges.js'

const ROWS = 60
const rowSets = fc.uniqueArray(fc.nat({ max: ROWS - 1 })).map(rows => rows.sort((a, b) => a - b))

const rowsOf = (ranges: RowRanges | undefined): number[] =>
  ranges === undefined ? Array.from({ length: ROWS }, (_, row) => row) : [...rowsOfRanges(ranges)]

/** Ascending, disjoint, not touching, not empty. */
function expectWellFormed(ranges: RowRanges): void {
  for (let at = 1; at < ranges.length; at++) expect(ranges[at]).toBeGreaterThan(ranges[at - 1] as number)
}

describe('row ranges', () => {
  it('hold the rows that they are made of', () => {
    fc.assert(
      fc.property(rowSets, rows => {
        const ranges = rangesOfRows(rows)
        expectWellFormed(ranges)
        expect(rowsOf(ranges)).toEqual(rows)
        expect(countRows(ranges)).toBe(rows.length)
      }),
    )
  })

  it('join pairs that touch and drop empty ones', () => {
    expect([...rangesOfPairs([0, 3, 3, 3, 3, 5, 7, 9])]).toEqual([0, 5, 7, 9])
  })

  it('intersect as sets do, and nothing stands for all rows', () => {
    fc.assert(
      fc.property(fc.option(rowSets, { nil: undefined }), fc.option(rowSets, { nil: undefined }), (a, b) => {
        const both = intersectRanges(a && rangesOfRows(a), b && rangesOfRows(b))
        expect(rowsOf(both)).toEqual(
          rowsOf(undefined).filter(row => (a?.includes(row) ?? true) && (b?.includes(row) ?? true)),
        )
      }),
    )
  })

  it('are cut to a window and counted from its start', () => {
    fc.assert(
      fc.property(rowSets, fc.nat({ max: ROWS }), fc.nat({ max: ROWS }), (rows, from, size) => {
        const cut = rangesWithin(rangesOfRows(rows), from, from + size)
        expect(rowsOf(cut)).toEqual(
          rows.filter(row => row >= from && row < from + size).map(row => row - from),
        )
        expect(touchesRanges(rangesOfRows(rows), from, from + size)).toBe(cut.length > 0)
      }),
    )
  })

  it('are split into parts of a size that hold every row once', () => {
    fc.assert(
      fc.property(rowSets, fc.integer({ min: 1, max: 20 }), (rows, size) => {
        const parts = splitRanges(rangesOfRows(rows), size)
        expect(parts.flatMap(rowsOf)).toEqual(rows)
        for (const [at, part] of parts.entries()) {
          expectWellFormed(part)
          if (at + 1 < parts.length) expect(countRows(part)).toBe(size)
        }
      }),
    )
  })
})
