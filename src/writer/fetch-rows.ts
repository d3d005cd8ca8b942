/** Reading the rows at known places: some columns of a few rows, file by file, in one batch. */
import { mapBounded } from '../base/concurrency.js'
import type { ColumnBatch } from '../batch/column-batch.js'
import { concatBatches, takeBatch } from '../batch/take.js'
import type { FileIO } from '../io/file-io.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import type { DeleteCache } from '../reader/delete-cache.js'
import { createDeleteLoader } from '../reader/load-deletes.js'
import type { ReadTask } from '../reader/plan.js'
import { readTask } from '../reader/read-task.js'
import { POSITION_FIELD } from '../schema/reserved-fields.js'
import type { Field, Schema } from '../schema/types.js'
import type { KeyLocations } from './key-locations.js'
import { positionsOf } from './row-positions.js'

export interface FetchedRows {
  readonly rows: ColumnBatch
  /** Row of each match in `rows`, -1 for matches that were not asked for. */
  readonly rowOfMatch: Int32Array
}

export interface FetchRowsOptions {
  readonly metadata: TableMetadata
  readonly schema: Schema
  /** Columns wanted, of the schema. */
  readonly fields: readonly Field[]
  /** Files read at the same time; default 4. */
  readonly concurrency?: number | undefined
  readonly deleteCache?: DeleteCache | undefined
  readonly signal?: AbortSignal | undefined
}

const CONCURRENCY = 4

/** The rows of some matches, given in ascending order. @throws as `readTask` */
export async function fetchRows(
  io: FileIO,
  locations: KeyLocations,
  options: FetchRowsOptions & { readonly matches: Int32Array },
): Promise<FetchedRows> {
  const { matches, fields, signal } = options
  const wanted = locations.tasks.map((): number[] => [])
  for (const match of matches) wanted[locations.taskIndexes[match] as number]?.push(match)
  const tasks = locations.tasks.filter((_, index) => (wanted[index] ?? []).length > 0)
  const chosen = wanted.filter(list => list.length > 0)
  const deletes = createDeleteLoader(io, { ...options, tasks, cache: options.deleteCache })
  const parts = await mapBounded(
    tasks,
    (task, index) => rowsOfFile(io, task, locations, { ...options, deletes, wanted: chosen[index] ?? [] }),
    { limit: options.concurrency ?? CONCURRENCY, signal },
  )
  const rowOfMatch = new Int32Array(locations.keyRows.length).fill(-1)
  for (const [row, match] of chosen.flat().entries()) rowOfMatch[match] = row
  return { rows: concatBatches(fields, parts.flat()), rowOfMatch }
}

/** The rows at the positions of the wanted matches: a task's matches ascend with their positions. */
async function rowsOfFile(
  io: FileIO,
  task: ReadTask,
  locations: KeyLocations,
  options: Omit<Parameters<typeof readTask>[2], 'fields'> & {
    readonly fields: readonly Field[]
    readonly wanted: readonly number[]
  },
): Promise<ColumnBatch[]> {
  const { wanted, fields } = options
  const parts: ColumnBatch[] = []
  let next = 0
  for await (const batch of readTask(io, task, { ...options, fields: [...fields, POSITION_FIELD] })) {
    const positions = positionsOf(batch.columns[fields.length])
    const rows: number[] = []
    for (let row = 0; row < positions.length && next < wanted.length; row++) {
      if (positions[row] !== locations.positions[wanted[next] as number]) continue
      rows.push(row)
      next++
    }
    if (rows.length > 0) parts.push(takeBatch(withoutLast(batch, fields), Uint32Array.from(rows)))
    if (next === wanted.length) break
  }
  return parts
}

function withoutLast(batch: ColumnBatch, fields: readonly Field[]): ColumnBatch {
  return { length: batch.length, fields, columns: batch.columns.slice(0, fields.length) }
}
