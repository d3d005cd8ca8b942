import { describe, expect, it } from 'vitest'
import { stringifyJson } from '../../src/base/json.js'
import {
  type ChangeEvent,
  type FeedContext,
  type SourceRow,
  type SourceTransaction,
  UNREPRESENTABLE,
} from '../../src/cdc/change-event.js'
import type { FeedLine } from '../../src/cdc/feed-lines.js'
import { isPassed, isUpTo, parsePosition, printPosition } from '../../src/cdc/feed-position.js'
import { readMaxwell } from '../../src/cdc/maxwell/maxwell.js'
import { printType } from '../../src/schema/type-text.js'
import { rejectionOf } from '../support/errors.js'

const TYPES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  t: { id: 'int(11)', v: 'varchar(10)', n: 'bigint(20) unsigned' },
  u: { a: 'int(11)', b: 'varchar(10)' },
}

type Record_ = Readonly<Record<string, unknown>>

interface Reading {
  readonly transactions: readonly SourceTransaction[]
  readonly ignored: readonly string[]
}

async function read(
  records: readonly (Record_ | string)[],
  context: Partial<FeedContext> = {},
): Promise<Reading> {
  const ignored: string[] = []
  const transactions: SourceTransaction[] = []
  const surroundings: FeedContext = {
    typesOf: ({ name }) =>
      Object.entries(TYPES[name] ?? {}).map(([column, type]) => ({ name: column, type })),
    onIgnored: what => ignored.push(what),
    ...context,
  }
  for await (const transaction of readMaxwell(linesOf(records), surroundings)) transactions.push(transaction)
  return { transactions, ignored }
}

async function* linesOf(records: readonly (Record_ | string)[]): AsyncGenerator<FeedLine> {
  for (const [index, record] of records.entries())
    yield { number: index + 1, text: typeof record === 'string' ? record : stringifyJson(record) }
}

const row = (type: string, data: Record_, more: Record_ = {}): Record_ => ({
  database: 'shop',
  table: 't',
  type,
  ts: 1_700_000_000,
  primary_key_columns: ['id'],
  data,
  ...more,
})
const at = (pos: number, xid: number, commit = true, file = 1): Record_ => ({
  xid,
  position: `bin.00000${file}:${pos}`,
  ...(commit ? { commit: true } : {}),
})

const cells = (shown: SourceRow): Record_ =>
  Object.fromEntries(shown.columns.map((column, index) => [column.name, shown.cells[index]]))

/** An event in short. */
function brief(event: ChangeEvent): unknown {
  switch (event.kind) {
    case 'insert':
      return ['insert', cells(event.row)]
    case 'update':
      return ['update', cells(event.row), ...(event.oldKey === undefined ? [] : [cells(event.oldKey)])]
    case 'delete':
      return ['delete', cells(event.key)]
    case 'poison':
      return ['poison', event.error.kind]
    default:
      return [event.kind]
  }
}

const briefs = ({ transactions }: Reading): unknown =>
  transactions.map(({ position, events }) => [printPosition(position), ...events.map(brief)])

