import { describe, expect, it } from 'vitest'
import { batchOf } from '../../src/batch/vector-builder.js'
import type { ParquetFooter } from '../../src/format/parquet/footer/footer.js'
import { CODEC_NAMES, type ColumnChunk, PageType } from '../../src/format/parquet/footer/metadata.js'
import { openParquet } from '../../src/format/parquet/read.js'
import type { DataFile } from '../../src/manifest/content-file.js'
import { currentSchema, defaultSpec } from '../../src/metadata/lookup.js'
import type { Field, Type, Value } from '../../src/schema/types.js'
import { parseValue } from '../../src/schema/value.js'
import { type DataWriter, type DataWriterOptions, openDataWriter } from '../../src/writer/data-writer.js'
import { fileNaming } from '../../src/writer/file-location.js'
import { createTestTable, refusal, type TestTable, type TestTableOptions } from './test-lake.js'

const FIELDS: readonly Field[] = [
  { id: 1, name: 'id', required: true, type: { kind: 'long' } },
  { id: 2, name: 'name', required: false, type: { kind: 'string' } },
  { id: 3, name: 'day', required: false, type: { kind: 'date' } },
]

async function openWriter(table: TestTable, options: Partial<DataWriterOptions> = {}): Promise<DataWriter> {
  const { metadata } = await table.load()
  const naming = fileNaming(metadata, { operationUuid: 'op' })
  const schema = currentSchema(metadata)
  return openDataWriter({ io: table.io, metadata, schema, spec: defaultSpec(metadata), naming, ...options })
}

async function written(
  options: Partial<TestTableOptions>,
  rows: readonly (readonly Value[])[],
): Promise<readonly DataFile[]> {
  const table = await createTestTable({ fields: FIELDS, ...options })
  const writer = await openWriter(table)
  await writer.write(table.batch(rows))
  return writer.close()
}

function bound(bounds: ReadonlyMap<number, Uint8Array> | undefined, field: number, type: Type): unknown {
  const bytes = bounds?.get(field)
  return bytes === undefined || type.kind === 'struct' || type.kind === 'list' || type.kind === 'map'
    ? undefined
    : parseValue(type, bytes)
}

