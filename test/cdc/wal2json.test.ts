import { describe, expect, it } from 'vitest'
import { type ChangeEvent, UNREPRESENTABLE } from '../../src/cdc/change-event.js'
import { feedLines } from '../../src/cdc/feed-lines.js'
import { readWal2Json } from '../../src/cdc/wal2json/wal2json.js'
import { rejectionOf } from '../support/errors.js'
import { cellsOf, chunksOf, collect, type ReadFeed, readWith } from './small-feeds.js'

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

  it('keeps the text of a record that cannot be read', async () => {
    const bad = JSON.stringify(change('I', { columns: [id('x')], pk }))
    const { events } = await read([begin('0/1'), bad, insert(1), commit('0/1')])
    expect(events[0]).toMatchObject({ kind: 'poison', raw: bad })
    expect(events[1]?.kind).toBe('insert')
  })

  it('says when a transaction was committed', async () => {
    const end = { ...commit('0/1'), timestamp: '2026-11-21 13:51:26.5499+05:30' }
    const { transactions } = await read([begin('0/1'), end, begin('0/2'), commit('0/2')])
    expect(transactions.map(({ committedMs }) => committedMs)).toEqual([
      Date.parse('2026-11-21T08:21:26.549Z'),
      undefined,
    ])
  })

  it('reads numbers that the capture has as text', async () => {
    const columns = [
      id('7'),
      column('n', 'numeric', 'NaN'),
      column('d', 'numeric(5,2)', '1.50'),
      column('e', 'numeric(5,2)', 'Infinity'),
      column('f', 'double precision', '-Infinity'),
    ]
    const { events } = await read([begin('0/1'), change('I', { columns, pk }), commit('0/1')])
    expect(events[0]).toMatchObject({
      row: { cells: [7, 'NaN', 150n, UNREPRESENTABLE, Number.NEGATIVE_INFINITY], isWhole: true },
    })
  })
})

describe('what tells rows apart in version 2', () => {
  const a = (value: unknown) => column('a', 'integer', value)
  const b = (value: unknown) => column('b', 'text', value)
  const c = (value: unknown) => column('c', 'text', value)
  const readChanges = async (...changes: readonly unknown[]): Promise<readonly ChangeEvent[]> =>
    (await read([begin('0/1'), ...changes, commit('0/1')])).events

  it('is nothing but all of its columns in a table without a key', async () => {
    const events = await readChanges(
      change('I', { columns: [a(1), b(null)], pk: [] }),
      change('U', { columns: [a(2)], identity: [a(1), b('big')], pk: [] }),
      change('D', { identity: [a(2), b(null)], pk: [] }),
    )
    expect(events).toMatchObject([
      { kind: 'insert', keyColumns: [] },
      { kind: 'update', keyColumns: [], row: { cells: [2, 'big'], isWhole: true } },
      { kind: 'delete', keyColumns: [], key: { cells: [2, null], isWhole: true } },
    ])
    expect(events[1]?.kind === 'update' && cellsOf(events[1].oldKey)).toEqual({ a: 1, b: 'big' })
  })

  it('is the primary key also where the whole old row is shown', async () => {
    const [update, deletion] = await readChanges(
      change('U', { columns: [id(1), b('y'), c(null)], identity: [id(1), b('x'), c(null)], pk }),
      change('D', { identity: [id(1), b('y'), c(null)], pk }),
    )
    expect(update).toMatchObject({
      keyColumns: ['id'],
      row: { isWhole: true },
      oldKey: { cells: [1, 'x', null] },
    })
    expect(deletion).toMatchObject({ keyColumns: ['id'], key: { cells: [1, 'y', null] } })
  })

  it('is another index once an update or a delete shows it, for inserts too', async () => {
    const columns = [id(1), b('k'), c('x')]
    const events = await readChanges(
      change('I', { columns, pk }),
      change('U', { columns: [id(2), b('k')], identity: [b('k')], pk }),
      change('I', { columns: [id(3), b('l'), c('x')], pk }),
      change('D', { identity: [b('l')], pk }),
    )
    expect(events.map(event => 'keyColumns' in event && event.keyColumns)).toEqual([
      ['id'],
      ['b'],
      ['b'],
      ['b'],
    ])
    expect(events[1]).toMatchObject({ row: { cells: [2, 'k'] } })
    expect(events[1]).not.toHaveProperty('row.isWhole')
  })

  it('is an index of a table without a primary key, unless that has a null', async () => {
    const events = await readChanges(
      change('I', { columns: [a(1), b('k'), c('x')], pk: [] }),
      change('D', { identity: [b('k')], pk: [] }),
      change('I', { columns: [a(1), b('k'), c('x')], pk: [] }),
      change('D', { identity: [b(null)], pk: [] }),
    )
    expect(events.map(event => 'keyColumns' in event && event.keyColumns)).toEqual([[], ['b'], ['b'], []])
  })

  it('is not taken for an index because a column was dropped', async () => {
    const events = await readChanges(
      change('I', { columns: [a(1), b('k'), c('x')], pk: [] }),
      change('U', { columns: [a(2), b('k'), c('x')], identity: [a(1), b('k'), c('x')], pk: [] }),
      change('D', { identity: [a(2), b('k')], pk: [] }),
    )
    expect(events.map(event => 'keyColumns' in event && event.keyColumns)).toEqual([[], [], []])
  })

  it('is left out of an update that keeps it', async () => {
    const [same, moved] = await readChanges(
      change('U', { columns: [id(1), b('y')], identity: [id(1)], pk }),
      change('U', { columns: [id(2), b('y')], identity: [id(1)], pk }),
    )
    expect(same).not.toHaveProperty('oldKey')
    expect(moved).toMatchObject({ oldKey: { cells: [1] } })
  })

  it('may be a key that the user names', async () => {
    const { events } = await readWith(
      readWal2Json,
      [
        begin('0/1'),
        change('I', { columns: [a(1), b('k')] }),
        change('D', { identity: [b('k')] }),
        commit('0/1'),
      ],
      { keysOf: () => ['b'] },
    )
    expect(events.map(event => 'keyColumns' in event && event.keyColumns)).toEqual([['b'], ['b']])
  })
})

