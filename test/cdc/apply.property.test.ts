/**
 * Whatever a database does, and however its feed is cut into runs and commits, the table equals the database.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parsePosition } from '../../src/cdc.js'
import { type FeedOptions, openFeedLake } from './lakes.js'
import {
  DEBEZIUM_TYPES,
  debeziumFeed,
  histories,
  type RenderedFeed,
  type SourceHistory,
  wal2jsonFeed,
} from './source-model.js'

const RUNS = 200

/** A run of `serac cdc`: how much of the feed is there, where it is told to stop, how large its commits are. */
interface FeedRun {
  readonly there: number
  readonly until: number | undefined
  readonly commitRows: number
}

const runs: fc.Arbitrary<readonly FeedRun[]> = fc.array(
  fc.record({
    there: fc.double({ min: 0, max: 1, noNaN: true }),
    until: fc.option(fc.double({ min: 0, max: 0.99, noNaN: true }), { nil: undefined }),
    commitRows: fc.integer({ min: 1, max: 8 }),
  }),
  { maxLength: 4 },
)

const types = new Map([['t', { columns: DEBEZIUM_TYPES, keyColumns: ['id'] }]])
const forms: readonly {
  readonly name: string
  readonly render: (history: SourceHistory) => RenderedFeed
  readonly options: FeedOptions
}[] = [
  { name: 'wal2json', render: wal2jsonFeed, options: { format: 'wal2json' } },
  {
    name: 'Debezium with transaction records',
    render: history => debeziumFeed(history, 'marks'),
    options: { format: 'debezium', types },
  },
  {
    name: 'bare Debezium envelopes',
    render: history => debeziumFeed(history, 'bare'),
    options: { format: 'debezium', types },
  },
]

describe.each(forms)('a table that follows a feed: $name', ({ render, options }) => {
  it.each([2, 3] as const)(
    'equals its source after any restarts and replays, format version %i',
    async formatVersion => {
      await fc.assert(
        fc.asyncProperty(histories, runs, async (history, some) => {
          const feed = render(history)
          const there = await openFeedLake()
          const wholeFeed: FeedRun = { there: 1, until: undefined, commitRows: 3 }
          try {
            let reached = 0
            for (const run of [...some, wholeFeed, { ...wholeFeed, commitRows: 1 }]) {
              const records = feed.records.slice(0, Math.round(run.there * feed.records.length))
              const last = run.until === undefined ? undefined : Math.floor(run.until * feed.ends.length)
              const until = last === undefined ? undefined : parsePosition(feed.positions[last] ?? '')
              const { orphanedCells } = await there.apply(records, {
                ...options,
                formatVersion,
                commitRows: run.commitRows,
                until,
              })
              expect(orphanedCells).toBe(0)
              const isCut = !feed.ends.includes(records.length)
              const passed = feed.ends.filter(
                (end, index) => end <= records.length && index <= (last ?? end),
              ).length
              reached = Math.max(reached, passed)
              // Without marks a feed that ends inside of a transaction is applied as far as it goes.
              if (isCut && options.format === 'debezium') continue
              if (reached > 0) expect(await there.rows('t')).toEqual(history.states[reached - 1])
            }
            expect(await there.rows('t')).toEqual(history.states.at(-1))
          } finally {
            await there.close()
          }
        }),
        { numRuns: RUNS },
      )
    },
  )
})
