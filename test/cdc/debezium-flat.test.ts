import { describe, expect, it } from 'vitest'
import { type FeedContext, UNCHANGED } from '../../src/cdc/change-event.js'
import { readDebezium } from '../../src/cdc/debezium/debezium.js'
import { rejectionOf } from '../support/errors.js'
import { cellsOf, type ReadFeed, readWith } from './small-feeds.js'

const TYPES = [
  { name: 'id', type: 'integer' },
  { name: 'code', type: 'text' },
]
const PLACEHOLDER = '__debezium_unavailable_value'
const read = (records: readonly unknown[], context: Partial<FeedContext> = {}): Promise<ReadFeed> =>
  readWith(readDebezium, records, { typesOf: () => TYPES, ...context })

const record = (
  value: object | null,
  about: { readonly key?: object | null; readonly headers?: object } = {},
) => {
  const id = (value as { id?: number } | null)?.id
  return {
    topic: 'pg.public.t',
    partition: 0,
    key: id === undefined ? null : { id },
    value,
    headers: {},
    ...about,
  }
}
/** A row of the mode rewrite, as the captured feeds have it. */
const row = (op: string, columns: object, more: object = {}) => ({
  ...columns,
  __deleted: op === 'd' ? 'true' : 'false',
  __op: op,
  __lsn: 5,
  __source_ts_ms: 1000,
  ...more,
})

describe('a flattened feed that rewrites deletes', () => {
  it('reads what happened from the added columns, which are no columns of the row', async () => {
    const { events, transactions } = await read([
      record(row('r', { id: 1, code: 'a' })),
      record(row('c', { id: 2, code: 'b' })),
      record(row('u', { id: 2, code: 'c' })),
      record(row('d', { id: 2, code: '' })),
      record(null, { key: { id: 2 } }),
    ])
    expect(events.map(({ kind }) => kind)).toEqual(['insert', 'insert', 'update', 'delete'])
    expect(events[1]).toMatchObject({
      table: { schema: 'public', name: 't' },
      keyColumns: ['id'],
      row: { cells: [2, 'b'], isWhole: true },
    })
    expect(events[3]?.kind === 'delete' && cellsOf(events[3].key)).toEqual({ id: 2 })
    expect(transactions).toMatchObject([
      { position: { kind: 'lsn', lsn: 5n, rows: 1 }, source: 'pg' },
      { position: { kind: 'line', line: 4 }, committedMs: 1000 },
    ])
  })

  it('takes the placeholder for a value in a create, for unchanged in an update and behind a key update', async () => {
    const { events } = await read([
      record(row('c', { id: 1, code: PLACEHOLDER })),
      record(row('u', { id: 1, code: PLACEHOLDER })),
      record(row('d', { id: 1, code: '' }), { headers: { '__debezium.newkey': { id: 2 } } }),
      record(row('c', { id: 2, code: PLACEHOLDER }), { headers: { '__debezium.oldkey': { id: 1 } } }),
    ])
    const cells = events.map(event => ('row' in event ? event.row.cells[1] : undefined))
    expect(cells).toEqual([PLACEHOLDER, UNCHANGED, undefined, UNCHANGED])
    expect(events[3]?.kind === 'insert' && cellsOf(events[3].movedFrom)).toEqual({ id: 1 })
  })

  it('cannot tell which row of a table without a key was updated', async () => {
    const keyless = (op: string) => record(row(op, { code: 'a' }))
    const { events } = await read([keyless('c'), keyless('u'), keyless('d')])
    expect(events).toMatchObject([
      { kind: 'insert', keyColumns: [] },
      { kind: 'poison', error: { kind: 'unsupported' }, raw: JSON.stringify(keyless('u')) },
      { kind: 'delete', key: { cells: ['a'] } },
    ])
    expect((await read([keyless('u')], { keys: ['code'] })).events).toMatchObject([{ kind: 'update' }])
  })

  it('finds table and op in headers, too', async () => {
    const headers = { __op: { schema: {}, payload: 'c' }, __table: '"orders"', __schema: '"sales"' }
    const { events } = await read([{ topic: 'one', key: { id: 1 }, value: { id: 1, code: 'a' }, headers }])
    expect(events).toMatchObject([{ kind: 'insert', table: { schema: 'sales', name: 'orders' } }])
  })

  it('as bare rows names its tables itself', async () => {
    const { events } = await read([row('c', { id: 1, code: 'a' }, { __table: 'orders' })], { keys: ['id'] })
    expect(events).toMatchObject([{ kind: 'insert', table: { name: 'orders' }, keyColumns: [] }])
    const error = await rejectionOf(read([row('c', { id: 1 })]))
    expect(error).toMatchObject({ kind: 'unsupported', context: { line: 1 } })
  })

  it('with schemas takes types and the name of the table from them', async () => {
    const schema = {
      type: 'struct',
      name: 'pg.public.orders.Value',
      fields: [
        { field: 'id', type: 'int64' },
        { field: '__op', type: 'string' },
      ],
    }
    const { events } = await read([{ schema, payload: { id: 1, __op: 'c' } }], { typesOf: () => undefined })
    expect(events).toMatchObject([{ table: { schema: 'public', name: 'orders' }, row: { cells: [1n] } }])
  })

  it('keeps together what PostgreSQL committed at one moment, or what has one transaction', async () => {
    const at = (id: number, ms: number, more: object = {}) =>
      record(row('c', { id }, { __source_ts_ms: ms, ...more }))
    const sizes = async (records: readonly unknown[]) =>
      (await read(records)).transactions.map(({ events }) => events.length)
    expect(await sizes([at(1, 5), at(2, 5), at(3, 6)])).toEqual([2, 1])
    expect(await sizes([at(1, 5, { __txId: 1 }), at(2, 5, { __txId: 2 }), at(3, 6, { __txId: 2 })])).toEqual([
      1, 2,
    ])
    const id = (name: string) => ({ __transaction_id: name })
    expect(await sizes([at(1, 5, id('7:1')), at(2, 6, id('7:2')), at(3, 6, id('8:3'))])).toEqual([2, 1])
  })
})

