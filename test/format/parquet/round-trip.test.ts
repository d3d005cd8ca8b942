import fc from 'fast-check'
import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { describe, expect, it } from 'vitest'
import { collect } from '../../../src/base/concurrency.js'
import type { ColumnBatch, Vector } from '../../../src/batch/column-batch.js'
import { emptyBatch, sliceBatch } from '../../../src/batch/take.js'
import { batchRows } from '../../../src/batch/values.js'
import { batchOf } from '../../../src/batch/vector-builder.js'
import { openParquet } from '../../../src/format/parquet/read.js'
import {
  openParquetWriter,
  type ParquetWriteOptions,
  type ParquetWriteResult,
} from '../../../src/format/parquet/write.js'
import { type FailingCall, failingIO } from '../../../src/io/failing.js'
import type { FileIO } from '../../../src/io/file-io.js'
import { createMemoryIO } from '../../../src/io/memory.js'
import type { Field, Value } from '../../../src/schema/types.js'
import { arbitraryRows } from '../arbitrary-rows.js'
import { EVERY_TYPE, EVERY_TYPE_ROWS } from '../every-type.js'

const LOCATION = 'memory://t/f.parquet'
const ID: Field = { id: 1, name: 'id', required: true, type: { kind: 'long' } }
const NAME: Field = { id: 2, name: 'name', required: false, type: { kind: 'string' } }

async function write(
  io: FileIO,
  batches: readonly ColumnBatch[],
  options: Partial<ParquetWriteOptions> = {},
): Promise<ParquetWriteResult> {
  const fields = batches[0]?.fields ?? []
  const writer = await openParquetWriter(io, LOCATION, { codec: 'zstd', fields, ...options })
  for (const batch of batches) await writer.write(batch)
  return writer.close()
}

async function readRows(io: FileIO, batchRowsMax?: number): Promise<Value[][]> {
  const file = await openParquet(io, LOCATION)
  const rows: Value[][] = []
  const columns = file.fields.map((_, index) => index)
  for await (const { firstRow, batch } of file.read({ columns, batchRows: batchRowsMax })) {
    expect(firstRow).toBe(rows.length)
    expect(batch.length).toBeLessThanOrEqual(batchRowsMax ?? Number.POSITIVE_INFINITY)
    rows.push(...batchRows(batch))
  }
  expect(rows).toHaveLength(file.rowCount)
  return rows
}

const numbers = (from: number, to: number): Value[][] =>
  Array.from({ length: to - from }, (_, at) => [
    BigInt(from + at),
    (from + at) % 7 === 0 ? null : `name ${(from + at) % 50}`,
  ])