describe('the data writer', () => {
  it('sends rows to one file a partition, named by partition path and operation', async () => {
    const files = await written(
      {
        partitionFields: [
          { sourceId: 2, name: 'name', transform: { kind: 'identity' } },
          { sourceId: 3, name: 'day_month', transform: { kind: 'month' } },
        ],
      },
      [
        [1n, 'a/b c', 0],
        [2n, null, 40],
        [3n, 'a/b c', 5],
      ],
    )
    expect(files.map(({ location, partition, recordCount }) => [location, partition, recordCount])).toEqual([
      ['memory://lake/ns/t/data/name=a%2Fb+c/day_month=1970-01/00000-0-op-00001.parquet', ['a/b c', 0], 2],
      ['memory://lake/ns/t/data/name=null/day_month=1970-02/00000-0-op-00002.parquet', [null, 1], 1],
    ])
  })

  it('gives counts, sizes, split offsets and bounds; strings are cut, upper bounds raised', async () => {
    const [file] = await written({}, [
      [1n, 'abcdefghijklmnopqrst', null],
      [-7n, 'b😀b😀b😀b😀b😀b😀b😀b😀b😀', 3],
      [5n, null, 3],
    ])
    expect(file?.recordCount).toBe(3)
    expect(file?.splitOffsets).toEqual([4])
    expect([...(file?.columnSizes?.keys() ?? [])]).toEqual([1, 2, 3])
    expect(Object.fromEntries(file?.valueCounts ?? [])).toEqual({ 1: 3, 2: 3, 3: 3 })
    expect(Object.fromEntries(file?.nullValueCounts ?? [])).toEqual({ 1: 0, 2: 1, 3: 1 })
    expect(bound(file?.lowerBounds, 1, { kind: 'long' })).toBe(-7n)
    expect(bound(file?.upperBounds, 1, { kind: 'long' })).toBe(5n)
    expect(bound(file?.lowerBounds, 2, { kind: 'string' })).toBe('abcdefghijklmnop')
    expect(bound(file?.upperBounds, 2, { kind: 'string' })).toBe('b😀b😀b😀b😀b😀b😀b😀b😁')
  })

  it('honours metrics modes by column', async () => {
    const [file] = await written(
      {
        properties: {
          'write.metadata.metrics.default': 'counts',
          'write.metadata.metrics.column.id': 'full',
          'write.metadata.metrics.column.day': 'none',
        },
      },
      [[1n, 'x', 2]],
    )
    expect([...(file?.valueCounts?.keys() ?? [])]).toEqual([1, 2])
    expect([...(file?.lowerBounds?.keys() ?? [])]).toEqual([1])
    expect([...(file?.columnSizes?.keys() ?? [])]).toEqual([1, 2, 3])
  })

  it('closes a file at the target size and goes on in another', async () => {
    const table = await createTestTable({
      fields: FIELDS,
      properties: { 'write.parquet.row-group-size-bytes': '4096' },
    })
    const writer = await openWriter(table, { targetSizeBytes: 2_000 })
    for (let batch = 0; batch < 10; batch++)
      await writer.write(
        table.batch(
          Array.from({ length: 500 }, (_, row) => [BigInt(batch * 500 + row), `n${row * 7919}`, row]),
        ),
      )
    const files = await writer.close()
    expect(files.length).toBeGreaterThan(2)
    expect(files.reduce((sum, file) => sum + file.recordCount, 0)).toBe(5_000)
    expect(new Set(files.map(file => file.location)).size).toBe(files.length)
  })

  it('closes a file at the greatest number of rows', async () => {
    const table = await createTestTable({ fields: FIELDS })
    const writer = await openWriter(table, { fileRowsMax: 4 })
    await writer.write(table.batch(Array.from({ length: 10 }, (_, row) => [BigInt(row), null, row])))
    expect((await writer.close()).map(file => file.recordCount)).toEqual([4, 4, 2])
  })

  it('loses no row with few open files and little room for waiting rows', async () => {
    const table = await createTestTable({
      fields: FIELDS,
      partitionFields: [{ sourceId: 1, name: 'b', transform: { kind: 'bucket', count: 8 } }],
    })
    const writer = await openWriter(table, { openFilesMax: 2, pendingRowsMax: 10 })
    for (let batch = 0; batch < 5; batch++)
      await writer.write(
        table.batch(Array.from({ length: 40 }, (_, row) => [BigInt(batch * 40 + row), null, row])),
      )
    const files = await writer.close()
    expect(files.reduce((sum, file) => sum + file.recordCount, 0)).toBe(200)
    expect(writer.rowCount).toBe(200)
    expect(new Set(files.map(file => file.partition[0])).size).toBe(8)
  })

  it('writes nothing for no rows', async () => {
    expect(await written({}, [])).toEqual([])
  })

  it('deletes what it wrote when it is aborted', async () => {
    const table = await createTestTable({ fields: FIELDS })
    const writer = await openWriter(table, { fileRowsMax: 2 })
    await writer.write(table.batch(Array.from({ length: 5 }, (_, row) => [BigInt(row), null, row])))
    await writer.abort()
    expect(await table.dataFiles()).toEqual([])
  })

  it('spreads files over hash folders for object stores', async () => {
    const [file] = await written({ properties: { 'write.object-storage.enabled': 'true' } }, [
      [1n, null, null],
    ])
    expect(file?.location).toMatch(/\/data\/[01]{4}\/[01]{4}\/[01]{4}\/[01]{8}\/00000-0-op-00001\.parquet$/)
  })

  it('refuses formats that it cannot write', async () => {
    const table = await createTestTable({ fields: FIELDS, properties: { 'write.format.default': 'orc' } })
    expect(await refusal(openWriter(table).then(writer => writer))).toMatchObject({ kind: 'unsupported' })
  })
})

describe('rows for the data writer', () => {
  it('may lack optional columns, come in another order and be narrower', async () => {
    const table = await createTestTable({ fields: FIELDS })
    const writer = await openWriter(table)
    const fields: readonly Field[] = [
      { id: 2, name: 'other', required: false, type: { kind: 'string' } },
      { id: 1, name: 'id', required: false, type: { kind: 'int' } },
    ]
    await writer.write(batchOf(fields, [['x', 12]]))
    const [file] = await writer.close()
    expect(bound(file?.lowerBounds, 1, { kind: 'long' })).toBe(12n)
    expect(file?.nullValueCounts?.get(3)).toBe(1)
  })

  it('may not have a null in a required column', async () => {
    const table = await createTestTable({ fields: FIELDS })
    const writer = await openWriter(table)
    const fields = FIELDS.map(field => ({ ...field, required: false }))
    const work = writer.write(
      batchOf(fields, [
        [1n, 'a', 1],
        [null, 'b', 1],
      ]),
    )
    expect(await refusal(work)).toMatchObject({ kind: 'invalid-argument', context: { column: 'id', row: 1 } })
  })

  it('may not have a null in a required field of a struct in a list', async () => {
    const item: Type = {
      kind: 'struct',
      fields: [{ id: 12, name: 'x', required: true, type: { kind: 'int' } }],
    }
    const items: Field = {
      id: 10,
      name: 'items',
      required: false,
      type: { kind: 'list', elementId: 11, elementRequired: false, element: item },
    }
    const fields = [FIELDS[0]!, items]
    const table = await createTestTable({ fields })
    const writer = await openWriter(table)
    const schema = currentSchema((await table.load()).metadata)
    const rows = [
      [1n, [[1], null]],
      [2n, null],
      [3n, [[2], [null]]],
    ]
    expect(await refusal(writer.write(batchOf(schema.fields, rows)))).toMatchObject({
      kind: 'invalid-argument',
      context: { column: 'items.element.x', row: 2 },
    })
    await writer.write(batchOf(schema.fields, rows.slice(0, 2)))
    expect((await writer.close())[0]?.recordCount).toBe(2)
  })

  it('may not have unknown columns, lack required ones or be of other types', async () => {
    const table = await createTestTable({ fields: FIELDS })
    const writer = await openWriter(table)
    const id: Field = FIELDS[0]!
    const wrong = (fields: readonly Field[], row: readonly Value[]) =>
      refusal(writer.write(batchOf(fields, [row])))
    expect(await wrong([id, { ...id, id: 9, name: 'x' }], [1n, 1n])).toMatchObject({
      context: { column: 'x' },
    })
    expect(await wrong([FIELDS[1]!], ['a'])).toMatchObject({ context: { column: 'id' } })
    expect(await wrong([{ ...id, type: { kind: 'string' } }], ['1'])).toMatchObject({
      kind: 'invalid-argument',
      context: { column: 'id', from: 'string', to: 'long' },
    })
  })
})

