/**
 * Exact evaluation of a predicate on a batch.
 *
 * A node maps ascending rows to the rows among them where it is true. There is no `not` (see `bind.ts`), so
 * unknown and false need not be told apart: `and` runs its right side on what the left side kept, `or` on
 * what it left. A leaf first sets null rows aside and then runs one loop of `kernels.ts`; over a dictionary
 * it runs on the distinct values only, and the rows follow their codes.
 */
import { assert, unreachable } from '../base/assert.js'
import type {
  ColumnBatch,
  DictionaryVector,
  FixedWidthVector,
  Selection,
  Vector,
} from '../batch/column-batch.js'
import { allRows, union } from '../batch/selection.js'
import type { Field } from '../schema/types.js'
import { compareValues } from '../schema/value.js'
import type { Bound, BoundColumn, BoundLeaf, BoundUnary } from './bind.js'
import {
  ACCEPT,
  type ByteRows,
  bigintOf,
  bytesOf,
  compareByteRows,
  compareDecimalRows,
  compareLongRows,
  compareNumberRows,
  findByteRows,
  findDecimalRows,
  findLongRows,
  findNumberRows,
  matchBooleans,
  numberOf,
  prefixRows,
  rowsExcept,
  rowsWithBit,
  rowsWithCode,
  rowsWithNan,
} from './kernels.js'

/** A leaf that compares values, not one that asks for null or NaN. */
type ValueLeaf = Exclude<BoundLeaf, BoundUnary>

/**
 * The rows where the predicate is true, ascending, out of `selection` or of all rows. The batch must hold the
 * predicate's columns (`boundColumns`) as fields of the same ids.
 */
export function evaluate(bound: Bound, batch: ColumnBatch, selection?: Selection | undefined): Selection {
  return evaluateNode(bound, batch, selection ?? allRows(batch.length))
}

function evaluateNode(bound: Bound, batch: ColumnBatch, rows: Selection): Selection {
  if (rows.length === 0) return rows
  switch (bound.op) {
    case 'true':
      return rows
    case 'false':
      return rows.subarray(0, 0)
    case 'and':
      return evaluateNode(bound.right, batch, evaluateNode(bound.left, batch, rows))
    case 'or': {
      const left = evaluateNode(bound.left, batch, rows)
      return union(left, evaluateNode(bound.right, batch, rowsExcept(rows, left)))
    }
    default:
      return evaluateLeaf(bound, columnOf(bound, batch, rows), rows)
  }
}

interface Column {
  readonly vector: Vector
  /** The rows that are not null, here or in a struct around. */
  readonly present: Selection
}

function columnOf(column: BoundColumn, batch: ColumnBatch, rows: Selection): Column {
  let fields: readonly Field[] = batch.fields
  let vectors = batch.columns
  let present = rows
  let vector: Vector | undefined
  for (const fieldId of column.idPath) {
    const index = fields.findIndex(field => field.id === fieldId)
    const field = fields[index]
    vector = vectors[index]
    assert(field !== undefined && vector !== undefined, 'the batch has the columns of the predicate')
    present = presentRows(vector, present)
    fields = field.type.kind === 'struct' ? field.type.fields : []
    vectors = vector.layout === 'struct' ? vector.children : []
  }
  assert(vector !== undefined, 'a bound column has a path')
  return { vector, present }
}

/** Rows without null, out of ascending rows. */
function presentRows(vector: Vector, rows: Selection): Selection {
  if (vector.layout === 'null') return rows.subarray(0, 0)
  const present = vector.validity === undefined ? rows : rowsWithBit(rows, vector.validity)
  if (vector.layout !== 'dictionary') return present
  return rowsOfEntries(vector, present, entries => presentRows(vector.dictionary, entries))
}

/** Rows whose dictionary entry passes `pick`, which sees only entries in use when the dictionary is the longer. */
function rowsOfEntries(
  vector: DictionaryVector,
  rows: Selection,
  pick: (entries: Selection) => Selection,
): Selection {
  const size = vector.dictionary.length
  const entries = size > rows.length ? usedEntries(vector, rows) : allRows(size)
  const picked = pick(entries)
  if (picked.length === entries.length) return rows
  const marked = new Uint8Array(size)
  for (let i = 0; i < picked.length; i++) marked[picked[i] as number] = 1
  return rowsWithCode(rows, vector.codes, marked)
}

function usedEntries(vector: DictionaryVector, rows: Selection): Selection {
  const used = new Uint32Array(rows.length)
  for (let i = 0; i < rows.length; i++) used[i] = vector.codes[rows[i] as number] as number
  used.sort()
  let count = 0
  for (let i = 0; i < used.length; i++)
    if (i === 0 || used[i] !== used[i - 1]) used[count++] = used[i] as number
  return used.subarray(0, count)
}

