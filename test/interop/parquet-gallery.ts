/**
 * Parquet files of serac's for other engines to read: one wide table of every type under every codec, page version
 * and dictionary setting, and tables of random types, each with its rows.
 */
import { join } from 'node:path'
import fc from 'fast-check'
import { systemRuntime } from '../../src/base/runtime.js'
import { batchOf } from '../../src/batch/vector-builder.js'
import {
  openParquetWriter,
  type ParquetCodec,
  type ParquetWriteOptions,
  type ParquetWriteResult,
} from '../../src/format/parquet/write.js'
import type { FileIO } from '../../src/io/file-io.js'
import { createLocalIO } from '../../src/io/local.js'
import type { Field, Type, Value } from '../../src/schema/types.js'
import { arbitraryRows } from '../format/arbitrary-rows.js'
import { EVERY_TYPE, EVERY_TYPE_ROWS } from '../format/every-type.js'

export interface GalleryFile {
  readonly title: string
  readonly path: string
  readonly fields: readonly Field[]
  readonly rows: readonly (readonly Value[])[]
  readonly options: Omit<ParquetWriteOptions, 'fields'>
  readonly result: ParquetWriteResult
}

export type GalleryPlan = Omit<GalleryFile, 'path' | 'result'>

export const CODECS: readonly ParquetCodec[] = ['zstd', 'snappy', 'gzip', 'lz4_raw', 'brotli', 'uncompressed']
export const KEY_VALUES: Readonly<Record<string, string>> = { 'serac.note': 'grüße 😀', empty: '' }
const WIDE_ROWS = 600
const SMOOTH_ROWS = 5000
const RANDOM_FILES = 24
const SEED = 20_260_801
const MICROS_PER_SECOND = 1_000_000n

export const io: FileIO = createLocalIO({ runtime: systemRuntime, fsync: false })

/** The wide table's rows, in the order of their ids. */
export const WIDE: readonly (readonly Value[])[] = wideRows(WIDE_ROWS)

/** Columns of the wide table that have bloom filters, in the files that have them. */
export const BLOOM_COLUMNS: readonly string[] = [
  'id',
  'i',
  'd',
  'd9',
  'd38',
  'day',
  'tz',
  's',
  'u',
  'x',
  'fx',
]

interface Switches {
  readonly codec: ParquetCodec
  readonly pageVersion: 1 | 2
  readonly dictionaryEnabled: boolean
}

/** Every combination of codec, page version and dictionaries. */
const SWITCHES: readonly Switches[] = CODECS.flatMap(codec =>
  ([1, 2] as const).flatMap(pageVersion =>
    [true, false].map(dictionaryEnabled => ({ codec, pageVersion, dictionaryEnabled })),
  ),
)

/** What is written, in the order of `writeGallery`. */
export const GALLERY: readonly GalleryPlan[] = [
  ...widePlans(),
  ...nestedPlans(),
  ...smoothPlans(),
  ...randomPlans(),
]
/** Index of a file of the wide table, and of one of nested types. */
export const WIDE_FILE = 0
export const NESTED_FILE: number = SWITCHES.length

/** Writes all files into the folder. */
export async function writeGallery(folder: string): Promise<GalleryFile[]> {
  const files: GalleryFile[] = []
  for (const [index, plan] of GALLERY.entries()) {
    const path = join(folder, `${index}.parquet`)
    files.push({ ...plan, path, result: await writeFile(path, plan) })
  }
  return files
}

/** In batches that do not fit the row groups. */
async function writeFile(path: string, { fields, rows, options }: GalleryPlan): Promise<ParquetWriteResult> {
  const writer = await openParquetWriter(io, path, { ...options, fields })
  const batchRows = rows.length > WIDE_ROWS ? 1_111 : 41
  for (let from = 0; from < rows.length; from += batchRows) {
    await writer.write(batchOf(fields, rows.slice(from, from + batchRows)))
  }
  return writer.close()
}

// ---- plans

function titleOf({ codec, pageVersion, dictionaryEnabled }: Switches): string {
  return `${codec}, pages v${pageVersion}, ${dictionaryEnabled ? 'dictionaries' : 'no dictionaries'}`
}

