/**
 * A scan: a snapshot, a filter, some columns. It pins the table's state when it is made and plans when it is first
 * used, once.
 */
import { LakeError } from '../base/errors.js'
import type { ColumnBatch } from '../batch/column-batch.js'
import { batchOf } from '../batch/vector-builder.js'
import { BOUND_TRUE, type Bound, bind } from '../expression/bind.js'
import type { Expression } from '../expression/expression.js'
import type { FileIO } from '../io/file-io.js'
import { countRows, type RowCount } from '../reader/count.js'
import {
  countedRun,
  explainCounts,
  explainPlan,
  explainScan,
  type PlanExplanation,
  type ScanExplanation,
} from '../reader/explain.js'
import { extremeOf } from '../reader/extremes.js'
import type { OrderKey } from '../reader/order.js'
import type { ScanPlan } from '../reader/plan.js'
import { type ScanOptions, scanBatches } from '../reader/scan.js'
import { scannedFieldIds } from '../reader/scan-budget.js'
import type { Schema } from '../schema/types.js'
import { parseAsOf, resolveSnapshot, type SnapshotSelector } from '../snapshot/resolve.js'
import { isSqlText, type SqlText } from '../sql/template.js'
import { type BatchResults, batchResults } from './batch-results.js'
import { type PlannableTable, planTableScan } from './remote-scan.js'
import { type RowOptions, rowsOfBatch } from './rows-out.js'
import { type OrderBy, orderedColumn, orderKeys } from './scan-order.js'
import type { PlanWatch } from './scan-report.js'

/**
 * A filter: SQL text such as `region = 'eu' and ts >= timestamp '2026-11-17'`, the same with values in it, ``sql`region = ${'eu'}` ``,
 * or an expression. */
export type Where = string | SqlText | Expression

/** A snapshot id, an ISO-8601 time with a zone, the name of a ref, or one of them by name. */
export type AsOf = string | bigint | SnapshotSelector

