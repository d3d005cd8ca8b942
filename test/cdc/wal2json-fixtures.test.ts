/**
 * Captured feeds of wal2json, read and applied in the plainest way there is, give the source's tables at every checkpoint:
 * with keys and without, through changes of schema. What the feeds do not carry - their README says it - comes from beside
 * them: DDL, and for version 1 the truncates that only version 2 has.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { hexEncode } from '../../src/base/bytes.js'
import { parseJson } from '../../src/base/json.js'
import {
  type Cell,
  type ChangeEvent,
  type SourceRow,
  type SourceTransaction,
  UNCHANGED,
  UNREPRESENTABLE,
} from '../../src/cdc/change-event.js'
import { feedLines } from '../../src/cdc/feed-lines.js'
import { parseLsn } from '../../src/cdc/feed-position.js'
import { readWal2Json } from '../../src/cdc/wal2json/wal2json.js'
import { formatDecimal } from '../../src/schema/decimal.js'
import { formatDate, formatTime, formatTimestamp } from '../../src/schema/time.js'
import type { Type } from '../../src/schema/types.js'
import { formatUuid } from '../../src/schema/uuid-text.js'
import { chunksOf, collect } from './small-feeds.js'

const FEEDS = join(import.meta.dirname, '..', '..', '..', 'shared', 'fixtures', 'cdc', 'postgres-wal2json')

const feeds = [
  { name: 'version 1', folder: 'small', file: 'wal2json-v1.jsonl.gz', hasNan: false },
  { name: 'version 2', folder: 'small', file: 'wal2json-v2.jsonl.gz', hasNan: false },
  {
    name: 'version 2, numbers as text',
    folder: 'small',
    file: 'wal2json-v2-numeric-string.jsonl.gz',
    hasNan: true,
  },
  { name: 'version 2, larger', folder: 'middle', file: 'wal2json-v2.jsonl.gz', hasNan: false },
]

describe.skipIf(!existsSync(FEEDS))('a captured feed (needs the fixtures beside this repository)', () => {
  it.each(feeds)('$name gives the tables of every checkpoint', async ({ folder, file, hasNan }) => {
    const root = join(FEEDS, folder)
    const truncates = file.includes('v1') ? await truncatesOf(join(root, 'wal2json-v2.jsonl.gz')) : []
    const world = new World(root, file.includes('v1'))
    const transactions = await transactionsOf(join(root, file))
    for (const checkpoint of world.checkpoints) {
      world.applyUpTo(checkpoint.lsn, transactions, truncates)
      for (const table of Object.keys(world.meta(checkpoint.checkpoint).tables)) {
        const found = world.rows(table, checkpoint.checkpoint, hasNan)
        const wanted = world.wanted(table, checkpoint.checkpoint, hasNan)
        expect(found, `${table} at checkpoint ${checkpoint.checkpoint}`).toEqual(wanted)
      }
    }
    expect(world.checkpoints.length).toBeGreaterThan(3)
  })

  it('says the time of every commit', async () => {
    for (const { folder, file } of feeds.slice(0, 3)) {
      const times = (await transactionsOf(join(FEEDS, folder, file))).map(
        ({ committedMs }) => committedMs ?? 0,
      )
      expect(new Date(times[0] ?? 0).toISOString()).toMatch(/^2026-11-2/)
      expect(times.every((time, index) => time >= (times[index - 1] ?? 0))).toBe(true)
    }
  })
})

async function transactionsOf(path: string): Promise<readonly SourceTransaction[]> {
  const lines = feedLines(chunksOf(gunzipSync(readFileSync(path)), { chunkBytes: 1 << 20 }), { source: path })
  return collect(readWal2Json(lines, { typesOf: () => undefined, onIgnored: () => undefined }))
}

/** Where truncates stand: after how many other changes of which transaction. */
interface Truncate {
  readonly event: ChangeEvent
  readonly position: bigint
  readonly after: number
}

async function truncatesOf(path: string): Promise<readonly Truncate[]> {
  const found: Truncate[] = []
  for (const transaction of await transactionsOf(path)) {
    let after = 0
    for (const event of transaction.events) {
      if (event.kind === 'truncate') found.push({ event, position: lsnOf(transaction), after })
      else after += 1
    }
  }
  return found
}

function lsnOf({ position }: SourceTransaction): bigint {
  return position.kind === 'lsn' ? position.lsn : 0n
}

