/**
 * Batches of one stream in one layout. Files differ in which columns they store behind dictionaries and in what these
 * hold; Arrow tables and streams want one type, and one dictionary, for a column in all batches.
 */
import type { Field } from '../schema/types.js'
import type { ColumnBatch, DictionaryVector, Vector } from './column-batch.js'
import { concatVectors } from './concat-vectors.js'
import { alignVector } from './take.js'

/**
 * The same rows, with every column in the same layout in all batches. A column that is behind dictionaries in all of
 * them gets one that holds the entries of each; any other column becomes plain, at every depth. A single batch stays
 * as it is.
 * @throws invalid-argument when the dictionaries of a column take more than 2 GiB together
 */
export function withSharedDictionaries(
  fields: readonly Field[],
  batches: readonly ColumnBatch[],
): readonly ColumnBatch[] {
  if (batches.length < 2) return batches
  const columns = fields.map((field, at) =>
    sharedColumn(
      batches.flatMap(batch => batch.columns[at] ?? []),
      field,
    ),
  )
  return batches.map((batch, index) => ({
    ...batch,
    columns: columns.flatMap(vectors => vectors[index] ?? []),
  }))
}

/** The vectors of one column, one a batch. */
function sharedColumn(vectors: readonly Vector[], { type }: Field): readonly Vector[] {
  const encoded = vectors.filter((vector): vector is DictionaryVector => vector.layout === 'dictionary')
  if (encoded.length < vectors.length) return vectors.map(vector => alignVector(vector, type))
  const parts = [...new Set(encoded.map(vector => vector.dictionary))]
  const entries = parts.map(part => alignVector(part, type))
  const dictionary = concatVectors(entries)
  const startOf = new Map<Vector, number>()
  let start = 0
  for (const part of parts) {
    startOf.set(part, start)
    start += part.length
  }
  return encoded.map(vector => ({
    ...vector,
    codes: movedCodes(vector, startOf.get(vector.dictionary) ?? 0),
    dictionary,
  }))
}

/** Codes of null rows may be anything, and stay so. */
function movedCodes({ codes, length }: DictionaryVector, start: number): Int32Array {
  if (start === 0) return codes
  const moved = new Int32Array(length)
  for (let row = 0; row < length; row++) moved[row] = (codes[row] as number) + start
  return moved
}
