/**
 * Columns cast to other types. `cast-value.ts` says what a cast does to a value; the casts that whole tables go
 * through (wider numbers, integers as decimals, decimals of another scale) have a loop here that does the same.
 */
import { assert } from '../../base/assert.js'
import type { ListVector, MapVector, Selection, StructVector, Vector } from '../../batch/column-batch.js'
import { promoteVector } from '../../batch/project-batch.js'
import { alignVector, nullVectorOf } from '../../batch/take.js'
import { joinWords, valueAt } from '../../batch/values.js'
import { createVectorBuilder } from '../../batch/vector-builder.js'
import { canPromote } from '../../schema/promotion.js'
import {
  type DecimalType,
  isPrimitive,
  type PrimitiveType,
  type StructType,
  type Type,
} from '../../schema/types.js'
import { decimalWords } from '../kernels.js'
import { castValue } from './cast-value.js'
import { intsOf, longsOf, presentRows, validityFor, wordsOf } from './columns.js'
import { fitsPrecision, powerOfTen, rescaleHalfUp } from './decimals.js'
import type { RowFailure } from './row-failure.js'
import { sameShape } from './types.js'

export interface CastColumn {
  readonly from: Type
  readonly to: Type
  /** The rows to cast; all others of the result may be anything. */
  readonly rows: Selection
  readonly fail: RowFailure
}

/** The column as one of another type. @throws invalid-argument for a row that cannot be cast */
export function castVector(vector: Vector, cast: CastColumn): Vector {
  const { from, to } = cast
  if (sameShape(from, to)) return vector
  if (from.kind === 'unknown' || vector.layout === 'null') return nullVectorOf(to, vector.length)
  const plain = alignVector(vector, from)
  if (!isPrimitive(to) || !isPrimitive(from)) return castNested(plain, cast)
  if (isWidening(from, to)) return promoteVector(plain, from, to)
  const rows = presentRows(plain, cast.rows)
  if (to.kind === 'double' && (from.kind === 'int' || from.kind === 'long')) return toDoubles(plain, rows)
  if (to.kind === 'decimal') {
    if (from.kind === 'decimal') return rescaled(plain, { ...cast, rows, from, to })
    if (from.kind === 'int' || from.kind === 'long') return toDecimals(plain, { ...cast, rows, to })
  }
  return castEach(plain, { ...cast, rows, from, to })
}

/** Casts that cannot fail and that reading evolved columns does too. */
function isWidening(from: PrimitiveType, to: PrimitiveType): boolean {
  return canPromote(from, to) && (to.kind === 'long' || to.kind === 'double' || to.kind === 'decimal')
}

function castEach(
  vector: Vector,
  { from, to, rows, fail }: CastColumn & { readonly to: PrimitiveType },
): Vector {
  const builder = createVectorBuilder(to, vector.length)
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as number
    while (builder.length < row) builder.append(null)
    const value = valueAt(vector, from, row)
    const cast = castValue(value, from, to)
    if (cast === undefined) return fail(row, 'cast', { value: shortText(value) })
    builder.append(cast)
  }
  while (builder.length < vector.length) builder.append(null)
  return builder.finish()
}

const TEXT_SHOWN = 64

function shortText(value: unknown): string {
  const text = value instanceof Uint8Array ? `${value.length} bytes` : String(value)
  return text.length <= TEXT_SHOWN ? text : `${text.slice(0, TEXT_SHOWN)}..`
}

function toDoubles(vector: Vector, rows: Selection): Vector {
  const { length } = vector
  const values = new Float64Array(length)
  const source = vector.layout === 'fixed-width' ? vector.values : intsOf(vector)
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as number
    values[row] = Number(source[row])
  }
  return { layout: 'fixed-width', length, validity: validityFor(rows, length), values }
}

type DecimalCast = CastColumn & { readonly to: DecimalType }

function toDecimals(vector: Vector, { from, to, rows, fail }: DecimalCast): Vector {
  const source = from.kind === 'int' ? intsOf(vector) : longsOf(vector)
  const factor = powerOfTen(to.scale)
  const words = new BigInt64Array(vector.length * 2)
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as number
    const value = BigInt(source[row] ?? 0) * factor
    if (!fitsPrecision(value, to.precision)) fail(row, 'cast', { value: String(source[row]) })
    const [low, high] = decimalWords(value)
    words[2 * row] = low
    words[2 * row + 1] = high
  }
  const { length } = vector
  return { layout: 'decimal', length, validity: validityFor(rows, length), words }
}

function rescaled(vector: Vector, { from, to, rows, fail }: DecimalCast): Vector {
  const source = wordsOf(vector)
  const scale = from.kind === 'decimal' ? from.scale : 0
  const words = new BigInt64Array(vector.length * 2)
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as number
    const value = rescaleHalfUp(
      joinWords(source[2 * row] as bigint, source[2 * row + 1] as bigint),
      scale,
      to.scale,
    )
    if (!fitsPrecision(value, to.precision)) fail(row, 'cast')
    const [low, high] = decimalWords(value)
    words[2 * row] = low
    words[2 * row + 1] = high
  }
  const { length } = vector
  return { layout: 'decimal', length, validity: validityFor(rows, length), words }
}

// Structs by the names of their fields, lists and maps by their parts

function castNested(vector: Vector, cast: CastColumn): Vector {
  const { from, to } = cast
  const rows = presentRows(vector, cast.rows)
  if (vector.layout === 'struct' && from.kind === 'struct' && to.kind === 'struct') {
    return castStruct(vector, from, { ...cast, rows, to })
  }
  if (vector.layout === 'list' && from.kind === 'list' && to.kind === 'list') {
    const inside = insideRows(vector, { ...cast, rows })
    return {
      ...vector,
      element: castVector(vector.element, { ...inside, from: from.element, to: to.element }),
    }
  }
  assert(vector.layout === 'map' && from.kind === 'map' && to.kind === 'map', 'the types are of one kind')
  const inside = insideRows(vector, { ...cast, rows })
  const keys = castVector(vector.keys, { ...inside, from: from.key, to: to.key })
  return { ...vector, keys, values: castVector(vector.values, { ...inside, from: from.value, to: to.value }) }
}

function castStruct(
  vector: StructVector,
  from: StructType,
  { to, rows, fail }: CastColumn & { readonly to: StructType },
): Vector {
  const children = to.fields.map(field => {
    const index = from.fields.findIndex(each => each.name === field.name)
    const source = from.fields[index]
    const child = vector.children[index]
    assert(source !== undefined && child !== undefined, 'the structs have the same fields')
    return castVector(child, { from: source.type, to: field.type, rows, fail })
  })
  return { ...vector, children }
}

/** The rows inside lists or maps; one that fails is reported as the row around it. */
function insideRows(
  vector: ListVector | MapVector,
  { rows, fail }: CastColumn,
): Pick<CastColumn, 'rows' | 'fail'> {
  const { offsets } = vector
  const inside: number[] = []
  const parents: number[] = []
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as number
    for (let child = offsets[row] as number; child < (offsets[row + 1] as number); child++) {
      inside.push(child)
      parents.push(row)
    }
  }
  return {
    rows: Uint32Array.from(inside),
    fail: (child, reason, context) => fail(parents[inside.indexOf(child)] ?? 0, reason, context),
  }
}
