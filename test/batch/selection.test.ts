import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { copyBits, countBits, createBitmap, fullBitmap, hasBit, sliceBitmap } from '../../src/batch/bitmap.js'
import { allRows, fromBitmap, intersect, invert, toBitmap, union } from '../../src/batch/selection.js'

const LENGTH = 70
const rows = fc.uniqueArray(fc.nat(LENGTH - 1)).map(list => Uint32Array.from(list.sort((a, b) => a - b)))

describe('selections', () => {
  it('behave as sets', () => {
    fc.assert(
      fc.property(rows, rows, (a, b) => {
        const inB = new Set(b)
        expect([...intersect(a, b)]).toEqual([...a].filter(row => inB.has(row)))
        expect([...union(a, b)]).toEqual([...new Set([...a, ...b])].sort((x, y) => x - y))
        expect([...invert(a, LENGTH)]).toEqual([...allRows(LENGTH)].filter(row => !a.includes(row)))
        expect(invert(invert(a, LENGTH), LENGTH)).toEqual(a)
      }),
    )
  })

  it('survive as bitmaps', () => {
    fc.assert(
      fc.property(rows, a => {
        expect(fromBitmap(toBitmap(a, LENGTH), LENGTH)).toEqual(a)
        expect(countBits(toBitmap(a, LENGTH), LENGTH)).toBe(a.length)
      }),
    )
    expect(fromBitmap(Uint8Array.of(0xff), 3)).toEqual(Uint32Array.of(0, 1, 2))
    expect(allRows(0).length).toBe(0)
  })
})

describe('bitmaps', () => {
  it('can be sliced and copied at any bit', () => {
    fc.assert(
      fc.property(rows, fc.nat(LENGTH), fc.nat(LENGTH), (a, x, y) => {
        const bitmap = toBitmap(a, LENGTH)
        const [from, to] = [Math.min(x, y), Math.max(x, y)]
        const slice = sliceBitmap(bitmap, from, to)
        for (let row = from; row < to; row++) expect(hasBit(slice, row - from)).toBe(hasBit(bitmap, row))
        const copy = createBitmap(from + to)
        copyBits(copy, from, slice, to - from)
        for (let row = from; row < to; row++) expect(hasBit(copy, row)).toBe(hasBit(bitmap, row))
        expect(countBits(copy, from + to)).toBe(countBits(slice, to - from))
      }),
    )
  })

  it('fills exactly the length asked for', () => {
    for (let length = 0; length < 20; length++) {
      expect(countBits(fullBitmap(length), fullBitmap(length).length * 8)).toBe(length)
    }
  })
})
