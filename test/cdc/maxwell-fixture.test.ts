/**
 * The captured Maxwell feed, read into events, replayed by a naive applier of one map per table: after each checkpoint
 * the maps hold what the database held. What the feed lacks comes from elsewhere, as the fixture's README says: the
 * rows of checkpoint 0 but for tables that were bootstrapped, and TRUNCATE.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { hexEncode } from '../../src/base/bytes.js'
import {
  type Cell,
  type ChangeEvent,
  type FeedContext,
  type SourceColumn,
  type SourceRow,
  type SourceTransaction,
  UNCHANGED,
  UNREPRESENTABLE,
} from '../../src/cdc/change-event.js'
import type { FeedLine } from '../../src/cdc/feed-lines.js'
import { compareBinlog, isUpTo, parsePosition } from '../../src/cdc/feed-position.js'
import { readMaxwell } from '../../src/cdc/maxwell/maxwell.js'
import { formatDecimal } from '../../src/schema/decimal.js'
import { formatDate, formatTimestamp } from '../../src/schema/time.js'
import type { Type, Value } from '../../src/schema/types.js'

const SMALL = join(import.meta.dirname, '../../../shared/fixtures/cdc/mariadb-debezium/small')
const CHECKPOINTS = [0, 1, 2, 3, 4, 5]

interface TrueTable {
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  readonly primary_key: readonly string[]
}

type Row = { readonly [column: string]: unknown }

interface Replica {
  readonly keyColumns: readonly string[]
  /** By key; of tables without a key by a number. */
  rows: Map<string, Record<string, unknown>>
}

const json = (path: string) => JSON.parse(readFileSync(join(SMALL, path), 'utf8'))
const jsonLines = (text: string): readonly Row[] =>
  text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line))
const metaOf = (checkpoint: number) =>
  json(`checkpoints/${checkpoint}/meta.json`) as {
    readonly file: string
    readonly pos: number
    readonly tables: Readonly<Record<string, TrueTable>>
  }
const trueRows = (checkpoint: number, table: string): readonly Row[] =>
  jsonLines(gunzipSync(readFileSync(join(SMALL, `checkpoints/${checkpoint}/${table}.jsonl.gz`))).toString())

describe.skipIf(!existsSync(SMALL))('the captured feed of Maxwell', () => {
  it.each([
    ['with declared types', declaredTypes],
    ['with the types of tables that were made beforehand', followingTypes],
  ])('gives the source at every checkpoint, %s', async (_, types) => {
    const replicas = await initialReplicas()
    const truncates = jsonLines(readFileSync(join(SMALL, 'ddl.jsonl'), 'utf8')).filter(
      ddl => ddl.kind === 'truncate',
    )
    let next = 0
    for await (const transaction of readMaxwell(feedLines(), { onIgnored: () => undefined, ...types() })) {
      while (next < CHECKPOINTS.length && !isUpTo(transaction, positionOf(next)))
        expectCheckpoint(replicas, next++)
      const [truncate] = truncates
      if (truncate !== undefined && isBehind(transaction, truncate)) {
        truncates.shift()
        replicaOf(replicas, String(truncate.table)).rows.clear()
      }
      for (const event of transaction.events) apply(replicas, event)
    }
    expectCheckpoint(replicas, next)
    expect(next).toBe(CHECKPOINTS.length - 1)
  })
})

function declaredTypes(): Pick<FeedContext, 'typesOf'> {
  return { typesOf: ({ name }) => metaOf(0).tables[name]?.columns }
}

function followingTypes(): Pick<FeedContext, 'typesOf' | 'columnsOf'> {
  return {
    typesOf: () => undefined,
    columnsOf: async ({ name }) => metaOf(0).tables[name]?.columns.map(column => handMade(column)),
  }
}

/** The type map of the feeds, written down a second time. */
function handMade({ name, type }: { readonly name: string; readonly type: string }): SourceColumn {
  const decimal = /^decimal\((\d+),(\d+)\)/.exec(type)
  if (decimal !== null)
    return { name, type: { kind: 'decimal', precision: Number(decimal[1]), scale: Number(decimal[2]) } }
  const base = type.replace(/\(.*?\)/g, '')
  const mapped: Readonly<Record<string, Type>> = {
    int: { kind: 'int' },
    'int unsigned': { kind: 'long' },
    smallint: { kind: 'int' },
    tinyint: { kind: 'int' },
    year: { kind: 'int' },
    bigint: { kind: 'long' },
    'bigint unsigned': { kind: 'decimal', precision: 20, scale: 0 },
    float: { kind: 'float' },
    double: { kind: 'double' },
    date: { kind: 'date' },
    datetime: { kind: 'timestamp' },
    timestamp: { kind: 'timestamptz' },
    time: { kind: 'time' },
    blob: { kind: 'binary' },
    bit: { kind: 'binary' },
  }
  return { name, type: mapped[base] ?? { kind: 'string' } }
}

async function* feedLines(): AsyncGenerator<FeedLine> {
  const texts = gunzipSync(readFileSync(join(SMALL, 'maxwell.jsonl.gz')))
    .toString()
    .split('\n')
  for (const [index, text] of texts.entries()) if (text !== '') yield { number: index + 1, text }
}

