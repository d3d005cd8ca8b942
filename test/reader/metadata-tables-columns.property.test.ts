/**
 * The columns of the tables of files, which are copied from the bytes of manifests, against the entries read as objects:
 * whatever the files are, in whichever form their statistics are stored, whole and column by column.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseJson, stringifyJson } from '../../src/base/json.js'
import { batchRows } from '../../src/batch/values.js'
import { readAvroContainer, writeAvroContainer } from '../../src/format/avro-container.js'
import type { AvroRecord } from '../../src/format/avro-record.js'
import type { ContentFile, FileMetrics, ManifestEntry } from '../../src/manifest/content-file.js'
import { isLive } from '../../src/manifest/live-entries.js'
import type { ManifestFile } from '../../src/manifest/manifest-file.js'
import { readManifestList } from '../../src/manifest/manifest-list-read.js'
import { writeManifestList } from '../../src/manifest/manifest-list-write.js'
import { readManifest } from '../../src/manifest/manifest-read.js'
import { ENTRY_COUNT_IDS } from '../../src/manifest/manifest-schema.js'
import { type ManifestEntryToWrite, writeManifest } from '../../src/manifest/manifest-write.js'
import type { InspectedTable } from '../../src/reader/metadata-tables/manifest-stream.js'
import {
  type MetadataTableOptions,
  openMetadataTable,
} from '../../src/reader/metadata-tables/metadata-table.js'
import { unifiedPartitionType, unifiedTuple } from '../../src/schema/partition.js'
import type { PartitionSpec } from '../../src/schema/partition-spec.js'
import { fieldPath, indexFields } from '../../src/schema/schema.js'
import type { Field, PrimitiveType, Schema, Value } from '../../src/schema/types.js'
import { isPrimitive } from '../../src/schema/types.js'
import { parseValue } from '../../src/schema/value.js'
import { parsePredicate } from '../../src/sql/predicate.js'
import { createMemoryTable } from './memory-table.js'

const TYPES: readonly PrimitiveType[] = [
  { kind: 'long' },
  { kind: 'string' },
  { kind: 'decimal', precision: 20, scale: 2 },
  { kind: 'double' },
  { kind: 'date' },
  { kind: 'int' },
  { kind: 'float' },
  { kind: 'boolean' },
  { kind: 'timestamp' },
  { kind: 'timestamptz_ns' },
  { kind: 'time' },
  { kind: 'uuid' },
  { kind: 'fixed', lengthBytes: 3 },
  { kind: 'binary' },
]
/** An id that no table of columns has room for, and one inside a struct. */
const FAR_ID = 70_000
const INNER_ID = 99
const FIELDS: readonly Field[] = [
  ...TYPES.map((type, at) => ({ id: at + 1, name: `c${at + 1}`, required: false, type })),
  { id: FAR_ID, name: 'far', required: false, type: { kind: 'int' } },
  {
    id: 98,
    name: 's',
    required: false,
    type: { kind: 'struct', fields: [{ id: INNER_ID, name: 'x', required: false, type: { kind: 'long' } }] },
  },
]
const SPECS: readonly PartitionSpec[] = [
  { specId: 0, fields: [{ sourceId: 2, fieldId: 1000, name: 'c2', transform: { kind: 'identity' } }] },
  {
    specId: 1,
    fields: [
      { sourceId: 1, fieldId: 1001, name: 'bucket', transform: { kind: 'bucket', count: 8 } },
      { sourceId: 2, fieldId: 1000, name: 'c2', transform: { kind: 'identity' } },
    ],
  },
]

// ---- files

const fieldId = fc.oneof(
  fc.integer({ min: 1, max: TYPES.length + 3 }),
  fc.constantFrom(FAR_ID, INNER_ID, 64, 8191, 2 ** 31 - 1),
)
const optional = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(of, { nil: undefined })
const mapOf = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<ReadonlyMap<number, T> | undefined> =>
  optional(
    fc
      .uniqueArray(fc.tuple(fieldId, value), { maxLength: 12, selector: ([id]) => id })
      .map(pairs => new Map(pairs)),
  )
const count = fc.oneof(fc.nat({ max: 130 }), fc.nat({ max: 20_000 }), fc.nat({ max: 2 ** 48 }))
const bound = fc.oneof(
  fc.uint8Array({ maxLength: 20 }),
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 8, maxLength: 8 }),
  fc.string({ unit: 'grapheme', maxLength: 90 }).map(text => new TextEncoder().encode(text)),
)
const metrics = fc.record({
  columnSizes: mapOf(count),
  valueCounts: mapOf(count),
  nullValueCounts: mapOf(count),
  nanValueCounts: mapOf(count),
  lowerBounds: mapOf(bound),
  upperBounds: mapOf(bound),
})
const region = fc.option(fc.constantFrom('eu', 'us', 'ä€😎'.repeat(20)))

