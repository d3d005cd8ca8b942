/** Views of the embedded catalog: the contract, the layout that Java reads, and answers that are lost. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemRuntime } from '../../src/base/runtime.js'
import type { Catalog } from '../../src/catalog/catalog.js'
import { createEmbeddedCatalog, openEmbeddedCatalog } from '../../src/catalog/embedded.js'
import { BUSY_RETRY_DEFAULT, type EmbeddedDb, openEmbeddedDb } from '../../src/catalog/embedded-db.js'
import type { FileIO } from '../../src/io/file-io.js'
import { createLocalIO } from '../../src/io/local.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { createTable, ORDERS } from '../contract/catalog.js'
import { createView, describeViews, landed, replacing, TOTALS, viewsOf } from '../contract/views.js'

/** Waits are short, so that a lost answer is settled at once. */
const runtime = { ...systemRuntime, sleep: async () => {} }

let folder: string
const opened: { close(): Promise<void> }[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serac-views-'))
})
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close()
  await rm(folder, { recursive: true, force: true })
})

async function openOn(io: FileIO): Promise<Catalog> {
  const path = join(folder, 'catalog.db')
  const catalog = await openEmbeddedCatalog({
    path,
    warehouse: join(folder, 'lake'),
    io,
    runtime: systemRuntime,
  })
  opened.push(catalog)
  return catalog
}

for (const [name, createIO] of [
  ['in memory', createMemoryIO],
  ['on disk', () => createLocalIO({ runtime: systemRuntime })],
] as const)
  describeViews(`embedded, files ${name}`, async () => {
    const io = createIO()
    return { catalog: await openOn(io), io, another: () => openOn(io), close: async () => {} }
  })

describe('the layout', () => {
  function rows(): readonly Record<string, unknown>[] {
    const database = new DatabaseSync(join(folder, 'catalog.db'))
    try {
      return database.prepare('SELECT * FROM iceberg_tables ORDER BY table_name').all() as Record<
        string,
        unknown
      >[]
    } finally {
      database.close()
    }
  }

  it('gets its type column with the first view, and tables stay tables', async () => {
    const catalog = await openOn(createMemoryIO())
    await catalog.createNamespace(['shop'])
    const table = await createTable(catalog, ORDERS)
    expect(Object.keys(rows()[0] ?? {})).not.toContain('iceberg_type')
    const view = await createView(catalog, TOTALS)
    const next = landed(await viewsOf(catalog).commit(replacing(view, 'SELECT 2')))
    expect(rows()).toMatchObject([
      { table_name: 'orders', iceberg_type: null, metadata_location: table.metadataLocation },
      {
        table_name: 'totals',
        iceberg_type: 'VIEW',
        metadata_location: next.metadataLocation,
        previous_metadata_location: view.metadataLocation,
      },
    ])
    expect(await catalog.listTables(['shop'])).toEqual([ORDERS])
    expect(await catalog.loadTable(ORDERS)).toEqual(table)
  })

  it('is shared with another process that added the column', async () => {
    const catalog = await openOn(createMemoryIO())
    await catalog.createNamespace(['shop'])
    const database = new DatabaseSync(join(folder, 'catalog.db'))
    database.exec('ALTER TABLE iceberg_tables ADD COLUMN iceberg_type VARCHAR(5)')
    database.close()
    await createView(catalog, TOTALS)
    await createTable(catalog, ORDERS)
    expect(rows().map(row => row.iceberg_type)).toEqual(['TABLE', 'VIEW'])
  })
})

describe('an answer that is lost', () => {
  let db: EmbeddedDb
  let io: FileIO
  /** What becomes of the next transactions that write. */
  let fates: ('after' | 'before')[]
  let catalog: Catalog
  beforeEach(async () => {
    const path = join(folder, 'catalog.db')
    db = await openEmbeddedDb({ path, runtime, busyRetry: BUSY_RETRY_DEFAULT })
    opened.push(db)
    fates = []
    io = createMemoryIO()
    const losing: EmbeddedDb = {
      ...db,
      async write(work, signal) {
        const fate = fates.shift()
        const cause = new Error('lost')
        if (fate === 'before') return { status: 'unknown', cause }
        const outcome = await db.write(work, signal)
        return fate === 'after' ? { status: 'unknown', cause } : outcome
      },
    }
    catalog = await createEmbeddedCatalog(losing, { warehouse: join(folder, 'lake'), io, runtime })
    await catalog.createNamespace(['shop'])
  })

  it('is asked for again: what landed is committed, and what did not lands', async () => {
    fates = ['after']
    const view = await createView(catalog, TOTALS)
    for (const fate of ['after', 'before'] as const) {
      fates = [fate, fate, fate]
      const next = landed(await viewsOf(catalog).commit(replacing(view, `SELECT '${fate}'`)))
      expect(await viewsOf(catalog).load(TOTALS)).toEqual(next)
    }
    const { metadata } = await viewsOf(catalog).load(TOTALS)
    expect(metadata.versions).toHaveLength(3)
  })

  it('of a commit that another one followed is known by the pointer before', async () => {
    const view = await createView(catalog, TOTALS)
    const other = await createEmbeddedCatalog(db, { warehouse: join(folder, 'lake'), io, runtime })
    const racing = {
      ...runtime,
      sleep: async () => void landed(await viewsOf(other).commit(replacing(view, 'SELECT 3'))),
    }
    const ours = await createEmbeddedCatalog(lostOnce(db), {
      warehouse: join(folder, 'lake'),
      io,
      runtime: racing,
    })
    expect(await viewsOf(ours).commit(replacing(view, 'SELECT 2'))).toMatchObject({ status: 'committed' })
  })

  it('stays unknown when others went on and it cannot be told, and then nothing is deleted', async () => {
    const view = await createView(catalog, TOTALS)
    const other = await createEmbeddedCatalog(db, { warehouse: join(folder, 'lake'), io, runtime })
    let count = 0
    const racing = {
      ...runtime,
      sleep: async () => {
        for (const sql of ['SELECT 3', 'SELECT 4'])
          if (count < 2) landed(await viewsOf(other).commit(replacing(view, `${sql}${count++}`)))
      },
    }
    const ours = await createEmbeddedCatalog(lostOnce(db), {
      warehouse: join(folder, 'lake'),
      io,
      runtime: racing,
    })
    expect(await viewsOf(ours).commit(replacing(view, 'SELECT 2'))).toMatchObject({ status: 'unknown' })
    const files: string[] = []
    for await (const file of io.list(`${view.metadata.location}/metadata/`)) files.push(file.location)
    expect(files).toHaveLength(4)
  })
})

/** Loses the answer of the first transaction that writes. */
function lostOnce(db: EmbeddedDb): EmbeddedDb {
  let isLost = false
  return {
    ...db,
    async write(work, signal) {
      const outcome = await db.write(work, signal)
      if (isLost) return outcome
      isLost = true
      return { status: 'unknown', cause: new Error('lost') }
    },
  }
}
