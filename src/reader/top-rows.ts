/**
 * The first rows of a scan in an order, without sorting the others.
 *
 *   1  of each file, the best by its bounds first: order columns and positions -> the best rows so far
 *      the worst of them is a filter on the files that follow, down to their pages: most are not opened
 *   2  of the files that hold the rows: the other columns, of these rows alone
 *
 * Rows of equal keys come in the order of the files as they were read, so the result does not depend on timing.
 * Memory is a small multiple of the rows asked for.
 */
import { present } from '../base/assert.js'
import { mapBounded } from '../base/concurrency.js'
import type { ColumnBatch } from '../batch/column-batch.js'
import { concatBatches, sliceBatch, takeBatch } from '../batch/take.js'
import { columnValues } from '../batch/values.js'
import { batchOf } from '../batch/vector-builder.js'
import { BOUND_TRUE, type Bound, bothOf } from '../expression/bind.js'
import { evaluate } from '../expression/evaluate.js'
import { mightMatch } from '../expression/statistics.js'
import { rangesOfRows } from '../format/parquet/row-ranges.js'
import type { FileIO } from '../io/file-io.js'
import { statisticsOf } from '../manifest/bounds.js'
import { POSITION_FIELD } from '../schema/reserved-fields.js'
import type { Field, Value } from '../schema/types.js'
import { compareValues } from '../schema/value.js'
import { createDeleteLoader, type DeleteLoader } from './load-deletes.js'
import { isMetadataField } from './metadata-columns.js'
import { bestKey, compareKeys, type OrderKey, rowsBefore } from './order.js'
import { orderedStreams } from './ordered-streams.js'
import type { ReadTask, ScanPlan } from './plan.js'
import { readTask } from './read-task.js'
import type { ScanCounters } from './scan-counters.js'
import { createSelectivity } from './selectivity.js'

export interface TopRowsOptions {
  /** Not empty. */
  readonly orderBy: readonly OrderKey[]
  readonly limit: number
  /** Rows that come before a row of these keys alone are wanted. */
  readonly before?: readonly Value[] | undefined
  readonly concurrency: number
  readonly batchRows?: number | undefined
  readonly counters: ScanCounters
  readonly signal?: AbortSignal | undefined
}

/** Rows kept beside those asked for before they are sorted and cut again. */
const SPARE_ROWS = 4096
const OUTPUT_BATCH_ROWS = 65_536

/** The rows in order, as batches of the plan's fields. @throws as `readTask` */
export async function* topRows(
  io: FileIO,
  plan: ScanPlan,
  options: TopRowsOptions,
): AsyncGenerator<ColumnBatch, void, undefined> {
  if (options.limit <= 0) return
  const best = await bestRows(io, plan, options)
  if (best.length === 0) return
  const rows = await outputRows(io, plan, { ...options, best })
  const batchRows = options.batchRows ?? OUTPUT_BATCH_ROWS
  for (let from = 0; from < rows.length; from += batchRows)
    yield sliceBatch(rows, from, Math.min(rows.length, from + batchRows))
}

/** A row that may be among the first. */
interface Candidate {
  readonly task: ReadTask
  /** Place of the task in the order of reading. */
  readonly at: number
  readonly position: number
  readonly keys: readonly Value[]
  /** Values of the fields that are known in the first step, by field id. */
  readonly known: ReadonlyMap<number, Value>
  /** Rows that were found before. */
  readonly rank: number
}

/** Fields read in the first step: the keys, what is computed from a row's place, and the place. */
function firstFields(plan: ScanPlan, orderBy: readonly OrderKey[]): readonly Field[] {
  const fields = new Map<number, Field>()
  for (const { field } of orderBy) fields.set(field.id, field)
  for (const field of plan.fields) if (isMetadataField(field)) fields.set(field.id, field)
  fields.set(POSITION_FIELD.id, POSITION_FIELD)
  return [...fields.values()]
}