describe('a flattened feed whose deletes are tombstones', () => {
  const plain = (id: number, code: string) => record({ id, code })
  const gone = (id: number) => record(null, { key: { id } })

  it('takes a row without an op for an update, and a tombstone for a delete', async () => {
    const { events, transactions } = await read([plain(1, 'a'), gone(1), plain(2, 'b')])
    expect(events.map(({ kind }) => kind)).toEqual(['update', 'delete', 'update'])
    expect(events[1]).toMatchObject({ key: { cells: [1] }, keyColumns: ['id'], line: 2 })
    expect(transactions.map(({ position }) => position)).toEqual(
      [1, 2, 3].map(line => ({ kind: 'line', line })),
    )
  })

  it('that begins with tombstones keeps them until a row tells what they are', async () => {
    expect((await read([gone(1), plain(2, 'b')])).events.map(({ kind }) => kind)).toEqual([
      'delete',
      'update',
    ])
    expect((await read([gone(1), record(row('c', { id: 2 }))])).events.map(({ kind }) => kind)).toEqual([
      'insert',
    ])
    expect(await read([gone(1)])).toMatchObject({ events: [], ignored: ['tombstone'] })
  })

  it('has lines for positions even where a row has a place in a log', async () => {
    const at = { __file: 'bin.000001', __pos: 7, __row: 0 }
    const { transactions } = await read([record({ id: 1, code: 'a', ...at }), gone(1)])
    expect(transactions.map(({ position }) => position.kind)).toEqual(['line', 'line'])
  })
})

describe('a flattened feed of MariaDB', () => {
  it('has places in the binary log for positions', async () => {
    const at = (pos: number, line: number) => ({
      __lsn: undefined,
      __source_file: 'bin.000001',
      __source_pos: pos,
      __source_row: line,
    })
    const { transactions } = await read(
      [
        { ...record(row('r', { id: 1 }, at(4, 0))), topic: 'my.shop.t' },
        { ...record(row('c', { id: 2 }, at(9, 0))), topic: 'my.shop.t' },
        { ...record(row('c', { id: 3 }, at(9, 1))), topic: 'my.shop.t' },
      ],
      { typesOf: () => [{ name: 'id', type: 'bigint(20) unsigned' }] },
    )
    expect(transactions).toMatchObject([
      { position: { kind: 'binlog', file: 'bin.000001', pos: 4, row: 1 } },
      {
        position: { kind: 'binlog', pos: 9, row: 1 },
        events: [{ table: { schema: '', name: 't', database: 'shop' } }, {}],
      },
    ])
  })
})
