/**
 * Scalars computed on batches, a column at a time.
 *
 * A node is computed for a selection of rows and gives a column of the batch's length, in which only those rows
 * mean something: so the branches of a `case`, and what stands behind an `and`, see the rows that reach them and
 * no others, and `b <> 0 and a / b > 1` divides by no zero. A condition is two selections, the rows where it is
 * true and those where it is false; on the others it is unknown.
 */
import { assert } from '../../base/assert.js'
import type { Bitmap, ColumnBatch, Selection, Vector } from '../../batch/column-batch.js'
import { concatVectors } from '../../batch/concat-vectors.js'
import { allRows, intersect, union } from '../../batch/selection.js'
import { alignVector, constantVector, nullVectorOf, takeVector } from '../../batch/take.js'
import type { Field, Type } from '../../schema/types.js'
import { evaluate } from '../evaluate.js'
import { ACCEPT, rowsExcept, rowsWithBit, rowsWithNan } from '../kernels.js'
import {
  BOOLEAN,
  type BoundCase,
  type BoundChoice,
  type BoundColumnScalar,
  type BoundIn,
  type BoundLogic,
  type BoundScalar,
  type BoundStruct,
} from './bound.js'
import { callRows } from './call.js'
import { castVector } from './cast.js'
import { bitsOf, presentRows, validityFor } from './columns.js'
import { compareRows, type Side } from './compare.js'
import { shiftTimes } from './interval.js'
import { likeRows } from './like.js'
import { rowFailure } from './row-failure.js'

/** A batch for each relation, in their order, of one length; a batch alone is relation 0. */
export type ScalarRows = ColumnBatch | readonly ColumnBatch[]

/**
 * The column of a scalar's values. Only the rows of `selection` are computed, and only they mean something.
 * @throws invalid-argument with `row` (of the batch) and `expression` for an overflow, a division by zero, or a
 * value that cannot be cast
 */
export function evaluateScalar(bound: BoundScalar, rows: ScalarRows, selection?: Selection): Vector {
  const input = inputOf(rows)
  return compute(bound, input, selection ?? allRows(input.length))
}

/**
 * The rows, out of `selection` or of all, where a condition is true, ascending.
 * @throws as `evaluateScalar`
 */
export function evaluateCondition(bound: BoundScalar, rows: ScalarRows, selection?: Selection): Selection {
  const input = inputOf(rows)
  return truthOf(bound, input, selection ?? allRows(input.length)).yes
}

interface Input {
  readonly batches: readonly ColumnBatch[]
  readonly length: number
}

function inputOf(rows: ScalarRows): Input {
  const batches = 'columns' in rows ? [rows] : rows
  return { batches, length: batches[0]?.length ?? 1 }
}

function compute(bound: BoundScalar, input: Input, rows: Selection): Vector {
  switch (bound.kind) {
    case 'column':
      return columnVector(bound, input)
    case 'literal':
      return constantVector(bound.type, bound.value, input.length)
    case 'case':
      return computeCase(bound, input, rows)
    case 'coalesce':
      return coalesce(bound, input, rows)
    case 'greatest':
    case 'least':
      return extreme(bound, input, rows)
    case 'struct':
      return computeStruct(bound, input, rows)
    case 'cast': {
      const { operand, type: to, text } = bound
      const vector = compute(operand, input, rows)
      return castVector(vector, { from: operand.type, to, rows, fail: rowFailure(text) })
    }
    case 'call':
    case 'add-interval':
      return computeStrict(bound, input, rows)
    default:
      return truthVector(truthOf(bound, input, rows), input.length)
  }
}

function columnVector({ idPath, relation, type }: BoundColumnScalar, { batches, length }: Input): Vector {
  const batch = batches[relation]
  assert(batch !== undefined, 'there is a batch for each relation')
  let fields: readonly Field[] = batch.fields
  let vectors = batch.columns
  let validity: Bitmap | undefined
  let vector: Vector | undefined
  for (const fieldId of idPath) {
    const index = fields.findIndex(field => field.id === fieldId)
    const field = fields[index]
    vector = vectors[index]
    assert(field !== undefined && vector !== undefined, 'the batch has the columns of the expression')
    if (idPath.length === 1) return vector
    vector = withValidity(alignVector(vector, field.type), validity)
    if (vector.layout !== 'null') validity = vector.validity
    fields = field.type.kind === 'struct' ? field.type.fields : []
    vectors = vector.layout === 'struct' ? vector.children : []
  }
  return vector ?? nullVectorOf(type, length)
}

/** The vector with the rows null that are null around it. */
function withValidity(vector: Vector, around: Bitmap | undefined): Vector {
  if (around === undefined || vector.layout === 'null') return vector
  const own = vector.validity
  return {
    ...vector,
    validity: own === undefined ? around : own.map((byte, at) => byte & (around[at] as number)),
  }
}

