/** Golden tables of Spark: opens one out of a folder, and compares what serac reads with what Spark showed. */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { hexEncode } from '../../src/base/bytes.js'
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../../src/base/json.js'
import { systemRuntime } from '../../src/base/runtime.js'
import type { FileIO } from '../../src/io/file-io.js'
import { createLocalIO } from '../../src/io/local.js'
import { relocatedIO } from '../../src/io/relocated.js'
import type { ContentFile, ManifestEntry } from '../../src/manifest/content-file.js'
import type { ManifestFile } from '../../src/manifest/manifest-file.js'
import { readManifestList } from '../../src/manifest/manifest-list-read.js'
import { readManifest } from '../../src/manifest/manifest-read.js'
import { readTableMetadata } from '../../src/metadata/metadata-file.js'
import type { Snapshot, TableMetadata } from '../../src/metadata/table-metadata.js'
import { partitionType } from '../../src/schema/partition.js'
import type { Schema, Type, Value } from '../../src/schema/types.js'
import { valueToJson } from '../../src/schema/value-json.js'

export interface GoldenTable {
  readonly io: FileIO
  readonly metadata: TableMetadata
  /** Spark's view, see the README of the golden tables. */
  readonly expected: JsonObject
}

export function objectOf(value: JsonValue | undefined): JsonObject {
  if (!isJsonObject(value)) throw new Error('not an object')
  return value
}

export function textOf(value: JsonValue | undefined): string {
  if (typeof value !== 'string') throw new Error('not text')
  return value
}

export function rowsOf(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.map(objectOf) : []
}

export async function openGolden(folder: string): Promise<GoldenTable> {
  const expected = objectOf(parseJson(readFileSync(join(folder, 'expected.json'), 'utf8')))
  const location = textOf(expected.location)
  const io = relocatedIO(createLocalIO({ runtime: systemRuntime }), { from: location, to: resolve(folder) })
  return { expected, io, metadata: await readTableMetadata(io, `${location}/${textOf(expected.metadata)}`) }
}

export function currentSchemaOf(metadata: TableMetadata): Schema {
  const schema = metadata.schemas.find(({ schemaId }) => schemaId === metadata.currentSchemaId)
  if (schema === undefined) throw new Error('no current schema')
  return schema
}

export interface ReadTable {
  readonly manifests: readonly ManifestFile[]
  readonly entries: readonly (readonly ManifestEntry[])[]
}

export async function readSnapshot({ io, metadata }: GoldenTable, snapshot: Snapshot): Promise<ReadTable> {
  const manifests = await readManifestList(io, snapshot)
  const options = {
    specs: metadata.partitionSpecs,
    schema: currentSchemaOf(metadata),
    schemas: metadata.schemas,
  }
  const entries = await Promise.all(manifests.map(manifest => readManifest(io, manifest, options)))
  return { manifests, entries }
}

function mapRows<V>(map: ReadonlyMap<number, V> | undefined, show: (value: V) => JsonValue): JsonValue {
  if (map === undefined) return null
  // Spark sorts the pairs by their text.
  const rows = [...map].map(([id, value]): JsonValue[] => [id, show(value)])
  return rows.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}

const CONTENT = { data: 0, 'position-deletes': 1, 'equality-deletes': 2 }

/** The file as Spark's `files` table shows it. */
export function fileRow(file: ContentFile, metadata: TableMetadata): JsonObject {
  const positions = file.content === 'position-deletes' ? file : undefined
  return {
    content: CONTENT[file.content],
    file_path: file.location,
    file_format: file.format.toUpperCase(),
    spec_id: file.specId,
    partition: partitionRow(file, metadata),
    record_count: file.recordCount,
    file_size_in_bytes: file.fileSizeBytes,
    column_sizes: mapRows(file.columnSizes, Number),
    value_counts: mapRows(file.valueCounts, Number),
    null_value_counts: mapRows(file.nullValueCounts, Number),
    nan_value_counts: mapRows(file.nanValueCounts, Number),
    lower_bounds: mapRows(file.lowerBounds, hexEncode),
    upper_bounds: mapRows(file.upperBounds, hexEncode),
    key_metadata: null,
    split_offsets: file.splitOffsets ?? null,
    equality_ids: file.content === 'equality-deletes' ? file.equalityFieldIds : null,
    sort_order_id: file.sortOrderId ?? null,
    first_row_id: file.content === 'data' ? numberOrNull(file.firstRowId) : null,
    referenced_data_file: positions?.referencedDataFile ?? null,
    content_offset: positions?.contentOffset ?? null,
    content_size_in_bytes: positions?.contentSizeBytes ?? null,
  }
}

function numberOrNull(value: bigint | undefined): number | null {
  return value === undefined ? null : Number(value)
}

function partitionRow(file: ContentFile, metadata: TableMetadata): JsonObject {
  const spec = metadata.partitionSpecs.find(({ specId }) => specId === file.specId)
  if (spec === undefined) throw new Error('no spec')
  const { fields } = partitionType(spec, [currentSchemaOf(metadata), ...metadata.schemas])
  return Object.fromEntries(
    fields.map((field, index) => [field.name, shownValue(field.type, file.partition[index] ?? null)]),
  )
}

function shownValue(type: Type, value: Value): JsonValue {
  if (value === null) return null
  if (type.kind === 'long') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  // Spark shows zoned times without their zone here.
  if (type.kind === 'timestamptz') return valueToJson({ kind: 'timestamp' }, value)
  if (value instanceof Uint8Array && type.kind !== 'uuid') return hexEncode(value)
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  return valueToJson(type, value)
}
