import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  assignFreshIds,
  checkSchema,
  fieldIdPath,
  fieldPath,
  findField,
  highestFieldId,
  indexFields,
  sameSchema,
  selectFields,
} from '../../src/schema/schema.js'
import type { Field, Schema, Type } from '../../src/schema/types.js'
import { anyFields, anySchema } from './arbitrary.js'

function field(id: number, name: string, type: Type, required = false): Field {
  return { id, name, required, type }
}
const INT: Type = { kind: 'int' }
const STRING: Type = { kind: 'string' }
const POINT: Type = { kind: 'struct', fields: [field(11, 'x', INT, true), field(12, 'y', INT)] }

const SCHEMA: Schema = {
  schemaId: 1,
  identifierFieldIds: [1],
  fields: [
    field(1, 'id', { kind: 'long' }, true),
    field(2, 'place', POINT, true),
    field(3, 'path', {
      kind: 'list',
      elementId: 13,
      elementRequired: true,
      element: { kind: 'struct', fields: [field(14, 'lat', INT)] },
    }),
    field(4, 'prices', {
      kind: 'map',
      keyId: 15,
      key: STRING,
      valueId: 16,
      valueRequired: false,
      value: { kind: 'struct', fields: [field(17, 'amount', INT)] },
    }),
    field(5, 'place.x', STRING),
    field(6, 'Name', STRING),
  ],
}

function expectInvalid(schema: Schema, options?: { formatVersion: number }): void {
  expect(() => checkSchema(schema, options)).toThrow(expect.objectContaining({ kind: 'invalid-argument' }))
}
const withFields = (...fields: Field[]): Schema => ({ schemaId: 0, fields, identifierFieldIds: [] })

describe('lookup', () => {
  it('indexes the fields of all depths, elements, keys and values too', () => {
    const index = indexFields(SCHEMA)
    expect([...index.keys()].sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16, 17])
    expect(index.get(13)).toMatchObject({ name: 'element', required: true })
    expect(index.get(15)).toMatchObject({ name: 'key', required: true, type: STRING })
    expect(index.get(16)).toMatchObject({ name: 'value', required: false })
    expect(highestFieldId(SCHEMA)).toBe(17)
    expect(highestFieldId({ fields: [] })).toBe(0)
  })

  it('knows the way to a field', () => {
    expect(fieldPath(SCHEMA, 17)).toEqual(['prices', 'value', 'amount'])
    expect(fieldIdPath(SCHEMA, 17)).toEqual([4, 16, 17])
    expect(fieldPath(SCHEMA, 14)).toEqual(['path', 'element', 'lat'])
    expect(fieldPath(SCHEMA, 1)).toEqual(['id'])
    expect(fieldPath(SCHEMA, 99)).toBeUndefined()
  })

  it('finds fields by dotted names, with or without element and value', () => {
    const ids: [string, number | undefined][] = [
      ['id', 1],
      ['place.y', 12],
      ['path.element.lat', 14],
      ['path.lat', 14],
      ['path.element', 13],
      ['prices.key', 15],
      ['prices.value.amount', 17],
      ['prices.amount', 17],
      ['name', undefined],
      ['place.z', undefined],
      ['id.x', undefined],
      ['', undefined],
    ]
    for (const [name, id] of ids) expect([name, findField(SCHEMA, name)?.id]).toEqual([name, id])
  })

  it('prefers a field whose own name has dots', () => {
    expect(findField(SCHEMA, 'place.x')?.id).toBe(5)
  })

  it('ignores letter case when asked, and refuses names that only differ by it', () => {
    expect(findField(SCHEMA, 'NAME', { caseSensitive: false })?.id).toBe(6)
    expect(findField(SCHEMA, 'PLACE.Y', { caseSensitive: false })?.id).toBe(12)
    const twins = withFields(field(1, 'a', INT), field(2, 'A', INT))
    expect(findField(twins, 'A')?.id).toBe(2)
    expect(() => findField(twins, 'a', { caseSensitive: false })).toThrow(
      expect.objectContaining({ kind: 'invalid-argument' }),
    )
  })

  it('selects columns in the order asked for and keeps the identifier fields that are left', () => {
    expect(selectFields(SCHEMA, [4, 1])).toEqual({ ...SCHEMA, fields: [SCHEMA.fields[3], SCHEMA.fields[0]] })
    expect(selectFields(SCHEMA, ['Name'])).toMatchObject({ fields: [{ id: 6 }], identifierFieldIds: [] })
    expect(() => selectFields(SCHEMA, ['nope'])).toThrow(
      expect.objectContaining({ kind: 'invalid-argument' }),
    )
  })
})

describe('fresh ids', () => {
  it('numbers a level before what is inside it, as Java does', () => {
    const { fields, lastId, newIds } = assignFreshIds(SCHEMA.fields, { nextId: 1 })
    expect(fields.map(each => each.id)).toEqual([1, 2, 3, 4, 5, 6])
    const index = indexFields({ fields })
    expect(fieldPath({ fields }, 7)).toEqual(['place', 'x'])
    expect(fieldPath({ fields }, 8)).toEqual(['place', 'y'])
    expect(fieldPath({ fields }, 9)).toEqual(['path', 'element'])
    expect(fieldPath({ fields }, 10)).toEqual(['path', 'element', 'lat'])
    expect(fieldPath({ fields }, 11)).toEqual(['prices', 'key'])
    expect(fieldPath({ fields }, 12)).toEqual(['prices', 'value'])
    expect(fieldPath({ fields }, 13)).toEqual(['prices', 'value', 'amount'])
    expect(index.size).toBe(13)
    expect(lastId).toBe(13)
    expect(newIds.get(17)).toBe(13)
  })

  it('gives every field another id, without gaps, and changes nothing else', () => {
    fc.assert(
      fc.property(anyFields(3), fc.integer({ min: 1, max: 100 }), (fields, nextId) => {
        const fresh = assignFreshIds(fields, { nextId })
        const ids = [...indexFields(fresh).keys()].sort((a, b) => a - b)
        expect(ids).toEqual(Array.from(indexFields({ fields }), (_, at) => nextId + at))
        expect(fresh.lastId).toBe(highestFieldId(fresh))
        for (const [oldId, newId] of fresh.newIds) {
          expect(fieldPath(fresh, newId)).toEqual(fieldPath({ fields }, oldId))
        }
      }),
    )
  })

  it('says the id before the first when there is nothing to number', () => {
    expect(assignFreshIds([], { nextId: 5 }).lastId).toBe(4)
  })
})

