/**
 * Batches as a Parquet file holds them: without columns of type unknown (all null, so nothing is stored) and with
 * plain vectors instead of dictionaries, so that every batch of a file has one Arrow schema.
 */
import { LakeError } from '../../../base/errors.js'
import type { ColumnBatch, Vector } from '../../../batch/column-batch.js'
import { plainVector } from '../../../batch/take.js'
import type { Field, Type } from '../../../schema/types.js'

/** The fields that are stored. @throws unsupported when a field would have no column at all, or is a variant */
export function storableFields(fields: readonly Field[]): Field[] {
  const stored = fields.filter(isStored).map(field => ({ ...field, type: storableType(field) }))
  if (stored.length === 0) throw unsupported('a parquet file needs a column that is not of type unknown', {})
  return stored
}

function isStored(field: Field): boolean {
  return field.type.kind !== 'unknown'
}

function unsupported(message: string, context: Readonly<Record<string, string | number>>): LakeError {
  return new LakeError('unsupported', message, { context })
}

function storableType(field: Field): Type {
  const { type } = field
  if (type.kind === 'struct') {
    if (!type.fields.some(isStored)) throw unsupported('a struct needs a stored field', { field: field.name })
    return { kind: 'struct', fields: storableFields(type.fields) }
  }
  if (type.kind === 'variant' || type.kind === 'geometry' || type.kind === 'geography') {
    throw unsupported('variant and geospatial columns cannot be written yet', {
      field: field.name,
      type: type.kind,
    })
  }
  if (type.kind === 'list') return { ...type, element: innerType(field, type.element) }
  if (type.kind === 'map') {
    return { ...type, key: innerType(field, type.key), value: innerType(field, type.value) }
  }
  return type
}

function innerType(field: Field, type: Type): Type {
  if (type.kind === 'unknown') {
    throw unsupported('lists and maps of type unknown cannot be stored', { field: field.name })
  }
  return storableType({ ...field, type })
}

/** The batch's stored columns; `fields` are those of the batch, unknown ones included. */
export function storableBatch(batch: ColumnBatch, fields: readonly Field[]): ColumnBatch {
  const columns = fields.flatMap((field, index) => {
    const column = batch.columns[index]
    return column === undefined || !isStored(field) ? [] : [storableVector(column, field.type)]
  })
  return { length: batch.length, fields: storableFields(fields), columns }
}

function storableVector(given: Vector, type: Type): Vector {
  const vector = plainVector(given)
  if (vector.layout === 'struct' && type.kind === 'struct') {
    const children = type.fields.flatMap((field, index) => {
      const child = vector.children[index]
      return child === undefined || !isStored(field) ? [] : [storableVector(child, field.type)]
    })
    return { ...vector, children }
  }
  if (vector.layout === 'list' && type.kind === 'list') {
    return { ...vector, element: storableVector(vector.element, type.element) }
  }
  if (vector.layout === 'map' && type.kind === 'map') {
    const keys = storableVector(vector.keys, type.key)
    return { ...vector, keys, values: storableVector(vector.values, type.value) }
  }
  return vector
}
