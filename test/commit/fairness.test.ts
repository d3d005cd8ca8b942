/** A slow writer lands beside fast ones, although each of its attempts takes longer than many of theirs. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemRuntime } from '../../src/base/runtime.js'
import { createDynamoDbCatalog } from '../../src/catalog/dynamodb.js'
import { commitTables } from '../../src/commit/commit-loop.js'
import type { TableAction } from '../../src/commit/table-action.js'
import { connect, type Lake } from '../../src/index.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { appendAction } from '../../src/writer/append.js'
import { createMemoryItems } from '../catalog/memory-items.js'
import { createTable, ORDERS } from '../contract/catalog.js'

let cwd: string
let slow: Lake
let fast: Lake
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'serac-fair-'))
  slow = await connect({ warehouse: join(cwd, 'lake'), fsync: false })
  fast = await connect({ warehouse: join(cwd, 'lake'), fsync: false })
})
afterEach(async () => {
  await Promise.all([slow.close(), fast.close()])
  await rm(cwd, { recursive: true, force: true })
})

it('a commit whose attempts take long lands while others append without a pause', async () => {
  const table = await fast.createTable('a.t', 'id bigint not null')
  await table.append([{ id: 0 }])
  let isOver = false
  let appended = 0
  const appends = [1, 2].map(async () => {
    while (!isOver) {
      await table.append([{ id: 1 }])
      appended++
    }
  })
  const { catalog, io } = slow.context
  /** Lets as much time go by as it takes the others to land, unless they let this one go first. */
  const slowAppend = (): TableAction => {
    const append = appendAction(io, [], { runtime: systemRuntime, summary: { who: 'slow' } })
    return async (base, attempt) => {
      const { currentSnapshotId } = base.metadata
      for (let waitedMs = 0; waitedMs < 400; waitedMs += 20) {
        await systemRuntime.sleep(20)
        const now = await catalog.loadTable(table.identifier)
        if (now.metadata.currentSnapshotId !== currentSnapshotId) break
      }
      return append(base, attempt)
    }
  }
  const attemptsTaken: number[] = []
  for (let round = 0; round < 2; round++) {
    const target = { identifier: table.identifier, action: slowAppend() }
    const { attempts } = await commitTables(catalog, [target], { io, runtime: systemRuntime })
    attemptsTaken.push(attempts)
  }
  isOver = true
  await Promise.all(appends)
  expect(Math.max(...attemptsTaken)).toBeLessThanOrEqual(5)
  expect(appended).toBeGreaterThan(0)
  const slowOnes = (await table.snapshots()).filter(({ summary }) => summary.who === 'slow')
  expect(slowOnes).toHaveLength(2)
  expect(await readdir(join(cwd, 'lake/catalog.db-turns'))).toEqual([])
}, 60_000)

it('on DynamoDB slow writers and fast ones land by turns, and leave nothing in the queue', async () => {
  const items = createMemoryItems({ runtime: systemRuntime })
  const io = createMemoryIO()
  const open = () => createDynamoDbCatalog(items, { warehouse: 'memory:/lake', io, runtime: systemRuntime })
  const owner = open()
  await owner.createNamespace(['shop'])
  await createTable(owner, ORDERS)
  const landed = [0, 0, 0, 0, 0, 0]
  const isOver = (): boolean => landed.every(count => count >= 3)
  const attemptsTaken: number[] = []
  const write = async (writer: number): Promise<void> => {
    const catalog = open()
    while (!isOver()) {
      const append = appendAction(io, [], { runtime: systemRuntime, summary: { writer: String(writer) } })
      const action: TableAction = async (base, attempt) => {
        await systemRuntime.sleep(writer < 4 ? 1 : 60)
        return append(base, attempt)
      }
      const target = { identifier: ORDERS, action }
      const options = { io, runtime: systemRuntime, retry: { retriesMax: 20, waitMsMin: 10 } }
      attemptsTaken.push((await commitTables(catalog, [target], options)).attempts)
      landed[writer] = (landed[writer] ?? 0) + 1
    }
  }
  await Promise.all(landed.map((_, writer) => write(writer)))
  const { metadata } = await owner.loadTable(ORDERS)
  const snapshotsOf = (writer: number): number =>
    metadata.snapshots.filter(({ summary }) => summary.writer === String(writer)).length
  expect(landed.map((_, writer) => snapshotsOf(writer))).toEqual(landed)
  // Four are lost before a place is taken, and some to those who did not know of it yet.
  expect(Math.max(...attemptsTaken)).toBeLessThanOrEqual(9)
  const places = items.all().flatMap(item => Object.keys(item).filter(name => name.startsWith('turn.')))
  expect(places).toEqual([])
}, 60_000)
