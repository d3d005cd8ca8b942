/** Tables whose data and delete files are Avro, alone and beside Parquet. */
import { describe, expect, it } from 'vitest'
import { and, eq, gt } from '../../src/expression/expression.js'
import type { DataFile, EqualityDeleteFile, PositionDeleteFile } from '../../src/manifest/content-file.js'
import { countRows } from '../../src/reader/count.js'
import { openDataFile } from '../../src/reader/open-file.js'
import { estimatedBytes } from '../../src/reader/scan-budget.js'
import { DELETE_FILE_PATH_FIELD, DELETE_POSITION_FIELD } from '../../src/schema/reserved-fields.js'
import type { Field, Value } from '../../src/schema/types.js'
import { avroFile, type WriteAvroOptions } from '../format/avro-data/write-avro.js'
import { createMemoryTable, type MemoryTable, planOf, rowsOf } from './memory-table.js'

const ID: Field = { id: 1, name: 'id', required: true, type: { kind: 'int' } }
const NAME: Field = { id: 2, name: 'name', required: false, type: { kind: 'string' } }
const FIELDS: readonly Field[] = [ID, NAME]

interface Given extends WriteAvroOptions {
  readonly fields?: readonly Field[]
  /** The size that the manifest states. */
  readonly sizeBytes?: number
}

async function write(
  table: MemoryTable,
  name: string,
  rows: readonly (readonly Value[])[],
  given: Given & { readonly fields: readonly Field[] },
) {
  const location = `memory://lake/t/data/${name}`
  const bytes = avroFile(given.fields, rows, given)
  await table.io.write(location, bytes)
  return {
    location,
    format: 'avro' as const,
    specId: 0,
    partition: [],
    recordCount: rows.length,
    fileSizeBytes: given.sizeBytes ?? bytes.length,
  }
}

async function dataFile(
  table: MemoryTable,
  name: string,
  rows: readonly (readonly Value[])[],
  given: Given = {},
): Promise<DataFile> {
  return { content: 'data', ...(await write(table, name, rows, { fields: table.schema.fields, ...given })) }
}

async function positionDeletes(
  table: MemoryTable,
  name: string,
  rows: readonly (readonly [string, bigint])[],
): Promise<PositionDeleteFile> {
  const fields = [DELETE_FILE_PATH_FIELD, DELETE_POSITION_FIELD]
  return { content: 'position-deletes', ...(await write(table, name, rows, { fields })) }
}

async function equalityDeletes(
  table: MemoryTable,
  name: string,
  rows: readonly (readonly Value[])[],
  fields: readonly Field[],
): Promise<EqualityDeleteFile> {
  return {
    content: 'equality-deletes',
    equalityFieldIds: fields.map(field => field.id),
    ...(await write(table, name, rows, { fields })),
  }
}

const rowsFrom = (from: number, to: number): [number, string][] =>
  Array.from({ length: to - from }, (_, at) => [from + at, `n${(from + at) % 7}`])

