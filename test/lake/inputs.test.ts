/** Files and rows taken in: every kind, types told from values, exact errors, and each file once. */
import { gzipSync } from 'node:zlib'
import { Table as ArrowTable, tableToIPC, vectorFromArray } from 'apache-arrow'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { utf8Encode } from '../../src/base/bytes.js'
import { compressPage } from '../../src/format/compression.js'
import { fieldsOfRows, type InputRow, type RowsInput, type Table } from '../../src/index.js'
import { fieldsOfFiles } from '../../src/lake/file-rows.js'
import { valueFromText } from '../../src/lake/text-values.js'
import { printType } from '../../src/schema/type-text.js'
import type { Field } from '../../src/schema/types.js'
import { type MemoryLake, openMemoryLake, rowsOf } from './memory-lake.js'

let world: MemoryLake
beforeEach(async () => {
  world = await openMemoryLake()
})
afterEach(() => world.close())

const IN = 'memory://in'

async function put(name: string, content: string | Uint8Array): Promise<string> {
  const location = `${IN}/${name}`
  const { io } = world.lake.context
  await io.delete([location])
  await io.write(location, typeof content === 'string' ? utf8Encode(content) : content)
  return location
}

const create = (ddl: string): Promise<Table> => world.lake.createTable('shop.t', ddl)
const typesOf = (fields: readonly Field[]) =>
  Object.fromEntries(fields.map(field => [field.name, printType(field.type)]))
const inferred = async (name: string, content: string) =>
  typesOf(await fieldsOfFiles(world.lake.context.io, [await put(name, content)]))

