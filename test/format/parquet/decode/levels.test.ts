import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hasBit } from '../../../../src/batch/bitmap.js'
import {
  constantLevel,
  countZeros,
  type EncodedLevels,
  levelBitmap,
  levelBits,
  readLevels,
} from '../../../../src/format/parquet/decode/levels.js'
import { levelBytes } from './column-pages.js'

function encoded(levels: readonly number[], max: number): EncodedLevels {
  const bytes = levelBytes(levels, max)
  return { source: { bytes, offset: 0, end: bytes.length }, bitPacked: false, max, entries: levels.length }
}

describe('levels', () => {
  it('are read where they are put, and the highest counted', () => {
    const levels = fc
      .integer({ min: 1, max: 255 })
      .chain(max => fc.tuple(fc.constant(max), fc.array(fc.integer({ min: 0, max }))))
    fc.assert(
      fc.property(levels, ([max, wanted]) => {
        const out = new Uint8Array(wanted.length + 3)
        const highest = readLevels(encoded(wanted, max), out, 3)
        expect([...out.subarray(3)]).toEqual(wanted)
        expect(highest).toBe(wanted.filter(level => level === max).length)
        expect(countZeros(out, 3, out.length)).toBe(wanted.filter(level => level === 0).length)
      }),
    )
  })

  it('take as few bits as the highest needs', () => {
    expect([1, 2, 3, 4, 7, 8, 255].map(levelBits)).toEqual([1, 2, 2, 3, 3, 4, 8])
  })

  it('are known without decoding when one run has all', () => {
    expect(constantLevel(encoded(new Array(100).fill(2), 3))).toBe(2)
    expect(constantLevel(encoded([1, 0, 1, 1, 0, 1, 0, 1], 1))).toBe(undefined)
    const packed: EncodedLevels = {
      source: { bytes: Uint8Array.of(0xff), offset: 0, end: 1 },
      bitPacked: true,
      max: 1,
      entries: 8,
    }
    expect(constantLevel(packed)).toBe(undefined)
    expect(readLevels(packed, new Uint8Array(8), 0)).toBe(8)
  })

  it('above the highest are refused', () => {
    const levels = encoded([0, 3, 1], 3)
    expect(() => readLevels({ ...levels, max: 2 }, new Uint8Array(3), 0)).toThrow('higher')
  })

  it('make a bitmap of those that are high enough', () => {
    fc.assert(
      fc.property(fc.uint8Array({ max: 6 }), fc.integer({ min: 1, max: 6 }), (levels, present) => {
        const bits = levelBitmap(levels, present)
        expect(Array.from(levels, (_, at) => hasBit(bits, at))).toEqual(
          Array.from(levels, level => level >= present),
        )
        expect(bits.length).toBe((levels.length + 7) >> 3)
      }),
    )
  })
})
