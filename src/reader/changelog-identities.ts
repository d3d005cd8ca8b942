/**
 * When a deleted and an inserted row of one snapshot are one row. Identities are tried in turn:
 *
 *   raw                  untouched*, equal rows
 *   updates, row ids     untouched*, same id* and equal, same id* -> update, equal rows, identifier fields -> update
 *   updates, keys        untouched*, equal rows, equal keys -> update
 *
 * Rows of lineage (*) are of tables of format version 3. Row ids are comparable along one history.
 * @see Iceberg table spec, "Row Lineage", "Identifier Field IDs"
 */
import { LakeError } from '../base/errors.js'
import type { Bitmap, Vector } from '../batch/column-batch.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { LAST_UPDATED_SEQUENCE_NUMBER_FIELD, ROW_ID_FIELD } from '../schema/reserved-fields.js'
import { fieldById, fieldIdPath, fieldPath, findField } from '../schema/schema.js'
import { type Field, isPrimitive, type Schema } from '../schema/types.js'
import { columnInside, type RowIdentity } from './changelog-rows.js'

/** Read behind the columns of the table where rows are compared by their lineage. */
export const LINEAGE_FIELDS: readonly Field[] = [ROW_ID_FIELD, LAST_UPDATED_SEQUENCE_NUMBER_FIELD]

export function hasLineage(metadata: TableMetadata): boolean {
  return metadata.formatVersion >= 3
}

/** A row that nobody touched, then one that was replaced by an equal one: neither is a change. */
export function unchangedIdentities(metadata: TableMetadata, schema: Schema): readonly RowIdentity[] {
  return [...(hasLineage(metadata) ? [untouchedIdentity(schema)] : []), fullRowIdentity(schema)]
}

/**
 * Given keys decide alone, of rows that changed. Row ids come before the comparison of full rows, which is for rows
 * whose writer did not keep them.
 * @throws invalid-argument for keys that are no columns, and when there is nothing to know a row by
 */
export function updateIdentities(
  metadata: TableMetadata,
  schema: Schema,
  keys: readonly string[],
): readonly RowIdentity[] {
  const unchanged = unchangedIdentities(metadata, schema)
  if (keys.length > 0)
    return [
      ...unchanged,
      keyIdentity(
        schema,
        keys.map(name => keyId(schema, name)),
      ),
    ]
  const ids = schema.identifierFieldIds
  if (hasLineage(metadata))
    return [
      untouchedIdentity(schema),
      rowIdIdentity(schema, 'unchanged'),
      rowIdIdentity(schema, 'updated'),
      fullRowIdentity(schema),
      ...(ids.length > 0 ? [keyIdentity(schema, ids)] : []),
    ]
  if (ids.length > 0) return [...unchanged, keyIdentity(schema, ids)]
  throw new LakeError('invalid-argument', 'the table has no identifier fields: name the key columns', {
    context: { columns: schema.fields.map(field => field.name) },
  })
}

function keyId(schema: Schema, name: string): number {
  const field = findField(schema, name)
  if (field !== undefined) return field.id
  throw new LakeError('invalid-argument', 'a key is no column of the table', { context: { column: name } })
}

function keyIdentity(schema: Schema, ids: readonly number[]): RowIdentity {
  const places = ids.map(id => placeOf(schema, id))
  return {
    vectors: batch => places.map(place => keyVector(columnInside(batch, place), place.length - 1)),
    types: ids.map(id => primitiveOf(schema, id)),
    nullable: true,
    unchanged: false,
    isLineage: false,
  }
}

/** Indexes of the fields from the top-level column down to the key. */
function placeOf(schema: Schema, id: number): readonly number[] {
  let fields: readonly Field[] = schema.fields
  return (fieldIdPath(schema, id) ?? []).map(each => {
    const index = fields.findIndex(field => field.id === each)
    const type = fields[index]?.type
    fields = type?.kind === 'struct' ? type.fields : []
    if (index < 0) throw notAKey(schema, id)
    return index
  })
}

function primitiveOf(schema: Schema, id: number): Field['type'] {
  const type = fieldById(schema, id)?.type
  if (type !== undefined && isPrimitive(type)) return type
  throw notAKey(schema, id)
}

function notAKey(schema: Schema, id: number): LakeError {
  return new LakeError('invalid-argument', 'a key is a primitive column, or one in structs', {
    context: { column: fieldPath(schema, id)?.join('.') ?? String(id) },
  })
}

/** Equal row ids, and full rows where the row is to be unchanged. */
function rowIdIdentity(schema: Schema, as: 'unchanged' | 'updated'): RowIdentity {
  const width = schema.fields.length
  const rowType = as === 'unchanged' ? schema.fields.map(field => field.type) : []
  return {
    vectors: batch => [columnInside(batch, [width]), ...batch.columns.slice(0, rowType.length)],
    types: [ROW_ID_FIELD.type, ...rowType],
    nullable: false,
    unchanged: as === 'unchanged',
    isLineage: true,
  }
}

/** Equal row id and equal last updated sequence number: nobody touched the row. */
function untouchedIdentity(schema: Schema): RowIdentity {
  const width = schema.fields.length
  return {
    vectors: batch => LINEAGE_FIELDS.map((_, at) => columnInside(batch, [width + at])),
    types: LINEAGE_FIELDS.map(field => field.type),
    nullable: false,
    unchanged: true,
    isLineage: true,
  }
}

function fullRowIdentity(schema: Schema): RowIdentity {
  return {
    vectors: batch => batch.columns.slice(0, schema.fields.length),
    types: schema.fields.map(field => field.type),
    nullable: true,
    unchanged: true,
    isLineage: false,
  }
}

/** The values `depth` structs further in: inside a null struct they are null. */
function keyVector(column: Vector, depth: number): Vector {
  let vector = column
  for (let level = 0; level < depth; level++) {
    if (vector.layout === 'null') return vector
    const child: Vector | undefined = vector.layout === 'struct' ? vector.children[0] : undefined
    if (vector.layout !== 'struct' || child === undefined)
      throw new LakeError('corrupt', 'a struct column holds another layout')
    vector = maskedBy(child, vector.validity)
  }
  return vector
}

function maskedBy(vector: Vector, parent: Bitmap | undefined): Vector {
  if (parent === undefined || vector.layout === 'null') return vector
  return { ...vector, validity: vector.validity === undefined ? parent : both(vector.validity, parent) }
}

function both(a: Bitmap, b: Bitmap): Bitmap {
  return a.map((byte, index) => byte & (b[index] ?? 0))
}
