import { describe, expect, it } from 'vitest'
import { type ChangeEvent, type FeedContext, UNCHANGED } from '../../src/cdc/change-event.js'
import { readDebezium } from '../../src/cdc/debezium/debezium.js'
import { rejectionOf } from '../support/errors.js'
import { cellsOf, type ReadFeed, readWith } from './small-feeds.js'

const TYPES = [
  { name: 'id', type: 'integer' },
  { name: 'code', type: 'text' },
  { name: 'big', type: 'text' },
]
const PLACEHOLDER = '__debezium_unavailable_value'

const read = (records: readonly unknown[], context: Partial<FeedContext> = {}): Promise<ReadFeed> =>
  readWith(readDebezium, records, { typesOf: () => TYPES, ...context })

interface About {
  readonly txid?: number
  readonly lsn?: number
  readonly marked?: boolean
  readonly table?: string
}

/** A bare envelope. */
function envelope(op: string, images: object, { txid = 1, lsn = 1, marked, table = 't' }: About = {}) {
  const source = { connector: 'postgresql', name: 'pg', db: 'shop', schema: 'public', table, txId: txid, lsn }
  const transaction = marked === true ? { id: `${txid}:${lsn}` } : null
  return { before: null, after: null, ...images, op, source, transaction }
}

/** The envelope as captured from Kafka. */
const captured = (value: unknown, key: unknown = null, headers: object = {}) => ({
  topic: 'pg.public.t',
  partition: 0,
  key,
  value,
  headers,
})
const mark = (status: string, id: string) => captured({ status, id }, { id })
const create = (id: number, about?: About) => captured(envelope('c', { after: { id } }, about), { id })
const kinds = (events: readonly ChangeEvent[]): readonly string[] => events.map(({ kind }) => kind)

describe('a captured Debezium feed', () => {
  it('reads creates, updates, deletes, snapshot rows and truncates; the key names the row', async () => {
    const { events } = await read([
      captured(envelope('r', { after: { id: 1, code: 'a' } }), { id: 1 }),
      create(2),
      captured(envelope('u', { after: { id: 2, code: 'b' } }), { id: 2 }),
      captured(envelope('d', { before: { id: 2, code: '' } }), { id: 2 }),
      captured(null, { id: 2 }),
      captured(envelope('t', {})),
    ])
    expect(kinds(events)).toEqual(['insert', 'insert', 'update', 'delete', 'truncate'])
    expect(events[0]).toMatchObject({
      table: { schema: 'public', name: 't' },
      keyColumns: ['id'],
      line: 1,
      row: { cells: [1, 'a'] },
    })
    expect(events[3]?.kind === 'delete' && cellsOf(events[3].key)).toEqual({ id: 2 })
  })

  it('joins the halves of a key update by their headers, and takes the big value from the old row', async () => {
    const { events } = await read([
      captured(envelope('d', { before: { id: 1 } }), { id: 1 }, { '__debezium.newkey': { id: 2 } }),
      captured(null, { id: 1 }),
      captured(
        envelope('c', { after: { id: 2, big: PLACEHOLDER } }, { lsn: 9 }),
        { id: 2 },
        {
          '__debezium.oldkey': { schema: {}, payload: { id: 1 } },
        },
      ),
    ])
    const [, moved] = events
    expect(moved?.kind === 'insert' && [cellsOf(moved.row), cellsOf(moved.movedFrom)]).toEqual([
      { id: 2, big: UNCHANGED },
      { id: 1 },
    ])
  })

  it('takes the placeholder for a value in a create and a snapshot row, for unchanged in an update', async () => {
    const after = { id: 1, big: PLACEHOLDER }
    const { events } = await read([
      captured(envelope('c', { after }), { id: 1 }),
      captured(envelope('r', { after }), { id: 1 }),
      captured(envelope('u', { after }), { id: 1 }),
    ])
    expect(events.map(event => ('row' in event ? event.row.cells[1] : undefined))).toEqual([
      PLACEHOLDER,
      PLACEHOLDER,
      UNCHANGED,
    ])
  })

  it.each([
    ['text', PLACEHOLDER],
    ['bytes', Buffer.from(PLACEHOLDER).toString('base64')],
    ['a list of text', [PLACEHOLDER]],
    ['a list of numbers', [...Buffer.from(PLACEHOLDER)]],
    ['a list of uuids', ['b68a35a7-17ad-35b3-af2a-ae46edb4545a']],
    ['a map', { [PLACEHOLDER]: PLACEHOLDER }],
  ])('knows the placeholder as %s', async (_, big) => {
    const { events } = await read([captured(envelope('u', { after: { id: 1, big } }), { id: 1 })])
    expect(events[0]).toMatchObject({ row: { cells: [1, UNCHANGED] } })
  })

  it('never takes a key for unchanged', async () => {
    const { events } = await read([
      captured(envelope('u', { after: { id: 1, code: PLACEHOLDER } }), { id: 1, code: PLACEHOLDER }),
    ])
    expect(events[0]).toMatchObject({ row: { cells: [1, PLACEHOLDER] } })
  })

  it('with a key that the user named finds the old row by it', async () => {
    const images = { before: { id: 0, code: 'a' }, after: { id: 7, code: 'b' } }
    const records = [
      captured(envelope('u', images), { id: 7 }),
      captured(envelope('d', { before: { id: 0, code: 'b' } }), { id: 0 }),
    ]
    const { events } = await read(records, { keys: ['code'] })
    expect(events[0]?.kind === 'update' && cellsOf(events[0].oldKey)).toEqual({ code: 'a' })
    expect(events[1]?.kind === 'delete' && cellsOf(events[1].key)).toEqual({ code: 'b', id: 0 })
    const { events: unnamed } = await read(records)
    expect(unnamed[0]).not.toHaveProperty('oldKey')
  })
})

