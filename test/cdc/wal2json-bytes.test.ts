/** The reader of bytes gives what the reader of text gives, whatever the line. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isLakeError } from '../../src/base/errors.js'
import type { SourceTransaction } from '../../src/cdc/change-event.js'
import { type FeedLine, feedLines } from '../../src/cdc/feed-lines.js'
import { createBytesReader } from '../../src/cdc/wal2json/bytes.js'
import { createChangeReader } from '../../src/cdc/wal2json/changes.js'
import { readWal2Json } from '../../src/cdc/wal2json/wal2json.js'
import { FEEDS } from '../support/source-state.js'
import { json, POSTGRES_VALUES } from './postgres-values.js'
import { chunksOf } from './small-feeds.js'

interface Outcome {
  readonly transactions: SourceTransaction[]
  readonly ignored: string[]
  readonly error: unknown
}

async function read(lines: AsyncIterable<FeedLine>): Promise<Outcome> {
  const transactions: SourceTransaction[] = []
  const ignored: string[] = []
  const context = { typesOf: () => undefined, onIgnored: (what: string) => ignored.push(what) }
  try {
    for await (const transaction of readWal2Json(lines, context)) transactions.push(transaction)
    return { transactions, ignored, error: undefined }
  } catch (error) {
    if (!isLakeError(error)) throw error
    const { kind, message, context } = error
    return { transactions, ignored, error: { kind, message, context } }
  }
}

const asBytes = (feed: Uint8Array): Promise<Outcome> => read(feedLines(chunksOf(feed), { source: 'x' }))

/** The same lines without their bytes. */
const asText = (feed: Uint8Array): Promise<Outcome> =>
  read(
    (async function* () {
      for await (const line of feedLines(chunksOf(feed), { source: 'x' })) {
        yield { number: line.number, text: line.text }
      }
    })(),
  )

async function expectSame(feed: Uint8Array): Promise<Outcome> {
  const found = await asBytes(feed)
  expect(found).toEqual(await asText(feed))
  return found
}

const FORMS = ['bare', 'bare', 'bare', 'bare', 'bare', 'text', 'text', 'escaped', 'null']
const column = fc
  .tuple(fc.constantFrom(...POSTGRES_VALUES), fc.constantFrom(...FORMS), fc.nat(30))
  .chain(([[type, usual, wild], form, chance]) =>
    fc.tuple(
      fc.constantFrom('id', 'été', 'Line "No', 'x'),
      fc.constant(type),
      json(chance === 0 ? wild : usual, chance === 1 ? 'control' : form),
    ),
  )
const list = fc
  .array(column, { maxLength: 6 })
  .map(columns =>
    columns.map(
      ([name, type, value]) => `{"name":${JSON.stringify(name)},"type":"${type}","value":${value}}`,
    ),
  )
const change = fc
  .record({
    action: fc.constantFrom('I', 'I', 'U', 'U', 'D', 'T'),
    table: fc.constantFrom('orders', 'Order Lines', 'q"t'),
    columns: list,
    identity: list,
    pk: fc.constantFrom(
      '[]',
      '[{"name":"id","type":"bigint"}]',
      '[{"name":"id","type":"text"},{"name":"x","type":"text"}]',
    ),
    lacks: fc.constantFrom('', '', '', 'pk', 'xid', 'timestamp', 'space'),
  })
  .map(({ action, table, columns, identity, pk, lacks }) => {
    const space = lacks === 'space' ? ' ' : ''
    const members = [
      `{"action":"${action}"`,
      ...(lacks === 'xid' ? [] : ['"xid":7']),
      ...(lacks === 'timestamp' ? [] : ['"timestamp":"2024-01-01 00:00:00+00"']),
      `"lsn":${space}"0/1","schema":"public"`,
      `"table":${JSON.stringify(table)}`,
      ...(action === 'D' || action === 'T' ? [] : [`"columns":[${columns.join(',')}]`]),
      ...(action === 'I' || action === 'T' ? [] : [`"identity":[${identity.join(`,${space}`)}]`]),
      ...(action === 'T' || lacks === 'pk' ? [] : [`"pk":${pk}`]),
    ]
    return `${members.join(',')}}`
  })
