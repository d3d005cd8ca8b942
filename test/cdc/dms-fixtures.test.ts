/**
 * Files shaped like a DMS target, read and applied in the plainest way there is, give the source's tables at every
 * checkpoint. Each portion is read by a reader that knows nothing but where the tables stand. What the files do not tell
 * comes from beside them: truncates, changes of columns, and for updates without before image the old keys.
 */
import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { hexEncode } from '../../src/base/bytes.js'
import { systemRuntime } from '../../src/base/runtime.js'
import { valueAt } from '../../src/batch/values.js'
import { type BlockRows, type ChangeBlock, DELETE, isMarked, UPDATE } from '../../src/cdc/change-block.js'
import type { SourceTable } from '../../src/cdc/change-event.js'
import { readDms } from '../../src/cdc/dms/dms.js'
import { parseDmsSettings } from '../../src/cdc/dms/settings.js'
import { parseLsn, parsePosition, storedPosition } from '../../src/cdc/feed-position.js'
import { applyDms, parseTypesFile } from '../../src/cdc.js'
import type { Lake } from '../../src/index.js'
import { createLocalIO } from '../../src/io/local.js'
import { formatDecimal } from '../../src/schema/decimal.js'
import { formatDate, formatTime, formatTimestamp } from '../../src/schema/time.js'
import type { Type, Value } from '../../src/schema/types.js'
import { formatUuid } from '../../src/schema/uuid-text.js'
import { openMemoryLake } from '../lake/memory-lake.js'

const FIXTURES = join(import.meta.dirname, '..', '..', '..', 'shared', 'fixtures', 'cdc')

const feeds = [
  { variant: 'small/csv-default', filesMin: 48 },
  { variant: 'small/csv-header', filesMin: 38 },
  { variant: 'small/csv-gzip-partitioned', filesMin: 67 },
  { variant: 'small/csv-before-image', filesMin: 67 },
  { variant: 'small/parquet', filesMin: 67 },
  { variant: 'small/csv-transactions', filesMin: 26 },
  { variant: 'middle/csv-gzip-partitioned', filesMin: 28 },
]

describe.skipIf(!existsSync(FIXTURES))('files of DMS (needs the fixtures beside this repository)', () => {
  it.each(feeds)('$variant give the tables of every checkpoint', async ({ variant, filesMin }) => {
    const world = new World(variant)
    if (variant.startsWith('small')) world.oldKeys = await oldKeys()
    let files = 0
    for (const entry of world.order) {
      if (entry.file !== undefined) files += 1
      await world.take(entry)
    }
    expect(files).toBeGreaterThanOrEqual(filesMin)
    expect(world.compared).toBeGreaterThan(variant.startsWith('small') ? 10 : 5)
  })
})

const KEYED = ['accounts', 'customers', 'events_pk', 'orders']

describe.skipIf(!existsSync(FIXTURES))(
  'files of DMS with before images (needs the fixtures beside this repository)',
  () => {
    it.each([
      2, 3,
    ] as const)('applied, give the tables of checkpoints 0 to 3, format version %d', async formatVersion => {
      const { lake, close } = await openMemoryLake()
      try {
        await applyUpToThree(lake, formatVersion)
      } finally {
        await close()
      }
    })
  },
)

async function applyUpToThree(lake: Lake, formatVersion: 2 | 3): Promise<void> {
  const world = new World('small/csv-before-image')
  let until = ''
  for (const { file = '', checkpoint, truncate } of world.order) {
    // LOAD files have names behind those of changes.
    if (basename(file) > until || until.startsWith('LOAD')) until = basename(file) || until
    if (truncate === 'events_pk') {
      await world.applyTo(lake, { until, formatVersion })
      await lake.table('shop.events_pk').delete('id IS NOT NULL')
    }
    if (checkpoint === undefined) continue
    await world.applyTo(lake, { until, formatVersion })
    for (const name of KEYED) {
      const found = world.texts(await storedRows(lake, name), name, checkpoint)
      expect(found, `${name} at ${checkpoint}`).toEqual(world.wanted(name, checkpoint))
    }
    if (checkpoint === 3) return
  }
}

async function storedRows(lake: Lake, name: string): Promise<readonly Row[]> {
  const rows: Row[] = []
  for await (const { fields, columns, length } of lake.table(`shop.${name}`).scan().batches()) {
    const shape = { columns: fields, vectors: columns, unchanged: [], unrepresentable: [] }
    for (let row = 0; row < length; row++) rows.push(rowOf(shape, row))
  }
  return rows
}

type Row = Record<string, unknown>
type Columns = Readonly<Record<string, string>>
interface Entry {
  readonly file?: string
  readonly table?: string
  readonly columns?: Columns
  readonly shapes?: Readonly<Record<string, readonly Columns[]>>
  readonly ddl?: number
  readonly truncate?: string
  readonly checkpoint?: number
}
interface Ddl {
  readonly lsn: string
  readonly table: string
  readonly kind: string
  readonly column: string
  readonly default?: unknown
}
interface Meta {
  readonly lsn: string
  readonly tables: Readonly<
    Record<string, { columns: readonly { name: string; type: string }[]; primary_key: readonly string[] }>
  >
}

