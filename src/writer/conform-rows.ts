/**
 * Rows handed to a writer, made to fit the table: columns found by field id and put in the schema's order,
 * narrower types widened, absent columns filled with their write default or null, and no null where the
 * schema requires a value.
 */
import { LakeError } from '../base/errors.js'
import { type ColumnBatch, isPresent, type Vector } from '../batch/column-batch.js'
import { projectBatch } from '../batch/project-batch.js'
import { constantVector, nullVectorOf } from '../batch/take.js'
import { planProjection } from '../schema/projection.js'
import { canPromote } from '../schema/promotion.js'
import { sameType } from '../schema/schema.js'
import { printType } from '../schema/type-text.js'
import { type Field, isPrimitive, type Schema, type Type } from '../schema/types.js'

/**
 * @throws invalid-argument for a column that the table does not have or of another type, for a missing required
 * column, and for a null in a required column (naming column and row)
 */
export function conformRows(batch: ColumnBatch, schema: Schema): ColumnBatch {
  const conformed = batch.fields === schema.fields ? batch : arrangeColumns(batch, schema)
  schema.fields.forEach((field, index) => {
    const column = conformed.columns[index]
    if (column !== undefined) checkNulls(field, column)
  })
  return conformed
}

/** The columns in the order of the schema, absent ones filled; nulls are not looked at. @throws invalid-argument */
export function arrangeColumns(batch: ColumnBatch, schema: Schema): ColumnBatch {
  const known = new Set(schema.fields.map(field => field.id))
  const stranger = batch.fields.find(field => !known.has(field.id))
  if (stranger !== undefined)
    throw new LakeError('invalid-argument', 'the rows have a column that the table does not have', {
      context: { column: stranger.name, fieldId: stranger.id },
    })
  return {
    length: batch.length,
    fields: schema.fields,
    columns: schema.fields.map(field => columnFor(field, batch)),
  }
}

function columnFor(field: Field, batch: ColumnBatch): Vector {
  const index = batch.fields.findIndex(candidate => candidate.id === field.id)
  const given = batch.fields[index]
  const column = batch.columns[index]
  if (given === undefined || column === undefined) return absentColumn(field, batch.length)
  if (given.type === field.type || sameType(given.type, field.type)) return column
  checkWidens(given, field)
  const source = { length: batch.length, fields: [given], columns: [column] }
  return projectOne(source, given, field)
}

function absentColumn(field: Field, length: number): Vector {
  if (field.writeDefault !== undefined) return constantVector(field.type, field.writeDefault, length)
  if (!field.required) return nullVectorOf(field.type, length)
  throw new LakeError('invalid-argument', 'the rows lack a required column', {
    context: { column: field.name },
  })
}

/** Reading is more lenient than this: it takes bytes for text and zoned for zoneless time. */
function checkWidens(given: Field, wanted: Field): void {
  const isValue = isPrimitive(given.type) && isPrimitive(wanted.type)
  if (isValue && !canPromote(given.type, wanted.type)) throw misfit(given, wanted)
}

function misfit(given: Field, wanted: Field, cause?: unknown): LakeError {
  return new LakeError('invalid-argument', 'a column of the rows does not fit the type of the table', {
    cause,
    context: { column: wanted.name, from: printType(given.type), to: printType(wanted.type) },
  })
}

function projectOne(source: ColumnBatch, given: Field, field: Field): Vector {
  // Nulls are checked afterwards, with a message that names the row.
  const wanted = { ...field, required: false }
  try {
    const [column] = projectBatch(source, planProjection([given], [wanted]), [wanted]).columns
    return column ?? nullVectorOf(field.type, source.length)
  } catch (cause) {
    throw misfit(given, field, cause)
  }
}

function checkNulls(field: Field, column: Vector): void {
  const found = findNull(field, column, [])
  if (found === undefined) return
  throw new LakeError('invalid-argument', 'a required column holds a null', {
    context: { column: found.path.join('.'), row: found.row },
  })
}

/** A null where none may be. */
export interface FoundNull {
  /** Names down to the field. */
  readonly path: readonly string[]
  readonly row: number
}

/** The first null of a required field, at any depth; `fields` are those of the batch's columns. */
export function findNullOf(
  fields: readonly Field[],
  batch: Pick<ColumnBatch, 'columns'>,
): FoundNull | undefined {
  for (const [index, field] of fields.entries()) {
    const column = batch.columns[index]
    const found = column === undefined ? undefined : findNull(field, column, [])
    if (found !== undefined) return found
  }
  return undefined
}

type Presence = (row: number) => boolean
type NamedType = Pick<Field, 'name' | 'required' | 'type'>

/** The first null of a required field inside a present parent, at any depth. */
function findNull(
  field: NamedType,
  vector: Vector,
  parents: readonly string[],
  parentPresent?: Presence,
): FoundNull | undefined {
  const path = [...parents, field.name]
  if (field.required) {
    const row = firstNullRow(vector, parentPresent)
    if (row !== undefined) return { path, row }
  }
  return findNestedNull(field.type, vector, path, parentPresent)
}

function firstNullRow(vector: Vector, parentPresent: Presence | undefined): number | undefined {
  if (vector.layout !== 'null' && vector.validity === undefined) return undefined
  for (let row = 0; row < vector.length; row++) {
    if (!isPresent(vector, row) && parentPresent?.(row) !== false) return row
  }
  return undefined
}

function findNestedNull(
  type: Type,
  vector: Vector,
  path: readonly string[],
  parentPresent: Presence | undefined,
): FoundNull | undefined {
  const present: Presence = row => isPresent(vector, row) && parentPresent?.(row) !== false
  if (type.kind === 'struct' && vector.layout === 'struct') {
    for (const [index, child] of type.fields.entries()) {
      const column = vector.children[index]
      const found = column === undefined ? undefined : findNull(child, column, path, present)
      if (found !== undefined) return found
    }
  } else if (type.kind === 'list' && vector.layout === 'list') {
    const element = { name: 'element', required: type.elementRequired, type: type.element }
    return inRows(vector.offsets, present, inside => findNull(element, vector.element, path, inside))
  } else if (type.kind === 'map' && vector.layout === 'map') {
    const key = { name: 'key', required: true, type: type.key }
    const value = { name: 'value', required: type.valueRequired, type: type.value }
    return inRows(
      vector.offsets,
      present,
      inside => findNull(key, vector.keys, path, inside) ?? findNull(value, vector.values, path, inside),
    )
  }
  return undefined
}

/** Searches the children of a list or map, and says of which row the child found is. */
function inRows(
  offsets: Int32Array,
  present: Presence,
  search: (inside: Presence) => FoundNull | undefined,
): FoundNull | undefined {
  const rowOf = (child: number): number => {
    let low = 0
    let high = offsets.length - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((offsets[middle + 1] ?? 0) <= child) low = middle + 1
      else high = middle
    }
    return low
  }
  const inside: Presence = child => {
    const row = rowOf(child)
    return child >= (offsets[0] ?? 0) && row < offsets.length - 1 && present(row)
  }
  const found = search(inside)
  return found === undefined ? undefined : { path: found.path, row: rowOf(found.row) }
}