describe('a feed of bare envelopes', () => {
  it('reads deletes by their old image', async () => {
    const { events } = await read([envelope('d', { before: { id: 1, code: '' } }), 'null'])
    expect(events).toHaveLength(1)
    expect(events[0]).toMatchObject({ kind: 'delete', keyColumns: [], key: { cells: [1, ''] } })
  })

  it('joins the halves of a key update by the log position that they share', async () => {
    const { events } = await read([
      envelope('d', { before: { id: 1 } }, { lsn: 5 }),
      envelope('c', { after: { id: 2, big: PLACEHOLDER } }, { lsn: 5 }),
      envelope('d', { before: { id: 2 } }, { lsn: 6 }),
      envelope('c', { after: { id: 2, big: PLACEHOLDER } }, { lsn: 7 }),
    ])
    const rows = events.map(event =>
      event.kind === 'insert' ? [event.row.cells[1], cellsOf(event.movedFrom)] : [],
    )
    expect(rows).toEqual([[], [UNCHANGED, { id: 1 }], [], [PLACEHOLDER, undefined]])
  })
})

describe('Connect schemas in a feed', () => {
  const schema = (fields: readonly object[]) => ({
    type: 'struct',
    fields: [
      { field: 'before', type: 'struct', fields },
      { field: 'after', type: 'struct', fields },
    ],
  })
  const wrapped = (payload: unknown, fields: readonly object[]) => ({ schema: schema(fields), payload })
  const id = { field: 'id', type: 'int64', optional: false }

  it('say the types, so that none need be declared', async () => {
    const when = { field: 'at', type: 'int64', name: 'io.debezium.time.Timestamp' }
    const value = wrapped(envelope('c', { after: { id: 1, at: 5 } }), [id, when])
    const key = { schema: { type: 'struct' }, payload: { id: 1 } }
    for (const record of [captured(value, key), value]) {
      const { events } = await read([record], { typesOf: () => undefined })
      expect(events[0]).toMatchObject({
        row: { columns: [{ type: { kind: 'long' } }, { type: { kind: 'timestamp' } }], cells: [1n, 5000n] },
      })
    }
  })

  it('may change between records of a table', async () => {
    const { events } = await read([
      wrapped(envelope('c', { after: { id: 1 } }), [{ ...id, type: 'int32' }]),
      wrapped(envelope('c', { after: { id: 2 } }), [id]),
    ])
    expect(events).toMatchObject([{ row: { cells: [1] } }, { row: { cells: [2n] } }])
  })

  it('are not mistaken for key columns named schema and payload', async () => {
    const columns = [
      { name: 'schema', type: 'text' },
      { name: 'payload', type: 'text' },
    ]
    const after = { schema: 'a', payload: 'b' }
    const { events } = await read([captured(envelope('c', { after }), after)], { typesOf: () => columns })
    expect(events[0]).toMatchObject({ keyColumns: ['schema', 'payload'], row: { cells: ['a', 'b'] } })
  })

  it('wrap tombstones too', async () => {
    expect((await read([captured({ schema: null, payload: null }, { id: 1 })])).events).toEqual([])
  })

  it('that are missing need declared types', async () => {
    expect(await rejectionOf(read([create(1)], { typesOf: () => undefined }))).toMatchObject({
      kind: 'invalid-argument',
      context: { table: 'public.t', line: 1 },
    })
  })
})

