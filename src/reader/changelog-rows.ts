/**
 * What becomes of the rows of a changelog: rows that were only carried over are dropped, a deleted and an inserted row
 * become an update, changes that cancel out over a range are dropped. All of it works on row numbers in typed arrays.
 *
 *   deleted   k=1 'a'    k=2 'b'    k=3 'c'
 *   inserted  k=1 'a'    k=2 'B'    k=4 'd'
 *             carried    update     delete of 3, insert of 4
 */
import { assert } from '../base/assert.js'
import { type ColumnBatch, isPresent, type Selection, type Vector } from '../batch/column-batch.js'
import { buildKeyTable } from '../batch/row-hash.js'
import { allRows } from '../batch/selection.js'
import { concatBatches, constantVector, selectColumns, takeBatch, takeVector } from '../batch/take.js'
import { createVectorBuilder } from '../batch/vector-builder.js'
import {
  CHANGE_ORDINAL_FIELD,
  CHANGE_TYPE_FIELD,
  COMMIT_SNAPSHOT_ID_FIELD,
} from '../schema/reserved-fields.js'
import type { Field, Type } from '../schema/types.js'

/** What happened to a row, by Spark's names; a code is an index of this list. */
export const CHANGE_TYPES = ['INSERT', 'DELETE', 'UPDATE_BEFORE', 'UPDATE_AFTER'] as const
export type ChangeType = (typeof CHANGE_TYPES)[number]

export const CHANGE_FIELDS: readonly Field[] = [
  CHANGE_TYPE_FIELD,
  CHANGE_ORDINAL_FIELD,
  COMMIT_SNAPSHOT_ID_FIELD,
]

/** The rows that one snapshot deleted and inserted, of the same columns. */
export interface RowDelta {
  readonly deleted: ColumnBatch
  readonly inserted: ColumnBatch
}

/** How a deleted row and an inserted row are known to be one. */
export interface RowIdentity {
  /** The columns that are equal then, of any batch of the changelog. */
  readonly vectors: (batch: ColumnBatch) => readonly Vector[]
  readonly types: readonly Type[]
  /** Null equals null. Otherwise a row whose first column is null is no other row. */
  readonly nullable: boolean
  /** The row did not change, so it is no change; otherwise the two are an update. */
  readonly unchanged: boolean
  /** The columns are of the row lineage. */
  readonly isLineage: boolean
}

/** Finds for rows the rows of another batch with equal columns, each of which is found once. */
interface RowMatcher {
  /** For each row the one it is matched with, or -1. */
  match(probe: readonly Vector[]): Int32Array
  /** The rows that no row was matched with so far, ascending. */
  unmatched(): Selection
}

function createRowMatcher(vectors: readonly Vector[], identity: RowIdentity): RowMatcher {
  const { types, nullable } = identity
  const table = buildKeyTable(vectors, types)
  const keyOf = table.duplicates === undefined ? undefined : table.find(vectors)
  // Rows with equal columns hang on the first of them, in their order.
  const length = vectors[0]?.length ?? 0
  const first = new Int32Array(length).fill(-1)
  const next = new Int32Array(length)
  for (let row = length - 1; row >= 0; row--) {
    const key = keyOf === undefined ? row : (keyOf[row] as number)
    next[row] = first[key] as number
    first[key] = row
  }
  const taken = new Uint8Array(length)
  return {
    match(probe) {
      const found = table.find(probe)
      const [leading] = probe
      for (let row = 0; row < found.length; row++) {
        const key = found[row] as number
        const isOut = key < 0 || (!nullable && leading !== undefined && !isPresent(leading, row))
        const match = isOut ? -1 : (first[key] as number)
        if (match >= 0) {
          first[key] = next[match] as number
          taken[match] = 1
        }
        found[row] = match
      }
      return found
    },
    unmatched: () => rowsWith(taken, 0),
  }
}

/** The rows whose mark is the given one. */
function rowsWith(marks: Uint8Array | Int32Array, mark: number): Selection {
  const rows = new Uint32Array(marks.length)
  let count = 0
  for (let row = 0; row < marks.length; row++) if (marks[row] === mark) rows[count++] = row
  return rows.subarray(0, count)
}

