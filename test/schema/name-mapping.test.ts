import { describe, expect, it } from 'vitest'
import { applySchemaChanges, type SchemaChange } from '../../src/schema/evolve-schema.js'
import {
  nameMappingOf,
  parseMappedFields,
  serializeNameMapping,
  updateNameMapping,
} from '../../src/schema/name-mapping.js'
import type { Schema } from '../../src/schema/types.js'

const SCHEMA: Schema = {
  schemaId: 0,
  identifierFieldIds: [],
  fields: [
    { id: 1, name: 'a', required: false, type: { kind: 'int' } },
    {
      id: 2,
      name: 's',
      required: false,
      type: { kind: 'struct', fields: [{ id: 3, name: 'x', required: false, type: { kind: 'int' } }] },
    },
    {
      id: 4,
      name: 'l',
      required: false,
      type: { kind: 'list', elementId: 5, elementRequired: false, element: { kind: 'int' } },
    },
  ],
}

function mapped(...changes: SchemaChange[]): unknown {
  const { schema } = applySchemaChanges(SCHEMA, changes, { lastColumnId: 5, formatVersion: 2 })
  const mapping = updateNameMapping(nameMappingOf(SCHEMA.fields), SCHEMA, schema)
  const text = serializeNameMapping(mapping)
  expect(parseMappedFields(text)).toEqual(mapping)
  return JSON.parse(text)
}

const LIST = { 'field-id': 4, names: ['l'], fields: [{ 'field-id': 5, names: ['element'] }] }

describe('a name mapping', () => {
  it('has every column by its name', () => {
    expect(mapped()).toEqual([
      { 'field-id': 1, names: ['a'] },
      { 'field-id': 2, names: ['s'], fields: [{ 'field-id': 3, names: ['x'] }] },
      LIST,
    ])
  })

  it('keeps old names beside new ones, and takes in new columns at every depth', () => {
    expect(
      mapped(
        { kind: 'rename-column', column: 's.x', to: 'y' },
        { kind: 'rename-column', column: 'a', to: 'b' },
        { kind: 'add-column', parent: 's', name: 'z', type: { kind: 'int' } },
        { kind: 'add-column', name: 'c', type: { kind: 'int' } },
      ),
    ).toEqual([
      { 'field-id': 1, names: ['a', 'b'] },
      {
        'field-id': 2,
        names: ['s'],
        fields: [
          { 'field-id': 3, names: ['x', 'y'] },
          { 'field-id': 6, names: ['z'] },
        ],
      },
      LIST,
      { 'field-id': 7, names: ['c'] },
    ])
  })

  it('gives a name that is used again to the column that has it now', () => {
    expect(
      mapped(
        { kind: 'rename-column', column: 'a', to: 'b' },
        { kind: 'add-column', name: 'a', type: { kind: 'int' } },
        { kind: 'drop-column', column: 'l' },
        { kind: 'add-column', name: 'l', type: { kind: 'int' } },
      ),
    ).toEqual([
      { 'field-id': 1, names: ['b'] },
      { 'field-id': 2, names: ['s'], fields: [{ 'field-id': 3, names: ['x'] }] },
      { ...LIST, names: [] },
      { 'field-id': 6, names: ['a'] },
      { 'field-id': 7, names: ['l'] },
    ])
  })
})