describe('a feed with transaction records', () => {
  const marked = { marked: true }

  it('is cut at END, whose LSN is the position, whatever LSN the ids of its records name', async () => {
    const { transactions } = await read([
      mark('BEGIN', '7:100'),
      create(1, { txid: 7, lsn: 90, ...marked }),
      create(2, { txid: 7, lsn: 95, ...marked }),
      mark('END', '7:120'),
      mark('BEGIN', '8:130'),
      mark('END', '8:130'),
    ])
    expect(transactions).toMatchObject([
      { position: { kind: 'lsn', lsn: 120n }, lastLine: 3, events: [{}, {}], source: 'pg/shop' },
    ])
  })

  it('keeps back a transaction whose END is not there yet', async () => {
    const { transactions, ignored } = await read([mark('BEGIN', '7:1'), create(1, { txid: 7, ...marked })])
    expect(transactions).toEqual([])
    expect(ignored).toEqual(['transaction without its end'])
  })

  it('takes a transaction that a restarted connector sends again once', async () => {
    const first = [mark('BEGIN', '6:5'), create(1, { txid: 6, ...marked }), mark('END', '6:10')]
    const begun = [mark('BEGIN', '7:15'), create(2, { txid: 7, ...marked })]
    const { transactions } = await read([
      ...first,
      ...begun,
      ...first,
      ...begun,
      ...begun,
      create(3, { txid: 7, ...marked }),
      mark('END', '7:20'),
    ])
    expect(transactions.map(({ events }) => events.length)).toEqual([1, 1, 2])
  })

  it('is corrupt when a transaction never ends and others do', async () => {
    const error = await rejectionOf(
      read([
        mark('BEGIN', '7:15'),
        create(2, { txid: 7, ...marked }),
        mark('BEGIN', '8:25'),
        mark('END', '8:30'),
      ]),
    )
    expect(error).toMatchObject({ kind: 'corrupt', context: { transaction: '7', line: 2 } })
  })

  it('that begins inside of a transaction hands its changes on as unreadable', async () => {
    const { transactions } = await read([
      create(1, { txid: 7, ...marked }),
      mark('END', '7:20'),
      mark('BEGIN', '8:25'),
      create(2, { txid: 8, ...marked }),
      mark('END', '8:30'),
    ])
    expect(transactions.map(({ events }) => kinds(events))).toEqual([['poison'], ['insert']])
  })

  it('takes rows of an incremental snapshot where they come, between and inside of transactions', async () => {
    const row = (id: number) => captured(envelope('r', { after: { id } }, { lsn: 1 }), { id })
    const { transactions } = await read([
      mark('BEGIN', '7:1'),
      create(1, { txid: 7, ...marked }),
      row(2),
      mark('END', '7:20'),
      row(3),
      row(4),
      mark('BEGIN', '8:25'),
      create(5, { txid: 8, ...marked }),
      mark('END', '8:30'),
    ])
    expect(transactions.map(({ position, events }) => [position, events.length])).toEqual([
      [{ kind: 'lsn', lsn: 20n }, 2],
      [{ kind: 'lsn', lsn: 20n, rows: 2 }, 2],
      [{ kind: 'lsn', lsn: 30n }, 1],
    ])
  })

  it('whose records were not captured is cut by transaction id', async () => {
    const { transactions } = await read([
      create(1, { txid: 7, ...marked }),
      create(2, { txid: 7, lsn: 2, ...marked }),
      create(3, { txid: 8, ...marked }),
    ])
    expect(transactions.map(({ position, events }) => [position, events.length])).toEqual([
      [{ kind: 'line', line: 2 }, 2],
      [{ kind: 'line', line: 3 }, 1],
    ])
  })
})