/** The other options take turns: the more files, the more combinations. */
function widePlans(): GalleryPlan[] {
  const bloomFilters = new Map(
    EVERY_TYPE.filter(field => BLOOM_COLUMNS.includes(field.name)).map(field => [
      field.id,
      { fpp: 0.01, maxBytes: 65_536 },
    ]),
  )
  return SWITCHES.map((switches, index) => ({
    title: `every type, ${titleOf(switches)}`,
    fields: EVERY_TYPE,
    rows: WIDE,
    options: {
      ...switches,
      ...(index % 2 === 0 ? { rowGroupRows: 250, pageRows: 60 } : { pageBytes: 2048 }),
      ...(index % 3 === 0 ? { dictionaryBytes: 1024 } : {}),
      ...(index % 4 === 1 || index % 4 === 2 ? { bloomFilters } : {}),
      ...(index % 3 === 1 ? { sortingColumns: [{ fieldId: 1, descending: false, nullsFirst: true }] } : {}),
      ...(index % 5 === 0 ? { keyValueMetadata: KEY_VALUES } : {}),
      pageChecksum: index % 4 !== 3,
    },
  }))
}

/** Lists, maps and structs in each other, deeper than random tables go. */
function nestedPlans(): GalleryPlan[] {
  const string: Type = { kind: 'string' }
  const listOf = (elementId: number, element: Type, elementRequired = false): Type => {
    return { kind: 'list', elementId, elementRequired, element }
  }
  const mapOf = (keyId: number, key: Type, value: Type): Type => {
    return { kind: 'map', keyId, key, valueId: keyId + 1, valueRequired: false, value }
  }
  const inner: Type = {
    kind: 'struct',
    fields: [
      { id: 30, name: 'n', required: true, type: { kind: 'int' } },
      { id: 31, name: 'texts', required: false, type: listOf(32, string, true) },
      {
        id: 33,
        name: 'none',
        required: false,
        type: { kind: 'struct', fields: [{ id: 34, name: 'x', required: false, type: { kind: 'double' } }] },
      },
    ],
  }
  const fields: Field[] = [
    { id: 1, name: 'id', required: true, type: { kind: 'long' } },
    { id: 2, name: 'grid', required: false, type: listOf(3, listOf(4, listOf(5, { kind: 'int' }))) },
    { id: 6, name: 'groups', required: true, type: mapOf(7, string, listOf(9, inner)) },
    {
      id: 10,
      name: 'maps',
      required: false,
      type: listOf(11, mapOf(12, { kind: 'int' }, mapOf(14, string, { kind: 'date' }))),
    },
    { id: 16, name: 'flags', required: true, type: listOf(17, { kind: 'boolean' }, true) },
  ]
  const rows = Array.from({ length: WIDE_ROWS }, (_, row) =>
    fields.map((field, at) =>
      at === 0 ? BigInt(row) : nestedValue(field.type, hash(row, at), field.required),
    ),
  )
  return [1, 2].map(pageVersion => ({
    title: `nested types, pages v${pageVersion}`,
    fields,
    rows,
    options: { codec: 'zstd', pageVersion: pageVersion as 1 | 2, rowGroupRows: 170, pageRows: 23 },
  }))
}

/** Values that differ little from their neighbours, for which serac takes encodings of its own choice. */
function smoothPlans(): GalleryPlan[] {
  const column = (id: number, name: string, type: Type): Field => ({ id, name, required: id % 2 === 1, type })
  const fields = [
    column(1, 'counter', { kind: 'long' }),
    column(2, 'steps', { kind: 'int' }),
    column(3, 'wave', { kind: 'double' }),
    column(4, 'narrow', { kind: 'float' }),
    column(5, 'level', { kind: 'decimal', precision: 38, scale: 4 }),
    column(6, 'at', { kind: 'timestamptz' }),
    column(7, 'path', { kind: 'string' }),
    column(8, 'note', { kind: 'string' }),
    column(9, 'key', { kind: 'uuid' }),
    column(10, 'flag', { kind: 'boolean' }),
  ]
  const row = (at: number): Value[] => [
    BigInt(at) * 3n,
    at * 7 + (hash(at, 1) % 5),
    20 + Math.sin(at / 100) * 5,
    Math.fround(20 + Math.cos(at / 100) * 5),
    10n ** 20n + BigInt(at * at),
    1_700_000_000_000_000n + BigInt(at) * 1_000_000n,
    `warehouse/table/data/part-${String(at).padStart(6, '0')}.parquet`,
    `${hash(at, 2)} ${'-'.repeat(hash(at, 3) % 30)}`,
    Uint8Array.from({ length: 16 }, (_, byte) => (byte < 13 ? byte : (at >> (8 * (15 - byte))) & 0xff)),
    at % 64 < 40,
  ]
  const rows = Array.from({ length: SMOOTH_ROWS }, (_, at) =>
    row(at).map((value, column) => (!fields[column]!.required && at % 50 === 9 ? null : value)),
  )
  return (['zstd', 'uncompressed'] as const).map(codec => ({
    title: `smooth values, ${codec}, pages v2`,
    fields,
    rows,
    options: { codec, pageVersion: 2, rowGroupRows: 2000, pageRows: 700 },
  }))
}

