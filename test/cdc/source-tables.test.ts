import { describe, expect, it } from 'vitest'
import {
  declarationOf,
  parseTypesFile,
  printSource,
  schemaFromFeed,
  tableNameOf,
} from '../../src/cdc/source-tables.js'
import { errorOf, kindOf } from '../support/errors.js'

const INT = { kind: 'int' } as const
const list = { kind: 'list', elementId: 0, elementRequired: false, element: INT } as const

describe('the name of a table that follows a source table', () => {
  it('is its own, with the schema in front unless that is public', () => {
    expect(tableNameOf({ schema: 'public', name: 'Order Lines' })).toBe('Order Lines')
    expect(tableNameOf({ schema: 'sales', name: 'orders' })).toBe('sales_orders')
    expect(tableNameOf({ schema: '', name: 'orders' })).toBe('orders')
    expect(printSource({ schema: 'public', name: 'orders' })).toBe('public.orders')
    expect(printSource({ schema: '', name: 'orders' })).toBe('orders')
  })
})

describe('the schema of a table made from a feed', () => {
  it('has optional columns but for the key, whose columns are the identifier fields', () => {
    const columns = [
      { name: 'a', type: INT },
      { name: 'tags', type: list },
      { name: 'b', type: INT },
      { name: 'more', type: list },
    ]
    expect(schemaFromFeed(columns, ['b', 'a'])).toEqual({
      schemaId: 0,
      identifierFieldIds: [1, 3],
      fields: [
        { id: 1, name: 'a', required: true, type: INT },
        { id: 2, name: 'tags', required: false, type: { ...list, elementId: 5 } },
        { id: 3, name: 'b', required: true, type: INT },
        { id: 4, name: 'more', required: false, type: { ...list, elementId: 6 } },
      ],
    })
  })

  it('has no identifier fields when Iceberg does not allow the type of a key column', () => {
    const schema = schemaFromFeed([{ name: 'a', type: { kind: 'double' } }], ['a'])
    expect(schema.identifierFieldIds).toEqual([])
    expect(schema.fields[0]?.required).toBe(true)
  })

  it('needs every key column', () => {
    expect(errorOf(() => schemaFromFeed([{ name: 'a', type: INT }], ['id']))).toMatchObject({
      kind: 'invalid-argument',
      context: { column: 'id' },
    })
  })
})

describe('a types file', () => {
  const orders = { columns: [{ name: 'id', type: 'integer', notnull: true }], primary_key: ['id'] }

  it('declares columns and keys, at the top or under tables', () => {
    const wanted = { columns: [{ name: 'id', type: 'integer' }], keyColumns: ['id'] }
    for (const json of [{ tables: { orders } }, { orders }]) {
      expect(parseTypesFile(JSON.stringify(json)).get('orders')).toEqual(wanted)
    }
  })

  it('is asked by the qualified name first, and by the plain one for public tables', () => {
    const types = parseTypesFile(
      JSON.stringify({ orders, 'sales.orders': { columns: [{ name: 'x', type: 'date' }] } }),
    )
    expect(declarationOf(types, { schema: 'public', name: 'orders' })?.keyColumns).toEqual(['id'])
    expect(declarationOf(types, { schema: 'sales', name: 'orders' })?.columns[0]?.name).toBe('x')
    expect(declarationOf(types, { schema: 'hr', name: 'orders' })).toBeUndefined()
    expect(declarationOf(undefined, { schema: 'public', name: 'orders' })).toBeUndefined()
  })

  it('that is none is refused', () => {
    for (const text of ['{', '[]', '{}', '{"t":{"columns":[{"name":"a"}]}}']) {
      expect(
        kindOf(() => parseTypesFile(text)),
        text,
      ).toBe('invalid-argument')
    }
  })
})
