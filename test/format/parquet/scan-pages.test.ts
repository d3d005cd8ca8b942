import { describe, expect, it } from 'vitest'
import type { ColumnBatch } from '../../../src/batch/column-batch.js'
import { parseMetadata } from '../../../src/format/parquet/footer/parse-metadata.js'
import { serializeFooter } from '../../../src/format/parquet/footer/serialize-footer.js'
import { openParquet } from '../../../src/format/parquet/read.js'
import { openParquetWriter, type ParquetWriteOptions } from '../../../src/format/parquet/write.js'
import type { FileIO } from '../../../src/io/file-io.js'
import { createMemoryIO } from '../../../src/io/memory.js'
import { meteredIO } from '../../../src/io/metered.js'
import type { Field } from '../../../src/schema/types.js'

const LOCATION = 'memory://t/f.parquet'
const MB = 1024 * 1024
const ROWS = 1_200_000

const LONG: Field = { id: 1, name: 'x', required: true, type: { kind: 'long' } }
const CODES: Field = { id: 2, name: 'y', required: true, type: { kind: 'int' } }
const LIST: Field = {
  id: 3,
  name: 'l',
  required: true,
  type: { kind: 'list', elementId: 4, elementRequired: true, element: { kind: 'int' } },
}

/** About 10 MB of numbers that do not repeat, a column of codes, and a list of one element a row. */
function batch(): ColumnBatch {
  const ones = Int32Array.from({ length: ROWS + 1 }, (_, row) => row)
  return {
    length: ROWS,
    fields: [LONG, CODES, LIST],
    columns: [
      {
        layout: 'fixed-width',
        length: ROWS,
        values: BigInt64Array.from(ones.subarray(0, ROWS), row => BigInt(row) * 7919n),
      },
      {
        layout: 'fixed-width',
        length: ROWS,
        values: Int32Array.from({ length: ROWS }, (_, row) => row % 300),
      },
      {
        layout: 'list',
        length: ROWS,
        offsets: ones,
        element: { layout: 'fixed-width', length: ROWS, values: ones },
      },
    ],
  }
}

/** A file of one row group whose footer says nothing of page indexes. */
async function withoutIndexes(options: Partial<ParquetWriteOptions>): Promise<FileIO> {
  const io = createMemoryIO()
  const writer = await openParquetWriter(io, LOCATION, {
    fields: [LONG, CODES, LIST],
    codec: 'uncompressed',
    rowGroupRows: ROWS,
    ...options,
  })
  await writer.write(batch())
  await writer.close()
  const bytes = await io.read(LOCATION)
  const footerAt = bytes.length - 8 - new DataView(bytes.buffer, bytes.length - 8).getUint32(0, true)
  const metadata = parseMetadata(bytes.subarray(footerAt, -8))
  const rowGroups = metadata.rowGroups.map(group => ({
    ...group,
    columns: group.columns.map(chunk => ({ ...chunk, columnIndex: undefined, offsetIndex: undefined })),
  }))
  const stripped = createMemoryIO()
  await stripped.write(
    LOCATION,
    Buffer.concat([bytes.subarray(0, footerAt), serializeFooter({ ...metadata, rowGroups })]),
  )
  return stripped
}

interface Reading {
  readonly rows: number
  readonly isRight: boolean
  readonly largestRequestBytes: number
}

async function readAll(io: FileIO, columns: readonly number[], budgetBytes: number): Promise<Reading> {
  const metered = meteredIO(io)
  const file = await openParquet(metered.io, LOCATION)
  let rows = 0
  let isRight = true
  for await (const { firstRow, batch: part } of file.read({ columns, budgetBytes })) {
    isRight &&= firstRow === rows
    for (const vector of part.columns) {
      const values = vector.layout === 'list' ? vector.element : vector
      if (values.layout !== 'fixed-width') return { rows, isRight: false, largestRequestBytes: 0 }
      for (let row = 0; row < part.length; row++) {
        const value = values.values[vector.layout === 'list' ? (vector.offsets[row] as number) : row]
        const at = rows + row
        isRight &&=
          typeof value === 'bigint' ? value === BigInt(at) * 7919n : value === at % 300 || value === at
      }
    }
    rows += part.length
  }
  const sizes = metered.log.map(request => request.range?.lengthBytes ?? 0)
  return { rows, isRight, largestRequestBytes: Math.max(...sizes) }
}

describe('a row group larger than the budget, in a file without page indexes', () => {
  it.each([1, 2] as const)('is read in parts, pages of version %i', async pageVersion => {
    const io = await withoutIndexes({ pageVersion, dictionaryEnabled: pageVersion === 1 })
    const reading = await readAll(io, [0, 1], 4 * MB)
    expect(reading).toMatchObject({ rows: ROWS, isRight: true })
    expect(reading.largestRequestBytes).toBeLessThanOrEqual(4 * MB)
  })

  it('is read whole where pages do not tell their rows: lists in version 1', async () => {
    const io = await withoutIndexes({ dictionaryEnabled: false })
    const reading = await readAll(io, [2], 4 * MB)
    expect(reading).toMatchObject({ rows: ROWS, isRight: true })
    expect(reading.largestRequestBytes).toBeGreaterThan(4 * MB)
  })

  it('is read in parts where lists stand in pages of version 2', async () => {
    const io = await withoutIndexes({ pageVersion: 2, dictionaryEnabled: false })
    const reading = await readAll(io, [2], 4 * MB)
    expect(reading).toMatchObject({ rows: ROWS, isRight: true })
    expect(reading.largestRequestBytes).toBeLessThanOrEqual(4 * MB)
  })

  it('names the file when its pages cannot be found', async () => {
    const io = await withoutIndexes({})
    const bytes = await io.read(LOCATION)
    bytes.fill(0xff, 4, 40)
    const broken = createMemoryIO()
    await broken.write(LOCATION, bytes)
    await expect(readAll(broken, [0], MB)).rejects.toMatchObject({
      kind: 'corrupt',
      context: { location: LOCATION, rowGroup: 0 },
    })
  })
})
