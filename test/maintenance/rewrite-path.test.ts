/** Tables that move to another root: every snapshot reads the same there, and nothing there names the old root. */
import { mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect, type Lake, type StaticTable, staticTable, type Table } from '../../src/index.js'
import { rowsOf } from '../lake/memory-lake.js'
import { rejectionOf } from '../support/errors.js'

let folder: string
let lake: Lake
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serac-move-'))
  lake = await connect({ warehouse: join(folder, 'lake'), fsync: false })
})
afterEach(async () => {
  await lake.close()
  await rm(folder, { recursive: true, force: true })
})

/** Every kind of file: data of two specs, position deletes or vectors, rewritten and removed files, a tag. */
async function makeOrders(formatVersion: 2 | 3): Promise<Table> {
  const orders = await lake.createTable('shop.orders', 'id bigint not null, region string', {
    formatVersion,
    keys: ['id'],
    partitionBy: ['region'],
  })
  await orders.append(Array.from({ length: 40 }, (_, id) => ({ id, region: id % 2 === 0 ? 'eu' : 'us' })))
  await orders.upsert([{ id: 3, region: 'us' }])
  await orders.delete('id = 4 or id = 5')
  await orders.alter('add partition field bucket(4, id)')
  await orders.append([{ id: 100, region: null }])
  await orders.compact({ rewriteAll: true })
  await orders.delete('id = 6')
  await orders.delete('id = 100')
  return orders
}

async function allSnapshots(table: StaticTable): Promise<readonly unknown[]> {
  const snapshots = await table.snapshots()
  return Promise.all(
    snapshots.map(async ({ snapshotId, sequenceNumber, firstRowId }) => ({
      snapshotId,
      sequenceNumber,
      firstRowId,
      rows: await rowsOf(table.scan({ asOf: { snapshotId } })),
    })),
  )
}

/** The texts of all files but data, unpacked where that is easy; Avro blocks are deflated, so those are read by the engine. */
async function namesOldRoot(root: string): Promise<readonly string[]> {
  const found: string[] = []
  for (const name of await readdir(root, { recursive: true })) {
    if (!/\.(json|puffin|csv)$/.test(name)) continue
    const bytes = await readFile(join(root, name))
    const text = (name.endsWith('.gz.metadata.json') ? gunzipSync(bytes) : bytes).toString('latin1')
    if (text.includes(`${folder}/lake/`)) found.push(name)
  }
  return found
}

describe.each([2, 3] as const)('moving a table of format version %s', formatVersion => {
  it('gives the same rows, ids and numbers in every snapshot, with the old root gone', async () => {
    const orders = await makeOrders(formatVersion)
    const before = await allSnapshots(orders)
    const changes = await rowsOfChanges(orders)
    const to = join(folder, 'moved/orders')
    const report = await orders.rewritePath({ to })
    expect(report.copiedFiles).toBe(report.files.length)
    await rename(join(folder, 'lake/shop'), join(folder, 'lake/gone'))
    await using other = await connect({ warehouse: join(folder, 'other'), fsync: false })
    const moved = await other.registerTable('shop.moved', report.metadataLocation)
    expect(await allSnapshots(moved)).toEqual(before)
    expect(await rowsOfChanges(moved)).toEqual(changes)
    expect(await namesOldRoot(to)).toEqual([])
    await moved.upsert([{ id: 7, region: 'us' }])
    await moved.delete('id = 8')
    expect(await rowsOf(moved.scan({ where: 'id in (7, 8)' }))).toEqual([{ id: 7, region: 'us' }])
  })

  it('lists what to copy when it is staged', async () => {
    const orders = await makeOrders(formatVersion)
    const before = await allSnapshots(orders)
    const { location } = (await orders.load()).metadata
    const staging = join(folder, 'staging')
    const to = join(folder, 'by-hand')
    const report = await orders.rewritePath({ to, staging })
    expect(await readdir(folder)).not.toContain('by-hand')
    const lines = (await readFile(join(staging, 'file-list.csv'), 'utf8')).trimEnd().split('\n')
    expect(lines).toHaveLength(report.files.length)
    for (const line of lines) {
      const [source = '', target = ''] = line.split(',')
      await lake.context.io.write(target, await lake.context.io.read(source))
    }
    expect(lines.filter(line => line.startsWith(location)).length).toBeGreaterThan(0)
    expect(await allSnapshots(staticTable(report.metadataLocation))).toEqual(before)
  })

  it('mends a table whose folder was moved by hand, and copies nothing', async () => {
    const orders = await makeOrders(formatVersion)
    const before = await allSnapshots(orders)
    const { location } = (await orders.load()).metadata
    const to = join(folder, 'here')
    await rename(location.replace('file://', ''), to)
    const found = staticTable(to, { relocate: { from: location, to } })
    const report = await found.rewritePath({ to })
    expect(report.copiedFiles).toBe(0)
    expect(await allSnapshots(staticTable(report.metadataLocation))).toEqual(before)
  })
})

it('goes on where a copy was cut short', async () => {
  const orders = await makeOrders(3)
  const to = join(folder, 'moved')
  const first = await orders.rewritePath({ to })
  const [some] = first.files
  await rm((some?.target ?? '').replace('file://', ''))
  expect((await orders.rewritePath({ to })).copiedFiles).toBe(1)
})

it('is refused for a root that does not hold every file', async () => {
  const orders = await makeOrders(3)
  const error = await rejectionOf(
    orders.rewritePath({ from: join(folder, 'elsewhere'), to: join(folder, 'x') }),
  )
  expect(error?.kind).toBe('invalid-argument')
})

async function rowsOfChanges(table: Table): Promise<readonly string[]> {
  const rows: string[] = []
  for await (const row of table.changes({}).rows())
    rows.push(JSON.stringify(row, (_, value) => String(value)))
  return rows.sort()
}
