/** Tables without a catalog: a metadata file, a folder, a single file, moved roots, and every way to write a path. */
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemRuntime } from '../../src/base/runtime.js'
import { batchOf } from '../../src/batch/vector-builder.js'
import { openParquetWriter } from '../../src/format/parquet/write.js'
import { connect, type StaticTable, staticTable } from '../../src/index.js'
import { createLocalIO } from '../../src/io/local.js'
import { findTableMetadata } from '../../src/reader/find-metadata.js'
import type { Field } from '../../src/schema/types.js'
import { rejectionOf } from '../support/errors.js'
import { rowsOf } from './memory-lake.js'

const GOLDEN = resolve(import.meta.dirname, '../interop/spark')
const io = createLocalIO({ runtime: systemRuntime, fsync: false })

let folder: string
/** A table of two snapshots, of two rows and three. */
let table: string
let metadataFiles: readonly string[]
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serac-static-'))
  await using lake = await connect({ baseFolder: folder, fsync: false })
  const orders = await lake.createTable('shop.orders', 'id bigint, v string')
  await orders.append([
    { id: 1, v: 'a' },
    { id: 2, v: 'b' },
  ])
  await orders.append([{ id: 3, v: 'c' }])
  table = `${folder}/lake/shop/orders`
  const names = await readdir(`${table}/metadata`)
  metadataFiles = names.filter(name => name.endsWith('.metadata.json')).sort()
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

const newest = (): string => `${table}/metadata/${metadataFiles.at(-1)}`
const count = (opened: StaticTable): Promise<number> => opened.scan().count()

let copies = 0
/** A copy of the table's metadata folder under other names; its files keep their places. */
async function folderWith(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  copies += 1
  const copy = `${folder}/copy-${copies}`
  await mkdir(`${copy}/metadata`, { recursive: true })
  for (const [name, content] of Object.entries(files)) await writeFile(`${copy}/metadata/${name}`, content)
  return copy
}
const state = (at: number): Promise<string> => readFile(`${table}/metadata/${metadataFiles.at(at)}`, 'utf8')

describe('a metadata file', () => {
  it('is a table as of that state', async () => {
    expect(await count(staticTable(newest()))).toBe(3)
    expect(await count(staticTable(`${table}/metadata/${metadataFiles.at(-2)}`))).toBe(2)
    const opened = staticTable(newest())
    expect((await opened.schema()).fields.map(field => field.name)).toEqual(['id', 'v'])
    expect(await opened.snapshots()).toHaveLength(2)
    expect(await opened.history()).toHaveLength(2)
    expect((await opened.load()).metadataLocation).toBe(newest())
  })

  it('may be gzipped, and its name may say so in two ways or not at all', async () => {
    const packed = gzipSync(await state(-1))
    const copy = await folderWith({
      'v2.gz.metadata.json': packed,
      'v2.metadata.json.gz': packed,
      'v3.metadata.json': packed,
    })
    for (const name of ['v2.gz.metadata.json', 'v2.metadata.json.gz', 'v3.metadata.json'])
      expect(await count(staticTable(`${copy}/metadata/${name}`))).toBe(3)
  })

  it('may keep snapshots for ever, which is the largest long', async () => {
    const text = (await state(-1)).replace(
      /"type":"branch"/,
      '"type":"branch","max-snapshot-age-ms":9223372036854775807',
    )
    const copy = await folderWith({ 'v2.metadata.json': text })
    const refs: unknown[] = []
    for await (const row of staticTable(copy).inspect('refs').rows({ long: 'bigint' })) refs.push(row)
    expect(refs).toMatchObject([{ name: 'main', max_snapshot_age_in_ms: 2n ** 63n - 1n }])
  })

  it('is named in every spelling of a local path, from the base folder too', async () => {
    const path = newest()
    for (const location of [path, `file:${path}`, `file://${path}`, `file://localhost${path}`])
      expect(await count(staticTable(location))).toBe(3)
    const relative = `lake/shop/orders/metadata/${metadataFiles.at(-1)}`
    for (const location of [relative, `./${relative}`, `file:${relative}`])
      expect(await count(staticTable(location, { baseFolder: folder }))).toBe(3)
  })

  it('that is missing is not-found, one of another store is refused', async () => {
    const missing = staticTable(`${table}/metadata/v9.metadata.json`)
    expect((await rejectionOf(count(missing)))?.kind).toBe('not-found')
    expect((await rejectionOf(count(staticTable('s3://bucket/t/v1.metadata.json'))))?.kind).toBe(
      'invalid-argument',
    )
  })
})

