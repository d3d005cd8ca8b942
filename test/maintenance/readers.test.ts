/** A reader keeps its snapshot: what a scan reads is not deleted while it reads, by whichever process. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemRuntime } from '../../src/base/runtime.js'
import { createLeaseFiles } from '../../src/catalog/lease-files.js'
import { connect, type Lake, type Table } from '../../src/index.js'
import { seededRuntime } from '../snapshot/world.js'

const run = promisify(execFile)
/** Data files of a table that is large enough to be overwritten while it is read: one a partition. */
const MANY = 300
const FEW = 20
const TABLE = 'shop.stock'

let cwd: string
let lake: Lake
let stock: Table
let files: number
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'serac-readers-'))
  lake = await connect({ baseFolder: cwd, fsync: false })
})
afterEach(async () => {
  await lake.close()
  await rm(cwd, { recursive: true, force: true })
})

const rowsOfVersion = (version: number) => Array.from({ length: files }, (_, part) => ({ part, version }))

async function createStock(fileCount: number): Promise<void> {
  files = fileCount
  stock = await lake.createTable(TABLE, 'part int not null, version int', {
    keys: ['part'],
    partitionBy: ['part'],
  })
  await stock.append(rowsOfVersion(0))
}

/** Every row is replaced, the files are rewritten, and nothing old is kept. */
async function overwrite(version: number): Promise<bigint[]> {
  await stock.upsert(rowsOfVersion(version))
  await stock.compact({ rewriteAll: true })
  await systemRuntime.sleep(2)
  const report = await stock.expire({ olderThanMs: systemRuntime.nowMs(), retainLast: 1 })
  expect(report.failed).toEqual([])
  return [...report.heldIds]
}

/** Reads a table to its end, slowly at first, and says of which version its rows are. */
async function versionRead(table: Table, options: { readonly pauseMs: number }): Promise<number> {
  const parts = new Set<number>()
  const versions = new Set<number>()
  let rows = 0
  for await (const row of table.scan({ concurrency: 2 }).rows()) {
    if (rows < 5) await systemRuntime.sleep(options.pauseMs)
    rows += 1
    parts.add(row.part as number)
    versions.add(row.version as number)
  }
  expect({ rows, parts: parts.size, versions: versions.size }).toEqual({
    rows: files,
    parts: files,
    versions: 1,
  })
  return [...versions][0] as number
}

const dataFiles = async (): Promise<readonly string[]> =>
  (await readdir(join(cwd, 'lake/shop/stock/data'), { recursive: true })).filter(name =>
    name.endsWith('.parquet'),
  )
const leases = async (): Promise<readonly string[]> =>
  existsSync(join(cwd, 'lake/catalog.db-readers')) ? readdir(join(cwd, 'lake/catalog.db-readers')) : []

describe('a scan that is under way', () => {
  it('ends with exactly its rows, through an overwrite of 300 files, a compaction and an expiry', async () => {
    await createStock(MANY)
    const before = (await stock.load()).metadata.currentSnapshotId as bigint
    const rows = stock.scan({ concurrency: 2 }).rows()[Symbol.asyncIterator]()
    const first = await rows.next()
    expect(first.done).toBe(false)

    expect(await overwrite(1)).toEqual([before])
    const versions = new Set<unknown>([first.done === true ? undefined : first.value.version])
    let count = 1
    for (let next = await rows.next(); next.done !== true; next = await rows.next()) {
      versions.add(next.value.version)
      count += 1
    }
    expect({ count, versions: [...versions] }).toEqual({ count: MANY, versions: [0] })

    // The reader is done: the next expiry takes what it held.
    const report = await stock.expire({ olderThanMs: systemRuntime.nowMs(), retainLast: 1 })
    expect(report.snapshotIds).toEqual([before])
    expect(report.heldIds).toEqual([])
    expect(await versionRead(stock, { pauseMs: 0 })).toBe(1)
    expect(await dataFiles()).toHaveLength(MANY)
  })

  it('is held from when it is made, and let go when it ends, fails or is given up', async () => {
    await createStock(FEW)
    const scan = stock.scan()
    await scan.plan()
    await overwrite(1)
    expect(await scan.count()).toBe(FEW)
    expect(await leases()).toEqual([])

    for await (const _batch of stock.scan().batches()) {
      expect(await leases()).toHaveLength(1)
      break
    }
    expect(await leases()).toEqual([])
    await expect(stock.scan({ where: 'nothing = 1' }).count()).rejects.toMatchObject({
      kind: 'invalid-argument',
    })
    await expect(stock.scan({ asOf: 'no-such-ref' }).count()).rejects.toMatchObject({ kind: 'not-found' })
    expect(await leases()).toEqual([])
  })

  it('of an older snapshot keeps that one', async () => {
    await createStock(FEW)
    const first = (await stock.load()).metadata.currentSnapshotId as bigint
    await stock.append([{ part: FEW, version: 9 }])
    const at = stock.at(first).scan()
    const asOf = stock.scan({ asOf: first })
    await Promise.all([at.plan(), asOf.plan()])
    expect(await overwrite(1)).toContain(first)
    expect(await at.count()).toBe(FEW)
    expect(await asOf.count()).toBe(FEW)
  })
})