/** The operand's column in the layout of its type, and the rows where it is not null. */
function plainSide(
  bound: BoundScalar,
  input: Input,
  rows: Selection,
): Side & { readonly present: Selection } {
  const vector = alignVector(compute(bound, input, rows), bound.type)
  return { vector, type: bound.type, present: presentRows(vector, rows) }
}

// Functions that are null when an argument is

function computeStrict(
  bound: Extract<BoundScalar, { readonly kind: 'call' | 'add-interval' }>,
  input: Input,
  rows: Selection,
): Vector {
  const operands = bound.kind === 'call' ? bound.args : [bound.operand]
  const args: Side[] = []
  let present = rows
  for (const operand of operands) {
    const side = plainSide(operand, input, present)
    args.push(side)
    present = side.present
  }
  const { length } = input
  if (present.length === 0) return nullVectorOf(bound.type, length)
  const fail = rowFailure(bound.text)
  if (bound.kind === 'call') return callRows({ ...bound, args, rows: present, length, fail })
  const { months, micros } = bound
  const [operand] = args
  assert(operand !== undefined, 'an interval is added to something')
  return shiftTimes({ operand, months, micros, rows: present, length, fail })
}

// Choices among columns

/** Columns to pick rows from: `picked[row]` is 0 for null, else the place of the part plus 1. */
interface Choice {
  readonly parts: Vector[]
  readonly picked: Uint8Array | Uint32Array
}

function newChoice(length: number): Choice {
  return { parts: [], picked: new Uint32Array(length) }
}

function pick({ parts, picked }: Choice, vector: Vector, rows: Selection): void {
  if (rows.length === 0) return
  parts.push(vector)
  for (let at = 0; at < rows.length; at++) picked[rows[at] as number] = parts.length
}

function chosen({ parts, picked }: Choice, type: Type): Vector {
  const { length } = picked
  const [first] = parts
  if (first === undefined) return nullVectorOf(type, length)
  const joined = [nullVectorOf(type, 1), ...parts.map(part => alignVector(part, type))]
  const indexes = new Uint32Array(length)
  for (let row = 0; row < length; row++) {
    const part = picked[row] as number
    indexes[row] = part === 0 ? 0 : 1 + (part - 1) * length + row
  }
  return takeVector(concatVectors(joined), indexes)
}

function computeCase({ branches, otherwise, type }: BoundCase, input: Input, rows: Selection): Vector {
  const choice = newChoice(input.length)
  let rest = rows
  for (const { when, result } of branches) {
    if (rest.length === 0) break
    const { yes } = truthOf(when, input, rest)
    if (yes.length > 0) pick(choice, compute(result, input, yes), yes)
    rest = rowsExcept(rest, yes)
  }
  if (otherwise !== undefined && rest.length > 0) pick(choice, compute(otherwise, input, rest), rest)
  return chosen(choice, type)
}

function coalesce({ args, type }: BoundChoice, input: Input, rows: Selection): Vector {
  const choice = newChoice(input.length)
  let rest = rows
  for (const arg of args) {
    if (rest.length === 0) break
    const { vector, present } = plainSide(arg, input, rest)
    pick(choice, vector, present)
    rest = rowsExcept(rest, present)
  }
  return chosen(choice, type)
}

function extreme({ kind, args, type }: BoundChoice, input: Input, rows: Selection): Vector {
  const [first, ...others] = args
  assert(first !== undefined, 'an extreme is one of some')
  let best = plainSide(first, input, rows)
  for (const other of others) {
    const next = plainSide(other, input, rows)
    const both = intersect(best.present, next.present)
    const signs = compareRows(next, best, both)
    const better = both.filter((_, at) => (kind === 'greatest' ? signs[at] === 1 : signs[at] === -1))
    const taken = union(better, rowsExcept(next.present, best.present))
    const choice = newChoice(input.length)
    pick(choice, next.vector, taken)
    pick(choice, best.vector, rowsExcept(best.present, taken))
    best = { vector: chosen(choice, type), type, present: union(best.present, next.present) }
  }
  return best.vector
}

function computeStruct({ args, type }: BoundStruct, input: Input, rows: Selection): Vector {
  const children = args.map((arg, at) =>
    alignVector(compute(arg, input, rows), type.fields[at]?.type ?? arg.type),
  )
  return { layout: 'struct', length: input.length, children }
}

// Conditions

/** Where a condition is true, and where it is false, of the rows it was asked for. */
interface Truth {
  readonly yes: Selection
  readonly no: Selection
}

function truthVector({ yes, no }: Truth, length: number): Vector {
  const validity = yes.length + no.length === length ? undefined : validityFor(union(yes, no), length)
  return { layout: 'boolean', length, validity, bits: bitsOf(yes, length) }
}