describe('rows', () => {
  it('of a transaction go together, to the row with the commit mark, at its position', async () => {
    const reading = await read([
      row('insert', { id: 1, v: 'a', n: null }, { ...at(10, 7, false), xoffset: 0 }),
      row('insert', { id: 2, v: 'b', n: '18446744073709551615' }, { ...at(10, 7, false), xoffset: 1 }),
      row('delete', { id: 1, v: 'a', n: null }, at(20, 7)),
      row('update', { id: 2, v: 'c', n: null }, { ...at(30, 8), old: { v: 'b' } }),
    ])
    expect(briefs(reading)).toEqual([
      [
        'bin.000001:20',
        ['insert', { id: 1, v: 'a', n: null }],
        ['insert', { id: 2, v: 'b', n: 18446744073709551615n }],
        ['delete', { id: 1 }],
      ],
      ['bin.000001:30', ['update', { id: 2, v: 'c', n: null }]],
    ])
    const [first] = reading.transactions
    expect(first).toMatchObject({ lastLine: 3, committedMs: 1_700_000_000_000 })
    expect(first?.events[0]).toMatchObject({
      table: { schema: '', name: 't', database: 'shop' },
      line: 1,
      keyColumns: ['id'],
    })
  })

  it('of one shape share their columns', async () => {
    const { transactions } = await read([
      row('insert', { id: 1, v: 'a' }, at(10, 7)),
      row('insert', { id: 2, v: 'b' }, at(20, 8)),
    ])
    const [a, b] = transactions.map(transaction => transaction.events[0])
    expect(a?.kind === 'insert' && b?.kind === 'insert' && a.row.columns === b.row.columns).toBe(true)
  })

  it('that move to another key say which it was', async () => {
    const reading = await read([row('update', { id: 2, v: 'c' }, { ...at(10, 7), old: { id: 1 } })])
    expect(briefs(reading)).toEqual([['bin.000001:10', ['update', { id: 2, v: 'c' }, { id: 1 }]]])
  })

  it('with the image MINIMAL change what they name', async () => {
    const reading = await read([
      row('update', { id: 1, v: 'c' }, at(10, 7)),
      row('delete', { id: 1 }, at(20, 8)),
    ])
    expect(briefs(reading)).toEqual([
      ['bin.000001:10', ['update', { id: 1, v: 'c' }]],
      ['bin.000001:20', ['delete', { id: 1 }]],
    ])
  })

  it('of a feed without nulls become null where only their old value is named', async () => {
    const reading = await read([row('update', { id: 1 }, { ...at(10, 7), old: { v: 'b' } })])
    expect(briefs(reading)).toEqual([['bin.000001:10', ['update', { id: 1, v: null }]]])
  })

  it('of a table without a key are told apart by all columns', async () => {
    const keyless = { table: 'u', primary_key_columns: [] }
    const reading = await read([
      row('update', { a: 1, b: 'y' }, { ...at(10, 7), ...keyless, old: { b: 'x' } }),
      row('delete', { a: 1, b: null }, { ...at(20, 8), ...keyless }),
    ])
    expect(briefs(reading)).toEqual([
      ['bin.000001:10', ['update', { a: 1, b: 'y' }, { a: 1, b: 'x' }]],
      ['bin.000001:20', ['delete', { a: 1, b: null }]],
    ])
  })

  it('of a feed that names no keys are told apart by the keys that the user names, else by all columns', async () => {
    const records = [
      row('update', { id: 2, v: 'c' }, { ...at(10, 7), primary_key_columns: undefined, old: { id: 1 } }),
    ]
    expect(briefs(await read(records, { keys: ['id'] }))).toEqual([
      ['bin.000001:10', ['update', { id: 2, v: 'c' }, { id: 1 }]],
    ])
    expect(briefs(await read(records))).toEqual([
      ['bin.000001:10', ['update', { id: 2, v: 'c' }, { id: 1, v: 'c' }]],
    ])
  })

  it("of Maxwell's own database are passed over, and end their transactions", async () => {
    const own = { database: 'maxwell', table: 'positions' }
    const reading = await read([
      row('insert', { id: 1 }, at(5, 6, false)),
      row('update', { x: 1 }, { ...at(10, 6), ...own }),
    ])
    expect(briefs(reading)).toEqual([['bin.000001:10', ['insert', { id: 1 }]]])
    expect(reading.ignored).toEqual(["row of Maxwell's own"])
  })

  it('that do not fit their types are poison with their text', async () => {
    const reading = await read([
      row('insert', { id: 'x' }, at(10, 7)),
      row('insert', { id: 1, other: 2 }, at(20, 8)),
    ])
    expect(briefs(reading)).toEqual([
      ['bin.000001:10', ['poison', 'corrupt']],
      ['bin.000001:20', ['poison', 'unsupported']],
    ])
    const [event] = reading.transactions[0]?.events ?? []
    expect(event?.kind === 'poison' && event.raw).toContain('"id":"x"')
    expect(event?.kind === 'poison' && event.error.context).toMatchObject({ column: 'id', line: 1 })
  })

  it('may have columns that are named like what every object has', async () => {
    const types = {
      typesOf: () => [
        { name: 'constructor', type: 'int' },
        { name: 'toString', type: 'text' },
      ],
    }
    const keyed = { primary_key_columns: ['constructor'] }
    const reading = await read(
      [row('update', { constructor: 1, toString: 'b' }, { ...at(10, 7), ...keyed, old: { toString: 'a' } })],
      types,
    )
    expect(briefs(reading)).toEqual([['bin.000001:10', ['update', { constructor: 1, toString: 'b' }]]])
  })
})

