import { describe, expect, it } from 'vitest'
import type { ChangeEvent, FeedContext } from '../../src/cdc/change-event.js'
import { readDebezium } from '../../src/cdc/debezium/debezium.js'
import { rejectionOf } from '../support/errors.js'
import { cellsOf, type ReadFeed, readWith } from './small-feeds.js'

const read = (records: readonly unknown[], context: Partial<FeedContext> = {}): Promise<ReadFeed> =>
  readWith(readDebezium, records, context)

const source = (pos: number, more: object = {}) => ({
  connector: 'mariadb',
  name: 'my',
  db: 'shop',
  table: 't',
  ts_ms: 7000,
  snapshot: null,
  gtid: '0-1-1',
  file: 'bin.000001',
  pos,
  row: 0,
  ...more,
})
const change = (
  op: string,
  images: object,
  about: {
    readonly pos?: number
    readonly gtid?: string
    readonly marked?: boolean
    readonly more?: object
  } = {},
) => {
  const { pos = 100, gtid = '0-1-1', marked, more = {} } = about
  const value = {
    before: null,
    after: null,
    ...images,
    op,
    source: source(pos, { gtid, ...more }),
    transaction: marked ? { id: gtid } : null,
  }
  return { topic: 'my.shop.t', key: { id: 1 }, value, headers: {} }
}
const mark = (status: string, id: string) => ({
  topic: 'my.transaction',
  key: { id },
  value: { status, id, ts_ms: 1 },
})

interface Described {
  readonly name: string
  readonly type: string
  readonly length?: number
  readonly scale?: number
  readonly optional?: boolean
  readonly initial?: string
}
const column = ({ name, type, length, scale, optional = true, initial }: Described) => ({
  ...{ name, typeName: type, typeExpression: type, length: length ?? null, scale: scale ?? null, optional },
  ...{ defaultValueExpression: initial ?? null, enumValues: type === 'ENUM' ? ["'a'", "'b'"] : null },
})
const ddl = (
  statement: string,
  columns: readonly Described[] | null,
  about: {
    readonly type?: string
    readonly id?: string
    readonly pos?: number
    readonly gtid?: string
    readonly snapshot?: string
    readonly previousId?: string
  } = {},
) => {
  const { type = 'ALTER', id = '"shop"."t"', pos = 50, gtid = '0-1-9', snapshot = null, previousId } = about
  const table = columns && { primaryKeyColumnNames: ['id'], columns: columns.map(column) }
  const value = {
    source: source(pos, { gtid, snapshot }),
    databaseName: 'shop',
    ddl: statement,
    tableChanges: [{ type, id, previousId, table }],
  }
  return { topic: 'my', key: { databaseName: 'shop' }, value, headers: {} }
}
const ID: Described = { name: 'id', type: 'BIGINT UNSIGNED', length: 20, optional: false }
const CODE: Described = { name: 'code', type: 'VARCHAR', length: 10 }
const created = ddl('CREATE TABLE t (...)', [ID, CODE], { type: 'CREATE', snapshot: 'true' })
const row = (id: number, more: object = {}) => ({ id, code: 'a', ...more })
const kinds = (events: readonly ChangeEvent[]): readonly string[] => events.map(({ kind }) => kind)

