/**
 * The decoded columns of a variant group, found and checked once a vector: what the assembly of its rows walks along.
 *
 * Leaves of any type are brought to one form - 32-bit words, bytes, offsets - so that a row costs a look at its
 * primitive and no more.
 */
import { unreachable } from '../../../base/assert.js'
import { utf8Encode } from '../../../base/bytes.js'
import { LakeError } from '../../../base/errors.js'
import { hasBit } from '../../../batch/bitmap.js'
import type { Bitmap, VarBytesVector, Vector } from '../../../batch/column-batch.js'
import { int32Words } from '../../../batch/int-words.js'
import { corruptVariant } from '../../variant-metadata.js'
import type { ShreddedPrimitive, TypedShape, VariantGroup } from './variant-group.js'

/** Where the value of a row is: at `codes[row]` when there are codes. */
export interface Rows {
  readonly validity: Bitmap | undefined
  readonly codes: Int32Array | undefined
}

export interface BytesColumn extends Rows {
  readonly offsets: Int32Array
  readonly bytes: Uint8Array
}

export interface GroupColumns {
  /** Of the group. */
  readonly validity: Bitmap | undefined
  readonly value: BytesColumn | undefined
  readonly typed: TypedColumn | undefined
}

export type TypedColumn = LeafColumn | ObjectColumns | ArrayColumns

export interface LeafColumn extends Rows {
  readonly kind: 'leaf'
  readonly primitive: ShreddedPrimitive
  readonly scale: number
  /** Values of a fixed width, in 32-bit words. */
  readonly words: Int32Array
  /** Bits of booleans, bytes of uuids, strings and binaries. */
  readonly bytes: Uint8Array
  readonly offsets: Int32Array
}

export interface ObjectColumns extends Rows {
  readonly kind: 'object'
  /** In the order of the bytes of their names. */
  readonly fields: readonly FieldColumns[]
}

export interface FieldColumns {
  readonly name: Uint8Array
  /** Its place among the names of all shredded fields. */
  readonly nameIndex: number
  readonly columns: GroupColumns
}

export interface ArrayColumns extends Rows {
  readonly kind: 'array'
  readonly offsets: Int32Array
  readonly element: GroupColumns
}

/** Where the value of a row stands in its column, or -1 when there is none. */
export function rowOf(column: Rows, row: number): number {
  if (column.validity !== undefined && !hasBit(column.validity, row)) return -1
  return column.codes === undefined ? row : (column.codes[row] as number)
}

/**
 * The columns of a group. Names of shredded fields are added to `names`.
 * @throws corrupt, unsupported when no variant can be made of them
 */
export function groupColumns(group: VariantGroup, storage: Vector, names: Uint8Array[]): GroupColumns {
  if (storage.layout !== 'struct') throw misshapen()
  const value = group.value === undefined ? undefined : storage.children[group.value]
  const typed = group.typed === undefined ? undefined : storage.children[group.typed.place]
  return {
    validity: storage.validity,
    value: value === undefined || value.layout === 'null' ? undefined : bytesColumn(value),
    typed:
      group.typed === undefined || typed === undefined
        ? undefined
        : typedColumn(group.typed.shape, typed, names),
  }
}

function misshapen(): LakeError {
  return corruptVariant('the columns have not the shape of a variant')
}

/** A binary column, plain or a dictionary. */
export function bytesColumn(vector: Vector): BytesColumn {
  const { validity } = vector as VarBytesVector
  const plain = vector.layout === 'dictionary' ? vector.dictionary : vector
  const codes = vector.layout === 'dictionary' ? vector.codes : undefined
  if (plain.layout !== 'var-bytes') throw corruptVariant('metadata and value are no binary columns')
  return { validity, codes, offsets: plain.offsets, bytes: plain.bytes }
}

function typedColumn(shape: TypedShape, vector: Vector, names: Uint8Array[]): TypedColumn {
  switch (shape.kind) {
    case 'refused':
      throw new LakeError(shape.error, 'a variant is shredded in a way that has no meaning', {
        context: { reason: shape.reason },
      })
    case 'primitive':
      return leafColumn(shape, vector)
    case 'array': {
      if (vector.layout !== 'list') throw misshapen()
      const { validity, offsets } = vector
      const element = groupColumns(shape.element, vector.element, names)
      return { kind: 'array', validity, codes: undefined, offsets, element }
    }
    case 'object':
      return objectColumns(shape, vector, names)
    default:
      return unreachable(shape)
  }
}

function objectColumns(
  shape: TypedShape & { readonly kind: 'object' },
  vector: Vector,
  names: Uint8Array[],
): ObjectColumns {
  if (vector.layout !== 'struct') throw misshapen()
  const fields = shape.fields.map(field => {
    const child = vector.children[field.place]
    if (child === undefined) throw misshapen()
    const name = utf8Encode(field.name)
    const nameIndex = names.push(name) - 1
    return { name, nameIndex, columns: groupColumns(field.group, child, names) }
  })
  return { kind: 'object', validity: vector.validity, codes: undefined, fields }
}

const NO_INTS = new Int32Array(0)
const NO_BYTES = new Uint8Array(0)

function leafColumn(shape: TypedShape & { readonly kind: 'primitive' }, vector: Vector): LeafColumn {
  const { primitive, scale } = shape
  const plain = vector.layout === 'dictionary' ? vector.dictionary : vector
  const codes = vector.layout === 'dictionary' ? vector.codes : undefined
  const { validity } = vector as VarBytesVector
  const leaf = { primitive, scale, validity, codes, words: NO_INTS, bytes: NO_BYTES, offsets: NO_INTS }
  switch (plain.layout) {
    case 'fixed-width':
      return { kind: 'leaf', ...leaf, words: int32Words(plain.values) }
    case 'decimal':
      return { kind: 'leaf', ...leaf, words: int32Words(plain.words) }
    case 'boolean':
      return { kind: 'leaf', ...leaf, bytes: plain.bits }
    case 'fixed-bytes':
      return { kind: 'leaf', ...leaf, bytes: plain.bytes }
    case 'var-bytes':
      return { kind: 'leaf', ...leaf, bytes: plain.bytes, offsets: plain.offsets }
    default:
      throw misshapen()
  }
}