describe('types', () => {
  it('come from the table that follows when none are declared, and take its form', async () => {
    const reading = await read(
      [
        row(
          'insert',
          {
            id: 1,
            s: ['a', 'b'],
            at: '23:59:59',
            late: '838:59:59',
            flag: 1,
            bits: 170,
            price: 1.5,
            doc: { k: 1 },
          },
          at(10, 7),
        ),
      ],
      {
        typesOf: () => undefined,
        columnsOf: async () => [
          { name: 'id', type: { kind: 'long' } },
          { name: 's', type: { kind: 'string' } },
          { name: 'at', type: { kind: 'time' } },
          { name: 'late', type: { kind: 'time' } },
          { name: 'flag', type: { kind: 'boolean' } },
          { name: 'bits', type: { kind: 'binary' } },
          { name: 'price', type: { kind: 'decimal', precision: 10, scale: 2 } },
          { name: 'doc', type: { kind: 'string' } },
        ],
      },
    )
    expect(briefs(reading)).toEqual([
      [
        'bin.000001:10',
        [
          'insert',
          {
            id: 1n,
            s: 'a,b',
            at: 86_399_000_000n,
            late: UNREPRESENTABLE,
            flag: true,
            bits: Uint8Array.of(170),
            price: 150n,
            doc: '{"k":1}',
          },
        ],
      ],
    ])
  })

  it('that nobody says are asked for', async () => {
    const reading = await read([row('insert', { id: 1 }, at(10, 7))], { typesOf: () => undefined })
    expect(briefs(reading)).toEqual([['bin.000001:10', ['poison', 'invalid-argument']]])
  })
})