const feed = fc
  .array(change, { maxLength: 8 })
  .map(changes =>
    [
      '{"action":"B","xid":7,"timestamp":"2024-01-01 00:00:00.5+00","lsn":"0/1","nextlsn":"0/2"}',
      ...changes,
      '{"action":"C","xid":7,"timestamp":"2024-01-01 00:00:00.5+00","lsn":"0/1","nextlsn":"0/2"}',
      '',
    ].join('\n'),
  )

describe('lines read from their bytes', () => {
  it('give the same changes and the same errors as their text', async () => {
    await fc.assert(
      fc.asyncProperty(feed, async text => {
        await expectSame(Buffer.from(text.replace(/\p{Surrogate}/gu, '?')))
      }),
      { numRuns: 200 },
    )
  })

  it('give the same when a byte of them is another, or is gone', async () => {
    const bytes = fc.constantFrom(
      0x22,
      0x5c,
      0x20,
      0x30,
      0x2d,
      0x2e,
      0x65,
      0x7b,
      0x7d,
      0x2c,
      0x5b,
      0x6e,
      0x09,
      0x00,
    )
    await fc.assert(
      fc.asyncProperty(feed, fc.nat(), fc.option(bytes), async (text, at, byte) => {
        const whole = Buffer.from(text.replace(/\p{Surrogate}/gu, '?'))
        const place = at % whole.length
        const changed = Buffer.concat([
          whole.subarray(0, place),
          Buffer.from(byte === null ? [] : [byte]),
          whole.subarray(place + 1),
        ])
        // Text that is no UTF-8 has no form without bytes.
        if (changed.toString().includes('\ufffd')) return
        await expectSame(changed)
      }),
      { numRuns: 200 },
    )
  })

  it('of a captured feed give the same', async () => {
    const captured = gunzipSync(readFileSync(join(FEEDS, 'postgres-wal2json', 'wal2json-v2.jsonl.gz')))
    const { transactions, error } = await expectSame(captured)
    expect(error).toBeUndefined()
    expect(transactions.length).toBeGreaterThan(100)
  })

  it('are hardly ever read as text', () => {
    const captured = gunzipSync(readFileSync(join(FEEDS, 'postgres-wal2json', 'wal2json-v2.jsonl.gz')))
    const reader = createBytesReader(
      createChangeReader({ typesOf: () => undefined, onIgnored: () => undefined }),
    )
    const lines = captured.toString().trim().split('\n')
    const left = lines.filter((line, index) => {
      const bytes = Buffer.from(line)
      return reader.change(bytes, index + 1) === undefined && reader.mark(bytes) === undefined
    })
    expect(left.map(line => JSON.parse(line).action).filter(action => action !== 'M')).toEqual([])
  })

  it('that are not UTF-8 where a value is are unreadable, and a message may hold any bytes', async () => {
    const begin = '{"action":"B","nextlsn":"0/2"}\n'
    const end = '\n{"action":"C","nextlsn":"0/2"}\n'
    const row = (value: string): string =>
      `{"action":"I","schema":"s","table":"t","columns":[{"name":"a","type":"text","value":"${value}"}],"pk":[]}`
    const feed = Buffer.concat([
      Buffer.from(`${begin}{"action":"M","transactional":true,"prefix":"p","content":"`),
      Buffer.from([0xff]),
      Buffer.from(`"}\n${row('x')}\n${row('@')}${end}`),
    ])
    feed[feed.indexOf('@')] = 0xff
    const { transactions, ignored, error } = await asBytes(feed)
    expect(error).toBeUndefined()
    expect(ignored).toEqual(['message'])
    expect(transactions[0]?.events.map(({ kind }) => kind)).toEqual(['insert', 'poison'])
  })
})
