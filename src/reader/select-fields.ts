/** Columns by name, of tables that are not the data of a table: its metadata tables and its changelog. */
import { LakeError } from '../base/errors.js'
import type { Field } from '../schema/types.js'

/**
 * The top-level columns of the given names, in their order; all columns when none are given.
 * @throws invalid-argument for an unknown or repeated name
 */
export function selectFields(
  fields: readonly Field[],
  select: readonly string[] | undefined,
): readonly Field[] {
  if (select === undefined) return fields
  const chosen = select.map(column => {
    const field = fields.find(each => each.name === column)
    if (field !== undefined) return field
    throw new LakeError('invalid-argument', 'there is no such column', {
      context: { column, columns: fields.map(each => each.name) },
    })
  })
  for (const [index, field] of chosen.entries()) {
    if (chosen.indexOf(field) !== index)
      throw new LakeError('invalid-argument', 'a column is selected twice', {
        context: { column: field.name },
      })
  }
  return chosen
}
