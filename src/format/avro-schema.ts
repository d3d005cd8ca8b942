/**
 * Avro schemas: parsed from the text in a file's header into a tree in which named types are inlined and
 * Iceberg's field ids are numbers, and made from Iceberg fields for writing.
 * @see Iceberg table spec, "Appendix A: Avro"
 */
import { unreachable } from '../base/assert.js'
import { LakeError } from '../base/errors.js'
import { isJsonObject, type JsonObject, type JsonValue } from '../base/json.js'
import type { Field, Type } from '../schema/types.js'
import { minimalDecimalBytes } from './decimal-width.js'

export type AvroPrimitiveKind = 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string'

/** What a primitive or fixed stands for; unknown logical types are kept as text. */
export interface AvroLogical {
  readonly name: string
  readonly precision?: number
  readonly scale?: number
  readonly adjustToUtc?: boolean
}

export interface AvroField {
  readonly name: string
  /** Iceberg's field id; absent in files of other systems. */
  readonly id: number | undefined
  readonly type: AvroType
}

export interface AvroRecordType {
  readonly kind: 'record'
  readonly fields: readonly AvroField[]
}

export type AvroType =
  | { readonly kind: AvroPrimitiveKind; readonly logical?: AvroLogical }
  | { readonly kind: 'fixed'; readonly sizeBytes: number; readonly logical?: AvroLogical }
  | { readonly kind: 'enum'; readonly symbols: readonly string[] }
  | { readonly kind: 'array'; readonly items: AvroType; readonly elementId?: number; readonly isMap: boolean }
  | { readonly kind: 'map'; readonly values: AvroType; readonly keyId?: number; readonly valueId?: number }
  | { readonly kind: 'union'; readonly branches: readonly AvroType[] }
  | AvroRecordType

const PRIMITIVES: readonly string[] = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string']
/** Far above any table's schema; a schema that names itself many times over would fill the memory. */
const NODES_MAX = 200_000
const DEPTH_MAX = 100

interface ParseState {
  readonly named: Map<string, JsonObject>
  nodes: number
}

/**
 * The tree of a schema in JSON.
 * @throws corrupt when it is not an Avro schema; unsupported when it contains itself
 */
export function parseAvroSchema(json: JsonValue): AvroType {
  return typeOf(json, { named: new Map(), nodes: 0 }, { namespace: '', depth: 0 })
}

interface Scope {
  readonly namespace: string
  readonly depth: number
}

function corrupt(message: string): LakeError {
  return new LakeError('corrupt', message)
}

function typeOf(json: JsonValue | undefined, state: ParseState, scope: Scope): AvroType {
  if (++state.nodes > NODES_MAX) throw corrupt('the avro schema is too large')
  if (scope.depth > DEPTH_MAX)
    throw new LakeError('unsupported', 'the avro schema nests too deep or contains itself')
  if (typeof json === 'string') return typeOfName(json, state, scope)
  if (Array.isArray(json)) {
    const inner = { ...scope, depth: scope.depth + 1 }
    return { kind: 'union', branches: json.map((branch: JsonValue) => typeOf(branch, state, inner)) }
  }
  if (!isJsonObject(json)) throw corrupt('the avro schema holds something that is not a type')
  return typeOfObject(json, state, scope)
}

function isPrimitiveKind(text: string): text is AvroPrimitiveKind {
  return PRIMITIVES.includes(text)
}

function typeOfName(name: string, state: ParseState, scope: Scope): AvroType {
  if (isPrimitiveKind(name)) return { kind: name }
  const definition = state.named.get(fullName(name, scope.namespace)) ?? state.named.get(name)
  if (definition === undefined) throw corrupt('the avro schema names a type that it does not define')
  return typeOf(definition, state, { ...scope, depth: scope.depth + 1 })
}

