/** A lake with one table of every kind that serac writes, and what the judges are asked about them. */
import { join } from 'node:path'
import { connect, type InputRow, type Lake, type Table } from '../../src/index.js'
import { seracOk } from '../support/cli.js'
import { everyColumn, everyRow } from '../support/every-column.js'

/** One filter in the words of each engine. */
export interface Filter {
  readonly serac: string
  readonly pyiceberg?: string
  readonly duckdb?: string
}

export interface Question {
  readonly title: string
  readonly table: string
  /** Which snapshot of the table, from the oldest; default the current one. */
  readonly snapshot?: number
  readonly filter?: Filter
  /** The judge that knows the types of the table; default both. */
  readonly only?: 'pyiceberg' | 'duckdb'
  /** Rows that must come, whatever engines agree on. */
  readonly count?: number
}

export const DEMO: string = join(import.meta.dirname, '..', '..', 'demo')

/** The same words for all. */
const plain = (text: string): Filter => ({ serac: text, pyiceberg: text, duckdb: text })

// ---- every type

const TYPES: readonly Question[] = [
  { title: 'every type, nulls and edges, format version 2', table: 'types_v2', count: 4 },
  { title: 'every type, nulls and edges, format version 3', table: 'types_v3', count: 4 },
  { title: 'nanoseconds', table: 'types_nanos', only: 'pyiceberg', count: 4 },
]

async function typesTables(lake: Lake): Promise<void> {
  for (const [name, formatVersion, types] of [
    ['types_v2', 2, 2],
    ['types_v3', 3, 2],
    ['types_nanos', 3, 3],
  ] as const) {
    const table = await lake.createTable(`gallery.${name}`, everyColumn(types), { formatVersion })
    await table.append(everyRow(types))
  }
}

// ---- deletes

const CHANGES: readonly Question[] = (['deleted_v2', 'deleted_v3'] as const).flatMap(table => [
  { title: `${table}: after upserts and deletes`, table, count: 38 },
  { title: `${table}: a filter on rows that were replaced`, table, filter: plain("note = 'new'"), count: 3 },
  { title: `${table}: a filter that only deleted rows fit`, table, filter: plain('id = 5'), count: 0 },
])

async function deletedTable(lake: Lake, formatVersion: 2 | 3): Promise<void> {
  const table = await lake.createTable(
    `gallery.deleted_v${formatVersion}`,
    'id bigint not null, region string, note string, m map<string,bigint>',
    { keys: ['id'], formatVersion, partitionBy: ['region'] },
  )
  const regions = ['eu', 'us', null, 'a/b c=%']
  const row = (id: number, note: string): InputRow => ({
    id,
    region: regions[id % 4],
    note,
    m: { [note]: id },
  })
  await table.append(Array.from({ length: 20 }, (_, id) => row(id, 'old')))
  await table.append(Array.from({ length: 20 }, (_, id) => row(id + 20, 'old')))
  await table.delete('id in (5, 25) or id = 30')
  await table.upsert([row(3, 'new'), { ...row(8, 'new'), region: 'us' }, row(40, 'new')])
  await table.delete('id = 21')
  await table.upsert([row(7, 'again'), row(41, 'again')])
}

// ---- partitions

const PARTITIONED: readonly Question[] = [
  { title: 'partitions of every transform', table: 'partitioned', count: 24 },
  ...[
    { serac: "region = 'eu'", pyiceberg: "region = 'eu'", duckdb: "region = 'eu'" },
    { serac: 'region is null', pyiceberg: 'region is null', duckdb: 'region IS NULL' },
    plain('id = 7'),
    plain("name = 'höhe-7'"),
    plain('code = -7'),
    { serac: "d = date '1969-12-31'", pyiceberg: "d = '1969-12-31'", duckdb: "d = DATE '1969-12-31'" },
    {
      serac: "tz >= '1970-01-01T00:00:00Z'",
      pyiceberg: "tz >= '1970-01-01T00:00:00+00:00'",
      duckdb: "tz >= TIMESTAMPTZ '1970-01-01 00:00:00+00'",
    },
    {
      serac: "ts < '1970-01-01T00:00:00'",
      pyiceberg: "ts < '1970-01-01T00:00:00'",
      duckdb: "ts < TIMESTAMP '1970-01-01 00:00:00'",
    },
    {
      serac: "h = '1969-12-31T23:00:00.000001Z'",
      pyiceberg: "h = '1969-12-31T23:00:00.000001+00:00'",
      duckdb: "h = TIMESTAMPTZ '1969-12-31 23:00:00.000001+00'",
    },
    // DuckDB's own truncate fails on negative decimals.
    { serac: 'price = -7.07', pyiceberg: 'price = -7.07' },
  ].map(filter => ({ title: `partitions: ${filter.serac}`, table: 'partitioned', filter })),
]