export interface ScanRequest {
  readonly where?: Where | undefined
  /** Columns in the order wanted, metadata columns such as `_file` and `_pos` included; default all columns. */
  readonly select?: readonly string[] | undefined
  readonly asOf?: AsOf | undefined
  /** Rows at most. Any will do: those of files that need not be filtered come first. */
  readonly limit?: number | undefined
  /**
   * The first rows in this order; needs a limit, which says how many rows are held in memory. Text such as
   * `ts desc nulls last, id`, or terms. NaN is the greatest value; files whose bounds lie behind the rows found are
   * not opened.
   */
  readonly orderBy?: OrderBy | undefined
  /**
   * Bytes of data and delete files that a run may read. It is refused when the columns that it needs are larger in the
   * files that planning leaves, and ended when it asks for more; `invalid-argument` both.
   */
  readonly maxScanBytes?: number | undefined
  /** Data files read at the same time. */
  readonly concurrency?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Scan extends BatchResults {
  /** What will be read, and what planning skipped. */
  plan(): Promise<ScanPlan>
  /** The number of rows; from metadata where that proves it. */
  count(): Promise<number>
  /** `count` with how it was found. */
  countDetails(): Promise<RowCount>
  /**
   * The least value of a top-level column among the rows, in the form that `rows` gives it; null when there is none.
   * From metadata where that proves it, else from the files that may hold it. A limit is not looked at.
   * @throws invalid-argument for an unknown column, and one whose values have no order
   */
  min(column: string, options?: RowOptions): Promise<unknown>
  /** The greatest value, as `min`; NaN is greater than any other. */
  max(column: string, options?: RowOptions): Promise<unknown>
  explain(): Promise<PlanExplanation>
  /** Runs the scan without keeping its rows: what every level skipped, requests and bytes. */
  explainRun(): Promise<ScanExplanation>
  /** What the runs of this scan have done so far, all together: `batches`, `rows`, `toArrow`, `count`, `min`, `max`. */
  report(): Promise<ScanExplanation>
}

/** Where a scan comes from. */
export interface ScanSource {
  /** The state to read; called at once. */
  readonly load: () => Promise<PlannableTable>
  /** Told of each plan that is made here. */
  readonly watch?: PlanWatch | undefined
}

/** A scan of whatever state the source gives. */
export function openScan(io: FileIO, request: ScanRequest, source: ScanSource): Scan {
  const pinned = source.load()
  // A failed load is reported to whoever uses the scan; until then it is nobody's unhandled rejection.
  pinned.catch(() => undefined)
  let planned: Promise<PlannedScan> | undefined
  const plannedScan = (): Promise<PlannedScan> => {
    planned ??= pinned.then(table => planWatched(io, { table, watch: source.watch }, { request }))
    return planned
  }
  const plan = async (): Promise<ScanPlan> => (await plannedScan()).plan
  const { limit } = request
  const run = countedRun(io)
  const options = { ...runOptions(request), counters: run.counters }
  async function* batches(): AsyncGenerator<ColumnBatch> {
    const { plan: chosen, orderBy } = await plannedScan()
    yield* scanBatches(run.io, chosen, { ...options, limit, orderBy })
  }
  async function countDetails(): Promise<RowCount> {
    const counted = await countRows(run.io, await plan(), options)
    return limit === undefined ? counted : { ...counted, rows: Math.min(limit, counted.rows) }
  }
  async function extreme(
    which: 'min' | 'max',
    column: string,
    rowOptions: RowOptions = {},
  ): Promise<unknown> {
    const table = await pinned
    const { schema } = resolveSnapshot(table.metadata, selectorOf(request.asOf))
    const { field, type } = orderedColumn(column, schema)
    const columnRequest = { ...request, select: [column], limit: undefined, orderBy: undefined }
    const asked = { request: columnRequest, statisticsOf: [field.id] }
    const planned = await planWatched(io, { table, watch: source.watch }, asked)
    const { value } = await extremeOf(run.io, planned.plan, { ...options, field, type, extreme: which })
    for (const row of rowsOfBatch(batchOf([field], [[value]]), rowOptions)) return row[column]
    return null
  }
  return {
    plan,
    ...batchResults(async () => (await plan()).fields, batches),
    count: async () => (await countDetails()).rows,
    countDetails,
    min: (column, rowOptions) => extreme('min', column, rowOptions),
    max: (column, rowOptions) => extreme('max', column, rowOptions),
    explain: async () => explainPlan(await plan()),
    async explainRun() {
      const { plan: chosen, orderBy } = await plannedScan()
      return explainScan(io, chosen, { ...runOptions(request), limit, orderBy })
    },
    report: async () => explainCounts(await plan(), run),
  }
}

function runOptions({ concurrency, maxScanBytes, signal }: ScanRequest): ScanOptions {
  return { concurrency, maxScanBytes, signal }
}

interface PlannedScan {
  readonly plan: ScanPlan
  readonly orderBy?: readonly OrderKey[] | undefined
}

interface PlanAsked {
  readonly request: ScanRequest
  readonly statisticsOf?: readonly number[] | undefined
}

/** Of a plan that the catalog's server makes it knows itself. */
async function planWatched(
  io: FileIO,
  { table, watch }: { readonly table: PlannableTable; readonly watch: PlanWatch | undefined },
  { request, statisticsOf }: PlanAsked,
): Promise<PlannedScan> {
  const onPlan = table.planner === undefined ? watch?.() : undefined
  const planned = await planRequest(io, table, request, statisticsOf)
  onPlan?.(planned.plan)
  return planned
}

/** @param statisticsOf fields whose statistics the plan keeps, beside those that the request needs */
async function planRequest(
  io: FileIO,
  table: PlannableTable,
  request: ScanRequest,
  statisticsOf: readonly number[] = [],
): Promise<PlannedScan> {
  checkCount('limit', request.limit)
  checkCount('maxScanBytes', request.maxScanBytes)
  const { select, signal } = request
  const { snapshot, schema } = resolveSnapshot(table.metadata, selectorOf(request.asOf))
  const filter = request.where === undefined ? undefined : await boundFilter(request.where, schema)
  const orderBy = request.orderBy === undefined ? undefined : await orderKeys(request.orderBy, schema)
  if (orderBy !== undefined && request.limit === undefined)
    throw new LakeError('invalid-argument', 'rows in an order need a limit')
  const sized = request.maxScanBytes === undefined ? [] : sizedFieldIds(schema, request, { filter, orderBy })
  const ordered = orderBy?.map(({ field }) => field.id) ?? []
  const plan = await planTableScan(table, io, {
    snapshot,
    schema,
    filter,
    select,
    statisticsOf: [...statisticsOf, ...ordered, ...sized],
    signal,
  })
  return { plan, orderBy }
}

/** Fields whose sizes the estimate of a scan's bytes takes. */
function sizedFieldIds(
  schema: Schema,
  { select }: ScanRequest,
  read: { readonly filter: Bound | undefined; readonly orderBy: readonly OrderKey[] | undefined },
): readonly number[] {
  const selected = schema.fields.filter(field => select === undefined || select.includes(field.name))
  const ordered = read.orderBy?.map(({ field }) => field) ?? []
  return scannedFieldIds({ schema, fields: [...selected, ...ordered], filter: read.filter ?? BOUND_TRUE })
}

function checkCount(name: 'limit' | 'maxScanBytes', value: number | undefined): void {
  if (value === undefined || (Number.isInteger(value) && value >= 0)) return
  const message =
    name === 'limit' ? 'a limit is a whole number of rows' : 'a limit of bytes is a whole number'
  throw new LakeError('invalid-argument', message, { context: { [name]: value } })
}

async function boundFilter(where: Where, schema: Schema): Promise<ReturnType<typeof bind>> {
  return bind(await whereExpression(where), schema)
}

/** @throws invalid-argument for text that is no filter */
export async function whereExpression(where: Where): Promise<Expression> {
  if (typeof where !== 'string' && !isSqlText(where)) return where
  const { parsePredicate } = await import('../sql/predicate.js')
  return parsePredicate(where)
}

/** What a request's `asOf` means; the current state when it says nothing. */
export function selectorOf(asOf: AsOf | undefined): SnapshotSelector {
  if (asOf === undefined) return 'current'
  if (typeof asOf === 'bigint') return { snapshotId: asOf }
  return typeof asOf === 'string' && asOf !== 'current' ? parseAsOf(asOf) : asOf
}