function positionOf(checkpoint: number) {
  const { file, pos } = metaOf(checkpoint)
  return parsePosition(`${file}:${pos}`)
}

function isBehind({ position }: SourceTransaction, { file, pos }: Row): boolean {
  const at = parsePosition(`${file}:${pos}`)
  return position.kind === 'binlog' && at.kind === 'binlog' && compareBinlog(position, at) >= 0
}

async function initialReplicas(): Promise<Map<string, Replica>> {
  const replicas = new Map<string, Replica>()
  for (const [name, table] of Object.entries(metaOf(0).tables)) {
    const replica: Replica = { keyColumns: table.primary_key, rows: new Map() }
    replicas.set(name, replica)
    for (const row of trueRows(0, name)) put(replica, comparableRow(table, row))
  }
  return replicas
}

function replicaOf(replicas: ReadonlyMap<string, Replica>, name: string): Replica {
  const replica = replicas.get(name)
  if (replica === undefined) throw new Error(`no table ${name}`)
  return replica
}

let serial = 0

function put(replica: Replica, row: Record<string, unknown>): void {
  serial += 1
  replica.rows.set(replica.keyColumns.length === 0 ? `row ${serial}` : keyOf(replica, row), row)
}

function keyOf({ keyColumns }: Replica, row: Row): string {
  return JSON.stringify(keyColumns.map(name => row[name]))
}

function apply(replicas: ReadonlyMap<string, Replica>, event: ChangeEvent): void {
  const replica = replicaOf(replicas, event.table.name)
  switch (event.kind) {
    case 'insert':
      put(replica, patched({}, event.row))
      return
    case 'update': {
      expect(replica.keyColumns.length, event.table.name).toBeGreaterThan(0)
      const key = keyOf(replica, patched({}, event.oldKey ?? event.row))
      const before = replica.rows.get(key)
      expect(before, `${event.table.name} ${key}`).toBeDefined()
      replica.rows.delete(key)
      put(replica, patched(before ?? {}, event.row))
      return
    }
    case 'delete':
      expect(replica.rows.delete(keyOf(replica, patched({}, event.key)))).toBe(true)
      return
    case 'truncate':
      replica.rows.clear()
      return
    case 'schema':
      redefine(replica, event)
      return
    default:
      throw event.error
  }
}

function redefine(replica: Replica, event: ChangeEvent & { readonly kind: 'schema' }): void {
  const names = new Set(event.columns.map(column => column.name))
  for (const row of replica.rows.values()) {
    for (const [from, to] of event.renamed ?? []) row[to] = row[from]
    for (const { name, type, initialDefault } of event.columns)
      if (initialDefault !== undefined) row[name] = comparableValue(type, initialDefault)
    for (const name of Object.keys(row)) if (!names.has(name)) delete row[name]
  }
}

function patched(before: Row, row: SourceRow): Record<string, unknown> {
  const after: Record<string, unknown> = { ...before }
  for (const [index, { name, type }] of row.columns.entries()) {
    const cell: Cell | undefined = row.cells[index]
    if (cell !== undefined && cell !== UNCHANGED)
      after[name] = cell === UNREPRESENTABLE ? null : comparableValue(type, cell)
  }
  return after
}

/** A value in the form that both sides share; fractions of seconds and times are lost in the feed. */
function comparableValue(type: Type, value: Value): unknown {
  if (value === null) return null
  switch (type.kind) {
    case 'decimal':
      return plain(formatDecimal(value as bigint, type.scale))
    case 'date':
      return formatDate(value as number)
    case 'timestamp':
    case 'timestamptz':
      return formatTimestamp(value as bigint, { unit: 'micros', zoned: false }).slice(0, 19)
    case 'time':
      return 'time'
    case 'binary':
      return hexEncode(value as Uint8Array)
    case 'string':
      return /^-?\d\d:\d\d:\d\d/.test(value as string) ? 'time' : value
    default:
      return String(value)
  }
}

function plain(decimal: string): string {
  return decimal.includes('.') ? decimal.replace(/\.?0+$/, '') : decimal
}

function comparableRow({ columns }: TrueTable, row: Row): Record<string, unknown> {
  return Object.fromEntries(columns.map(({ name, type }) => [name, comparableTruth(type, row[name])]))
}

function comparableTruth(type: string, value: unknown): unknown {
  if (value === null || value === undefined) return null
  const base = type.replace(/\(.*?\)/g, '')
  if (base === 'time') return 'time'
  if (base === 'datetime' || base === 'timestamp') return String(value).slice(0, 19)
  if (base === 'decimal') return plain(String(value))
  if (base === 'float') return String(Math.fround(Number(value)))
  return typeof value === 'number' ? String(value) : value
}

function expectCheckpoint(replicas: ReadonlyMap<string, Replica>, checkpoint: number): void {
  for (const [name, table] of Object.entries(metaOf(checkpoint).tables)) {
    const { columns } = table
    const inOrder = (row: Row): string => JSON.stringify(columns.map(column => row[column.name] ?? null))
    const held = [...replicaOf(replicas, name).rows.values()].map(inOrder)
    const wanted = trueRows(checkpoint, name).map(row => inOrder(comparableRow(table, row)))
    expect(held.toSorted(), `${name} at ${checkpoint}`).toEqual(wanted.toSorted())
  }
}