describe('transactions', () => {
  it('that lost their commit mark to a filter end with the first row behind them', async () => {
    const reading = await read([
      row('insert', { id: 1 }, at(10, 7, false)),
      row('insert', { id: 2 }, at(20, 8)),
    ])
    expect(briefs(reading)).toEqual([
      ['bin.000001:10', ['insert', { id: 1 }]],
      ['bin.000001:20', ['insert', { id: 2 }]],
    ])
  })

  it('that were cut off begin anew when they come again', async () => {
    const reading = await read([
      row('insert', { id: 1 }, at(10, 7)),
      row('insert', { id: 2 }, { ...at(20, 8, false), xoffset: 0 }),
      row('insert', { id: 3 }, { ...at(20, 8, false), xoffset: 1 }),
      row('insert', { id: 1 }, at(10, 7)),
      row('insert', { id: 2 }, { ...at(20, 8, false), xoffset: 0 }),
      row('insert', { id: 3 }, { ...at(20, 8, false), xoffset: 1 }),
      row('insert', { id: 4 }, at(30, 8)),
    ])
    expect(briefs(reading)).toEqual([
      ['bin.000001:10', ['insert', { id: 1 }]],
      ['bin.000001:10', ['insert', { id: 1 }]],
      ['bin.000001:30', ['insert', { id: 2 }], ['insert', { id: 3 }], ['insert', { id: 4 }]],
    ])
  })

  it('without their end wait for it', async () => {
    const reading = await read([row('insert', { id: 1 }, at(10, 7, false))])
    expect(reading).toEqual({ transactions: [], ignored: ['transaction without its end'] })
  })

  it('whose beginning the feed lacks are poison', async () => {
    const reading = await read([
      row('insert', { id: 1 }, { ...at(10, 7, false), xoffset: 3 }),
      row('insert', { id: 2 }, at(20, 7)),
    ])
    expect(briefs(reading)).toEqual([['bin.000001:20', ['poison', 'corrupt'], ['insert', { id: 2 }]]])
  })

  it('of engines without transactions end with their commit mark', async () => {
    const reading = await read([
      row('insert', { id: 1 }, at(10, 7)),
      row('insert', { id: 2 }, { position: 'bin.000001:20' }),
      row('insert', { id: 3 }, { position: 'bin.000001:20', commit: true }),
    ])
    expect(briefs(reading)).toEqual([
      ['bin.000001:10', ['insert', { id: 1 }]],
      ['bin.000001:20', ['insert', { id: 2 }], ['insert', { id: 3 }]],
    ])
  })

  it('stand at lines where the feed has no positions', async () => {
    const reading = await read([
      row('insert', { id: 1 }, { xid: 7 }),
      row('insert', { id: 2 }, { xid: 7, commit: true, gtid: 'a:1' }),
      row('insert', { id: 3 }, { xid: 8 }),
      row('insert', { id: 4 }, { xid: 9, commit: true }),
    ])
    expect(briefs(reading)).toEqual([
      ['line:2', ['insert', { id: 1 }], ['insert', { id: 2 }]],
      ['line:3', ['insert', { id: 3 }]],
      ['line:4', ['insert', { id: 4 }]],
    ])
  })

  it('go on in the next log, but not in one that was begun anew', async () => {
    const next = [row('insert', { id: 1 }, at(90, 7, true, 2)), row('insert', { id: 2 }, at(4, 8, true, 3))]
    expect(briefs(await read(next))).toHaveLength(2)
    const anew = [...next, row('insert', { id: 3 }, { ...at(4, 9), ts: 1_700_000_001 })]
    expect((await rejectionOf(read(anew)))?.context).toMatchObject({
      before: 'bin.000003:4',
      behind: 'bin.000001:4',
      line: 3,
    })
    const again = [...next, row('insert', { id: 1 }, at(90, 7, true, 2))]
    expect(briefs(await read(again))).toHaveLength(3)
  })

  it('need marks, plain text and JSON objects', async () => {
    expect(await rejectionOf(read([row('insert', { id: 1 })]))).toMatchObject({ kind: 'unsupported' })
    expect(
      await rejectionOf(read([{ ...row('insert', {}), data: undefined, encrypted: { iv: '', bytes: '' } }])),
    ).toMatchObject({ kind: 'unsupported' })
    expect(await rejectionOf(read(['[]']))).toMatchObject({ kind: 'corrupt' })
    expect(await rejectionOf(read(['{']))).toMatchObject({ kind: 'corrupt' })
    expect(
      await rejectionOf(read([row('insert', { id: 1 }, { ...at(1, 7), position: 'nowhere' })])),
    ).toMatchObject({ kind: 'corrupt' })
  })
})

