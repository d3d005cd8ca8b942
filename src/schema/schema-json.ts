/**
 * The JSON of schemas: in table metadata, in manifest headers, in the REST protocol and in Parquet footers.
 * @see Iceberg table spec, Appendix C "Schemas"
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../base/json.js'
import {
  asObjects,
  corruptField,
  intsOf,
  optionalInt,
  requiredBoolean,
  requiredInt,
  requiredMember,
  requiredText,
} from '../base/json-fields.js'
import { parseType, printType } from './type-text.js'
import type { Field, ListType, MapType, Schema, StructType, Type } from './types.js'
import { valueFromJson, valueToJson } from './value-json.js'

/**
 * A schema without `schema-id` (v1) has id 0.
 * @throws corrupt when the JSON is no schema
 */
export function parseSchema(json: JsonObject): Schema {
  if (json.type !== 'struct') throw corruptField('type', 'struct')
  return {
    schemaId: optionalInt(json, 'schema-id') ?? 0,
    fields: parseFields(json, 0),
    identifierFieldIds: intsOf(json, 'identifier-field-ids'),
  }
}

function parseFields(json: JsonObject, depth: number): readonly Field[] {
  return asObjects(json.fields, 'fields').map(field => parseField(field, depth))
}

function parseField(json: JsonObject, depth: number): Field {
  const type = parseNested(requiredMember(json, 'type'), depth)
  const { doc } = json
  const initialDefault = json['initial-default']
  const writeDefault = json['write-default']
  return {
    id: requiredInt(json, 'id'),
    name: requiredText(json, 'name'),
    required: requiredBoolean(json, 'required'),
    type,
    ...(typeof doc === 'string' ? { doc } : {}),
    ...(initialDefault === undefined ? {} : { initialDefault: valueFromJson(type, initialDefault) }),
    ...(writeDefault === undefined ? {} : { writeDefault: valueFromJson(type, writeDefault) }),
  }
}

/**
 * A type: text for primitives, an object for nested ones.
 * @throws corrupt when the JSON is no type
 */
export function parseTypeJson(json: JsonValue): Type {
  return parseNested(json, 0)
}

/** Everything that walks a type calls itself: a deeper one would be for some of them to read, and a crash for others. */
const DEPTH_MAX = 300

function parseNested(json: JsonValue, above: number): Type {
  if (typeof json === 'string') return parseType(json)
  if (!isJsonObject(json)) throw corruptField('type', 'text or an object')
  const depth = above + 1
  if (depth > DEPTH_MAX) throw corruptField('type', `at most ${DEPTH_MAX} levels`)
  switch (json.type) {
    case 'struct':
      return { kind: 'struct', fields: parseFields(json, depth) }
    case 'list':
      return parseList(json, depth)
    case 'map':
      return parseMap(json, depth)
    default:
      throw corruptField('type', 'struct, list or map')
  }
}

function parseList(json: JsonObject, depth: number): ListType {
  return {
    kind: 'list',
    elementId: requiredInt(json, 'element-id'),
    elementRequired: requiredBoolean(json, 'element-required'),
    element: parseNested(requiredMember(json, 'element'), depth),
  }
}

function parseMap(json: JsonObject, depth: number): MapType {
  return {
    kind: 'map',
    keyId: requiredInt(json, 'key-id'),
    key: parseNested(requiredMember(json, 'key'), depth),
    valueId: requiredInt(json, 'value-id'),
    valueRequired: requiredBoolean(json, 'value-required'),
    value: parseNested(requiredMember(json, 'value'), depth),
  }
}

/** The JSON of a schema; `identifier-field-ids` is left out when there are none. */
export function serializeSchema(schema: Schema): JsonObject {
  return {
    type: 'struct',
    'schema-id': schema.schemaId,
    ...(schema.identifierFieldIds.length > 0 ? { 'identifier-field-ids': schema.identifierFieldIds } : {}),
    fields: schema.fields.map(serializeField),
  }
}

function serializeField(field: Field): JsonObject {
  const { type, initialDefault, writeDefault } = field
  return {
    id: field.id,
    name: field.name,
    required: field.required,
    type: serializeType(type),
    ...(field.doc === undefined ? {} : { doc: field.doc }),
    ...(initialDefault === undefined ? {} : { 'initial-default': valueToJson(type, initialDefault) }),
    ...(writeDefault === undefined ? {} : { 'write-default': valueToJson(type, writeDefault) }),
  }
}

/** The JSON of a type. */
export function serializeType(type: Type): JsonValue {
  switch (type.kind) {
    case 'struct':
      return serializeStruct(type)
    case 'list':
      return {
        type: 'list',
        'element-id': type.elementId,
        element: serializeType(type.element),
        'element-required': type.elementRequired,
      }
    case 'map':
      return {
        type: 'map',
        'key-id': type.keyId,
        key: serializeType(type.key),
        'value-id': type.valueId,
        value: serializeType(type.value),
        'value-required': type.valueRequired,
      }
    default:
      return printType(type)
  }
}

function serializeStruct(type: StructType): JsonObject {
  return { type: 'struct', fields: type.fields.map(serializeField) }
}