describe('files', () => {
  it('of all kinds are one commit', async () => {
    const table = await create('id bigint, v string')
    const arrow = new ArrowTable({ id: vectorFromArray([5n, 6n]), v: vectorFromArray(['e', null]) })
    const files = [
      await put('a.csv', 'v,id\na,1\n"",2\n'),
      await put('b.jsonl', '{"id":3,"v":"c"}\n\n{"id":4}\n'),
      await put('c.arrow', tableToIPC(arrow, 'file')),
      await put('d.arrows', tableToIPC(arrow, 'stream')),
      await put('e.tsv.gz', gzipSync('id\tv\n7\tg\n')),
      await put('f.ndjson.gz', gzipSync('{"id":8,"v":"h"}')),
    ]
    const report = await table.ingest(files)
    expect(report).toMatchObject({
      changed: true,
      files,
      filesSkipped: 0,
      summary: { 'added-records': '10' },
    })
    expect(await table.snapshots()).toHaveLength(1)
    expect(await rowsOf(table.scan())).toEqual([
      { id: 1, v: 'a' },
      { id: 2, v: '' },
      { id: 3, v: 'c' },
      { id: 4, v: null },
      { id: 5, v: 'e' },
      { id: 5, v: 'e' },
      { id: 6, v: null },
      { id: 6, v: null },
      { id: 7, v: 'g' },
      { id: 8, v: 'h' },
    ])
  })

  it('of CSV have values of every type, in the forms that serac prints', async () => {
    const table = await create(
      'b boolean, i int, l bigint, d double, n decimal(9,2), dt date, t timestamp_ntz, z timestamptz, s string, u uuid, x binary, a array<int>, m map<string,int>, r struct<p: int>',
    )
    const header = 'b,i,l,d,n,dt,t,z,s,u,x,a,m,r\n'
    const line =
      'TRUE, 7 ,9007199254740993,1.5e3,12.30,2024-02-29,2024-02-29 01:02:03.5,2024-02-29T01:02:03+01:00,"a,b",' +
      '00000000-0000-0000-0000-000000000001,0aff,"[1,null]","{""k"":1}","{""p"":2}"\n'
    const nulls = `${','.repeat(13)}\n`
    await table.ingest([await put('all.csv', `\ufeff${header}${line}${nulls}`)])
    const select = ['b', 'i', 'n', 'dt', 's', 'd', 't', 'a', 'r']
    const [empty, row] = await rowsOf(table.scan({ select }))
    expect(row).toMatchObject({ b: true, i: 7, n: '12.30', dt: '2024-02-29', s: 'a,b' })
    expect(row).toMatchObject({ d: 1500, t: '2024-02-29T01:02:03.500000', a: [1, null], r: { p: 2 } })
    expect(Object.values(empty ?? {}).every(value => value === null)).toBe(true)
    expect(await table.scan({ where: 'l = 9007199254740993' }).count()).toBe(1)
  })

  it('of CSV without a header have the columns of the table', async () => {
    const table = await create('id bigint, v string')
    await table.ingest([await put('x.csv', '1;NULL\n2;\n')], {
      csv: { header: false, delimiter: ';', nullText: 'NULL' },
    })
    expect(await rowsOf(table.scan())).toEqual([
      { id: 1, v: null },
      { id: 2, v: '' },
    ])
  })

  it('of JSON lines take bytes and maps as serac prints them', async () => {
    const table = await create('x binary, m map<int,string>')
    await table.ingest([await put('x.jsonl', '{"x":"0aff","m":{"keys":[1,2],"values":["a",null]}}\n')])
    const [row] = await rowsOf(table.scan())
    expect(row?.x).toEqual(Uint8Array.of(10, 255))
    expect(row?.m).toEqual(
      new Map([
        [1, 'a'],
        [2, null],
      ]),
    )
  })

  it('in folders are taken in the order of their names, hidden ones left out', async () => {
    const table = await create('id bigint')
    const files = [await put('d/a.csv', 'id\n1\n'), await put('d/sub/b.jsonl', '{"id":2}\n')]
    for (const name of ['d/_c.csv', 'd/.d.csv', 'd/_tmp/e.csv', 'd/readme.txt']) await put(name, 'id\n9\n')
    expect(await table.ingest([`${IN}/d/`])).toMatchObject({ files })
    await expect(table.ingest([`${IN}/nowhere`])).rejects.toMatchObject({ kind: 'not-found' })
  })

  it.each<[string, string, string, Record<string, unknown>]>([
    ['a value', 'a.csv', 'id,v\n1,a\nx,b\n', { row: 1, line: 3, column: 'id', type: 'long' }],
    ['a value', 'a.jsonl', '{"id":1}\n\n{"id":true}\n', { row: 1, line: 3, column: 'id', type: 'long' }],
    ['a column', 'a.csv', 'id,w\n1,a\n', { column: 'w' }],
    ['a column', 'a.jsonl', '{"w":1}\n', { column: 'w', row: 0, line: 1 }],
    ['a header', 'a.csv', 'id,id\n1,a\n', { column: 'id', line: 1 }],
    ['a number of fields', 'a.csv', 'id,v\n1,a\n2\n', { line: 3, fields: 1, columns: 2 }],
    ['a missing value', 'a.csv', 'id,v\n,a\n', { column: 'id', row: 0, line: 2 }],
  ])('that have %s that does not fit are refused, with the place (%s)', async (_what, name, content, context) => {
    const table = await create('id bigint not null, v string')
    const good = await put('good.csv', 'id,v\n1,a\n')
    const location = await put(name, content)
    await expect(table.ingest([good, location])).rejects.toMatchObject({
      kind: 'invalid-argument',
      context: { location, ...context },
    })
    expect(await table.snapshots()).toEqual([])
  })

  it.each([
    ['a.csv', 'id\n"1\n'],
    ['a.csv', Uint8Array.of(0x69, 0x64, 10, 0xff, 10)],
    ['a.csv.gz', gzipSync('id\n1\n').subarray(0, 20)],
    ['a.jsonl', '{"id":1\n'],
    ['a.jsonl', '[1]\n'],
    ['a.arrow', 'not arrow at all'],
    ['a.arrow', tableToIPC(new ArrowTable({ id: vectorFromArray([1n]) }), 'file').subarray(0, -20)],
    ['a.parquet', 'not parquet'],
  ])('that are broken are refused by name (%s)', async (name, content) => {
    const table = await create('id bigint')
    const location = await put(name, content)
    const error = await table.ingest([location]).catch(cause => cause)
    expect(error).toMatchObject({ kind: 'corrupt' })
    expect(Object.values(error.context)).toContain(location)
  })

  it('of unknown names need their kind said', async () => {
    const table = await create('id bigint')
    const location = await put('data.txt', 'id\n1\n')
    await expect(table.ingest([location])).rejects.toMatchObject({
      kind: 'unsupported',
      context: { location },
    })
    expect(await table.ingest([location], { kind: 'csv' })).toMatchObject({ changed: true })
  })

  it('of Arrow may be compressed with zstd', async () => {
    // apache-arrow compresses with what it is given; ours is the codec under test on the way back.
    const { compressionRegistry, CompressionType } = await import('apache-arrow')
    compressionRegistry.set(CompressionType.ZSTD, { encode: bytes => compressPage('zstd', bytes, {}) })
    const table = await create('id bigint')
    const { RecordBatchStreamWriter } = await import('apache-arrow')
    const ids = Array.from({ length: 5000 }, (_, id) => BigInt(id % 7))
    const bytes = RecordBatchStreamWriter.writeAll(new ArrowTable({ id: vectorFromArray(ids) }), {
      compressionType: CompressionType.ZSTD,
    }).toUint8Array(true)
    expect(bytes.length).toBeLessThan(8000)
    await table.ingest([await put('z.arrows', bytes)])
    expect(await table.scan({ where: 'id = 3' }).count()).toBe(714)
  })
})

