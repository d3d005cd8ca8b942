/**
 * Variants shredded into columns: a writer for tests, written from the specification. What it makes is what a decoder
 * of Parquet hands to the assembly: the schema elements of the group, and its columns as a struct vector.
 */
import type { StructVector, Vector } from '../../../../src/batch/column-batch.js'
import { takeVector } from '../../../../src/batch/take.js'
import { createVectorBuilder } from '../../../../src/batch/vector-builder.js'
import type { SchemaElement } from '../../../../src/format/parquet/footer/metadata.js'
import type { Field, Type, Value } from '../../../../src/schema/types.js'
import { encodeMetadata, encodeValue, type Style, type VariantTree } from '../../variant-tree.js'

/** What is shredded: the type of `typed_value` and, below it, of its fields or elements. */
export type Shredding =
  | { readonly kind: 'none' }
  | { readonly kind: 'primitive'; readonly like: VariantTree }
  | { readonly kind: 'object'; readonly fields: Readonly<Record<string, Shredding>> }
  | { readonly kind: 'array'; readonly element: Shredding }

/** A shredding that fits a tree; `decide` says of each part whether it is shredded at all. */
export function shreddingLike(tree: VariantTree, decide: () => boolean): Shredding {
  if (!decide() || tree.type === 'null') return { kind: 'none' }
  if (tree.type === 'array') {
    const [first] = tree.elements
    return { kind: 'array', element: first === undefined ? { kind: 'none' } : shreddingLike(first, decide) }
  }
  if (tree.type !== 'object') return { kind: 'primitive', like: tree }
  const fields = Object.entries(tree.fields).filter(decide)
  if (fields.length === 0) return { kind: 'none' }
  return {
    kind: 'object',
    fields: Object.fromEntries(fields.map(([name, field]) => [name, shreddingLike(field, decide)])),
  }
}

const INT = (bits: number) => ({ logicalType: { field_10: { field_1: bits, field_2: true } } })
const DECIMAL = (scale: number, precision: number) => ({
  logicalType: { field_5: { field_1: scale, field_2: precision } },
})
const STAMP = (zoned: boolean, unit: 2 | 3) => ({
  logicalType: { field_8: { field_1: zoned, field_2: { [`field_${unit}`]: {} } } },
})

/** The table "Shredded Value Types": how a primitive is stored, and as which Iceberg type it is decoded. */
function leafOf(tree: VariantTree): { readonly type: Type; readonly element: Partial<SchemaElement> } {
  const scale = 'scale' in tree ? tree.scale : 0
  switch (tree.type) {
    case 'boolean':
      return { type: { kind: 'boolean' }, element: { physicalType: 0 } }
    case 'int8':
    case 'int16':
      return { type: { kind: 'int' }, element: { physicalType: 1, ...INT(tree.type === 'int8' ? 8 : 16) } }
    case 'int32':
      return { type: { kind: 'int' }, element: { physicalType: 1 } }
    case 'int64':
      return { type: { kind: 'long' }, element: { physicalType: 2 } }
    case 'float':
      return { type: { kind: 'float' }, element: { physicalType: 4 } }
    case 'double':
      return { type: { kind: 'double' }, element: { physicalType: 5 } }
    case 'decimal4':
      return {
        type: { kind: 'decimal', precision: 9, scale },
        element: { physicalType: 1, ...DECIMAL(scale, 9) },
      }
    case 'decimal8':
      return {
        type: { kind: 'decimal', precision: 18, scale },
        element: { physicalType: 2, ...DECIMAL(scale, 18) },
      }
    case 'decimal16':
      return {
        type: { kind: 'decimal', precision: 38, scale },
        element: { physicalType: 7, typeLength: 16, ...DECIMAL(scale, 38) },
      }
    case 'date':
      return { type: { kind: 'date' }, element: { physicalType: 1, convertedType: 6 } }
    case 'time':
      return {
        type: { kind: 'time' },
        element: { physicalType: 2, logicalType: { field_7: { field_1: false, field_2: { field_2: {} } } } },
      }
    case 'timestamp':
      return { type: { kind: 'timestamp' }, element: { physicalType: 2, ...STAMP(false, 2) } }
    case 'timestamptz':
      return { type: { kind: 'timestamptz' }, element: { physicalType: 2, ...STAMP(true, 2) } }
    case 'timestamp_ns':
      return { type: { kind: 'timestamp_ns' }, element: { physicalType: 2, ...STAMP(false, 3) } }
    case 'timestamptz_ns':
      return { type: { kind: 'timestamptz_ns' }, element: { physicalType: 2, ...STAMP(true, 3) } }
    case 'string':
      return { type: { kind: 'string' }, element: { physicalType: 6, logicalType: { field_1: {} } } }
    case 'binary':
      return { type: { kind: 'binary' }, element: { physicalType: 6 } }
    case 'uuid':
      return {
        type: { kind: 'uuid' },
        element: { physicalType: 7, typeLength: 16, logicalType: { field_14: {} } },
      }
    default:
      throw new Error(`no primitive: ${tree.type}`)
  }
}

type Node = Partial<SchemaElement> & { readonly name: string; readonly children?: readonly Node[] }

