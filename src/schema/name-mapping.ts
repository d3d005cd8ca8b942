/**
 * The name mapping of a table: which names its columns have, or had, in data files that were written without field
 * ids. It is kept as JSON in a table property: entries of `names` (several after renames, possibly none), `field-id`
 * (may be absent: the column is not of the table) and nested `fields`, where the parts of lists and maps are called
 * `element`, `key` and `value`.
 * @see Iceberg table spec, "Column Projection", "Name Mapping Serialization"
 */
import { isLakeError, LakeError } from '../base/errors.js'
import { isJsonObject, type JsonObject, type JsonValue, parseJson, stringifyJson } from '../base/json.js'
import { childFields, fieldById } from './schema.js'
import type { Field, Schema } from './types.js'

export const NAME_MAPPING_PROPERTY = 'schema.name-mapping.default'

export interface MappedField {
  readonly fieldId: number | undefined
  readonly names: readonly string[]
  readonly fields: readonly MappedField[]
}

/** @throws corrupt when the text is not a name mapping, or gives one name to two entries */
export function parseMappedFields(text: string): readonly MappedField[] {
  return parseEntries(parseText(text))
}

function parseText(text: string): JsonValue {
  try {
    return parseJson(text)
  } catch (cause) {
    if (isLakeError(cause)) throw malformed('the text is not JSON', cause)
    throw cause
  }
}

function parseEntries(json: JsonValue | undefined): readonly MappedField[] {
  if (!Array.isArray(json)) throw malformed('fields are not a list')
  const seen = new Set<string>()
  return json.map((entry): MappedField => {
    if (!isJsonObject(entry)) throw malformed('a field is not an object')
    const { names, fields, 'field-id': fieldId } = entry
    if (!Array.isArray(names)) throw malformed('a field has no names')
    if (fieldId !== undefined && fieldId !== null && typeof fieldId !== 'number')
      throw malformed('a field id is not a number')
    const texts = names.map(name => {
      if (typeof name !== 'string') throw malformed('a name is not a string')
      if (seen.has(name)) throw malformed('a name stands for two fields')
      seen.add(name)
      return name
    })
    const children = fields === undefined || fields === null ? [] : parseEntries(fields)
    return { fieldId: fieldId ?? undefined, names: texts, fields: children }
  })
}

function malformed(reason: string, cause?: unknown): LakeError {
  return new LakeError('corrupt', 'the name mapping of the table is malformed', {
    context: { property: NAME_MAPPING_PROPERTY, reason },
    cause,
  })
}

export function serializeNameMapping(fields: readonly MappedField[]): string {
  return stringifyJson(fields.map(serializeEntry))
}

function serializeEntry({ fieldId, names, fields }: MappedField): JsonObject {
  return {
    ...(fieldId === undefined ? {} : { 'field-id': fieldId }),
    names,
    ...(fields.length === 0 ? {} : { fields: fields.map(serializeEntry) }),
  }
}

/** The mapping in which every column has the name it has now. */
export function nameMappingOf(fields: readonly Field[]): readonly MappedField[] {
  return fields.map(({ id, name, type }) => ({
    fieldId: id,
    names: [name],
    fields: nameMappingOf(childFields(type)),
  }))
}

/**
 * The mapping after a change of the schema: columns that are new come in, renamed ones are found by their new name
 * too, and a name that another column has now is taken from the column that had it. Columns that were dropped keep
 * their entries, so that nobody takes their data for that of a new column.
 */
export function updateNameMapping(
  mapping: readonly MappedField[],
  before: Pick<Schema, 'fields'>,
  after: Pick<Schema, 'fields'>,
): readonly MappedField[] {
  return updateLevel(mapping, before, after.fields)
}

function updateLevel(
  mapping: readonly MappedField[],
  before: Pick<Schema, 'fields'>,
  fields: readonly Field[],
): readonly MappedField[] {
  // Names of columns that are new or renamed belong to them alone.
  const claimed = new Map<string, number>()
  for (const field of fields) {
    if (fieldById(before, field.id)?.name !== field.name) claimed.set(field.name, field.id)
  }
  const known = new Set(mapping.map(entry => entry.fieldId))
  const kept = mapping.map((entry): MappedField => {
    const names = entry.names.filter(name => (claimed.get(name) ?? entry.fieldId) === entry.fieldId)
    const field = fields.find(each => each.id === entry.fieldId)
    if (field === undefined) return { ...entry, names }
    const renamed = claimed.has(field.name) && !names.includes(field.name)
    return {
      ...entry,
      names: renamed ? [...names, field.name] : names,
      fields: updateLevel(entry.fields, before, childFields(field.type)),
    }
  })
  const added = fields.filter(field => !known.has(field.id) && fieldById(before, field.id) === undefined)
  return [...kept, ...nameMappingOf(added)]
}
