/** A dry run leaves no trace, and says what the write then does. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { collect } from '../../src/base/concurrency.js'
import type { Table, WriteOptions, WriteReport } from '../../src/index.js'
import { type MemoryLake, openMemoryLake, rowsOf } from './memory-lake.js'

let memory: MemoryLake
beforeEach(async () => {
  memory = await openMemoryLake()
})
afterEach(() => memory.close())

const WRITES: Readonly<Record<string, (table: Table, options: WriteOptions) => Promise<WriteReport>>> = {
  append: (table, options) => table.append([{ id: 100, g: 1, v: 'new' }], options),
  upsert: (table, options) =>
    table.upsert(
      [
        { id: 3, g: 0, v: 'x' },
        { id: 200, g: 1, v: 'y' },
      ],
      { ...options, keys: ['id'] },
    ),
  delete: (table, options) => table.delete('id < 7', options),
  'delete of whole files': (table, options) => table.delete('g = 1', options),
  update: (table, options) => table.update({ set: "v = concat(v, '!')", where: 'id % 3 = 0' }, options),
}

async function storedFiles(): Promise<readonly string[]> {
  const { io } = memory.lake.context
  return (await collect(io.list('memory:/lake'))).map(file => file.location).sort()
}

async function filledTable(properties: Readonly<Record<string, string>>): Promise<Table> {
  const table = await memory.lake.createTable('a.t', 'id bigint not null, g int, v string', {
    partitionBy: ['g'],
    properties,
  })
  await table.append(Array.from({ length: 20 }, (_, id) => ({ id, g: id % 2, v: `row ${id}` })))
  return table
}

describe.each(['copy-on-write', 'merge-on-read'])('a dry run, %s', mode => {
  const properties = Object.fromEntries(
    ['delete', 'update', 'merge'].map(each => [`write.${each}.mode`, mode]),
  )

  it.each(Object.keys(WRITES))('of %s leaves no trace and says what the write does', async name => {
    const table = await filledTable(properties)
    const write = WRITES[name]
    const files = await storedFiles()
    const before = await table.load()
    const rows = await rowsOf(table.scan())
    const planned = await write?.(table, { dryRun: true })
    expect(await storedFiles()).toEqual(files)
    expect((await table.load()).metadataLocation).toBe(before.metadataLocation)
    expect(await rowsOf(table.scan())).toEqual(rows)
    const done = await write?.(table, {})
    expect(planned).toMatchObject({
      changed: true,
      snapshotId: before.metadata.currentSnapshotId,
      metadataLocation: before.metadataLocation,
      attempts: 0,
    })
    // The size of position delete files depends on the names that they hold.
    const sizeless = { ...done?.effect, bytes: { ...done?.effect.bytes, added: planned?.effect.bytes.added } }
    expect(planned?.effect).toEqual(sizeless)
    expect(planned?.effect.bytes.added).toBeGreaterThanOrEqual(0)
  })
})

it('a dry run of what changes nothing says so', async () => {
  const table = await filledTable({})
  const report = await table.delete('id = 999', { dryRun: true })
  expect(report).toMatchObject({ changed: false, effect: { rows: { added: 0, removed: 0 } } })
})

it('a dry run fails as the write would', async () => {
  const table = await filledTable({})
  await expect(table.update({ set: 'id = null' }, { dryRun: true })).rejects.toMatchObject({
    kind: 'invalid-argument',
  })
})

it('rows that go are counted once, in files or by position', async () => {
  const table = await filledTable({})
  expect((await table.delete('g = 1', { dryRun: true })).effect).toMatchObject({
    dataFiles: { added: 0, removed: 1 },
    rows: { added: 0, removed: 10 },
  })
  await table.delete('id = 2')
  expect((await table.delete('id = 4', { dryRun: true })).effect).toMatchObject({
    deleteFiles: { added: 1, removed: 1 },
    rows: { added: 0, removed: 1 },
  })
})
