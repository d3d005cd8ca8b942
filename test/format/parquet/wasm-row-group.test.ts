import { describe, expect, it } from 'vitest'
import type { ParquetFooter } from '../../../src/format/parquet/footer.js'
import { planWindows, rowsPerDecode } from '../../../src/format/parquet/wasm-row-group.js'

const MB = 1024 * 1024

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
  return { metadata: { rowGroups: groups }, schema: { roots, leaves: [] } } as unknown as ParquetFooter
}

describe('the plan of a parquet read', () => {
  it('joins near columns into one range and keeps far ones apart', () => {
    const footer = footerOf([[1000, 20_000, 1000, MB, 1000]])
    expect(planWindows(footer, [0], [0, 2, 4])).toEqual([
      {
        rowGroups: [0],
        ranges: [
          { offset: 4, lengthBytes: 22_000 },
          { offset: 4 + 22_000 + MB, lengthBytes: 1000 },
        ],
      },
    ])
  })

  it('fetches small row groups together and large ones alone', () => {
    const small = footerOf(Array.from({ length: 10 }, () => [MB]))
    expect(planWindows(small, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [0]).map(window => window.rowGroups)).toEqual([
      [0, 1, 2, 3, 4, 5, 6, 7],
      [8, 9],
    ])
    const large = footerOf([[20 * MB], [20 * MB], [MB]])
    expect(planWindows(large, [0, 1, 2], [0]).map(window => window.rowGroups)).toEqual([[0], [1], [2]])
  })

  it('has the row groups that were asked for and no others', () => {
    const footer = footerOf([[MB], [MB], [MB]])
    const windows = planWindows(footer, [0, 2], [0])
    expect(windows.flatMap(window => window.rowGroups)).toEqual([0, 2])
    expect(windows[0]?.ranges).toHaveLength(2)
    expect(planWindows(footer, [], [0])).toEqual([])
  })

  it('decodes large row groups in parts', () => {
    expect(rowsPerDecode(footerOf([[MB]]), 0, [0])).toBe(1000)
    expect(rowsPerDecode(footerOf([[MB]], 100_000_000), 0, [0])).toBeLessThan(30_000_000)
    expect(rowsPerDecode(footerOf([[1000 * MB]], 10), 0, [0])).toBeLessThan(5)
  })
})
