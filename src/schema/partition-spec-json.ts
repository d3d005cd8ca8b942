/**
 * The JSON of partition specs.
 * @see Iceberg table spec, Appendix C "Partition Specs"
 */
import { LakeError } from '../base/errors.js'
import type { JsonObject, JsonValue } from '../base/json.js'
import { asObjects, optionalInt, optionalList, requiredInt, requiredText } from '../base/json-fields.js'
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
    sourceId: readSourceId(field),
    fieldId: optionalInt(field, 'field-id') ?? PARTITION_FIELD_ID_MIN + index,
    name: requiredText(field, 'name'),
    transform: parseTransform(requiredText(field, 'transform')),
  }))
}

/**
 * The source column of a partition or sort field; v3 writers may name it as a list of one.
 * @throws unsupported when a transform has several sources
 */
export function readSourceId(field: JsonObject): number {
  const sources = optionalList(field, 'source-ids')
  if (sources === undefined || optionalInt(field, 'source-id') !== undefined)
    return requiredInt(field, 'source-id')
  const [first] = sources
  if (sources.length !== 1 || typeof first !== 'number') {
    throw new LakeError('unsupported', 'a transform of several columns is not supported')
  }
  return first
}

export function serializePartitionSpec(spec: PartitionSpec): JsonObject {
  return { 'spec-id': spec.specId, fields: serializePartitionFields(spec.fields) }
}

/** The fields alone, as manifest headers hold them. */
export function serializePartitionFields(fields: readonly PartitionField[]): readonly JsonObject[] {
  return fields.map(field => ({
    name: field.name,
    transform: printTransform(field.transform),
    'source-id': field.sourceId,
    'field-id': field.fieldId,
  }))
}
