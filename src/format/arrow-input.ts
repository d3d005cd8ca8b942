/**
 * Arrow's fields as the fields of a table, matched by name: what a user appends has names, not field ids. The
 * result says with which ids and units each Arrow column is read; promotions follow by field id as for files.
 */
import { LakeError } from '../base/errors.js'
import { canPromote } from '../schema/promotion.js'
import { printType } from '../schema/type-text.js'
import { type Field, isPrimitive, type PrimitiveType, type Type } from '../schema/types.js'

/**
 * The Arrow columns with the table's ids, in Arrow's order.
 * @throws invalid-argument for a column that the table lacks, a type that does not fit, or a missing required column
 */
export function namedAsTable(given: readonly Field[], table: readonly Field[]): Field[] {
  const wanted = new Map(table.map(field => [field.name, field] as const))
  const names = new Set(given.map(field => field.name))
  for (const field of table) {
    if (!names.has(field.name) && field.required && field.writeDefault === undefined) {
      throw new LakeError('invalid-argument', 'a required column is missing', {
        context: { column: field.name },
      })
    }
  }
  return given.map(field => {
    const target = wanted.get(field.name)
    if (target === undefined) {
      throw new LakeError('invalid-argument', 'the rows have a column that the table lacks', {
        context: { column: field.name },
      })
    }
    return { ...field, id: target.id, type: readAs(field.type, target.type, field.name) }
  })
}

function readAs(given: Type, target: Type, column: string): Type {
  if (given.kind === 'struct' && target.kind === 'struct') {
    return { kind: 'struct', fields: namedAsTable(given.fields, target.fields) }
  }
  if (given.kind === 'list' && target.kind === 'list') {
    return { ...given, elementId: target.elementId, element: readAs(given.element, target.element, column) }
  }
  if (given.kind === 'map' && target.kind === 'map') {
    const key = readAs(given.key, target.key, column)
    const value = readAs(given.value, target.value, column)
    return { ...given, keyId: target.keyId, key, valueId: target.valueId, value }
  }
  if (isPrimitive(given) && isPrimitive(target)) {
    const type = sameLayout(given, target) ? target : given
    if (type === target || canPromote(type, target)) return type
  }
  throw new LakeError('invalid-argument', 'an arrow column does not have the type of its column', {
    context: { column, given: printType(given), expected: printType(target) },
  })
}

/** Types that Arrow tells apart by less than Iceberg does, or by units that are converted when read. */
function sameLayout(given: PrimitiveType, target: PrimitiveType): boolean {
  switch (target.kind) {
    case 'uuid':
      return given.kind === 'uuid' || (given.kind === 'fixed' && given.lengthBytes === 16)
    case 'fixed':
      return given.kind === 'fixed' && given.lengthBytes === target.lengthBytes
    case 'decimal':
      return given.kind === 'decimal' && given.scale === target.scale && given.precision === target.precision
    case 'timestamp':
    case 'timestamp_ns':
      return given.kind === 'timestamp' || given.kind === 'timestamp_ns'
    case 'timestamptz':
    case 'timestamptz_ns':
      return given.kind === 'timestamptz' || given.kind === 'timestamptz_ns'
    case 'geometry':
    case 'geography':
      return given.kind === 'binary'
    default:
      return given.kind === target.kind
  }
}