/** The elements of a tree, depth first. */
export function elementsOf({ children = [], ...node }: Node): SchemaElement[] {
  const element = { repetition: 'optional', ...node, childCount: children.length } as const
  return [element, ...children.flatMap(elementsOf)]
}

const VALUE = { name: 'value', physicalType: 6 } as const

export function variantNode(shredding: Shredding): Node {
  const metadata = { name: 'metadata', physicalType: 6, repetition: 'required' } as const
  return {
    name: 'v',
    logicalType: { field_16: {} },
    children: [metadata, ...groupNodes(shredding)],
  }
}

function groupNodes(shredding: Shredding): Node[] {
  if (shredding.kind === 'none') return [VALUE]
  return [VALUE, { name: 'typed_value', ...typedNode(shredding) }]
}

function typedNode(shredding: Exclude<Shredding, { kind: 'none' }>): Omit<Node, 'name'> {
  switch (shredding.kind) {
    case 'primitive':
      return leafOf(shredding.like).element
    case 'object':
      return {
        children: Object.entries(shredding.fields).map(([name, field]) => ({
          name,
          repetition: 'required',
          children: groupNodes(field),
        })),
      }
    default: {
      const element = {
        name: 'element',
        repetition: 'required',
        children: groupNodes(shredding.element),
      } as const
      const list = { name: 'list', repetition: 'repeated', children: [element] } as const
      return { logicalType: { field_3: {} }, children: [list] }
    }
  }
}

const field = (name: string, type: Type): Field => ({ id: 0, name, required: false, type })

function groupFields(shredding: Shredding): Field[] {
  const value = field('value', { kind: 'binary' })
  return shredding.kind === 'none' ? [value] : [value, field('typed_value', typedType(shredding))]
}

function typedType(shredding: Exclude<Shredding, { kind: 'none' }>): Type {
  switch (shredding.kind) {
    case 'primitive':
      return leafOf(shredding.like).type
    case 'object':
      return {
        kind: 'struct',
        fields: Object.entries(shredding.fields).map(([name, inner]) =>
          field(name, { kind: 'struct', fields: groupFields(inner) }),
        ),
      }
    default: {
      const element: Type = { kind: 'struct', fields: groupFields(shredding.element) }
      return { kind: 'list', elementId: 0, elementRequired: true, element }
    }
  }
}

/** The values of a group's columns. */
function shred(tree: VariantTree | undefined, shredding: Shredding, style: Style): Value[] {
  if (tree === undefined) return shredding.kind === 'none' ? [null] : [null, null]
  const typed = typedOf(tree, shredding, style)
  if (typed === undefined)
    return shredding.kind === 'none' ? [encodeValue(tree, style)] : [encodeValue(tree, style), null]
  if (tree.type !== 'object' || shredding.kind !== 'object') return [null, typed]
  const rest = Object.entries(tree.fields).filter(([name]) => !(name in shredding.fields))
  if (rest.length === 0) return [null, typed]
  return [encodeValue({ type: 'object', fields: Object.fromEntries(rest) }, style), typed]
}

function typedOf(tree: VariantTree, shredding: Shredding, style: Style): Value | undefined {
  switch (shredding.kind) {
    case 'none':
      return undefined
    case 'primitive':
      return 'value' in tree && isLike(tree, shredding.like) ? tree.value : undefined
    case 'array':
      return tree.type === 'array'
        ? tree.elements.map(element => shred(element, shredding.element, style))
        : undefined
    default:
      return tree.type === 'object'
        ? Object.entries(shredding.fields).map(([name, inner]) =>
            shred(Object.hasOwn(tree.fields, name) ? tree.fields[name] : undefined, inner, style),
          )
        : undefined
  }
}

function isLike(tree: VariantTree, like: VariantTree): boolean {
  const sameScale = ('scale' in tree ? tree.scale : 0) === ('scale' in like ? like.scale : 0)
  return tree.type === like.type && sameScale
}

/** Rows, null for a null variant, as the decoded columns of their group. */
export function shreddedRows(
  rows: readonly (VariantTree | null)[],
  shredding: Shredding,
  style: Style,
): StructVector {
  const metadata = encodeMetadata(style)
  return storedRows(
    [field('metadata', { kind: 'binary' }), ...groupFields(shredding)],
    rows.map(tree => (tree === null ? null : [metadata, ...shred(tree, shredding, style)])),
  )
}

/** Rows given as the values of their columns. */
export function storedRows(fields: readonly Field[], rows: readonly Value[]): StructVector {
  const builder = createVectorBuilder({ kind: 'struct', fields })
  for (const row of rows) builder.append(row)
  return builder.finish() as StructVector
}

/** The struct with its byte columns as codes into dictionaries, at all depths. */
export function withDictionaries<V extends Vector>(vector: V): V {
  switch (vector.layout) {
    case 'struct':
      return { ...vector, children: vector.children.map(withDictionaries) }
    case 'list':
      return { ...vector, element: withDictionaries(vector.element) }
    case 'var-bytes':
    case 'decimal': {
      const { length, validity } = vector
      const codes = Int32Array.from({ length }, (_, row) => length - 1 - row)
      const dictionary = takeVector({ ...vector, validity: undefined }, codes)
      return { layout: 'dictionary', length, validity, codes, dictionary } as Vector as V
    }
    default:
      return vector
  }
}