const PARTITION_BY = [
  'region',
  'bucket(4, id)',
  'truncate(3, name)',
  'truncate(10, code)',
  'bucket(3, u)',
  'years(d)',
  'months(tz)',
  'days(ts)',
  'hours(h)',
  'truncate(500, price)',
]

async function partitionedTable(lake: Lake): Promise<void> {
  const table = await lake.createTable(
    'gallery.partitioned',
    `id bigint not null, region string, name string, code int, u uuid, d date, tz timestamptz, ts timestamp_ntz,
     h timestamptz, price decimal(9,2)`,
    { partitionBy: PARTITION_BY, keys: ['id'] },
  )
  const hour = 3_600_000_000n
  await table.append(
    Array.from({ length: 24 }, (_, id): InputRow => {
      if (id % 8 === 5) return { id }
      const days = (id % 5) - 2
      const date = new Date(days * 86_400_000).toISOString()
      const micros = (BigInt(id % 3) - 1n) * hour + BigInt(id % 2)
      return {
        id,
        region: id % 4 === 1 ? null : ['eu', 'us', 'a b/c', 'ü'][id % 4],
        name: `höhe-${id}`,
        code: id % 2 === 0 ? id : -id,
        u: `00000000-0000-0000-0000-0000000000${id < 10 ? `0${id}` : id}`,
        d: date.slice(0, 10),
        tz: date,
        ts: date.slice(0, -1),
        h: isoMicros(micros),
        price: `${id % 2 === 0 ? '' : '-'}${id}.0${id % 10}`,
      }
    }),
  )
  await table.upsert([{ id: 2, region: 'moved', name: 'x', code: 2 }, { id: 6 }])
}

function isoMicros(micros: bigint): string {
  const floor = micros < 0n ? (micros - 999n) / 1000n : micros / 1000n
  const rest = micros - floor * 1000n
  return new Date(Number(floor)).toISOString().replace('Z', `${String(rest).padStart(3, '0')}Z`)
}

// ---- history

const HISTORY: readonly Question[] = [
  [0, 3],
  [1, 6],
  [2, 5],
  [3, 6],
  [4, 3],
].map(
  ([snapshot, count]) =>
    ({ title: `as of snapshot ${snapshot}`, table: 'history', snapshot, count }) as Question,
)

async function historyTable(lake: Lake): Promise<void> {
  const table = await lake.createTable('gallery.history', 'id bigint not null, v string', { keys: ['id'] })
  await table.append([1, 2, 3].map(id => ({ id, v: 'a' })))
  await table.append([4, 5, 6].map(id => ({ id, v: 'b' })))
  await table.delete('id = 2')
  await table.upsert([
    { id: 3, v: 'c' },
    { id: 7, v: 'c' },
  ])
  await table.delete('id > 4')
}

// ---- maintenance

const MAINTAINED: readonly Question[] = [2, 3].flatMap(version => [
  { title: `compacted, format version ${version}`, table: `compacted_v${version}`, count: 27 },
  {
    title: `compacted, before it, format version ${version}`,
    table: `compacted_v${version}`,
    snapshot: 3,
    count: 27,
  },
  { title: `expired, format version ${version}`, table: `expired_v${version}`, count: 27 },
])

async function maintainedTables(lake: Lake, formatVersion: 2 | 3): Promise<void> {
  for (const name of ['compacted', 'expired']) {
    const table = await lake.createTable(
      `gallery.${name}_v${formatVersion}`,
      'id bigint not null, v double',
      {
        keys: ['id'],
        formatVersion,
      },
    )
    for (const from of [0, 10, 20]) {
      await table.append(Array.from({ length: 10 }, (_, index) => ({ id: from + index, v: index / 3 })))
    }
    await table.delete('id = 1 or id = 11 or id = 21')
    await table.compact({ rewriteAll: true })
    if (name === 'expired') await table.expire({ olderThanMs: Date.now(), retainLast: 1 })
  }
}

// ---- statistics

/** Values whose bounds are cut: 16 characters and something beyond. */
const LONG_TEXTS = [
  'abcdefghijklmnop-0',
  'abcdefghijklmnop-1',
  'abcdefghijklmnoz-9',
  `${'\u{10FFFF}'.repeat(17)}`,
  `${'\u{10FFFF}'.repeat(15)}a${'\u{10FFFF}'}`,
  `${'x'.repeat(15)}\u{D7FF}tail`,
  `${'x'.repeat(15)}\u{7F}\u{7F}`,
  'abcdefghijklmnop',
]
const LONG_BYTES = ['ff'.repeat(20), `${'00'.repeat(15)}ffff`, '61'.repeat(30), 'ff'.repeat(15)]