const contentFile: fc.Arbitrary<ContentFile> = fc
  .record({
    name: fc.string({ unit: 'grapheme', maxLength: 100 }),
    content: fc.constantFrom('data', 'position-deletes', 'equality-deletes', 'vector'),
    tuple: fc.oneof(
      fc.tuple(region).map(partition => ({ specId: 0, partition })),
      fc.tuple(fc.option(fc.nat(7)), region).map(partition => ({ specId: 1, partition })),
    ),
    recordCount: count,
    fileSizeBytes: count,
    metrics,
    keyMetadata: optional(fc.uint8Array({ maxLength: 5 })),
    splitOffsets: optional(fc.array(fc.nat(1000), { maxLength: 3 })),
    sortOrderId: optional(fc.nat(9)),
    firstRowId: optional(fc.bigInt({ min: 0n, max: 2n ** 60n })),
  })
  .map(({ name, content, tuple, recordCount, fileSizeBytes, metrics: statistics, firstRowId, ...rest }) => {
    const shared = {
      location: `memory://t/${name}`,
      format: content === 'vector' ? ('puffin' as const) : ('parquet' as const),
      ...tuple,
      recordCount,
      fileSizeBytes,
      ...present({ ...rest, ...statistics }),
    }
    switch (content) {
      case 'data':
        return { content, ...shared, ...present({ firstRowId }) }
      case 'equality-deletes':
        return { content, ...shared, equalityFieldIds: [1, 2] }
      default:
        return {
          content: 'position-deletes',
          ...shared,
          referencedDataFile: `memory://t/${name}.parquet`,
          ...(content === 'vector' && { contentOffset: 4, contentSizeBytes: 2 ** 40 }),
        }
    }
  })

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

function present<T extends object>(values: T): Present<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Present<T>
}

const entry: fc.Arbitrary<ManifestEntryToWrite> = fc
  .tuple(fc.constantFrom('added', 'existing', 'deleted'), contentFile)
  .map(([status, file]) =>
    status === 'added'
      ? { status, file }
      : { status, file, snapshotId: -5n, dataSequenceNumber: 3n, fileSequenceNumber: 2n ** 40n },
  )

// ---- tables

/** How the statistics are stored: as everybody does, or with the value before the key. */
type Stored = 'usual' | 'turned'

async function tableOf(
  manifests: readonly (readonly ManifestEntryToWrite[])[],
  options: { readonly formatVersion: 2 | 3; readonly stored: Stored },
): Promise<InspectedTable> {
  const { formatVersion, stored } = options
  const { io, metadata, schema } = createMemoryTable({ fields: FIELDS, specs: SPECS, formatVersion })
  const listed: Parameters<typeof writeManifestList>[2][number][] = []
  // Version 2 has no vectors.
  const kept = manifests.map(entries =>
    entries.filter(({ file }) => formatVersion === 3 || file.format !== 'puffin'),
  )
  for (const [at, entries] of kept.entries())
    for (const spec of SPECS)
      for (const content of ['data', 'deletes'] as const) {
        const some = entries.filter(
          ({ file }) => file.specId === spec.specId && (file.content === 'data') === (content === 'data'),
        )
        if (some.length === 0) continue
        const location = `memory://t/metadata/${at}-${spec.specId}-${content}.avro`
        const written = await writeManifest(io, location, {
          entries: some,
          spec,
          schema,
          content,
          formatVersion,
          snapshotId: 77n,
        })
        if (stored === 'usual') listed.push(written)
        else {
          const bytes = turned(await io.read(location), location)
          await io.delete([location])
          await io.write(location, bytes)
          listed.push({ ...written, lengthBytes: bytes.length })
        }
      }
  const manifestList = 'memory://t/metadata/snap.avro'
  const firstRowId = formatVersion === 3 ? 1000n : undefined
  await writeManifestList(io, manifestList, listed, {
    formatVersion,
    snapshotId: 77n,
    parentSnapshotId: undefined,
    sequenceNumber: 9n,
    firstRowId,
  })
  const snapshot = { snapshotId: 77n, sequenceNumber: 9n, timestampMs: 1, manifestList, summary: {} }
  return {
    io,
    metadata: {
      ...metadata,
      snapshots: [snapshot],
      currentSnapshotId: 77n,
      refs: { main: { type: 'branch', snapshotId: 77n } },
    },
    metadataLocation: 'memory://t/metadata/v1.metadata.json',
  }
}

