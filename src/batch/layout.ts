/**
 * Which layout holds which type.
 *
 *   int, date                     fixed-width Int32Array     string, binary, variant,
 *   long, time, timestamps        fixed-width BigInt64Array  geometry, geography        var-bytes
 *   float / double                fixed-width Float32 / 64   list, map, struct          their own
 *   decimal, boolean              their own                  unknown                    null
 *   uuid, fixed                   fixed-bytes                anything                   dictionary of it, null
 */
import { LakeError } from '../base/errors.js'
import { printType } from '../schema/type-text.js'
import type { Type } from '../schema/types.js'
import type { FixedWidthValues, Vector } from './column-batch.js'

/**
 * @throws corrupt when the vector, or one inside it, does not have the layout of its type: comparing an int column
 *   with a long column would find nothing, silently
 */
export function checkLayout(vector: Vector, type: Type): void {
  if (!hasLayoutOf(vector, type)) {
    throw new LakeError('corrupt', 'a column does not have the layout of its type', {
      context: { type: printType(type), layout: vector.layout },
    })
  }
}

/** Whether a vector and all vectors inside it can hold values of a type. */
export function hasLayoutOf(vector: Vector, type: Type): boolean {
  switch (vector.layout) {
    case 'null':
      return true
    case 'dictionary':
      return hasLayoutOf(vector.dictionary, type)
    case 'fixed-width':
      return hasWidthOf(vector.values, type)
    case 'fixed-bytes':
      return vector.widthBytes === (type.kind === 'uuid' ? 16 : type.kind === 'fixed' ? type.lengthBytes : -1)
    case 'var-bytes':
      return VAR_BYTES_KINDS.has(type.kind)
    case 'list':
      return type.kind === 'list' && hasLayoutOf(vector.element, type.element)
    case 'map':
      return (
        type.kind === 'map' && hasLayoutOf(vector.keys, type.key) && hasLayoutOf(vector.values, type.value)
      )
    case 'struct':
      return type.kind === 'struct' && haveLayoutsOf(vector.children, type.fields)
    default:
      return vector.layout === type.kind
  }
}

const VAR_BYTES_KINDS: ReadonlySet<Type['kind']> = new Set([
  'string',
  'binary',
  'variant',
  'geometry',
  'geography',
])

function haveLayoutsOf(vectors: readonly Vector[], fields: readonly { readonly type: Type }[]): boolean {
  return (
    vectors.length === fields.length &&
    fields.every((field, at) => {
      const vector = vectors[at]
      return vector !== undefined && hasLayoutOf(vector, field.type)
    })
  )
}

function hasWidthOf(values: FixedWidthValues, type: Type): boolean {
  switch (type.kind) {
    case 'int':
    case 'date':
      return values instanceof Int32Array
    case 'float':
      return values instanceof Float32Array
    case 'double':
      return values instanceof Float64Array
    case 'long':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return values instanceof BigInt64Array
    default:
      return false
  }
}
