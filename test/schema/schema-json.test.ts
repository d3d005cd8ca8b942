import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type JsonObject, parseJson, stringifyJson } from '../../src/base/json.js'
import { sameSchema } from '../../src/schema/schema.js'
import { parseSchema, serializeSchema } from '../../src/schema/schema-json.js'
import type { Schema } from '../../src/schema/types.js'
import { anySchema } from './arbitrary.js'

function throughText(schema: Schema): Schema {
  return parseSchema(parseJson(stringifyJson(serializeSchema(schema))) as JsonObject)
}

describe('schemas as JSON', () => {
  it('reads back what it wrote', () => {
    fc.assert(
      fc.property(anySchema(), schema => {
        expect(throughText(schema)).toEqual(schema)
        expect(sameSchema(throughText(schema), schema)).toBe(true)
      }),
    )
  })

  it('writes the member names of Appendix C', () => {
    const schema: Schema = {
      schemaId: 3,
      identifierFieldIds: [1],
      fields: [
        { id: 1, name: 'id', required: true, type: { kind: 'long' }, doc: 'the key' },
        {
          id: 2,
          name: 'price',
          required: false,
          type: { kind: 'decimal', precision: 9, scale: 2 },
          initialDefault: 150n,
          writeDefault: 250n,
        },
        {
          id: 3,
          name: 'tags',
          required: false,
          type: { kind: 'list', elementId: 4, elementRequired: true, element: { kind: 'string' } },
        },
        {
          id: 5,
          name: 'm',
          required: false,
          type: {
            kind: 'map',
            keyId: 6,
            key: { kind: 'string' },
            valueId: 7,
            valueRequired: false,
            value: { kind: 'int' },
          },
        },
        {
          id: 8,
          name: 's',
          required: false,
          type: { kind: 'struct', fields: [{ id: 9, name: 'x', required: false, type: { kind: 'double' } }] },
        },
      ],
    }
    expect(serializeSchema(schema)).toEqual({
      type: 'struct',
      'schema-id': 3,
      'identifier-field-ids': [1],
      fields: [
        { id: 1, name: 'id', required: true, type: 'long', doc: 'the key' },
        {
          id: 2,
          name: 'price',
          required: false,
          type: 'decimal(9, 2)',
          'initial-default': '1.50',
          'write-default': '2.50',
        },
        {
          id: 3,
          name: 'tags',
          required: false,
          type: { type: 'list', 'element-id': 4, element: 'string', 'element-required': true },
        },
        {
          id: 5,
          name: 'm',
          required: false,
          type: {
            type: 'map',
            'key-id': 6,
            key: 'string',
            'value-id': 7,
            value: 'int',
            'value-required': false,
          },
        },
        {
          id: 8,
          name: 's',
          required: false,
          type: { type: 'struct', fields: [{ id: 9, name: 'x', required: false, type: 'double' }] },
        },
      ],
    })
    expect(throughText(schema)).toEqual(schema)
  })

  it('takes a schema of v1 without an id for number 0', () => {
    expect(parseSchema({ type: 'struct', fields: [] })).toEqual({
      schemaId: 0,
      fields: [],
      identifierFieldIds: [],
    })
  })

  it('keeps a default that is null apart from one that is absent', () => {
    const field = { id: 1, name: 'a', required: false, type: 'int' }
    const parsed = parseSchema({
      type: 'struct',
      fields: [
        { ...field, 'initial-default': null },
        { ...field, id: 2 },
      ],
    })
    expect(parsed.fields.map(each => each.initialDefault)).toEqual([null, undefined])
  })

  it('refuses JSON that is no schema', () => {
    const field = { id: 1, name: 'a', required: false, type: 'int' }
    const broken: JsonObject[] = [
      { fields: [] },
      { type: 'list', fields: [] },
      { type: 'struct' },
      { type: 'struct', fields: ['a'] },
      { type: 'struct', fields: [{ ...field, id: '1' }] },
      { type: 'struct', fields: [{ ...field, name: 1 }] },
      { type: 'struct', fields: [{ id: 1, name: 'a', type: 'int' }] },
      { type: 'struct', fields: [{ ...field, type: 'integer' }] },
      { type: 'struct', fields: [{ ...field, type: { type: 'list' } }] },
      { type: 'struct', fields: [{ ...field, type: { type: 'set' } }] },
      { type: 'struct', fields: [field], 'identifier-field-ids': ['a'] },
      { type: 'struct', fields: [field], 'schema-id': 'x' },
      { type: 'struct', fields: [{ ...field, 'initial-default': 'x' }] },
    ]
    for (const json of broken)
      expect(() => parseSchema(json)).toThrow(expect.objectContaining({ kind: 'corrupt' }))
  })
})
