import { describe, expect, it } from 'vitest'
import type { FeedContext } from '../../src/cdc/change-event.js'
import { readDebezium } from '../../src/cdc/debezium/debezium.js'
import { cellsOf, type ReadFeed, readWith } from './small-feeds.js'

const TYPES = [
  { name: 'id', type: 'integer' },
  { name: 'value', type: 'text' },
]
const read = (records: readonly unknown[], context: Partial<FeedContext> = {}): Promise<ReadFeed> =>
  readWith(readDebezium, records, { typesOf: () => TYPES, ...context })

const source = {
  connector: 'postgresql',
  name: 'pg',
  db: 'shop',
  schema: 'public',
  table: 't',
  txId: 1,
  lsn: 1,
}
const key = { id: 7 }
const value = { before: null, after: { id: 7, value: 'x' }, source, op: 'c' }
const schema = {
  type: 'struct',
  fields: [
    {
      field: 'after',
      type: 'struct',
      fields: [
        { field: 'id', type: 'int32' },
        { field: 'value', type: 'string' },
      ],
    },
  ],
}
const text = JSON.stringify

describe('a change is read from', () => {
  it.each([
    ['a bare value', value],
    ['a bare value with its schema', { schema, payload: value }],
    ['a value without a schema, in its wrapping', { schema: null, payload: value }],
    ['a bare value as text in a string', text(text(value))],
    ['key and value', { key, value }],
    ['key and value as text in strings', { key: text(key), value: text(value) }],
    [
      'a record with its place',
      { topic: 'pg.public.t', partition: 0, offset: 5, key, value, headers: {}, timestamp: 1 },
    ],
    [
      'a record with schemas',
      { topic: 'pg.public.t', key: { schema: {}, payload: key }, value: { schema, payload: value } },
    ],
    [
      'what kcat prints',
      {
        topic: 'pg.public.t',
        partition: 0,
        offset: 5,
        tstype: 'create',
        ts: 1,
        broker: 0,
        headers: ['a', 'b'],
        key: text(key),
        payload: text(value),
      },
    ],
    ['what the console consumer prints', `${text(key)}\t${text(value)}`],
  ])('%s', async (_, record) => {
    const { events } = await read([record])
    expect(events).toHaveLength(1)
    expect(events[0]?.kind === 'insert' && cellsOf(events[0].row)).toEqual({ id: 7, value: 'x' })
    expect(events[0]).toMatchObject({ table: { schema: 'public', name: 't' }, row: { isWhole: true } })
  })

  it.each([
    ['an object', { '__debezium.oldkey': { id: 6 } }],
    ['an object with its schema', { '__debezium.oldkey': { schema: {}, payload: { id: 6 } } }],
    ['text', { '__debezium.oldkey': '{"id":6}' }],
    ['a list of names and values', ['a', 'b', '__debezium.oldkey', '{"id":6}']],
    ['a list of objects', [{ key: '__debezium.oldkey', value: '{"id":6}' }]],
    ['a list of pairs', [{ '__debezium.oldkey': { id: 6 } }]],
  ])('a record whose headers hold %s', async (_, headers) => {
    const { events } = await read([{ topic: 'pg.public.t', key, value, headers }])
    expect(events[0]?.kind === 'insert' && cellsOf(events[0].movedFrom)).toEqual({ id: 6 })
  })
})

describe('a record that carries nothing', () => {
  it.each([
    ['null', 'null'],
    ['a tombstone', { key, value: null }],
    ['a tombstone without a key', { topic: 'pg.public.t', key: null, value: null, headers: {} }],
    [
      'a tombstone with schemas',
      { topic: 'pg.public.t', key: { schema: {}, payload: key }, value: { schema: null, payload: null } },
    ],
    ['a tombstone of kcat', { topic: 'pg.public.t', key: text(key), payload: null }],
    ['a tombstone of the console consumer', `${text(key)}\tnull`],
  ])('%s gives no event behind an envelope', async (_, record) => {
    const topic = typeof record === 'object' && 'topic' in record ? { topic: 'pg.public.t' } : {}
    const { events } = await read([{ ...topic, key, value }, record])
    expect(events).toHaveLength(1)
  })

  it('in a table for signals is ignored, from its first signal on', async () => {
    const row = (type: string) => ({
      ...value,
      after: { id: 'a', type, data: '{}' },
      source: { ...source, table: 'signals' },
    })
    const gone = {
      ...value,
      op: 'd',
      before: { id: 'a', type: '', data: null },
      after: null,
      source: row('').source,
    }
    const { events, ignored } = await read([
      row('execute-snapshot'),
      row('snapshot-window-open'),
      gone,
      value,
    ])
    expect(events.map(({ table }) => table.name)).toEqual(['t'])
    expect(ignored).toEqual(['signal', 'signal', 'signal'])
  })
})

describe('a table without a key', () => {
  const about = (op: string, images: object) => ({
    topic: 'pg.public.t',
    key: null,
    value: { ...value, ...images, op },
    headers: {},
  })
  const [one, two] = [
    { id: 1, value: 'a' },
    { id: 1, value: 'b' },
  ]

  it('has its rows named by whole old images', async () => {
    const { events } = await read([
      about('u', { before: one, after: two }),
      about('d', { before: two, after: null }),
    ])
    expect(events[0]?.kind === 'update' && [events[0].keyColumns, cellsOf(events[0].oldKey)]).toEqual([
      [],
      one,
    ])
    expect(events[1]?.kind === 'delete' && [events[1].keyColumns, cellsOf(events[1].key)]).toEqual([[], two])
  })

  it('is one whose rows are told apart by all columns, whatever key the feed has', async () => {
    const keyed = (op: string, images: object) => ({ ...about(op, images), key: { id: 1 } })
    const records = [keyed('u', { before: one, after: two }), keyed('d', { before: two, after: null })]
    const { events } = await read(records, { keysOf: () => [] })
    expect(events.map(event => 'keyColumns' in event && event.keyColumns)).toEqual([[], []])
    expect(events[1]?.kind === 'delete' && cellsOf(events[1].key)).toEqual(two)
  })
})
