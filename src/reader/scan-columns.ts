/** The columns of a scan's output, by name. */
import { LakeError } from '../base/errors.js'
import { partitionField } from '../schema/partition.js'
import type { PartitionSpec } from '../schema/partition-spec.js'
import { METADATA_FIELDS, PARTITION_FIELD_NAME } from '../schema/reserved-fields.js'
import type { Field, Schema } from '../schema/types.js'

/**
 * The top-level columns and metadata columns of the given names, in their order; all columns when none are given.
 * A column of the table hides the metadata column of the same name.
 * @throws invalid-argument for an unknown, ambiguous or repeated name; unsupported for `_partition` of a table with a
 * transform that is not known
 */
export function outputFields(
  schema: Schema,
  options: {
    readonly select?: readonly string[] | undefined
    readonly caseSensitive?: boolean | undefined
    /** The table's partition specs, which make up `_partition`; without them there is no such column. */
    readonly specs?: readonly PartitionSpec[] | undefined
  },
): readonly Field[] {
  const { select, caseSensitive = true, specs } = options
  if (select === undefined) return schema.fields
  const same = caseSensitive
    ? (a: string, b: string) => a === b
    : (a: string, b: string) => a.toLowerCase() === b.toLowerCase()
  const metadataField = (name: string): Field | undefined => {
    if (specs !== undefined && same(PARTITION_FIELD_NAME, name)) return partitionField(specs, schema)
    return METADATA_FIELDS.find(candidate => same(candidate.name, name))
  }
  const fields = select.map(name => {
    const found = schema.fields.filter(field => same(field.name, name))
    if (found.length > 1) throw invalid('the column name is ambiguous', name)
    const field = found[0] ?? metadataField(name)
    if (field === undefined) throw invalid('the table has no such column', name)
    return field
  })
  for (const [index, field] of fields.entries())
    if (fields.findIndex(other => other.id === field.id) !== index)
      throw invalid('a column is selected twice', field.name)
  return fields
}

function invalid(message: string, column: string): LakeError {
  return new LakeError('invalid-argument', message, { context: { column } })
}