/**
 * Drops the rows that were deleted and inserted unchanged while the inserted rows stream in, so that of a rewritten
 * file no more is held than what it changed.
 */
export async function withoutCarriedOver(
  deleted: ColumnBatch,
  inserted: AsyncIterable<ColumnBatch>,
  identity: RowIdentity,
): Promise<RowDelta> {
  const matcher = createRowMatcher(identity.vectors(deleted), identity)
  const rest: ColumnBatch[] = []
  for await (const batch of inserted) {
    const unmatched = rowsWith(matcher.match(identity.vectors(batch)), -1)
    if (unmatched.length > 0) rest.push(takeRows(batch, unmatched))
  }
  return {
    deleted: takeRows(deleted, matcher.unmatched()),
    inserted: concatBatches(deleted.fields, rest),
  }
}

/** The rows of a batch; itself when they are all of it. */
export function takeRows(batch: ColumnBatch, rows: Selection): ColumnBatch {
  return rows.length === batch.length ? batch : takeBatch(batch, rows)
}

/** Deleted and inserted rows told apart from updates; unchanged rows are in none of them. */
export interface PairedRows {
  readonly deleted: Selection
  readonly inserted: Selection
  /** Deleted rows and the inserted rows that replace them, pair by pair. */
  readonly before: Selection
  readonly after: Selection
}

/** Matches rows by the identities in turn. Of several rows with one identity the first are matched with the first. */
export function pairRows(delta: RowDelta, identities: readonly RowIdentity[]): PairedRows {
  const partner = new Int32Array(delta.inserted.length).fill(-1)
  let pairs = 0
  let deleted = allRows(delta.deleted.length)
  let inserted = allRows(delta.inserted.length)
  for (const identity of identities) {
    if (deleted.length === 0 || inserted.length === 0) break
    const matcher = createRowMatcher(vectorsOf(delta.deleted, deleted, identity), identity)
    const found = matcher.match(vectorsOf(delta.inserted, inserted, identity))
    const unmatched = rowsWith(found, -1)
    if (!identity.unchanged) {
      pairs += found.length - unmatched.length
      for (let at = 0; at < found.length; at++) {
        const match = found[at] as number
        if (match >= 0) partner[inserted[at] as number] = deleted[match] as number
      }
    }
    inserted = picked(inserted, unmatched)
    deleted = picked(deleted, matcher.unmatched())
  }
  const before = new Uint32Array(pairs)
  const after = new Uint32Array(pairs)
  for (let row = 0, pair = 0; row < partner.length; row++) {
    if ((partner[row] as number) < 0) continue
    before[pair] = partner[row] as number
    after[pair++] = row
  }
  return { deleted, inserted, before, after }
}

function vectorsOf(batch: ColumnBatch, rows: Selection, identity: RowIdentity): readonly Vector[] {
  const vectors = identity.vectors(batch)
  return rows.length === batch.length ? vectors : vectors.map(vector => takeVector(vector, rows))
}

function picked(rows: Selection, at: Selection): Selection {
  const some = new Uint32Array(at.length)
  for (let index = 0; index < at.length; index++) some[index] = rows[at[index] as number] as number
  return some
}

/** Which change a batch of rows is, and of which snapshot. */
export interface ChangeLabel {
  readonly ordinal: number
  readonly snapshotId: bigint
}

const CHANGE_TYPE_NAMES: Vector = namesOf(CHANGE_TYPES)

function namesOf(names: readonly string[]): Vector {
  const builder = createVectorBuilder({ kind: 'string' }, names.length)
  for (const name of names) builder.append(name)
  return builder.finish()
}

/** The first columns of a batch, as many as `columns`, with the columns of the change behind them. */
export function labelRows(
  batch: ColumnBatch,
  types: ChangeType | Int32Array,
  options: ChangeLabel & { readonly columns: number },
): ColumnBatch {
  const { length } = batch
  const { columns, ordinal, snapshotId } = options
  const codes = typeof types === 'string' ? new Int32Array(length).fill(CHANGE_TYPES.indexOf(types)) : types
  return {
    length,
    fields: [...batch.fields.slice(0, columns), ...CHANGE_FIELDS],
    columns: [
      ...batch.columns.slice(0, columns),
      { layout: 'dictionary', length, codes, dictionary: CHANGE_TYPE_NAMES },
      constantVector(CHANGE_ORDINAL_FIELD.type, ordinal, length),
      constantVector(COMMIT_SNAPSHOT_ID_FIELD.type, snapshotId, length),
    ],
  }
}