async function bestRows(io: FileIO, plan: ScanPlan, options: TopRowsOptions): Promise<readonly Candidate[]> {
  const { orderBy, limit, counters } = options
  const tasks = bestFirst(plan, orderBy)
  const heap = createBestRows(options)
  const reader: FirstStep = {
    io,
    plan,
    options,
    fields: firstFields(plan, orderBy),
    deletes: createDeleteLoader(io, { ...plan, tasks, counters }),
    selectivity: createSelectivity(),
    filter: () => heap.filter(),
  }
  const places = tasks.map((task, at): PlacedTask => ({ task, at }))
  let read = 0
  for (; read < places.length && heap.size() < limit && options.before === undefined; read++) {
    for await (const found of keysOf(reader, places[read] as PlacedTask)) heap.add(found)
  }
  const rest = places.slice(read)
  const open = (place: PlacedTask, stopped: AbortSignal) => keysOf(reader, place, stopped)
  for await (const found of orderedStreams(rest, open, { limit: options.concurrency })) heap.add(found)
  return heap.finish()
}

/** Tasks whose best key comes first before the others; those that may hold anything before all. */
function bestFirst(plan: ScanPlan, orderBy: readonly OrderKey[]): readonly ReadTask[] {
  const [key] = orderBy
  if (key === undefined) return plan.tasks
  const keyed = plan.tasks.map(task => {
    const value = bestKey(key, statisticsOf(task.entry.file, plan.schema)(key.field.id))
    return { task, value }
  })
  const sign = key.direction === 'asc' ? 1 : -1
  const rank = (value: Value | undefined): number => (value === undefined ? 1 : value === null ? 0 : 2)
  keyed.sort((a, b) => {
    if (rank(a.value) !== rank(b.value)) return rank(a.value) - rank(b.value)
    return sign * compareValues(key.type, a.value ?? null, b.value ?? null)
  })
  return keyed.map(({ task }) => task)
}

interface PlacedTask {
  readonly task: ReadTask
  readonly at: number
}

/** Rows of a task with the fields of the first step. */
interface FoundRows extends PlacedTask {
  readonly batch: ColumnBatch
}

interface FirstStep {
  readonly io: FileIO
  readonly plan: ScanPlan
  readonly options: TopRowsOptions
  readonly fields: readonly Field[]
  readonly deletes: DeleteLoader
  readonly selectivity: ReturnType<typeof createSelectivity>
  /** What rows must pass to be among the first, as far as is known now. */
  readonly filter: () => Bound
}

async function* keysOf(
  { io, plan, options, fields, deletes, selectivity, filter }: FirstStep,
  { task, at }: PlacedTask,
  stopped?: AbortSignal,
): AsyncGenerator<FoundRows, void, undefined> {
  const better = filter()
  if (!mightMatch(better, statisticsOf(task.entry.file, plan.schema))) {
    options.counters.dataFilesSkippedByOrder++
    return
  }
  const { signal, counters, batchRows } = options
  const signals = [signal, stopped].filter(each => each !== undefined)
  const residual = bothOf(task.residual, better)
  const batches = readTask(
    io,
    { ...task, residual },
    { ...plan, fields, batchRows, deletes, selectivity, counters, signal: anyOf(signals) },
  )
  for await (const batch of batches) yield { task, at, batch }
}

function anyOf(signals: readonly AbortSignal[]): AbortSignal | undefined {
  return signals.length < 2 ? signals[0] : AbortSignal.any([...signals])
}

interface BestRows {
  add(found: FoundRows): void
  size(): number
  filter(): Bound
  /** The first rows in order. */
  finish(): readonly Candidate[]
}

