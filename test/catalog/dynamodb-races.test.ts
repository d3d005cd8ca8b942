/** Changes of the DynamoDB catalog that cross each other, request by request, in every order that a seed draws. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isLakeError } from '../../src/base/errors.js'
import { type Runtime, systemRuntime } from '../../src/base/runtime.js'
import type { Catalog } from '../../src/catalog/catalog.js'
import { createDynamoDbCatalog } from '../../src/catalog/dynamodb.js'
import type { ItemStore } from '../../src/catalog/dynamodb-store.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { creation, ORDERS } from '../contract/catalog.js'
import { createMemoryItems, type MemoryItems } from './memory-items.js'

/** Waits take no time. */
const runtime: Runtime = { ...systemRuntime, sleep: async () => {} }

/** Lets requests through one by one, in the order of the scheduler. */
function scheduledItems(inner: ItemStore, scheduler: fc.Scheduler): ItemStore {
  return {
    ...inner,
    get: (key, options) => scheduler.schedule(Promise.resolve('get')).then(() => inner.get(key, options)),
    write: (writes, options) =>
      scheduler.schedule(Promise.resolve('write')).then(() => inner.write(writes, options)),
    query: (query, options) =>
      scheduler.schedule(Promise.resolve('query')).then(() => inner.query(query, options)),
  }
}

interface World {
  readonly items: MemoryItems
  readonly open: () => Catalog
  readonly plain: Catalog
}

function world(scheduler: fc.Scheduler): World {
  // Nobody may rely on the index: it shows nothing new.
  const items = createMemoryItems({ runtime, pageItemsMax: 1, staleIndex: true })
  const options = { warehouse: 'memory:/lake', io: createMemoryIO(), runtime }
  return {
    items,
    open: () => createDynamoDbCatalog(scheduledItems(items, scheduler), options),
    plain: createDynamoDbCatalog(items, options),
  }
}

async function kindOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'done'
  } catch (error) {
    return isLakeError(error) ? error.kind : `not a LakeError: ${error}`
  }
}

describe('in the DynamoDB catalog', () => {
  it('no table is left without its namespace, whoever drops that meanwhile', async () => {
    const seen = new Set<string>()
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async scheduler => {
        const { open, plain, items } = world(scheduler)
        await plain.createNamespace(['shop'])
        const commit = await creation(plain, ORDERS)
        const made = open()
          .commit([commit])
          .then(outcome => {
            if (outcome.status !== 'committed') throw new Error(outcome.status)
          })
        const ends = Promise.all([
          kindOf(made),
          kindOf(open().dropNamespace(['shop'])),
          kindOf(open().dropNamespace(['shop'])),
        ])
        await scheduler.waitFor(ends)
        const [creating, ...dropping] = await ends
        seen.add(creating)
        const keys = items.all().map(item => item.identifier)
        if (creating === 'done') {
          expect(keys.sort()).toEqual(['NAMESPACE', 'shop.orders'])
          expect(dropping.every(kind => kind === 'conflict')).toBe(true)
        } else {
          expect(creating).toBe('not-found')
          expect(keys).toEqual([])
          expect(dropping).toContain('done')
        }
        expect(items.all().some(item => item.dropping !== undefined)).toBe(false)
      }),
      { numRuns: 300 },
    )
    expect([...seen].sort()).toEqual(['done', 'not-found'])
  })

  it('no change of properties is lost among many', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async scheduler => {
        const { open, plain } = world(scheduler)
        await plain.createNamespace(['shop'], { old: '1' })
        const change = (key: string, removals: readonly string[] = []) =>
          open().updateNamespace(['shop'], { removals, updates: { [key]: key } })
        const ends = Promise.all([change('a'), change('b', ['old']), change('c')])
        await scheduler.waitFor(ends)
        expect(await plain.loadNamespace(['shop'])).toEqual({ a: 'a', b: 'b', c: 'c' })
      }),
      { numRuns: 100 },
    )
  })

  it('of two creations under one name, or two renames onto it, one is done', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async scheduler => {
        const { open, plain, items } = world(scheduler)
        await plain.createNamespace(['shop'])
        const from = ['a', 'b'].map(name => ({ namespace: ['shop'], name }))
        for (const identifier of from) await plain.commit([await creation(plain, identifier)])
        const commit = await creation(plain, ORDERS)
        const ends = Promise.all([
          kindOf(open().renameTable(from[0]!, ORDERS)),
          kindOf(open().renameTable(from[1]!, ORDERS)),
          open()
            .commit([commit])
            .then(outcome => (outcome.status === 'committed' ? 'done' : 'already-exists')),
        ])
        await scheduler.waitFor(ends)
        expect((await ends).filter(kind => kind === 'done')).toHaveLength(1)
        expect((await ends).filter(kind => kind === 'already-exists')).toHaveLength(2)
        const names = items.all().map(item => item.identifier)
        expect(names).toContain('shop.orders')
        expect(new Set(names).size).toBe(names.length)
      }),
      { numRuns: 100 },
    )
  })
})