describe('a bootstrap', () => {
  const start = row('bootstrap-start', {})
  const read1 = row('bootstrap-insert', { id: 1, v: 'a' })
  const read2 = row('bootstrap-insert', { id: 2, v: 'b' })
  const complete = row('bootstrap-complete', {}, { primary_key_columns: [] })
  const asked = (condition: unknown): Record_ =>
    row(
      'insert',
      { id: 9, database_name: 'shop', table_name: 't', where_clause: condition },
      { ...at(5, 6), database: 'maxwell', table: 'bootstrap' },
    )

  it('stands where the log was when it began', async () => {
    const reading = await read([
      row('insert', { id: 7 }, at(10, 7)),
      start,
      read1,
      read2,
      complete,
      row('insert', { id: 8 }, at(20, 8)),
    ])
    expect(briefs(reading)).toEqual([
      ['bin.000001:10', ['insert', { id: 7 }]],
      ['bin.000001:10+2', ['insert', { id: 1, v: 'a' }], ['insert', { id: 2, v: 'b' }]],
      ['bin.000001:20', ['insert', { id: 8 }]],
    ])
  })

  it('of all rows replaces the table, one of some rows adds to it', async () => {
    expect(briefs(await read([asked(null), start, read1, complete]))).toEqual([
      ['bin.000001:5+2', ['truncate'], ['insert', { id: 1, v: 'a' }]],
    ])
    expect(briefs(await read([asked('id < 2'), start, read1, complete]))).toEqual([
      ['bin.000001:5+1', ['insert', { id: 1, v: 'a' }]],
    ])
  })

  it('may stand in the middle of a transaction', async () => {
    const reading = await read([
      row('insert', { id: 7 }, at(10, 7, false)),
      start,
      read1,
      complete,
      row('insert', { id: 8 }, at(20, 7)),
    ])
    expect(briefs(reading)).toEqual([
      [':0+3', ['insert', { id: 1, v: 'a' }]],
      ['bin.000001:20', ['insert', { id: 7 }], ['insert', { id: 8 }]],
    ])
  })

  it('comes before the rows that were held back for it, and those before what was not', async () => {
    const other = { table: 'u', primary_key_columns: ['a'] }
    const reading = await read([
      row('insert', { a: 1 }, { ...at(10, 7), ...other }),
      start,
      read1,
      row('insert', { a: 2 }, { ...at(20, 8), ...other }),
      row('insert', { a: 3 }, { ...at(40, 10, false), ...other }),
      read2,
      complete,
      row('update', { id: 1, v: 'c' }, { ...at(15, 8, false), old: { v: 'a' } }),
      row('insert', { id: 5 }, at(30, 9)),
      row('insert', { a: 4 }, { ...at(50, 10), ...other }),
    ])
    expect(briefs(reading)).toEqual([
      ['bin.000001:10', ['insert', { a: 1 }]],
      ['bin.000001:20', ['insert', { a: 2 }]],
      ['bin.000001:10+2', ['insert', { id: 1, v: 'a' }], ['insert', { id: 2, v: 'b' }]],
      ['bin.000001:15', ['update', { id: 1, v: 'c' }]],
      ['bin.000001:30', ['insert', { id: 5 }]],
      ['bin.000001:50', ['insert', { a: 3 }], ['insert', { a: 4 }]],
    ])
  })

  it('before any change is counted in lines, whichever positions follow', async () => {
    const [first] = (await read([start, read1, complete, row('insert', { id: 8 }, at(20, 8))])).transactions
    expect(first && printPosition(first.position)).toBe(':0+2')
    expect(first && isUpTo(first, parsePosition('bin.000001:4'))).toBe(true)
    const reached = parsePosition(':0+2')
    expect(isPassed({ position: parsePosition(':0+2'), line: 2 }, reached)).toBe(true)
    expect(isPassed({ position: parsePosition('bin.000001:20'), line: 4 }, reached)).toBe(false)
    expect(isPassed({ position: parsePosition('line:2'), line: 2 }, reached)).toBe(true)
    expect(isPassed({ position: parsePosition('line:4'), line: 4 }, reached)).toBe(false)
  })

  it('without its end waits for it', async () => {
    const reading = await read([start, read1])
    expect(reading).toEqual({ transactions: [], ignored: ['bootstrap without its end'] })
  })

  it('of an old release has rows of type insert', async () => {
    const reading = await read([
      row('insert', { id: 7 }, at(10, 7)),
      start,
      row('insert', { id: 1 }),
      complete,
    ])
    expect(briefs(reading)).toEqual([
      ['bin.000001:10', ['insert', { id: 7 }]],
      ['bin.000001:10+1', ['insert', { id: 1 }]],
    ])
  })
})