const STATISTICS: readonly Question[] = [
  ...LONG_TEXTS.flatMap(text => [
    {
      title: `statistics: the row ${JSON.stringify(text)}`,
      table: 'bounds',
      filter: plain(`s = '${text}'`),
      count: 1,
    },
    {
      title: `statistics: rows from ${JSON.stringify(text)}`,
      table: 'bounds',
      filter: plain(`s >= '${text}'`),
    },
    {
      title: `statistics: rows up to ${JSON.stringify(text)}`,
      table: 'bounds',
      filter: plain(`s <= '${text}'`),
    },
  ]),
  {
    title: 'statistics: a prefix as long as the bound',
    table: 'bounds',
    filter: {
      serac: "s like 'abcdefghijklmnop%'",
      pyiceberg: "s like 'abcdefghijklmnop%'",
      duckdb: "s LIKE 'abcdefghijklmnop%'",
    },
    count: 3,
  },
  ...LONG_BYTES.map(hex => ({
    title: `statistics: the bytes ${hex}`,
    table: 'bounds',
    filter: { serac: `b = x'${hex}'`, duckdb: `b = from_hex('${hex}')` },
    count: 1,
  })),
  {
    title: 'statistics: the largest long',
    table: 'bounds',
    filter: plain('l >= 9223372036854775807'),
    count: 1,
  },
  {
    title: 'statistics: the smallest long',
    table: 'bounds',
    filter: plain('l <= -9223372036854775808'),
    count: 1,
  },
  {
    title: 'statistics: a decimal beyond 2^53',
    table: 'bounds',
    filter: plain('n = 99999999999999999999.99'),
    count: 1,
  },
  {
    title: 'statistics: a microsecond before the epoch',
    table: 'bounds',
    filter: {
      serac: "tz < '1970-01-01T00:00:00Z'",
      pyiceberg: "tz < '1970-01-01T00:00:00+00:00'",
      duckdb: "tz < TIMESTAMPTZ '1970-01-01 00:00:00+00'",
    },
    count: 1,
  },
  {
    title: 'statistics: nulls',
    table: 'bounds',
    filter: { serac: 's is null', pyiceberg: 's is null', duckdb: 's IS NULL' },
    count: 1,
  },
  {
    title: 'statistics: minus zero equals zero at the edge',
    table: 'bounds',
    filter: { serac: 'd <= 0.0 and d >= -0.0', duckdb: 'd = 0' },
  },
  {
    title: 'statistics: NaN in a file does not hide its other rows',
    table: 'bounds',
    filter: plain('d > 1.5 and d < 100'),
    count: 1,
  },
]

/** One file for each row, so that each row is at the edge of its file's bounds. */
async function boundsTable(lake: Lake): Promise<void> {
  const table = await lake.createTable(
    'gallery.bounds',
    'id bigint not null, s string, b binary, l bigint, n decimal(38,2), tz timestamptz, d double',
  )
  for (const [id, s] of LONG_TEXTS.entries()) {
    const b = id < LONG_BYTES.length ? Buffer.from(LONG_BYTES[id] as string, 'hex') : null
    await table.append([{ id, s, b }])
  }
  await table.append([{ id: 100, l: 9_223_372_036_854_775_807n, n: '99999999999999999999.99', d: -0 }])
  await table.append([
    { id: 101, l: -9_223_372_036_854_775_808n, tz: '1969-12-31T23:59:59.999999Z', s: 'b', d: 0 },
  ])
  await table.append([
    { id: 102, s: 'a', tz: '1970-01-01T00:00:00Z', d: Number.NaN },
    { id: 103, s: 'c', d: 2 },
  ])
}

// ---- change feeds

const FEED: readonly Question[] = ['customers', 'accounts'].map(table => ({
  title: `the demo's feed: ${table}`,
  table: `demo.${table}`,
}))

async function feedTables(cwd: string): Promise<void> {
  await seracOk(
    [
      ...['cdc', `${DEMO}/feed.jsonl.gz`, '--format', 'debezium', '--namespace', 'demo'],
      ...['--types', `${DEMO}/types.json`, '--commit-rows', '100'],
    ],
    { cwd },
  )
}

export const QUESTIONS: readonly Question[] = [
  ...TYPES,
  ...CHANGES,
  ...PARTITIONED,
  ...HISTORY,
  ...MAINTAINED,
  ...STATISTICS,
  ...FEED,
]

/** Fills the folder with the tables that the questions name. */
export async function makeGallery(cwd: string): Promise<void> {
  await using lake = await connect({ baseFolder: cwd, fsync: false })
  for (const formatVersion of [2, 3] as const) {
    await deletedTable(lake, formatVersion)
    await maintainedTables(lake, formatVersion)
  }
  await typesTables(lake)
  await partitionedTable(lake)
  await historyTable(lake)
  await boundsTable(lake)
  await feedTables(cwd)
}

export function tableOf(lake: Lake, question: Question): Table {
  return lake.table(question.table.includes('.') ? question.table : `gallery.${question.table}`)
}