describe('a capture that lacks an option', () => {
  const row = change('I', { columns: [{ name: 'id', value: 1 }], pk })
  it.each([
    ['include-lsn', [{ action: 'B' }, insert(1), { action: 'C' }]],
    ['include-types', [begin('0/1'), row]],
    ['include-pk', [begin('0/1'), change('D', { identity: [id(1)] })]],
    ['include-schemas', [begin('0/1'), { action: 'I', table: 't', columns: [id(1)], pk }]],
    ['include-transaction', [insert(1), insert(2)]],
  ])('is refused with its name, %s', async (option, records) => {
    expect(await rejectionOf(read(records))).toMatchObject({
      kind: 'invalid-argument',
      message: `the capture of the feed lacks an option: set ${option}`,
      context: { option },
    })
  })

  it('may have the types of its columns declared instead', async () => {
    const { events } = await readWith(readWal2Json, [begin('0/1'), row, commit('0/1')], {
      typesOf: () => [{ name: 'id', type: 'bigint' }],
    })
    expect(events[0]).toMatchObject({ row: { cells: [1n] } })
  })

  it('may have arrays of several dimensions declared, which are text then', async () => {
    const columns = [id(1), column('m', 'integer[]', '{{1,2}}'), column('l', 'integer[]', '{1}')]
    const { events } = await readWith(
      readWal2Json,
      [begin('0/1'), change('I', { columns, pk }), commit('0/1')],
      { typesOf: () => [{ name: 'm', type: 'integer[][]' }] },
    )
    expect(events[0]).toMatchObject({ row: { cells: [1, '{{1,2}}', [1]] } })
  })

  it('gives transactions between lines where it has no transaction records but xids', async () => {
    const of = (xid: number, value: number) => ({
      ...insert(value),
      xid,
      timestamp: '2026-11-21 08:00:00+00',
    })
    const { transactions } = await read([of(7, 1), of(7, 2), of(9, 3), { action: 'M', xid: null }, of(8, 4)])
    expect(transactions.map(({ position, lastLine, events }) => [position, lastLine, events.length])).toEqual(
      [
        [{ kind: 'line', line: 2 }, 2, 2],
        [{ kind: 'line', line: 3 }, 3, 1],
        [{ kind: 'line', line: 5 }, 5, 1],
      ],
    )
    expect(transactions[0]).toMatchObject({ committedMs: Date.parse('2026-11-21T08:00:00Z') })
    expect(transactions[0]?.events[0]?.kind).toBe('insert')
    const error = await rejectionOf(read([of(7, 1), of(8, 2), of(7, 1), of(8, 2)]))
    expect(error).toMatchObject({ kind: 'corrupt', context: { remedy: 'capture with include-transaction' } })
    expect((await rejectionOf(read([of(7, 1), of(8, 2), commit('0/1')])))?.kind).toBe('corrupt')
  })
})

