import { describe, expect, it } from 'vitest'
import type { ChangeEvent } from '../../src/cdc/change-event.js'
import { feedLines } from '../../src/cdc/feed-lines.js'
import { readWal2Json } from '../../src/cdc/wal2json/wal2json.js'
import { rejectionOf } from '../support/errors.js'
import { cellsOf, chunksOf, collect, type ReadFeed, readWith } from './small-feeds.js'

const read = (records: readonly unknown[]): Promise<ReadFeed> => readWith(readWal2Json, records)

type Cells = Readonly<Record<string, unknown>>

const PK = { pknames: ['id'], pktypes: ['integer'] }
const typeOf = (name: string): string => (name === 'id' || name === 'n' ? 'integer' : 'text')
const columns = (cells: Cells) => ({
  columnnames: Object.keys(cells),
  columntypes: Object.keys(cells).map(typeOf),
  columnvalues: Object.values(cells),
})
/** Without the columns that are null, as the plugin writes them. */
const oldkeys = (cells: Cells) => {
  const names = Object.keys(cells).filter(name => cells[name] !== null)
  return {
    oldkeys: { keynames: names, keytypes: names.map(typeOf), keyvalues: names.map(name => cells[name]) },
  }
}
const place = { schema: 'public', table: 't' }
const insert = (cells: Cells, more: object = {}) => ({ kind: 'insert', ...place, ...columns(cells), ...more })
const update = (cells: Cells, old: Cells, more: object = {}) => ({
  kind: 'update',
  ...place,
  ...columns(cells),
  ...more,
  ...oldkeys(old),
})
const deletion = (old: Cells, more: object = {}) => ({ kind: 'delete', ...place, ...more, ...oldkeys(old) })
const message = { kind: 'message', transactional: true, prefix: 'p', content: 'x' }
const transaction = (lsn: string, ...change: readonly unknown[]) => ({ xid: 7, nextlsn: lsn, change })
/** Shows that the capture names primary keys. */
const keyed = transaction('0/1', insert({ id: 1 }, { table: 'keyed', pk: PK }))

const changesOf = async (...changes: readonly unknown[]): Promise<readonly ChangeEvent[]> =>
  (await read([keyed, transaction('0/2', ...changes)])).transactions[1]?.events ?? []
const keysOf = (events: readonly ChangeEvent[]): readonly unknown[] =>
  events.map(event => 'keyColumns' in event && event.keyColumns)
const oldRowOf = (event: ChangeEvent | undefined): unknown =>
  event?.kind === 'update' ? cellsOf(event.oldKey) : event?.kind === 'delete' ? cellsOf(event.key) : undefined