describe('a parquet file written and read again', () => {
  it('keeps every type, its nulls and its edges', async () => {
    const io = createMemoryIO()
    const result = await write(io, [batchOf(EVERY_TYPE, EVERY_TYPE_ROWS)])
    expect(result.rowCount).toBe(EVERY_TYPE_ROWS.length)
    expect(await readRows(io)).toEqual(EVERY_TYPE_ROWS)
    expect((await openParquet(io, LOCATION)).fields).toEqual(EVERY_TYPE)
    expect(result.sizeBytes).toBe((await io.stat(LOCATION)).sizeBytes)
  })

  it('keeps rows of any types and nesting, however they are cut into batches and row groups', async () => {
    const sizes = fc.record({
      rowGroupRows: fc.integer({ min: 1, max: 9 }),
      batchRowsMax: fc.integer({ min: 1, max: 9 }),
      cut: fc.integer({ min: 1, max: 9 }),
    })
    await fc.assert(
      fc.asyncProperty(
        arbitraryRows(20),
        sizes,
        async ({ fields, rows }, { rowGroupRows, batchRowsMax, cut }) => {
          const io = createMemoryIO()
          const whole = batchOf(fields, rows)
          const batches: ColumnBatch[] = []
          for (let at = 0; at < rows.length; at += cut) {
            batches.push(sliceBatch(whole, at, Math.min(at + cut, rows.length)))
          }
          await write(io, batches, { fields, rowGroupRows })
          expect(await readRows(io, batchRowsMax)).toEqual(rows)
          expect((await openParquet(io, LOCATION)).fields).toEqual(fields)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('exists without rows, with its fields', async () => {
    const io = createMemoryIO()
    const result = await write(io, [emptyBatch(EVERY_TYPE)])
    expect(result).toMatchObject({ rowCount: 0, splitOffsets: [] })
    const file = await openParquet(io, LOCATION)
    expect(file.fields).toEqual(EVERY_TYPE)
    expect(await readRows(io)).toEqual([])
    expect(result.columns.get(1)).toEqual({ valueCount: 0, nullCount: 0, columnSizeBytes: 0 })
  })

  it.each([
    'zstd',
    'snappy',
    'gzip',
    'lz4_raw',
    'brotli',
    'uncompressed',
  ] as const)('is compressed with %s', async codec => {
    const io = createMemoryIO()
    await write(io, [batchOf([ID, NAME], numbers(0, 500))], { codec })
    const stored = parquetMetadata(await io.read(LOCATION)).row_groups[0]?.columns[0]?.meta_data?.codec
    expect(stored).toBe(codec === 'lz4_raw' ? 'LZ4_RAW' : codec.toUpperCase())
    expect(await readRows(io)).toEqual(numbers(0, 500))
  })

  it('has row groups of exactly the rows asked for, and says where they begin', async () => {
    const io = createMemoryIO()
    const batches = [0, 250, 500, 750].map(from => batchOf([ID, NAME], numbers(from, from + 250)))
    const result = await write(io, batches, { rowGroupRows: 300 })
    const { footer } = await openParquet(io, LOCATION)
    expect(footer.rowGroups.map(group => group.rowCount)).toEqual([300, 300, 300, 100])
    expect(footer.rowGroups.map(group => group.firstRow)).toEqual([0, 300, 600, 900])
    expect(result.splitOffsets).toHaveLength(4)
    expect(result.splitOffsets[0]).toBe(4)
    expect(await readRows(io)).toEqual(numbers(0, 1000))
  })

  it('begins a row group when the bytes in memory reach their limit', async () => {
    const io = createMemoryIO()
    const text = (row: number): string => `${row}`.padStart(1000, 'x')
    const rows = Array.from({ length: 100 }, (_, row) => [BigInt(row), text(row)])
    await write(io, [batchOf([ID, NAME], rows)], { rowGroupBytes: 20_000 })
    const { footer } = await openParquet(io, LOCATION)
    expect(footer.rowGroups.length).toBeGreaterThanOrEqual(5)
    expect(await readRows(io)).toEqual(rows)
  })

  it('takes many batches of one row', async () => {
    const io = createMemoryIO()
    const rows = numbers(0, 300)
    const batches = rows.map(row => batchOf([ID, NAME], [row]))
    await write(io, batches)
    expect((await openParquet(io, LOCATION)).footer.rowGroups).toHaveLength(1)
    expect(await readRows(io)).toEqual(rows)
  })

  it('takes dictionary vectors, nested ones too, whose codes are undefined where null', async () => {
    const dictionary = batchOf([NAME], [['a'], ['b'], ['never used']]).columns[0] as Vector
    const names: Vector = {
      layout: 'dictionary',
      length: 3,
      validity: Uint8Array.of(0b101),
      codes: Int32Array.of(1, 99, 0),
      dictionary,
    }
    const list: Field = {
      id: 3,
      name: 'l',
      required: false,
      type: { kind: 'list', elementId: 4, elementRequired: false, element: { kind: 'string' } },
    }
    const lists: Vector = { layout: 'list', length: 3, offsets: Int32Array.of(0, 2, 2, 3), element: names }
    const io = createMemoryIO()
    const batch = { length: 3, fields: [NAME, list], columns: [names, lists] }
    const result = await write(io, [batch])
    expect(await readRows(io)).toEqual([
      ['b', ['b', null]],
      [null, []],
      ['a', ['a']],
    ])
    expect(result.columns.get(2)).toMatchObject({ valueCount: 3, nullCount: 1, lower: 'a', upper: 'b' })
    expect(result.columns.get(4)).toMatchObject({ valueCount: 4, nullCount: 2 })
  })

  it('leaves out columns of type unknown, in structs too', async () => {
    const struct: Field = {
      id: 4,
      name: 's',
      required: false,
      type: {
        kind: 'struct',
        fields: [
          { id: 5, name: 'nothing', required: false, type: { kind: 'unknown' } },
          { id: 6, name: 'n', required: false, type: { kind: 'int' } },
        ],
      },
    }
    const fields = [{ id: 3, name: 'u', required: false, type: { kind: 'unknown' } } as const, ID, struct]
    const io = createMemoryIO()
    const result = await write(io, [batchOf(fields, [[null, 1n, [null, 7]]])])
    expect([...result.columns.keys()]).toEqual([1, 6])
    expect(await readRows(io)).toEqual([[1n, [7]]])
    await expect(
      openParquetWriter(io, LOCATION, { codec: 'zstd', fields: fields.slice(0, 1) }),
    ).rejects.toMatchObject({ kind: 'unsupported' })
  })

  it('is readable by another reader, with the annotations that Iceberg asks for', async () => {
    const io = createMemoryIO()
    const keyValueMetadata = { 'iceberg.schema': '{}', 'serac.note': 'grün' }
    await write(io, [batchOf(EVERY_TYPE, EVERY_TYPE_ROWS)], { keyValueMetadata, codec: 'snappy' })
    const bytes = await io.read(LOCATION)
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer
    const metadata = parquetMetadata(file)
    expect(metadata.key_value_metadata).toEqual([
      { key: 'iceberg.schema', value: '{}' },
      { key: 'serac.note', value: 'grün' },
    ])
    const named = new Map(metadata.schema.map(element => [element.field_id, element]))
    expect(named.get(1)?.repetition_type).toBe('REQUIRED')
    expect(named.get(17)?.logical_type).toEqual({ type: 'UUID' })
    expect(named.get(29)?.logical_type).toEqual({ type: 'UUID' })
    expect(metadata.schema.map(element => element.name)).toContain('key_value')
    expect(
      metadata.row_groups[0]?.columns.map(column => column.meta_data?.path_in_schema.join('.')),
    ).toContain('attrs.key_value.value')
    const rows = await parquetReadObjects({ file, columns: ['id', 'l', 's', 'tags'] })
    expect(rows[1]).toEqual({ id: 2n, l: 9223372036854775807n, s: 'grüße 😀', tags: ['a', null, 'b'] })
  })

  it('keeps page indexes that point at its pages', async () => {
    const io = createMemoryIO()
    await write(io, [batchOf([ID, NAME], numbers(0, 1000))], { rowGroupRows: 400, codec: 'snappy' })
    const bytes = await io.read(LOCATION)
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer
    const rows = await parquetReadObjects({
      file,
      filter: { id: { $gte: 810n, $lt: 812n } },
      usePageIndex: true,
      useOffsetIndex: true,
    })
    expect(rows.map(row => row.id)).toEqual([810n, 811n])
  })
})

describe('the parquet writer', () => {
  it('refuses a null in a required field, at any depth', async () => {
    const inner: Field = {
      id: 3,
      name: 's',
      required: false,
      type: { kind: 'struct', fields: [{ id: 4, name: 'must', required: true, type: { kind: 'int' } }] },
    }
    const writer = await openParquetWriter(createMemoryIO(), LOCATION, { codec: 'zstd', fields: [ID, inner] })
    const nullable = [{ ...ID, required: false }, inner]
    await expect(writer.write(batchOf(nullable, [[null, null]]))).rejects.toMatchObject({
      kind: 'invalid-argument',
      context: { fieldId: 1 },
    })
    await expect(writer.write(batchOf(nullable, [[1n, [null]]]))).rejects.toMatchObject({
      kind: 'invalid-argument',
      context: { fieldId: 4 },
    })
    await writer.write(batchOf(nullable, [[1n, null]]))
  })

  it('leaves nothing when aborted', async () => {
    const io = createMemoryIO()
    const writer = await openParquetWriter(io, LOCATION, {
      codec: 'zstd',
      fields: [ID, NAME],
      rowGroupRows: 10,
    })
    await writer.write(batchOf([ID, NAME], numbers(0, 25)))
    await writer.abort()
    expect(await collect(io.list('memory://'))).toEqual([])
  })

  it('estimates its size while rows wait, and never falls behind what is written', async () => {
    const writer = await openParquetWriter(createMemoryIO(), LOCATION, {
      codec: 'uncompressed',
      fields: [ID, NAME],
      rowGroupRows: 1000,
    })
    expect(writer.sizeBytes).toBe(0)
    await writer.write(batchOf([ID, NAME], numbers(0, 900)))
    const waiting = writer.sizeBytes
    expect(waiting).toBeGreaterThan(1000)
    await writer.write(batchOf([ID, NAME], numbers(900, 2000)))
    expect(writer.sizeBytes).toBeGreaterThan(waiting)
    expect(writer.rowCount).toBe(2000)
    const result = await writer.close()
    expect(result.sizeBytes).toBe(writer.sizeBytes)
  })

  it('is unavailable when the disk is full, at whichever step, and nothing is visible', async () => {
    const fields = [ID, NAME]
    const attempt = async (failAt: number): Promise<{ steps: number; error: unknown; files: number }> => {
      const inner = createMemoryIO()
      let steps = 0
      const decide = (call: FailingCall): Error | undefined => {
        if (call.phase === 'after' || call.verb === 'writer-abort') return undefined
        steps += 1
        return steps === failAt ? Object.assign(new Error('disk full'), { code: 'ENOSPC' }) : undefined
      }
      const io = failingIO(inner, decide)
      let error: unknown
      try {
        const writer = await openParquetWriter(io, LOCATION, { codec: 'zstd', fields, rowGroupRows: 10 })
        try {
          await writer.write(batchOf(fields, numbers(0, 25)))
          await writer.close()
        } catch (thrown) {
          await writer.abort()
          throw thrown
        }
      } catch (thrown) {
        error = thrown
      }
      return { steps, error, files: (await collect(inner.list('memory://'))).length }
    }
    const { steps, files } = await attempt(Number.POSITIVE_INFINITY)
    expect(files).toBe(1)
    expect(steps).toBeGreaterThanOrEqual(7)
    for (let failAt = 1; failAt <= steps; failAt++) {
      const failed = await attempt(failAt)
      expect(failed.error).toMatchObject({ kind: 'unavailable', context: { location: LOCATION } })
      expect(failed.files).toBe(0)
    }
  })
})