function evaluateLeaf(leaf: BoundLeaf, column: Column, rows: Selection): Selection {
  const { vector, present } = column
  switch (leaf.op) {
    case 'is-null':
      return rowsExcept(rows, present)
    case 'not-null':
      return present
    case 'is-nan':
      return nanRows(vector, present)
    case 'not-nan':
      return rowsExcept(rows, nanRows(vector, present))
    default:
      return matchRows(leaf, vector, present)
  }
}

function nanRows(vector: Vector, rows: Selection): Selection {
  if (vector.layout === 'dictionary')
    return rowsOfEntries(vector, rows, entries => nanRows(vector.dictionary, entries))
  if (vector.layout !== 'fixed-width' || vector.values instanceof BigInt64Array) return rows.subarray(0, 0)
  return rowsWithNan(rows, vector.values)
}

/** Of rows that are not null, those whose value the leaf takes. */
function matchRows(leaf: ValueLeaf, vector: Vector, rows: Selection): Selection {
  if (rows.length === 0) return rows
  switch (vector.layout) {
    case 'dictionary':
      return rowsOfEntries(vector, rows, entries => matchRows(leaf, vector.dictionary, entries))
    case 'fixed-width':
      return matchFixedWidth(leaf, vector, rows)
    case 'decimal':
      return matchDecimals(leaf, vector.words, rows)
    case 'boolean':
      return matchBooleans(rows, vector.bits, { whenFalse: takes(leaf, false), whenTrue: takes(leaf, true) })
    case 'fixed-bytes':
      return matchBytes(leaf, { bytes: vector.bytes, offsets: undefined, width: vector.widthBytes }, rows)
    case 'var-bytes':
      return matchBytes(leaf, { bytes: vector.bytes, offsets: vector.offsets, width: 0 }, rows)
    case 'list':
    case 'map':
    case 'struct':
    case 'null':
      return misfit()
    default:
      return unreachable(vector)
  }
}

/** `bind` lets such a leaf through for no type. */
function misfit(): never {
  assert(false, 'the layout of the column fits the predicate')
}

function matchFixedWidth(leaf: ValueLeaf, vector: FixedWidthVector, rows: Selection): Selection {
  const { values } = vector
  if (values instanceof BigInt64Array) return matchLongs(leaf, values, rows)
  switch (leaf.op) {
    case 'in':
    case 'not-in':
      return findNumberRows(rows, values, Float64Array.from(leaf.values, numberOf), leaf.op === 'in')
    case 'starts-with':
    case 'not-starts-with':
      return misfit()
    default:
      return compareNumberRows(rows, values, numberOf(leaf.value), ACCEPT[leaf.op])
  }
}

function matchLongs(leaf: ValueLeaf, values: BigInt64Array, rows: Selection): Selection {
  switch (leaf.op) {
    case 'in':
    case 'not-in':
      return findLongRows(rows, values, BigInt64Array.from(leaf.values, bigintOf), leaf.op === 'in')
    case 'starts-with':
    case 'not-starts-with':
      return misfit()
    default:
      return compareLongRows(rows, values, bigintOf(leaf.value), ACCEPT[leaf.op])
  }
}

function matchDecimals(leaf: ValueLeaf, words: BigInt64Array, rows: Selection): Selection {
  switch (leaf.op) {
    case 'in':
    case 'not-in':
      return findDecimalRows(rows, words, leaf.values.map(bigintOf), leaf.op === 'in')
    case 'starts-with':
    case 'not-starts-with':
      return misfit()
    default:
      return compareDecimalRows(rows, words, bigintOf(leaf.value), ACCEPT[leaf.op])
  }
}

function matchBytes(leaf: ValueLeaf, column: ByteRows, rows: Selection): Selection {
  switch (leaf.op) {
    case 'in':
    case 'not-in':
      return findByteRows(rows, column, leaf.values.map(bytesOf), leaf.op === 'in')
    case 'starts-with':
    case 'not-starts-with':
      return prefixRows(rows, column, bytesOf(leaf.value), leaf.op === 'starts-with')
    default:
      return compareByteRows(rows, column, bytesOf(leaf.value), ACCEPT[leaf.op])
  }
}

/** Whether the leaf is true for one boolean. */
function takes(leaf: ValueLeaf, value: boolean): boolean {
  switch (leaf.op) {
    case 'in':
    case 'not-in':
      return leaf.values.includes(value) === (leaf.op === 'in')
    case 'starts-with':
    case 'not-starts-with':
      return misfit()
    default: {
      const sign = compareValues(leaf.type, value, leaf.value)
      return ((sign < 0 ? 1 : sign === 0 ? 2 : 4) & ACCEPT[leaf.op]) !== 0
    }
  }
}