describe('the properties of a table', () => {
  const rows = Array.from({ length: 3000 }, (_, at): Value[] => [BigInt(at), `name ${at % 50}`, at % 9])
  const chunkOf = (footer: ParquetFooter, column: number): ColumnChunk =>
    footer.metadata.rowGroups[0]?.columns[column] as ColumnChunk
  const pageCount = (chunk: ColumnChunk): number =>
    (chunk.encodingStatistics ?? [])
      .filter(({ pageType }) => pageType !== PageType.dictionary)
      .reduce((sum, { pageCount: count }) => sum + count, 0)

  async function footerOf(properties: Readonly<Record<string, string>>): Promise<ParquetFooter> {
    const table = await createTestTable({ fields: FIELDS, properties })
    const writer = await openWriter(table)
    await writer.write(table.batch(rows))
    const [file] = await writer.close()
    return (await openParquet(table.io, file?.location ?? '')).footer
  }

  it('that are not there mean pages of 20 000 rows, dictionaries, no bloom filters', async () => {
    const footer = await footerOf({})
    expect([0, 1, 2].map(column => pageCount(chunkOf(footer, column)))).toEqual([1, 1, 1])
    expect([0, 1, 2].map(column => chunkOf(footer, column).dictionaryPageOffset === undefined)).toEqual([
      true,
      false,
      false,
    ])
    expect(chunkOf(footer, 1).bloomFilter).toBeUndefined()
    expect(chunkOf(footer, 1).columnIndex).toBeDefined()
  })

  it('decide on row groups, pages, dictionaries, statistics, bloom filters and codec', async () => {
    const footer = await footerOf({
      'write.parquet.page-row-limit': '1000',
      'write.parquet.page-version': 'v2',
      'write.parquet.compression-codec': 'snappy',
      'write.parquet.dict-encoding-enabled.column.name': 'false',
      'write.parquet.stats-enabled.column.day': 'false',
      'write.parquet.bloom-filter-enabled.column.name': 'true',
      'write.parquet.bloom-filter-enabled.column.gone': 'true',
      'write.parquet.bloom-filter-max-bytes': '128',
    })
    const [id, name, day] = [0, 1, 2].map(column => chunkOf(footer, column)) as [
      ColumnChunk,
      ColumnChunk,
      ColumnChunk,
    ]
    expect([id, name, day].map(pageCount)).toEqual([3, 3, 3])
    expect(name.encodingStatistics?.every(({ pageType }) => pageType === PageType.dataV2)).toBe(true)
    expect(CODEC_NAMES[name.codec]).toBe('snappy')
    expect(name.dictionaryPageOffset).toBeUndefined()
    expect(day.dictionaryPageOffset).toBeDefined()
    expect([day.columnIndex, day.statistics.lower, day.statistics.nullCount]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    expect(name.bloomFilter?.lengthBytes).toBeLessThan(128 + 64)
    expect([id.bloomFilter, day.bloomFilter]).toEqual([undefined, undefined])
    const grouped = await footerOf({ 'write.parquet.row-group-size-bytes': '20000' })
    expect(grouped.rowGroups.length).toBeGreaterThan(2)
  })

  it('do without bounds of variants and shapes', async () => {
    const variant: Field = { id: 4, name: 'v', required: false, type: { kind: 'variant' } }
    const shape: Field = { id: 5, name: 'g', required: false, type: { kind: 'geometry' } }
    const rows: Value[][] = [
      [1n, 'a', 0, Uint8Array.of(1, 0, 0, 12, 7), Uint8Array.of(1, 2)],
      [2n, 'b', 0, null, null],
    ]
    const table = await createTestTable({ fields: [...FIELDS, variant, shape], formatVersion: 3 })
    await table.append(rows)
    expect(await table.rows()).toEqual(rows)
    const [file] = await written({ fields: [...FIELDS, variant, shape], formatVersion: 3 }, rows)
    expect([4, 5].map(id => file?.nullValueCounts?.get(id))).toEqual([1, 1])
    expect([4, 5].map(id => file?.lowerBounds?.has(id))).toEqual([false, false])
  })
})
