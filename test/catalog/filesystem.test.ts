/** The filesystem catalog: the contract as far as folders go, the files that Java reads, and who may write. */
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LakeError } from '../../src/base/errors.js'
import { systemRuntime } from '../../src/base/runtime.js'
import type { Catalog, CommitOutcome } from '../../src/catalog/catalog.js'
import { openFilesystemCatalog } from '../../src/catalog/filesystem.js'
import {
  createLockManager,
  createMemoryLockStore,
  type LockManager,
  type LockStore,
} from '../../src/catalog/lock.js'
import { failingIO } from '../../src/io/failing.js'
import type { FileIO } from '../../src/io/file-io.js'
import { createLocalIO } from '../../src/io/local.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { meteredIO } from '../../src/io/metered.js'
import { createS3IO } from '../../src/io/s3.js'
import {
  appendTo,
  committed,
  createTable,
  creation,
  describeCatalog,
  metadataFiles,
  ORDERS,
  setProperties,
} from '../contract/catalog.js'
import { FOLDERS_WITHOUT } from '../contract/folders.js'
import { openS3Stub } from '../io/s3-stub.js'

const runtime = systemRuntime
const ALONE = { 'filesystem.only-serac': 'true' }

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serac-folders-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

function suite(name: string, start: () => { io: FileIO; warehouse: string; locks?: LockStore }): void {
  describeCatalog(
    `filesystem, ${name}`,
    async () => {
      const { io, warehouse, locks } = start()
      const opened: Catalog[] = []
      const open = async (): Promise<Catalog> => {
        const settings = { acquireIntervalMsMax: 20 }
        const lock = locks === undefined ? undefined : createLockManager(locks, { runtime, settings })
        const properties = lock === undefined ? ALONE : {}
        const catalog = await openFilesystemCatalog({ warehouse, properties, io, runtime, lock })
        opened.push(catalog)
        return catalog
      }
      const close = async (): Promise<void> => {
        for (const catalog of opened) await catalog.close()
      }
      return { catalog: await open(), io, another: open, close }
    },
    { skip: { 'multi-table': 'one folder cannot be swapped with another' }, without: FOLDERS_WITHOUT },
  )
}

const localIO = (): FileIO => createLocalIO({ fsync: false, runtime })
suite('alone on a disk', () => ({ io: localIO(), warehouse: `file://${folder}/lake` }))
suite('by a lock on a disk', () => ({
  io: localIO(),
  warehouse: join(folder, 'lake'),
  locks: createMemoryLockStore(),
}))
suite('alone in an object store', () => ({ io: createMemoryIO(), warehouse: 'memory://bucket/lake' }))

