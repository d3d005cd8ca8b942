import { describe, expect, it } from 'vitest'
import type { ParquetFooter } from '../../../src/format/parquet/footer/footer.js'
import type { OffsetIndex } from '../../../src/format/parquet/footer/page-index.js'
import { planRead, type ReadWindow } from '../../../src/format/parquet/read-plan.js'
import { rangesOfPairs } from '../../../src/format/parquet/row-ranges.js'

const MB = 1024 * 1024
const sliceBytesMax = 64 * MB

/** A footer of row groups whose columns have the given sizes, one behind the other. */
function footerOf(rowGroups: readonly (readonly number[])[], rowCount = 1000): ParquetFooter {
  let offset = 4
  const groups = rowGroups.map(sizes => ({
    rowCount,
    uncompressedBytes: 0,
    columns: sizes.map(compressedBytes => {
      const chunk = { compressedBytes, uncompressedBytes: compressedBytes, dataPageOffset: offset }
      offset += compressedBytes
      return chunk
    }),
  }))
  const roots = (rowGroups[0] ?? []).map((_, column) => ({
    field: { id: column + 1, name: `c${column}`, required: false, type: { kind: 'long' } },
    leafFrom: column,
    leafTo: column + 1,
  }))
  const schema = { roots, leaves: [] }
  return { sizeBytes: offset, metadata: { rowGroups: groups }, schema } as unknown as ParquetFooter
}

const groups = (...indexes: number[]): { rowGroup: number }[] => indexes.map(rowGroup => ({ rowGroup }))
const groupsOf = (windows: readonly ReadWindow[]): number[][] =>
  windows.map(window => window.slices.map(slice => slice.rowGroup))

/** Ten pages of 100 rows and 1000 bytes behind a dictionary of 500 bytes. */
const PAGES: OffsetIndex = {
  pages: Array.from({ length: 10 }, (_, page) => ({
    offset: 4 + 500 + page * 1000,
    compressedBytes: 1000,
    firstRow: page * 100,
  })),
}

describe('the plan of a parquet read', () => {
  it('joins near columns into one range and keeps far ones apart', () => {
    const footer = footerOf([[1000, 20_000, 1000, MB, 1000]])
    const [window] = planRead(footer, { groups: groups(0), columns: [0, 2, 4], sliceBytesMax })
    expect(window?.ranges).toEqual([
      { offset: 4, lengthBytes: 22_000 },
      { offset: 4 + 22_000 + MB, lengthBytes: 1000 },
    ])
  })

  it('fetches small row groups together and large ones alone', () => {
    const small = footerOf(Array.from({ length: 10 }, () => [MB]))
    const all = { groups: groups(0, 1, 2, 3, 4, 5, 6, 7, 8, 9), columns: [0], sliceBytesMax }
    expect(groupsOf(planRead(small, all))).toEqual([
      [0, 1, 2, 3, 4, 5, 6, 7],
      [8, 9],
    ])
    const large = footerOf([[20 * MB], [20 * MB], [MB]])
    expect(groupsOf(planRead(large, { groups: groups(0, 1, 2), columns: [0], sliceBytesMax }))).toEqual([
      [0],
      [1],
      [2],
    ])
  })

  it('has the row groups that were asked for and no others', () => {
    const footer = footerOf([[MB], [MB], [MB]])
    const windows = planRead(footer, { groups: groups(0, 2), columns: [0], sliceBytesMax })
    expect(groupsOf(windows).flat()).toEqual([0, 2])
    expect(windows[0]?.ranges).toHaveLength(2)
    expect(planRead(footer, { groups: [], columns: [0], sliceBytesMax })).toEqual([])
  })

  it('decodes a large row group in slices that share what was fetched', () => {
    const windows = planRead(footerOf([[200 * MB]]), { groups: groups(0), columns: [0], sliceBytesMax })
    expect(windows).toHaveLength(1)
    expect(windows[0]?.ranges).toEqual([{ offset: 4, lengthBytes: 200 * MB }])
    expect(windows[0]?.slices.map(slice => [...(slice.rows ?? [])])).toEqual([
      [0, 250],
      [250, 500],
      [500, 750],
      [750, 1000],
    ])
  })

  it('takes the pages of the wanted rows and the dictionary, where the offset index is known', () => {
    const rows = rangesOfPairs([150, 160, 420, 610])
    const request = { groups: [{ rowGroup: 0, rows }], columns: [0], sliceBytesMax }
    const [window] = planRead(footerOf([[10_500]]), { ...request, offsetIndexOf: () => PAGES })
    expect(window?.slices[0]?.rowCount).toBe(200)
    expect(window?.slices[0]?.chunks.get(0)).toEqual({
      dictionary: { offset: 4, lengthBytes: 500 },
      spans: [
        { range: { offset: 1504, lengthBytes: 1000 }, firstRow: 100 },
        { range: { offset: 4504, lengthBytes: 3000 }, firstRow: 400 },
      ],
    })
    const [whole] = planRead(footerOf([[10_500]]), request)
    expect(whole?.slices[0]?.chunks.get(0)?.spans).toEqual([
      { range: { offset: 4, lengthBytes: 10_500 }, firstRow: 0 },
    ])
  })

  it('fetches slices apart when every one of them knows its pages', () => {
    const offsetIndexOf = (): OffsetIndex => ({
      pages: Array.from({ length: 10 }, (_, page) => ({
        offset: 4 + page * 20 * MB,
        compressedBytes: 20 * MB,
        firstRow: page * 100,
      })),
    })
    const request = { groups: groups(0), columns: [0], sliceBytesMax, offsetIndexOf }
    const windows = planRead(footerOf([[200 * MB]]), request)
    expect(windows.map(window => window.ranges)).toEqual([
      [{ offset: 4, lengthBytes: 60 * MB }],
      [{ offset: 4 + 40 * MB, lengthBytes: 60 * MB }],
      [{ offset: 4 + 100 * MB, lengthBytes: 60 * MB }],
      [{ offset: 4 + 140 * MB, lengthBytes: 60 * MB }],
    ])
  })
})

describe('a chunk of an old parquet-mr', () => {
  const rangeOf = (createdBy: string | undefined): unknown => {
    const footer = { ...footerOf([[1000], [1000]]), createdBy }
    const [window] = planRead(footer, { groups: groups(0, 1), columns: [0], sliceBytesMax })
    return window?.slices.map(slice => slice.chunks.get(0)?.spans[0]?.range.lengthBytes)
  }

  it('is read with some bytes more, which its size leaves out, up to the end of the file', () => {
    expect(rangeOf('parquet-mr 2850')).toEqual([1100, 1000])
    expect(rangeOf('parquet-mr version 1.2.8 (build 1)')).toEqual([1100, 1000])
  })

  it('is read as it says when the writer is another or newer', () => {
    for (const createdBy of [
      undefined,
      'parquet-mr version 1.2.9',
      'parquet-mr version 1.13.1 (build 2)',
      'serac version 0.1.0',
    ]) {
      expect(rangeOf(createdBy)).toEqual([1000, 1000])
    }
  })
})
