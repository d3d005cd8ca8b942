/** Parquet files that others wrote, taken into tables as they are: `Table.addFiles`. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { batchOf } from '../../src/batch/vector-builder.js'
import { readParquetFooter } from '../../src/format/parquet/footer/footer.js'
import { serializeFooter } from '../../src/format/parquet/footer/serialize-footer.js'
import { openParquetWriter } from '../../src/format/parquet/write.js'
import type { FileIO, Table } from '../../src/index.js'
import type { Field, Type, Value } from '../../src/schema/types.js'
import { rejectionOf } from '../support/errors.js'
import { type MemoryLake, openMemoryLake, rowsOf } from './memory-lake.js'

let world: MemoryLake
let io: FileIO
beforeEach(async () => {
  world = await openMemoryLake()
  io = world.lake.context.io
})
afterEach(() => world.close())

const INT: Type = { kind: 'int' }
const LONG: Type = { kind: 'long' }
const STRING: Type = { kind: 'string' }

type Columns = readonly (readonly [name: string, type: Type, required?: boolean])[]

/** A file of another writer: without field ids unless `ids` gives them. */
async function file(
  location: string,
  columns: Columns,
  rows: readonly (readonly Value[])[],
  ids?: readonly number[],
): Promise<string> {
  const fields = columns.map(
    ([name, type, required = false], index): Field => ({
      id: ids?.[index] ?? index + 1,
      name,
      type,
      required,
    }),
  )
  const writer = await openParquetWriter(io, location, { fields, codec: 'zstd' })
  await writer.write(batchOf(fields, rows))
  await writer.close()
  if (ids === undefined) await withoutIds(location)
  return location
}

async function withoutIds(location: string): Promise<void> {
  const { metadata } = await readParquetFooter(io, location)
  const bytes = await io.read(location)
  const schema = metadata.schema.map(({ fieldId: _, ...element }) => element)
  const footer = serializeFooter({ ...metadata, schema })
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 8, true)
  const tail = new Uint8Array(8)
  new DataView(tail.buffer).setUint32(0, footer.length, true)
  tail.set([0x50, 0x41, 0x52, 0x31], 4)
  await io.delete([location])
  await io.write(location, Buffer.concat([bytes.subarray(0, bytes.length - 8 - length), footer, tail]))
}

async function entries(table: Table): Promise<readonly Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = []
  for await (const row of table.inspect('files').rows({ long: 'number' })) rows.push(row)
  return rows
}

describe('files without field ids', () => {
  it('are read by name through a name mapping, renames and new columns included', async () => {
    const table = await world.lake.createTable('n.t', 'id bigint, name string, extra int')
    const a = await file(
      'memory:/in/a.parquet',
      [
        ['name', STRING],
        ['id', LONG],
      ],
      [
        ['x', 1n],
        ['y', 2n],
      ],
    )
    const b = await file(
      'memory:/in/b.parquet',
      [
        ['id', INT],
        ['other', STRING],
      ],
      [[3, 'hidden']],
    )
    const report = await table.addFiles([a, b])
    expect(report).toMatchObject({ changed: true, ignoredColumns: ['other'], conflicts: [] })
    expect(report.files.map(({ rows }) => rows)).toEqual([2, 1])
    await table.alter('rename column name to title')
    await table.append([{ id: 4, title: 'z', extra: 1 }])
    expect(await rowsOf(table.scan())).toEqual([
      { id: 1, title: 'x', extra: null },
      { id: 2, title: 'y', extra: null },
      { id: 3, title: null, extra: null },
      { id: 4, title: 'z', extra: 1 },
    ])
    expect(await rowsOf(table.scan({ where: "title = 'y'", select: ['id'] }))).toEqual([{ id: 2 }])
    await table.upsert([{ id: 3, title: 'found' }], { keys: ['id'] })
    await table.delete('id = 1')
    expect(await rowsOf(table.scan({ select: ['id', 'title'] }))).toEqual([
      { id: 2, title: 'y' },
      { id: 3, title: 'found' },
      { id: 4, title: 'z' },
    ])
  })

  it('have the metrics of their footers, in the types of the table', async () => {
    const table = await world.lake.createTable('n.t', 'id bigint, name string')
    await table.addFiles([
      await file(
        'memory:/in/a.parquet',
        [
          ['id', INT],
          ['name', STRING],
        ],
        [
          [3, 'c'],
          [1, null],
          [2, 'a'],
        ],
      ),
    ])
    const [entry] = await entries(table)
    expect(entry).toMatchObject({ record_count: 3, file_path: 'memory:/in/a.parquet' })
    expect(entry?.readable_metrics).toMatchObject({
      id: { value_count: 3, null_value_count: 0, lower_bound: 1, upper_bound: 3 },
      name: { value_count: 3, null_value_count: 1, lower_bound: 'a', upper_bound: 'c' },
    })
    expect(await table.scan({ where: 'id = 9' }).explain()).toMatchObject({
      planning: { dataFilesSkippedByBounds: 1 },
    })
  })
})

