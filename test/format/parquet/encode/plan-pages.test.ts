import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type PageCut, type PageShape, planPages } from '../../../../src/format/parquet/encode/plan-pages.js'

const rowsOf = (pages: readonly PageCut[]): number[][] => pages.map(page => [page.rowFrom, page.rowTo])
const int64 = { bits: 64 }

describe('pages of a column chunk', () => {
  it('end after so many rows or so many bytes, whichever comes first', () => {
    const shape = { entries: 10, maxDefinition: 0, sizes: int64 }
    expect(rowsOf(planPages(shape, { pageRows: 4, pageBytes: 1000 }))).toEqual([
      [0, 4],
      [4, 8],
      [8, 10],
    ])
    expect(rowsOf(planPages(shape, { pageRows: 100, pageBytes: 24 }))).toEqual([
      [0, 3],
      [3, 6],
      [6, 9],
      [9, 10],
    ])
    expect(planPages({ ...shape, entries: 0 }, { pageRows: 4, pageBytes: 8 })).toEqual([])
  })

  it('have at least a row, however large it is', () => {
    const offsets = Int32Array.of(0, 1, 1000, 1001, 1002)
    const sizes = { offsets, overheadBytes: 4 }
    expect(
      rowsOf(planPages({ entries: 4, maxDefinition: 0, sizes }, { pageRows: 9, pageBytes: 10 })),
    ).toEqual([
      [0, 1],
      [1, 2],
      [2, 4],
    ])
    expect(
      planPages({ entries: 2, maxDefinition: 0, sizes: int64 }, { pageRows: 1, pageBytes: 1 }),
    ).toHaveLength(2)
  })

  it('are not cut inside a row', () => {
    const repetition = Uint8Array.of(0, 1, 1, 0, 0, 1)
    const shape = { entries: 6, repetition, maxDefinition: 1, sizes: int64 }
    const pages = planPages(shape, { pageRows: 1, pageBytes: 8 })
    expect(pages.map(page => [page.entryFrom, page.entryTo])).toEqual([
      [0, 3],
      [3, 4],
      [4, 6],
    ])
  })

  it('end for nulls too, which have no bytes', () => {
    const definition = new Uint8Array(10_000)
    const pages = planPages(
      { entries: 10_000, definition, maxDefinition: 1, sizes: int64 },
      { pageRows: 1_000_000, pageBytes: 100 },
    )
    expect(pages).toHaveLength(13)
    expect(pages[0]).toMatchObject({ entryTo: 800, valueTo: 0, rowTo: 800 })
  })

  it('are all entries, values and rows in order, and none could take another row', () => {
    const entry = fc.record({ level: fc.nat(2), repeats: fc.boolean(), size: fc.nat(40) })
    fc.assert(
      fc.property(
        fc.array(entry, { maxLength: 60 }),
        fc.record({ pageRows: fc.integer({ min: 1, max: 20 }), pageBytes: fc.integer({ min: 1, max: 200 }) }),
        fc.record({ levels: fc.boolean(), lists: fc.boolean(), strings: fc.boolean() }),
        (entries, limits, kind) => {
          const present = entries.map(({ level }) => !kind.levels || level === 2)
          const shape = shapeOf(entries, kind)
          const pages = planPages(shape, limits)
          let last = { entryTo: 0, valueTo: 0, rowTo: 0 }
          for (const page of pages) {
            expect(page).toMatchObject({
              entryFrom: last.entryTo,
              valueFrom: last.valueTo,
              rowFrom: last.rowTo,
            })
            expect(page.entryTo).toBeGreaterThan(page.entryFrom)
            const inside = present.slice(page.entryFrom, page.entryTo)
            expect(page.valueTo - page.valueFrom).toBe(inside.filter(Boolean).length)
            const starts = shape.repetition?.slice(page.entryFrom, page.entryTo) ?? inside.map(() => 0)
            expect(page.rowTo - page.rowFrom).toBe([...starts].filter(level => level === 0).length)
            expect(page.rowTo - page.rowFrom).toBeLessThanOrEqual(limits.pageRows)
            last = page
          }
          expect(last.entryTo).toBe(entries.length)
        },
      ),
    )
  })
})

function shapeOf(
  entries: readonly { level: number; repeats: boolean; size: number }[],
  kind: { levels: boolean; lists: boolean; strings: boolean },
): PageShape {
  const values = entries.filter(({ level }) => !kind.levels || level === 2)
  const offsets = new Int32Array(values.length + 1)
  for (const [at, { size }] of values.entries()) offsets[at + 1] = (offsets[at] as number) + size
  return {
    entries: entries.length,
    definition: kind.levels ? Uint8Array.from(entries, ({ level }) => level) : undefined,
    repetition: kind.lists
      ? Uint8Array.from(entries, ({ repeats }, at) => (repeats && at > 0 ? 1 : 0))
      : undefined,
    maxDefinition: 2,
    sizes: kind.strings ? { offsets, overheadBytes: 4 } : int64,
  }
}
