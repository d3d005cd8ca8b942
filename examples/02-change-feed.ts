// A table that follows a PostgreSQL table: a wal2json feed, applied exactly once.
//
//   npm run build && node --input-type=module < examples/02-change-feed.ts
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'serac'
import { applyFeed, readFeedFiles } from 'serac/cdc'

// wal2json, format version 2, with its options include-lsn and include-pk: begin, changes, commit. A
// transaction stands at the `nextlsn` of its commit. The second one leaves out the note, which it did not touch.
const feed = `
{"action":"B","xid":731,"nextlsn":"0/1965BF8"}
{"action":"I","schema":"public","table":"accounts","pk":[{"name":"id","type":"bigint"}],"columns":[{"name":"id","type":"bigint","value":9007199254740993},{"name":"balance","type":"numeric(12,2)","value":10.50},{"name":"note","type":"text","value":"new"}]}
{"action":"I","schema":"public","table":"accounts","pk":[{"name":"id","type":"bigint"}],"columns":[{"name":"id","type":"bigint","value":2},{"name":"balance","type":"numeric(12,2)","value":0.00},{"name":"note","type":"text","value":null}]}
{"action":"C","xid":731,"nextlsn":"0/1965BF8"}
{"action":"B","xid":732,"nextlsn":"0/1965F50"}
{"action":"U","schema":"public","table":"accounts","pk":[{"name":"id","type":"bigint"}],"columns":[{"name":"id","type":"bigint","value":9007199254740993},{"name":"balance","type":"numeric(12,2)","value":99.00}],"identity":[{"name":"id","type":"bigint","value":9007199254740993}]}
{"action":"D","schema":"public","table":"accounts","pk":[{"name":"id","type":"bigint"}],"identity":[{"name":"id","type":"bigint","value":2}]}
{"action":"C","xid":732,"nextlsn":"0/1965F50"}
`

const folder = await mkdtemp(join(tmpdir(), 'serac-example-'))
const lake = await connect({ warehouse: join(folder, 'lake') })
try {
  const file = join(folder, 'feed.jsonl')
  await writeFile(file, feed)
  const { context } = lake
  // Every table of the feed becomes a table of the namespace. A commit holds whole source transactions.
  const apply = () =>
    applyFeed(readFeedFiles(context.io, [file]), {
      ...context,
      format: 'wal2json',
      target: { namespace: ['shop'] },
      commitRows: 1,
    })
  const report = await apply()
  assert.equal(report.commits, 2)
  assert.equal(report.position, '0/1965F50')

  const accounts = lake.table('shop.accounts')
  const rows = []
  for await (const row of accounts.scan().rows()) rows.push(row)
  assert.deepEqual(rows, [{ id: 9007199254740993n, balance: '99.00', note: 'new' }])

  // The position is in the commit that holds the changes, so a second run finds nothing to do.
  const again = await apply()
  assert.equal(again.commits, 0)
  assert.equal(again.tables['shop.accounts']?.alreadyApplied, 4)

  // What the table was after the first source transaction.
  const [first] = await accounts.snapshots()
  assert.ok(first !== undefined)
  assert.equal(await accounts.at(first.snapshotId).scan().count(), 2)
} finally {
  await lake.close()
  await rm(folder, { recursive: true })
}