describe('a feed without transaction records', () => {
  it('is cut where the transaction id changes, at the line of its last change', async () => {
    const { transactions } = await read([
      create(1),
      captured(null, { id: 1 }),
      create(2),
      create(3, { txid: 2 }),
    ])
    expect(transactions.map(({ position, lastLine }) => [position, lastLine])).toEqual([
      [{ kind: 'line', line: 3 }, 3],
      [{ kind: 'line', line: 4 }, 4],
    ])
  })

  it('that ends between the halves of a key update keeps the first half back', async () => {
    const leaving = captured(
      envelope('d', { before: { id: 1 } }),
      { id: 1 },
      { '__debezium.newkey': { id: 2 } },
    )
    const { transactions } = await read([create(1), leaving])
    expect(transactions).toMatchObject([{ position: { line: 1 }, events: [{ kind: 'insert' }] }])
    expect((await read([leaving])).transactions).toEqual([])
  })
})

describe('an initial snapshot', () => {
  it('is handed on in parts, at its LSN and the number of rows so far', async () => {
    const rows = Array.from({ length: 10_001 }, (_, id) => envelope('r', { after: { id } }, { lsn: 99 }))
    const { transactions } = await read([...rows, create(1)])
    expect(transactions.map(({ position, events }) => [position, events.length])).toEqual([
      [{ kind: 'lsn', lsn: 99n, rows: 10_000 }, 10_000],
      [{ kind: 'lsn', lsn: 99n, rows: 10_001 }, 1],
      [{ kind: 'line', line: 10_002 }, 1],
    ])
  })

  it('that comes after lines were counted is counted in lines', async () => {
    const rows = Array.from({ length: 10_001 }, (_, id) => envelope('r', { after: { id } }))
    const { transactions } = await read([create(1), ...rows])
    expect(transactions.map(({ position, events }) => [position, events.length])).toEqual([
      [{ kind: 'line', line: 10_001 }, 10_001],
      [{ kind: 'line', line: 10_002 }, 1],
    ])
  })
})

describe('a record that cannot be read', () => {
  it('is ignored and counted when it carries no change', async () => {
    const { events, ignored } = await read([
      captured({ something: 1 }),
      captured({ ts_ms: 1 }),
      { ...captured({ serverName: 'pg', ts_ms: 1 }), topic: '__debezium-heartbeat.pg' },
      captured(
        { id: '1', aggregate_type: 'Initial Snapshot', type: 'STARTED', additional_data: {} },
        { id: '1' },
      ),
      captured({ ddl: 'create', source: {} }),
      captured({ ...envelope('m', {}), message: {} }),
    ])
    expect(events).toEqual([])
    expect(ignored).toEqual([
      'record without a change',
      'heartbeat',
      'heartbeat',
      'record without a change',
      'schema change record',
      'message',
    ])
  })

  it('is handed on with line and column when only a value is at fault', async () => {
    const { events } = await read([captured(envelope('c', { after: { id: 'x' } }), { id: 1 }), create(2)])
    expect(events[0]).toMatchObject({
      kind: 'poison',
      line: 1,
      error: { context: { column: 'id', line: 1 } },
    })
    expect(events[1]?.kind).toBe('insert')
  })

  it.each([
    ['flattened without the name of its table', { id: 1, __op: 'c' }, 'unsupported'],
    [
      'of a connector that is not read',
      { ...envelope('c', { after: {} }), source: { connector: 'mongodb', ord: 1 } },
      'unsupported',
    ],
    ['what a sink prints of a struct', 'Struct{before=,after=Struct{id=1}}', 'unsupported'],
    ['what a sink prints of a map', '{before=null, after={id=1}}', 'unsupported'],
    ['a capture of values that are no JSON', { topic: 't', key: null, value: 'AAAAAAECAw==' }, 'unsupported'],
    ['broken', '{"op":"c"', 'corrupt'],
    ['without a source', { op: 'c', after: {} }, 'corrupt'],
    ['no object', [1], 'corrupt'],
  ])('is refused when it is %s', async (_, record, kind) => {
    expect(await rejectionOf(read([record]))).toMatchObject({ kind, context: { line: 1 } })
  })
})
