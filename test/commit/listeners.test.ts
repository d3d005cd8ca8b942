/** Who listens to a commit has no say in it: what a listener throws may not undo, hide or repeat what landed. */
import { describe, expect, it } from 'vitest'
import { failingCatalog } from '../../src/catalog/failing.js'
import { type CommitEvent, commitTables } from '../../src/commit/commit-loop.js'
import {
  commit,
  commitFiles,
  createTable,
  createWorld,
  dataFile,
  fileAction,
  liveNames,
  ORDERS,
} from '../snapshot/world.js'

describe('a listener that throws at every event', () => {
  it.each([
    'at once',
    'after a lost race',
    'after a lost answer',
  ])('keeps a commit that landed %s', async how => {
    const world = await createWorld()
    await createTable(world)
    let isFirst = true
    const catalog = failingCatalog(world.catalog, async ({ verb, phase }) => {
      if (verb !== 'commit' || !isFirst) return undefined
      if (how === 'after a lost race' && phase === 'before') {
        isFirst = false
        await commitFiles(world, { addedDataFiles: [await dataFile(world, 'theirs')] })
      }
      if (how === 'after a lost answer' && phase === 'after') {
        isFirst = false
        return 'lost'
      }
      return undefined
    })
    const file = await dataFile(world, 'ours')
    const heard: CommitEvent['type'][] = []
    let discarded = false
    const target = {
      identifier: ORDERS,
      action: fileAction(world, { addedDataFiles: [file] }),
      discard: async () => {
        discarded = true
        await world.io.delete([file.location])
      },
    }
    const result = await commitTables(catalog, [target], {
      ...world,
      onEvent: event => {
        heard.push(event.type)
        throw new Error('the log is full')
      },
    })
    expect(result.changed).toEqual([true])
    expect(discarded).toBe(false)
    expect(heard.length).toBeGreaterThan(0)
    await world.io.stat(file.location)
    const [table] = result.tables
    expect(table === undefined ? [] : await liveNames(world, table)).toContain('ours')
  })

  it('leaves a refusal what it is', async () => {
    const world = await createWorld()
    await createTable(world)
    const head = await commitFiles(world, { addedDataFiles: [await dataFile(world, 'first')] })
    const stale = async () => ({
      updates: [{ action: 'set-properties', updates: { a: 'b' } } as const],
      requirements: [{ type: 'assert-ref-snapshot-id', ref: 'main', snapshotId: 1n } as const],
      written: [],
    })
    const refused = commit(world, [{ identifier: ORDERS, base: head, action: stale }], {
      retry: { retriesMax: 0 },
      onEvent: () => {
        throw new Error('the log is full')
      },
    })
    await expect(refused).rejects.toMatchObject({ kind: 'conflict' })
  })
})
