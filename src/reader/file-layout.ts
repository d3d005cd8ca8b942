/**
 * How the columns a scan needs lie in one data file: decided once a file, applied to each of its batches.
 * Columns are found by field id. One that the file lacks is, in this order, the value of an identity partition
 * field, its initial default, or null; so is a field of a struct that the file has.
 * @see Iceberg table spec, "Column Projection"
 */
import { LakeError } from '../base/errors.js'
import type { ColumnBatch } from '../batch/column-batch.js'
import { projectBatch } from '../batch/project-batch.js'
import { NO_FIELD_ID } from '../format/parquet/footer/schema.js'
import type { DataFile } from '../manifest/content-file.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { NAME_MAPPING_PROPERTY } from '../schema/name-mapping.js'
import { planProjection } from '../schema/projection.js'
import { promoteValue } from '../schema/promotion.js'
import { childFields } from '../schema/schema.js'
import type { Field, Type, Value } from '../schema/types.js'

export interface FileLayout {
  /** The columns to read, as indexes into the file's fields. */
  readonly columns: readonly number[]
  /** Turns a batch of those columns into one of the needed fields. */
  project(batch: ColumnBatch): ColumnBatch
}

export interface FileLayoutOptions {
  readonly metadata: TableMetadata
  readonly file: DataFile
  /** The fields of the stored file. */
  readonly stored: readonly Field[]
  /** Top-level columns that are needed, as the scan expects them; two may share an id and differ in type. */
  readonly needed: readonly Field[]
}

/** @throws corrupt for a type that cannot become the needed one, or a missing required column without a default */
export function planFileLayout(options: FileLayoutOptions): FileLayout {
  const { file, needed } = options
  const stored = fieldsWithIds(options)
  const neededIds = new Set(needed.map(field => field.id))
  const columns = stored.flatMap((field, index) => (neededIds.has(field.id) ? [index] : []))
  const read = columns.map(index => stored[index]).filter(field => field !== undefined)
  const partition = identityValues(options)
  const plan = planProjection(read, needed, {
    constantOf(field) {
      const value = partition.get(field.id)
      return value === undefined ? undefined : asType(value, field, file)
    },
  })
  return { columns, project: batch => projectBatch(batch, plan, needed) }
}

/**
 * The stored fields, with fallback ids where the file has none and the table no name mapping. They are those that
 * Java gives: columns of a Parquet file by their position from 1, whose nested fields stay without, and fields of an
 * Avro file at every depth by their names in the schema. A mapping may lack every column of a file.
 */
function fieldsWithIds({ metadata, file, stored, needed }: FileLayoutOptions): readonly Field[] {
  if (metadata.properties[NAME_MAPPING_PROPERTY] !== undefined || stored.some(hasId)) return stored
  if (file.format === 'avro') return idsByName(stored, needed)
  return stored.map((field, index) => ({ ...field, id: index + 1 }))
}

/** True when the field or one inside it has an id. */
function hasId({ id, type }: Field): boolean {
  return id !== NO_FIELD_ID || childFields(type).some(hasId)
}

function idsByName(stored: readonly Field[], named: readonly Field[]): readonly Field[] {
  return stored.map(field => {
    const target = named.find(candidate => candidate.name === field.name)
    return target === undefined
      ? field
      : { ...field, id: target.id, type: idsInside(field.type, target.type) }
  })
}

/** The parts of lists and maps are found without ids. */
function idsInside(stored: Type, named: Type): Type {
  if (stored.kind === 'struct' && named.kind === 'struct')
    return { kind: 'struct', fields: idsByName(stored.fields, named.fields) }
  if (stored.kind === 'list' && named.kind === 'list')
    return { ...stored, element: idsInside(stored.element, named.element) }
  if (stored.kind === 'map' && named.kind === 'map')
    return { ...stored, key: idsInside(stored.key, named.key), value: idsInside(stored.value, named.value) }
  return stored
}

/** Values of the file's identity partition fields by source column, which may lie in a struct. */
function identityValues({ metadata, file }: FileLayoutOptions): ReadonlyMap<number, Value> {
  const spec = metadata.partitionSpecs.find(candidate => candidate.specId === file.specId)
  const values = new Map<number, Value>()
  for (const [index, field] of (spec?.fields ?? []).entries()) {
    const value = file.partition[index]
    if (field.transform.kind === 'identity' && value !== undefined) values.set(field.sourceId, value)
  }
  return values
}

/** A partition value that was written before its column was promoted. */
function asType(value: Value, field: Field, file: DataFile): Value {
  if (typeof value !== 'number') return value
  switch (field.type.kind) {
    case 'int':
    case 'date':
    case 'float':
    case 'double':
      return value
    case 'long':
      return promoteValue({ kind: 'int' }, field.type, value)
    case 'timestamp':
    case 'timestamp_ns':
      return promoteValue({ kind: 'date' }, field.type, value)
    default:
      throw new LakeError('corrupt', 'a partition value has another type than its column', {
        context: { location: file.location, column: field.name },
      })
  }
}