describe('files with field ids', () => {
  it('are read by id; ids that mean something else are refused', async () => {
    const table = await world.lake.createTable('n.t', 'id bigint, name string')
    await table.alter('rename column name to title')
    const columns: Columns = [
      ['id', LONG],
      ['name', STRING],
    ]
    await table.addFiles([await file('memory:/in/a.parquet', columns, [[1n, 'a']], [1, 2])])
    expect(await rowsOf(table.scan())).toEqual([{ id: 1, title: 'a' }])
    const swapped = await file(
      'memory:/in/b.parquet',
      [
        ['name', LONG],
        ['id', STRING],
      ],
      [[1n, 'a']],
      [1, 2],
    )
    const unknown = await file(
      'memory:/in/c.parquet',
      [
        ['id', LONG],
        ['later', STRING],
      ],
      [[1n, 'a']],
      [1, 3],
    )
    const { conflicts } = await table.addFiles([swapped, unknown], { dryRun: true })
    expect(conflicts.map(({ location, column }) => `${location} ${column}`)).toEqual([
      'memory:/in/b.parquet id',
      'memory:/in/b.parquet title',
      'memory:/in/c.parquet later',
    ])
  })
})

describe('files that do not fit', () => {
  it('are listed by a dry run with their types, and refused as a whole', async () => {
    const table = await world.lake.createTable('n.t', 'id int not null, name string, at struct<x: int>')
    const good = await file('memory:/in/a.parquet', [['id', INT]], [[1]])
    const types = await file(
      'memory:/in/b.parquet',
      [
        ['id', STRING],
        ['at', { kind: 'struct', fields: [{ id: 9, name: 'x', required: false, type: LONG }] }],
      ],
      [['1', [1n]]],
    )
    const nulls = await file('memory:/in/c.parquet', [['id', INT]], [[null]])
    const missing = await file('memory:/in/d.parquet', [['name', STRING]], [['a']])
    const report = await table.addFiles([good, types, nulls, missing], { dryRun: true })
    expect(report.changed).toBe(false)
    expect(
      report.conflicts.map(({ location, column, storedType, tableType }) => [
        location.slice(-9),
        column,
        storedType,
        tableType,
      ]),
    ).toEqual([
      ['b.parquet', 'id', 'string', 'int'],
      ['b.parquet', 'at.x', 'long', 'int'],
      ['c.parquet', 'id', 'int', 'int'],
      ['d.parquet', 'id', undefined, 'int'],
    ])
    expect(await table.snapshots()).toEqual([])
    expect(await rejectionOf(table.addFiles([good, types]))).toMatchObject({
      kind: 'invalid-argument',
      context: { conflicts: 2, column: 'id', storedType: 'string' },
    })
    expect(await table.snapshots()).toEqual([])
  })

  it('are those that the table has, that are named twice, or that are no Parquet', async () => {
    const table = await world.lake.createTable('n.t', 'id int')
    const a = await file('memory:/in/a.parquet', [['id', INT]], [[1]])
    expect((await rejectionOf(table.addFiles([a, a])))?.kind).toBe('invalid-argument')
    await table.addFiles([a])
    expect((await rejectionOf(table.addFiles([a])))?.kind).toBe('already-exists')
    expect(await table.addFiles([a], { dryRun: true })).toMatchObject({ duplicates: [a] })
    await table.addFiles([a], { checkDuplicates: false })
    expect(await rowsOf(table.scan())).toEqual([{ id: 1 }, { id: 1 }])
    await io.write('memory:/other/readme.txt', Buffer.from('x'))
    expect((await rejectionOf(table.addFiles(['memory:/other'])))?.kind).toBe('unsupported')
    expect((await rejectionOf(table.addFiles(['memory:/nowhere'])))?.kind).toBe('not-found')
    await io.write('memory:/other2/bad.parquet', Buffer.from('not parquet at all'))
    expect((await rejectionOf(table.addFiles(['memory:/other2'])))?.kind).toBe('corrupt')
  })
})