describe('readers that loop', () => {
  it('see one version each, whole, while the table is overwritten, compacted and expired', {
    timeout: 300_000,
  }, async () => {
    await createStock(MANY)
    const script = join(import.meta.dirname, 'read-loop.mjs')
    const hasBuild = existsSync(join(import.meta.dirname, '../../dist/index.js'))
    expect(hasBuild, 'npm run build').toBe(true)
    const stop = join(cwd, 'stop')
    const others = [0, 1].map(() => run(process.execPath, [script, cwd, TABLE, String(MANY), stop]))
    let isDone = false
    const own = [0, 5].map(async pauseMs => {
      const versions: number[] = []
      do versions.push(await versionRead(stock, { pauseMs }))
      while (!isDone)
      return versions
    })
    const reading = Promise.all([...own, ...others.map(async other => JSON.parse((await other).stdout))])
    const rounds = 2
    const writing = (async () => {
      for (let version = 1; version <= rounds; version++) await overwrite(version)
    })().finally(async () => {
      isDone = true
      await writeFile(stop, '')
    })
    const [seen] = await Promise.all([reading, writing])
    for (const versions of seen) {
      expect(versions.length).toBeGreaterThan(0)
      // Time does not go back for a reader.
      expect(versions).toEqual([...versions].sort((a: number, b: number) => a - b))
    }
    await overwrite(rounds + 1)
    expect(await dataFiles()).toHaveLength(MANY)
    expect((await stock.load()).metadata.snapshots).toHaveLength(1)
  })
})

describe('read leases', () => {
  it('stand until they are released, in every process that uses the folder', async () => {
    const folder = join(cwd, 'leases')
    const [a, b] = [createLeaseFiles(folder, systemRuntime), createLeaseFiles(folder, systemRuntime)]
    expect(await a.held()).toEqual({ snapshotIds: new Set(), unpinned: 0 })
    const lease = await a.open()
    expect(await b.held()).toEqual({ snapshotIds: new Set(), unpinned: 1 })
    await lease?.pin(2n ** 62n)
    expect(await b.held()).toEqual({ snapshotIds: new Set([2n ** 62n]), unpinned: 0 })
    await lease?.pin(undefined)
    expect(await b.held()).toEqual({ snapshotIds: new Set(), unpinned: 0 })
    await lease?.release()
    await lease?.release()
    await lease?.pin(5n)
    await a.open()
    await a.close()
    expect(await readdir(folder)).toEqual([])
  })

  it('lapse, unless they are renewed', async () => {
    const runtime = seededRuntime()
    const all = createLeaseFiles(join(cwd, 'leases'), runtime)
    const [kept, lost] = [await all.open(), await all.open()]
    await kept?.pin(1n)
    await lost?.pin(2n)
    for (let hours = 0; hours < 6; hours++) {
      runtime.advance(3_600_000)
      await kept?.renew()
    }
    expect((await all.held()).snapshotIds).toEqual(new Set([1n]))
    // What lapsed is swept away; its reader goes on without.
    await lost?.renew()
    await lost?.release()
    await kept?.release()
    expect((await all.held()).snapshotIds).toEqual(new Set())
  })

  it('of a process that is gone are void, those of other machines are not', async () => {
    const folder = join(cwd, 'leases')
    const all = createLeaseFiles(folder, systemRuntime)
    await (await all.open())?.pin(1n)
    const [own = ''] = await readdir(folder)
    const [, host = '', pid = '', expires = ''] = own.split('_')
    await writeFile(join(folder, `x_${host}_999999999_${expires}_2`), '')
    await writeFile(join(folder, `x_elsewhere_${pid}_${expires}_3`), '')
    await writeFile(join(folder, `x_elsewhere_${pid}_1_4`), '')
    await writeFile(join(folder, 'something else'), '')
    expect((await all.held()).snapshotIds).toEqual(new Set([1n, 3n]))
    expect(await readdir(folder)).toHaveLength(3)
  })

  it('are done without where nothing can be written', async () => {
    await writeFile(join(cwd, 'file'), '')
    expect(await createLeaseFiles(join(cwd, 'file'), systemRuntime).open()).toBeUndefined()
  })
})