describe('checkSchema', () => {
  it('accepts sound schemas', () => {
    checkSchema(SCHEMA)
    fc.assert(fc.property(anySchema(), schema => checkSchema(schema)))
  })

  it('refuses names used twice in a struct, at any depth, but not in different structs', () => {
    expectInvalid(withFields(field(1, 'a', INT), field(2, 'a', INT)))
    const inner: Type = { kind: 'struct', fields: [field(2, 'a', INT), field(3, 'a', INT)] }
    expectInvalid(
      withFields(field(1, 's', { kind: 'list', elementId: 4, elementRequired: true, element: inner })),
    )
    checkSchema(withFields(field(1, 'a', { kind: 'struct', fields: [field(2, 'a', INT)] })))
  })

  it('refuses ids that are used twice, reserved or negative', () => {
    expectInvalid(withFields(field(1, 'a', INT), field(1, 'b', INT)))
    expectInvalid(withFields(field(1, 'a', { kind: 'struct', fields: [field(1, 'b', INT)] })))
    expectInvalid(withFields(field(2147483448, 'a', INT)))
    expectInvalid(withFields(field(-1, 'a', INT)))
    checkSchema(withFields(field(2147483447, 'a', INT)))
  })

  it('refuses parameters of types out of range', () => {
    expectInvalid(withFields(field(1, 'a', { kind: 'decimal', precision: 39, scale: 0 })))
    expectInvalid(withFields(field(1, 'a', { kind: 'decimal', precision: 3, scale: 4 })))
    expectInvalid(withFields(field(1, 'a', { kind: 'fixed', lengthBytes: -1 })))
  })

  it('refuses identifier fields that cannot be a key', () => {
    const keyed = (id: number, ...fields: Field[]): Schema => ({
      schemaId: 0,
      fields,
      identifierFieldIds: [id],
    })
    expectInvalid(keyed(9, field(1, 'a', INT, true)))
    expectInvalid(keyed(1, field(1, 'a', INT, false)))
    expectInvalid(keyed(1, field(1, 'a', { kind: 'double' }, true)))
    expectInvalid(keyed(2, ...SCHEMA.fields))
    expectInvalid(keyed(13, ...SCHEMA.fields))
    expectInvalid(keyed(2, field(1, 's', { kind: 'struct', fields: [field(2, 'a', INT, true)] }, false)))
    checkSchema(keyed(2, field(1, 's', { kind: 'struct', fields: [field(2, 'a', INT, true)] }, true)))
  })

  it('refuses types and defaults of v3 in an older version, however deep', () => {
    const nanos: Type = { kind: 'timestamp_ns' }
    const deep = withFields(
      field(1, 'l', { kind: 'list', elementId: 2, elementRequired: false, element: nanos }),
    )
    expectInvalid(deep, { formatVersion: 2 })
    checkSchema(deep, { formatVersion: 3 })
    const defaulted = withFields({ ...field(1, 'a', INT), initialDefault: 3 })
    expectInvalid(defaulted, { formatVersion: 2 })
    checkSchema(defaulted, { formatVersion: 3 })
    checkSchema(withFields({ ...field(1, 'a', INT), writeDefault: 3 }), { formatVersion: 2 })
  })

  it('demands that unknown is optional and has no default', () => {
    expectInvalid(withFields(field(1, 'a', { kind: 'unknown' }, true)))
    checkSchema(withFields(field(1, 'a', { kind: 'unknown' })))
  })
})

describe('sameSchema', () => {
  it('looks at everything but the schema id', () => {
    expect(sameSchema(SCHEMA, { ...SCHEMA, schemaId: 7 })).toBe(true)
    expect(sameSchema(SCHEMA, { ...SCHEMA, identifierFieldIds: [] })).toBe(false)
    const [first, ...others] = SCHEMA.fields
    const changed = (change: Partial<Field>): Schema => ({
      ...SCHEMA,
      fields: [{ ...first!, ...change }, ...others],
    })
    expect(sameSchema(SCHEMA, changed({}))).toBe(true)
    for (const change of [
      { id: 99 },
      { name: 'x' },
      { required: false },
      { doc: 'x' },
      { type: INT },
      { writeDefault: 1n },
    ]) {
      expect(sameSchema(SCHEMA, changed(change))).toBe(false)
    }
    expect(sameSchema(SCHEMA, { ...SCHEMA, fields: [...others, first!] })).toBe(false)
  })

  it('sees differences inside nested types', () => {
    fc.assert(
      fc.property(anyFields(2), fields => {
        const schema: Schema = { schemaId: 0, fields, identifierFieldIds: [] }
        const moved = { ...schema, fields: assignFreshIds(fields, { nextId: 1000 }).fields }
        expect(sameSchema(schema, structuredClone(schema))).toBe(true)
        expect(sameSchema(schema, moved)).toBe(false)
      }),
    )
  })
})