type Row = Record<string, unknown>
interface Meta {
  readonly tables: Readonly<
    Record<string, { columns: readonly { name: string; type: string }[]; primary_key: readonly string[] }>
  >
}
interface Ddl {
  readonly lsn: string
  readonly table: string
  readonly kind: 'add' | 'drop' | 'type'
  readonly column: string
  readonly type?: string
  readonly default?: unknown
}

class World {
  readonly checkpoints: readonly { readonly checkpoint: number; readonly lsn: bigint }[]
  readonly #root: string
  readonly #tables: ReadonlyMap<string, PlainTable>
  readonly #ddl: Ddl[]
  #next = 0

  constructor(root: string, isVersion1: boolean) {
    this.#root = root
    this.checkpoints = linesOf(join(root, 'checkpoints.jsonl')).map(({ checkpoint, lsn }) => ({
      checkpoint: Number(checkpoint),
      lsn: parseLsn(String(lsn)) ?? 0n,
    }))
    this.#ddl = linesOf(join(root, 'ddl.jsonl')) as unknown as Ddl[]
    const tables = Object.entries(this.meta(0).tables).map(([name, { primary_key }]) => {
      // Version 1 shows a primary key only where it is the identity.
      const table = new PlainTable(name, isVersion1 && name === 'events_pk' ? [] : primary_key)
      for (const row of this.#stored(name, 0)) table.put(row)
      return [name, table] as const
    })
    this.#tables = new Map(tables)
  }

  meta(checkpoint: number): Meta {
    return JSON.parse(readFileSync(join(this.#root, 'checkpoints', String(checkpoint), 'meta.json'), 'utf8'))
  }

  applyUpTo(lsn: bigint, transactions: readonly SourceTransaction[], truncates: readonly Truncate[]): void {
    for (; this.#next < transactions.length; this.#next++) {
      const transaction = transactions[this.#next] as SourceTransaction
      const position = lsnOf(transaction)
      if (position > lsn) return
      while (this.#ddl[0] !== undefined && (parseLsn(this.#ddl[0].lsn) ?? 0n) < position) {
        const ddl = this.#ddl.shift() as Ddl
        this.#table(ddl.table).alter(ddl)
      }
      // The row of checkpoint 0 comes again at the head of the feed.
      if (position <= (this.checkpoints[0]?.lsn ?? 0n)) continue
      for (const event of withTruncates(transaction, truncates)) this.#table(event.table.name).take(event)
    }
  }

  rows(table: string, checkpoint: number, hasNan: boolean): readonly string[] {
    return this.#lines(this.#table(table).all(), table, checkpoint, hasNan)
  }

  wanted(table: string, checkpoint: number, hasNan: boolean): readonly string[] {
    return this.#lines(this.#stored(table, checkpoint), table, checkpoint, hasNan)
  }

  #lines(rows: readonly Row[], table: string, checkpoint: number, hasNan: boolean): readonly string[] {
    const columns = this.meta(checkpoint).tables[table]?.columns ?? []
    return rows
      .map(row => JSON.stringify(columns.map(({ name, type }) => comparable(type, row[name], hasNan))))
      .sort()
  }

  #stored(table: string, checkpoint: number): readonly Row[] {
    return linesOf(join(this.#root, 'checkpoints', String(checkpoint), `${table}.jsonl.gz`))
  }

  #table(name: string): PlainTable {
    const table = this.#tables.get(name)
    if (table === undefined) throw new Error(`no table ${name}`)
    return table
  }
}

function withTruncates(
  { position, events }: SourceTransaction,
  truncates: readonly Truncate[],
): readonly ChangeEvent[] {
  const here = truncates.filter(truncate => position.kind === 'lsn' && truncate.position === position.lsn)
  if (here.length === 0) return events
  const all: ChangeEvent[] = []
  for (let index = 0; index <= events.length; index++) {
    all.push(...here.filter(({ after }) => after === index).map(({ event }) => event))
    if (events[index] !== undefined) all.push(events[index] as ChangeEvent)
  }
  return all
}

/** A table as a map by key, or a multiset of whole rows. */
class PlainTable {
  readonly #name: string
  readonly #key: readonly string[]
  #rows = new Map<string, Row[]>()

  constructor(name: string, key: readonly string[]) {
    this.#name = name
    this.#key = key
  }

  all(): readonly Row[] {
    return [...this.#rows.values()].flat()
  }

  put(row: Row): void {
    const key = this.#keyOf(row)
    this.#rows.set(key, this.#key.length > 0 ? [row] : [...(this.#rows.get(key) ?? []), row])
  }

  take(event: ChangeEvent): void {
    if (event.kind === 'truncate') {
      this.#rows.clear()
      return
    }
    if (event.kind === 'poison' || event.kind === 'schema') throw new Error(`a ${event.kind} event`)
    // No `expect`: there are a hundred thousand of them.
    if (event.keyColumns.join() !== this.#key.join())
      throw new Error(`${this.#name} by ${event.keyColumns.join()}`)
    if (event.kind === 'insert') {
      if (event.row.isWhole !== true) throw new Error('an insert of a part of a row')
      this.put(plainRow(event.row))
    } else if (event.kind === 'delete') {
      this.#remove(plainRow(event.key))
    } else {
      const row = plainRow(event.row)
      this.put({ ...this.#remove(event.oldKey === undefined ? row : plainRow(event.oldKey)), ...row })
    }
  }

  alter({ kind, column, type, default: value }: Ddl): void {
    const rows = this.all()
    this.#rows = new Map()
    for (const row of rows) {
      if (kind === 'add') row[column] = value
      if (kind === 'drop') delete row[column]
      if (type === 'double precision') row[column] = widened(row[column])
      this.put(row)
    }
  }

  #remove(row: Row): Row {
    const key = this.#keyOf(row)
    const [found, ...others] = this.#rows.get(key) ?? []
    if (found === undefined) throw new Error(`${this.#name} has no row ${key}`)
    if (others.length === 0) this.#rows.delete(key)
    else this.#rows.set(key, others)
    return found
  }

  #keyOf(row: Row): string {
    if (this.#key.length > 0) return JSON.stringify(this.#key.map(column => row[column]))
    const names = Object.keys(row).filter(name => row[name] !== null && row[name] !== undefined)
    return JSON.stringify(names.sort().map(name => [name, masked(row[name])]))
  }
}

function plainRow(row: SourceRow): Row {
  const entries = row.columns.flatMap(({ name, type }, index) => {
    const cell = row.cells[index] as Cell
    return cell === UNCHANGED ? [] : [[name, plain(type, cell)] as const]
  })
  return Object.fromEntries(entries)
}

/** A cell as the checkpoints write it. */
function plain(type: Type, cell: Cell): unknown {
  if (cell === null || cell === UNREPRESENTABLE) return null
  switch (type.kind) {
    case 'long':
      return String(cell)
    case 'decimal':
      return formatDecimal(cell as bigint, type.scale)
    case 'date':
      return formatDate(cell as number)
    case 'time':
      return formatTime(cell as bigint)
    case 'timestamp':
      return formatTimestamp(cell as bigint, { zoned: false, unit: 'micros' })
    case 'timestamptz':
      return formatTimestamp(cell as bigint, { zoned: true, unit: 'micros' }).replace(/\+00:00$/, 'Z')
    case 'uuid':
      return formatUuid(cell as Uint8Array)
    case 'binary':
      return hexEncode(cell as Uint8Array)
    default:
      return cell
  }
}

/** A cell as the checkpoint's type of its column shows it, without what Iceberg cannot hold or the feed has lost. */
function comparable(type: string, value: unknown, hasNan: boolean): unknown {
  if (value === null || value === undefined) return null
  const base = type.replace(/\(.*?\)/g, '').trim()
  switch (base) {
    case 'bigint':
      return String(value)
    case 'numeric':
      return hasNan || !/nan|infinity/i.test(String(value)) ? scaled(String(value), type) : null
    case 'real':
    case 'double precision': {
      const number = Number(value)
      if (!hasNan && !Number.isFinite(number)) return null
      return Object.is(number, -0) ? '-0' : String(base === 'real' ? Math.fround(number) : number)
    }
    default:
      return Array.isArray(value) ? value : masked(value)
  }
}

/** The double of a float that is written in the digits of a float. */
function widened(value: unknown): unknown {
  return value === null || value === undefined ? value : Math.fround(Number(value))
}

/** A column that was widened has more digits behind the point than the rows that were there before. */
function scaled(text: string, type: string): string {
  const scale = Number(/,(\d+)\)/.exec(type)?.[1] ?? 0)
  const [whole, fraction = ''] = text.split('.')
  const padded = fraction.padEnd(scale, '0')
  return padded === '' ? (whole ?? '') : `${whole}.${padded}`
}

function masked(value: unknown): unknown {
  return typeof value === 'string' && /^-?infinity$|^24:00:00|^\+?29\d{4}-/.test(value) ? null : value
}

function linesOf(path: string): readonly Row[] {
  const bytes = readFileSync(path)
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => parseJson(line) as Row)
}