function randomPlans(): GalleryPlan[] {
  return fc
    .sample(arbitraryRows(40), { numRuns: RANDOM_FILES, seed: SEED })
    .map(({ fields, rows }, index): GalleryPlan => {
      const switches = SWITCHES[(index * 5) % SWITCHES.length]!
      return {
        title: `random table ${index}, ${titleOf(switches)}`,
        fields,
        rows,
        options: { ...switches, rowGroupRows: 5 + (index % 4) * 9, pageRows: 1 + (index % 5) * 3 },
      }
    })
}

// ---- rows of every type

/** The edge cases first, then rows whose values repeat, then rows that are all different. */
function wideRows(count: number): Value[][] {
  return Array.from({ length: count }, (_, row): Value[] => {
    const id = BigInt(row + 1)
    const edge = EVERY_TYPE_ROWS[row]
    if (edge !== undefined) return [id, ...edge.slice(1).map(withinDuckDB)]
    return EVERY_TYPE.map((field, at) => {
      if (at === 0) return id
      if (hash(row, at) % 7 === 0) return null
      return someValue(field.type, row < count / 2 ? hash(row % 5, at) : hash(row, at))
    })
  })
}

/** DuckDB cannot tell the statistics of a file with nanoseconds at the ends of int64; random tables have them. */
function withinDuckDB(value: Value, at: number): Value {
  const { kind } = EVERY_TYPE[at + 1]!.type
  if (kind !== 'timestamp_ns' && kind !== 'timestamptz_ns') return value
  return typeof value === 'bigint' ? value - (value % 10n ** 15n) : value
}

/** Values of a column of the wide table's type that no row has. */
export function absentValues(field: Field, count: number): Value[] {
  const column = EVERY_TYPE.indexOf(field)
  const present = new Set(WIDE.map(row => String(row[column])))
  const values = Array.from({ length: 4 * count }, (_, at) =>
    someValue(field.type, hash(1_000_000 + at, column)),
  )
  return values.filter(value => !present.has(String(value))).slice(0, count)
}

/** A number of 31 bits from two small ones. */
function hash(row: number, column: number): number {
  let mixed = Math.imul(row + 1, 0x9e37_79b1) ^ Math.imul(column + 1, 0x85eb_ca77)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b_3c6d)
  return (mixed ^ (mixed >>> 13)) >>> 1
}

/** A value of the type for a number below 2^31; equal numbers give equal values. */
function someValue(type: Type, n: number): Value {
  switch (type.kind) {
    case 'boolean':
      return n % 2 === 1
    case 'int':
      return n - 2 ** 30
    case 'long':
      return BigInt(n - 2 ** 30) * 4_294_967_291n
    case 'float':
      return Math.fround(n / 7 - 1e8)
    case 'double':
      return n / 7 - 1e8
    case 'decimal':
      return (BigInt(n - 2 ** 30) * 10n ** BigInt(type.precision)) / 2n ** 31n
    case 'date':
      return (n % 400_000) - 150_000
    case 'time':
      return BigInt(n) * 40n
    case 'timestamp':
    case 'timestamptz':
      return BigInt(n - 2 ** 30) * 20n * MICROS_PER_SECOND + BigInt(n % 1_000_000)
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return BigInt(n - 2 ** 30) * 8_000_000_011n
    case 'string':
      return `${'grüße-'.repeat(n % 4)}${n}`
    case 'uuid':
      return bytesFrom(n, 16)
    case 'fixed':
      return bytesFrom(n, type.lengthBytes)
    case 'binary':
      return bytesFrom(n, n % 20)
    case 'list':
      return Array.from({ length: n % 4 }, (_, at) => nestedValue(type.element, n + at, type.elementRequired))
    case 'map':
      return Array.from({ length: n % 3 }, (_, at) => [
        someValue(type.key, n + at),
        nestedValue(type.value, n + at, type.valueRequired),
      ])
    case 'struct':
      return type.fields.map(field => nestedValue(field.type, n >> 1, field.required))
    default:
      throw new Error(`no values of type ${type.kind}`)
  }
}

function nestedValue(type: Type, n: number, required: boolean): Value {
  return !required && n % 5 === 0 ? null : someValue(type, n)
}

function bytesFrom(n: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => hash(n, at))
}