function createBestRows(options: TopRowsOptions): BestRows {
  const { orderBy, limit } = options
  let rows: Candidate[] = []
  let rank = 0
  let filter = options.before === undefined ? BOUND_TRUE : rowsBefore(orderBy, options.before)
  const cut = (): void => {
    rows.sort((a, b) => compareKeys(orderBy, a.keys, b.keys) || a.rank - b.rank)
    if (rows.length > limit) rows = rows.slice(0, limit)
    const worst = rows.length === limit ? rows[limit - 1] : undefined
    if (worst !== undefined) filter = rowsBefore(orderBy, worst.keys)
  }
  return {
    add(found) {
      for (const candidate of candidatesOf(found, filter, orderBy)) rows.push({ ...candidate, rank: rank++ })
      if (rows.length >= limit + SPARE_ROWS || (filter.op === 'true' && rows.length >= limit)) cut()
    },
    size: () => rows.length,
    filter() {
      if (rows.length >= limit) cut()
      return filter
    },
    finish() {
      cut()
      return rows
    },
  }
}

/** The rows of a batch that the filter lets through, as values. */
function candidatesOf(
  { task, at, batch }: FoundRows,
  filter: Bound,
  orderBy: readonly OrderKey[],
): Omit<Candidate, 'rank'>[] {
  const passed = filter.op === 'true' ? batch : takeBatch(batch, evaluate(filter, batch))
  const columns = passed.fields.map((field, index) => {
    const vector = passed.columns[index]
    return { id: field.id, values: vector === undefined ? [] : columnValues(vector, field.type) }
  })
  return Array.from({ length: passed.length }, (_, row) => {
    const known = new Map(columns.map(({ id, values }) => [id, values[row] ?? null]))
    const keys = orderBy.map(({ field }) => known.get(field.id) ?? null)
    return { task, at, position: Number(known.get(POSITION_FIELD.id) ?? 0), keys, known }
  })
}

// The second step

async function outputRows(
  io: FileIO,
  plan: ScanPlan,
  options: TopRowsOptions & { readonly best: readonly Candidate[] },
): Promise<ColumnBatch> {
  const { best, orderBy } = options
  const { fields } = plan
  const first = new Set(firstFields(plan, orderBy).map(field => field.id))
  const known = fields.filter(field => first.has(field.id))
  const others = fields.filter(field => !first.has(field.id))
  const knownRows = best.map(candidate => known.map(field => candidate.known.get(field.id) ?? null))
  const knownBatch = batchOf(known, knownRows)
  if (others.length === 0) return { ...knownBatch, length: best.length }
  const otherBatch = await fetchedRows(io, { ...plan, fields: others }, options)
  const columns = fields.map(field => {
    const at = known.indexOf(field)
    const vector = at >= 0 ? knownBatch.columns[at] : otherBatch.columns[others.indexOf(field)]
    return present(vector, 'every output column is read in one of the steps')
  })
  return { length: best.length, fields, columns }
}

/** The plan's fields of the rows, in their order. */
async function fetchedRows(
  io: FileIO,
  plan: ScanPlan,
  options: TopRowsOptions & { readonly best: readonly Candidate[] },
): Promise<ColumnBatch> {
  const { best, counters, signal, batchRows } = options
  const byPlace = [...best.keys()].sort((a, b) => {
    const left = best[a] as Candidate
    const right = best[b] as Candidate
    return left.at - right.at || left.position - right.position
  })
  const groups = new Map<ReadTask, number[]>()
  for (const index of byPlace) {
    const { task, position } = best[index] as Candidate
    const positions = groups.get(task)
    if (positions === undefined) groups.set(task, [position])
    else positions.push(position)
  }
  const parts = await mapBounded(
    [...groups],
    async ([task, positions]) => {
      const rows: ColumnBatch[] = []
      const alone = { entry: task.entry, deletes: NO_DELETES, residual: BOUND_TRUE }
      const read = { ...plan, batchRows, atPositions: rangesOfRows(positions), counters, signal }
      for await (const batch of readTask(io, alone, read)) rows.push(batch)
      return rows
    },
    { limit: options.concurrency, signal },
  )
  const order = new Uint32Array(best.length)
  for (const [at, index] of byPlace.entries()) order[index] = at
  return takeBatch(concatBatches(plan.fields, parts.flat()), order)
}

/** They were applied in the first step. */
const NO_DELETES: ReadTask['deletes'] = { positionDeletes: [], equalityDeletes: [] }
