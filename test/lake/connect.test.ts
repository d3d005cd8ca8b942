import { access, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ConnectOptions, connect } from '../../src/lake/connect.js'
import { rejectionOf } from '../support/errors.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serac-connect-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('connecting', () => {
  it('makes ./lake with its catalog in the base folder', async () => {
    await using lake = await connect({ baseFolder: folder })
    await lake.createTable('shop.t', 'id int')
    await access(join(folder, 'lake', 'catalog.db'))
    const { metadata } = await lake.table('shop.t').load()
    expect(metadata.location).toBe(`file://${folder}/lake/shop/t`)
  })

  it.each([
    ['a path', (path: string) => path],
    ['a file uri', (path: string) => `file://${path}`],
    ['a short file uri', (path: string) => `file:${path}`],
  ])('finds the same lake by %s', async (_, form) => {
    const warehouse = join(folder, 'w')
    await using first = await connect({ warehouse })
    await first.createTable('shop.t', 'id int')
    await using second = await connect({ warehouse: form(warehouse) })
    expect(await second.tableExists('shop.t')).toBe(true)
  })

  it('takes the catalog file from uri, as SQLAlchemy and JDBC write it', async () => {
    const path = join(folder, 'elsewhere.db')
    await using first = await connect({ warehouse: join(folder, 'w'), uri: `sqlite:///${path}` })
    await first.createTable('shop.t', 'id int')
    await access(path)
    await using second = await connect({ warehouse: join(folder, 'w'), uri: `jdbc:sqlite:${path}` })
    expect(await second.tableExists('shop.t')).toBe(true)
  })

  it('shows an empty lake under another name', async () => {
    await using first = await connect({ baseFolder: folder })
    await first.createTable('shop.t', 'id int')
    await using second = await connect({ baseFolder: folder, name: 'other' })
    expect(await second.tableExists('shop.t')).toBe(false)
  })

  it.each<[string, ConnectOptions, string]>([
    ['a kind of catalog that is not built', { type: 'hive' }, 'unsupported'],
    ['a REST catalog without an address', { type: 'rest' }, 'invalid-argument'],
    ['an embedded catalog in S3 without a file', { warehouse: 's3://bucket/lake' }, 'invalid-argument'],
    ['a warehouse in another store', { warehouse: 'gs://bucket/lake' }, 'unsupported'],
    ['a uri of another database', { uri: 'postgresql://host/db' }, 'invalid-argument'],
  ])('refuses %s', async (_, options, kind) => {
    expect((await rejectionOf(connect({ baseFolder: folder, ...options })))?.kind).toBe(kind)
  })
})
