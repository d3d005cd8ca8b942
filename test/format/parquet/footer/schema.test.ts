import { describe, expect, it } from 'vitest'
import type { SchemaElement } from '../../../../src/format/parquet/footer/metadata.js'
import { readParquetSchema } from '../../../../src/format/parquet/footer/schema.js'
import type { Type } from '../../../../src/schema/types.js'

type Node = Partial<SchemaElement> & { readonly name: string; readonly children?: readonly Node[] }

/** The elements of a schema tree, depth first. */
function elements(...children: Node[]): SchemaElement[] {
  const flat: SchemaElement[] = [{ name: 'schema', childCount: children.length }]
  const add = ({ children: inner = [], ...node }: Node): void => {
    flat.push({ repetition: 'optional', ...node, childCount: inner.length })
    inner.forEach(add)
  }
  children.forEach(add)
  return flat
}

const INT = { physicalType: 1 } as const
const LIST = { logicalType: { field_3: {} } } as const
const MAP = { logicalType: { field_2: {} } } as const

const typeOf = (node: Node): Type | undefined => readParquetSchema(elements(node)).roots[0]?.field.type

describe('a parquet schema', () => {
  it('has lists of three levels', () => {
    const element = { name: 'element', ...INT, fieldId: 2 }
    const list = { name: 'list', repetition: 'repeated', children: [element] } as const
    const { roots, leaves } = readParquetSchema(
      elements({ name: 'l', fieldId: 1, ...LIST, children: [list] }),
    )
    expect(roots[0]?.field).toEqual({
      id: 1,
      name: 'l',
      required: false,
      type: { kind: 'list', elementId: 2, elementRequired: false, element: { kind: 'int' } },
    })
    expect(roots[0]).toMatchObject({ elementFrom: 1, elementTo: 4, leafFrom: 0, leafTo: 1 })
    expect(leaves).toMatchObject([{ fieldId: 2, repeated: true }])
  })

  it('has the lists of two levels that older writers made', () => {
    const required = { kind: 'list', elementRequired: true }
    const leaf = { name: 'element', repetition: 'repeated', ...INT } as const
    expect(typeOf({ name: 'l', ...LIST, children: [leaf] })).toMatchObject({
      ...required,
      element: { kind: 'int' },
    })

    const two = [
      { name: 'a', ...INT },
      { name: 'b', ...INT },
    ]
    const pair = { name: 'anything', repetition: 'repeated', children: two } as const
    expect(typeOf({ name: 'l', ...LIST, children: [pair] })).toMatchObject({
      ...required,
      element: { kind: 'struct' },
    })

    for (const name of ['array', 'l_tuple']) {
      const one = { name, repetition: 'repeated', children: [{ name: 'a', ...INT }] } as const
      expect(typeOf({ name: 'l', ...LIST, children: [one] })).toMatchObject({
        ...required,
        element: { kind: 'struct', fields: [{ name: 'a' }] },
      })
    }
  })

  it('has lists without any annotation: repeated fields', () => {
    const { roots } = readParquetSchema(elements({ name: 'l', repetition: 'repeated', ...INT }))
    expect(roots[0]?.field).toMatchObject({
      required: true,
      type: { kind: 'list', element: { kind: 'int' } },
    })
  })

  it('has maps under old and new names, and sets as lists of their keys', () => {
    const key = { name: 'k', repetition: 'required', ...INT, fieldId: 2 } as const
    const value = { name: 'v', ...INT, fieldId: 3 }
    for (const name of ['key_value', 'map', 'entries']) {
      const entries = { name, repetition: 'repeated', children: [key, value] } as const
      const map = { kind: 'map', keyId: 2, valueId: 3, valueRequired: false }
      expect(typeOf({ name: 'm', ...MAP, children: [entries] })).toMatchObject(map)
      expect(typeOf({ name: 'm', convertedType: 2, children: [entries] })).toMatchObject(map)
    }
    const keys = { name: 'key_value', repetition: 'repeated', children: [key] } as const
    expect(typeOf({ name: 'm', ...MAP, children: [keys] })).toMatchObject({
      kind: 'list',
      elementRequired: true,
    })
  })

  it.each<[Partial<SchemaElement>, Type]>([
    [{ physicalType: 0 }, { kind: 'boolean' }],
    [{ physicalType: 1 }, { kind: 'int' }],
    [{ physicalType: 2 }, { kind: 'long' }],
    [{ physicalType: 3 }, { kind: 'timestamptz' }],
    [{ physicalType: 4 }, { kind: 'float' }],
    [{ physicalType: 5 }, { kind: 'double' }],
    [{ physicalType: 6 }, { kind: 'binary' }],
    [
      { physicalType: 7, typeLength: 3 },
      { kind: 'fixed', lengthBytes: 3 },
    ],
    [{ physicalType: 6, convertedType: 0 }, { kind: 'string' }],
    [{ physicalType: 6, convertedType: 19 }, { kind: 'string' }],
    [
      { physicalType: 2, convertedType: 5, precision: 10, scale: 2 },
      { kind: 'decimal', precision: 10, scale: 2 },
    ],
    [{ physicalType: 1, convertedType: 6 }, { kind: 'date' }],
    [{ physicalType: 1, convertedType: 7 }, { kind: 'time' }],
    [{ physicalType: 2, convertedType: 10 }, { kind: 'timestamptz' }],
    [{ physicalType: 1, convertedType: 11 }, { kind: 'int' }],
    [{ physicalType: 1, convertedType: 13 }, { kind: 'long' }],
    [{ physicalType: 1, convertedType: 15 }, { kind: 'int' }],
    [{ physicalType: 1, logicalType: { field_10: { field_1: 32, field_2: false } } }, { kind: 'long' }],
    [{ physicalType: 1, logicalType: { field_10: { field_1: 16, field_2: true } } }, { kind: 'int' }],
    [
      { physicalType: 2, logicalType: { field_8: { field_1: false, field_2: { field_2: {} } } } },
      { kind: 'timestamp' },
    ],
    [
      { physicalType: 2, logicalType: { field_8: { field_1: true, field_2: { field_3: {} } } } },
      { kind: 'timestamptz_ns' },
    ],
    [{ physicalType: 7, typeLength: 16, logicalType: { field_14: {} } }, { kind: 'uuid' }],
    [{ physicalType: 1, logicalType: { field_11: {} } }, { kind: 'unknown' }],
    [{ physicalType: 7, typeLength: 2, logicalType: { field_15: {} } }, { kind: 'float' }],
    [{ physicalType: 6, logicalType: { field_17: {} } }, { kind: 'geometry' }],
  ])('reads %o as its iceberg type', (element, type) => {
    expect(typeOf({ name: 'c', ...element })).toEqual(type)
  })

  it('tells the levels at which each part of a column is there', () => {
    const nodeOf = (node: Node) => readParquetSchema(elements(node)).roots[0]?.node
    const leaf = { name: 'element', ...INT }
    const list = { name: 'list', repetition: 'repeated', children: [leaf] } as const
    expect(nodeOf({ name: 'l', ...LIST, children: [list] })).toEqual({
      kind: 'list',
      definition: 1,
      entryDefinition: 2,
      repetition: 1,
      element: { kind: 'leaf', definition: 3, leaf: 0 },
    })
    expect(nodeOf({ name: 'l', repetition: 'repeated', ...INT })).toEqual({
      kind: 'list',
      definition: 0,
      entryDefinition: 1,
      repetition: 1,
      element: { kind: 'leaf', definition: 1, leaf: 0 },
    })
    const key = { name: 'k', repetition: 'required', ...INT } as const
    const inner = {
      name: 'list',
      repetition: 'repeated',
      children: [{ ...leaf, repetition: 'required' }],
    } as const
    const value = { name: 'v', ...LIST, children: [inner] }
    const entries = { name: 'key_value', repetition: 'repeated', children: [key, value] } as const
    const { leaves, roots } = readParquetSchema(
      elements(leaf, { name: 'm', repetition: 'required', ...MAP, children: [entries] }),
    )
    expect(roots[1]?.node).toMatchObject({
      kind: 'map',
      definition: 0,
      entryDefinition: 1,
      repetition: 1,
      key: { kind: 'leaf', definition: 1, leaf: 0 },
      value: {
        kind: 'list',
        definition: 2,
        entryDefinition: 3,
        repetition: 2,
        element: { definition: 3, leaf: 1 },
      },
    })
    expect(leaves.map(({ maxDefinition, maxRepetition }) => [maxDefinition, maxRepetition])).toEqual([
      [1, 0],
      [1, 1],
      [3, 2],
    ])
  })

  it('has lists whose element is a list of two levels', () => {
    const inner = { name: 'bag', repetition: 'repeated', ...LIST } as const
    const leaf = { name: 'element', repetition: 'repeated', ...INT } as const
    expect(typeOf({ name: 'l', ...LIST, children: [{ ...inner, children: [leaf] }] })).toMatchObject({
      kind: 'list',
      elementRequired: true,
      element: { kind: 'list', element: { kind: 'int' } },
    })
  })

  it('is refused when it is deeper than levels are bytes', () => {
    let node: Node = { name: 'x', ...INT }
    for (let depth = 0; depth < 256; depth++) node = { name: 's', children: [node] }
    expect(() => typeOf(node)).toThrow('too deeply')
  })

  it('is refused when its elements are not a tree', () => {
    const flat = elements({ name: 'a', ...INT }, { name: 'b', ...INT })
    expect(() => readParquetSchema(flat.slice(0, 2))).toThrow('not a tree')
    expect(() => readParquetSchema([...flat, { name: 'c', childCount: 0, ...INT }])).toThrow('not a tree')
    expect(() =>
      readParquetSchema(elements({ name: 'l', ...LIST, children: [{ name: 'x', ...INT }] })),
    ).toThrow()
  })

  it('takes ids from a mapping only when the file has none at all', () => {
    const nodes = [
      { name: 'a', ...INT, fieldId: 5 },
      { name: 'b', ...INT },
    ]
    const mapped = readParquetSchema(elements(...nodes), () => 7)
    expect(mapped.roots.map(root => root.field.id)).toEqual([5, -1])
  })
})