describe('a table with avro files', () => {
  it('is read beside parquet files, filtered and projected', async () => {
    const table = createMemoryTable({ fields: FIELDS })
    await table.commit([
      await dataFile(table, 'a.avro', rowsFrom(0, 50), { codec: 'deflate', blockRows: 8 }),
      await table.dataFile('b.parquet', rowsFrom(50, 60)),
    ])
    expect((await rowsOf(table)).sort((a, b) => Number(a[0]) - Number(b[0]))).toEqual(rowsFrom(0, 60))
    const filter = and(gt('id', 20), eq('name', 'n3'))
    const expected = rowsFrom(0, 60).filter(([id, name]) => id > 20 && name === 'n3')
    const found = await rowsOf(table, { filter, select: ['id'] })
    expect(found.map(([id]) => id).sort()).toEqual(expected.map(([id]) => id).sort())
    const counted = await countRows(table.io, await planOf(table, { filter }))
    expect(counted.rows).toBe(expected.length)
  })

  it('loses the rows that position deletes name, in avro and parquet, of both kinds of file', async () => {
    const table = createMemoryTable({ fields: FIELDS })
    const a = await dataFile(table, 'a.avro', rowsFrom(0, 20), { blockRows: 3 })
    const b = await table.dataFile('b.parquet', rowsFrom(20, 40))
    await table.commit([a, b])
    const first = [0n, 7n, 19n]
    await table.commit([
      await positionDeletes(table, 'd.avro', [
        ...first.map((pos): [string, bigint] => [a.location, pos]),
        [b.location, 4n],
      ]),
      await table.positionDeletes('d.parquet', [[a.location, 8n]]),
    ])
    const gone = new Set([0, 7, 19, 24, 8])
    const ids = (await rowsOf(table, { select: ['id'] })).map(([id]) => Number(id))
    expect(ids.sort((x, y) => x - y)).toEqual(rowsFrom(0, 40).flatMap(([id]) => (gone.has(id) ? [] : [id])))
  })

  it('loses the rows whose keys equality deletes hold', async () => {
    const table = createMemoryTable({ fields: FIELDS })
    await table.commit([
      await dataFile(table, 'a.avro', [...rowsFrom(0, 20), [20, null]], { blockRows: 3 }),
      await table.dataFile('b.parquet', rowsFrom(30, 40)),
    ])
    await table.commit([await equalityDeletes(table, 'e.avro', [['n3'], [null]], [NAME])])
    const ids = (await rowsOf(table, { select: ['id'] })).map(([id]) => Number(id))
    expect(ids.sort((x, y) => x - y)).toEqual(
      [...rowsFrom(0, 20), ...rowsFrom(30, 40)].flatMap(([id, name]) => (name === 'n3' ? [] : [id])),
    )
  })

  it('follows an evolved schema: promoted, renamed, dropped and added columns', async () => {
    const table = createMemoryTable({ fields: FIELDS })
    await table.commit([await dataFile(table, 'a.avro', [[1, 'x']])])
    const fields: Field[] = [
      { id: 3, name: 'name', required: false, type: { kind: 'double' } },
      { ...ID, name: 'key', type: { kind: 'long' } },
    ]
    const base = table.metadata.schemas[0]!
    table.alter({ schemas: [base, { ...base, schemaId: 1, fields }], currentSchemaId: 1 })
    expect(await rowsOf(table)).toEqual([[null, 1n]])
    expect(await rowsOf(table, { filter: eq('key', 1n), select: ['key'] })).toEqual([[1n]])
  })

  it('takes the ids of a file without any from the name mapping', async () => {
    const table = createMemoryTable({ fields: FIELDS })
    await table.commit([await dataFile(table, 'a.avro', [[1, 'x']], { isBare: true })])
    const mapping = JSON.stringify([
      { 'field-id': 1, names: ['id'] },
      { 'field-id': 2, names: ['name'] },
    ])
    const properties = { 'schema.name-mapping.default': mapping }
    const mapped = { ...table, metadata: { ...table.metadata, properties } }
    expect(await rowsOf({ ...mapped, schema: table.schema, snapshot: table.snapshot })).toEqual([[1, 'x']])
  })

  it('loses no row when the manifest states a wrong size', async () => {
    const table = createMemoryTable({ fields: FIELDS })
    await table.commit([
      await dataFile(table, 'a.avro', rowsFrom(0, 100), { blockRows: 10, sizeBytes: 200 }),
      await dataFile(table, 'b.avro', rowsFrom(100, 200), { blockRows: 10, sizeBytes: 1_000_000 }),
    ])
    expect(await rowsOf(table)).toHaveLength(200)
  })

  it('is read within the bytes that were estimated', async () => {
    const table = createMemoryTable({ fields: FIELDS })
    await table.commit([await dataFile(table, 'a.avro', rowsFrom(0, 100))])
    const plan = await planOf(table)
    expect(await rowsOf(table, { maxScanBytes: estimatedBytes(plan) })).toHaveLength(100)
  })

  it('counts the rows of files when no column is asked for', async () => {
    const table = createMemoryTable({ fields: FIELDS })
    const file = await dataFile(table, 'a.avro', rowsFrom(0, 100), { blockRows: 10 })
    const opened = await openDataFile(table.io, file.location, { format: 'avro' })
    expect(opened.format).toBe('avro')
    expect(opened.rowGroups).toBeUndefined()
    let rows = 0
    for await (const { batch } of opened.read({ columns: [] })) rows += batch.length
    expect(rows).toBe(100)
  })
})

describe('files of formats that are not read', () => {
  it('are refused by name, data files and delete files', async () => {
    const table = createMemoryTable({ fields: FIELDS })
    const data = await dataFile(table, 'a.avro', rowsFrom(0, 5))
    const orc = { ...data, format: 'orc' as const, location: 'memory://lake/t/data/a.orc' }
    await expect(openDataFile(table.io, orc.location, { format: 'orc' })).rejects.toMatchObject({
      kind: 'unsupported',
      context: { location: orc.location },
    })
    await table.commit([data])
    const deletes = await equalityDeletes(table, 'e.avro', [['n1']], [NAME])
    await table.commit([{ ...deletes, format: 'orc' }])
    await expect(rowsOf(table)).rejects.toMatchObject({
      kind: 'unsupported',
      context: { location: deletes.location },
    })
  })
})
