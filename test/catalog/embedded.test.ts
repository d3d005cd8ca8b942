/** The embedded catalog: the contract, its layout on disk, and outcomes that are not known at once. */
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LakeError } from '../../src/base/errors.js'
import { systemRuntime } from '../../src/base/runtime.js'
import type { Catalog, CommitOutcome } from '../../src/catalog/catalog.js'
import { createEmbeddedCatalog, openEmbeddedCatalog } from '../../src/catalog/embedded.js'
import { BUSY_RETRY_DEFAULT, type EmbeddedDb, openEmbeddedDb } from '../../src/catalog/embedded-db.js'
import { failingIO } from '../../src/io/failing.js'
import type { FileIO } from '../../src/io/file-io.js'
import { createLocalIO } from '../../src/io/local.js'
import { createMemoryIO } from '../../src/io/memory.js'
import {
  appendTo,
  committed,
  createTable,
  creation,
  describeCatalog,
  ITEMS,
  metadataFiles,
  ORDERS,
  setProperties,
} from '../contract/catalog.js'

const runtime = systemRuntime

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serac-catalog-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

function openAt(path: string, io: FileIO): Promise<Catalog> {
  return openEmbeddedCatalog({ path, warehouse: join(folder, 'lake'), io, runtime })
}

function suiteOver(createIO: () => FileIO): () => ReturnType<Parameters<typeof describeCatalog>[1]> {
  return async () => {
    const io = createIO()
    const path = join(folder, 'lake', 'catalog.db')
    const opened: Catalog[] = []
    const open = async (): Promise<Catalog> => {
      const catalog = await openAt(path, io)
      opened.push(catalog)
      return catalog
    }
    return {
      catalog: await open(),
      io,
      another: open,
      close: async () => {
        for (const catalog of opened) await catalog.close()
      },
    }
  }
}

describeCatalog(
  'embedded, local files',
  suiteOver(() => createLocalIO({ runtime, fsync: false })),
)
describeCatalog(
  'embedded, memory',
  suiteOver(() => createMemoryIO()),
)