/** The same records with the fields of each pair the other way round. */
function turned(bytes: Uint8Array, location: string): Uint8Array {
  const file = readAvroContainer(bytes, { location })
  const { 'avro.schema': text = '', 'avro.codec': _, ...metadata } = Object.fromEntries(file.metadata)
  const schema = JSON.parse(text, (_key, value) => {
    const isPair = value?.type === 'record' && value.fields.length === 2 && value.fields[0].name === 'key'
    return isPair ? { ...value, fields: value.fields.toReversed() } : value
  })
  const records = [...file.records({ countIds: ENTRY_COUNT_IDS })].map(
    record => withBuffers(record) as AvroRecord,
  )
  return writeAvroContainer(records, {
    schema: parseJson(stringifyJson(schema)) as Parameters<typeof writeAvroContainer>[1]['schema'],
    metadata,
    codec: 'null',
    countIds: ENTRY_COUNT_IDS,
  })
}

/** Bytes as the encoder takes them. */
function withBuffers(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value)
  if (Array.isArray(value)) return value.map(withBuffers)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withBuffers(each)]))
}

// ---- what is expected

async function entriesOf({ io, metadata }: InspectedTable): Promise<readonly ManifestEntry[]> {
  const [snapshot] = metadata.snapshots
  const manifests: readonly ManifestFile[] = await readManifestList(io, snapshot!)
  const { partitionSpecs: specs, schemas } = metadata
  const read = manifests.map(manifest => readManifest(io, manifest, { specs, schema: schemas[0]!, schemas }))
  return (await Promise.all(read)).flat()
}

const CONTENT_IDS = { data: 0, 'position-deletes': 1, 'equality-deletes': 2 }
const STATUS_IDS = { existing: 0, added: 1, deleted: 2 }

function fileRow(file: ContentFile, schema: Schema): Value[] {
  const counts = (of: ReadonlyMap<number, number> | undefined): Value =>
    of === undefined ? null : [...of].map(([id, value]) => [id, BigInt(value)])
  const bounds = (of: ReadonlyMap<number, Uint8Array> | undefined): Value =>
    of === undefined ? null : [...of]
  const spec = SPECS[file.specId]!
  const long = (value: number | undefined): bigint | null => (value === undefined ? null : BigInt(value))
  const isPosition = file.content === 'position-deletes'
  return [
    CONTENT_IDS[file.content],
    file.location,
    file.format.toUpperCase(),
    file.specId,
    unifiedTuple(unifiedPartitionType(SPECS, schema), spec, file.partition),
    BigInt(file.recordCount),
    BigInt(file.fileSizeBytes),
    counts(file.columnSizes),
    counts(file.valueCounts),
    counts(file.nullValueCounts),
    counts(file.nanValueCounts),
    bounds(file.lowerBounds),
    bounds(file.upperBounds),
    file.keyMetadata ?? null,
    file.splitOffsets?.map(BigInt) ?? null,
    file.content === 'equality-deletes' ? file.equalityFieldIds : null,
    file.sortOrderId ?? null,
    file.content === 'data' ? (file.firstRowId ?? null) : null,
    isPosition ? (file.referencedDataFile ?? null) : null,
    isPosition ? long(file.contentOffset) : null,
    isPosition ? long(file.contentSizeBytes) : null,
  ]
}

function metricsRow(file: FileMetrics, schema: Schema): Value {
  const long = (value: number | undefined): bigint | null => (value === undefined ? null : BigInt(value))
  const measured = [...indexFields(schema)].flatMap(([id, { type }]) =>
    isPrimitive(type) ? [{ id, type, name: fieldPath(schema, id)!.join('.') }] : [],
  )
  return measured
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ id, type }) => [
      long(file.columnSizes?.get(id)),
      long(file.valueCounts?.get(id)),
      long(file.nullValueCounts?.get(id)),
      long(file.nanValueCounts?.get(id)),
      boundValue(type, file.lowerBounds?.get(id)),
      boundValue(type, file.upperBounds?.get(id)),
    ])
}

function boundValue(type: PrimitiveType, bytes: Uint8Array | undefined): Value {
  const value = bytes === undefined ? undefined : parseValue(type, bytes)
  if (value === undefined) return null
  const bits = type.kind === 'decimal' ? 128 : 64
  return typeof value === 'bigint' && BigInt.asIntN(bits, value) !== value ? null : value
}

