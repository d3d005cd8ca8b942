/** Any rows, any page sizes, any engine: what is read is what a full read and a filter give. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { batchRows } from '../../../src/batch/values.js'
import { batchOf } from '../../../src/batch/vector-builder.js'
import {
  openParquet,
  type PageRows,
  type ParquetReadOptions,
  readParquet,
} from '../../../src/format/parquet/read.js'
import { rangesOfRows } from '../../../src/format/parquet/row-ranges.js'
import { openParquetWriter, type ParquetWriteOptions } from '../../../src/format/parquet/write.js'
import type { FileIO } from '../../../src/io/file-io.js'
import { createMemoryIO } from '../../../src/io/memory.js'
import { meteredIO } from '../../../src/io/metered.js'
import type { Field, Value } from '../../../src/schema/types.js'
import { compareValues } from '../../../src/schema/value.js'
import { arbitraryRows, type TypedRows } from '../arbitrary-rows.js'

const LOCATION = 'memory://t/f.parquet'

async function written({ fields, rows }: TypedRows, options: Partial<ParquetWriteOptions>): Promise<FileIO> {
  const io = createMemoryIO()
  const writer = await openParquetWriter(io, LOCATION, { codec: 'uncompressed', fields, ...options })
  await writer.write(batchOf(fields, rows))
  await writer.close()
  return io
}

/** Rows by their position in the file. */
async function readPositions(
  io: FileIO,
  options: Partial<ParquetReadOptions>,
): Promise<Map<number, Value[]>> {
  const file = await openParquet(io, LOCATION)
  const columns = file.fields.map((_, index) => index)
  const found = new Map<number, Value[]>()
  let last = -1
  for await (const { firstRow, batch, rows } of file.read({ columns, ...options })) {
    for (const [at, row] of batchRows(batch).entries()) {
      const position = firstRow + (rows === undefined ? at : (rows[at] as number))
      expect(position).toBeGreaterThan(last)
      last = position
      found.set(position, row)
    }
  }
  return found
}

const layouts = fc.record({
  rowGroupRows: fc.integer({ min: 1, max: 40 }),
  pageRows: fc.integer({ min: 1, max: 15 }),
  pageVersion: fc.constantFrom<1 | 2>(1, 2),
  dictionaryEnabled: fc.boolean(),
  codec: fc.constantFrom('uncompressed' as const, 'zstd' as const, 'snappy' as const),
})

const requests = fc.record({
  batchRows: fc.integer({ min: 1, max: 50 }),
  budgetBytes: fc.constantFrom(1, 400, 4000, 1_000_000),
  engine: fc.constantFrom('serac' as const, 'parquet-wasm' as const),
})

describe('a selection of rows', () => {
  it('gives what filtering a full read gives', async () => {
    await fc.assert(
      fc.asyncProperty(
        arbitraryRows(60),
        layouts,
        requests,
        fc.infiniteStream(fc.boolean()),
        async (table, layout, request, coin) => {
          const io = await written(table, layout)
          const wanted = table.rows.flatMap((_, row) => (coin.next().value ? [row] : []))
          const found = await readPositions(io, { ...request, selection: rangesOfRows(wanted) })
          expect([...found.keys()]).toEqual(wanted)
          for (const row of wanted) expect(found.get(row)).toEqual(table.rows[row])
        },
      ),
      { numRuns: 150 },
    )
  })

  it('may be empty, or every row', async () => {
    const fields: Field[] = [{ id: 1, name: 'id', required: true, type: { kind: 'long' } }]
    const rows = Array.from({ length: 50 }, (_, at) => [BigInt(at)])
    const io = await written({ fields, rows }, { rowGroupRows: 20 })
    expect((await readPositions(io, { selection: new Uint32Array(0) })).size).toBe(0)
    const all = await readPositions(io, { selection: Uint32Array.of(0, 50) })
    expect([...all.values()]).toEqual(rows)
  })

  it('takes the bytes of its pages and no others', async () => {
    const fields: Field[] = [{ id: 1, name: 'id', required: true, type: { kind: 'long' } }]
    const rows = Array.from({ length: 200_000 }, (_, at) => [BigInt(at * 7919) % 1_000_003n])
    const io = await written({ fields, rows }, { pageRows: 1000, dictionaryEnabled: false })
    const metered = meteredIO(io)
    const positions: number[] = []
    const request = { columns: [0], selection: Uint32Array.of(5000, 5001, 150_500, 150_502) }
    for await (const { firstRow, rows: offsets, batch } of readParquet(metered.io, LOCATION, request)) {
      for (let at = 0; at < batch.length; at++) positions.push(firstRow + (offsets?.[at] ?? at))
    }
    expect(positions).toEqual([5000, 150_500, 150_501])
    // The end of the file with footer and indexes, and two pages.
    expect(metered.counts.requests.read).toBe(3)
    expect(metered.counts.readBytes).toBeLessThan(65_536 + 2 * 8100)
  })
})