function truthOf(bound: BoundScalar, input: Input, rows: Selection): Truth {
  switch (bound.kind) {
    case 'and':
    case 'or':
      return logicTruth(bound, input, rows)
    case 'not': {
      const { yes, no } = truthOf(bound.operand, input, rows)
      return { yes: no, no: yes }
    }
    case 'predicate': {
      const batch = input.batches[bound.relation]
      assert(batch !== undefined, 'there is a batch for each relation')
      return { yes: evaluate(bound.whenTrue, batch, rows), no: evaluate(bound.whenFalse, batch, rows) }
    }
    case 'compare': {
      const sides = bothSides(bound.left, bound.right, input, rows)
      return accepted(sides, ACCEPT[bound.op])
    }
    case 'same': {
      const left = plainSide(bound.left, input, rows)
      const right = plainSide(bound.right, input, rows)
      const both = intersect(left.present, right.present)
      const { yes } = accepted({ left, right, both }, ACCEPT.eq)
      const neither = rowsExcept(rowsExcept(rows, left.present), right.present)
      return decided(union(yes, neither), rows)
    }
    case 'in':
      return inTruth(bound, input, rows)
    case 'like': {
      const { vector, present } = plainSide(bound.operand, input, rows)
      return decided(likeRows(vector, bound.pattern, present), present)
    }
    case 'is-null': {
      const { present } = plainSide(bound.operand, input, rows)
      return { yes: rowsExcept(rows, present), no: present }
    }
    case 'is-nan': {
      const { vector, present } = plainSide(bound.operand, input, rows)
      const isLong = vector.layout === 'fixed-width' && vector.values instanceof BigInt64Array
      assert(vector.layout === 'fixed-width' && !isLong, 'only floats are tested for nan')
      return decided(rowsWithNan(present, vector.values as Float64Array), rows)
    }
    default:
      return booleanTruth(bound, input, rows)
  }
}

/** True in some rows, false in all others. */
function decided(yes: Selection, rows: Selection): Truth {
  return { yes, no: rowsExcept(rows, yes) }
}

/** A column, or the result of a function, as a condition. */
function booleanTruth(bound: BoundScalar, input: Input, rows: Selection): Truth {
  if (rows.length === 0) return { yes: rows, no: rows }
  const { vector, present } = plainSide(bound, input, rows)
  assert(bound.type.kind === BOOLEAN.kind && vector.layout === 'boolean', 'a condition is a boolean')
  return decided(rowsWithBit(present, vector.bits), present)
}

/** Later arguments see the rows that earlier ones have not decided. */
function logicTruth({ kind, args }: BoundLogic, input: Input, rows: Selection): Truth {
  const isAnd = kind === 'and'
  let open = rows
  let decidedRows = rows.subarray(0, 0)
  let agreed = rows
  for (const arg of args) {
    const { yes, no } = truthOf(arg, input, open)
    const deciding = isAnd ? no : yes
    decidedRows = union(decidedRows, deciding)
    open = rowsExcept(open, deciding)
    agreed = intersect(agreed, isAnd ? yes : no)
  }
  return isAnd ? { yes: agreed, no: decidedRows } : { yes: decidedRows, no: agreed }
}

interface Sides {
  readonly left: Side
  readonly right: Side
  /** Rows where neither is null. */
  readonly both: Selection
}

/** Of a strict comparison the right side sees the rows where the left is not null. */
function bothSides(left: BoundScalar, right: BoundScalar, input: Input, rows: Selection): Sides {
  const sideA = plainSide(left, input, rows)
  const sideB = plainSide(right, input, sideA.present)
  return { left: sideA, right: sideB, both: sideB.present }
}

function accepted({ left, right, both }: Sides, accept: number): Truth {
  const signs = compareRows(left, right, both)
  const yes = new Uint32Array(both.length)
  const no = new Uint32Array(both.length)
  let count = 0
  for (let at = 0; at < both.length; at++) {
    const row = both[at] as number
    if (((1 << ((signs[at] as number) + 1)) & accept) !== 0) yes[count++] = row
    else no[at - count] = row
  }
  return { yes: yes.subarray(0, count), no: no.subarray(0, both.length - count) }
}

/** True where an item is equal; unknown where none is and one is null, or the operand is. */
function inTruth({ operand, items }: BoundIn, input: Input, rows: Selection): Truth {
  const left = plainSide(operand, input, rows)
  let rest = left.present
  let unequal = left.present
  let yes = rows.subarray(0, 0)
  for (const item of items) {
    const right = plainSide(item, input, rest)
    const truth = accepted({ left, right, both: right.present }, ACCEPT.eq)
    yes = union(yes, truth.yes)
    rest = rowsExcept(rest, truth.yes)
    unequal = intersect(unequal, truth.no)
  }
  return { yes, no: unequal }
}
