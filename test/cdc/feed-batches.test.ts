import { describe, expect, it } from 'vitest'
import { systemRuntime } from '../../src/base/runtime.js'
import type { SourceTransaction } from '../../src/cdc/change-event.js'
import { feedBatches, readAhead } from '../../src/cdc/feed-batches.js'
import { rejectionOf } from '../support/errors.js'

const runtime = systemRuntime
const limits = { runtime, rowsMax: 100, sizeBytesMax: 2 ** 20 }

/** A transaction of some rows, at a line. */
function transaction(line: number, rows = 1): SourceTransaction {
  const columns = [{ name: 'id', type: { kind: 'int' } as const }]
  const row = { columns, cells: [line] }
  const event = { kind: 'insert', table: { schema: '', name: 't' }, line, keyColumns: ['id'], row } as const
  return {
    position: { kind: 'line', line },
    lastLine: line,
    events: Array.from({ length: rows }, () => event),
  }
}

/** Some transactions, then silence until somebody lets go, or what `end` does. */
async function* feed(
  transactions: readonly SourceTransaction[],
  end: () => Promise<unknown> | never = async () => undefined,
): AsyncGenerator<SourceTransaction> {
  yield* transactions
  await end()
}

const silence = (): Promise<never> => new Promise(() => undefined)

async function linesOf(batches: ReturnType<typeof feedBatches>): Promise<number[][]> {
  const lines: number[][] = []
  for await (const batch of batches) lines.push(batch.transactions.map(each => each.lastLine))
  return lines
}

describe('batches of a feed', () => {
  it('end with the transaction that fills them, and with the feed', async () => {
    const all = [transaction(1), transaction(2, 3), transaction(3), transaction(4)]
    expect(await linesOf(feedBatches(feed(all), { ...limits, rowsMax: 3 }))).toEqual([
      [1, 2],
      [3, 4],
    ])
  })

  it('end when a second has passed', async () => {
    let nowMs = 0
    const slow = { ...runtime, nowMs: () => (nowMs += 300) }
    const all = Array.from({ length: 8 }, (_, at) => transaction(at + 1))
    const lines = await linesOf(feedBatches(feed(all), { ...limits, runtime: slow }))
    expect(lines.length).toBeGreaterThan(1)
    expect(lines.flat()).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })

  it('hold nothing behind the last transaction that is wanted', async () => {
    const until = { kind: 'line', line: 2 } as const
    const all = [transaction(1), transaction(2), transaction(3)]
    expect(await linesOf(feedBatches(feed(all), { ...limits, until }))).toEqual([[1, 2]])
  })

  it('come before the error behind them', async () => {
    const failing = feed([transaction(1)], () => Promise.reject(new Error('broken')))
    const batches = feedBatches(failing, limits)
    expect((await batches.next()).value?.transactions).toHaveLength(1)
    await expect(batches.next()).rejects.toThrow('broken')
  })

  it('of a feed that is followed come though it says nothing more', async () => {
    const batches = feedBatches(feed([transaction(1)], silence), { ...limits, isFollowed: true })
    expect((await batches.next()).value?.transactions).toHaveLength(1)
  })
})

describe('reading ahead', () => {
  it('asks for the next item while one is in work, and for no more', async () => {
    const asked: number[] = []
    async function* numbers(): AsyncGenerator<number> {
      for (let number = 1; number < 9; number++) {
        asked.push(number)
        yield number
      }
    }
    const ahead = readAhead(numbers(), { runtime })
    expect((await ahead.next()).value).toBe(1)
    await Promise.resolve()
    expect(asked).toEqual([1, 2])
    await ahead.return()
  })

  it('says once that nothing comes, and can be stopped', async () => {
    const controller = new AbortController()
    const ahead = readAhead(feed([], silence), { runtime, idleMs: 5, signal: controller.signal })
    expect((await ahead.next()).value).toBe('idle')
    const next = rejectionOf(ahead.next())
    controller.abort()
    expect((await next)?.kind).toBe('aborted')
  })
})
