/** Lakes for feeds: memory storage, an embedded catalog in a folder of its own. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemRuntime } from '../../src/base/runtime.js'
import { openEmbeddedCatalog } from '../../src/catalog/embedded.js'
import { type ApplyFeedOptions, applyFeed, type FeedReport } from '../../src/cdc.js'
import { type Lake, type OutputRow, openLake } from '../../src/index.js'
import { createMemoryIO } from '../../src/io/memory.js'
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
  const folder = await mkdtemp(join(tmpdir(), 'serac-apply-'))
  const io = createMemoryIO()
  const runtime = systemRuntime
  const catalog = await openEmbeddedCatalog({
    path: join(folder, 'catalog.db'),
    warehouse: 'memory:/lake',
    name: 'default',
    io,
    runtime,
  })
  const lake = openLake({ catalog, io, runtime })
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
    async close() {
      await lake.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
