/** Parts of reading DMS files: names, positions, settings, values, and portions of a feed. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hexDecode } from '../../src/base/bytes.js'
import { valueAt } from '../../src/batch/values.js'
import { batchOf } from '../../src/batch/vector-builder.js'
import { DELETE, type FeedBatch, INSERT, isMarked, UPDATE } from '../../src/cdc/change-block.js'
import { type DeclaredColumn, type SourceTable, UNREPRESENTABLE } from '../../src/cdc/change-event.js'
import { readDms } from '../../src/cdc/dms/dms.js'
import { parseDmsName, withoutDateFolders } from '../../src/cdc/dms/names.js'
import { type DmsSettings, parseDmsSettings } from '../../src/cdc/dms/settings.js'
import { textDecoder } from '../../src/cdc/dms/values.js'
import {
  isPassed,
  isUpTo,
  parsePosition,
  printPosition,
  storedPosition,
} from '../../src/cdc/feed-position.js'
import { openParquetWriter } from '../../src/format/parquet/write.js'
import type { FileIO } from '../../src/index.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { parseType } from '../../src/schema/type-text.js'
import type { Field, Type, Value } from '../../src/schema/types.js'
import { kindOf, rejectionOf } from '../support/errors.js'

const ROOT = 'memory:/feed'

describe('names of files', () => {
  it('order the full load by its hexadecimal counter, before changes by their time', () => {
    const ordered = [
      'LOAD00000009.csv',
      'LOAD0000000A.csv.gz',
      'SEGMENT2_LOAD0000000B.parquet',
      'LOAD00000010.csv',
      '20141029-1134010000.csv',
      '20261121-082659221.csv',
      '20261121-0826592215.csv.gz',
      'CDC_TXN-20261121082659222.csv',
    ]
    const places = ordered.map(name => parseDmsName(name)?.place ?? '')
    expect([...places].sort()).toEqual(places)
    expect(new Set(places).size).toBe(ordered.length)
  })

  it('are told from others', () => {
    for (const name of [
      'order.jsonl',
      'settings.json',
      'LOAD.csv',
      'LOAD0000000G.csv',
      '2026-11-21.csv',
      'CDC_TXN-20261121082659222.parquet',
    ])
      expect(parseDmsName(name), name).toBeUndefined()
  })

  it('do not depend on date folders of any order and divider', () => {
    const table = ['public', 'orders']
    const dates = [
      '2026/11/21',
      '2026/11/21/08',
      '2026/11',
      '11/2026/21',
      '21/11/2026',
      '2026-11-21',
      '21_11_2026',
      '20261121',
      '2026112108',
    ]
    for (const date of dates) expect(withoutDateFolders([...table, ...date.split('/')]), date).toEqual(table)
    expect(withoutDateFolders(table)).toEqual(table)
  })
})

describe('a position', () => {
  it('prints as it is read', () => {
    for (const text of [
      'file:20261121-082659221.csv',
      'file:p1/LOAD0000000A.csv+50000',
      'file:20261121-082659221.csv+7@12',
      'file:',
      'file:@35',
    ])
      expect(printPosition(parsePosition(text))).toBe(text)
    expect(parsePosition('LOAD00000001.csv')).toEqual({ kind: 'file', name: 'LOAD00000001.csv' })
    expect(parsePosition('2026112108000000'.padEnd(35, '1'))).toMatchObject({
      name: '',
      sequence: expect.any(String),
    })
    expect(kindOf(() => parsePosition('file:orders.csv'))).toBe('invalid-argument')
  })

  it('is passed by files before it and by the rows that are applied', () => {
    const passed = (at: string, reached: string): boolean =>
      isPassed({ position: parsePosition(at), line: 1 }, parsePosition(reached))
    expect(passed('LOAD00000010.csv', '20261121-082659221.csv')).toBe(true)
    expect(passed('20261121-082659221.csv', '20261121-082659221.csv+100')).toBe(false)
    expect(passed('20261121-082659221.csv+100', '20261121-082659221.csv+100')).toBe(true)
    expect(passed('20261121-082659221.csv+100', '20261121-082659221.csv')).toBe(true)
    expect(passed('20261121-082659222.csv', '20261121-082659221.csv')).toBe(false)
    expect(passed('20261121-082659222.csv', 'file:')).toBe(false)
  })

  it('takes files of one time together as an end', () => {
    const upTo = (at: string, until: string): boolean =>
      isUpTo({ position: parsePosition(at), lastLine: 1 }, parsePosition(until))
    expect(upTo('CDC_TXN-20261121082659221.csv', '20261121-082659221.csv')).toBe(true)
    expect(upTo('20261121-082659222.csv', '20261121-082659221.csv')).toBe(false)
    expect(upTo('p2/LOAD00000001.csv', 'p1/LOAD00000001.csv')).toBe(true)
  })

  it('that is stored and cannot be read is corrupt', () => {
    for (const text of ['{"file":1}', '{', '{"file":"LOAD00000001.csv","ledger":[]}'])
      expect(
        kindOf(() => parsePosition(text)),
        text,
      ).toBe('corrupt')
  })
})

describe('settings of an endpoint', () => {
  it('are those of its description, in any case', () => {
    expect(
      parseDmsSettings(
        '{"Endpoint": {"S3Settings": {"includeOpForFullLoad": true, "AddColumnName": "true", "CsvDelimiter": "\\\\t", "CsvNullValue": "", "UseCsvNoSupValue": true, "CsvNoSupValue": "~", "Rfc4180": false, "TimestampColumnName": "ts"}}}',
      ),
    ).toEqual({
      op: 'always',
      header: true,
      timestampColumn: 'ts',
      nullText: '',
      noSuppText: '~',
      delimiter: '\t',
      quotes: false,
    })
    expect(parseDmsSettings('{}')).toEqual({ op: 'cdc', header: false })
    expect(parseDmsSettings('{"CdcInsertsOnly": true}').op).toBe('never')
  })

  it('are refused where they make no sense', () => {
    expect(kindOf(() => parseDmsSettings('[]'))).toBe('invalid-argument')
    expect(kindOf(() => parseDmsSettings('{'))).toBe('invalid-argument')
    expect(kindOf(() => parseDmsSettings('{"AddColumnName": 1}'))).toBe('invalid-argument')
    expect(kindOf(() => parseDmsSettings('{"CsvRowDelimiter": "|"}'))).toBe('unsupported')
  })
})

describe('values', () => {
  const decoded = (type: string, text: string): unknown => textDecoder(typeOf(type))(text)

  it('are read exactly', () => {
    expect(decoded('int', '-2147483648')).toBe(-2147483648)
    expect(decoded('long', '9223372036854775807')).toBe(9223372036854775807n)
    expect(decoded('long', '-0')).toBe(0n)
    expect(decoded('decimal(12, 2)', '-1.5')).toBe(-150n)
    expect(decoded('decimal(38, 10)', '1234567890123456789.0123456789')).toBe(12345678901234567890123456789n)
    expect(decoded('double', '-1e-300')).toBe(-1e-300)
    expect(decoded('float', 'NaN')).toBeNaN()
    expect(decoded('boolean', '1')).toBe(true)
    expect(decoded('date', '1969-12-31')).toBe(-1)
    expect(decoded('timestamp', '1970-01-02 00:00:00.5')).toBe(86_400_500_000n)
    expect(decoded('timestamptz', '9999-12-31 23:59:59.999999')).toBe(253402300799999999n)
    expect(decoded('timestamptz', '2024-01-01 00:00:00')).toBe(1704067200000000n)
    expect(decoded('time', '08:26:59.221000')).toBe(30419221000n)
    expect(decoded('binary', '00ff')).toEqual(hexDecode('00ff'))
    expect(decoded('string', '')).toBe('')
    expect(decoded('list<int>', '[1,null,-2147483648]')).toEqual([1, null, -2147483648])
    expect(decoded('list<string>', '["a,b","q\\"",null,"NULL",""]')).toEqual(['a,b', 'q"', null, 'NULL', ''])
    expect(decoded('list<string>', '{a,"b,c",NULL}')).toEqual(['a', 'b,c', null])
  })

  it('that Iceberg cannot hold are marked, not guessed', () => {
    for (const [type, text] of [
      ['date', 'infinity'],
      ['date', '0000-00-00'],
      ['timestamp', '0000-00-00 00:00:00'],
      ['time', '24:00:00.000000'],
      ['decimal(10, 2)', 'NaN'],
      ['list<int>', '[[1],[2]]'],
    ] as const)
      expect(decoded(type, text), text).toBe(UNREPRESENTABLE)
  })

  it('that are none of their type are corrupt', () => {
    for (const [type, text] of [
      ['int', '2147483648'],
      ['int', ''],
      ['int', '1x'],
      ['long', '9223372036854775808'],
      ['decimal(4, 2)', '100.00'],
      ['decimal(4, 2)', '1.005'],
      ['decimal(4, 2)', '.'],
      ['date', '2023-02-29'],
      ['timestamp', '2024-01-01 25:00:00'],
      ['timestamp', '2024-01-01 00:00:00.'],
      ['boolean', 'maybe'],
      ['binary', 'xyz'],
      ['list<int>', '[1'],
    ] as const)
      expect(
        kindOf(() => decoded(type, text)),
        `${type} ${text}`,
      ).toBe('corrupt')
  })

  it('of short decimals are those of long ones', () => {
    fc.assert(
      fc.property(fc.bigInt(1n - 10n ** 14n, 10n ** 14n - 1n), fc.nat(6), (unscaled, scale) => {
        const text = (unscaled < 0n ? '-' : '') + pointed(unscaled < 0n ? -unscaled : unscaled, scale)
        expect(decoded('decimal(20, 6)', text)).toBe(unscaled * 10n ** BigInt(6 - scale))
      }),
    )
  })
})

function typeOf(text: string): Type {
  const element = /^list<(.+)>$/.exec(text)?.[1]
  if (element === undefined) return parseType(text)
  return { kind: 'list', elementId: 0, elementRequired: false, element: parseType(element) }
}

function pointed(magnitude: bigint, scale: number): string {
  const digits = String(magnitude).padStart(scale + 1, '0')
  return scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

describe('a Parquet file', () => {
  const fields: readonly Field[] = fieldsOf({
    Op: 'string',
    id: 'int',
    amount: 'string',
    at: 'timestamp',
    due: 'string',
    BI_id: 'int',
  })
  const columns = [
    { name: 'id', type: 'bigint' },
    { name: 'amount', type: 'numeric(10,2)' },
    { name: 'at', type: 'timestamp with time zone' },
    { name: 'due', type: 'time' },
  ]

  it('becomes columns of the table, text where Parquet has no type', async () => {
    const io = await parquetFeed(fields, [
      ['I', 1, '1.50', 1000n, '08:00:00', null],
      ['U', 2, null, 2000n, '24:00:00', 1],
      ['D', 2, '7', null, null, 2],
    ])
    const { rows, kinds, old, blocks } = await readAll(io, columns)
    expect(kinds).toEqual([INSERT, UPDATE, DELETE])
    expect(rows).toEqual([
      [1n, 150n, 1000n, 28_800_000_000n],
      [2n, null, 2000n, null],
      [2n, 700n, null, null],
    ])
    expect(isMarked(blocks[0]?.rows.unrepresentable[3], 1)).toBe(true)
    expect(old).toEqual([null, 1n, null])
  })

  it('hands on the rows that cannot be read, and reads the others', async () => {
    const io = await parquetFeed(fields, [
      ['I', 1, '1.50', null, null, null],
      ['X', 2, '1', null, null, null],
      ['I', 3, 'much', null, null, null],
      ['I', 4, '1', null, null, null],
    ])
    const { rows, marks } = await readAll(io, columns)
    expect(rows.map(([id]) => id)).toEqual([1n, 4n])
    expect(marks.map(({ event }) => [event.kind, event.line])).toEqual([
      ['poison', 2],
      ['poison', 3],
    ])
    expect(marks[1]?.event).toMatchObject({ error: { kind: 'corrupt', context: { column: 'amount' } } })
  })

  it('has its own types where nothing else says them', async () => {
    const io = await parquetFeed(fields, [['I', 1, 'x', 5n, 'y', null]])
    const { blocks } = await readAll(io, undefined)
    expect(blocks[0]?.rows.columns.map(({ name, type }) => [name, type.kind])).toEqual([
      ['id', 'int'],
      ['amount', 'string'],
      ['at', 'timestamp'],
      ['due', 'string'],
    ])
  })

  it('of a type that is none of the table is refused', async () => {
    const io = await parquetFeed(fieldsOf({ Op: 'string', id: 'timestamp' }), [['I', 1n]])
    const found = await rejectionOf(readAll(io, [{ name: 'id', type: 'bigint' }]))
    expect(found).toMatchObject({ kind: 'unsupported', context: { column: 'id' } })
  })
})

describe('a CSV file', () => {
  const columns = [
    { name: 'id', type: 'integer' },
    { name: 'v', type: 'text' },
  ]

  it('hands on the rows that cannot be read, and reads the others', async () => {
    const io = await csvFeed('Op,id,v\nI,1,a\nI,x,b\nI,3\nX,4,c\nD,1,a\n')
    const { rows, marks } = await readAll(io, columns)
    expect(rows).toEqual([
      [1, 'a'],
      [1, 'a'],
    ])
    expect(marks.map(({ event }) => event.line)).toEqual([3, 4, 5])
    expect(marks[0]?.event).toMatchObject({ raw: '["I","x","b"]' })
  })

  it('of an older shape says which column nothing declares', async () => {
    const io = await csvFeed('Op,id,w\nI,1,a\n')
    expect(await rejectionOf(readAll(io, columns))).toMatchObject({
      kind: 'invalid-argument',
      context: { column: 'w' },
    })
  })

  it('without header and with other columns than are known is refused', async () => {
    const io = await csvFeed('I,1,a,b\n')
    expect(await rejectionOf(readAll(io, columns, { op: 'always' }))).toMatchObject({
      kind: 'invalid-argument',
    })
    expect(await rejectionOf(readAll(io, columns))).toMatchObject({ kind: 'invalid-argument' })
  })

  it('may have the time, before images and sequences without a header', async () => {
    const io = await csvFeed('U,2026-11-21 08:00:00.000000,2,b,1,a,20261121080000000000000000000000007\n')
    const settings = { timestampColumn: 'ts', sequenceColumn: 'seq', beforeImagePrefix: 'BI_' }
    const { rows, old, transactions } = await readAll(io, columns, settings)
    expect([rows, old]).toEqual([[[2, 'b']], [1]])
    expect(transactions[0]).toMatchObject({
      committedMs: Date.UTC(2026, 10, 21, 8),
      position: { sequence: '20261121080000000000000000000000007' },
    })
  })
})

describe('portions of a feed', () => {
  it('read one after the other, are the feed, wherever each ends', async () => {
    const file = fc.record({ rows: fc.integer({ min: 0, max: 6 }), isLoad: fc.boolean() })
    const stops = fc.array(fc.record({ file: fc.nat(9), row: fc.option(fc.integer({ min: 1, max: 6 })) }), {
      maxLength: 4,
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(file, { minLength: 1, maxLength: 8 }),
        stops,
        fc.boolean(),
        async (files, ends, hasSequences) => {
          const { io, names } = await feedOf(files, hasSequences)
          const whole = await portion(io, undefined, undefined)
          let stands: string | undefined
          const seen: unknown[] = []
          for (const end of [
            ...ends.map(
              ({ file: at, row }) => `file:${names[at % names.length]}${row === null ? '' : `+${row}`}`,
            ),
            undefined,
          ]) {
            const part = await portion(io, stands, end)
            stands = part.stands ?? stands
            seen.push(...part.ids)
          }
          expect(seen).toEqual(whole.ids)
        },
      ),
      { numRuns: 60 },
    )
  })
})

async function feedOf(
  files: readonly { readonly rows: number; readonly isLoad: boolean }[],
  hasSequences: boolean,
): Promise<{ io: FileIO; names: readonly string[] }> {
  const io = createMemoryIO()
  let id = 0
  const sorted = [...files].sort((a, b) => Number(b.isLoad) - Number(a.isLoad))
  const names = sorted.map(({ isLoad }, index) =>
    isLoad ? `LOAD${String(index + 1).padStart(8, '0')}.csv` : `20261121-08000000${index}.csv`,
  )
  for (const [index, { rows, isLoad }] of sorted.entries()) {
    const lines = Array.from({ length: rows }, () => {
      id += 1
      return `I,${id},v${hasSequences ? `,${isLoad ? '' : String(id).padStart(35, '0')}` : ''}`
    })
    const header = `Op,id,v${hasSequences ? ',AR_H_CHANGE_SEQ' : ''}`
    await io.write(`${ROOT}/public/t/${names[index]}`, Buffer.from([header, ...lines, ''].join('\n')))
  }
  return { io, names }
}

async function portion(
  io: FileIO,
  stands: string | undefined,
  until: string | undefined,
): Promise<{ ids: readonly unknown[]; stands: string | undefined }> {
  const columns = [
    { name: 'id', type: 'integer' },
    { name: 'v', type: 'text' },
  ]
  const { rows, transactions } = await readAll(io, columns, {}, { stands, until })
  const last = transactions.at(-1)
  return {
    ids: rows.map(([id]) => id),
    stands: last && storedPosition(last.position, { schema: 'public', name: 't' }),
  }
}

async function csvFeed(text: string): Promise<FileIO> {
  const io = createMemoryIO()
  await io.write(`${ROOT}/public/t/20261121-080000000.csv`, Buffer.from(text))
  return io
}

async function parquetFeed(fields: readonly Field[], rows: readonly (readonly Value[])[]): Promise<FileIO> {
  const io = createMemoryIO()
  const location = `${ROOT}/public/t/20261121-080000000.parquet`
  const writer = await openParquetWriter(io, location, { fields, codec: 'gzip', rowGroupRows: 2 })
  await writer.write(batchOf(fields, rows))
  await writer.close()
  return io
}

function fieldsOf(types: Readonly<Record<string, string>>): readonly Field[] {
  return Object.entries(types).map(([name, type], index) => ({
    id: index + 1,
    name,
    required: false,
    type: parseType(type),
  }))
}

interface ReadDms {
  readonly rows: readonly (readonly Value[])[]
  readonly kinds: readonly number[]
  /** First column of the before image of each row. */
  readonly old: readonly Value[]
  readonly blocks: FeedBatch['blocks']
  readonly marks: FeedBatch['marks']
  readonly transactions: FeedBatch['transactions']
}

