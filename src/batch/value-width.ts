/** How much memory a value takes: what sizes are estimated with before anything is decoded. */
import { unreachable } from '../base/assert.js'
import type { Type } from '../schema/types.js'

/** Width in bytes of a value in memory, about; what sizes are estimated with. */
export function valueWidthBytes(type: Type): number {
  switch (type.kind) {
    case 'boolean':
    case 'unknown':
      return 1
    case 'int':
    case 'float':
    case 'date':
      return 4
    case 'decimal':
    case 'uuid':
      return 16
    case 'fixed':
      return type.lengthBytes
    case 'long':
    case 'double':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return 8
    case 'string':
    case 'binary':
    case 'variant':
    case 'geometry':
    case 'geography':
      return 4
    case 'struct':
      return type.fields.reduce((sum, field) => sum + valueWidthBytes(field.type), 0)
    case 'list':
      return 4 + valueWidthBytes(type.element)
    case 'map':
      return 4 + valueWidthBytes(type.key) + valueWidthBytes(type.value)
    default:
      return unreachable(type)
  }
}
