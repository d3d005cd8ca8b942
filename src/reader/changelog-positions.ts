/**
 * Which rows of one data file a snapshot deleted, or made live again, told from the deletes before and after. With
 * deletes by position alone they are compared as sets. Keys have to be looked up: the live positions of both states
 * are found by reading the key columns, and compared.
 */
import { LakeError } from '../base/errors.js'
import type { ColumnBatch } from '../batch/column-batch.js'
import { int32Words } from '../batch/int-words.js'
import { PositionSet } from '../format/position-set.js'
import type { FileIO } from '../io/file-io.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { POSITION_FIELD } from '../schema/reserved-fields.js'
import type { Schema } from '../schema/types.js'
import type { ChangedFile } from './changelog-plan.js'
import type { DeleteLoader, TaskDeletes } from './load-deletes.js'
import type { ReadTask } from './plan.js'
import { readTask } from './read-task.js'

export interface PositionChanges {
  /** Live in the parent, not in the snapshot. */
  readonly deleted: PositionSet
  /** Live in the snapshot, not in the parent. */
  readonly restored: PositionSet
}

export interface PositionChangesOptions {
  readonly metadata: TableMetadata
  readonly schema: Schema
  /** Knows both tasks of the file. */
  readonly deletes: DeleteLoader
  readonly signal?: AbortSignal | undefined
}

/** @throws as `readTask` */
export async function positionChanges(
  io: FileIO,
  file: ChangedFile,
  options: PositionChangesOptions,
): Promise<PositionChanges> {
  const { deletes: loader, signal } = options
  const [before, after] = await Promise.all([
    loader.load(file.before, signal),
    loader.load(file.after, signal),
  ])
  if (before.keyDeletes.length === 0 && after.keyDeletes.length === 0) {
    return {
      deleted: difference(after.positions, before.positions),
      restored: difference(before.positions, after.positions),
    }
  }
  const liveBefore = await livePositions(io, { task: file.before, deletes: before }, options)
  const liveAfter = await livePositions(io, { task: file.after, deletes: after }, options)
  return { deleted: difference(liveBefore, liveAfter), restored: difference(liveAfter, liveBefore) }
}

/** Deletes that leave the given positions of a file alone live. */
export function deletesBut(positions: PositionSet, recordCount: number): TaskDeletes {
  const others = new PositionSet()
  let next = 0
  positions.forEach(position => {
    if (position > next) others.addRange(next, position)
    next = position + 1
  })
  if (next < recordCount) others.addRange(next, recordCount)
  return { positions: others, keyDeletes: [] }
}

function difference(positions: PositionSet | undefined, without: PositionSet | undefined): PositionSet {
  if (positions === undefined || without === undefined) return positions ?? new PositionSet()
  const rest = new PositionSet()
  positions.forEach(position => {
    if (!without.has(position)) rest.add(position)
  })
  return rest
}

async function livePositions(
  io: FileIO,
  source: { readonly task: ReadTask; readonly deletes: TaskDeletes },
  options: PositionChangesOptions,
): Promise<PositionSet> {
  const { metadata, schema, signal } = options
  const positions = new PositionSet()
  const batches = readTask(io, source.task, {
    metadata,
    schema,
    fields: [POSITION_FIELD],
    deletes: { load: async () => source.deletes },
    signal,
  })
  for await (const batch of batches) addPositions(positions, batch)
  return positions
}

/** Adds ascending positions run by run. */
function addPositions(positions: PositionSet, batch: ColumnBatch): void {
  const vector = batch.columns[0]
  if (vector?.layout !== 'fixed-width' || !(vector.values instanceof BigInt64Array))
    throw new LakeError('corrupt', 'positions are not longs')
  const words = int32Words(vector.values)
  let from = 0
  let to = 0
  for (let row = 0; row < batch.length; row++) {
    const position = (words[2 * row + 1] as number) * 0x1_0000_0000 + ((words[2 * row] as number) >>> 0)
    if (position !== to) {
      if (to > from) positions.addRange(from, to)
      from = position
    }
    to = position + 1
  }
  if (to > from) positions.addRange(from, to)
}