describe('a folder', () => {
  it('is the newest of its metadata files when it has no hint', async () => {
    expect(await count(staticTable(table))).toBe(3)
    expect(await count(staticTable(`${table}/`))).toBe(3)
    expect(await count(staticTable(`${table}/metadata`))).toBe(3)
  })

  it('counts versions as numbers', async () => {
    const copy = await folderWith({
      'v9.metadata.json': await state(-2),
      'v10.metadata.json': await state(-1),
    })
    expect(await findTableMetadata(io, copy)).toBe(`${copy}/metadata/v10.metadata.json`)
  })

  it('is what its hint names: a version, a stem or a whole name', async () => {
    const [old, current] = [await state(-2), await state(-1)]
    for (const hint of ['2', 'v2', ' 2\n']) {
      const copy = await folderWith({
        'v2.metadata.json': current,
        'v7.metadata.json': old,
        'version-hint.text': hint,
      })
      expect(await findTableMetadata(io, copy)).toBe(`${copy}/metadata/v2.metadata.json`)
    }
    for (const hint of ['00001-x', '00001-x.metadata.json', 'other', 'other.gz.metadata.json']) {
      const copy = await folderWith({
        '00001-x.metadata.json': current,
        '00002-y.metadata.json': old,
        'other.gz.metadata.json': gzipSync(current),
        'version-hint.text': hint,
      })
      expect((await findTableMetadata(io, copy))?.includes(hint.slice(0, 5))).toBe(true)
    }
  })

  it('follows a stale hint upwards, and passes over one that is too high or says nothing', async () => {
    const [old, current] = [await state(-2), await state(-1)]
    const files = {
      'v2.metadata.json': old,
      'v3.gz.metadata.json': gzipSync(old),
      'v4.metadata.json': current,
      'v6.metadata.json': old,
    }
    const stale = await folderWith({ ...files, 'version-hint.text': '2' })
    expect(await findTableMetadata(io, stale)).toBe(`${stale}/metadata/v4.metadata.json`)
    for (const hint of ['11', '', 'none', '\u0000\u00ff']) {
      const copy = await folderWith({ ...files, 'version-hint.text': hint })
      expect(await findTableMetadata(io, copy)).toBe(`${copy}/metadata/v6.metadata.json`)
    }
  })

  it('takes, of two files of one version, the one that was updated last', async () => {
    const copy = await folderWith({
      '00005-b.metadata.json': await state(-1),
      '00005-a.metadata.json': await state(-2),
      '00005-c.metadata.json': '{}',
    })
    expect(await findTableMetadata(io, copy)).toBe(`${copy}/metadata/00005-b.metadata.json`)
  })

  it('that holds no table is not-found', async () => {
    for (const place of [`${folder}/nothing`, `${table}/data`]) {
      const error = await rejectionOf(count(staticTable(place)))
      expect(error).toMatchObject({ kind: 'not-found', context: { location: place } })
    }
  })

  it('may be called like a file', async () => {
    const place = `${folder}/odd.parquet`
    await cp(table, place, { recursive: true })
    expect(await count(staticTable(place))).toBe(3)
  })

  it('of a Hadoop catalog is read by its hint', async () => {
    const golden = `${GOLDEN}/hadoop_catalog`
    const { location } = JSON.parse(await readFile(`${golden}/expected.json`, 'utf8'))
    const opened = staticTable(golden, { relocate: { from: location, to: golden } })
    expect((await opened.load()).metadataLocation).toBe(`${golden}/metadata/v4.metadata.json`)
    expect(await count(opened)).toBe(77)
  })
})

