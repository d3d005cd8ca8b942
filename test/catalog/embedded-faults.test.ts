/** Storage and SQLite failing around the swap: the outcome that is told is the true one, and the catalog goes on. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LakeError } from '../../src/base/errors.js'
import { systemRuntime as runtime } from '../../src/base/runtime.js'
import type { Catalog, LoadedTable } from '../../src/catalog/catalog.js'
import { openEmbeddedCatalog } from '../../src/catalog/embedded.js'
import { createTable } from '../../src/commit/create-table.js'
import { failingIO } from '../../src/io/failing.js'
import type { FileIO } from '../../src/io/file-io.js'
import { createMemoryIO } from '../../src/io/memory.js'

const ORDERS = { namespace: ['shop'], name: 'orders' }
const FIELD = { id: 1, name: 'id', required: false, type: { kind: 'long' } } as const

let folder: string
const catalogs: Catalog[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serac-faults-'))
})
afterEach(async () => {
  for (const catalog of catalogs.splice(0)) await catalog.close()
  await rm(folder, { recursive: true, force: true })
})

async function openOn(io: FileIO): Promise<Catalog> {
  const path = join(folder, 'catalog.db')
  const busyRetry = { waitMsMin: 1, waitMsMax: 5, totalMsMax: 100 }
  const catalog = await openEmbeddedCatalog({ path, warehouse: 'memory://lake', io, runtime, busyRetry })
  catalogs.push(catalog)
  return catalog
}

function orders(catalog: Catalog, properties: Readonly<Record<string, string>> = {}): Promise<LoadedTable> {
  const schema = { fields: [FIELD], identifierFieldIds: [] }
  return createTable(catalog, { identifier: ORDERS, schema, properties, uuid: runtime.uuid() })
}

function setNote(catalog: Catalog, note: string) {
  const updates = [{ action: 'set-properties', updates: { note } } as const]
  return catalog.commit([{ identifier: ORDERS, requirements: [], updates }])
}

describe('a store that cannot delete', () => {
  let isBroken: boolean
  let io: FileIO
  beforeEach(() => {
    isBroken = false
    io = failingIO(createMemoryIO(), ({ verb, phase }) =>
      isBroken && verb === 'delete' && phase === 'before'
        ? new LakeError('unavailable', 'the store is away')
        : undefined,
    )
  })

  it('does not make a commit fail that landed', async () => {
    const catalog = await openOn(io)
    await orders(catalog, {
      'write.metadata.delete-after-commit.enabled': 'true',
      'write.metadata.previous-versions-max': '1',
    })
    await setNote(catalog, 'one')
    isBroken = true
    expect(await setNote(catalog, 'two')).toMatchObject({ status: 'committed' })
    expect((await catalog.loadTable(ORDERS)).metadata.properties.note).toBe('two')
  })

  it('does not hide that another writer won', async () => {
    const [ours, theirs] = [await openOn(io), await openOn(io)]
    const base = await orders(ours)
    isBroken = true
    const racing = await Promise.all(
      Array.from({ length: 8 }, (_, index) => setNote(index % 2 === 0 ? ours : theirs, String(index))),
    )
    expect(racing.every(({ status }) => status === 'committed' || status === 'conflict')).toBe(true)
    const landed = racing.filter(({ status }) => status === 'committed').length
    const { metadata } = await ours.loadTable(ORDERS)
    expect(metadata.metadataLog.length).toBe(base.metadata.metadataLog.length + landed)
  })
})

describe('a COMMIT that SQLite refuses', () => {
  it('is unknown, and afterwards the connection works and the write lock is free', async () => {
    const io = createMemoryIO()
    const catalog = await openOn(io)
    const base = await orders(catalog)
    const outside = new DatabaseSync(join(folder, 'catalog.db'))
    outside.exec(`CREATE TABLE parent (id INTEGER PRIMARY KEY);
      CREATE TABLE child (id INTEGER REFERENCES parent(id) DEFERRABLE INITIALLY DEFERRED);
      CREATE TRIGGER refuse AFTER UPDATE ON iceberg_tables BEGIN INSERT INTO child VALUES (1); END`)
    const outcome = await setNote(catalog, 'ours')
    expect(outcome.status).toBe('unknown')
    expect((await catalog.loadTable(ORDERS)).metadataLocation).toBe(base.metadataLocation)
    await (await openOn(io)).createNamespace(['other'])
    await catalog.createNamespace(['another'])
    outside.exec('DROP TRIGGER refuse')
    outside.close()
    if (outcome.status !== 'unknown') return
    expect(await catalog.settle(outcome.attempt)).toMatchObject({ status: 'committed' })
    expect((await catalog.loadTable(ORDERS)).metadata.properties.note).toBe('ours')
  })
})
