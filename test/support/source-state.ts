/**
 * The source's true states: rows of each checkpoint as the database itself gave them, and their comparison with
 * what serac's tables hold. Masks are those the feeds' README states: cells that Iceberg cannot hold, and what a
 * feed has lost on the way.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { parseJson } from '../../src/base/json.js'

export const FEEDS: string = join(import.meta.dirname, '..', 'fixtures', 'cdc')
const CHECKPOINTS = join(FEEDS, 'checkpoints')

export interface SourceTable {
  readonly columns: readonly { readonly name: string; readonly type: string; readonly notnull: boolean }[]
  readonly primary_key: readonly string[]
}

/** What a feed cannot say: `nan` NaN and infinities of all numbers, `nan-numeric` of numerics, `scale` trailing zeros. */
export type Loss = 'nan' | 'nan-numeric' | 'scale'

type Row = { readonly [column: string]: unknown }

export function positionOfCheckpoint(checkpoint: number): string {
  const lines = readFileSync(join(FEEDS, 'checkpoints.jsonl'), 'utf8').trim().split('\n')
  const found = lines.map(line => JSON.parse(line)).find(entry => entry.checkpoint === checkpoint)
  return found.lsn
}

export function sourceTables(checkpoint: number): Readonly<Record<string, SourceTable>> {
  return JSON.parse(readFileSync(join(CHECKPOINTS, String(checkpoint), 'meta.json'), 'utf8')).tables
}

/** Tables with a key: those without are not followed yet. */
export function keyedTables(checkpoint: number): readonly string[] {
  return Object.entries(sourceTables(checkpoint))
    .filter(([, table]) => table.primary_key.length > 0)
    .map(([name]) => name)
}

export function sourceRows(checkpoint: number, table: string): readonly Row[] {
  return readJsonLines(join(CHECKPOINTS, String(checkpoint), `${table}.jsonl.gz`))
}

export function readJsonLines(path: string): readonly Row[] {
  return gunzipSync(readFileSync(path))
    .toString()
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Row)
}

/** Rows of the source in the form of `comparable`. */
export function wantedRows(checkpoint: number, table: string, losses: readonly Loss[]): readonly string[] {
  const { columns } = sourceTables(checkpoint)[table] as SourceTable
  return sourceRows(checkpoint, table)
    .map(row => JSON.stringify(columns.map(column => comparable(column.type, row[column.name], losses))))
    .sort()
}

/** Rows that `serac scan --json` printed, in the form of `comparable`. */
export function scannedRows(
  jsonLines: string,
  about: { readonly checkpoint: number; readonly table: string; readonly losses: readonly Loss[] },
): readonly string[] {
  const { columns } = sourceTables(about.checkpoint)[about.table] as SourceTable
  return jsonLines
    .split('\n')
    .filter(line => line !== '')
    .map(line => {
      const row = parseJson(line) as Row
      const cells = columns.map(column => comparable(column.type, row[column.name], about.losses))
      return JSON.stringify(cells)
    })
    .sort()
}

/** A cell in a form that both sides share: text of exact digits, null where it is masked. */
function comparable(type: string, value: unknown, losses: readonly Loss[]): unknown {
  const base = type.replace(/\(.*?\)/g, '').trim()
  if (value === null || value === undefined) return null
  if (Array.isArray(value)) return value
  switch (base) {
    case 'bigint':
      return String(value)
    case 'numeric':
      return numericText(String(value), losses)
    case 'real':
    case 'double precision':
      return floatText(base, value, losses)
    case 'date':
      return /infinity/.test(String(value)) ? null : value
    case 'timestamp without time zone':
    case 'timestamp with time zone':
      return /infinity/.test(String(value)) ? null : String(value).replace(/\+00:00$/, 'Z')
    case 'time without time zone':
      return String(value).startsWith('24:') ? null : value
    default:
      return value
  }
}

function numericText(text: string, losses: readonly Loss[]): string | null {
  if (/nan|infinity/i.test(text))
    return losses.includes('nan') || losses.includes('nan-numeric') ? null : text
  if (!losses.includes('scale') || !text.includes('.')) return text
  const cut = text.replace(/0+$/, '').replace(/\.$/, '')
  return cut === '-0' ? '0' : cut
}

function floatText(base: string, value: unknown, losses: readonly Loss[]): string | null {
  const number = Number(value)
  if (!Number.isFinite(number)) return losses.includes('nan') ? null : String(value)
  const exact = base === 'real' ? Math.fround(number) : number
  return Object.is(exact, -0) ? '-0' : String(exact)
}
