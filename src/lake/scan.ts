/**
 * A scan: a snapshot, a filter, some columns. It pins the table's state when it is made and plans when it is first
 * used, once.
 */
import { LakeError } from '../base/errors.js'
import type { ColumnBatch } from '../batch/column-batch.js'
import { bind } from '../expression/bind.js'
import type { Expression } from '../expression/expression.js'
import type { ArrowTable } from '../format/arrow.js'
import type { FileIO } from '../io/file-io.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { countRows, type RowCount } from '../reader/count.js'
import { explainPlan, explainScan, type PlanExplanation, type ScanExplanation } from '../reader/explain.js'
import { planScan, type ScanPlan } from '../reader/plan.js'
import { scanBatches } from '../reader/scan.js'
import type { Schema } from '../schema/types.js'
import { parseAsOf, resolveSnapshot, type SnapshotSelector } from '../snapshot/resolve.js'
import { isSqlText, type SqlText } from '../sql/template.js'
import { type OutputRow, type RowOptions, rowsOfBatch } from './rows-out.js'

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
  /** Rows at most. */
  readonly limit?: number | undefined
  /** Data files read at the same time. */
  readonly concurrency?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Scan {
  /** What will be read, and what planning skipped. */
  plan(): Promise<ScanPlan>
  batches(): AsyncIterable<ColumnBatch>
  rows(options?: RowOptions): AsyncIterable<OutputRow>
  /** All rows as an apache-arrow table, in memory. */
  toArrow(): Promise<ArrowTable>
  /** The number of rows; from metadata where that proves it. */
  count(): Promise<number>
  /** `count` with how it was found. */
  countDetails(): Promise<RowCount>
  explain(): Promise<PlanExplanation>
  /** Runs the scan without keeping its rows: what every level skipped, requests and bytes. */
  explainRun(): Promise<ScanExplanation>
}

interface PinnedTable {
  readonly metadata: TableMetadata
}

/** A scan of whatever state `load` gives; it is loaded at once. */
export function openScan(io: FileIO, request: ScanRequest, load: () => Promise<PinnedTable>): Scan {
  const pinned = load()
  // A failed load is reported to whoever uses the scan; until then it is nobody's unhandled rejection.
  pinned.catch(() => undefined)
  let planned: Promise<ScanPlan> | undefined
  const plan = (): Promise<ScanPlan> => {
    planned ??= pinned.then(table => planRequest(io, table, request))
    return planned
  }
  const { limit, concurrency, signal } = request
  const options = { limit, concurrency, signal }
  async function* batches(): AsyncGenerator<ColumnBatch> {
    yield* scanBatches(io, await plan(), options)
  }
  async function countDetails(): Promise<RowCount> {
    const counted = await countRows(io, await plan(), { concurrency, signal })
    return limit === undefined ? counted : { ...counted, rows: Math.min(limit, counted.rows) }
  }
  return {
    plan,
    batches,
    async *rows(rowOptions = {}) {
      for await (const batch of batches()) yield* rowsOfBatch(batch, rowOptions)
    },
    async toArrow() {
      const { tableOfBatches } = await import('../format/arrow.js')
      const { fields } = await plan()
      const all: ColumnBatch[] = []
      for await (const batch of batches()) all.push(batch)
      return tableOfBatches(fields, all)
    },
    count: async () => (await countDetails()).rows,
    countDetails,
    explain: async () => explainPlan(await plan()),
    explainRun: async () => explainScan(io, await plan(), options),
  }
}

async function planRequest(io: FileIO, table: PinnedTable, request: ScanRequest): Promise<ScanPlan> {
  if (request.limit !== undefined && (!Number.isInteger(request.limit) || request.limit < 0)) {
    throw new LakeError('invalid-argument', 'a limit is a whole number of rows', {
      context: { limit: request.limit },
    })
  }
  const { snapshot, schema } = resolveSnapshot(table.metadata, selectorOf(request.asOf))
  const filter = request.where === undefined ? undefined : await boundFilter(request.where, schema)
  return planScan(table, io, { snapshot, schema, filter, select: request.select, signal: request.signal })
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

function selectorOf(asOf: AsOf | undefined): SnapshotSelector {
  if (asOf === undefined) return 'current'
  if (typeof asOf === 'bigint') return { snapshotId: asOf }
  return typeof asOf === 'string' && asOf !== 'current' ? parseAsOf(asOf) : asOf
}
