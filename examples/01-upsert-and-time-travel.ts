// A table in a lake on this machine: append, upsert, read back in time, delete.
//
//   npm run build && node --input-type=module < examples/01-upsert-and-time-travel.ts
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, day, sql } from 'serac'

const folder = await mkdtemp(join(tmpdir(), 'serac-example-'))
const lake = await connect({ warehouse: join(folder, 'lake') })
try {
  const columns = 'id bigint, region string, amount decimal(10,2), ts timestamptz'
  const orders = await lake.createTable('shop.orders', columns, { keys: ['id'], partitionBy: [day('ts')] })

  const first = await orders.append([
    { id: 1n, region: 'eu', amount: '19.90', ts: '2026-11-16T09:00:00Z' },
    { id: 2n, region: 'us', amount: '5.00', ts: '2026-11-16T17:30:00Z' },
    { id: 3n, region: 'eu', amount: '120.00', ts: '2026-11-17T08:15:00Z' },
  ])
  assert.ok(first.snapshotId !== undefined)

  // A correction of order 3 and a new order, in one commit. Rows are found by the table's keys.
  await orders.upsert([
    { id: 3n, region: 'eu', amount: '12.00', ts: '2026-11-17T08:15:00Z' },
    { id: 4n, region: 'us', amount: '7.50', ts: '2026-11-18T11:00:00Z' },
  ])
  assert.equal(await orders.scan().count(), 4)

  // Order 3 now, and as the table was after the first commit. Decimals are text, so no digit is lost.
  const amounts = []
  const request = { where: sql`id = ${3}`, select: ['amount'] }
  for await (const row of orders.scan(request).rows()) amounts.push(row.amount)
  for await (const row of orders.at(first.snapshotId).scan(request).rows()) amounts.push(row.amount)
  assert.deepEqual(amounts, ['12.00', '120.00'])

  // A filter on the column that the table is partitioned by: of four data files one is read.
  const { scan } = await orders.scan({ where: `ts >= timestamp '2026-11-18T00:00:00Z'` }).explainRun()
  assert.equal(scan.dataFiles, 1)

  // Deleted rows are gone from the table, not from its history.
  await orders.delete(sql`region = ${'us'}`)
  assert.equal(await orders.scan().count(), 2)
  assert.equal(await orders.at(first.snapshotId).scan().count(), 3)
  assert.equal((await orders.snapshots()).length, 3)
} finally {
  await lake.close()
  await rm(folder, { recursive: true })
}
