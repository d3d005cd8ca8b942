/**
 * Which columns to write without a dictionary. Building one for values that hardly repeat costs a quarter of
 * the writing time and makes the file larger, so a sample of each row group decides.
 */
import { asBuffer } from '../../../base/bytes.js'
import { type ColumnBatch, isPresent, type Vector } from '../../../batch/column-batch.js'
import type { Field } from '../../../schema/types.js'

const SAMPLE_ROWS = 4_096
/** Distinct values in the sample from which on a dictionary does not pay. */
const DISTINCT_SHARE_MAX = 0.5

/** Names of top-level columns; those inside structs, lists and maps keep the engine's own choice. */
export function columnsWithoutDictionary(
  fields: readonly Field[],
  batches: readonly ColumnBatch[],
): string[] {
  const rowCount = batches.reduce((sum, batch) => sum + batch.length, 0)
  const step = Math.max(1, Math.floor(rowCount / SAMPLE_ROWS))
  return fields.filter((_, column) => hardlyRepeats(batches, column, step)).map(field => field.name)
}

function hardlyRepeats(batches: readonly ColumnBatch[], column: number, step: number): boolean {
  const distinct = new Set<number | bigint | string>()
  let seen = 0
  let skipped = 0
  for (const batch of batches) {
    const vector = batch.columns[column]
    if (vector === undefined) continue
    let row = skipped
    for (; row < batch.length; row += step) {
      const key = isPresent(vector, row) ? sampleKey(vector, row) : undefined
      if (key === undefined) continue
      distinct.add(key)
      seen += 1
    }
    skipped = row - batch.length
  }
  return seen > 0 && distinct.size > seen * DISTINCT_SHARE_MAX
}

/** The row's value as a set member; undefined for layouts that have no dictionary. */
function sampleKey(vector: Vector, row: number): number | bigint | string | undefined {
  switch (vector.layout) {
    case 'fixed-width':
      return vector.values[row]
    case 'decimal':
      return vector.words[2 * row]
    case 'fixed-bytes':
      return textOf(vector.bytes, row * vector.widthBytes, (row + 1) * vector.widthBytes)
    case 'var-bytes':
      return textOf(vector.bytes, vector.offsets[row] as number, vector.offsets[row + 1] as number)
    default:
      return undefined
  }
}

function textOf(bytes: Uint8Array, from: number, to: number): string {
  return asBuffer(bytes).toString('latin1', from, to)
}
