import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { writeSchema } from '../../../../src/format/parquet/encode/write-schema.js'
import { PhysicalType } from '../../../../src/format/parquet/footer/metadata.js'
import { readParquetSchema } from '../../../../src/format/parquet/footer/schema.js'
import type { Field, Type } from '../../../../src/schema/types.js'
import { arbitraryRows } from '../../arbitrary-rows.js'
import { EVERY_TYPE } from '../../every-type.js'

const field = (type: Type, name = 'c', id = 1): Field => ({ id, name, required: false, type })

/** The element of a column without children. */
function elementOf(type: Type) {
  return writeSchema([field(type)]).elements[1]
}

describe('the Parquet schema of a table', () => {
  it('is read as the fields that it was made of, with the same levels', () => {
    expect(readParquetSchema(writeSchema(EVERY_TYPE).elements).roots.map(root => root.field)).toEqual(
      EVERY_TYPE,
    )
    fc.assert(
      fc.property(arbitraryRows(0), ({ fields }) => {
        const { elements, roots } = writeSchema(fields)
        const read = readParquetSchema(elements)
        expect(read.roots.map(root => root.field)).toEqual(fields)
        const leaves = roots.flatMap(root => root.leaves)
        expect(leaves.map(leaf => leaf.fieldId)).toEqual(read.leaves.map(leaf => leaf.fieldId))
        expect(leaves.map(leaf => [leaf.maxDefinition, leaf.maxRepetition])).toEqual(
          read.leaves.map(leaf => [leaf.maxDefinition, leaf.maxRepetition]),
        )
      }),
    )
  })

  it('names the parts of lists and maps as the specification does, with ids at every depth', () => {
    const { elements, roots } = writeSchema([
      field({
        kind: 'map',
        keyId: 2,
        key: { kind: 'string' },
        valueId: 3,
        valueRequired: false,
        value: { kind: 'list', elementId: 4, elementRequired: true, element: { kind: 'int' } },
      }),
    ])
    expect(elements.map(({ name, repetition, fieldId }) => [name, repetition, fieldId])).toEqual([
      ['table', undefined, undefined],
      ['c', 'optional', 1],
      ['key_value', 'repeated', undefined],
      ['key', 'required', 2],
      ['value', 'optional', 3],
      ['list', 'repeated', undefined],
      ['element', 'required', 4],
    ])
    expect(roots[0]?.leaves.map(leaf => leaf.path.join('.'))).toEqual([
      'c.key_value.key',
      'c.key_value.value.list.element',
    ])
  })

  it('annotates times with the older annotation too, nanoseconds with the newer one only', () => {
    expect(elementOf({ kind: 'timestamp' })).toMatchObject({
      physicalType: PhysicalType.int64,
      convertedType: 10,
      logicalType: { field_8: { field_1: false, field_2: { field_2: {} } } },
    })
    expect(elementOf({ kind: 'timestamptz_ns' })).toMatchObject({
      convertedType: undefined,
      logicalType: { field_8: { field_1: true, field_2: { field_3: {} } } },
    })
  })

  it('stores decimals in the narrowest type', () => {
    const stored = (precision: number) => elementOf({ kind: 'decimal', precision, scale: 1 })
    expect(stored(9)).toMatchObject({ physicalType: PhysicalType.int32, scale: 1, precision: 9 })
    expect(stored(18)).toMatchObject({ physicalType: PhysicalType.int64 })
    expect(stored(19)).toMatchObject({ physicalType: PhysicalType.fixed, typeLength: 9 })
    expect(stored(38)).toMatchObject({ physicalType: PhysicalType.fixed, typeLength: 16 })
  })

  it('makes a group of two leaves of a variant', () => {
    const { elements, roots } = writeSchema([field({ kind: 'variant' })])
    expect(elements.map(element => element.name)).toEqual(['table', 'c', 'metadata', 'value'])
    expect(roots[0]?.leaves).toMatchObject([
      { fieldId: 1, variantPart: 'metadata', maxDefinition: 1 },
      { fieldId: 1, variantPart: 'value', maxDefinition: 1 },
    ])
    expect(readParquetSchema(elements).roots[0]?.field).toEqual(field({ kind: 'variant' }))
  })

  it('says the reference system and the edges of geometries and geographies', () => {
    expect(elementOf({ kind: 'geometry', crs: 'EPSG:3857' })).toMatchObject({
      logicalType: { field_17: { field_1: 'EPSG:3857' } },
    })
    expect(elementOf({ kind: 'geography', algorithm: 'karney' })).toMatchObject({
      logicalType: { field_18: { field_2: 4 } },
    })
    expect(() => elementOf({ kind: 'geography', algorithm: 'flat' })).toThrow('no such edge algorithm')
  })

  it('leaves out columns of type unknown, and refuses what would have no column', () => {
    const unknown: Type = { kind: 'unknown' }
    const { roots, elements } = writeSchema([field(unknown, 'u', 1), field({ kind: 'int' }, 'n', 2)])
    expect(elements).toHaveLength(2)
    expect(roots).toMatchObject([{ column: 1, leafFrom: 0 }])
    expect(() => writeSchema([field(unknown)])).toThrow(expect.objectContaining({ kind: 'unsupported' }))
    const struct: Type = { kind: 'struct', fields: [field(unknown)] }
    expect(() => writeSchema([field(struct)])).toThrow('a struct needs a stored field')
    const list: Type = { kind: 'list', elementId: 2, elementRequired: false, element: unknown }
    expect(() => writeSchema([field(list)])).toThrow('lists and maps of type unknown')
  })
})