function fullName(name: string, namespace: string): string {
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`
}

function typeOfObject(json: JsonObject, state: ParseState, outer: Scope): AvroType {
  const kind = json.type
  const scope: Scope = { namespace: namespaceOf(json) ?? outer.namespace, depth: outer.depth + 1 }
  if (typeof kind !== 'string') return typeOf(kind, state, scope)
  if (typeof json.name === 'string' && (kind === 'record' || kind === 'fixed' || kind === 'enum')) {
    state.named.set(fullName(json.name, scope.namespace), json)
  }
  switch (kind) {
    case 'record':
      return { kind, fields: fieldsOf(json, state, scope) }
    case 'array':
      return {
        kind,
        items: typeOf(json.items, state, scope),
        isMap: json.logicalType === 'map',
        ...idProperty('elementId', json['element-id']),
      }
    case 'map':
      return {
        kind,
        values: typeOf(json.values, state, scope),
        ...idProperty('keyId', json['key-id']),
        ...idProperty('valueId', json['value-id']),
      }
    case 'fixed': {
      const size = json.size
      if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
        throw corrupt('an avro fixed has no size')
      return { kind, sizeBytes: size, ...logicalProperty(json) }
    }
    case 'enum': {
      const symbols = json.symbols
      if (!isTexts(symbols)) throw corrupt('an avro enum has no symbols')
      return { kind, symbols }
    }
    default:
      return isPrimitiveKind(kind) ? { kind, ...logicalProperty(json) } : typeOfName(kind, state, scope)
  }
}

function isTexts(json: JsonValue | undefined): json is readonly string[] {
  return Array.isArray(json) && json.every((text: JsonValue) => typeof text === 'string')
}

function namespaceOf(json: JsonObject): string | undefined {
  if (typeof json.name === 'string' && json.name.includes('.'))
    return json.name.slice(0, json.name.lastIndexOf('.'))
  return typeof json.namespace === 'string' ? json.namespace : undefined
}

function fieldsOf(json: JsonObject, state: ParseState, scope: Scope): AvroField[] {
  const fields = json.fields
  if (!Array.isArray(fields)) throw corrupt('an avro record has no fields')
  const ids = new Set<number>()
  return fields.map((field: JsonValue) => {
    if (!isJsonObject(field) || typeof field.name !== 'string') throw corrupt('an avro field has no name')
    const id = field['field-id']
    if (id !== undefined && (typeof id !== 'number' || !Number.isSafeInteger(id))) {
      throw corrupt('an avro field has an id that is not an integer')
    }
    if (id !== undefined && ids.has(id)) throw corrupt('an avro record has two fields with one id')
    if (id !== undefined) ids.add(id)
    return { name: field.name, id, type: typeOf(field.type, state, scope) }
  })
}

function idProperty<K extends string>(key: K, json: JsonValue | undefined): { [P in K]?: number } {
  const property: { [P in K]?: number } = {}
  if (typeof json === 'number') property[key] = json
  return property
}

function logicalProperty(json: JsonObject): { logical?: AvroLogical } {
  const { logicalType, precision, scale } = json
  if (typeof logicalType !== 'string') return {}
  const adjustToUtc = json['adjust-to-utc']
  return {
    logical: {
      name: logicalType,
      ...(typeof precision === 'number' && { precision }),
      ...(typeof scale === 'number' && { scale }),
      ...(typeof adjustToUtc === 'boolean' && { adjustToUtc }),
    },
  }
}

/**
 * The type with plain fixed values replaced by bytes. Iceberg's Java library up to 1.12 puts a length before the
 * fixed values of partition tuples, against the schema in its own header (apache/iceberg#17501).
 */
export function withPrefixedFixed(type: AvroRecordType): AvroRecordType {
  return { kind: 'record', fields: type.fields.map(field => ({ ...field, type: prefixFixed(field.type) })) }
}

function prefixFixed(type: AvroType): AvroType {
  switch (type.kind) {
    case 'fixed':
      return isPlainFixed(type) ? { kind: 'bytes' } : type
    case 'union':
      return { kind: 'union', branches: type.branches.map(prefixFixed) }
    case 'record':
      return withPrefixedFixed(type)
    default:
      return type
  }
}

/** True for a fixed that is not a decimal or uuid: those are written as their schema says. */
export function isPlainFixed(type: AvroType): boolean {
  return type.kind === 'fixed' && type.logical === undefined
}

/**
 * The Avro schema of a record of Iceberg fields, as Iceberg's writers give it: optional fields are unions with
 * null first, maps with other keys than strings are arrays of key-value records, names are made legal.
 */
export function avroSchemaOf(fields: readonly Field[], name: string): JsonObject {
  return recordSchema(fields, name, new Set())
}

function recordSchema(fields: readonly Field[], name: string, defined: Set<string>): JsonObject {
  return { type: 'record', name, fields: fields.map(field => fieldSchema(field, defined)) }
}

function fieldSchema(field: Field, defined: Set<string>): JsonObject {
  const name = avroName(field.name)
  const type = typeSchema(field.type, { name: `r${field.id}`, defined })
  return {
    name,
    type: optional(type, field.required),
    ...(field.doc !== undefined && { doc: field.doc }),
    ...(!field.required && { default: null }),
    'field-id': field.id,
    ...(name !== field.name && { 'iceberg-field-name': field.name }),
  }
}

/** A name that Avro allows: other characters as `_x` and the code point in hexadecimal, a leading digit after `_`. */
export function avroName(name: string): string {
  let legal = ''
  for (const character of name) {
    if (/[A-Za-z_]/.test(character) || (legal !== '' && /[0-9]/.test(character))) legal += character
    else if (/[0-9]/.test(character)) legal += `_${character}`
    else legal += `_x${character.codePointAt(0)?.toString(16).toUpperCase()}`
  }
  return legal
}

interface TypeContext {
  /** The name of a struct here. */
  readonly name: string
  /** Names of fixed types that stand in the schema already: Avro defines a name once. */
  readonly defined: Set<string>
}

function optional(type: JsonValue, required: boolean): JsonValue {
  return required || type === 'null' ? type : ['null', type]
}

function typeSchema(type: Type, context: TypeContext): JsonValue {
  switch (type.kind) {
    case 'boolean':
    case 'int':
    case 'long':
    case 'float':
    case 'double':
    case 'string':
      return type.kind
    case 'binary':
    case 'geometry':
    case 'geography':
      return 'bytes'
    case 'date':
      return { type: 'int', logicalType: 'date' }
    case 'time':
      return { type: 'long', logicalType: 'time-micros' }
    case 'timestamp':
    case 'timestamptz':
      return { type: 'long', logicalType: 'timestamp-micros', 'adjust-to-utc': type.kind === 'timestamptz' }
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return { type: 'long', logicalType: 'timestamp-nanos', 'adjust-to-utc': type.kind === 'timestamptz_ns' }
    case 'uuid':
      return fixedSchema('uuid_fixed', { size: 16, logicalType: 'uuid' }, context)
    case 'fixed':
      return fixedSchema(`fixed_${type.lengthBytes}`, { size: type.lengthBytes }, context)
    case 'decimal': {
      const { precision, scale } = type
      const size = minimalDecimalBytes(precision)
      const name = `decimal_${precision}_${scale}`
      return fixedSchema(name, { size, logicalType: 'decimal', precision, scale }, context)
    }
    case 'unknown':
      return 'null'
    case 'struct':
      return recordSchema(type.fields, context.name, context.defined)
    case 'list': {
      const items = typeSchema(type.element, { ...context, name: `r${type.elementId}` })
      return { type: 'array', items: optional(items, type.elementRequired), 'element-id': type.elementId }
    }
    case 'map': {
      const key = fieldSchema(
        { id: type.keyId, name: 'key', required: true, type: type.key },
        context.defined,
      )
      const valueField = { id: type.valueId, name: 'value', required: type.valueRequired, type: type.value }
      const name = `k${type.keyId}_v${type.valueId}`
      const items = { type: 'record', name, fields: [key, fieldSchema(valueField, context.defined)] }
      return { type: 'array', items, logicalType: 'map' }
    }
    case 'variant':
      throw new LakeError('unsupported', 'variant columns are not written to avro')
    default:
      return unreachable(type)
  }
}

function fixedSchema(name: string, properties: JsonObject, context: TypeContext): JsonValue {
  if (context.defined.has(name)) return name
  context.defined.add(name)
  return { type: 'fixed', name, ...properties }
}
