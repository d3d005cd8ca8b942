import { describe, expect, it } from 'vitest'
import { readWal2Json } from '../../src/cdc/wal2json.js'
import { rejectionOf } from '../support/errors.js'
import { cellsOf, type ReadFeed, readWith } from './small-feeds.js'

const read = (records: readonly unknown[]): Promise<ReadFeed> => readWith(readWal2Json, records)

const begin = (lsn: string) => ({ action: 'B', xid: 1, nextlsn: lsn })
const commit = (lsn: string) => ({ action: 'C', xid: 1, nextlsn: lsn })
const column = (name: string, type: string, value: unknown) => ({ name, type, value })
const change = (action: string, more: object) => ({ action, schema: 'public', table: 't', ...more })
const id = (value: unknown) => column('id', 'integer', value)
const pk = [{ name: 'id', type: 'integer' }]
const insert = (value: number) => change('I', { columns: [id(value)], pk })

describe('wal2json version 2', () => {
  it('gives source transactions at the position of their commit', async () => {
    const { transactions } = await read([
      begin('0/10'),
      insert(1),
      commit('0/10'),
      begin('0/20'),
      commit('0/20'),
      begin('0/30'),
      insert(2),
      insert(3),
      commit('0/30'),
    ])
    expect(transactions.map(({ position, lastLine, events }) => [position, lastLine, events.length])).toEqual(
      [
        [{ kind: 'lsn', lsn: 0x10n }, 3, 1],
        [{ kind: 'lsn', lsn: 0x20n }, 5, 0],
        [{ kind: 'lsn', lsn: 0x30n }, 9, 2],
      ],
    )
  })

  it('reads an insert with types, key and line', async () => {
    const columns = [id(1), column('big', 'bigint', 2), column('t', 'text', null)]
    const { events } = await read([begin('0/1'), change('I', { columns, pk }), commit('0/1')])
    expect(events[0]).toMatchObject({
      kind: 'insert',
      table: { schema: 'public', name: 't' },
      keyColumns: ['id'],
      line: 2,
      row: {
        columns: [
          { name: 'id', type: { kind: 'int' } },
          { name: 'big', type: { kind: 'long' } },
          { name: 't', type: { kind: 'string' } },
        ],
        cells: [1, 2n, null],
      },
    })
  })

  it('keeps digits that a double would lose', async () => {
    const { events } = await read([
      begin('0/1'),
      '{"action":"I","schema":"public","table":"t","columns":[{"name":"id","type":"bigint","value":9007199254740993}]}',
      commit('0/1'),
    ])
    expect(events[0]).toMatchObject({ row: { cells: [9007199254740993n] } })
  })

  it('leaves an untouched column out of an update, unless the old row shows it', async () => {
    const { events } = await read([
      begin('0/1'),
      change('U', { columns: [id(1)], identity: [id(1)], pk }),
      change('U', { columns: [id(1)], identity: [id(1), column('big', 'text', 'old')], pk }),
      change('U', { columns: [id(1)], pk }),
      commit('0/1'),
    ])
    const rows = events.map(event => (event.kind === 'update' ? cellsOf(event.row) : undefined))
    expect(rows).toEqual([{ id: 1 }, { id: 1, big: 'old' }, { id: 1 }])
    expect(events[2]).not.toHaveProperty('oldKey')
  })

  it('gives the old key of an update and of a delete', async () => {
    const { events } = await read([
      begin('0/1'),
      change('U', { columns: [id(2)], identity: [id(1)], pk }),
      change('D', { identity: [id(2)], pk }),
      commit('0/1'),
    ])
    expect(events[0]?.kind === 'update' && cellsOf(events[0].oldKey)).toEqual({ id: 1 })
    expect(events[1]?.kind === 'delete' && cellsOf(events[1].key)).toEqual({ id: 2 })
  })

  it('reads a truncate, and ignores messages inside and between transactions', async () => {
    const message = { action: 'M', transactional: true, prefix: 'p', content: 'c' }
    const { events, ignored } = await read([message, begin('0/1'), message, change('T', {}), commit('0/1')])
    expect(events).toEqual([{ kind: 'truncate', table: { schema: 'public', name: 't' }, line: 4 }])
    expect(ignored).toEqual(['message', 'message'])
  })

  it('gives the same columns array to rows of one shape', async () => {
    const { events } = await read([begin('0/1'), insert(1), insert(2), commit('0/1')])
    const [a, b] = events.map(event => (event.kind === 'insert' ? event.row.columns : undefined))
    expect(a).toBe(b)
  })

  it('keeps back a transaction whose end is not there yet', async () => {
    const { transactions, ignored } = await read([
      begin('0/1'),
      insert(1),
      commit('0/1'),
      begin('0/2'),
      insert(2),
    ])
    expect(transactions).toHaveLength(1)
    expect(ignored).toEqual(['transaction without its end'])
  })

  it('takes a transaction that was broken off and sent again once', async () => {
    const { events } = await read([
      begin('0/2'),
      insert(1),
      begin('0/2'),
      insert(1),
      insert(2),
      commit('0/2'),
    ])
    expect(events).toHaveLength(2)
  })

  it('may send older transactions again before the one that was broken off', async () => {
    const one = [begin('0/1'), insert(1), commit('0/1')]
    const { transactions } = await read([
      ...one,
      begin('0/2'),
      insert(2),
      ...one,
      begin('0/2'),
      insert(2),
      commit('0/2'),
      begin('0/3'),
      commit('0/3'),
    ])
    expect(transactions).toHaveLength(4)
  })

  it('is corrupt when a transaction that was broken off never comes again', async () => {
    expect(await rejectionOf(read([begin('0/2'), insert(1), begin('0/3'), commit('0/3')]))).toMatchObject({
      kind: 'corrupt',
      message: 'a transaction of the feed has no end',
      context: { line: 1 },
    })
  })

  it('that begins inside of a transaction hands its changes on as unreadable', async () => {
    const { transactions } = await read([insert(1), commit('0/1'), begin('0/2'), insert(2), commit('0/2')])
    expect(transactions.map(({ events }) => events.map(({ kind }) => kind))).toEqual([['poison'], ['insert']])
  })

  it('that lacks transaction records is corrupt', async () => {
    const error = await rejectionOf(read([begin('0/1'), commit('0/1'), insert(1)]))
    expect(error).toMatchObject({ kind: 'corrupt', context: { line: 3 } })
    expect((await rejectionOf(read([commit('0/1')])))?.kind).toBe('corrupt')
    expect((await rejectionOf(read([begin('0/1'), { action: 'C' }])))?.message).toMatch(/include-lsn/)
  })

  it('hands on a change whose value cannot be read, with line, column and type', async () => {
    const { events } = await read([
      begin('0/1'),
      change('I', { columns: [id('x')], pk }),
      change('D', { identity: [id(1)], pk }),
      commit('0/1'),
    ])
    expect(events[0]).toMatchObject({
      kind: 'poison',
      line: 2,
      error: { kind: 'corrupt', context: { column: 'id', type: 'integer', value: 'x', line: 2 } },
    })
    expect(events[1]?.kind).toBe('delete')
  })

  it.each([
    ['a line that is no object', [7]],
    ['an unknown action', [{ action: 'Z' }]],
    ['a change without a table', [begin('0/1'), { action: 'I', schema: 'public' }]],
  ])('with %s is corrupt', async (_, records) => {
    expect((await rejectionOf(read(records)))?.kind).toBe('corrupt')
  })

  it('of version 1 is refused by name', async () => {
    expect(await rejectionOf(read([{ xid: 1, change: [] }]))).toMatchObject({
      kind: 'unsupported',
      context: { line: 1 },
    })
  })
})
