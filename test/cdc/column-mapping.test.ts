import { describe, expect, it } from 'vitest'
import { rowAt } from '../../src/batch/values.js'
import { createBlockBuilder } from '../../src/cdc/block-builder.js'
import { changeColumns } from '../../src/cdc/change-columns.js'
import {
  type Cell,
  type ReadableEvent,
  type SourceRow,
  UNCHANGED,
  UNREPRESENTABLE,
} from '../../src/cdc/change-event.js'
import { createColumnMapper } from '../../src/cdc/column-mapping.js'
import type { Schema, Type, Value } from '../../src/schema/types.js'
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

type NamedCell = readonly [string, Type, Cell]

function row(...cells: readonly NamedCell[]): SourceRow {
  return { columns: cells.map(([name, type]) => ({ name, type })), cells: cells.map(([, , cell]) => cell) }
}

/** What one change is in the columns of the table. */
function mapped(
  event: Pick<Extract<ReadableEvent, { kind: 'update' }>, 'row' | 'oldKey'> | { readonly key: SourceRow },
  lost: string[] = [],
): { readonly cells: readonly (Value | undefined)[]; readonly key: readonly Value[] } {
  const about = { table: { schema: 'shop', name: 't' }, line: 7, keyColumns: ['id'] }
  const builder = createBlockBuilder()
  const change: ReadableEvent =
    'key' in event ? { kind: 'delete', ...about, ...event } : { kind: 'update', ...about, ...event }
  builder.add({ position: { kind: 'line', line: 7 }, lastLine: 7, events: [change] })
  const slices = builder.flush().blocks.map(block => ({ block, from: 0, to: 1, firstTransaction: 0 }))
  const columns = changeColumns(slices, {
    schema,
    keyIndexes: [0],
    mapper: createColumnMapper({ schema, table: 'shop.t' }),
    table: 'shop.t',
    onUnrepresentable: column => lost.push(column),
  })
  const batch = { length: 1, fields: schema.fields, columns: columns.columns }
  const keys = { length: columns.keyRows, fields: schema.fields.slice(0, 1), columns: columns.keys }
  return {
    cells: rowAt(batch, 0).map((value, index) =>
      columns.unchanged[index] === undefined ? value : undefined,
    ),
    key: rowAt(keys, Math.max(0, (columns.oldRows[0] ?? -1) + 1)),
  }
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
    expect(mapped({ row: given }).cells).toEqual([7n, 150n, 'n', ['a']])
  })

  it('tells null, unchanged and absent apart', () => {
    const given = row(
      ['id', INT, 1],
      ['note', STRING, UNCHANGED],
      ['price', { kind: 'decimal', precision: 5, scale: 2 }, null],
    )
    expect(mapped({ row: given }).cells).toEqual([1n, null, undefined, undefined])
  })

  it('has null where Iceberg cannot hold the value, and says so', () => {
    const columns: string[] = []
    const given = row(['id', INT, 1], ['note', STRING, UNREPRESENTABLE])
    expect(mapped({ row: given }, columns).cells).toEqual([1n, undefined, null, undefined])
    expect(columns).toEqual(['note'])
  })

  it('is refused when the table lacks the column or has another type', () => {
    const id: NamedCell = ['id', INT, 1]
    expect(errorOf(() => mapped({ row: row(id, ['extra', INT, 1]) }))).toMatchObject({
      kind: 'unsupported',
      context: { table: 'shop.t', column: 'extra', type: 'int', line: 7 },
    })
    const price: NamedCell = ['price', { kind: 'decimal', precision: 12, scale: 4 }, 1n]
    expect(errorOf(() => mapped({ row: row(id, price) }))).toMatchObject({
      kind: 'unsupported',
      context: { column: 'price', feedType: 'decimal(12, 4)', tableType: 'decimal(12, 2)', line: 7 },
    })
  })
})

describe('the key of a source row', () => {
  it('looks at key columns only', () => {
    expect(mapped({ key: row(['note', STRING, UNREPRESENTABLE], ['id', INT, 5]) }).key).toEqual([5n])
    expect(mapped({ key: row(['id', INT, null]) }).key).toEqual([null])
  })

  it('is corrupt when a column is missing, unchanged or not representable', () => {
    const corrupt = { kind: 'corrupt', context: { table: 'shop.t', column: 'id', line: 7 } }
    for (const given of [
      row(['note', STRING, 'a']),
      row(['id', INT, UNCHANGED]),
      row(['id', INT, UNREPRESENTABLE]),
    ]) {
      expect(errorOf(() => mapped({ key: given }))).toMatchObject(corrupt)
      expect(errorOf(() => mapped({ row: row(['id', INT, 1]), oldKey: given }))).toMatchObject(corrupt)
      expect(errorOf(() => mapped({ row: given }))).toMatchObject(corrupt)
    }
  })

  it('of an update is that of its old row where the feed says it there only', () => {
    const given = row(['id', INT, UNCHANGED], ['note', STRING, 'a'])
    expect(errorOf(() => mapped({ row: given, oldKey: row(['id', INT, 5]) }))).toBeUndefined()
  })
})