describe('a lake of folders', () => {
  let io: FileIO
  let catalog: Catalog
  const open = (more: { lock?: LockManager; properties?: Record<string, string>; io?: FileIO } = {}) =>
    openFilesystemCatalog({ warehouse: `file://${folder}`, properties: ALONE, io, runtime, ...more })
  beforeEach(async () => {
    io = localIO()
    catalog = await open()
    await catalog.createNamespace(['shop'])
  })
  const metadata = join('shop', 'orders', 'metadata')
  const hint = async (): Promise<string> => readFile(join(folder, metadata, 'version-hint.text'), 'utf8')

  it('has the files that Java has', async () => {
    const table = await createTable(catalog, ORDERS)
    expect(table.metadataLocation).toBe(`file://${folder}/shop/orders/metadata/v1.metadata.json`)
    committed(await catalog.commit([appendTo(table, 1n)]))
    expect((await readdir(join(folder, metadata))).sort()).toEqual([
      'v1.metadata.json',
      'v2.metadata.json',
      'version-hint.text',
    ])
    expect(await hint()).toBe('2')
  })

  it('finds the current version whatever the hint says', async () => {
    let table = await createTable(catalog, ORDERS)
    for (const id of [1n, 2n, 3n])
      [table] = committed(await catalog.commit([appendTo(table, id)])) as [typeof table]
    for (const text of ['1', '4', ' 3\n', '5', '99', 'x', '', '-1', '9'.repeat(100)]) {
      await writeFile(join(folder, metadata, 'version-hint.text'), text)
      expect((await (await open()).loadTable(ORDERS)).metadataLocation).toMatch(/v4\.metadata\.json$/)
    }
    await rm(join(folder, metadata, 'version-hint.text'))
    expect((await (await open()).loadTable(ORDERS)).metadata.currentSnapshotId).toBe(3n)
  })

  it('reads versions that others compressed, by both names, and keeps the way of a table', async () => {
    const table = await createTable(catalog, ORDERS)
    const gzipped = { 'write.metadata.compression-codec': 'gzip' }
    committed(await catalog.commit([setProperties(table, gzipped)]))
    const plain = join(folder, metadata, 'v2.metadata.json')
    expect((await readFile(plain, 'utf8')).startsWith('{')).toBe(true)
    const { gzipSync } = await import('node:zlib')
    await writeFile(join(folder, metadata, 'v3.metadata.json.gz'), gzipSync(await readFile(plain)))
    const old = await (await open()).loadTable(ORDERS)
    expect(old.metadataLocation).toMatch(/v3\.metadata\.json\.gz$/)
    const [next] = committed(await catalog.commit([appendTo(old, 1n)]))
    expect(next?.metadataLocation).toMatch(/v4\.gz\.metadata\.json$/)
    const stored = await readFile(join(folder, metadata, 'v4.gz.metadata.json'))
    expect(JSON.parse(gunzipSync(stored).toString())).toMatchObject({ 'current-snapshot-id': 1 })
  })

  it('makes no two first versions of different compression', async () => {
    const { updates, ...rest } = await creation(catalog, ORDERS)
    const gzipped = {
      action: 'set-properties',
      updates: { 'write.metadata.compression-codec': 'gzip' },
    } as const
    let behind: Promise<unknown> | undefined
    const inner = localIO()
    const slow: FileIO = {
      ...inner,
      create: async (location, bytes, options) => {
        behind ??= catalog.commit([{ ...rest, updates }]).then(committed)
        await behind
        return inner.create(location, bytes, options)
      },
    }
    const outcome = await (await open({ io: slow })).commit([{ ...rest, updates: [...updates, gzipped] }])
    expect(outcome.status).toBe('conflict')
    expect((await readdir(join(folder, metadata))).sort()).toEqual(['v1.metadata.json', 'version-hint.text'])
  })

  it('compresses what comes behind the version that says so, as Java does', async () => {
    let table = await createTable(catalog, ORDERS)
    const gzipped = { 'write.metadata.compression-codec': 'gzip' }
    ;[table] = committed(await catalog.commit([setProperties(table, gzipped)])) as [typeof table]
    ;[table] = committed(await catalog.commit([appendTo(table, 1n)])) as [typeof table]
    expect(table.metadataLocation).toMatch(/v3\.gz\.metadata\.json$/)
    const plain = { 'write.metadata.compression-codec': 'none' }
    ;[table] = committed(await catalog.commit([setProperties(table, plain)])) as [typeof table]
    expect(table.metadataLocation).toMatch(/v4\.gz\.metadata\.json$/)
    ;[table] = committed(await catalog.commit([appendTo(table, 2n)])) as [typeof table]
    expect(table.metadataLocation).toMatch(/v5\.metadata\.json$/)
  })

  it('knows its own version when storage repeats the request and says that the name is taken', async () => {
    const table = await createTable(catalog, ORDERS)
    const inner = localIO()
    const twice: FileIO = {
      ...inner,
      create: async (location, bytes, options) => {
        await inner.create(location, bytes, options)
        return inner.create(location, bytes, options)
      },
    }
    const [made] = committed(await (await open({ io: twice })).commit([appendTo(table, 1n)]))
    expect(made?.metadataLocation).toMatch(/v2\.metadata\.json$/)
    expect(await catalog.loadTable(ORDERS)).toEqual(made)
  })

  it('takes the checksum of Hadoop away with the hint that it was of', async () => {
    const table = await createTable(catalog, ORDERS)
    await writeFile(join(folder, metadata, '.version-hint.text.crc'), 'old')
    committed(await catalog.commit([appendTo(table, 1n)]))
    expect(await readdir(join(folder, metadata))).not.toContain('.version-hint.text.crc')
  })

  it('sees a table that was dropped and made anew by somebody else', async () => {
    const other = await open()
    const first = await createTable(catalog, ORDERS)
    committed(await catalog.commit([appendTo(first, 1n)]))
    expect((await other.loadTable(ORDERS)).metadata.currentSnapshotId).toBe(1n)
    await catalog.dropTable(ORDERS)
    expect(await other.tableExists(ORDERS)).toBe(false)
    expect(await readdir(join(folder, 'shop'))).toEqual([])
    const second = await createTable(other, ORDERS)
    expect((await catalog.loadTable(ORDERS)).metadata.tableUuid).toBe(second.metadata.tableUuid)
    committed(await other.commit([appendTo(second, 2n)]))
    expect((await catalog.loadTable(ORDERS)).metadata.currentSnapshotId).toBe(2n)
  })

  it('shows no table while it is dropped, refuses commits to it, and cleans up when the name is taken', async () => {
    const table = await createTable(catalog, ORDERS)
    let died = false
    const dying = failingIO(localIO(), ({ verb, phase }) => {
      if (verb !== 'delete' || phase !== 'before' || died) return undefined
      died = true
      return new LakeError('unavailable', 'the process died')
    })
    await expect((await open({ io: dying })).dropTable(ORDERS)).rejects.toMatchObject({ kind: 'unavailable' })
    expect(await catalog.tableExists(ORDERS)).toBe(false)
    await expect(catalog.loadTable(ORDERS)).rejects.toMatchObject({ kind: 'not-found' })
    await expect(catalog.commit([appendTo(table, 1n)])).rejects.toMatchObject({ kind: 'not-found' })
    const again = await createTable(catalog, ORDERS)
    expect(again.metadataLocation).toMatch(/v1\.metadata\.json$/)
    expect(again.metadata.tableUuid).not.toBe(table.metadata.tableUuid)
    expect(await metadataFiles(io, again)).toEqual([again.metadataLocation])
  })

  it('keeps a table whose files may not be deleted', async () => {
    const table = await createTable(catalog, ORDERS)
    committed(await catalog.commit([setProperties(table, { 'gc.enabled': 'false' })]))
    await expect(catalog.dropTable(ORDERS)).rejects.toMatchObject({ kind: 'unsupported' })
    expect(await catalog.tableExists(ORDERS)).toBe(true)
  })

  it('says what folders cannot do', async () => {
    const table = await createTable(catalog, ORDERS)
    const unsupported = { kind: 'unsupported' }
    await expect(catalog.createNamespace(['b'], { a: '1' })).rejects.toMatchObject(unsupported)
    const change = { removals: [], updates: { a: '1' } }
    await expect(catalog.updateNamespace(['shop'], change)).rejects.toMatchObject(unsupported)
    await expect(catalog.renameTable(ORDERS, { namespace: ['shop'], name: 'b' })).rejects.toMatchObject(
      unsupported,
    )
    await expect(catalog.registerTable(ORDERS, table.metadataLocation)).rejects.toMatchObject(unsupported)
    const elsewhere = setProperties(table, { 'write.metadata.path': `file://${folder}/elsewhere` })
    await expect(catalog.commit([elsewhere])).rejects.toMatchObject(unsupported)
    const moved = { ...elsewhere, updates: [{ action: 'set-location', location: '/elsewhere' } as const] }
    await expect(catalog.commit([moved])).rejects.toMatchObject(unsupported)
    const both = [appendTo(table, 1n), await creation(catalog, { namespace: ['shop'], name: 'c' })]
    await expect(catalog.commit(both)).rejects.toMatchObject(unsupported)
    expect(await catalog.loadNamespace(['shop'])).toEqual({ location: `file://${folder}/shop` })
    expect(await catalog.listNamespaces(['shop'])).toEqual([])
  })

  it('has no names that lead out of their folder', async () => {
    for (const name of ['..', '.', 'a/b', '/etc', ''])
      for (const identifier of [
        { namespace: ['shop'], name },
        { namespace: [name], name: 't' },
      ])
        await expect(catalog.loadTable(identifier)).rejects.toMatchObject({ kind: 'invalid-argument' })
  })

  it('passes over files and folders that are no tables', async () => {
    await createTable(catalog, ORDERS)
    await mkdir(join(folder, 'shop', '.hidden'))
    await mkdir(join(folder, 'shop', 'nested', 'deeper'), { recursive: true })
    await writeFile(join(folder, 'shop', 'README'), 'x')
    expect(await catalog.listTables(['shop'])).toEqual([ORDERS])
    expect(await catalog.listNamespaces(['shop'])).toEqual([['shop', 'nested']])
    expect(await catalog.listNamespaces()).toEqual([['shop']])
    await expect(catalog.listTables(['shop', 'orders'])).rejects.toMatchObject({ kind: 'not-found' })
    await expect(catalog.dropNamespace(['shop'])).rejects.toMatchObject({ kind: 'conflict' })
  })

  it('empties old metadata when the table says so, but leaves the names taken', async () => {
    const limits = {
      'write.metadata.previous-versions-max': '1',
      'write.metadata.delete-after-commit.enabled': 'true',
    }
    let table = await createTable(catalog, ORDERS)
    const other = await open()
    await other.loadTable(ORDERS)
    ;[table] = committed(await catalog.commit([setProperties(table, limits)])) as [typeof table]
    for (const id of [1n, 2n, 3n])
      [table] = committed(await catalog.commit([appendTo(table, id)])) as [typeof table]
    const sizes = await Promise.all(
      [1, 2, 3, 4, 5].map(
        async version => (await stat(join(folder, metadata, `v${version}.metadata.json`))).size,
      ),
    )
    expect(sizes.map(size => size > 3)).toEqual([false, false, false, true, true])
    expect((await other.loadTable(ORDERS)).metadata.currentSnapshotId).toBe(3n)
    await writeFile(join(folder, metadata, 'version-hint.text'), '1')
    expect((await (await open()).loadTable(ORDERS)).metadata.currentSnapshotId).toBe(3n)
  })

  it('costs a warm append a few looks, one new file and the hint', async () => {
    const metered = meteredIO(localIO())
    const warm = await open({ io: metered.io })
    const table = await createTable(warm, ORDERS)
    metered.reset()
    committed(await warm.commit([appendTo(table, 1n)]))
    expect(metered.counts.requests).toMatchObject({ read: 1, create: 1, write: 1, list: 0, stat: 9 })
  })

  describe('who may write', () => {
    it('nobody without a lock, unless nobody else does', async () => {
      const table = await createTable(catalog, ORDERS)
      const reader = await open({ properties: {} })
      expect(await reader.loadTable(ORDERS)).toEqual(table)
      for (const write of [
        () => reader.commit([appendTo(table, 1n)]),
        () => reader.dropTable(ORDERS),
        () => reader.createNamespace(['b']),
        () => reader.dropNamespace(['shop']),
      ])
        await expect(write()).rejects.toMatchObject({ kind: 'unsupported' })
    })

    it('who has the lock that lock-impl names, and no other', async () => {
      const properties = { 'lock-impl': 'org.apache.iceberg.util.LockManagers$InMemoryLockManager' }
      const locked = await open({ properties })
      await createTable(locked, ORDERS)
      await locked.close()
      await expect(open({ properties: { 'lock-impl': 'com.example.Locks' } })).rejects.toMatchObject({
        kind: 'unsupported',
      })
      const nameless = { 'lock-impl': 'org.apache.iceberg.aws.dynamodb.DynamoDbLockManager' }
      await expect(open({ properties: nameless })).rejects.toMatchObject({ kind: 'invalid-argument' })
    })

    it('nobody in a store that cannot create conditionally', async () => {
      const plain = { ...localIO(), capabilities: { conditionalWrites: false } }
      await expect(open({ io: plain })).rejects.toMatchObject({ kind: 'unsupported' })
    })

    it('takes the lock that Java takes for the version', async () => {
      const taken: string[][] = []
      const inner = createLockManager(createMemoryLockStore(), { runtime })
      const lock: LockManager = {
        ...inner,
        acquire: (entityId, ownerId, options) => {
          taken.push([entityId, ownerId])
          return inner.acquire(entityId, ownerId, options)
        },
      }
      await createTable(await open({ lock, properties: {} }), ORDERS)
      const at = `file:${folder}/shop/orders/metadata/`
      expect(taken).toEqual([
        [`${at}v1.metadata.json`, expect.stringMatching(/[0-9a-f-]{36}\.metadata\.json$/)],
      ])
      expect(taken[0]?.[1]?.startsWith(at)).toBe(true)
      const properties = { 'lock.warehouse': 's3a://bucket/lake/' }
      const elsewhere = await open({ lock, properties })
      await createTable(elsewhere, { namespace: ['shop'], name: 'items' })
      expect(taken[1]?.[0]).toBe('s3a://bucket/lake/shop/items/metadata/v1.metadata.json')
    })

    it('a lock stays when the answer of what it protects is lost: that may yet come', async () => {
      const table = await createTable(catalog, ORDERS)
      const ends: string[] = []
      const lock: LockManager = {
        acquire: async (entityId, ownerId) => ({
          entityId,
          ownerId,
          isHeld: async () => true,
          release: async () => void ends.push('released'),
          letLapse: () => void ends.push('let lapse'),
        }),
        close: async () => {},
      }
      const io = failingIO(localIO(), ({ verb, phase }) =>
        verb === 'create' && phase === 'before' ? new LakeError('unavailable', 'no answer') : undefined,
      )
      const writer = await open({ io, lock, properties: {} })
      expect(await writer.commit([appendTo(table, 1n)])).toMatchObject({ status: 'unknown' })
      expect(ends[0]).toBe('let lapse')
    })

    it('a writer whose lock was taken over while it was frozen commits nothing', async () => {
      const table = await createTable(catalog, ORDERS)
      const lock: LockManager = {
        acquire: async (entityId, ownerId) => ({
          entityId,
          ownerId,
          isHeld: async () => false,
          release: async () => {},
          letLapse: () => undefined,
        }),
        close: async () => {},
      }
      const frozen = await open({ lock, properties: {} })
      expect(await frozen.commit([appendTo(table, 1n)])).toMatchObject({ status: 'conflict' })
      expect(await catalog.loadTable(ORDERS)).toEqual(table)
    })
  })

  describe('an answer that is lost', () => {
    type Phase = 'before' | 'after'
    const losing = (when: () => Phase | undefined): FileIO =>
      failingIO(localIO(), ({ verb, phase }) =>
        verb === 'create' && phase === when() ? new LakeError('unavailable', 'no answer') : undefined,
      )
    async function lost(phase: Phase): Promise<{ outcome: CommitOutcome; client: Catalog }> {
      let lose: Phase | undefined
      const client = await open({ io: losing(() => lose) })
      const table = await createTable(client, ORDERS)
      lose = phase
      const outcome = await client.commit([appendTo(table, 1n)])
      lose = undefined
      return { outcome, client }
    }

    for (const phase of ['before', 'after'] as const)
      it(`${phase} the version was made is settled: it has landed, once`, async () => {
        const { outcome, client } = await lost(phase)
        if (outcome.status !== 'unknown') throw new Error(outcome.status)
        const [table] = committed(await client.settle(outcome.attempt))
        expect(table?.metadata.snapshots.map(each => each.snapshotId)).toEqual([1n])
        expect(await catalog.loadTable(ORDERS)).toEqual(table)
        committed(await client.settle(outcome.attempt))
        expect(await metadataFiles(io, table!)).toHaveLength(2)
      })

    it('is settled as a conflict when somebody else made the version', async () => {
      const { outcome, client } = await lost('before')
      if (outcome.status !== 'unknown') throw new Error(outcome.status)
      committed(await catalog.commit([appendTo(await catalog.loadTable(ORDERS), 2n)]))
      expect(await client.settle(outcome.attempt)).toMatchObject({ status: 'conflict' })
      expect((await catalog.loadTable(ORDERS)).metadata.snapshots.map(each => each.snapshotId)).toEqual([2n])
    })

    it('is settled as landed although others went on', async () => {
      const { outcome, client } = await lost('after')
      if (outcome.status !== 'unknown') throw new Error(outcome.status)
      committed(await catalog.commit([appendTo(await catalog.loadTable(ORDERS), 2n)]))
      committed(await client.settle(outcome.attempt))
      expect((await client.loadTable(ORDERS)).metadata.currentSnapshotId).toBe(2n)
    })

    it('stays open when the version has come and gone', async () => {
      const { outcome, client } = await lost('after')
      if (outcome.status !== 'unknown') throw new Error(outcome.status)
      committed(await catalog.commit([appendTo(await catalog.loadTable(ORDERS), 2n)]))
      await rename(join(folder, metadata, 'v2.metadata.json'), join(folder, 'gone'))
      expect(await client.settle(outcome.attempt)).toMatchObject({ status: 'unknown' })
    })

    it('stays open when so much was committed since that the version was emptied', async () => {
      const { outcome, client } = await lost('after')
      if (outcome.status !== 'unknown') throw new Error(outcome.status)
      await emptyVersionTwo()
      expect(await client.settle(outcome.attempt)).toMatchObject({ status: 'unknown' })
    })

    it('of a create that the network brought twice is in doubt when the version was emptied between', async () => {
      let isTwice = false
      const twice: FileIO = {
        ...localIO(),
        async create(location, bytes) {
          const first = await localIO().create(location, bytes)
          if (!isTwice) return first
          isTwice = false
          await emptyVersionTwo()
          return localIO().create(location, bytes)
        },
      }
      const client = await open({ io: twice })
      const table = await createTable(client, ORDERS)
      isTwice = true
      expect(await client.commit([appendTo(table, 1n)])).toMatchObject({ status: 'unknown' })
      expect((await catalog.loadTable(ORDERS)).metadata.snapshots.some(each => each.snapshotId === 1n)).toBe(
        true,
      )
    })

    async function emptyVersionTwo(): Promise<void> {
      const limits = {
        'write.metadata.previous-versions-max': '1',
        'write.metadata.delete-after-commit.enabled': 'true',
      }
      committed(await catalog.commit([setProperties(await catalog.loadTable(ORDERS), limits)]))
      for (const id of [2n, 3n])
        committed(await catalog.commit([appendTo(await catalog.loadTable(ORDERS), id)]))
      expect((await stat(join(folder, metadata, 'v2.metadata.json'))).size).toBe(3)
    }
  })
})

