/**
 * The JSON of partition specs.
 * @see Iceberg table spec, Appendix C "Partition Specs"
 */
import type { JsonObject, JsonValue } from '../base/json.js'
import { asObjects, intsOf, optionalInt, requiredInt, requiredText } from '../base/json-fields.js'
import type { PartitionField, PartitionSpec } from './partition-spec.js'
import { parseTransform, printTransform } from './transform.js'

/** Partition field ids begin here; v1 metadata that has none counts up from it by position. */
export const PARTITION_FIELD_ID_MIN = 1000

/** @throws corrupt when the JSON is no partition spec */
export function parsePartitionSpec(json: JsonObject): PartitionSpec {
  return { specId: requiredInt(json, 'spec-id'), fields: parsePartitionFields(json.fields ?? null) }
}

/**
 * The fields alone: v1's `partition-spec` and the header of a manifest.
 * @throws corrupt when the JSON is no list of partition fields
 */
export function parsePartitionFields(json: JsonValue): readonly PartitionField[] {
  return asObjects(json, 'partition fields').map((field, index) => ({
    ...parseTerm(field),
    fieldId: optionalInt(field, 'field-id') ?? PARTITION_FIELD_ID_MIN + index,
    name: requiredText(field, 'name'),
  }))
}

/** What a partition or sort field is made of. */
export type Term = Pick<PartitionField, 'sourceId' | 'sourceIds' | 'transform'>

/**
 * The transform of a partition or sort field and its source column, which v3 writers may name as a list of one. A
 * transform of several columns is kept as one that is not known: nobody has defined one yet.
 */
export function parseTerm(field: JsonObject): Term {
  const sourceIds = intsOf(field, 'source-ids')
  const text = requiredText(field, 'transform')
  const [first] = sourceIds
  if (first !== undefined && sourceIds.length > 1) {
    return { sourceId: first, sourceIds, transform: { kind: 'unsupported', text } }
  }
  const sourceId = optionalInt(field, 'source-id') ?? first ?? requiredInt(field, 'source-id')
  return { sourceId, transform: parseTransform(text) }
}

/** The members of a partition or sort field that `parseTerm` reads. */
export function serializeTerm({ sourceId, sourceIds, transform }: Term): JsonObject {
  const source: JsonObject = sourceIds === undefined ? { 'source-id': sourceId } : { 'source-ids': sourceIds }
  return { transform: printTransform(transform), ...source }
}

export function serializePartitionSpec(spec: PartitionSpec): JsonObject {
  return { 'spec-id': spec.specId, fields: serializePartitionFields(spec.fields) }
}

/** The fields alone, as manifest headers hold them. */
export function serializePartitionFields(fields: readonly PartitionField[]): readonly JsonObject[] {
  return fields.map(field => ({
    name: field.name,
    ...serializeTerm(field),
    'field-id': field.fieldId,
  }))
}