class World {
  readonly order: readonly Entry[]
  compared = 0
  readonly #root: string
  readonly #source: string
  readonly #settings: ReturnType<typeof parseDmsSettings>
  readonly #isParquet: boolean
  readonly #tables = new Map<string, Map<string, Row>>()
  readonly #keys: ReadonlyMap<string, readonly string[]>
  readonly #stands = new Map<string, string>()
  readonly #ddl: readonly Ddl[]
  readonly #done = new Set<number>()
  #rows = 0
  /** Of the updates of each table in turn: the key before and after, found in before images, and those still to come. */
  readonly moves = new Map<string, [string, string][]>()
  oldKeys: ReadonlyMap<string, [string, string][]> = new Map()

  constructor(variant: string) {
    this.#root = join(FIXTURES, 'dms', variant)
    this.#source = join(FIXTURES, 'postgres-wal2json', variant.split('/')[0] as string)
    this.order = jsonLines(join(this.#root, 'order.jsonl')) as unknown as readonly Entry[]
    const text = readFileSync(join(this.#root, 'settings.json'), 'utf8')
    this.#settings = parseDmsSettings(text)
    this.#isParquet = JSON.parse(text).DataFormat === 'parquet'
    this.#ddl = jsonLines(join(this.#source, 'ddl.jsonl')) as unknown as readonly Ddl[]
    const tables = Object.entries(this.#meta(0).tables)
    this.#keys = new Map(tables.map(([name, { primary_key }]) => [name, primary_key]))
    for (const { table, shapes } of this.order) {
      for (const name of [table ?? [], Object.keys(shapes ?? {})].flat()) this.#tables.set(name, new Map())
    }
  }

  async take(entry: Entry): Promise<void> {
    const { file, table, columns, shapes, truncate, checkpoint } = entry
    for (let index = 0; index < (entry.ddl ?? 0); index++) this.#change(index)
    if (truncate !== undefined) this.#tables.get(truncate)?.clear()
    if (file !== undefined && columns !== undefined && table !== undefined) {
      await this.#read(join('public', table), basename(file), () => columns)
    }
    if (file !== undefined && shapes !== undefined) {
      await this.#read('', basename(file), name => shapes[name]?.[0])
    }
    if (checkpoint !== undefined) this.#compare(checkpoint)
  }

  /** Reads what is new up to a file. */
  async #read(
    folder: string,
    name: string,
    columnsOf: (table: string) => Columns | undefined,
  ): Promise<void> {
    const feed = {
      io: createLocalIO({ runtime: systemRuntime }),
      locations: [join(this.#root, folder)],
      settings: { ...this.#settings, ...(this.#root.endsWith('default') ? { op: undefined } : {}) },
    }
    const context = {
      typesOf: ({ name: table }: SourceTable) => {
        const columns = columnsOf(table)
        return columns && Object.entries(columns).map(([column, type]) => ({ name: column, type }))
      },
      standsAt: async ({ name: table }: SourceTable) => {
        const text = this.#stands.get(table)
        return text === undefined ? undefined : parsePosition(text)
      },
      until: parsePosition(name),
      onIgnored: () => undefined,
    }
    for await (const { transactions, blocks, marks } of readDms(feed, context, { rowsMax: 100 })) {
      expect(marks).toEqual([])
      for (const block of blocks) {
        this.#apply(block)
        const last = transactions[block.transactions.at(-1) as number]
        if (last !== undefined) this.#stands.set(block.table.name, storedPosition(last.position, block.table))
      }
    }
  }

  #apply({ table, kinds, rows, old, oldRows }: ChangeBlock): void {
    const keys = this.#keys.get(table.name) ?? []
    const found = this.#tables.get(table.name)
    if (found === undefined) throw new Error(`no table ${table.name}`)
    const keyOf = (row: Row): string =>
      keys.length === 0 ? String(this.#rows++) : JSON.stringify(keys.map(key => String(row[key])))
    for (const [index, kind] of kinds.entries()) {
      const row = rowOf(rows, index)
      const key = keyOf(row)
      const oldRow = oldRows[index] as number
      if (kind === DELETE) found.delete(key)
      else {
        if (kind === UPDATE) {
          const before = oldRow < 0 ? this.#oldKey(table.name, key) : keyOf(rowOf(old, oldRow))
          const moves = this.moves.get(table.name) ?? []
          moves.push([before, key])
          this.moves.set(table.name, moves)
          found.delete(before)
        }
        found.set(key, row)
      }
    }
  }

  /** The key that the row had before an update, where the files do not tell. */
  #oldKey(table: string, key: string): string {
    const next = this.oldKeys.get(table)?.shift()
    if (next === undefined) return key
    expect(next[1]).toBe(key)
    return next[0]
  }

  #change(index: number): void {
    const ddl = this.#ddl[index]
    if (ddl === undefined || this.#done.has(index)) return
    this.#done.add(index)
    for (const row of this.#tables.get(ddl.table)?.values() ?? []) {
      if (ddl.kind === 'add') row[ddl.column] = ddl.default ?? null
      if (ddl.kind === 'drop') delete row[ddl.column]
    }
  }

  #compare(checkpoint: number): void {
    const meta = this.#meta(checkpoint)
    const lsn = parseLsn(meta.lsn) ?? 0n
    for (const [index, ddl] of this.#ddl.entries()) if ((parseLsn(ddl.lsn) ?? 0n) <= lsn) this.#change(index)
    for (const [name, table] of this.#tables) {
      const found = this.texts([...table.values()], name, checkpoint)
      expect(found, `${name} at ${checkpoint}`).toEqual(this.wanted(name, checkpoint))
      this.compared += 1
    }
  }

  /** Rows in a form that compares, in order. */
  texts(rows: readonly Row[], table: string, checkpoint: number): readonly string[] {
    const { columns } = this.#meta(checkpoint).tables[table] as Meta['tables'][string]
    const text = (row: Row): string =>
      JSON.stringify(columns.map(column => comparable(column.type, row[column.name], this.#isParquet)))
    return rows.map(text).sort()
  }

  wanted(table: string, checkpoint: number): readonly string[] {
    const path = join(this.#source, 'checkpoints', String(checkpoint), `${table}.jsonl.gz`)
    return this.texts(jsonLines(path), table, checkpoint)
  }

  /** Applies what is new to the tables of namespace `shop`. */
  async applyTo(
    lake: Lake,
    { until, formatVersion }: { until: string; formatVersion: 2 | 3 },
  ): Promise<void> {
    const types = parseTypesFile(JSON.stringify(this.#meta(0)))
    const locations = KEYED.map(table => join(this.#root, 'public', table))
    const feed = { io: createLocalIO({ runtime: systemRuntime }), locations, settings: this.#settings }
    const target = { namespace: ['shop'] }
    await applyDms(feed, { ...lake.context, target, types, until: parsePosition(until), formatVersion })
  }

  #meta(checkpoint: number): Meta {
    return JSON.parse(
      readFileSync(join(this.#source, 'checkpoints', String(checkpoint), 'meta.json'), 'utf8'),
    )
  }
}

/** The key before and after of each update, from the files with before images. */
async function oldKeys(): Promise<ReadonlyMap<string, [string, string][]>> {
  const world = new World('small/csv-before-image')
  for (const entry of world.order) await world.take(entry)
  return world.moves
}

function rowOf({ columns, vectors, unrepresentable }: BlockRows, index: number): Row {
  const cells = columns.map(({ name, type }, column) => {
    const vector = vectors[column]
    const value = vector === undefined ? null : valueAt(vector, type, index)
    return [name, isMarked(unrepresentable[column], index) ? null : canonical(type, value)]
  })
  return Object.fromEntries(cells)
}

/** A value as the fixtures write it. */
function canonical(type: Type, value: Value): unknown {
  if (value === null) return null
  switch (type.kind) {
    case 'decimal':
      return formatDecimal(value as bigint, type.scale)
    case 'date':
      return formatDate(value as number)
    case 'time':
      return formatTime(value as bigint)
    case 'timestamp':
    case 'timestamptz':
      return formatTimestamp(value as bigint, { zoned: type.kind === 'timestamptz', unit: 'micros' })
    case 'uuid':
      return formatUuid(value as Uint8Array)
    case 'binary':
      return hexEncode(value as Uint8Array)
    case 'list':
      return (value as readonly Value[]).map(item => canonical(type.element, item))
    default:
      return value
  }
}

/** A cell in a form that both sides share; null where Iceberg or the files cannot hold it. */
function comparable(type: string, value: unknown, isParquet: boolean): unknown {
  if (value === null || value === undefined) return null
  if (Array.isArray(value)) return value
  const base = type.replace(/\(.*?\)/g, '').trim()
  if (!isParquet && value === 'NULL') return null
  switch (base) {
    case 'smallint':
    case 'integer':
    case 'bigint':
      return String(value)
    case 'numeric':
      if (type.includes('(') && /nan|infinity/i.test(String(value))) return null
      return type.includes('(') ? plainNumber(String(value)) : value
    case 'real':
      return Object.is(Math.fround(Number(value)), -0) ? '-0' : String(Math.fround(Number(value)))
    case 'double precision':
      return Object.is(Number(value), -0) ? '-0' : String(Number(value))
    case 'date':
    case 'timestamp without time zone':
    case 'timestamp with time zone':
      return comparableTime(String(value), isParquet)
    case 'time without time zone':
      return String(value).startsWith('24:') ? null : value
    default:
      return value
  }
}

function plainNumber(text: string): string {
  return text.includes('.') ? text.replace(/0+$/, '').replace(/\.$/, '') : text
}

function comparableTime(text: string, isParquet: boolean): string | null {
  if (text.includes('infinity')) return null
  if (isParquet && (text.endsWith('BC') || !/^\d{4}-/.test(text))) return null
  return text.replace(/\+00:00$/, 'Z').replace(/^\+/, '')
}

function jsonLines(path: string): readonly Row[] {
  const bytes = readFileSync(path)
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Row)
}
