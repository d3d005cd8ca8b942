/** Other layouts of the same values, for tests. */
import type { ColumnBatch, Vector } from '../../src/batch/column-batch.js'
import { isPresent } from '../../src/batch/column-batch.js'
import { takeVector } from '../../src/batch/take.js'

/** The column behind a dictionary that holds each present row once, in reverse. */
export function dictionaryOf(vector: Vector): Vector {
  if (vector.layout === 'null') return vector
  const present = Array.from({ length: vector.length }, (_, row) => row).filter(row => isPresent(vector, row))
  const entries = present.reverse()
  const codeOf = new Map(entries.map((row, code) => [row, code]))
  const codes = Int32Array.from({ length: vector.length }, (_, row) => codeOf.get(row) ?? 0)
  const dictionary = takeVector(vector, Uint32Array.from(entries))
  return { layout: 'dictionary', length: vector.length, validity: vector.validity, codes, dictionary }
}

/** Every second column behind a dictionary. */
export function encodeSome(batch: ColumnBatch): ColumnBatch {
  return {
    ...batch,
    columns: batch.columns.map((column, at) => (at % 2 === 0 ? dictionaryOf(column) : column)),
  }
}
