/** The reader that knows lines by templates gives what the reader gives that parses every line. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isLakeError } from '../../src/base/errors.js'
import type { FeedContext, SourceTable, SourceTransaction } from '../../src/cdc/change-event.js'
import { createChangeReader } from '../../src/cdc/debezium/changes.js'
import { readDebezium } from '../../src/cdc/debezium/debezium.js'
import { createFastReader } from '../../src/cdc/debezium/fast.js'
import { readRecord, type ValueRecord } from '../../src/cdc/debezium/record.js'
import { createShapes } from '../../src/cdc/debezium/rows.js'
import { linesOf } from './small-feeds.js'

const TYPES = [
  { name: 'id', type: 'bigint' },
  { name: 'n', type: 'integer' },
  { name: 'text', type: 'text' },
  { name: 'price', type: 'numeric(10,2)' },
  { name: 'at', type: 'timestamp without time zone' },
  { name: 'tags', type: 'text[]' },
  { name: 'ratio', type: 'double precision' },
  { name: 'ok', type: 'boolean' },
]

/** What a reader makes of a feed, errors included. */
async function outcome(
  lines: readonly string[],
  options: { readonly parsesAll: boolean },
  context: Partial<FeedContext> = {},
): Promise<unknown> {
  const ignored: string[] = []
  const transactions: SourceTransaction[] = []
  try {
    const about = { typesOf: () => TYPES, onIgnored: (what: string) => ignored.push(what), ...context }
    for await (const transaction of readDebezium(linesOf(lines), about, options))
      transactions.push(transaction)
    return { transactions, ignored }
  } catch (error) {
    if (!isLakeError(error)) throw error
    return { transactions, ignored, kind: error.kind, message: error.message, context: error.context }
  }
}

async function expectSame(lines: readonly string[], context: Partial<FeedContext> = {}): Promise<void> {
  expect(await outcome(lines, { parsesAll: false }, context)).toEqual(
    await outcome(lines, { parsesAll: true }, context),
  )
}

const PLACEHOLDER = '__debezium_unavailable_value'
const texts = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.constantFrom(
    '',
    PLACEHOLDER,
    'a"b\\c',
    'tab\tline\n',
    '\u2028',
    JSON.stringify({ [PLACEHOLDER]: PLACEHOLDER }),
  ),
)
/** Numbers as text in JSON: what is no double, too. */
const numbers = fc.constantFrom(
  '0',
  '-0',
  '7',
  '-123456789',
  '1234567890',
  '9007199254740993',
  '-9223372036854775808',
  '1e5',
  '1.50',
  '-0.0',
  '99999999999999999999',
  '0.1e-3',
)
const rows = fc.record({
  id: fc.integer({ min: 1, max: 4 }).map(String),
  n: fc.oneof(numbers, fc.constant('null')),
  text: texts.map(text => JSON.stringify(text)),
  price: fc.constantFrom('"1.50"', '"0E-2"', 'null', '"NAN"', '12', '"x"'),
  at: fc.constantFrom('0', '1704067200000000', '9223372036825200000', 'null', '-1', '"2024-01-01T00:00:00Z"'),
  tags: fc.constantFrom('null', '[]', '["a",null,"]\\"}"]', `["${PLACEHOLDER}"]`, '[["a"]]'),
  ratio: fc.oneof(numbers, fc.constantFrom('"NaN"', '"-Infinity"')),
  ok: fc.constantFrom('true', 'false', 'null', '"t"'),
})
const imageOf = (row: object): string =>
  `{${Object.entries(row)
    .map(([name, value]) => `"${name}":${value}`)
    .join(',')}}`

const changes = fc.record({
  op: fc.constantFrom('c', 'u', 'd', 'r', 'u', 'c', 't'),
  row: rows,
  before: fc.option(rows, { nil: undefined }),
  txid: fc.integer({ min: 1, max: 3 }),
  lsn: fc.integer({ min: 1, max: 5 }),
  table: fc.constantFrom('t', 'u'),
  form: fc.constantFrom('captured', 'captured', 'bare', 'keyless', 'moved', 'tombstone', 'marked', 'END'),
})

