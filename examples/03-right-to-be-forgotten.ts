// One customer out of a year of orders, both ways: copy-on-write rewrites the files that hold her rows, and no others;
// merge-on-read marks her rows in delete files, and compaction rewrites the same files later.
//
//   npm run build && node --input-type=module < examples/03-right-to-be-forgotten.ts
//   FILES_PER_MONTH=300 node --input-type=module < examples/03-right-to-be-forgotten.ts
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, month, sql } from 'serac'

const FILES_PER_MONTH = Number(process.env.FILES_PER_MONTH ?? 12)
const MONTHS = 12
const CUSTOMER = 4711n

const folder = await mkdtemp(join(tmpdir(), 'serac-example-'))
const lake = await connect({ warehouse: join(folder, 'lake'), fsync: false })
try {
  const orders = await lake.createTable(
    'shop.orders',
    'id bigint, customer bigint, ts timestamptz, note string',
    {
      formatVersion: 3,
      partitionBy: [month('ts')],
      properties: { 'write.delete.mode': 'copy-on-write' },
    },
  )
  // Every load brings one file to each month; she ordered once a month.
  for (let load = 0; load < FILES_PER_MONTH; load++) {
    const rows = Array.from({ length: MONTHS * 20 }, (_, at) => {
      const inMonth = at % MONTHS
      const isHers = load === (7 * inMonth) % FILES_PER_MONTH && at < MONTHS
      const id = BigInt(load * MONTHS * 20 + at)
      const ts = `2026-${String(inMonth + 1).padStart(2, '0')}-15T12:00:00Z`
      return { id, customer: isHers ? CUSTOMER : 10_000n + id, ts, note: `order ${id}` }
    })
    await orders.append(rows)
  }
  const files = MONTHS * FILES_PER_MONTH
  assert.equal((await orders.snapshots()).at(-1)?.summary['total-data-files'], `${files}`)
  const isHers = sql`customer = ${CUSTOMER}`
  assert.equal(await orders.scan({ where: isHers }).count(), MONTHS)

  // The same table again, by reference: a clone reads the files that are there and goes on by itself.
  const marked = await lake.cloneTable('shop.orders', 'shop.orders_marked')
  await marked.alter(`set tblproperties ('write.delete.mode' = 'merge-on-read')`)

  // Copy-on-write: of each month the one file that holds her is written again without her.
  const rewritten = await orders.delete(isHers)
  assert.equal(rewritten.summary['deleted-data-files'], `${MONTHS}`)
  assert.equal(rewritten.summary['added-data-files'], `${MONTHS}`)
  assert.equal(rewritten.summary['added-delete-files'], undefined)

  // Merge-on-read: deletion vectors for twelve rows, and no data file is touched.
  const deleted = await marked.delete(isHers)
  assert.equal(deleted.summary['added-data-files'], undefined)
  assert.equal(deleted.summary['deleted-data-files'], undefined)
  assert.equal(deleted.summary['added-dvs'], `${MONTHS}`)

  // Compaction of files with deletes: the same twelve files, later. The others are left alone, small as they are.
  const compacted = await marked.compact({
    deleteFileThreshold: 1,
    minFileSizeBytes: 1,
    minInputFiles: files + 1,
  })
  assert.equal(compacted.rewrittenFiles, MONTHS)
  assert.equal(compacted.removedDeleteFiles, MONTHS)

  const idsLeft = []
  for (const table of [orders, marked]) {
    const ids = []
    for await (const { id } of table.scan({ select: ['id'] }).rows()) ids.push(Number(id))
    idsLeft.push(ids.sort((a, b) => a - b))
    assert.equal(await table.scan({ where: isHers }).count(), 0)
  }
  const [left, leftOfMarked] = idsLeft
  assert.equal(left?.length, files * 20 - MONTHS)
  assert.deepEqual(leftOfMarked, left)

  const written = rewritten.summary['added-files-size']
  const later = compacted.addedBytes
  console.log(`${files} files; copy-on-write wrote ${written} bytes for ${MONTHS} of them;`)
  console.log(`merge-on-read wrote ${deleted.summary['added-files-size']} bytes, its compaction ${later}`)
} finally {
  await lake.close()
  await rm(folder, { recursive: true })
}
