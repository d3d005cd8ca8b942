/** A staged snapshot that expires between the look at it and the swap: what only it kept is deleted by then. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { failingCatalog } from '../../src/catalog/failing.js'
import { type Lake, openLake, type Table } from '../../src/index.js'
import { createWorld, type World } from '../snapshot/world.js'
import { refusal } from '../writer/test-lake.js'

let world: World
let table: Table
beforeEach(async () => {
  world = await createWorld()
  table = await openLake(world).createTable('shop.t', 'id bigint', {
    properties: { 'write.wap.enabled': 'true' },
  })
  await table.append([{ id: 1n }])
  await table.append([{ id: 2n }], { wapId: 'audit' })
  await table.append([{ id: 3n }])
})
afterEach(() => world.catalog.close())

describe('publishing what expires meanwhile', () => {
  it('is refused, and main reads as before', async () => {
    const error = await refusal(lakeThatMeets(expireAll).table('shop.t').publish('audit'))
    expect(error.kind).toBe('not-found')
    expect(await ids()).toEqual([1n, 3n])
  })

  it('lands when it is first, and keeps the files', async () => {
    await table.publish('audit')
    await expireAll()
    expect(await ids()).toEqual([1n, 2n, 3n])
    expect(Object.keys(await table.refs())).toEqual(['main'])
  })
})

/** A lake before whose first commit something else happens. */
function lakeThatMeets(change: () => Promise<unknown>): Lake {
  let isMet = false
  const catalog = failingCatalog(world.catalog, async ({ verb, phase }) => {
    if (verb !== 'commit' || phase !== 'before' || isMet) return undefined
    isMet = true
    await change()
    return undefined
  })
  return openLake({ ...world, catalog })
}

async function expireAll(): Promise<void> {
  world.runtime.advance(1000)
  const report = await table.expire({ olderThanMs: world.runtime.nowMs(), readerGraceMs: 0, retainLast: 1 })
  expect(report.snapshotIds.length).toBeGreaterThan(1)
}

async function ids(): Promise<readonly unknown[]> {
  const found: unknown[] = []
  for await (const { id } of table.scan().rows()) found.push(id)
  return found.sort()
}