describe('the file of the embedded catalog', () => {
  const path = (): string => join(folder, 'catalog.db')
  const io = createMemoryIO()

  function raw<T>(work: (db: DatabaseSyncInstance) => T): T {
    const db = new DatabaseSync(path())
    try {
      return work(db)
    } finally {
      db.close()
    }
  }
  const columns = (db: DatabaseSyncInstance): unknown[] =>
    db
      .prepare("SELECT name FROM pragma_table_info('iceberg_tables')")
      .all()
      .map((row: { name: string }) => row.name)

  it('has layout V0 of the JDBC catalog', async () => {
    const catalog = await openAt(path(), io)
    await catalog.createNamespace(['a', 'b'])
    const table = await createTable(catalog, { namespace: ['a', 'b'], name: 't' })
    await catalog.close()
    raw(db => {
      expect(columns(db)).toEqual([
        'catalog_name',
        'table_namespace',
        'table_name',
        'metadata_location',
        'previous_metadata_location',
      ])
      expect(db.prepare('SELECT * FROM iceberg_tables').all()).toEqual([
        {
          catalog_name: 'default',
          table_namespace: 'a.b',
          table_name: 't',
          metadata_location: table.metadataLocation,
          previous_metadata_location: null,
        },
      ])
      expect(db.prepare('SELECT * FROM iceberg_namespace_properties').all()).toEqual([
        { catalog_name: 'default', namespace: 'a.b', property_key: 'exists', property_value: 'true' },
      ])
    })
  })

  it('remembers the metadata file before the last', async () => {
    const catalog = await openAt(path(), io)
    await catalog.createNamespace(['shop'])
    const first = await createTable(catalog, ORDERS)
    const [second] = committed(await catalog.commit([appendTo(first, 1n)]))
    await catalog.close()
    raw(db =>
      expect(
        db.prepare('SELECT metadata_location, previous_metadata_location FROM iceberg_tables').get(),
      ).toEqual({
        metadata_location: second?.metadataLocation,
        previous_metadata_location: first.metadataLocation,
      }),
    )
  })

  it('writes TABLE where someone altered it to V1, reads NULL as TABLE, and sees no views', async () => {
    const catalog = await openAt(path(), io)
    await catalog.createNamespace(['shop'])
    await createTable(catalog, ORDERS)
    raw(db => {
      db.exec('ALTER TABLE iceberg_tables ADD COLUMN iceberg_type VARCHAR(5)')
      db.exec("INSERT INTO iceberg_tables VALUES ('default', 'shop', 'sight', 'file:///v', NULL, 'VIEW')")
    })
    await createTable(catalog, ITEMS)
    expect((await catalog.listTables(['shop'])).map(table => table.name)).toEqual(['items', 'orders'])
    expect(await catalog.tableExists({ namespace: ['shop'], name: 'sight' })).toBe(false)
    const view = { namespace: ['shop'], name: 'sight' }
    await expect(catalog.loadTable(view)).rejects.toMatchObject({ kind: 'not-found' })
    await expect(catalog.renameTable(ORDERS, view)).rejects.toMatchObject({ kind: 'already-exists' })
    await expect(catalog.dropTable(view)).rejects.toMatchObject({ kind: 'not-found' })
    expect(await catalog.commit([await creation(catalog, view)])).toMatchObject({ status: 'conflict' })
    committed(await catalog.commit([appendTo(await catalog.loadTable(ORDERS), 1n)]))
    await catalog.close()
    raw(db =>
      expect(db.prepare('SELECT table_name, iceberg_type FROM iceberg_tables ORDER BY 1').all()).toEqual([
        { table_name: 'items', iceberg_type: 'TABLE' },
        { table_name: 'orders', iceberg_type: null },
        { table_name: 'sight', iceberg_type: 'VIEW' },
      ]),
    )
  })

  it('is keyed by the catalog name: another name shows another lake', async () => {
    const catalog = await openAt(path(), io)
    await catalog.createNamespace(['shop'])
    const options = { path: path(), warehouse: folder, name: 'other', io, runtime }
    const other = await openEmbeddedCatalog(options)
    expect(await other.listNamespaces()).toEqual([])
    await Promise.all([catalog.close(), other.close()])
  })

  it('shows a namespace that only a table of another tool implies', async () => {
    const catalog = await openAt(path(), io)
    raw(db =>
      db.exec("INSERT INTO iceberg_tables VALUES ('default', 'implied.deep', 't', 'file:///m', NULL)"),
    )
    expect(await catalog.listNamespaces()).toEqual([['implied']])
    expect(await catalog.listNamespaces(['implied'])).toEqual([['implied', 'deep']])
    expect(await catalog.loadNamespace(['implied', 'deep'])).toEqual({})
    await catalog.close()
  })

  it('keeps a write-ahead log while open, and is whole in one file once closed', async () => {
    const catalog = await openAt(path(), io)
    raw(db => expect(db.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' }))
    await catalog.createNamespace(['shop'])
    await catalog.close()
    await copyFile(path(), join(folder, 'copy.db'))
    const copy = await openAt(join(folder, 'copy.db'), io)
    expect(await copy.listNamespaces()).toEqual([['shop']])
    await copy.close()
  })

  it('waits for another process that holds the lock, without blocking this one, and gives up in the end', async () => {
    const busyRetry = { waitMsMin: 1, waitMsMax: 5, totalMsMax: 100 }
    const catalog = await openEmbeddedCatalog({ path: path(), warehouse: folder, io, runtime, busyRetry })
    const other = new DatabaseSync(path())
    other.exec('BEGIN IMMEDIATE')
    await expect(catalog.createNamespace(['shop'])).rejects.toMatchObject({ kind: 'unavailable' })
    expect(await catalog.listNamespaces()).toEqual([])
    const waiting = catalog.createNamespace(['shop'])
    await runtime.sleep(10)
    other.exec('COMMIT')
    await waiting
    expect(await catalog.listNamespaces()).toEqual([['shop']])
    other.close()
    await catalog.close()
  })

  it('is refused when it is no database', async () => {
    await createLocalIO({ runtime }).write(
      path(),
      new TextEncoder().encode('this is not a database, at all'.repeat(99)),
    )
    await expect(openAt(path(), io)).rejects.toMatchObject({ kind: 'corrupt' })
  })

  it('cannot be used after it was closed', async () => {
    const catalog = await openAt(path(), io)
    await catalog.close()
    await catalog.close()
    await expect(catalog.listNamespaces()).rejects.toMatchObject({ kind: 'invalid-argument' })
  })
})

describe('files of a commit that fails', () => {
  it('are gone when one of them cannot be written', async () => {
    const memory = createMemoryIO()
    let isFull = false
    const io = failingIO(memory, ({ verb, location, phase }) =>
      isFull && verb === 'write' && phase === 'before' && location.includes('items')
        ? new LakeError('unavailable', 'the disk is full')
        : undefined,
    )
    const catalog = await openAt(join(folder, 'catalog.db'), io)
    await catalog.createNamespace(['shop'])
    const orders = await createTable(catalog, ORDERS)
    const items = await createTable(catalog, ITEMS)
    isFull = true
    const commit = catalog.commit([appendTo(orders, 1n), appendTo(items, 1n)])
    await expect(commit).rejects.toMatchObject({ kind: 'unavailable' })
    expect(await metadataFiles(memory, orders)).toEqual([orders.metadataLocation])
    expect(await catalog.loadTable(ORDERS)).toEqual(orders)
    await catalog.close()
  })
})

describe('a commit whose outcome is not known', () => {
  /** What happens at the next COMMIT: it lands and the answer is lost, or neither. */
  let fault: 'landed' | 'not-landed' | undefined
  let catalog: Catalog
  let other: Catalog
  let io: FileIO

  beforeEach(async () => {
    fault = undefined
    io = createMemoryIO()
    const path = join(folder, 'catalog.db')
    const db = await openEmbeddedDb({ path, runtime, busyRetry: BUSY_RETRY_DEFAULT })
    catalog = await createEmbeddedCatalog(losing(db), { warehouse: folder, io, runtime })
    other = await openAt(path, io)
    await catalog.createNamespace(['shop'])
  })
  afterEach(async () => {
    await catalog.close()
    await other.close()
  })

  function losing(db: EmbeddedDb): EmbeddedDb {
    return {
      ...db,
      async write(work, signal) {
        const now = fault
        fault = undefined
        const outcome = now === 'not-landed' ? undefined : await db.write(work, signal)
        return now === undefined && outcome !== undefined
          ? outcome
          : { status: 'unknown', cause: new Error('disk I/O error') }
      },
    }
  }

  async function unknown(
    commit: Promise<CommitOutcome>,
  ): Promise<Extract<CommitOutcome, { status: 'unknown' }>> {
    const outcome = await commit
    if (outcome.status !== 'unknown') throw new Error(`expected an unknown outcome, got ${outcome.status}`)
    return outcome
  }

  it('is found to have landed, and nothing was deleted meanwhile', async () => {
    const base = await createTable(catalog, ORDERS)
    fault = 'landed'
    const { attempt } = await unknown(catalog.commit([appendTo(base, 1n)]))
    expect(await metadataFiles(io, base)).toHaveLength(2)
    const [table] = committed(await catalog.settle(attempt))
    expect(await other.loadTable(ORDERS)).toEqual(table)
    expect(table?.metadata.snapshots).toHaveLength(1)
  })

  it('lands when the identical swap is sent again', async () => {
    const base = await createTable(catalog, ORDERS)
    fault = 'not-landed'
    const { attempt } = await unknown(catalog.commit([appendTo(base, 1n)]))
    expect(await other.loadTable(ORDERS)).toEqual(base)
    const [table] = committed(await catalog.settle(attempt))
    expect(await other.loadTable(ORDERS)).toEqual(table)
    committed(await catalog.settle(attempt))
    expect((await other.loadTable(ORDERS)).metadata.snapshots).toHaveLength(1)
  })

  it('has landed when another writer went on from it', async () => {
    const base = await createTable(catalog, ORDERS)
    fault = 'landed'
    const { attempt } = await unknown(catalog.commit([appendTo(base, 1n)]))
    committed(await other.commit([appendTo(await other.loadTable(ORDERS), 2n)]))
    expect(await catalog.settle(attempt)).toMatchObject({ status: 'committed' })
    expect((await other.loadTable(ORDERS)).metadata.snapshots.map(each => each.snapshotId)).toEqual([1n, 2n])
  })

  it('is a conflict when the log shows that another writer went on from its base', async () => {
    const base = await createTable(catalog, ORDERS)
    fault = 'not-landed'
    const { attempt } = await unknown(catalog.commit([appendTo(base, 1n)]))
    committed(await other.commit([appendTo(base, 2n)]))
    committed(await other.commit([appendTo(await other.loadTable(ORDERS), 3n)]))
    expect(await catalog.settle(attempt)).toMatchObject({ status: 'conflict', identifier: ORDERS })
    expect(await metadataFiles(io, base)).toHaveLength(4)
  })

  it('stays unknown when the log no longer reaches back to the base', async () => {
    const created = await createTable(catalog, ORDERS)
    const shortLog = { 'write.metadata.previous-versions-max': '1' }
    const [base] = committed(await catalog.commit([setProperties(created, shortLog)]))
    fault = 'not-landed'
    const { attempt } = await unknown(catalog.commit([appendTo(base!, 1n)]))
    for (const id of [2n, 3n]) committed(await other.commit([appendTo(await other.loadTable(ORDERS), id)]))
    expect(await catalog.settle(attempt)).toMatchObject({ status: 'unknown' })
  })

  it('stays unknown when the table is gone', async () => {
    const base = await createTable(catalog, ORDERS)
    fault = 'landed'
    const { attempt } = await unknown(catalog.commit([appendTo(base, 1n)]))
    await other.dropTable(ORDERS)
    expect(await catalog.settle(attempt)).toMatchObject({ status: 'unknown' })
  })

  it('settles a creation', async () => {
    fault = 'landed'
    const landed = await unknown(catalog.commit([await creation(catalog, ORDERS)]))
    committed(await catalog.settle(landed.attempt))
    fault = 'not-landed'
    const lost = await unknown(catalog.commit([await creation(catalog, ITEMS)]))
    const [items] = committed(await catalog.settle(lost.attempt))
    expect(await other.loadTable(ITEMS)).toEqual(items)
  })

  it('settles several tables together by the history of one', async () => {
    const orders = await createTable(catalog, ORDERS)
    const items = await createTable(catalog, ITEMS)
    fault = 'not-landed'
    const { attempt } = await unknown(catalog.commit([appendTo(orders, 1n), appendTo(items, 1n)]))
    committed(await other.commit([appendTo(items, 2n)]))
    expect(await catalog.settle(attempt)).toMatchObject({ status: 'conflict', identifier: ITEMS })
    expect(await other.loadTable(ORDERS)).toEqual(orders)
  })

  it('may stay unknown once more before it is settled', async () => {
    const base = await createTable(catalog, ORDERS)
    fault = 'not-landed'
    const first = await unknown(catalog.commit([appendTo(base, 1n)]))
    fault = 'landed'
    const second = await unknown(catalog.settle(first.attempt))
    expect(await catalog.settle(second.attempt)).toMatchObject({ status: 'committed' })
  })

  it('is a commit-state-unknown error for changes other than commits', async () => {
    fault = 'landed'
    await expect(catalog.createNamespace(['x'])).rejects.toMatchObject({ kind: 'commit-state-unknown' })
    expect(await other.listNamespaces()).toContainEqual(['x'])
  })
})
