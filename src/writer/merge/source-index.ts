/**
 * The source of a merge by its keys, in memory: for rows of the table, the row of the source that each matches.
 *
 *   rows that can match    | x . x x . |      not those that the condition excludes, or with a null for a key
 *   key table              hash -> first row with the key
 *   pairs                  of the condition's rest: rows of the table x rows of the source with equal keys
 *
 * Two rows of the source with one key are an error, as in an upsert: which of them counts is not said. When the condition
 * has a rest that may tell them apart, the error is a row of the table that matches both. A null is no key, except of `<=>`.
 *
 * Without an equality in the condition each row of the table is compared with each of the source, which is allowed for
 * small sources alone.
 */
import { present } from '../../base/assert.js'
import { LakeError } from '../../base/errors.js'
import { setBit } from '../../batch/bitmap.js'
import type { Bitmap, ColumnBatch, Selection, Vector } from '../../batch/column-batch.js'
import { groupRows, type RowGroups } from '../../batch/group-rows.js'
import { buildKeyTable, type KeyTable } from '../../batch/row-hash.js'
import { allRows } from '../../batch/selection.js'
import { alignVector, takeBatch, takeVector } from '../../batch/take.js'
import { isFalse } from '../../expression/bind.js'
import { evaluate } from '../../expression/evaluate.js'
import type { BoundScalar } from '../../expression/scalar/bound.js'
import { presentRows } from '../../expression/scalar/columns.js'
import { evaluateCondition, evaluateScalar } from '../../expression/scalar/evaluate.js'
import type { Type } from '../../schema/types.js'
import { keyText } from '../keyed-changes.js'
import { type BoundChange, type BoundMerge, sourceColumns } from './bind-merge.js'

export interface SourceIndex {
  readonly source: ColumnBatch
  /** Rows of the source that may match. */
  readonly matchable: Selection
  /** The keys of these rows, in the order of the merge's keys. */
  readonly keyVectors: readonly Vector[]
  /**
   * For each row of a batch of the table's rows its row of the source, or -1; rows outside of the selection match none.
   * @param matched where rows of the source are marked that match
   * @throws invalid-argument when a row matches two, if a clause changes matched rows
   */
  match(batch: ColumnBatch, rows: Selection, matched: Bitmap): Int32Array
}

/** Rows of a source without equal keys. */
const UNKEYED_ROWS_MAX = 1_000
/** Pairs that a condition is evaluated on at a time. */
const PAIRS_AT_ONCE = 65_536

/**
 * @throws invalid-argument for two rows with one key, naming it, and for a key that cannot be computed; unsupported for a
 * large source without an equality in the condition
 */
export function buildSourceIndex(source: ColumnBatch, merge: BoundMerge): SourceIndex {
  const keyed = keyedRows(source, merge)
  const side: SourceSide = { ...keyed, source, merge, types: merge.keys.map(key => key.source.type) }
  const { matchable, keyVectors } = side
  if (matchable.length === 0) return { source, matchable, keyVectors, match: batch => noMatch(batch) }
  if (merge.keys.length === 0) checkUnkeyed(matchable.length)
  const table = merge.keys.length === 0 ? undefined : buildKeyTable(keyVectors, side.types)
  const match =
    table !== undefined && merge.residual === undefined ? matchByKey(side, table) : matchByPair(side, table)
  return { source, matchable, keyVectors, match }
}

function checkUnkeyed(rows: number): void {
  if (rows <= UNKEYED_ROWS_MAX) return
  throw new LakeError('unsupported', 'a merge without equal columns is for small sources', {
    context: { rows, rowsMax: UNKEYED_ROWS_MAX },
  })
}

function noMatch(batch: ColumnBatch): Int32Array {
  return new Int32Array(batch.length).fill(-1)
}

interface KeyedRows {
  readonly matchable: Selection
  readonly keyVectors: readonly Vector[]
}

interface SourceSide extends KeyedRows {
  readonly source: ColumnBatch
  readonly merge: BoundMerge
  readonly types: readonly Type[]
}

function keyedRows(source: ColumnBatch, { keys, sourceFilter, targetFilter }: BoundMerge): KeyedRows {
  const none = new Uint32Array(0)
  let matchable = isFalse(targetFilter) ? none : evaluate(sourceFilter, source, allRows(source.length))
  const whole = keys.map(key => {
    const vector = alignVector(evaluateScalar(key.source, source, matchable), key.source.type)
    if (!key.nullsEqual) matchable = presentRows(vector, matchable)
    return vector
  })
  return { matchable, keyVectors: whole.map(vector => withoutNegativeZero(takeVector(vector, matchable))) }
}

/** Both zeros are equal in a condition, and two keys in a key table. */
function withoutNegativeZero(vector: Vector): Vector {
  if (vector.layout === 'dictionary') {
    return { ...vector, dictionary: withoutNegativeZero(vector.dictionary) }
  }
  if (vector.layout !== 'fixed-width') return vector
  const { values } = vector
  if (!(values instanceof Float32Array || values instanceof Float64Array)) return vector
  if (!values.some(value => Object.is(value, -0))) return vector
  return { ...vector, values: values.map(value => value + 0) }
}

type Match = SourceIndex['match']

/** The rows of the table that the key table finds, as rows of it. */
function probe(
  batch: ColumnBatch,
  rows: Selection,
  { merge, table }: { readonly merge: BoundMerge; readonly table: KeyTable },
): Int32Array {
  const vectors = merge.keys.map(key => withoutNegativeZero(evaluateScalar(key.target, batch, rows)))
  return table.find(vectors)
}

