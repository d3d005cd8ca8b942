/** Lakes that feeds are applied to. */
import { type ApplyFeedOptions, applyFeed, type FeedReport } from '../../src/cdc.js'
import type { Lake, OutputRow } from '../../src/index.js'
import { openMemoryLake } from '../lake/memory-lake.js'
import { linesOf } from './small-feeds.js'

export interface FeedLake {
  readonly lake: Lake
  /** Applies records to namespace `shop`, unless the options name another target. */
  apply(records: readonly unknown[], options: FeedOptions): Promise<FeedReport>
  /** The rows of a table of `shop`, in the order of their ids, else of their first column. */
  rows(table: string): Promise<readonly OutputRow[]>
  close(): Promise<void>
}

export type FeedOptions = Partial<ApplyFeedOptions> & Pick<ApplyFeedOptions, 'format'>

export async function openFeedLake(): Promise<FeedLake> {
  const { lake, close } = await openMemoryLake()
  return {
    lake,
    apply: (records, options) =>
      applyFeed(linesOf(records), { ...lake.context, target: { namespace: ['shop'] }, ...options }),
    async rows(table) {
      const rows: OutputRow[] = []
      for await (const row of lake.table(`shop.${table}`).scan().rows()) rows.push(row)
      const first = (row: OutputRow): string => String(row.id ?? Object.values(row)[0]).padStart(20)
      return rows.sort((a, b) => (first(a) < first(b) ? -1 : 1))
    },
    close,
  }
}
