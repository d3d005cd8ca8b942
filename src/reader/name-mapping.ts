/**
 * Name mapping: field ids for data files that were written without any, by the names of their columns.
 * @see Iceberg table spec, "Column Projection", "Name Mapping Serialization"
 */
import { type MappedField, parseMappedFields } from '../schema/name-mapping.js'

/** The field id of a column of a file, by its path; undefined when the mapping does not have it. */
export type NameMapping = (path: readonly string[]) => number | undefined

interface MappedNames {
  readonly fieldId: number | undefined
  readonly children: ReadonlyMap<string, MappedNames>
}

/** @throws corrupt when the text is not a name mapping, or gives one name to two entries */
export function parseNameMapping(text: string): NameMapping {
  return nameMappingBy(parseMappedFields(text))
}

/** Looks names up in the entries of a mapping. */
export function nameMappingBy(fields: readonly MappedField[]): NameMapping {
  const root = byName(fields)
  return path => {
    let names: ReadonlyMap<string, MappedNames> | undefined = root
    let fieldId: number | undefined
    for (const name of path) {
      const mapped: MappedNames | undefined = names?.get(name)
      names = mapped?.children
      fieldId = mapped?.fieldId
    }
    return fieldId
  }
}

function byName(fields: readonly MappedField[]): ReadonlyMap<string, MappedNames> {
  const names = new Map<string, MappedNames>()
  for (const field of fields) {
    const mapped = { fieldId: field.fieldId, children: byName(field.fields) }
    for (const name of field.names) names.set(name, mapped)
  }
  return names
}