describe('folders of Hive', () => {
  it('give identity partitions their values, unescaped, null included', async () => {
    const table = await world.lake.createTable('n.t', 'id int, region string, day date', {
      partitionBy: ['region', 'day'],
    })
    await file('memory:/hive/region=eu%2Fwest/day=2026-01-02/000000_0', [['id', INT]], [[1], [2]])
    await file(
      'memory:/hive/region=__HIVE_DEFAULT_PARTITION__/day=2026-01-03/b.parquet',
      [['id', INT]],
      [[3]],
    )
    await io.write('memory:/hive/_SUCCESS', new Uint8Array())
    await io.write('memory:/hive/region=eu%2Fwest/.hidden', new Uint8Array([1]))
    await table.addFiles(['memory:/hive/'])
    expect(await rowsOf(table.scan())).toEqual([
      { id: 1, region: 'eu/west', day: '2026-01-02' },
      { id: 2, region: 'eu/west', day: '2026-01-02' },
      { id: 3, region: null, day: '2026-01-03' },
    ])
    expect(await rowsOf(table.scan({ where: "region = 'eu/west' and id = 2", select: ['id'] }))).toEqual([
      { id: 2 },
    ])
    expect(await table.scan({ where: 'region is null' }).count()).toBe(1)
  })

  it('may be told instead, for all files', async () => {
    const table = await world.lake.createTable('n.t', 'id int, region string', { partitionBy: ['region'] })
    await table.addFiles([await file('memory:/in/a.parquet', [['id', INT]], [[1]])], {
      partition: { region: 'eu' },
    })
    expect(await rowsOf(table.scan())).toEqual([{ id: 1, region: 'eu' }])
  })

  it('are refused where the file says something else, or nothing proves one partition', async () => {
    const table = await world.lake.createTable('n.t', 'id int, region string', {
      partitionBy: ['region', 'truncate(10, id)'],
    })
    const columns: Columns = [
      ['id', INT],
      ['region', STRING],
    ]
    const same = await file('memory:/in/region=eu/a.parquet', columns, [
      [1, 'eu'],
      [9, 'eu'],
    ])
    const other = await file('memory:/in/region=eu/b.parquet', columns, [[1, 'us']])
    const wide = await file('memory:/in/region=eu/c.parquet', columns, [
      [1, 'eu'],
      [10, 'eu'],
    ])
    const told = await file('memory:/in/d.parquet', columns, [[11, 'asia']])
    const { conflicts } = await table.addFiles([same, other, wide, told], { dryRun: true })
    expect(conflicts.map(({ location, column }) => `${location.slice(-9)} ${column}`)).toEqual([
      'b.parquet region',
      'c.parquet id_trunc',
    ])
    await table.addFiles([same, told])
    const partitions = (await entries(table)).map(entry => entry.partition)
    expect(partitions).toEqual(
      expect.arrayContaining([
        { region: 'eu', id_trunc: 0 },
        { region: 'asia', id_trunc: 10 },
      ]),
    )
    expect(await rowsOf(table.scan({ where: "region = 'asia'" }))).toEqual([{ id: 11, region: 'asia' }])
  })
})

describe('added files and format version 3', () => {
  it('get row ids, and take deletion vectors', async () => {
    const table = await world.lake.createTable('n.t', 'id int', { formatVersion: 3 })
    await table.addFiles([await file('memory:/in/a.parquet', [['id', INT]], [[1], [2], [3]])])
    await table.delete('id = 2')
    expect(await rowsOf(table.scan({ select: ['id', '_row_id'] }))).toEqual([
      { id: 1, _row_id: 0 },
      { id: 3, _row_id: 2 },
    ])
  })
})