describe('wal2json version 1', () => {
  it('gives a source transaction for each object, at its nextlsn', async () => {
    const { transactions, ignored } = await read([
      {
        xid: 5,
        nextlsn: '0/10',
        timestamp: '2026-11-21 08:00:00+00',
        change: [insert({ id: 1 }, { pk: PK })],
      },
      transaction('0/20'),
      transaction('0/30', message, insert({ id: 2 }, { pk: PK }), message),
    ])
    expect(transactions.map(({ position, lastLine, events }) => [position, lastLine, events.length])).toEqual(
      [
        [{ kind: 'lsn', lsn: 0x10n }, 1, 1],
        [{ kind: 'lsn', lsn: 0x20n }, 2, 0],
        [{ kind: 'lsn', lsn: 0x30n }, 3, 1],
      ],
    )
    expect(transactions[0]?.committedMs).toBe(Date.parse('2026-11-21T08:00:00Z'))
    expect(ignored).toEqual(['message', 'message'])
  })

  it('reads changes with types, keys and exact digits', async () => {
    const { events } = await read([
      '{"nextlsn":"0/1","change":[{"kind":"insert","schema":"s","table":"t","columnnames":["id","n"],' +
        '"columntypes":["bigint","numeric(38,0)"],"columnvalues":[9007199254740993,99999999999999999999999999999999999999],' +
        '"pk":{"pknames":["id"],"pktypes":["bigint"]}}]}',
      transaction('0/2', update({ id: 2, a: null }, { id: 1 }, { pk: PK }), deletion({ id: 2 }, { pk: PK })),
    ])
    expect(events[0]).toMatchObject({
      kind: 'insert',
      table: { schema: 's', name: 't' },
      keyColumns: ['id'],
      row: { cells: [9007199254740993n, 10n ** 38n - 1n], isWhole: true },
      line: 1,
    })
    expect(events[1]).toMatchObject({ kind: 'update', keyColumns: ['id'], row: { cells: [2, null] } })
    expect(oldRowOf(events[1])).toEqual({ id: 1 })
    expect(events[2]).toMatchObject({ kind: 'delete', keyColumns: ['id'], key: { cells: [2] } })
  })

  it('is the same in a line, with a line for each change, and with a line for each member', async () => {
    const records = [
      {
        xid: 1,
        nextlsn: '0/1',
        change: [insert({ id: 1, a: '{"]}\\' }, { pk: PK }), message, deletion({ id: 1 }, { pk: PK })],
      },
      { xid: 2, nextlsn: '0/2', change: [] },
    ]
    const inChunks = records
      .map(({ change, ...header }) => {
        const changes = change.map((one, index) => `${index === 0 ? '' : ','}${JSON.stringify(one)}\n`)
        return `${JSON.stringify(header).slice(0, -1)},"change":[\n${changes.join('')}]}\n`
      })
      .join('')
    const pretty = records.map(record => `${JSON.stringify(record, null, '\t')}\n`).join('')
    const wanted = withoutLines(await read(records))
    for (const text of [inChunks, pretty]) {
      expect(withoutLines(await readText(text))).toEqual(wanted)
      expect(withoutLines(await read(text.split('\n').filter(line => line !== '')))).toEqual(wanted)
    }
  })

  it('passes over messages between transactions, also with the comma that the plugin puts before them', async () => {
    const { transactions, ignored } = await read([
      transaction('0/1', insert({ id: 1 }, { pk: PK })),
      `{"change":[,${JSON.stringify(message)}]}`,
      { change: [message] },
      transaction('0/2'),
    ])
    expect(transactions).toHaveLength(2)
    expect(ignored).toEqual(['message', 'message'])
  })

  it('hands on a change that cannot be read with its text, and goes on', async () => {
    const bad = insert({ id: 'x' }, { pk: PK })
    const uneven = { ...insert({ id: 1 }, { pk: PK }), columntypes: [] }
    const broken = '{"kind":"insert","schema":"public","table":"t","columnnames":[}'
    const events = (
      await read([
        `{"nextlsn":"0/1","change":[${[JSON.stringify(bad), JSON.stringify(uneven), broken].join(',')}]}`,
        transaction('0/2', insert({ id: 1 }, { pk: PK })),
      ])
    ).events
    expect(events.map(({ kind }) => kind)).toEqual(['poison', 'poison', 'poison', 'insert'])
    expect(events[0]).toMatchObject({
      raw: JSON.stringify(bad),
      error: { context: { column: 'id', line: 1 } },
    })
    expect(events[2]).toMatchObject({ raw: broken, table: { name: 't' } })
  })

  it('has types that the plugin puts no quotes around', async () => {
    const { events } = await read([
      '{"nextlsn":"0/1","change":[{"kind":"insert","schema":"s","table":"t","columnnames":["a","b","c"],' +
        '"columntypes":["My Schema".mood,"numeric(5,2)","My Schema"."M Q"],"columnvalues":["x",1.50,"y"],' +
        '"pk":{"pknames":["a"],"pktypes":["My Schema".mood]}}]}',
    ])
    expect(events[0]).toMatchObject({ kind: 'insert', keyColumns: ['a'], row: { cells: ['x', 150n, 'y'] } })
  })

  it('may end anywhere, and goes on after it was broken off anywhere', async () => {
    const first = `${JSON.stringify(transaction('0/1', insert({ id: 1 }, { pk: PK })))}\n`
    const second = `${JSON.stringify(transaction('0/2', insert({ id: 2, a: 'x{' }, { pk: PK }), insert({ id: 3 }, { pk: PK })))}\n`
    for (let length = 1; length < second.length - 1; length++) {
      const ended = await readText(first + second.slice(0, length))
      expect(ended.transactions, `cut at ${length}`).toHaveLength(1)
      expect(ended.ignored).toEqual(['transaction without its end'])
      const resumed = await readText(first + second.slice(0, length) + second)
      expect(resumed.events, `cut at ${length}`).toHaveLength(3)
    }
    expect((await readText(first + second.slice(0, -1) + second)).events).toHaveLength(5)
    const lost = await rejectionOf(readText(first + second.slice(0, -9) + JSON.stringify(transaction('0/3'))))
    expect(lost).toMatchObject({ kind: 'corrupt', message: 'a transaction of the feed has no end' })
  })

  it('that is something else is corrupt', async () => {
    for (const text of ['{"change":7}', '{"xid":1,"change":[7]}', `${JSON.stringify(keyed)}\n}`]) {
      expect((await rejectionOf(readText(`${text}\n${text}\n`)))?.kind, text).toBe('corrupt')
    }
  })

  it.each([
    ['include-lsn', [{ change: [insert({ id: 1 }, { pk: PK })] }]],
    ['include-types', [transaction('0/1', { ...insert({ id: 1 }, { pk: PK }), columntypes: undefined })]],
    ['include-schemas', [transaction('0/1', { ...insert({ id: 1 }, { pk: PK }), schema: undefined })]],
    ['include-pk', [transaction('0/1', insert({ id: 1, a: 'x' }), deletion({ id: 1 }))]],
  ])('of a capture without %s is refused with the name of the option', async (option, records) => {
    expect(await rejectionOf(read(records))).toMatchObject({ kind: 'invalid-argument', context: { option } })
  })
})