function matchByKey(side: SourceSide, table: KeyTable): Match {
  const { matchable, merge } = side
  if (table.duplicates !== undefined) {
    throw twice('two rows of the source have the same key', side, table.duplicates)
  }
  return (batch, rows, matched) => {
    const found = probe(batch, rows, { merge, table })
    const sourceRows = noMatch(batch)
    for (let at = 0; at < rows.length; at++) {
      const row = rows[at] as number
      const place = found[row] as number
      if (place < 0) continue
      const sourceRow = matchable[place] as number
      sourceRows[row] = sourceRow
      setBit(matched, sourceRow)
    }
    return sourceRows
  }
}

function matchByPair(side: SourceSide, table: KeyTable | undefined): Match {
  const { matchable, merge, source, keyVectors, types } = side
  const everyRow = allRows(matchable.length)
  const groups = table?.duplicates === undefined ? undefined : groupRows(keyVectors, types, matchable.length)
  const candidates = (place: number): Selection => placesLike(place, groups, everyRow)
  const looked = onlyColumns(source, sourceColumns([merge.residual]))
  const isOnce = needsOneMatch(merge.matched)
  return (batch, rows, matched) => {
    const found = table === undefined ? undefined : probe(batch, rows, { merge, table })
    const candidatesOf = (row: number): Selection =>
      found === undefined ? everyRow : candidates(found[row] as number)
    const places = noMatch(batch)
    for (const pairs of pairsOf(rows, candidatesOf)) {
      for (const at of truePairs(pairs, { batch, looked, residual: merge.residual, matchable })) {
        const row = pairs.rows[at] as number
        const place = pairs.places[at] as number
        const before = places[row] as number
        if (before >= 0 && isOnce) {
          const pair = { first: before, second: place }
          throw twice('a row of the table matches two rows of the source', side, pair)
        }
        if (before < 0) places[row] = place
        setBit(matched, matchable[place] as number)
      }
    }
    return places.map(place => (place < 0 ? -1 : (matchable[place] as number)))
  }
}

/** All places with the key of one; of none: none. */
function placesLike(place: number, groups: RowGroups | undefined, everyRow: Selection): Selection {
  if (place < 0) return everyRow.subarray(0, 0)
  if (groups === undefined) return everyRow.subarray(place, place + 1)
  return groups.rows[groups.groupOf[place] as number] ?? everyRow.subarray(place, place + 1)
}

/** A row that is deleted whatever it matches may match several, and so may one that nothing changes. */
function needsOneMatch(matched: readonly BoundChange[]): boolean {
  const [only] = matched
  if (only === undefined) return false
  return matched.length > 1 || only.condition !== undefined || only.assignments !== undefined
}

/** Rows of the table, and places of the source beside them. */
interface Pairs {
  readonly rows: Int32Array
  readonly places: Int32Array
}

function* pairsOf(rows: Selection, candidatesOf: (row: number) => Selection): Generator<Pairs> {
  let tableRows: number[] = []
  let places: number[] = []
  for (const row of rows) {
    for (const place of candidatesOf(row)) {
      tableRows.push(row)
      places.push(place)
    }
    if (tableRows.length < PAIRS_AT_ONCE) continue
    yield { rows: Int32Array.from(tableRows), places: Int32Array.from(places) }
    tableRows = []
    places = []
  }
  if (tableRows.length > 0) yield { rows: Int32Array.from(tableRows), places: Int32Array.from(places) }
}

/** The pairs for which the condition's rest is true. */
function truePairs(
  { rows, places }: Pairs,
  sides: {
    readonly batch: ColumnBatch
    readonly looked: ColumnBatch
    readonly matchable: Selection
    readonly residual: BoundScalar | undefined
  },
): Selection {
  const { batch, looked, matchable, residual } = sides
  if (residual === undefined) return allRows(rows.length)
  const sourceRows = places.map(place => matchable[place] as number)
  return evaluateCondition(residual, [takeBatch(batch, rows), takeBatch(looked, sourceRows)])
}

/** The columns of a batch with these ids. */
export function onlyColumns(batch: ColumnBatch, ids: ReadonlySet<number>): ColumnBatch {
  const isKept = (_: unknown, at: number): boolean => ids.has(batch.fields[at]?.id ?? -1)
  return { ...batch, fields: batch.fields.filter(isKept), columns: batch.columns.filter(isKept) }
}

function twice(
  message: string,
  { merge, matchable, keyVectors }: SourceSide,
  places: { readonly first: number; readonly second: number },
): LakeError {
  const { first, second } = places
  const fields = merge.keys.map(({ source: key }, at) => ({
    id: at,
    name: nameOfKey(key) ?? `key ${at + 1}`,
    required: false,
    type: key.type,
  }))
  const keys = { length: matchable.length, fields, columns: keyVectors }
  const rows = [first, second].map(place => String(present(matchable[place], 'a place has a row')))
  const key = fields.length === 0 ? {} : { key: keyText(keys, second) }
  return new LakeError('invalid-argument', message, { context: { ...key, rows } })
}

/** The name of the column that a key is, widened or not. */
function nameOfKey(key: BoundScalar): string | undefined {
  const inside = key.kind === 'cast' ? key.operand : key
  return inside.kind === 'column' ? inside.path.join('.') : undefined
}
