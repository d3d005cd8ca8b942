import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type CodeSink,
  entryRangesOf,
  isAll,
  keepLevels,
  keepValues,
  valueRangesOf,
} from '../../../../src/format/parquet/decode/select-rows.js'
import type { ValueSink } from '../../../../src/format/parquet/leaf.js'
import { rangesOfRows } from '../../../../src/format/parquet/row-ranges.js'

/** Which of `count` items are kept. */
const keeps = fc.array(fc.boolean(), { minLength: 1, maxLength: 80 })

const indexesOf = (keep: readonly boolean[]): number[] => keep.flatMap((kept, at) => (kept ? [at] : []))

/** Items that stand before those that are chosen among, which must not move. */
const BEFORE = 5

describe('the entries of wanted rows', () => {
  it('are those that repeat a wanted row, in a page that begins inside one too', () => {
    const levels = fc.array(fc.nat(2), { maxLength: 60 })
    fc.assert(
      fc.property(levels, fc.array(fc.boolean(), { minLength: 70, maxLength: 70 }), (repetition, keep) => {
        const rows = rangesOfRows(indexesOf(keep))
        const firstRow = 4
        let row = firstRow - 1
        const wanted = repetition.flatMap((level, at) => {
          if (level === 0) row++
          return keep[row] === true ? [at] : []
        })
        const page = { from: BEFORE, to: BEFORE + repetition.length }
        const all = Uint8Array.from([...new Array(BEFORE).fill(0), ...repetition])
        expect(entryRangesOf(all, page, { firstRow, rows })).toEqual(rangesOfRows(wanted))
      }),
    )
  })

  it('have the values whose definition is the highest', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(3), fc.boolean()), { maxLength: 60 }), entries => {
        const kept = indexesOf(entries.map(([, keep]) => keep))
        let value = -1
        const wanted = entries.flatMap(([level, keep]) => {
          if (level === 3) value++
          return keep && level === 3 ? [value] : []
        })
        const definition = Uint8Array.from([...new Array(BEFORE).fill(3), ...entries.map(([level]) => level)])
        const ranges = valueRangesOf(definition, BEFORE, { ranges: rangesOfRows(kept), max: 3 })
        const values: number[] = []
        for (let pair = 0; pair < ranges.length; pair += 2) {
          for (let at = ranges[pair] as number; at < (ranges[pair + 1] as number); at++) values.push(at)
        }
        expect(values).toEqual(wanted)
      }),
    )
  })

  it('may be all of them', () => {
    expect(isAll(Uint32Array.of(0, 7), 7)).toBe(true)
    expect(isAll(Uint32Array.of(0, 6), 7)).toBe(false)
    expect(isAll(Uint32Array.of(0, 3, 4, 7), 7)).toBe(false)
  })
})

/** The numbers before, then 0, 1, 2 ...; those kept. */
function expected(keep: readonly boolean[]): number[] {
  return [...new Array(BEFORE).fill(99), ...indexesOf(keep)]
}

describe('keeping values', () => {
  const check = (keep: readonly boolean[], target: CodeSink | ValueSink): void => {
    keepValues(target, BEFORE, rangesOfRows(indexesOf(keep)))
    expect(target.length).toBe(BEFORE + indexesOf(keep).length)
  }

  it('moves levels and codes together', () => {
    fc.assert(
      fc.property(keeps, keep => {
        const items = [...new Array(BEFORE).fill(99), ...keep.keys()]
        const levels = Uint8Array.from(items)
        const end = keepLevels(levels, BEFORE, rangesOfRows(indexesOf(keep)))
        expect([...levels.subarray(0, end)]).toEqual(expected(keep))
        const sink: CodeSink = { layout: 'codes', codes: Int32Array.from(items), length: items.length }
        check(keep, sink)
        expect([...sink.codes.subarray(0, sink.length)]).toEqual(expected(keep))
      }),
    )
  })

  it('moves numbers of 32 and of 64 bits', () => {
    fc.assert(
      fc.property(keeps, keep => {
        const items = [...new Array(BEFORE).fill(99), ...keep.keys()]
        for (const values of [Float32Array.from(items), Float64Array.from(items)]) {
          const bytes = new Uint8Array(values.buffer)
          const words = new Int32Array(values.buffer)
          const sink: ValueSink = { layout: 'fixed-width', values, bytes, words, length: items.length }
          check(keep, sink)
          expect([...values.subarray(0, sink.length)]).toEqual(expected(keep))
        }
      }),
    )
  })

  it('moves bits, and leaves none behind them', () => {
    fc.assert(
      fc.property(keeps, keep => {
        const length = BEFORE + keep.length
        const bits = new Uint8Array(16).fill(0xff, 0, length >> 3)
        for (let at = length & ~7; at < length; at++)
          bits[at >> 3] = (bits[at >> 3] as number) | (1 << (at & 7))
        const sink: ValueSink = { layout: 'boolean', bits, length }
        check(keep, sink)
        const set = Array.from({ length: 128 }, (_, at) => ((bits[at >> 3] as number) >> (at & 7)) & 1)
        expect(set).toEqual(set.map((_, at) => (at < sink.length ? 1 : 0)))
      }),
    )
  })

  it('moves bytes of one length and of many', () => {
    fc.assert(
      fc.property(keeps, keep => {
        const items = [...new Array(BEFORE).fill(99), ...keep.keys()]
        const fixed: ValueSink = {
          layout: 'fixed-bytes',
          widthBytes: 3,
          bytes: Uint8Array.from(items.flatMap(item => [item, item, item])),
          length: items.length,
        }
        check(keep, fixed)
        const kept = expected(keep)
        expect([...fixed.bytes.subarray(0, 3 * kept.length)]).toEqual(
          kept.flatMap(item => [item, item, item]),
        )

        const offsets = new Int32Array(items.length + 1)
        for (const [at, item] of items.entries()) offsets[at + 1] = (offsets[at] as number) + (item % 40)
        const bytes = Uint8Array.from(items.flatMap(item => new Array(item % 40).fill(item)))
        const texts: ValueSink = {
          layout: 'var-bytes',
          offsets,
          bytes,
          length: items.length,
          byteLength: bytes.length,
        }
        check(keep, texts)
        const found = kept.map((_, at) => [...bytes.subarray(offsets[at], offsets[at + 1])])
        expect(found).toEqual(kept.map(item => new Array(item % 40).fill(item)))
        expect(texts.byteLength).toBe(offsets[kept.length])
      }),
    )
  })
})