describe('a feed of MySQL or MariaDB', () => {
  it('takes the types of rows without schemas from the records about its tables', async () => {
    const { events, transactions } = await read([created, change('c', { after: row(-1) })])
    expect(events).toMatchObject([
      {
        kind: 'insert',
        table: { schema: '', name: 't', database: 'shop' },
        row: { cells: [2n ** 64n - 1n, 'a'] },
      },
    ])
    expect(transactions).toMatchObject([
      { position: { kind: 'binlog', file: 'bin.000001', pos: 100, row: 0 }, committedMs: 7000, source: 'my' },
    ])
  })

  it('is cut where the GTID changes, at the place of the last change', async () => {
    const { transactions } = await read([
      created,
      change('c', { after: row(1) }, { pos: 100 }),
      change('c', { after: row(2) }, { pos: 100, more: { row: 1 } }),
      change('c', { after: row(3) }, { pos: 200, gtid: '0-1-2' }),
    ])
    expect(transactions.map(({ position, events }) => [position, events.length])).toEqual([
      [{ kind: 'binlog', file: 'bin.000001', pos: 100, row: 1 }, 2],
      [{ kind: 'binlog', file: 'bin.000001', pos: 200, row: 0 }, 1],
    ])
  })

  it('without GTIDs is cut at row events', async () => {
    const none = { more: { gtid: null } }
    const { transactions } = await read([
      created,
      change('c', { after: row(1) }, { pos: 100, ...none }),
      change('c', { after: row(2) }, { pos: 100, ...none }),
      change('c', { after: row(3) }, { pos: 200, ...none }),
    ])
    expect(transactions.map(({ events }) => events.length)).toEqual([2, 1])
  })

  it('with transaction records does not wait for the END of a change of schema or a truncate', async () => {
    const { transactions } = await read([
      created,
      mark('BEGIN', '0-1-1'),
      change('c', { after: row(1) }, { marked: true }),
      mark('END', '0-1-1'),
      mark('BEGIN', '0-1-2'),
      mark('BEGIN', '0-1-3'),
      ddl('ALTER TABLE t ADD x int', [ID, CODE, { name: 'x', type: 'INT' }], { gtid: '0-1-3', pos: 110 }),
      mark('BEGIN', '0-1-4'),
      change('t', {}, { gtid: '0-1-4', pos: 120, marked: true }),
      mark('BEGIN', '0-1-5'),
      change('c', { after: row(2, { x: 1 }) }, { gtid: '0-1-5', pos: 130, marked: true }),
      mark('END', '0-1-5'),
    ])
    expect(
      transactions.map(({ position, events }) => [position.kind === 'binlog' && position.pos, kinds(events)]),
    ).toEqual([
      [100, ['insert']],
      [110, ['schema']],
      [120, ['truncate']],
      [130, ['insert']],
    ])
  })

  it('waits for the END of a transaction with rows', async () => {
    const begun = [created, mark('BEGIN', '0-1-1'), change('c', { after: row(1) }, { marked: true })]
    expect((await read(begun)).transactions).toEqual([])
    const later = [
      mark('BEGIN', '0-1-2'),
      change('c', { after: row(2) }, { gtid: '0-1-2', pos: 200, marked: true }),
      mark('END', '0-1-2'),
    ]
    expect(await rejectionOf(read([...begun, ...later]))).toMatchObject({ kind: 'corrupt' })
  })

  it('hands on its snapshot in parts, in order with what follows', async () => {
    const rows = Array.from({ length: 10_001 }, () =>
      change('r', { after: row(1) }, { pos: 90, more: { snapshot: 'true' } }),
    )
    const { transactions } = await read([created, ...rows, change('c', { after: row(2) })])
    expect(transactions.map(({ position }) => position)).toMatchObject([
      { pos: 90, row: 10_000 },
      { pos: 90, row: 10_001 },
      { pos: 100, row: 0 },
    ])
  })

  it('has no placeholders: its images are whole', async () => {
    const after = row(1, { code: '__debezium_unavailable_value' })
    const { events } = await read([created, change('u', { before: row(1), after })])
    expect(events[0]).toMatchObject({ row: { cells: [1n, '__debezium_unavailable_value'] } })
  })
})

