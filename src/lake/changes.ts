/**
 * Incremental reads: what changed between two snapshots, row by row, and what was appended. The state of the table is
 * pinned when the read is made; files are read when rows are asked for.
 */
import type { ColumnBatch } from '../batch/column-batch.js'
import { createHold, type HeldSnapshots } from '../catalog/read-hold.js'
import type { ReadLeases } from '../catalog/read-leases.js'
import { bind } from '../expression/bind.js'
import type { FileIO } from '../io/file-io.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { planAppends } from '../reader/append-scan.js'
import { type ChangeMode, planChangelog, readChangelog } from '../reader/changelog.js'
import { type RangeStep, snapshotsInRange } from '../reader/changelog-range.js'
import { scanBatches } from '../reader/scan.js'
import type { Field } from '../schema/types.js'
import { type ResolvedSnapshot, resolveSnapshot } from '../snapshot/resolve.js'
import { type BatchResults, batchResults } from './batch-results.js'
import type { OutputRow, RowOptions } from './rows-out.js'
import { type AsOf, selectorOf, type Where, whereExpression } from './scan.js'

/** The snapshots after `from`, up to and with `to`, along the history of `to`. */
export interface RangeRequest {
  /** Exclusive; default: from the beginning of the table. */
  readonly from?: AsOf | undefined
  /** Inclusive; default: the current snapshot. Rows have the columns of its schema, as a scan of it has. */
  readonly to?: AsOf | undefined
  /** Data files read at the same time; default 4. */
  readonly concurrency?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export interface ChangesRequest extends RangeRequest {
  /**
   * `raw`: every insert and delete. `updates`: deletes and inserts of one row as pairs of before and after. `net`:
   * what is left over the whole range. Default: `updates` when keys are given, else `raw`.
   */
  readonly mode?: ChangeMode | undefined
  /**
   * Columns that identify a row; only `updates` looks at them. Default: row ids where the table keeps them (format
   * version 3), then the table's identifier fields.
   */
  readonly keys?: readonly string[] | undefined
  /**
   * A filter on the table's columns: changes of rows that it takes. An update is given with both of its rows when it
   * takes one of them, so that a row that moves in or out of the filter is seen to do so.
   */
  readonly where?: Where | undefined
  /** Columns in the order wanted, those of the change (`_change_type`, ...) included; default all columns. */
  readonly select?: readonly string[] | undefined
}

export interface AppendsRequest extends RangeRequest {
  readonly where?: Where | undefined
  /** Columns in the order wanted, metadata columns such as `_file` and `_pos` included; default all columns. */
  readonly select?: readonly string[] | undefined
  /** Rows at most. */
  readonly limit?: number | undefined
}

/** Rows of an incremental read, in the order of the snapshots that they came with. */
export interface IncrementalRows extends BatchResults {
  /** The columns of the rows. @throws as reading the rows would, as far as the metadata tells */
  fields(): Promise<readonly Field[]>
  /** Snapshot ids are longs that do not fit a number. */
  rows(options?: RowOptions): AsyncIterable<OutputRow>
}

/** The table that is read. */
export interface ChangedTable {
  load(): Promise<{ readonly metadata: TableMetadata }>
  /** Keep the files of every snapshot of the range while they are read. */
  readonly leases?: ReadLeases | undefined
}

/** What is read once the state of the table is known. */
interface OpenedRows {
  readonly fields: readonly Field[]
  readonly snapshots: HeldSnapshots
  readonly batches: () => AsyncIterable<ColumnBatch>
}

/** The row-level changelog of a table, in the state that it has now. */
export function openChanges(io: FileIO, request: ChangesRequest, table: ChangedTable): IncrementalRows {
  return incrementalRows(table, async ({ metadata }) => {
    const { keys = [], where, select, concurrency, signal } = request
    const mode = request.mode ?? (keys.length > 0 ? 'updates' : 'raw')
    const range = rangeOf(metadata, request)
    const filter = where === undefined ? undefined : bind(await whereExpression(where), range.schema)
    const plan = planChangelog(metadata, { ...range, mode, keys, filter, select })
    return {
      fields: plan.fields,
      snapshots: snapshotsOfSteps(plan.steps),
      batches: () => readChangelog(io, plan, { concurrency, signal }),
    }
  })
}

/** The appended rows of a table, in the state that it has now. */
export function openAppends(io: FileIO, request: AppendsRequest, table: ChangedTable): IncrementalRows {
  return incrementalRows(table, async loaded => {
    const { where, select, limit, concurrency, signal } = request
    const range = rangeOf(loaded.metadata, request)
    const filter = where === undefined ? undefined : bind(await whereExpression(where), range.schema)
    const plan = await planAppends(loaded, io, { ...range, filter, select, signal })
    return {
      fields: plan.fields,
      snapshots: snapshotsOfSteps(snapshotsInRange(loaded.metadata, range)),
      batches: () => scanBatches(io, plan, { limit, concurrency, signal }),
    }
  })
}

/** A snapshot of the range is read against its parent. */
function snapshotsOfSteps(steps: readonly RangeStep[]): HeldSnapshots {
  const snapshots = steps.flatMap(({ snapshot, parent }) =>
    parent === undefined ? [snapshot] : [parent, snapshot],
  )
  return [...new Set(snapshots.map(({ snapshotId }) => snapshotId))]
}

function incrementalRows(
  { load, leases }: ChangedTable,
  open: (table: Awaited<ReturnType<ChangedTable['load']>>) => Promise<OpenedRows>,
): IncrementalRows {
  const hold = createHold(leases)
  const opened = hold.load(
    () => load().then(open),
    ({ snapshots }) => snapshots,
  )
  // A failure is reported to whoever uses the rows; until then it is nobody's unhandled rejection.
  opened.catch(() => undefined)
  const fields = async (): Promise<readonly Field[]> => (await opened).fields
  async function* batches(): AsyncGenerator<ColumnBatch> {
    yield* (await opened).batches()
  }
  return {
    fields,
    ...batchResults(fields, () => hold.over(batches)),
  }
}

interface ResolvedRange {
  readonly from: bigint | undefined
  readonly to: ResolvedSnapshot['snapshot']
  readonly schema: ResolvedSnapshot['schema']
}

function rangeOf(metadata: TableMetadata, request: RangeRequest): ResolvedRange {
  const { snapshot, schema } = resolveSnapshot(metadata, selectorOf(request.to))
  return { from: startId(metadata, request.from), to: snapshot, schema }
}

/** The id of the snapshot to begin after; one that is named by its id may be expired. */
function startId(metadata: TableMetadata, from: AsOf | undefined): bigint | undefined {
  if (from === undefined) return undefined
  const selector = selectorOf(from)
  if (typeof selector === 'object' && 'snapshotId' in selector) return selector.snapshotId
  return resolveSnapshot(metadata, selector).snapshot?.snapshotId
}
