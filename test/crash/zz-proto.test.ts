import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { it } from 'vitest'
import { openEmbeddedCatalog } from '../../src/catalog/embedded.js'
import { failingCatalog } from '../../src/catalog/failing.js'
import { applyFeed, parsePosition } from '../../src/cdc.js'
import { jsonRowsOfBatch, openLake, stringifyJson } from '../../src/index.js'
import { failingIO } from '../../src/io/failing.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { seededRuntime } from '../snapshot/world.js'
import { makeSourceTablesIn } from './proto-lake.js'
import { FEEDS, positionOfCheckpoint } from '../support/source-state.js'

it('proto', async () => {
  const t00 = performance.now()
  const runtime = seededRuntime(1)
  const io = createMemoryIO({ runtime })
  const cwd = await mkdtemp(join(tmpdir(), 'serac-proto-'))
  const catalog = await openEmbeddedCatalog({ path: join(cwd, 'catalog.db'), warehouse: 'memory://lake', io, runtime })
  await makeSourceTablesIn(openLake({ catalog, io, runtime }), 2)
  console.log('make', performance.now() - t00)
  const lines = gunzipSync(await readFile(join(FEEDS, 'postgres-wal2json', 'wal2json-v2.jsonl.gz'))).toString().split('\n')
  async function* feed() { for (let i = 0; i < lines.length; i++) if (lines[i] !== '') yield { number: i + 1, text: lines[i] as string } }
  const commitRows = Number(process.env.ROWS ?? 1000)
  await catalog.close()
  const db = await readFile(join(cwd, 'catalog.db'))
  for (let n = 0; n < 15; n++) {
    const t = [performance.now()]
    const tick = () => { t.push(performance.now()) }
    const io2 = createMemoryIO({ runtime })
    for await (const f of io.list('memory://')) await io2.write(f.location, await io.read(f.location))
    const path = join(cwd, `c${n}.db`)
    await writeFile(path, db)
    const catalog = await openEmbeddedCatalog({ path, warehouse: 'memory://lake', io: io2, runtime })
    tick()
    await applyFeed(feed(), { catalog, io: io2, runtime, format: 'wal2json', target: { namespace: ['shop'] }, until: parsePosition(positionOfCheckpoint(2)), commitRows })
    tick()
    await applyFeed(feed(), { catalog, io: io2, runtime, format: 'wal2json', target: { namespace: ['shop'] }, until: parsePosition(positionOfCheckpoint(2)), commitRows })
    tick()
    const lake = openLake({ catalog, io: io2, runtime })
    let s = 0, m = 0
    for (const id of await lake.listTables('shop')) {
      const table = lake.table(id)
      for (const snapshot of await table.snapshots()) { s++; for await (const _ of table.at(snapshot.snapshotId).scan().batches()) m += _.length }
    }
    tick()
    for (const id of await lake.listTables('shop')) for await (const b of lake.table(id).scan().batches()) for (const r of jsonRowsOfBatch(b)) m += stringifyJson(r).length
    tick()
    await catalog.close()
    tick()
    console.log('T', t.slice(1).map((x, i) => Math.round(x - t[i]!)).join(' '), s, m)
  }
})
