/** A compaction reads for long outside of its commit: what it reads is held, and where it cannot be, its groups are lost. */
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemRuntime } from '../../src/base/runtime.js'
import type { Catalog } from '../../src/catalog/catalog.js'
import type { Table } from '../../src/index.js'
import type { FileIO } from '../../src/io/file-io.js'
import { compactTable } from '../../src/maintenance/compact.js'
import { type MemoryLake, openMemoryLake, rowsOf } from '../lake/memory-lake.js'

let world: MemoryLake
let table: Table
beforeEach(async () => {
  world = await openMemoryLake()
  table = await world.lake.createTable('ns.t', 'id bigint')
  for (const id of [1, 2, 3]) await table.append([{ id }])
})
afterEach(() => world.close())

const ids = [1, 2, 3].map(id => ({ id }))
const leases = async (): Promise<readonly string[]> =>
  existsSync(world.leaseFolder) ? readdir(world.leaseFolder) : []

/** Somebody else rewrites the table and expires everything old. */
async function overtake(): Promise<void> {
  await table.compact({ rewriteAll: true })
  await systemRuntime.sleep(3)
  await table.expire({ olderThanMs: systemRuntime.nowMs(), retainLast: 1 })
}

/** The storage, that does something once, before the first data file is read. */
function atFirstRead(io: FileIO, work: () => Promise<void>): FileIO {
  let done = false
  const before = async (location: string): Promise<void> => {
    if (done || !location.endsWith('.parquet')) return
    done = true
    await work()
  }
  return {
    ...io,
    async read(location, options) {
      await before(location)
      return io.read(location, options)
    },
  }
}

function compact(catalog: Catalog, work: () => Promise<void>) {
  const { io, runtime } = world.lake.context
  return compactTable(catalog, table.identifier, { io: atFirstRead(io, work), runtime, rewriteAll: true })
}

describe('a compaction', () => {
  it('holds its base from before it plans until it ends', async () => {
    const { snapshotId } = (await table.snapshots()).at(-1) ?? { snapshotId: 0n }
    let held: readonly string[] = []
    const report = await compact({ ...world.lake.context.catalog, turns: undefined }, async () => {
      held = await leases()
      await overtake()
    })
    expect(held).toEqual([expect.stringMatching(new RegExp(`_${snapshotId}$`))])
    // Its files were kept, but others stand in their place.
    expect(report).toMatchObject({ status: 'lost', groups: { lost: 1, failed: 0 } })
    expect(await leases()).toEqual([])
    expect(await rowsOf(table.scan())).toEqual(ids)
  })

  it('whose base is expired by somebody who sees no leases loses its groups', async () => {
    const catalog: Catalog = { ...world.lake.context.catalog, leases: undefined, turns: undefined }
    const report = await compact(catalog, overtake)
    expect(report).toMatchObject({
      status: 'lost',
      groups: { lost: 1, failed: 0, committed: 0 },
      failures: [],
    })
    expect(await rowsOf(table.scan())).toEqual(ids)
  })

  it('all of whose groups were lost goes on again in its turn', async () => {
    const report = await compact(world.lake.context.catalog, overtake)
    expect(report).toMatchObject({ status: 'done', groups: { committed: 1, lost: 0 } })
    expect(await rowsOf(table.scan())).toEqual(ids)
  })

  it('lets go when it is refused', async () => {
    await expect(table.compact({ ref: 'nowhere', minInputFiles: -1 })).rejects.toMatchObject({
      kind: 'invalid-argument',
    })
    expect(await leases()).toEqual([])
  })
})
