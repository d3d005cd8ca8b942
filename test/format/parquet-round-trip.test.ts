import { describe, expect, it } from 'vitest'
import type { ColumnBatch } from '../../src/batch/column-batch.js'
import { emptyBatch, sliceBatch } from '../../src/batch/take.js'
import { batchRows } from '../../src/batch/values.js'
import { batchOf } from '../../src/batch/vector-builder.js'
import { openParquet } from '../../src/format/parquet-read.js'
import { openParquetWriter, type ParquetWriteOptions } from '../../src/format/parquet-write.js'
import type { FileIO } from '../../src/io/file-io.js'
import { createMemoryIO } from '../../src/io/memory.js'
import type { Field, Value } from '../../src/schema/types.js'
import { EVERY_TYPE, EVERY_TYPE_ROWS } from './every-type.js'

const LOCATION = 'memory://t/f.parquet'

async function write(
  io: FileIO,
  batches: readonly ColumnBatch[],
  options: Partial<ParquetWriteOptions> & { fields: readonly Field[] },
) {
  const writer = await openParquetWriter(io, LOCATION, { codec: 'zstd', ...options })
  for (const batch of batches) await writer.write(batch)
  return writer.close()
}

async function readRows(io: FileIO, batchRowsMax?: number): Promise<Value[][]> {
  const file = await openParquet(io, LOCATION)
  const rows: Value[][] = []
  const columns = file.fields.map((_, index) => index)
  for await (const { firstRow, batch } of file.read({ columns, batchRows: batchRowsMax })) {
    expect(firstRow).toBe(rows.length)
    rows.push(...batchRows(batch))
  }
  return rows
}

describe('a parquet file written and read again', () => {
  it('keeps every type, its nulls and its edges', async () => {
    const io = createMemoryIO()
    const result = await write(io, [batchOf(EVERY_TYPE, EVERY_TYPE_ROWS)], { fields: EVERY_TYPE })
    expect(result.rowCount).toBe(EVERY_TYPE_ROWS.length)
    expect(await readRows(io)).toEqual(EVERY_TYPE_ROWS)
    const file = await openParquet(io, LOCATION)
    expect(file.fields).toEqual(EVERY_TYPE)
    expect(result.sizeBytes).toBe((await io.stat(LOCATION)).sizeBytes)
  })
})
