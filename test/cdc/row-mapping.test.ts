import { describe, expect, it } from 'vitest'
import { type Cell, type SourceRow, UNCHANGED, UNREPRESENTABLE } from '../../src/cdc/change-event.js'
import { createRowMapper, type RowMapper } from '../../src/cdc/row-mapping.js'
import type { Schema, Type } from '../../src/schema/types.js'
import { errorOf } from '../support/errors.js'

const INT = { kind: 'int' } as const
const STRING = { kind: 'string' } as const
const schema: Schema = {
  schemaId: 0,
  identifierFieldIds: [1],
  fields: [
    { id: 1, name: 'id', required: true, type: { kind: 'long' } },
    { id: 2, name: 'price', required: false, type: { kind: 'decimal', precision: 12, scale: 2 } },
    { id: 3, name: 'note', required: false, type: STRING },
    {
      id: 4,
      name: 'tags',
      required: false,
      type: { kind: 'list', elementId: 9, elementRequired: false, element: STRING },
    },
  ],
}

function mapper(unrepresentable: string[] = []): RowMapper {
  return createRowMapper({
    schema,
    keyIndexes: [0],
    table: 'shop.t',
    onUnrepresentable: column => unrepresentable.push(column),
  })
}

function row(...cells: readonly (readonly [string, Type, Cell])[]): SourceRow {
  return { columns: cells.map(([name, type]) => ({ name, type })), cells: cells.map(([, , cell]) => cell) }
}

describe('a source row as cells of the table', () => {
  it('is put in the order of the table, widened where the column is wider', () => {
    const tags = { kind: 'list', elementId: 0, elementRequired: false, element: STRING } as const
    const given = row(
      ['note', STRING, 'n'],
      ['tags', tags, ['a']],
      ['price', { kind: 'decimal', precision: 10, scale: 2 }, 150n],
      ['id', INT, 7],
    )
    expect(mapper().cells(given)).toEqual([7n, 150n, 'n', ['a']])
  })

  it('tells null, unchanged and absent apart', () => {
    const given = row(
      ['id', INT, 1],
      ['note', STRING, UNCHANGED],
      ['price', { kind: 'decimal', precision: 5, scale: 2 }, null],
    )
    expect(mapper().cells(given)).toEqual([1n, null, undefined, undefined])
  })

  it('has null where Iceberg cannot hold the value, and says so', () => {
    const columns: string[] = []
    const given = row(['id', INT, 1], ['note', STRING, UNREPRESENTABLE])
    expect(mapper(columns).cells(given)).toEqual([1n, undefined, null, undefined])
    expect(columns).toEqual(['note'])
  })

  it('is refused when the table lacks the column or has another type', () => {
    expect(errorOf(() => mapper().cells(row(['extra', INT, 1])))).toMatchObject({
      kind: 'unsupported',
      context: { table: 'shop.t', column: 'extra', type: 'int' },
    })
    expect(
      errorOf(() => mapper().cells(row(['price', { kind: 'decimal', precision: 12, scale: 4 }, 1n]))),
    ).toMatchObject({
      kind: 'unsupported',
      context: { column: 'price', feedType: 'decimal(12, 4)', tableType: 'decimal(12, 2)' },
    })
  })
})

describe('the key of a source row', () => {
  it('looks at key columns only', () => {
    expect(mapper().key(row(['note', STRING, UNREPRESENTABLE], ['id', INT, 5]))).toEqual([5n])
    expect(mapper().key(row(['id', INT, null]))).toEqual([null])
  })

  it('is corrupt when a column is missing, unchanged or not representable', () => {
    for (const given of [
      row(['note', STRING, 'a']),
      row(['id', INT, UNCHANGED]),
      row(['id', INT, UNREPRESENTABLE]),
    ]) {
      expect(errorOf(() => mapper().key(given))).toMatchObject({
        kind: 'corrupt',
        context: { table: 'shop.t', column: 'id' },
      })
    }
  })
})
