/** The schema of a table in the words of other engines. */

import { childFields } from '../../src/schema/schema.js'
import { serializeSchema } from '../../src/schema/schema-json.js'
import { type Field, isPrimitive, type Type } from '../../src/schema/types.js'
import type { JudgeName } from '../judges/judge.js'

/** Iceberg's own JSON. */
export function icebergSchema(fields: readonly Field[]): unknown {
  return serializeSchema({ schemaId: 0, fields, identifierFieldIds: [] })
}

/**
 * The fields of which an engine reads every value; a field with a strange type inside is left out as a whole. Spark has
 * no uuid; DuckDB has no nanoseconds with a zone and not all without.
 */
export function fieldsFor(judge: JudgeName, fields: readonly Field[]): Field[] {
  return fields.filter(field => !kindsIn(field.type).some(kind => STRANGE[judge].includes(kind)))
}

const STRANGE: Readonly<Record<JudgeName, readonly Type['kind'][]>> = {
  pyiceberg: [],
  duckdb: ['timestamp_ns', 'timestamptz_ns'],
  spark: ['uuid'],
}

function kindsIn(type: Type): Type['kind'][] {
  return [type.kind, ...(isPrimitive(type) ? [] : childFields(type).flatMap(child => kindsIn(child.type)))]
}

/** The fields as Spark sees them: nanoseconds are plain numbers. */
export function asSparkSeesThem(fields: readonly Field[]): Field[] {
  return fields.map(field => ({ ...field, type: seenType(field.type) }))
}

function seenType(type: Type): Type {
  switch (type.kind) {
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return { kind: 'long' }
    case 'list':
      return { ...type, element: seenType(type.element) }
    case 'map':
      return { ...type, key: seenType(type.key), value: seenType(type.value) }
    case 'struct':
      return { kind: 'struct', fields: asSparkSeesThem(type.fields) }
    default:
      return type
  }
}

/** Spark's JSON of a schema whose columns are found by field id: their names are others than those in the file. */
export function sparkSchema(fields: readonly Field[], nameOf = (field: Field) => `r${field.id}`): unknown {
  return {
    type: 'struct',
    fields: fields.map(field => ({
      name: nameOf(field),
      type: sparkType(field.type, nameOf),
      nullable: true,
      metadata: { 'parquet.field.id': field.id },
    })),
  }
}

function sparkType(type: Type, nameOf: (field: Field) => string): unknown {
  switch (type.kind) {
    case 'int':
      return 'integer'
    case 'decimal':
      return `decimal(${type.precision},${type.scale})`
    case 'time':
      return 'time(6)'
    case 'timestamp':
      return 'timestamp_ntz'
    case 'timestamptz':
      return 'timestamp'
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return 'long'
    case 'fixed':
      return 'binary'
    case 'list':
      return { type: 'array', elementType: sparkType(type.element, nameOf), containsNull: true }
    case 'map':
      return {
        type: 'map',
        keyType: sparkType(type.key, nameOf),
        valueType: sparkType(type.value, nameOf),
        valueContainsNull: true,
      }
    case 'struct':
      return sparkSchema(type.fields, nameOf)
    default:
      return type.kind
  }
}
