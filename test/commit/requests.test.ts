/** The storage requests of commits, as the table in spec/commit-protocol.md counts them (data files apart). */
import { beforeEach, describe, expect, it } from 'vitest'
import type { LoadedTable } from '../../src/catalog/catalog.js'
import { failingIO } from '../../src/io/failing.js'
import { createMemoryIO } from '../../src/io/memory.js'
import {
  bareName,
  commit,
  commitFiles,
  createTable,
  createWorld,
  dataFile,
  deletionVector,
  fileAction,
  ORDERS,
  positionDeletes,
  type World,
} from '../snapshot/world.js'

let world: World
let calls: string[]
beforeEach(async () => {
  calls = []
  const io = failingIO(createMemoryIO(), call => {
    if (call.phase === 'before' && !call.location.includes('/data/'))
      calls.push(`${call.verb} ${kindOf(call.location)}`)
    return undefined
  })
  world = await createWorld({ io })
})

function kindOf(location: string): string {
  const name = bareName(location)
  if (name.startsWith('snap-')) return 'list'
  return name.endsWith('.avro') ? 'manifest' : 'metadata'
}

/**
 * The requests of `work`, with how often each was made. Reading the metadata of a table is left to the catalog's
 * memory: at most once a table.
 */
async function requestsOf(work: () => Promise<unknown>, tables = 1): Promise<Record<string, number>> {
  calls.length = 0
  await work()
  const loads = calls.filter(call => call === 'read metadata')
  expect(loads.length).toBeLessThanOrEqual(tables)
  calls = calls.filter(call => call !== 'read metadata')
  const counts: Record<string, number> = {}
  for (const call of calls) counts[call] = (counts[call] ?? 0) + 1
  return counts
}

const APPEND = { 'read list': 1, 'write manifest': 1, 'write list': 1, 'write metadata': 1 }

describe('the requests of a commit', () => {
  it('of a first append', async () => {
    await createTable(world)
    const a = await dataFile(world, 'a')
    const { 'read list': _, ...first } = APPEND
    expect(await requestsOf(() => commitFiles(world, { addedDataFiles: [a] }))).toEqual(first)
  })

  it('of an append do not grow with the table', async () => {
    await createTable(world)
    for (const name of ['a', 'b', 'c'])
      await commitFiles(world, { addedDataFiles: [await dataFile(world, name)] })
    const d = await dataFile(world, 'd')
    expect(await requestsOf(() => commitFiles(world, { addedDataFiles: [d] }))).toEqual(APPEND)
  })

  it('of a delete on v2: the append of a delete manifest', async () => {
    await createTable(world)
    const a = await dataFile(world, 'a')
    await commitFiles(world, { addedDataFiles: [a] })
    for (const name of ['p', 'q']) {
      const deletes = await positionDeletes(world, name, a)
      expect(await requestsOf(() => commitFiles(world, { addedDeleteFiles: [deletes] }))).toEqual(APPEND)
    }
  })

  it('of an upsert: one more manifest', async () => {
    await createTable(world)
    const a = await dataFile(world, 'a')
    await commitFiles(world, { addedDataFiles: [a] })
    const changes = {
      addedDataFiles: [await dataFile(world, 'b')],
      addedDeleteFiles: [await positionDeletes(world, 'p', a)],
    }
    expect(await requestsOf(() => commitFiles(world, changes))).toEqual({ ...APPEND, 'write manifest': 2 })
  })

  it('of a delete on v3 that replaces a vector: the delete manifests of its partition, one written anew', async () => {
    await createTable(world, { formatVersion: 3, partitioned: true })
    const a = await dataFile(world, 'a', { partition: ['eu'] })
    const b = await dataFile(world, 'b', { partition: ['us'] })
    await commitFiles(world, { addedDataFiles: [a, b] })
    const old = await deletionVector(world, 'v', a)
    await commitFiles(world, { addedDeleteFiles: [old] })
    await commitFiles(world, { addedDeleteFiles: [await deletionVector(world, 'w', b)] })
    const merged = await deletionVector(world, 'x', a)
    const requests = await requestsOf(() =>
      commitFiles(world, { addedDeleteFiles: [merged], removedFiles: [old] }),
    )
    expect(requests).toEqual({ ...APPEND, 'read manifest': 1, 'write manifest': 2 })
  })

  it('of a cdc commit: the sum over its tables, and one swap', async () => {
    await createTable(world)
    const items = await createTable(world, { name: 'items' })
    await commitFiles(world, { addedDataFiles: [await dataFile(world, 'a')] })
    await commitFiles(
      world,
      { addedDataFiles: [await dataFile(world, 'b')] },
      { identifier: items.identifier },
    )
    const [c, d] = [await dataFile(world, 'c'), await dataFile(world, 'd')]
    const swaps: number[] = []
    const watched = {
      ...world,
      catalog: {
        ...world.catalog,
        commit: (...args: Parameters<typeof world.catalog.commit>) => {
          swaps.push(args[0].length)
          return world.catalog.commit(...args)
        },
      },
    }
    const requests = await requestsOf(
      () =>
        commit(watched, [
          { identifier: ORDERS, action: fileAction(world, { addedDataFiles: [c] }) },
          { identifier: items.identifier, action: fileAction(world, { addedDataFiles: [d] }) },
        ]),
      2,
    )
    expect(requests).toEqual({ 'read list': 2, 'write manifest': 2, 'write list': 2, 'write metadata': 2 })
    expect(swaps).toEqual([2])
  })

  it('of an append that merges n manifests: it reads them, and writes one in place of its own', async () => {
    await createTable(world, { properties: { 'commit.manifest.min-count-to-merge': '4' } })
    for (const name of ['a', 'b', 'c'])
      await commitFiles(world, { addedDataFiles: [await dataFile(world, name)] })
    const d = await dataFile(world, 'd')
    const requests = await requestsOf(() => commitFiles(world, { addedDataFiles: [d] }))
    expect(requests).toEqual({ ...APPEND, 'read manifest': 3 })
    const e = await dataFile(world, 'e')
    expect(await requestsOf(() => commitFiles(world, { addedDataFiles: [e] }))).toEqual(APPEND)
  })

  it('of a lost race: the list again, its manifests not', async () => {
    const base: LoadedTable = await createTable(world)
    await commitFiles(world, { addedDataFiles: [await dataFile(world, 'a')] })
    const action = fileAction(world, { addedDataFiles: [await dataFile(world, 'b')] })
    expect(await requestsOf(() => commit(world, [{ identifier: ORDERS, base, action }]))).toEqual({
      'write manifest': 1,
      'write list': 2,
      'read list': 1,
      'write metadata': 1,
      'delete list': 1,
    })
  })
})