describe('a lake of folders in S3', () => {
  it('is listed at the cost of what is listed, however many files lie below', async () => {
    const stub = await openS3Stub()
    const io = createS3IO({ properties: stub.properties, runtime })
    const warehouse = 's3://serac-test/lake'
    const catalog = await openFilesystemCatalog({ warehouse, properties: ALONE, io, runtime })
    await catalog.createNamespace(['shop'])
    await catalog.createNamespace(['shop', 'archive'])
    await createTable(catalog, ORDERS)
    for (let index = 0; index < 40; index++) {
      await io.write(`${warehouse}/shop/orders/data/${index}.parquet`, new Uint8Array(1))
      await io.write(`${warehouse}/shop/orders/metadata/${index}.avro`, new Uint8Array(1))
    }
    const requestsOf = async (work: () => Promise<unknown>, result: unknown): Promise<number> => {
      stub.forget()
      expect(await work()).toEqual(result)
      expect(stub.requests.every(request => request.method === 'GET')).toBe(true)
      return stub.requests.length
    }
    // The level, and of each folder in it whether it is a table: versions first, then whatever has the ending.
    expect(await requestsOf(() => catalog.listNamespaces(), [['shop']])).toBe(3)
    const asked = 1 + 2
    expect(await requestsOf(() => catalog.listTables(['shop']), [ORDERS])).toBe(asked + 1 + 1 + 2)
    expect(await requestsOf(() => catalog.listNamespaces(['shop']), [['shop', 'archive']])).toBe(
      asked + 1 + 1 + 2,
    )
    await catalog.close()
  })

  it('shows folders that others have drawn', async () => {
    const stub = await openS3Stub()
    const io = createS3IO({ properties: stub.properties, runtime })
    const warehouse = 's3://serac-test/drawn'
    await io.write(`${warehouse}/shop/`, new Uint8Array(0))
    await io.write(`${warehouse}/shop/archive/`, new Uint8Array(0))
    const catalog = await openFilesystemCatalog({ warehouse, properties: ALONE, io, runtime })
    expect(await catalog.listNamespaces()).toEqual([['shop']])
    expect(await catalog.listNamespaces(['shop'])).toEqual([['shop', 'archive']])
    await expect(catalog.dropNamespace(['shop'])).rejects.toMatchObject({ kind: 'conflict' })
    await catalog.dropNamespace(['shop', 'archive'])
    await catalog.dropNamespace(['shop'])
    expect(await catalog.listNamespaces()).toEqual([])
    await catalog.close()
  })
})