/** One int column, and what it is asked for: equal to a value. */
const valuesAndProbe = fc.record({
  values: fc.array(fc.option(fc.integer({ min: -20, max: 20 }), { freq: 4 }), {
    minLength: 1,
    maxLength: 120,
  }),
  sorted: fc.boolean(),
  probe: fc.integer({ min: -21, max: 21 }),
})

const INT: Field = { id: 1, name: 'x', required: false, type: { kind: 'int' } }
const OTHER: Field = { id: 2, name: 'y', required: true, type: { kind: 'string' } }

function mayHold({ columns, rowCount }: PageRows, probe: number): boolean {
  const column = columns.get(INT.id)
  if (column === undefined) return true
  expect(column.valueCount).toBe(rowCount)
  if (column.nullCount === rowCount) return false
  const { lower, upper } = column
  const above = lower === undefined || compareValues(INT.type, lower, probe) <= 0
  return above && (upper === undefined || compareValues(INT.type, upper, probe) >= 0)
}

describe('page statistics', () => {
  it('leave out no row that a filter accepts', async () => {
    await fc.assert(
      fc.asyncProperty(
        valuesAndProbe,
        layouts,
        requests,
        async ({ values, sorted, probe }, layout, request) => {
          const numbers = sorted ? [...values].sort((a, b) => (a ?? 99) - (b ?? 99)) : values
          const rows = numbers.map((value, at): Value[] => [value, `row ${at}`])
          const io = await written({ fields: [INT, OTHER], rows }, layout)
          const keepPage = (page: PageRows): boolean => mayHold(page, probe)
          const found = await readPositions(io, { ...request, keepPage, pageFieldIds: [INT.id] })
          for (const [position, row] of found) expect(row).toEqual(rows[position])
          for (const [position, value] of numbers.entries()) {
            if (value === probe) expect(found.has(position)).toBe(true)
          }
        },
      ),
      { numRuns: 150 },
    )
  })

  it('leave out the pages of a sorted column that cannot match', async () => {
    const rows = Array.from({ length: 1000 }, (_, at): Value[] => [at, `row ${at}`])
    const io = await written({ fields: [INT, OTHER], rows }, { pageRows: 100, rowGroupRows: 500 })
    const keepPage = (page: PageRows): boolean => mayHold(page, 730)
    const found = await readPositions(io, { keepPage, pageFieldIds: [INT.id] })
    expect([...found.keys()]).toEqual(Array.from({ length: 100 }, (_, at) => 700 + at))
  })

  it('of several columns are asked together, run by run', async () => {
    const text = 'x'.repeat(200)
    const rows = Array.from({ length: 300 }, (_, at): Value[] => [
      at,
      `${String(at).padStart(4, '0')}${text}`,
    ])
    const io = await written({ fields: [INT, OTHER], rows }, { pageBytes: 2048, dictionaryEnabled: false })
    const runs: [number, number][] = []
    const keepPage = ({ firstRow, rowCount, columns }: PageRows): boolean => {
      runs.push([firstRow, rowCount])
      const x = columns.get(INT.id)
      const y = columns.get(OTHER.id)
      expect(x?.lower).toBeLessThanOrEqual(firstRow)
      expect(Number(String(y?.lower).slice(0, 4))).toBeLessThanOrEqual(firstRow)
      expect(Number(String(y?.upper).slice(0, 4))).toBeGreaterThanOrEqual(firstRow + rowCount - 1)
      return false
    }
    expect((await readPositions(io, { keepPage, pageFieldIds: [INT.id, OTHER.id] })).size).toBe(0)
    expect(runs.length).toBeGreaterThan(10)
    expect(runs.reduce((sum, [, count]) => sum + count, 0)).toBe(300)
  })

  it('are not there in files without a page index, and everything is read', async () => {
    const rows = Array.from({ length: 100 }, (_, at): Value[] => [at, 'y'])
    const io = await written({ fields: [INT, OTHER], rows }, { statisticsDisabled: new Set([INT.id]) })
    const found = await readPositions(io, { keepPage: () => false, pageFieldIds: [INT.id] })
    expect(found.size).toBe(100)
  })
})