describe('a change of schema', () => {
  const first = change('c', { after: row(1) })
  const schemaOf = async (record: unknown): Promise<Extract<ChangeEvent, { kind: 'schema' }> | undefined> => {
    const { events } = await read([created, first, record])
    return events.find(event => event.kind === 'schema')
  }

  it('is an event with columns, key and the defaults of columns', async () => {
    const columns: readonly Described[] = [
      ID,
      CODE,
      { name: 'price', type: 'DECIMAL', length: 10, scale: 2, initial: '1.50' },
      { name: 'kind', type: 'ENUM', optional: false },
      { name: 'size', type: 'INT', optional: false },
      { name: 'born', type: 'TIMESTAMP', length: 6, optional: false, initial: '1970-01-01 00:00:00' },
      { name: 'flags', type: 'BIT', length: 2, initial: "b'10'" },
    ]
    const event = await schemaOf(ddl('ALTER TABLE t ADD ...', columns))
    expect(event).toMatchObject({ keyColumns: ['id'], table: { name: 't', database: 'shop' } })
    expect(event?.columns).toEqual([
      { name: 'id', type: { kind: 'decimal', precision: 20, scale: 0 }, initialDefault: 0n },
      { name: 'code', type: { kind: 'string' } },
      { name: 'price', type: { kind: 'decimal', precision: 10, scale: 2 }, initialDefault: 150n },
      { name: 'kind', type: { kind: 'string' }, initialDefault: 'a' },
      { name: 'size', type: { kind: 'int' }, initialDefault: 0 },
      { name: 'born', type: { kind: 'timestamptz' } },
      { name: 'flags', type: { kind: 'binary' }, initialDefault: Uint8Array.of(2) },
    ])
  })

  it('tells which columns were renamed, by the statement', async () => {
    const columns = [ID, { ...CODE, name: 'label' }]
    for (const statement of [
      'ALTER TABLE t RENAME COLUMN `CODE` TO label',
      'ALTER TABLE t CHANGE code label varchar(10)',
    ]) {
      expect((await schemaOf(ddl(statement, columns)))?.renamed, statement).toEqual(
        new Map([['code', 'label']]),
      )
    }
    expect((await schemaOf(ddl('ALTER TABLE t DROP code, ADD label int', columns)))?.renamed).toBeUndefined()
  })

  it('of a table that has shown no row waits for its first one', async () => {
    const other = { id: '"elsewhere"."t"' }
    const alter = ddl('ALTER TABLE t ADD x int', [ID, CODE, { name: 'x', type: 'INT' }])
    const { events, ignored } = await read([created, alter, ddl('ALTER TABLE t ...', [ID], other), first])
    expect(events.map(({ kind, line }) => [kind, line])).toEqual([
      ['schema', 2],
      ['insert', 4],
    ])
    expect(ignored).toEqual(['schema change record', 'schema change record', 'schema change record'])
  })

  it('that drops a table leaves its rows until one of its name is made', async () => {
    const drop = ddl('DROP TABLE t', null, { type: 'DROP', gtid: '0-1-7' })
    const make = ddl('CREATE TABLE t (...)', [ID], { type: 'CREATE', gtid: '0-1-8' })
    const dropped = await read([created, first, drop])
    expect([kinds(dropped.events), dropped.ignored[1]]).toEqual([
      ['insert'],
      'dropped table, whose rows are kept',
    ])
    expect(kinds((await read([created, first, drop, make])).events)).toEqual(['insert', 'truncate', 'schema'])
  })

  it('that renames a table is counted', async () => {
    const { ignored } = await read([
      created,
      first,
      ddl('RENAME TABLE x TO t', [ID], { previousId: '"shop"."x"' }),
    ])
    expect(ignored[1]).toBe('renamed table, whose rows stay where they are')
  })

  it('without columns is corrupt', async () => {
    const record = ddl('ALTER TABLE t ...', [])
    Object.assign(record.value.tableChanges[0]?.table ?? {}, { columns: 7 })
    expect(await rejectionOf(read([record]))).toMatchObject({ kind: 'corrupt', context: { line: 1 } })
  })
})

describe('a feed of another connector whose order is known', () => {
  const fields = [{ field: 'id', type: 'int32' }]
  const schema = { type: 'struct', fields: [{ field: 'after', type: 'struct', fields }] }
  const record = (id: number, more: object) => ({
    schema,
    payload: {
      before: null,
      after: { id },
      op: 'c',
      source: { name: 's', db: 'd', schema: 'dbo', table: 't', ...more },
    },
  })

  it.each([
    [
      'sqlserver',
      (n: number) => ({ connector: 'sqlserver', commit_lsn: `00000025:00000d98:000${n}`, change_lsn: 'x' }),
    ],
    ['oracle', (n: number) => ({ connector: 'oracle', txId: `0a00${n}`, scn: '5', commit_scn: '6' })],
    ['db2', (n: number) => ({ connector: 'db2', commit_lsn: `0${n}` })],
  ])('%s is cut into transactions, at lines', async (_, at) => {
    const { transactions } = await read([record(1, at(1)), record(2, at(1)), record(3, at(2))])
    expect(
      transactions.map(({ position, events }) => [
        position,
        events.map(event => 'row' in event && cellsOf(event.row)?.id),
      ]),
    ).toEqual([
      [{ kind: 'line', line: 2 }, [1, 2]],
      [{ kind: 'line', line: 3 }, [3]],
    ])
  })
})
