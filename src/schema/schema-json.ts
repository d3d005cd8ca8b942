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
    fields: parseFields(json),
    identifierFieldIds: intsOf(json, 'identifier-field-ids'),
  }
}

function parseFields(json: JsonObject): readonly Field[] {
  return asObjects(json.fields, 'fields').map(parseField)
}

function parseField(json: JsonObject): Field {
  const type = parseTypeJson(requiredMember(json, 'type'))
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
  if (typeof json === 'string') return parseType(json)
  if (!isJsonObject(json)) throw corruptField('type', 'text or an object')
  switch (json.type) {
    case 'struct':
      return { kind: 'struct', fields: parseFields(json) }
    case 'list':
      return parseList(json)
    case 'map':
      return parseMap(json)
    default:
      throw corruptField('type', 'struct, list or map')
  }
}

function parseList(json: JsonObject): ListType {
  return {
    kind: 'list',
    elementId: requiredInt(json, 'element-id'),
    elementRequired: requiredBoolean(json, 'element-required'),
    element: parseTypeJson(requiredMember(json, 'element')),
  }
}

function parseMap(json: JsonObject): MapType {
  return {
    kind: 'map',
    keyId: requiredInt(json, 'key-id'),
    key: parseTypeJson(requiredMember(json, 'key')),
    valueId: requiredInt(json, 'value-id'),
    valueRequired: requiredBoolean(json, 'value-required'),
    value: parseTypeJson(requiredMember(json, 'value')),
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