describe('a table for which version 1 shows no primary key', () => {
  it('is told by whole rows, with the nulls that are left out', async () => {
    const events = await changesOf(
      insert({ id: 1, a: 'x', b: null }),
      insert({ id: null, a: null, b: null }),
      update({ id: 1, a: 'y', b: null }, { id: 1, a: 'x', b: null }),
      deletion({ id: null, a: null, b: null }),
      deletion({ id: 1, a: 'y', b: null }),
    )
    expect(keysOf(events)).toEqual([[], [], [], [], []])
    expect(events.slice(2).map(oldRowOf)).toEqual([
      { id: 1, a: 'x', b: null },
      { id: null, a: null, b: null },
      { id: 1, a: 'y', b: null },
    ])
  })

  it('keeps a big value that only the old row shows', async () => {
    const events = await changesOf(
      insert({ id: 1, a: null, b: 'big' }),
      update({ id: 1, a: 'y' }, { id: 1, a: null, b: 'big' }),
    )
    expect(events[1]).toMatchObject({
      kind: 'update',
      keyColumns: [],
      row: { cells: [1, 'y', 'big'], isWhole: true },
    })
    expect(oldRowOf(events[1])).toEqual({ id: 1, a: null, b: 'big' })
  })

  it('is told by an index where its old rows have less than the rows had', async () => {
    const events = await changesOf(
      insert({ id: 1, a: 'k', b: 'x' }),
      update({ id: 2, a: 'k', b: 'x' }, { a: 'k' }),
      insert({ id: 3, a: 'l', b: null }),
      deletion({ a: 'l' }),
    )
    expect(keysOf(events)).toEqual([[], ['a'], ['a'], ['a']])
    expect(oldRowOf(events[3])).toEqual({ a: 'l' })
  })

  it('is told by an index where several columns would have been null for the first time', async () => {
    const events = await changesOf(update({ id: 2, a: 'k', b: 'x' }, { a: 'k' }))
    expect(keysOf(events)).toEqual([['a']])
  })

  it('is told by whole rows where one column may have been null, or one of the index was', async () => {
    expect(keysOf(await changesOf(update({ id: 2, a: 'k', b: 'x' }, { id: 2, a: 'k' })))).toEqual([[]])
    const events = await changesOf(
      insert({ id: 5, a: null, b: 'x' }),
      insert({ id: 1, a: 'k', b: 'x' }),
      update({ id: 2, a: 'k', b: 'x' }, { a: 'k' }),
    )
    expect(keysOf(events)[2]).toEqual([])
  })

  it('is told by whole rows once these lack different columns', async () => {
    const events = await changesOf(
      update({ id: 2, a: 'k', b: 'x' }, { a: 'k' }),
      update({ id: 2, a: 'k', b: 'y' }, { id: 2, a: 'k', b: 'x' }),
      deletion({ id: 2, b: 'z' }),
    )
    expect(keysOf(events)).toEqual([['a'], [], []])
  })

  it('is known before any primary key is where a whole row is plain', async () => {
    const { events } = await read([
      transaction('0/1', insert({ id: 1, a: 'x' }), update({ id: 2, a: 'x' }, { id: 1, a: 'x' })),
      transaction('0/2', deletion({ id: 2 })),
    ])
    expect(keysOf(events)).toEqual([[], [], []])
  })
})

async function readText(text: string): Promise<ReadFeed> {
  const ignored: string[] = []
  const context = { typesOf: () => undefined, onIgnored: (what: string) => ignored.push(what) }
  const transactions = await collect(readWal2Json(feedLines(chunksOf(text), { source: 'x' }), context))
  return { transactions, events: transactions.flatMap(({ events }) => events), ignored }
}

function withoutLines({ transactions, ignored }: ReadFeed): unknown {
  return [
    ignored,
    transactions.map(({ position, events }) => [position, events.map(event => ({ ...event, line: 0 }))]),
  ]
}
