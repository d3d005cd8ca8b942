/**
 * What a merge does to the rows of a file, decided from the columns that tell it alone: keys, what the condition's rest
 * and the clauses' conditions look at, positions and row ids. Of the clauses on a row the first whose condition is true
 * acts; where none is the row stays.
 */
import { present } from '../../base/assert.js'
import type { Bitmap, ColumnBatch, Selection, Vector } from '../../batch/column-batch.js'
import { concatVectors } from '../../batch/concat-vectors.js'
import { allRows } from '../../batch/selection.js'
import { alignVector, takeBatch, takeVector } from '../../batch/take.js'
import { evaluate } from '../../expression/evaluate.js'
import { rowsExcept } from '../../expression/kernels.js'
import { evaluateCondition, type ScalarRows } from '../../expression/scalar/evaluate.js'
import { PositionSet } from '../../format/position-set.js'
import type { FileIO } from '../../io/file-io.js'
import type { TableMetadata } from '../../metadata/table-metadata.js'
import type { DeleteLoader } from '../../reader/load-deletes.js'
import type { ReadTask } from '../../reader/plan.js'
import { readTask } from '../../reader/read-task.js'
import { POSITION_FIELD, ROW_ID_FIELD } from '../../schema/reserved-fields.js'
import type { Schema } from '../../schema/types.js'
import type { RowDeletes } from '../row-deletes.js'
import { positionsOf } from '../row-positions.js'
import { type BoundChange, type BoundMerge, sourceColumns } from './bind-merge.js'
import { onlyColumns, type SourceIndex } from './source-index.js'

/** Rows of a file that a clause gives new values, ascending. */
export interface RowsToUpdate {
  readonly change: BoundChange
  readonly positions: Uint32Array
  /** The row of the source that each matches; -1 of those that match none. */
  readonly sourceRows: Int32Array
  /** Format version 3. */
  readonly rowIds: Vector | undefined
}

/** The rows of a file that go away, those with new values among them. */
export interface FoundRows extends RowDeletes {
  readonly deletedRows: number
  readonly updates: readonly RowsToUpdate[]
}

export interface FindRowsOptions {
  readonly metadata: TableMetadata
  readonly schema: Schema
  readonly merge: BoundMerge
  readonly index: SourceIndex
  readonly deletes: DeleteLoader
  /** Where rows of the source are marked that match. */
  readonly matched: Bitmap
  readonly signal?: AbortSignal | undefined
}

/** The rows of a task that the merge changes. @throws as `readTask`; invalid-argument for what cannot be computed */
export async function findRows(io: FileIO, task: ReadTask, options: FindRowsOptions): Promise<FoundRows> {
  const { metadata, schema, merge, deletes, signal } = options
  const withRowIds = metadata.formatVersion >= 3 && hasUpdates(merge)
  const fields = [...merge.decidingFields, POSITION_FIELD, ...(withRowIds ? [ROW_ID_FIELD] : [])]
  const found = collectFound(task)
  const decide = decider(options)
  for await (const batch of readTask(io, task, { metadata, schema, fields, deletes, signal })) {
    const places: BatchPlaces = {
      positions: positionsOf(batch.columns[merge.decidingFields.length]),
      rowIds: withRowIds ? batch.columns[merge.decidingFields.length + 1] : undefined,
    }
    for (const decided of decide(batch)) found.add(decided, places)
  }
  return found.finish()
}

/** Every row of a file, deleted without looking. @param liveRows how many are not deleted already */
export function everyRow(task: ReadTask, liveRows: number): FoundRows {
  const positions = new PositionSet()
  positions.addRange(0, task.entry.file.recordCount)
  return { task, positions, deletedRows: liveRows, updates: [] }
}

/** Whether a clause gives rows of the table new values. */
export function hasUpdates({ matched, notMatchedBySource }: BoundMerge): boolean {
  return [...matched, ...notMatchedBySource].some(({ assignments }) => assignments !== undefined)
}

/** Rows of a batch that a clause acts on. */
interface DecidedRows {
  readonly change: BoundChange
  readonly rows: Selection
  /** By row of `rows`. */
  readonly sourceRows: Int32Array
}

interface BatchPlaces {
  readonly positions: Float64Array
  readonly rowIds: Vector | undefined
}

// ---------------------------------------------------------------- deciding

