/**
 * Whatever a database does, and however its feed is cut into runs and commits, the table equals the database.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type FeedPosition, parsePosition } from '../../src/cdc.js'
import { type FeedOptions, openFeedLake } from './lakes.js'
import {
  DEBEZIUM_TYPES,
  debeziumFeed,
  histories,
  type RenderedFeed,
  type SourceHistory,
  wal2jsonFeed,
} from './source-model.js'

const RUNS = 12

/** A run of `serac cdc`: how much of the feed is there, where it is told to stop, how large its commits are. */
interface FeedRun {
  readonly there: number
  readonly until: number | undefined
  readonly commitRows: number
}

const share = fc.integer({ min: 0, max: 100 }).map(percent => percent / 100)
const runs: fc.Arbitrary<readonly FeedRun[]> = fc.array(
  fc.record({
    there: share,
    until: fc.option(share, { nil: undefined }),
    commitRows: fc.integer({ min: 1, max: 8 }),
  }),
  { maxLength: 4 },
)

const types = new Map([['t', { columns: DEBEZIUM_TYPES, keyColumns: ['id'] }]])
interface Form {
  readonly name: string
  readonly render: (history: SourceHistory) => RenderedFeed
  readonly options: FeedOptions
  /**
   * Where a feed may end: `held back` until its last transaction is whole; `applied` as far as it goes; `never`
   * inside of a transaction, for nothing tells the first half of a key update from a delete.
   */
  readonly cuts: 'held back' | 'applied' | 'never'
}

const forms: readonly Form[] = [
  { name: 'wal2json', render: wal2jsonFeed, options: { format: 'wal2json' }, cuts: 'held back' },
  {
    name: 'Debezium with transaction records',
    render: history => debeziumFeed(history, 'marked'),
    options: { format: 'debezium', types },
    cuts: 'held back',
  },
  {
    name: 'Debezium without transaction records',
    render: history => debeziumFeed(history, 'captured'),
    options: { format: 'debezium', types },
    cuts: 'applied',
  },
  {
    name: 'bare Debezium envelopes',
    render: history => debeziumFeed(history, 'bare'),
    options: { format: 'debezium', types },
    cuts: 'never',
  },
]

/** The feed as far as a run finds it, and the number of whole transactions that it is to apply. */
function portionOf(
  feed: RenderedFeed,
  run: FeedRun,
  cuts: Form['cuts'],
): {
  readonly records: readonly unknown[]
  readonly until: FeedPosition | undefined
  readonly whole: number
} {
  const { ends, positions } = feed
  const there = Math.round(run.there * feed.records.length)
  const count = cuts === 'never' ? (ends.findLast(end => end <= there) ?? 0) : there
  const last = Math.floor((run.until ?? 1) * (ends.length - 1))
  return {
    records: feed.records.slice(0, count),
    until: run.until === undefined ? undefined : parsePosition(positions[last] ?? ''),
    whole: ends.filter((end, index) => end <= count && index <= last).length,
  }
}

async function followFeed(
  form: Form,
  history: SourceHistory,
  options: { readonly runs: readonly FeedRun[]; readonly formatVersion: 2 | 3 },
): Promise<void> {
  const feed = form.render(history)
  const there = await openFeedLake()
  try {
    let reached = 0
    let endedInside = false
    for (const run of options.runs) {
      const { records, until, whole } = portionOf(feed, run, form.cuts)
      const { commitRows } = run
      const { formatVersion } = options
      const report = await there.apply(records, { ...form.options, formatVersion, commitRows, until })
      expect(report.orphanedCells).toBe(0)
      reached = Math.max(reached, whole)
      endedInside ||= form.cuts === 'applied' && !feed.ends.includes(records.length)
      if (reached > 0 && !endedInside) expect(await there.rows('t')).toEqual(history.states[reached - 1])
    }
    expect(await there.rows('t')).toEqual(history.states.at(-1))
  } finally {
    await there.close()
  }
}

describe.each(forms)('a table that follows a feed: $name', form => {
  it.each([
    2, 3,
  ] as const)('equals its source after any restarts and replays, format version %i', async formatVersion => {
    const toTheEnd: FeedRun = { there: 1, until: undefined, commitRows: 3 }
    await fc.assert(
      fc.asyncProperty(histories, runs, (history, some) =>
        followFeed(form, history, { runs: [...some, toTheEnd, toTheEnd], formatVersion }),
      ),
      { numRuns: RUNS },
    )
  })
})