async function readAll(
  io: FileIO,
  columns: readonly DeclaredColumn[] | undefined,
  settings: DmsSettings = {},
  range: { readonly stands?: string | undefined; readonly until?: string | undefined } = {},
): Promise<ReadDms> {
  const { stands, until } = range
  const context = {
    typesOf: (_: SourceTable) => columns,
    standsAt: async () => (stands === undefined ? undefined : parsePosition(stands)),
    until: until === undefined ? undefined : parsePosition(until),
    onIgnored: () => undefined,
  }
  const batches: FeedBatch[] = []
  for await (const batch of readDms({ io, locations: [ROOT], settings }, context, { rowsMax: 3 }))
    batches.push(batch)
  const blocks = batches.flatMap(batch => batch.blocks)
  const cells = ({ columns: shape, vectors }: FeedBatch['blocks'][number]['rows'], row: number): Value[] =>
    shape.map(({ type }, column) => cellAt(vectors[column], type, row))
  return {
    blocks,
    marks: batches.flatMap(batch => batch.marks),
    transactions: batches.flatMap(batch => batch.transactions),
    kinds: blocks.flatMap(({ kinds }) => [...kinds]),
    rows: blocks.flatMap(({ kinds, rows }) => [...kinds.keys()].map(row => cells(rows, row))),
    old: blocks.flatMap(({ old, oldRows }) =>
      [...oldRows].map(row => (row < 0 ? null : (cells(old, row)[0] ?? null))),
    ),
  }
}

function cellAt(vector: Parameters<typeof valueAt>[0] | undefined, type: Type, row: number): Value {
  return vector === undefined ? null : valueAt(vector, type, row)
}
