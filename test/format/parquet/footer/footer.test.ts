import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { batchOf } from '../../../../src/batch/vector-builder.js'
import { readParquetFooter } from '../../../../src/format/parquet/footer/footer.js'
import { openParquetWriter } from '../../../../src/format/parquet/write.js'
import { createMemoryIO } from '../../../../src/io/memory.js'
import { EVERY_TYPE, EVERY_TYPE_ROWS } from '../../every-type.js'

const LOCATION = 'memory://t/f.parquet'

describe('the statistics of a footer', () => {
  it('are exact for every type, and those that the writer reported', async () => {
    const io = createMemoryIO()
    const writer = await openParquetWriter(io, LOCATION, { codec: 'zstd', fields: EVERY_TYPE })
    await writer.write(batchOf(EVERY_TYPE, EVERY_TYPE_ROWS))
    const { columns } = await writer.close()
    const footer = await readParquetFooter(io, LOCATION)
    const group = footer.rowGroups[0]
    expect(group?.columns.get(9)).toMatchObject({
      lower: -(10n ** 38n) + 1n,
      upper: 10n ** 38n - 1n,
      nullCount: 1,
    })
    expect(group?.columns.get(8)).toMatchObject({ lower: -(10n ** 18n) + 1n, upper: 10n ** 18n - 1n })
    expect([...(group?.columns.keys() ?? [])]).toEqual([...columns.keys()])
    for (const [id, stored] of group?.columns ?? []) {
      const { nanCount: _, ...exact } = columns.get(id) ?? {}
      expect({ id, ...stored }).toEqual({ id, ...exact })
    }
  })

  it('of Spark say decimals, dates and timestamps exactly', async () => {
    const io = createMemoryIO()
    const bytes = readFileSync(new URL('../../../interop/parquet/spark-types.parquet', import.meta.url))
    await io.write(LOCATION, bytes)
    const { rowGroups, createdBy } = await readParquetFooter(io, LOCATION)
    expect(createdBy).toMatch(/^parquet-mr version/)
    const columns = rowGroups[0]?.columns
    for (const id of [7, 8, 9, 11, 12]) {
      expect(typeof columns?.get(id)?.lower).toBe('bigint')
      expect((columns?.get(id)?.lower as bigint) <= (columns?.get(id)?.upper as bigint)).toBe(true)
    }
  })
})