describe('types', () => {
  it('are told from the texts of CSV', async () => {
    const content =
      'b,l,d,mixed,dt,t,z,both,zip,huge,none,s\n' +
      'true,1,1,1,2024-01-01,2024-01-01T00:00:00,2024-01-01T00:00:00Z,2024-01-01,007,99999999999999999999,,x\n' +
      'False,-9223372036854775808,1.5,true,2024-01-02,2024-01-01 10:00,2024-01-01 00:00:00+02,2024-01-01 01:00:00,12,1,,\n'
    expect(await inferred('a.csv', content)).toEqual({
      b: 'boolean',
      l: 'long',
      d: 'double',
      mixed: 'string',
      dt: 'date',
      t: 'timestamp',
      z: 'timestamptz',
      both: 'timestamp',
      zip: 'string',
      huge: 'string',
      none: 'string',
      s: 'string',
    })
  })

  it('that are told from CSV take every value that was looked at', async () => {
    const values = [
      '1',
      '-0',
      '1e5',
      'NaN',
      ' 12',
      '2024-02-30',
      '2024-02-29',
      '0.10',
      'TRUE',
      '1,5',
      '+1',
      '00',
      '1.',
      '.5',
    ]
    for (const value of values) {
      const location = await put('one.csv', `c,pad\n"${value}",x\n`)
      const [field] = await fieldsOfFiles(world.lake.context.io, [location])
      const name = `shop.v${values.indexOf(value)}`
      const table = await world.lake.createTable(name, await fieldsOfFiles(world.lake.context.io, [location]))
      expect([value, (await table.ingest([location])).changed]).toEqual([value, true])
      expect(valueFromText(field?.type ?? { kind: 'string' }, value)).toBeDefined()
    }
  })

  it('are told from JSON, nested too', async () => {
    const content =
      '{"id":1,"n":1,"t":"2024-01-01","o":{"a":1},"l":[1,null],"x":null}\n' +
      '{"id":12345678901234567,"n":1.5,"o":{"a":2.5,"b":true},"l":[],"big":1e3}\n'
    expect(await inferred('a.jsonl', content)).toEqual({
      id: 'long',
      n: 'double',
      t: 'string',
      o: 'struct<a: double, b: boolean>',
      l: 'list<long>',
      x: 'string',
      big: 'double',
    })
    const location = await put('b.jsonl', '{"a":1}\n{"a":"x"}\n')
    await expect(fieldsOfFiles(world.lake.context.io, [location])).rejects.toMatchObject({
      kind: 'invalid-argument',
      context: { location, column: 'a', row: 1, type: 'long', found: 'string' },
    })
  })

  it('are told from rows of JavaScript, to make a table of them', async () => {
    const rows: InputRow[] = [
      {
        id: 1,
        big: 2n,
        d: 1.5,
        at: new Date(0),
        raw: Uint8Array.of(1),
        tags: ['a'],
        by: new Map([['k', 1]]),
      },
      { id: 2, ok: true, tags: null, who: { name: 'x', age: 3 } },
    ]
    expect(typesOf(fieldsOfRows(rows))).toEqual({
      id: 'long',
      big: 'long',
      d: 'double',
      at: 'timestamptz',
      raw: 'binary',
      tags: 'list<string>',
      by: 'map<string, long>',
      ok: 'boolean',
      who: 'struct<name: string, age: long>',
    })
    const table = await world.lake.createTable('shop.made', rows)
    await table.append(rows satisfies RowsInput)
    expect(await table.scan().count()).toBe(2)
    expect(() => fieldsOfRows([])).toThrow(expect.objectContaining({ kind: 'invalid-argument' }))
    expect(() => fieldsOfRows([{ a: 1 }, { a: 'x' }])).toThrow(
      expect.objectContaining({
        kind: 'invalid-argument',
        context: { column: 'a', row: 1, type: 'long', found: 'string' },
      }),
    )
  })
})

