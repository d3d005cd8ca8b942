/** Applies the files of a DMS target. */
import { printIdentifier } from '../../catalog/identifier.js'
import { type ApplyFeedOptions, applyBatches } from '../apply.js'
import type { FeedContext } from '../change-event.js'
import { type Counts, count, type FeedReport } from '../feed-report.js'
import { columnsThere, positionThere } from '../followed-table.js'
import { declarationOf } from '../source-tables.js'
import { type DmsFeed, readDms } from './dms.js'

export type ApplyDmsOptions = Omit<ApplyFeedOptions, 'format'>

const BATCH_ROWS = 65_536

/**
 * Applies what is new in the files, and returns what was done. Running it again applies what has come since; files that
 * were applied are not read again.
 * @throws as `applyFeed`; not-found where there is no file; conflict for files that came late, changed or are gone;
 * invalid-argument for columns that nothing says
 */
export async function applyDms(feed: DmsFeed, options: ApplyDmsOptions): Promise<FeedReport> {
  const { target, types, resetPosition, until, signal, onWarning } = options
  const into = 'table' in target ? printIdentifier(target.table) : target.namespace.join('.')
  const stream = options.stream ?? `dms/${into}`
  const ignored: Counts = new Map()
  const context: FeedContext = {
    typesOf: source => declarationOf(types, source)?.columns,
    columnsOf: source => columnsThere(source, options),
    standsAt: async source => resetPosition ?? (await positionThere(source, { ...options, stream })),
    until,
    onWarning,
    onIgnored: what => count(ignored, what),
  }
  const rowsMax = Math.min(options.commitRows ?? BATCH_ROWS, BATCH_ROWS)
  const batches = readDms(feed, context, { rowsMax, signal })
  const report = await applyBatches(batches, { ...options, format: 'dms', stream })
  return { ...report, ignored: { ...report.ignored, ...Object.fromEntries(ignored) } }
}