describe('a definition', () => {
  const column = (name: string, type: string, more: Record_ = {}): Record_ => ({ name, type, ...more })
  const definition = (columns: readonly Record_[], more: Record_ = {}): Record_ => ({
    database: 'shop',
    table: 't',
    columns,
    'primary-key': ['id'],
    ...more,
  })
  const id = column('id', 'int', { signed: true })
  const alter = (sql: string, old: Record_, def: Record_, pos = 50): Record_ => ({
    type: 'table-alter',
    database: 'shop',
    table: 't',
    old,
    def,
    ts: 1_700_000_000_000,
    sql,
    position: `bin.000001:${pos}`,
  })
  const schemaOf = ({ transactions }: Reading, index = 0) => {
    const event = transactions[index]?.events.find(({ kind }) => kind === 'schema')
    if (event?.kind !== 'schema') throw new Error('no schema event')
    return event
  }
  const typed = (reading: Reading, index = 0) =>
    schemaOf(reading, index).columns.map(({ name, type }) => `${name} ${printType(type)}`)

  it('of a new table says everything, and that it is empty', async () => {
    const sql =
      "CREATE TABLE t (id int unsigned, price decimal(12,2) DEFAULT '1.50', b bit(1), at time(3), bin varchar(4) CHARACTER SET binary, PRIMARY KEY (id))"
    const columns = [
      column('id', 'int', { signed: false }),
      column('price', 'decimal'),
      column('b', 'bit'),
      column('at', 'time', { 'column-length': 3 }),
      column('bin', 'varchar', { charset: 'binary' }),
    ]
    const create = { ...alter(sql, {}, definition(columns)), type: 'table-create', old: undefined }
    const insert = row(
      'insert',
      { id: 4294967295, price: 1.1, b: 1, at: '01:02:03', bin: 'AA==' },
      { ...at(60, 8), primary_key_columns: undefined },
    )
    const reading = await read([create, insert], { typesOf: () => undefined })
    expect(reading.transactions[0]?.events.map(({ kind }) => kind)).toEqual(['truncate', 'schema'])
    expect(reading.transactions[0]?.committedMs).toBe(1_700_000_000_000)
    expect(typed(reading)).toEqual([
      'id long',
      'price decimal(12, 2)',
      'b boolean',
      'at string',
      'bin binary',
    ])
    expect(schemaOf(reading).keyColumns).toEqual(['id'])
    expect(reading.transactions[1]?.events[0]).toMatchObject({
      keyColumns: ['id'],
      row: { cells: [4294967295n, 110n, true, '01:02:03.000', Uint8Array.of(0)], isWhole: true },
    })
  })

  it('fills in the digits of what it changes from the statement, of the rest from what was known', async () => {
    const types = {
      typesOf: () => [
        { name: 'id', type: 'int' },
        { name: 'price', type: 'decimal(10,2)' },
        { name: 'b', type: 'bit(8)' },
      ],
    }
    const columns = [id, column('price', 'decimal'), column('b', 'bit')]
    const reading = await read(
      [alter('ALTER TABLE t MODIFY price decimal(14,4)', definition(columns), definition(columns))],
      types,
    )
    expect(typed(reading)).toEqual(['id int', 'price decimal(14, 4)', 'b binary'])
  })

  it('says what rows that are there hold in a new column', async () => {
    const added = [
      column('a', 'varchar', { charset: 'utf8mb4' }),
      column('b', 'int', { signed: true }),
      column('c', 'enum', { 'enum-values': ['x', 'y'] }),
      column('d', 'int', { signed: true }),
      column('e', 'bit'),
      column('f', 'datetime', { 'column-length': 0 }),
    ]
    const sql =
      "ALTER TABLE t ADD a varchar(10) DEFAULT 'web', ADD b int NOT NULL, ADD c enum('x','y') NOT NULL, ADD d int, ADD e bit(8) NOT NULL DEFAULT b'11', ADD f datetime NOT NULL DEFAULT CURRENT_TIMESTAMP"
    const reading = await read([alter(sql, definition([id]), definition([id, ...added]))])
    expect(schemaOf(reading).columns.map(({ initialDefault }) => initialDefault)).toEqual([
      undefined,
      'web',
      0,
      'x',
      null,
      Uint8Array.of(3),
      undefined,
    ])
  })

  it('says which column became which', async () => {
    const before = definition([id, column('v', 'varchar', { charset: 'utf8mb4' })])
    const after = definition([id, column('w', 'varchar', { charset: 'utf8mb4' })])
    const renamed = async (sql: string) => [
      ...(schemaOf(await read([alter(sql, before, after)])).renamed ?? []),
    ]
    expect(await renamed('ALTER TABLE t RENAME COLUMN v TO w')).toEqual([['v', 'w']])
    expect(await renamed('ALTER TABLE t CHANGE v w varchar(10)')).toEqual([['v', 'w']])
    expect(await renamed('ALTER TABLE t DROP v, ADD w varchar(10)')).toEqual([])
    // Not a statement that can be read: the one name that changed in its place.
    expect(await renamed('SET STATEMENT x=1 FOR ALTER t CHANGE v w varchar(10)')).toEqual([['v', 'w']])
  })

  it('stands for the columns of rows behind it', async () => {
    const after = definition([id, column('w', 'decimal')])
    const reading = await read([
      alter('ALTER TABLE t ADD w decimal(5,2) DEFAULT 7, DROP v, DROP n', definition([id]), after),
      row('insert', { id: 1, w: null }, at(60, 7)),
      row('insert', { id: 2 }, at(70, 8)),
      row('insert', { id: 3, v: 'gone' }, at(80, 9)),
    ])
    expect(briefs(reading)).toEqual([
      ['bin.000001:50', ['schema']],
      ['bin.000001:60', ['insert', { id: 1, w: null }]],
      ['bin.000001:70', ['insert', { id: 2, w: 700n }]],
      ['bin.000001:80', ['poison', 'unsupported']],
    ])
  })

  it('of a table that nobody knows the types of is passed over', async () => {
    const reading = await read(
      [
        alter(
          'ALTER TABLE t COMMENT "x"',
          definition([id, column('p', 'decimal')]),
          definition([id, column('p', 'decimal')]),
        ),
      ],
      { typesOf: () => undefined },
    )
    expect(reading).toEqual({ transactions: [], ignored: ['definition of a table without types'] })
  })

  it('that renames a table makes its rows poison, unless the name was there before', async () => {
    const rename = alter('RENAME TABLE t TO s', definition([id]), definition([id], { table: 's' }))
    const insert = row('insert', { id: 1 }, { ...at(60, 7), table: 's' })
    expect(briefs(await read([rename, insert]))).toEqual([
      ['bin.000001:50', ['schema']],
      ['bin.000001:60', ['poison', 'unsupported']],
    ])
    const known = row('insert', { a: 1 }, { ...at(10, 6), table: 'u', primary_key_columns: ['a'] })
    const swap = alter('RENAME TABLE t TO u', definition([id]), definition([id], { table: 'u' }))
    const after = row('insert', { id: 1 }, { ...at(60, 7), table: 'u' })
    const { transactions } = await read([known, swap, after])
    expect(transactions.at(-1)?.events.map(brief)).toEqual([['insert', { id: 1 }]])
  })

  it('of what is no table is passed over', async () => {
    const reading = await read([
      { type: 'database-create', database: 'x', charset: 'utf8', ts: 1, sql: '', position: 'bin.000001:4' },
      { type: 'table-drop', database: 'shop', table: 't', ts: 1, sql: '', position: 'bin.000001:5' },
    ])
    expect(reading).toEqual({ transactions: [], ignored: ['database-create', 'table-drop'] })
  })
})
