/**
 * The `partition` column of metadata tables: one struct type for the tuples of all specs of the table. A table that
 * was never partitioned has no such column.
 */
import type { ContentFile } from '../../manifest/content-file.js'
import { currentSchema, specById } from '../../metadata/lookup.js'
import type { TableMetadata } from '../../metadata/table-metadata.js'
import { unifiedPartitionType, unifiedTuple } from '../../schema/partition.js'
import type { PartitionTuple } from '../../schema/partition-spec.js'
import type { StructType } from '../../schema/types.js'

export interface PartitionColumn {
  readonly type: StructType
  /** The file's tuple as a value of the type: null where its spec lacks the field. */
  tupleOf(file: ContentFile): PartitionTuple
  /** How many of the type's fields the file's spec has. */
  widthOf(file: ContentFile): number
}

/** @throws unsupported when a spec has a transform that is not known: its values have no type */
export function partitionColumn(metadata: TableMetadata): PartitionColumn {
  const type = unifiedPartitionType(metadata.partitionSpecs, currentSchema(metadata))
  const nulls = type.fields.map(() => null)
  const widths = new Map(
    metadata.partitionSpecs.map(({ specId, fields }) => {
      const ids = new Set(fields.map(field => field.fieldId))
      return [specId, type.fields.filter(field => ids.has(field.id)).length]
    }),
  )
  return {
    type,
    tupleOf(file) {
      const spec = specById(metadata, file.specId)
      return spec === undefined ? nulls : unifiedTuple(type, spec, file.partition)
    },
    widthOf: file => widths.get(file.specId) ?? 0,
  }
}