/** Update pairs as rows: before and after in turn. */
export function labelPairs(
  delta: RowDelta,
  pairs: Pick<PairedRows, 'before' | 'after'>,
  options: ChangeLabel & { readonly columns: number },
): ColumnBatch {
  const { fields } = delta.deleted
  const count = pairs.before.length
  const both = concatBatches(fields, [
    takeBatch(delta.deleted, pairs.before),
    takeBatch(delta.inserted, pairs.after),
  ])
  const order = new Uint32Array(2 * count)
  const codes = new Int32Array(2 * count)
  for (let pair = 0; pair < count; pair++) {
    order[2 * pair] = pair
    order[2 * pair + 1] = count + pair
    codes[2 * pair] = CHANGE_TYPES.indexOf('UPDATE_BEFORE')
    codes[2 * pair + 1] = CHANGE_TYPES.indexOf('UPDATE_AFTER')
  }
  return labelRows(takeBatch(both, order), codes, options)
}

/** Rows of a range of snapshots, collapsed as they come. */
export interface NetRows {
  /** Adds labelled rows, in the order of the changes. */
  add(batch: ColumnBatch): void
  /** The changes that are left, in the order of the snapshots they came with. */
  finish(): ColumnBatch
}

/** Rows that may wait uncollapsed, whatever is left of those before. */
const NET_ROWS_MIN = 65_536

/**
 * Collapses the changes of a range: an insert and a delete of equal rows cancel out, the latest first. What is held
 * is the net changes so far and as many rows again.
 */
export function createNetRows(fields: readonly Field[]): NetRows {
  const columns = fields.length - CHANGE_FIELDS.length
  let parts: ColumnBatch[] = []
  let held = 0
  let collapseAt = NET_ROWS_MIN
  const collapse = (): ColumnBatch => {
    const net = withoutOpposites(concatBatches(fields, parts), columns)
    parts = [net]
    held = net.length
    collapseAt = Math.max(NET_ROWS_MIN, 2 * held)
    return net
  }
  return {
    add(batch) {
      parts.push(batch)
      held += batch.length
      if (held >= collapseAt) collapse()
    },
    finish: collapse,
  }
}

function withoutOpposites(batch: ColumnBatch, columns: number): ColumnBatch {
  const { length } = batch
  const typeVector = batch.columns[columns]
  if (length === 0 || columns === 0) return batch
  assert(typeVector?.layout === 'dictionary', 'change types are of one dictionary')
  const { codes } = typeVector
  const rows = selectColumns(
    batch,
    Array.from({ length: columns }, (_, at) => at),
  )
  const types = rows.fields.map(field => field.type)
  const keyOf = buildKeyTable(rows.columns, types).find(rows.columns)
  // For each key the rows that are left, the latest on top: all of one type.
  const top = new Int32Array(length).fill(-1)
  const below = new Int32Array(length)
  const gone = new Uint8Array(length)
  for (let row = 0; row < length; row++) {
    const key = keyOf[row] as number
    const latest = top[key] as number
    if (latest < 0 || codes[latest] === codes[row]) {
      below[row] = latest
      top[key] = row
    } else {
      top[key] = below[latest] as number
      gone[latest] = 1
      gone[row] = 1
    }
  }
  const left = rowsWith(gone, 0)
  return left.length === length ? batch : takeBatch(batch, left)
}

/** The column at a place inside structs: the index of the top-level column, then those of fields in structs. */
export function columnInside(batch: ColumnBatch, place: readonly number[]): Vector {
  const [column = -1, ...inside] = place
  return cutDown(batch.columns[column], inside)
}

/** Structs with the one field that is meant. */
function cutDown(vector: Vector | undefined, inside: readonly number[]): Vector {
  assert(vector !== undefined, 'the place is in the batch')
  const [index, ...deeper] = inside
  if (index === undefined || vector.layout === 'null') return vector
  assert(vector.layout === 'struct', 'the place leads through structs')
  return { ...vector, children: [cutDown(vector.children[index], deeper)] }
}
