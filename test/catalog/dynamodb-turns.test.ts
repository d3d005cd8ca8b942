/** Turns of writers on a table of items in memory; and who of them is taken for dead, in virtual time. */
import { describe, expect, it } from 'vitest'
import { type Runtime, systemRuntime } from '../../src/base/runtime.js'
import type { Catalog } from '../../src/catalog/catalog.js'
import { createDynamoDbCatalog } from '../../src/catalog/dynamodb.js'
import type { CommitTurns } from '../../src/catalog/turns.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { createTable, ORDERS } from '../contract/catalog.js'
import { describeDynamoDbTurns } from '../contract/dynamodb-turns.js'
import { type Clock, createClock, type Waiter } from '../simulation/clock.js'
import { createMemoryItems } from './memory-items.js'

describeDynamoDbTurns('items in memory', async () => createMemoryItems({ runtime: systemRuntime }))

const TABLE = ['shop.orders']

interface Writer {
  readonly turns: CommitTurns
  readonly waiter: Waiter
}

/** Writers of a table, each a process of its own. */
async function openWorld(clock: Clock): Promise<{ readonly writer: () => Writer }> {
  const items = createMemoryItems({ runtime: clock })
  const io = createMemoryIO()
  const open = (): Catalog & Writer => {
    const waiter: Waiter = { isDead: false, frozenUntilMs: 0 }
    const runtime: Runtime = {
      ...systemRuntime,
      nowMs: () => clock.nowMs(),
      sleep: (ms, signal) => clock.wait(ms, waiter, signal),
    }
    const catalog = createDynamoDbCatalog(items, { warehouse: 'memory:/lake', io, runtime })
    if (catalog.turns === undefined) throw new Error('the catalog has turns')
    return { ...catalog, turns: catalog.turns, waiter }
  }
  const owner = open()
  await owner.createNamespace(['shop'])
  await createTable(owner, ORDERS)
  return { writer: open }
}

describe('the turn of a writer', () => {
  /** How long another waits for one who does not leave. */
  async function waitedMs(meanwhile: (clock: Clock, first: Writer) => Promise<void>): Promise<number> {
    const clock = createClock()
    const { writer } = await openWorld(clock)
    const [first, second] = [writer(), writer()]
    const turn = await first.turns.queue(TABLE)
    expect(await first.turns.wait(TABLE, { turn })).toBe('none')
    const fromMs = clock.nowMs()
    let untilMs: number | undefined
    const waiting = async (): Promise<void> => {
      await clock.wait(1, second.waiter)
      const turn = await second.turns.queue(TABLE)
      expect(await second.turns.wait(TABLE, { turn })).toBe('done')
      untilMs = clock.nowMs()
      await turn?.leave()
    }
    await Promise.all([waiting(), meanwhile(clock, first), clock.run()])
    return (untilMs ?? Number.POSITIVE_INFINITY) - fromMs
  }

  it('lasts a while as long as it says that it lives', async () => {
    const ms = await waitedMs(async () => {})
    expect(ms).toBeGreaterThan(4_900)
    expect(ms).toBeLessThan(5_500)
  })

  it('ends soon when it is silent', async () => {
    const ms = await waitedMs(async (_, first) => {
      first.waiter.isDead = true
    })
    expect(ms).toBeGreaterThan(1_400)
    expect(ms).toBeLessThan(2_000)
  })

  it('does not come back when it was frozen', async () => {
    const ms = await waitedMs(async (clock, first) => {
      first.waiter.frozenUntilMs = clock.nowMs() + 60_000
    })
    expect(ms).toBeLessThan(2_000)
  })
})
