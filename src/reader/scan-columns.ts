/** The columns of a scan's output, by name. */
import { LakeError } from '../base/errors.js'
import { METADATA_FIELDS } from '../schema/reserved-fields.js'
import type { Field, Schema } from '../schema/types.js'

/**
 * The top-level columns and metadata columns of the given names, in their order; all columns when none are given.
 * A column of the table hides the metadata column of the same name.
 * @throws invalid-argument for an unknown, ambiguous or repeated name
 */
export function outputFields(
  schema: Schema,
  options: {
    readonly select?: readonly string[] | undefined
    readonly caseSensitive?: boolean | undefined
  },
): readonly Field[] {
  const { select, caseSensitive = true } = options
  if (select === undefined) return schema.fields
  const same = caseSensitive
    ? (a: string, b: string) => a === b
    : (a: string, b: string) => a.toLowerCase() === b.toLowerCase()
  const fields = select.map(name => {
    const found = schema.fields.filter(field => same(field.name, name))
    if (found.length > 1) throw invalid('the column name is ambiguous', name)
    const field = found[0] ?? METADATA_FIELDS.find(candidate => same(candidate.name, name))
    if (field === undefined) throw invalid('the table has no such column', name)
    return field
  })
  for (const [index, field] of fields.entries())
    if (fields.indexOf(field) !== index) throw invalid('a column is selected twice', field.name)
  return fields
}

function invalid(message: string, column: string): LakeError {
  return new LakeError('invalid-argument', message, { context: { column } })
}