function lineOf({
  op,
  row,
  before,
  txid,
  lsn,
  table,
  form,
}: typeof changes extends fc.Arbitrary<infer T> ? T : never): string {
  const id = `${txid}:${lsn}`
  if (form === 'END') {
    const status = op === 'c' ? 'BEGIN' : 'END'
    return `{"topic":"pg.transaction","partition":0,"key":{"id":"${id}"},"value":{"status":"${status}","id":"${id}","event_count":null,"data_collections":[{"data_collection":"public.t","event_count":2}],"ts_ms":5},"headers":{},"timestamp":null}`
  }
  const source = `{"version":"3","connector":"postgresql","name":"pg","ts_ms":17${lsn},"snapshot":${op === 'r' ? '"true"' : 'null'},"db":"shop","sequence":"[\\"${lsn}\\",\\"${lsn}\\"]","schema":"public","table":"${table}","txId":${txid},"lsn":${lsn},"xmin":null}`
  const transaction = form === 'marked' ? `{"id":"${id}","total_order":1,"data_collection_order":1}` : 'null'
  const after = op === 'd' || op === 't' ? 'null' : imageOf(row)
  const value = `{"before":${before === undefined ? (op === 'd' ? imageOf(row) : 'null') : imageOf(before)},"after":${after},"source":${source},"transaction":${transaction},"op":"${op}","ts_ms":1,"ts_us":2}`
  if (form === 'bare') return value
  const key = form === 'keyless' ? 'null' : `{"id":${row.id}}`
  const headers =
    form === 'moved' ? `{"__debezium.${op === 'd' ? 'newkey' : 'oldkey'}":{"id":4}}` : '{"a":"b"}'
  return `{"topic":"pg.public.${table}","partition":0,"key":${key},"value":${form === 'tombstone' ? 'null' : value},"headers":${headers},"timestamp":null}`
}

describe('reading by templates', () => {
  it('gives what parsing gives, for feeds of any changes', { timeout: 60_000 }, async () => {
    const keys = fc.constantFrom(undefined, ['id'], ['n'], [])
    await fc.assert(
      fc.asyncProperty(fc.array(changes, { minLength: 2, maxLength: 25 }), keys, async (feed, named) => {
        await expectSame(feed.map(lineOf), { keys: named })
      }),
      { numRuns: 150 },
    )
  })

  it('gives what parsing gives, for lines that are damaged at any place', { timeout: 60_000 }, async () => {
    const damage = fc.record({
      at: fc.double({ min: 0, max: 0.999, noNaN: true }),
      length: fc.integer({ min: 0, max: 3 }),
      text: fc.constantFrom(
        '',
        '"',
        '\\',
        '{',
        '}',
        ',',
        '0',
        '-',
        'e',
        '\u0001',
        '\\u12',
        'null',
        ' ',
        '\\q',
      ),
    })
    await fc.assert(
      fc.asyncProperty(changes, damage, async (change, { at, length, text }) => {
        const line = lineOf(change)
        const place = Math.floor(line.length * at)
        const broken = line.slice(0, place) + text + line.slice(place + length)
        await expectSame([line, broken, line])
      }),
      { numRuns: 400 },
    )
  })

  it('begins with the second line of a kind', () => {
    const context = { typesOf: () => TYPES, onIgnored: () => undefined }
    const shapes = createShapes(context)
    const fast = createFastReader(context, { shapes, changes: createChangeReader(context, shapes) })
    const line = (id: number): { readonly number: number; readonly text: string } => ({
      number: id,
      text: `{"key":{"id":${id}},"value":{"before":null,"after":{"id":${id},"text":"x"},"source":{"connector":"postgresql","schema":"public","table":"t","lsn":${id},"txId":1},"op":"c"}}`,
    })
    expect(fast.read(line(1))).toBeUndefined()
    fast.learn(line(1), readRecord(line(1)) as ValueRecord)
    expect(fast.read(line(2))).toMatchObject({
      kind: 'change',
      event: { kind: 'insert', row: { cells: [2n, 'x'] } },
    })
  })
})

const CAPTURED = join(import.meta.dirname, '..', '..', '..', 'shared', 'fixtures', 'cdc')
const feeds = ['postgres-debezium/small', 'mariadb-debezium/small'].flatMap(folder =>
  ['debezium', 'debezium-schemas', 'debezium-flat'].map(name => ({ folder, name })),
)

describe.skipIf(!existsSync(CAPTURED))('captured feeds, which are there only beside the sources', () => {
  it.each(feeds)('$folder $name is read by templates as by parsing', { timeout: 60_000 }, async ({
    folder,
    name,
  }) => {
    const text = gunzipSync(readFileSync(join(CAPTURED, folder, `${name}.jsonl.gz`))).toString()
    const { tables } = JSON.parse(
      readFileSync(join(CAPTURED, folder, 'checkpoints', '3', 'meta.json'), 'utf8'),
    )
    const lines = text.split('\n').filter(line => line !== '')
    const context = { typesOf: (table: SourceTable) => tables[table.name]?.columns ?? TYPES }
    const [fast, parsed] = [
      await outcome(lines, { parsesAll: false }, context),
      await outcome(lines, { parsesAll: true }, context),
    ]
    expect(isDeepStrictEqual(fast, parsed)).toBe(true)
  })
})