describe('a stream of files', () => {
  const ids = async (table: Table) => (await rowsOf(table.scan())).map(row => row.id)

  it('takes in each file once', async () => {
    const table = await create('id bigint')
    await put('d/a.csv', 'id\n1\n')
    await put('d/b.csv', 'id\n2\n3\n')
    const first = await table.ingest([`${IN}/d`], { stream: 'files' })
    expect(first).toMatchObject({ changed: true, filesSkipped: 0 })
    expect(await table.ingest([`${IN}/d`], { stream: 'files' })).toMatchObject({
      changed: false,
      files: [],
      filesSkipped: 2,
      snapshotId: first.snapshotId,
    })
    const third = await put('d/c.csv', 'id\n4\n')
    expect(await table.ingest([`${IN}/d`], { stream: 'files' })).toMatchObject({
      files: [third],
      filesSkipped: 2,
    })
    expect(await ids(table)).toEqual([1, 2, 3, 4])
    // Another stream knows nothing of it.
    expect(await table.ingest([third], { stream: 'other' })).toMatchObject({ changed: true })
  })

  it('refuses a file of the same name that is another now', async () => {
    const table = await create('id bigint')
    const location = await put('a.csv', 'id\n1\n')
    await table.ingest([location], { stream: 'files' })
    await put('a.csv', 'id\n1\n2\n')
    await expect(table.ingest([location], { stream: 'files' })).rejects.toMatchObject({
      kind: 'invalid-argument',
      context: { location, stream: 'files', takenRows: 1 },
    })
    expect(await ids(table)).toEqual([1])
  })

  it('takes nothing in twice when two runs meet, and none by halves', async () => {
    const table = await create('id bigint')
    const files = [await put('a.csv', 'id\n1\n'), await put('b.csv', 'id\n2\n')]
    const runs = await Promise.allSettled([
      table.ingest(files, { stream: 'files' }),
      table.ingest(files, { stream: 'files' }),
    ])
    expect(runs.filter(run => run.status === 'fulfilled').length).toBeGreaterThanOrEqual(1)
    for (const run of runs)
      if (run.status === 'rejected')
        expect(run.reason).toMatchObject({ kind: 'conflict', context: { stream: 'files' } })
    expect(await ids(table)).toEqual([1, 2])
    await put('c.csv', 'id\nx\n')
    await put('b2.csv', 'id\n3\n')
    await expect(table.ingest([`${IN}/b2.csv`, `${IN}/c.csv`], { stream: 'files' })).rejects.toMatchObject({
      kind: 'invalid-argument',
    })
    expect(await ids(table)).toEqual([1, 2])
    await table.ingest([`${IN}/b2.csv`], { stream: 'files' })
    expect(await ids(table)).toEqual([1, 2, 3])
  })

  it('upserts too, stands apart on a branch, and notes a file without rows', async () => {
    const table = await world.lake.createTable('shop.k', 'id bigint not null, v string', { keys: ['id'] })
    const options = { mode: 'upsert', stream: 'files' } as const
    await table.ingest([await put('a.csv', 'id,v\n1,a\n2,b\n')], options)
    const second = await put('b.csv', 'id,v\n2,B\n')
    await table.ingest([second], { ...options, branch: 'audit' })
    expect(await rowsOf(table.scan())).toEqual([
      { id: 1, v: 'a' },
      { id: 2, v: 'b' },
    ])
    expect(await table.ingest([second], options)).toMatchObject({ changed: true })
    expect(await rowsOf(table.scan())).toEqual([
      { id: 1, v: 'a' },
      { id: 2, v: 'B' },
    ])
    const empty = await put('empty.csv', 'id,v\n')
    expect(await table.ingest([empty], options)).toMatchObject({ files: [empty] })
    expect(await table.ingest([empty], options)).toMatchObject({ changed: false, filesSkipped: 1 })
  })

  it('has a bound: files that are gone are forgotten, then it is full', async () => {
    const table = await create('id bigint')
    const long = 'x'.repeat(100)
    const names = Array.from({ length: 1500 }, (_, at) => `bulk/${long}${at}.csv`)
    const locations: string[] = []
    for (const name of names) locations.push(await put(name, 'id\n'))
    await table.ingest(locations, { stream: 'files' })
    const more: string[] = []
    for (let at = 0; at < 800; at++) more.push(await put(`more/${long}${at}.csv`, 'id\n'))
    await expect(table.ingest(more, { stream: 'files' })).rejects.toMatchObject({
      kind: 'unsupported',
      context: { stream: 'files', files: 2300 },
    })
    await world.lake.context.io.delete(locations.slice(0, 1000))
    expect(await table.ingest(more, { stream: 'files' })).toMatchObject({ changed: true })
    expect(await table.ingest([...locations.slice(1000), ...more], { stream: 'files' })).toMatchObject({
      changed: false,
      filesSkipped: 1300,
    })
  })
})
