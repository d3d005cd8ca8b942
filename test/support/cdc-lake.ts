/** Tables made from a checkpoint's description, holding its rows: where a feed without a snapshot starts. */
import { connect, type Lake } from '../../src/index.js'
import { keyedTables, type SourceTable, sourceRows, sourceTables } from './source-state.js'

const CHECKPOINT = 0

export async function makeSourceTables(cwd: string, formatVersion: 2 | 3): Promise<void> {
  await using lake = await connect({ baseFolder: cwd })
  await fillSourceTables(lake, formatVersion)
}

/** The same in a lake that is open. */
export async function fillSourceTables(lake: Lake, formatVersion: 2 | 3): Promise<void> {
  for (const name of keyedTables(CHECKPOINT)) {
    const source = sourceTables(CHECKPOINT)[name] as SourceTable
    const table = await lake.createTable(`shop.${name}`, ddlOf(source), {
      keys: source.primary_key,
      formatVersion,
    })
    await table.append(sourceRows(CHECKPOINT, name).map(row => inputRow(source, row)))
  }
}

function ddlOf(table: SourceTable): string {
  return table.columns.map(({ name, type }) => `"${name}" ${icebergType(type)}`).join(', ')
}

/** The type map of the feeds, written down a second time, from its table. */
function icebergType(type: string): string {
  if (type.endsWith('[]')) return `array<${icebergType(type.slice(0, -2))}>`
  const numeric = /^numeric\((\d+),(\d+)\)$/.exec(type)
  if (numeric !== null) return `decimal(${numeric[1]}, ${numeric[2]})`
  const base = type.replace(/\(.*?\)/g, '').replace(/ +/g, ' ')
  const mapped: Record<string, string> = {
    smallint: 'int',
    integer: 'int',
    bigint: 'long',
    real: 'float',
    'double precision': 'double',
    boolean: 'boolean',
    date: 'date',
    bytea: 'binary',
    uuid: 'uuid',
    'time without time zone': 'time',
    'timestamp without time zone': 'timestamp_ntz',
    'timestamp with time zone': 'timestamptz',
  }
  return mapped[base] ?? 'string'
}

function inputRow(table: SourceTable, row: { readonly [column: string]: unknown }): Record<string, unknown> {
  return Object.fromEntries(table.columns.map(({ name, type }) => [name, inputCell(type, row[name])]))
}

function inputCell(type: string, value: unknown): unknown {
  if (typeof value !== 'string') return value
  if (type === 'bytea') return Buffer.from(value, 'hex')
  // What Iceberg cannot hold is null from the start.
  if (type.startsWith('time without') && value.startsWith('24:')) return null
  return /^(date|timestamp)/.test(type) && value.includes('infinity') ? null : value
}