function decider({ merge, index, matched }: FindRowsOptions): (batch: ColumnBatch) => DecidedRows[] {
  const { targetFilter, notMatchedBySource } = merge
  const looked = onlyColumns(index.source, sourceColumns(merge.matched.map(({ condition }) => condition)))
  return batch => {
    const every = allRows(batch.length)
    // Without clauses on rows that match nothing, the scan has filtered already.
    const candidates = notMatchedBySource.length === 0 ? every : evaluate(targetFilter, batch, every)
    const sourceRowOf = index.match(batch, candidates, matched)
    const matching = every.filter(row => (sourceRowOf[row] as number) >= 0)
    const alone = rowsExcept(every, matching)
    return [
      ...decideMatched(batch, matching, { clauses: merge.matched, looked, sourceRowOf }),
      ...firstActing(notMatchedBySource, batch, alone).map(({ change, rows }) => ({
        change,
        rows,
        sourceRows: new Int32Array(rows.length).fill(-1),
      })),
    ]
  }
}

function decideMatched(
  batch: ColumnBatch,
  matching: Selection,
  given: {
    readonly clauses: readonly BoundChange[]
    readonly looked: ColumnBatch
    readonly sourceRowOf: Int32Array
  },
): DecidedRows[] {
  const { clauses, looked, sourceRowOf } = given
  if (matching.length === 0 || clauses.length === 0) return []
  const sourceRows = Int32Array.from(matching, row => sourceRowOf[row] as number)
  const isDecided = clauses[0]?.condition === undefined
  const pairs = isDecided ? [] : [takeBatch(batch, matching), takeBatch(looked, sourceRows)]
  return firstActing(clauses, pairs, allRows(matching.length)).map(({ change, rows }) => ({
    change,
    rows: rows.map(at => matching[at] as number),
    sourceRows: Int32Array.from(rows, at => sourceRows[at] as number),
  }))
}

/** The rows of each clause that acts on some: of each row the first whose condition is true. */
export function firstActing<C extends Pick<BoundChange, 'condition'>>(
  clauses: readonly C[],
  input: ScalarRows,
  rows: Selection,
): { readonly change: C; readonly rows: Selection }[] {
  const acting: { readonly change: C; readonly rows: Selection }[] = []
  let rest = rows
  for (const change of clauses) {
    if (rest.length === 0) break
    const { condition } = change
    const yes = condition === undefined ? rest : evaluateCondition(condition, input, rest)
    if (yes.length > 0) acting.push({ change, rows: yes })
    rest = rowsExcept(rest, yes)
  }
  return acting
}

// ---------------------------------------------------------------- collecting

/** What one clause has found, batch by batch. */
interface Parts {
  readonly positions: Uint32Array[]
  readonly sourceRows: Int32Array[]
  readonly rowIds: Vector[]
}

interface Collector {
  add(decided: DecidedRows, places: BatchPlaces): void
  finish(): FoundRows
}

function collectFound(task: ReadTask): Collector {
  const positions = new PositionSet()
  const updates = new Map<BoundChange, Parts>()
  let deletedRows = 0
  return {
    add({ change, rows, sourceRows }, places) {
      const taken = Uint32Array.from(rows, row => places.positions[row] as number)
      for (const position of taken) positions.add(position)
      if (change.assignments === undefined) {
        deletedRows += rows.length
        return
      }
      const parts = updates.get(change) ?? { positions: [], sourceRows: [], rowIds: [] }
      updates.set(change, parts)
      parts.positions.push(taken)
      parts.sourceRows.push(sourceRows)
      if (places.rowIds !== undefined)
        parts.rowIds.push(alignVector(takeVector(places.rowIds, rows), ROW_ID_FIELD.type))
    },
    finish: () => ({
      task,
      positions,
      deletedRows,
      updates: [...updates].map(([change, parts]) => joinedParts(change, parts)),
    }),
  }
}

function joinedParts(change: BoundChange, { positions, sourceRows, rowIds }: Parts): RowsToUpdate {
  const count = positions.reduce((sum, part) => sum + part.length, 0)
  const joined = { positions: new Uint32Array(count), sourceRows: new Int32Array(count) }
  let at = 0
  for (const [part, places] of positions.entries()) {
    joined.positions.set(places, at)
    joined.sourceRows.set(present(sourceRows[part], 'each part has its rows'), at)
    at += places.length
  }
  return { change, ...joined, rowIds: rowIds.length === 0 ? undefined : concatVectors(rowIds) }
}
