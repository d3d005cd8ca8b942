import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PositionSet } from '../../src/format/position-set.js'

/** Positions near chunk borders and in dense stretches. */
const positions = fc.array(
  fc.oneof(
    fc.nat(70_000),
    fc.nat(200),
    fc.integer({ min: 65_000, max: 66_000 }),
    fc.nat({ max: 2 ** 31 - 1 }),
    fc.constantFrom(2 ** 32, 2 ** 32 + 7, 2 ** 40),
  ),
  { maxLength: 300 },
)
const sorted = (values: Iterable<number>): number[] => [...new Set(values)].sort((a, b) => a - b)

describe('a position set', () => {
  it('holds what was added, once and in order', () => {
    fc.assert(
      fc.property(positions, values => {
        const set = PositionSet.of(values)
        expect([...set.toArray()]).toEqual(sorted(values))
        expect(set.cardinality).toBe(new Set(values).size)
        expect(values.every(value => set.has(value))).toBe(true)
        expect(set.has(123_456_789_012)).toBe(false)
      }),
    )
  })

  it('says whether a position was new', () => {
    const set = new PositionSet()
    expect([set.add(5), set.add(5), set.add(4), set.add(4)]).toEqual([true, false, true, false])
  })

  it('adds ranges as it adds their positions one by one', () => {
    const ranges = fc.array(fc.tuple(fc.nat(140_000), fc.nat(9000)), { maxLength: 4 })
    fc.assert(
      fc.property(ranges, fc.array(fc.nat(140_000), { maxLength: 20 }), (spans, singles) => {
        const set = PositionSet.of(singles)
        const expected = new Set(singles)
        for (const [from, length] of spans) {
          set.addRange(from, from + length)
          for (let position = from; position < from + length; position++) expected.add(position)
        }
        expect([...set.toArray()]).toEqual(sorted(expected))
        expect(set.cardinality).toBe(expected.size)
      }),
      { numRuns: 30 },
    )
  })

  it('becomes a bitmap above 4096 positions of a chunk, with the same answers', () => {
    const even = Array.from({ length: 6000 }, (_, index) => index * 2)
    const set = PositionSet.of(even.toReversed())
    expect([...set.toArray()]).toEqual(even)
    expect(set.has(11_998)).toBe(true)
    expect(set.has(11_999)).toBe(false)
    expect(set.add(11_998)).toBe(false)
  })

  it('joins another set and leaves that one alone', () => {
    fc.assert(
      fc.property(positions, positions, (mine, theirs) => {
        const set = PositionSet.of(mine)
        const other = PositionSet.of(theirs)
        set.orWith(other)
        set.add(77_777)
        expect([...set.toArray()]).toEqual(sorted([...mine, ...theirs, 77_777]))
        expect([...other.toArray()]).toEqual(sorted(theirs))
      }),
    )
  })

  it('joins bitmaps with bitmaps', () => {
    const set = new PositionSet()
    set.addRange(0, 5000)
    const other = new PositionSet()
    other.addRange(4000, 65_536)
    set.orWith(other)
    expect(set.cardinality).toBe(65_536)
  })

  it('selects the rows of a window that it does not hold', () => {
    const window = fc.record({ first: fc.nat(140_000), length: fc.nat(70_000) })
    fc.assert(
      fc.property(
        fc.array(fc.nat(200_000), { maxLength: 50 }),
        fc.boolean(),
        window,
        (values, isDense, { first, length }) => {
          const set = PositionSet.of(values)
          if (isDense) set.addRange(60_000, 68_000)
          const expected: number[] = []
          for (let offset = 0; offset < length; offset++) if (!set.has(first + offset)) expected.push(offset)
          expect([...set.selectLive(first, length)]).toEqual(expected)
        },
      ),
      { numRuns: 30 },
    )
  })
})
