/**
 * Golden tables: what another engine says their rows are, and the same out of serac in the same canonical form
 * (see the README beside the tables).
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { hexEncode } from '../../src/base/bytes.js'
import { isLakeError } from '../../src/base/errors.js'
import { systemRuntime } from '../../src/base/runtime.js'
import { batchRows } from '../../src/batch/values.js'
import { type Bound, bind } from '../../src/expression/bind.js'
import type { FileIO } from '../../src/io/file-io.js'
import { createLocalIO } from '../../src/io/local.js'
import { relocatedIO } from '../../src/io/relocated.js'
import { countRows } from '../../src/reader/count.js'
import { planScan } from '../../src/reader/plan.js'
import { scanBatches } from '../../src/reader/scan.js'
import { openStaticTable, type StaticTable } from '../../src/reader/static-table.js'
import { formatDecimal } from '../../src/schema/decimal.js'
import { formatDate, formatTime, formatTimestamp } from '../../src/schema/time.js'
import type { Schema, Type, Value } from '../../src/schema/types.js'
import { formatUuid } from '../../src/schema/uuid-text.js'
import { resolveSnapshot, type SnapshotSelector } from '../../src/snapshot/resolve.js'
import { parsePredicate } from '../../src/sql/predicate.js'
import { SHARED } from '../interop/public-files.js'
import { canonicalVariant } from './golden-variant.js'

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

export interface GoldenRows {
  readonly columns: readonly string[]
  readonly rows: readonly Json[]
}

export interface Golden {
  readonly table: string
  readonly location: string
  readonly metadata: string
  readonly current?: GoldenRows
  readonly asOf?: readonly (GoldenRows & { readonly snapshot?: string; readonly ref?: string })[]
  readonly lineage?: GoldenRows | null
  readonly filters?: readonly { readonly sql: string; readonly rows: readonly Json[] }[]
  /** `rows` is null where the Java reader cannot count them. */
  readonly snapshots: readonly { readonly id: string; readonly rows: number | null }[]
}

/** The golden tables that are committed, and others that lie in the shared folder. */
export function goldenFolders(): readonly { readonly name: string; readonly folder: string }[] {
  const committed = fileURLToPath(new URL('../interop/spark', import.meta.url))
  // Of a table that is in both places the committed one counts.
  const roots = [join(SHARED, 'fixtures', 'spark'), committed]
  const folders = new Map<string, string>()
  for (const root of roots) {
    if (!existsSync(root)) continue
    for (const name of readdirSync(root))
      if (existsSync(`${root}/${name}/expected.json`)) folders.set(name, `${root}/${name}`)
  }
  return [...folders].map(([name, folder]) => ({ name, folder })).sort((a, b) => (a.name < b.name ? -1 : 1))
}

export function readGolden(folder: string): Golden {
  return JSON.parse(readFileSync(`${folder}/expected.json`, 'utf8'))
}

export function goldenIO(golden: Golden, folder: string): FileIO {
  const local = createLocalIO({ runtime: systemRuntime })
  return relocatedIO(local, { from: golden.location, to: folder })
}

export function openGolden(golden: Golden, folder: string): Promise<StaticTable> {
  return openStaticTable(goldenIO(golden, folder), `${golden.location}/${golden.metadata}`)
}

export interface GoldenScan {
  readonly selector?: SnapshotSelector
  readonly select?: readonly string[]
  readonly filter?: Bound
}

async function planOf(table: StaticTable, scan: GoldenScan) {
  const { snapshot, schema } = resolveSnapshot(table.metadata, scan.selector ?? 'current')
  return planScan(table, table.io, { snapshot, schema, filter: scan.filter, select: scan.select })
}

/** Rows of a scan as sorted canonical JSON texts. */
export async function scanRows(table: StaticTable, scan: GoldenScan = {}): Promise<string[]> {
  const plan = await planOf(table, scan)
  const rows: string[] = []
  for await (const batch of scanBatches(table.io, plan))
    for (const row of batchRows(batch))
      rows.push(JSON.stringify(row.map((value, at) => canonical(batch.fields[at]!.type, value))))
  return rows.sort()
}

export async function countOf(table: StaticTable, scan: GoldenScan = {}): Promise<number> {
  return (await countRows(table.io, await planOf(table, scan))).rows
}

export function sortedRows(rows: readonly Json[]): string[] {
  return rows.map(row => JSON.stringify(row)).sort()
}

/** A bound filter, or undefined for SQL that serac's predicates do not have. */
export function filterOf(sql: string, schema: Schema): Bound | undefined {
  try {
    return bind(parsePredicate(sql), schema)
  } catch (error) {
    if (isLakeError(error, 'invalid-argument') || isLakeError(error, 'unsupported')) return undefined
    throw error
  }
}

function canonical(type: Type, value: Value): Json {
  if (value === null) return null
  switch (type.kind) {
    case 'struct': {
      const members = value as readonly Value[]
      return Object.fromEntries(
        type.fields.map((field, at) => [field.name, canonical(field.type, members[at] ?? null)]),
      )
    }
    case 'list':
      return (value as readonly Value[]).map(item => canonical(type.element, item))
    case 'map':
      return (value as readonly (readonly Value[])[])
        .map(
          ([key, item]) => [canonical(type.key, key ?? null), canonical(type.value, item ?? null)] as Json[],
        )
        .map(pair => ({ pair, text: JSON.stringify(pair) }))
        .sort((a, b) => (a.text < b.text ? -1 : 1))
        .map(({ pair }) => pair)
    case 'variant':
      return canonicalVariant(value as Uint8Array)
    default:
      return canonicalPrimitive(type, value)
  }
}

function canonicalPrimitive(type: Type, value: Value): Json {
  if (value instanceof Uint8Array) return type.kind === 'uuid' ? formatUuid(value) : hexEncode(value)
  if (typeof value === 'number') {
    if (type.kind === 'date') return formatDate(value)
    if (Object.is(value, -0)) return '-0.0'
    return Number.isFinite(value) ? value : String(value)
  }
  if (typeof value !== 'bigint') return value as Json
  switch (type.kind) {
    case 'decimal':
      return formatDecimal(value, type.scale)
    case 'time':
      return formatTime(value)
    case 'timestamp':
    case 'timestamptz':
      return formatTimestamp(value, { zoned: type.kind === 'timestamptz', unit: 'micros' })
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return formatTimestamp(value, { zoned: type.kind === 'timestamptz_ns', unit: 'nanos' })
    default:
      return String(value)
  }
}
