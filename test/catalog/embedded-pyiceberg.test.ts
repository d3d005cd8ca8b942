/** PyIceberg's SqlCatalog and the embedded catalog on one file: each sees and commits the other's tables. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemRuntime as runtime } from '../../src/base/runtime.js'
import type { Catalog } from '../../src/catalog/catalog.js'
import { openEmbeddedCatalog } from '../../src/catalog/embedded.js'
import { createLocalIO } from '../../src/io/local.js'
import { committed, createTable, ORDERS, setProperties } from '../contract/catalog.js'
import { ask, type JudgeAnswer, judgeIsHere } from '../judges/judge.js'

const SCHEMA = {
  type: 'struct',
  'schema-id': 0,
  fields: [
    { id: 1, name: 'id', required: true, type: 'long' },
    { id: 2, name: 'region', required: false, type: 'string' },
  ],
}

describe.skipIf(!judgeIsHere('pyiceberg'))('the embedded catalog next to PyIceberg', () => {
  let folder: string
  let catalog: Catalog

  const open = (): Promise<Catalog> => {
    const io = createLocalIO({ runtime })
    return openEmbeddedCatalog({ path: join(folder, 'catalog.db'), warehouse: folder, io, runtime })
  }
  const judge = async (verb: string, table: string, input?: unknown): Promise<JudgeAnswer> => {
    const properties = [
      'type=sql',
      `uri=sqlite:///${join(folder, 'catalog.db')}`,
      `warehouse=file://${folder}`,
    ]
    const options = properties.flatMap(property => ['-p', property])
    const answer = await ask(
      'pyiceberg',
      [verb, table, ...(input === undefined ? [] : ['-']), ...options],
      input,
    )
    if (answer.error !== undefined) throw new Error(`${answer.error}: ${answer.message}`)
    return answer
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'serac-pyiceberg-'))
  })
  afterEach(async () => {
    await catalog.close()
    await rm(folder, { recursive: true, force: true })
  })

  it('shows our tables to PyIceberg, takes its commits, and goes on from them', async () => {
    catalog = await open()
    await catalog.createNamespace(['shop'])
    const table = await createTable(catalog, ORDERS)
    const seen = await judge('read', 'shop.orders')
    expect(seen).toMatchObject({
      metadata_location: table.metadataLocation,
      table_uuid: table.metadata.tableUuid,
      location: `file://${folder}/shop/orders`,
      count: 0,
    })
    const appended = await judge('append', 'shop.orders', { rows: [['1', 'eu']] })
    const loaded = await catalog.loadTable(ORDERS)
    expect(loaded.metadataLocation).toBe(appended.metadata_location)
    expect(String(loaded.metadata.currentSnapshotId)).toBe(appended.current_snapshot_id)
    expect(loaded.metadata.metadataLog.map(entry => entry.metadataFile)).toEqual([table.metadataLocation])

    const [next] = committed(await catalog.commit([setProperties(loaded, { owner: 'ann' })]))
    expect(next?.metadataLocation).toContain('/00002-')
    const again = await judge('append', 'shop.orders', { rows: [['2', 'us']] })
    expect(again.properties).toMatchObject({ owner: 'ann' })
    expect((await judge('read', 'shop.orders')).count).toBe(2)
  })

  it('opens a file that PyIceberg made, in layout V1, and creates tables there that PyIceberg sees', async () => {
    const made = await judge('create', 'their.table', { schema: SCHEMA })
    catalog = await open()
    expect(await catalog.listNamespaces()).toEqual([['their']])
    const table = await catalog.loadTable({ namespace: ['their'], name: 'table' })
    expect(table.metadataLocation).toBe(made.metadata_location)
    committed(await catalog.commit([setProperties(table, { note: 'ours' })]))
    expect((await judge('read', 'their.table')).properties).toMatchObject({ note: 'ours' })

    const ours = await createTable(catalog, { namespace: ['their'], name: 'ours' })
    expect((await judge('read', 'their.ours')).table_uuid).toBe(ours.metadata.tableUuid)
    const db = new DatabaseSync(join(folder, 'catalog.db'))
    const types = db.prepare('SELECT table_name, iceberg_type FROM iceberg_tables ORDER BY 1').all()
    db.close()
    expect(types).toEqual([
      { table_name: 'ours', iceberg_type: 'TABLE' },
      { table_name: 'table', iceberg_type: 'TABLE' },
    ])
  })
})
