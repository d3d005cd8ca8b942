import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { concatBatches } from '../../../src/batch/take.js'
import { valueAt } from '../../../src/batch/values.js'
import { fetchRanges } from '../../../src/format/parquet/fetch-ranges.js'
import { readHeaderStatistics } from '../../../src/format/parquet/page-headers.js'
import { readPageIndexes, rowsOfPages } from '../../../src/format/parquet/page-pruning.js'
import { openParquet, type ParquetFile } from '../../../src/format/parquet/read.js'
import { createMemoryIO } from '../../../src/io/memory.js'
import { meteredIO } from '../../../src/io/metered.js'

const ROWS = 2000
const [ID, TEXT, LATE, DOUBLE] = [0, 1, 2, 3]

/** `id` counts from 0, `text` rises with it, `late` is null in the first rows, `dbl` has NaN in every page. */
async function opened(version: 1 | 2) {
  const location = `memory://t/pages-v${version}.parquet`
  const name = `../../interop/parquet/pyarrow-page-headers-v${version}.parquet`
  const memory = createMemoryIO()
  await memory.write(location, readFileSync(new URL(name, import.meta.url)))
  const metered = meteredIO(memory)
  const file = await openParquet(metered.io, location)
  // So small a file came with its footer: the pages are asked for again.
  const tail = { offset: file.footer.sizeBytes, bytes: new Uint8Array(0) }
  return { file, metered, source: { io: metered.io, footer: { ...file.footer, tail }, signal: undefined } }
}

async function valuesOf(file: ParquetFile, column: number, rows?: Uint32Array): Promise<unknown[]> {
  const batches = []
  for await (const { batch } of file.read({ columns: [column], selection: rows })) batches.push(batch)
  const field = file.fields[column]
  if (field === undefined) throw new RangeError('no such column')
  const { columns, length } = concatBatches([field], batches)
  const [vector] = columns
  if (vector === undefined) throw new RangeError('no column was read')
  return Array.from({ length }, (_, row) => valueAt(vector, field.type, row))
}

describe.each([1, 2] as const)('statistics in the headers of pages of version %i', version => {
  it('are true of the values of each page, which follow each other without a gap', async () => {
    const { file, source } = await opened(version)
    const leaves = [ID, TEXT, LATE, DOUBLE]
    const { statistics } = await readHeaderStatistics(source, { rowGroups: [0], leaves })
    expect(statistics.map(({ leaf }) => leaf)).toEqual(leaves)
    expect(statistics.some(({ pages }) => pages.length > 5)).toBe(true)
    for (const { leaf, offsets, pages } of statistics) {
      expect(offsets.pages[0]?.firstRow).toBe(0)
      for (const [index, { firstRow }] of offsets.pages.entries()) {
        const end = offsets.pages[index + 1]?.firstRow ?? ROWS
        const values = await valuesOf(file, leaf, Uint32Array.of(firstRow, end))
        expect(values).toHaveLength(end - firstRow)
        const { allNull, nullCount, lower, upper } = pages[index] ?? { allNull: false }
        const present = values.filter(value => value !== null && !Number.isNaN(value)) as (number | string)[]
        expect(nullCount).toBe(values.filter(value => value === null).length)
        expect(allNull).toBe(nullCount === values.length)
        expect(lower).toEqual(present.reduce((least, value) => (value < least ? value : least)))
        expect(upper).toEqual(present.reduce((most, value) => (value > most ? value : most)))
      }
    }
  })

  it('leave out pages, and what was read to find them is not read again', async () => {
    const { source, metered } = await opened(version)
    const request = { rowGroups: [0], leaves: [TEXT], statisticsOf: [2], readsHeaders: true }
    const indexes = await readPageIndexes(source, request)
    const rows = rowsOfPages(source.footer, indexes, { rowGroup: 0 }, ({ columns }) => {
      const { lower, upper } = columns.get(2) ?? {}
      return String(lower) <= '010-1000' && '010-1000' <= String(upper)
    })
    expect(rows).toHaveLength(2)
    const [from = 0, to = 0] = rows ?? []
    expect(from).toBeLessThanOrEqual(1000)
    expect(to).toBeGreaterThan(1000)
    expect(to - from).toBeLessThan(ROWS / 4)
    metered.reset()
    const [page] = indexes.offsetIndexOf(0, TEXT)?.pages.slice(2) ?? []
    const range = { offset: page?.offset ?? -1, lengthBytes: page?.compressedBytes ?? -1 }
    const bytesOf = await fetchRanges({ ...source, held: indexes.held }, [range])
    expect(bytesOf(range)).toHaveLength(range.lengthBytes)
    expect(metered.log).toEqual([])
  })
})

describe('headers of pages', () => {
  it('are not looked at where a chunk has a page index', async () => {
    const memory = createMemoryIO()
    const location = 'memory://t/spark.parquet'
    await memory.write(
      location,
      readFileSync(new URL('../../interop/parquet/spark-types.parquet', import.meta.url)),
    )
    const { footer } = await openParquet(memory, location)
    expect(footer.metadata.rowGroups[0]?.columns[0]?.offsetIndex).toBeDefined()
    const source = { io: memory, footer, signal: undefined }
    expect(await readHeaderStatistics(source, { rowGroups: [0], leaves: [0] })).toEqual({
      statistics: [],
      held: [],
    })
  })
})
