/**
 * Name mapping: field ids for data files that were written without any, by the names of their columns. A table
 * keeps it as JSON in a property: entries of `names` (several after renames, possibly none), `field-id` (may be
 * absent: the column is not of the table) and nested `fields`, where the parts of lists and maps are called
 * `element`, `key` and `value`.
 * @see Iceberg table spec, "Column Projection", "Name Mapping Serialization"
 */

import { isLakeError, LakeError } from '../base/errors.js'
import { isJsonObject, type JsonValue, parseJson } from '../base/json.js'

export const NAME_MAPPING_PROPERTY = 'schema.name-mapping.default'

/** The field id of a column of a file, by its path; undefined when the mapping does not have it. */
export type NameMapping = (path: readonly string[]) => number | undefined

interface MappedNames {
  readonly fieldId: number | undefined
  readonly children: ReadonlyMap<string, MappedNames>
}

/** @throws corrupt when the text is not a name mapping, or gives one name to two entries */
export function parseNameMapping(text: string): NameMapping {
  const root = parseEntries(parseText(text))
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

function parseText(text: string): JsonValue {
  try {
    return parseJson(text)
  } catch (cause) {
    if (isLakeError(cause)) throw malformed('the text is not JSON', cause)
    throw cause
  }
}

function parseEntries(json: JsonValue | undefined): ReadonlyMap<string, MappedNames> {
  if (!Array.isArray(json)) throw malformed('fields are not a list')
  const entries = new Map<string, MappedNames>()
  for (const entry of json) {
    if (!isJsonObject(entry)) throw malformed('a field is not an object')
    const { names, fields, 'field-id': fieldId } = entry
    if (!Array.isArray(names)) throw malformed('a field has no names')
    if (fieldId !== undefined && fieldId !== null && typeof fieldId !== 'number')
      throw malformed('a field id is not a number')
    const children = fields === undefined || fields === null ? new Map() : parseEntries(fields)
    for (const name of names) {
      if (typeof name !== 'string') throw malformed('a name is not a string')
      if (entries.has(name)) throw malformed('a name stands for two fields')
      entries.set(name, { fieldId: fieldId ?? undefined, children })
    }
  }
  return entries
}

function malformed(reason: string, cause?: unknown): LakeError {
  return new LakeError('corrupt', 'the name mapping of the table is malformed', {
    context: { property: NAME_MAPPING_PROPERTY, reason },
    cause,
  })
}