describe('a file that pg_recvlogical writes', () => {
  const text = (...records: readonly unknown[]): string =>
    records.map(record => `${JSON.stringify(record)}\n`).join('')
  const readFile = async (bytes: string | Uint8Array): Promise<ReadFeed> => {
    const ignored: string[] = []
    const context = { typesOf: () => undefined, onIgnored: (what: string) => ignored.push(what) }
    const transactions = await collect(readWal2Json(feedLines(chunksOf(bytes), { source: 'x' }), context))
    return { transactions, events: transactions.flatMap(({ events }) => events), ignored }
  }
  const first = text(begin('0/1'), insert(1), commit('0/1'))
  const second = text(begin('0/2'), insert(2), insert(3), commit('0/2'))
  const lsns = ({ transactions }: ReadFeed): readonly (readonly [unknown, number])[] =>
    transactions.map(({ position, events }) => [position, events.length])
  const ONE = [{ kind: 'lsn', lsn: 1n }, 1]
  const TWO = [{ kind: 'lsn', lsn: 2n }, 2]

  it('may end anywhere', async () => {
    for (let length = 0; length < second.length; length++) {
      const read = await readFile(first + second.slice(0, length))
      expect(lsns(read), `cut at ${length}`).toEqual(length === second.length - 1 ? [ONE, TWO] : [ONE])
    }
  })

  it('goes on after it was broken off anywhere, in the same line', async () => {
    for (let length = 0; length <= second.length; length++) {
      const read = await readFile(
        first + second.slice(0, length) + second + text(begin('0/3'), commit('0/3')),
      )
      const wanted = length >= second.length - 1 ? [ONE, TWO, TWO] : [ONE, TWO]
      expect(lsns(read), `cut at ${length}`).toEqual([...wanted, [{ kind: 'lsn', lsn: 3n }, 0]])
    }
  })

  it('goes on with transactions that it had, and after a line that was broken off', async () => {
    const broken = second.slice(0, second.length - 20)
    expect(lsns(await readFile(`${first}${broken}\n${first}${second}`))).toEqual([ONE, ONE, TWO])
    expect(lsns(await readFile(`${first}${broken}\0\0\0${first}${broken}${second}`))).toEqual([ONE, ONE, TWO])
  })

  it('may end inside of a character', async () => {
    const whole = Buffer.from(
      first + text(begin('0/2'), change('I', { columns: [column('t', 'text', 'é')], pk: [] })),
    )
    const cut = whole.subarray(0, whole.indexOf(0xc3) + 1)
    const read = await readFile(cut)
    expect(lsns(read)).toEqual([ONE])
    expect(read.ignored).toEqual(['record without its end'])
    expect(lsns(await readFile(Buffer.concat([cut, Buffer.from(second)])))).toEqual([ONE, TWO])
  })

  it('is corrupt when it is damaged where nothing was sent again', async () => {
    const damaged = (line: string): string => first + text(begin('0/2')) + line + text(commit('0/2'))
    expect(
      (await readFile(damaged('{"action":"I","schema":"s","table":"t","columns":[\n'))).events[1],
    ).toMatchObject({
      kind: 'poison',
      table: { schema: 's', name: 't' },
      raw: '{"action":"I","schema":"s","table":"t","columns":[',
    })
    expect((await rejectionOf(readFile(damaged('{"action":"I","schem\n'))))?.message).toMatch(
      /not valid JSON/,
    )
    expect((await rejectionOf(readFile(`${first}{"acti\n${second}`)))?.kind).toBe('corrupt')
  })

  it('has types that the plugin puts no quotes around', async () => {
    const line =
      '{"action":"I","schema":"public","table":"t","columns":[{"name":"a","type":"My Schema".mood,"value":"x"},' +
      '{"name":"b","type":"My Schema"."M ""Q","value":"\\"type\\":\\"A\\".b"}],"pk":[]}\n'
    const { events } = await readFile(text(begin('0/1')) + line + text(commit('0/1')))
    expect(events).toMatchObject([{ kind: 'insert', row: { cells: ['x', '"type":"A".b'] } }])
  })
})