describe('a table that was moved', () => {
  it('is read where it is now, from one root or several', async () => {
    const moved = `${folder}/moved`
    await cp(table, moved, { recursive: true })
    await mkdir(`${folder}/elsewhere`)
    await rename(`${moved}/data`, `${folder}/elsewhere/data`)
    await rename(table, `${folder}/hidden`)
    try {
      const relocate = [
        { from: table, to: moved },
        { from: `file://${table}/data/`, to: `${folder}/elsewhere/data` },
      ]
      expect(await rowsOf(staticTable(moved, { relocate }).scan())).toHaveLength(3)
      const named = `${table}/metadata/${metadataFiles.at(-1)}`
      expect(await rowsOf(staticTable(named, { relocate }).scan())).toHaveLength(3)
      expect((await rejectionOf(rowsOf(staticTable(moved).scan())))?.kind).toBe('not-found')
    } finally {
      await rename(`${folder}/hidden`, table)
    }
  })

  it('may name its files by a relative root', async () => {
    const text = (await state(-1)).replaceAll(`file://${table}`, 'lake/shop/orders')
    const copy = await folderWith({ 'v1.metadata.json': text })
    // Manifests name the files by their full paths: only the metadata and the list are found by relative ones.
    expect(await count(staticTable(copy, { baseFolder: folder }))).toBe(3)
    const away = staticTable(copy, {
      baseFolder: '/',
      relocate: { from: 'lake/shop', to: `${folder}/lake/shop` },
    })
    expect(await count(away)).toBe(3)
  })

  it('may be named by another of the s3 schemes than its files', async () => {
    const text = (await state(-1)).replaceAll(`file://${table}`, 's3a://bucket/orders')
    const copy = await folderWith({ 'v1.metadata.json': text })
    for (const from of ['s3://bucket/orders', 's3n://bucket/orders/', 's3a://bucket'])
      expect(
        await count(
          staticTable(copy, {
            relocate: { from, to: from.endsWith('bucket') ? table.slice(0, -'/orders'.length) : table },
          }),
        ),
      ).toBe(3)
  })
})

describe('a single file', () => {
  const FIELDS: readonly Field[] = [
    { id: 7, name: 'id', required: true, type: { kind: 'long' } },
    {
      id: 9,
      name: 'tags',
      required: false,
      type: { kind: 'list', elementId: 11, elementRequired: false, element: { kind: 'string' } },
    },
  ]

  it('in Parquet is a table with the columns and ids of the file', async () => {
    const location = `${folder}/one.parquet`
    const writer = await openParquetWriter(io, location, { fields: FIELDS, codec: 'zstd', rowGroupRows: 2 })
    await writer.write(
      batchOf(FIELDS, [
        [1n, ['a']],
        [2n, null],
        [3n, []],
      ]),
    )
    await writer.close()
    const opened = staticTable(location)
    expect((await opened.schema()).fields).toEqual(FIELDS)
    expect(await count(opened)).toBe(3)
    expect(await rowsOf(opened.scan({ where: 'id > 1', select: ['tags', '_pos', '_file'] }))).toEqual([
      { tags: [], _pos: 2, _file: location },
      { tags: null, _pos: 1, _file: location },
    ])
    expect(await rowsOf(staticTable('one.parquet', { baseFolder: folder }).scan())).toHaveLength(3)
    expect((await opened.scan({ where: 'id > 2' }).explain()).scan.dataFiles).toBe(1)
  })

  it('without field ids is read by position', async () => {
    const files = await readdir(`${GOLDEN}/name_mapping/imported`, { recursive: true })
    const location = `${GOLDEN}/name_mapping/imported/${files.filter(name => name.endsWith('.parquet')).sort()[0]}`
    const opened = staticTable(location)
    const { fields } = await opened.schema()
    expect(fields.map(field => field.id)).toEqual(fields.map((_, index) => index + 1))
    const rows = await rowsOf(opened.scan())
    expect(rows).toHaveLength(await count(opened))
    expect(rows.length).toBeGreaterThan(0)
    expect(rows.every(row => Object.values(row).some(value => value !== null))).toBe(true)
  })

  it('in Avro is a table too', async () => {
    const data = `${GOLDEN}/avro_data/data`
    const names = (await readdir(data)).filter(name => name.endsWith('.avro')).sort()
    let rows = 0
    for (const name of names) {
      const opened = staticTable(`${data}/${name}`)
      rows += (await rowsOf(opened.scan())).length
      expect(await count(opened)).toBe((await rowsOf(opened.scan({ select: ['_pos'] }))).length)
    }
    expect(rows).toBe(300)
  })

  it('that is broken or missing says so by its name', async () => {
    const location = `${folder}/broken.parquet`
    await writeFile(location, 'not parquet, but long enough for a footer')
    expect(await rejectionOf(count(staticTable(location)))).toMatchObject({
      kind: 'corrupt',
      context: { location },
    })
    expect((await rejectionOf(count(staticTable(`${folder}/none.parquet`))))?.kind).toBe('not-found')
  })
})
