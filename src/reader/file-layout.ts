/**
 * How the columns a scan needs lie in one data file: decided once a file, applied to each of its batches.
 * Columns are found by field id. One that the file lacks is, in this order, the value of an identity partition
 * field, its initial default, or null.
 * @see Iceberg table spec, "Column Projection"
 */
import { LakeError } from '../base/errors.js'
import type { ColumnBatch } from '../batch/column-batch.js'
import { projectBatch } from '../batch/project-batch.js'
import { NO_FIELD_ID } from '../format/parquet/footer/schema.js'
import type { DataFile } from '../manifest/content-file.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { planProjection } from '../schema/projection.js'
import { canPromote, promoteValue } from '../schema/promotion.js'
import { indexFields } from '../schema/schema.js'
import type { Field, Type, Value } from '../schema/types.js'
import { NAME_MAPPING_PROPERTY } from './name-mapping.js'

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

/**
 * @throws unsupported for a file without field ids and for types that cannot be read; corrupt for a missing
 * required column without a default
 */
export function planFileLayout(options: FileLayoutOptions): FileLayout {
  const { file, stored, needed } = options
  checkFieldIds(options)
  const neededIds = new Set(needed.map(field => field.id))
  const columns = stored.flatMap((field, index) => (neededIds.has(field.id) ? [index] : []))
  const read = columns.map(index => stored[index]).filter(field => field !== undefined)
  checkTypes(file, read)
  const storedIds = new Set(read.map(field => field.id))
  const partition = identityValues(options)
  checkNestedPartitionSources(options, partition)

  const constants = new Map(
    needed.flatMap(field => {
      const value = partition.get(field.id)
      return value === undefined || storedIds.has(field.id) ? [] : [[field.id, asType(value, field, file)]]
    }),
  )
  const plan = planProjection(read, needed, { constants })
  return { columns, project: batch => projectBatch(batch, plan, needed) }
}

/** A mapping may lack every column of a file; without one, columns could only be guessed by position. */
function checkFieldIds({ metadata, file, stored }: FileLayoutOptions): void {
  if (stored.length === 0 || stored.some(field => field.id !== NO_FIELD_ID)) return
  if (metadata.properties[NAME_MAPPING_PROPERTY] !== undefined) return
  throw new LakeError('unsupported', 'data files without field ids need a name mapping', {
    context: { location: file.location },
  })
}

/** Types whose data is not read yet; what would not be read back is not written either. */
export const UNREADABLE: ReadonlySet<Type['kind']> = new Set(['variant', 'geometry', 'geography'])

function checkTypes(file: DataFile, read: readonly Field[]): void {
  for (const field of indexFields({ fields: read }).values())
    if (UNREADABLE.has(field.type.kind))
      throw new LakeError('unsupported', 'columns of this type cannot be read', {
        context: { location: file.location, column: field.name, type: field.type.kind },
      })
}

/** Values of the file's identity partition fields by source column. */
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
  const from: Type = field.type.kind === 'timestamp' ? { kind: 'date' } : { kind: 'int' }
  switch (field.type.kind) {
    case 'int':
    case 'date':
    case 'float':
    case 'double':
      return value
    default:
      if (canPromote(from, field.type)) return promoteValue(from, field.type, value)
      throw new LakeError('corrupt', 'a partition value has another type than its column', {
        context: { location: file.location, column: field.name },
      })
  }
}

/** A value that belongs inside a struct of the file cannot be put there yet. */
function checkNestedPartitionSources(
  options: FileLayoutOptions,
  partition: ReadonlyMap<number, Value>,
): void {
  if (partition.size === 0) return
  const { needed, stored, file } = options
  const topLevel = new Set(needed.map(field => field.id))
  const inFile = indexFields({ fields: stored })
  for (const id of indexFields({ fields: needed }).keys())
    if (!topLevel.has(id) && partition.has(id) && !inFile.has(id))
      throw new LakeError('unsupported', 'a nested partition column is missing in the data file', {
        context: { location: file.location, fieldId: id },
      })
}