async function rowsOf(
  table: InspectedTable,
  name: 'files' | 'entries',
  options: MetadataTableOptions = {},
): Promise<Value[][]> {
  const rows: Value[][] = []
  for await (const batch of openMetadataTable(table, name, options).batches()) {
    expect(batch.columns.map(column => column.length)).toEqual(batch.columns.map(() => batch.length))
    rows.push(...batchRows(batch))
  }
  return rows
}

const tables = fc.record({
  manifests: fc.array(fc.array(entry, { minLength: 1, maxLength: 8 }), { maxLength: 3 }),
  formatVersion: fc.constantFrom(2 as const, 3 as const),
  stored: fc.constantFrom('usual' as const, 'turned' as const),
})

describe('the tables of files', () => {
  it('have the columns of the entries as objects', async () => {
    await fc.assert(
      fc.asyncProperty(tables, async ({ manifests, ...options }) => {
        const table = await tableOf(manifests, options)
        const [schema] = table.metadata.schemas
        const entries = await entriesOf(table)
        expect(await rowsOf(table, 'entries')).toEqual(
          entries.map(each => [
            STATUS_IDS[each.status],
            each.snapshotId,
            each.dataSequenceNumber,
            each.fileSequenceNumber,
            fileRow(each.file, schema!),
            metricsRow(each.file, schema!),
          ]),
        )
        const live = entries.filter(({ status }) => isLive(status)).map(({ file }) => file)
        const files = live.map(file => [...fileRow(file, schema!), metricsRow(file, schema!)])
        expect(await rowsOf(table, 'files')).toEqual(files)
      }),
      { numRuns: 40 },
    )
  })

  it('have the same columns one by one, and where the filter alone looks inside others', async () => {
    await fc.assert(
      fc.asyncProperty(tables, async ({ manifests, ...options }) => {
        const table = await tableOf(manifests, options)
        const { fields } = openMetadataTable(table, 'files')
        const whole = await rowsOf(table, 'files')
        for (const [at, { name }] of fields.entries())
          expect(await rowsOf(table, 'files', { select: [name] })).toEqual(whole.map(row => [row[at]]))

        const metricsAt = fields.length - 1
        const c1 = fieldIndex(fields[metricsAt], 'c1')
        const filter = parsePredicate('readable_metrics.c1.value_count > 100 and partition.c2 is not null')
        const expected = whole.filter(row => {
          const [, values] = memberOf(row[metricsAt], c1) as Value[]
          const c2 = memberOf(row[4], 0)
          return values !== null && values !== undefined && (values as bigint) > 100n && c2 !== null
        })
        expect(await rowsOf(table, 'files', { select: ['file_path'], filter })).toEqual(
          expected.map(row => [row[1]]),
        )
        const entryFilter = parsePredicate('data_file.record_count < 1000 and status <> 2')
        const paths = whole.filter(row => (row[5] as bigint) < 1000n).map(row => row[1])
        const rows = await rowsOf(table, 'entries', { select: ['status'], filter: entryFilter })
        expect(rows).toHaveLength(paths.length)
      }),
      { numRuns: 12 },
    )
  })

  it('come in batches that a few large rows fill too, over the ends of manifests', async () => {
    const wide = new Map(Array.from({ length: 200 }, (_, id) => [id + 1, new Uint8Array(2000)]))
    const file = (at: number): ManifestEntryToWrite => ({
      status: 'added',
      file: {
        content: 'data',
        location: `memory://t/${at}`,
        format: 'parquet',
        specId: 0,
        partition: ['eu'],
        recordCount: at,
        fileSizeBytes: 1,
        lowerBounds: at < 40 ? wide : new Map(),
      },
    })
    const manifests = [0, 30, 31].map((from, index) =>
      Array.from({ length: [30, 1, 40][index]! }, (_, at) => file(from + at)),
    )
    const table = await tableOf(manifests, { formatVersion: 2, stored: 'usual' })
    const lengths: number[] = []
    const counts: Value[] = []
    for await (const batch of openMetadataTable(table, 'files', { select: ['record_count'] }).batches()) {
      lengths.push(batch.length)
      counts.push(...batchRows(batch).map(row => row[0] ?? null))
    }
    expect(counts).toEqual(Array.from({ length: 71 }, (_, at) => BigInt(at)))
    // 400 kB a row: 11 of them are 4 MiB.
    expect(lengths).toEqual([11, 11, 11, 38])
  })
})

function fieldIndex(field: Field | undefined, name: string): number {
  return field?.type.kind === 'struct' ? field.type.fields.findIndex(each => each.name === name) : -1
}

function memberOf(value: Value | undefined, index: number): Value {
  return Array.isArray(value) ? (value[index] ?? null) : null
}
