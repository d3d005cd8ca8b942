/**
 * Writing manifests of v2 and v3. Sequence numbers of added files stay null, so that the file can be committed
 * again after a lost race; the manifest list assigns them.
 * @see Iceberg table spec, "Manifests"
 */
import { assert } from '../base/assert.js'
import { asBuffer } from '../base/bytes.js'
import { stringifyJson } from '../base/json.js'
import { writeAvroContainer } from '../format/avro-container.js'
import type { AvroRecord } from '../format/avro-record.js'
import { fieldKey } from '../format/avro-record.js'
import type { AvroWriteCodec } from '../format/compression.js'
import type { FileIO, IoOptions } from '../io/file-io.js'
import { partitionType } from '../schema/partition.js'
import type { PartitionSpec } from '../schema/partition-spec.js'
import { serializePartitionFields } from '../schema/partition-spec-json.js'
import { serializeSchema } from '../schema/schema-json.js'
import type { Schema, StructType } from '../schema/types.js'
import type { ContentFile, EntryStatus } from './content-file.js'
import type { NewManifestFile } from './manifest-file.js'
import {
  ENTRY,
  ENTRY_COUNT_IDS,
  FILE,
  type MapColumn,
  manifestSchema,
  type WrittenFormatVersion,
} from './manifest-schema.js'
import { createPartitionSummaries } from './partition-summary.js'
import { partitionValueToAvro } from './partition-value.js'

/** An entry to write: what is inherited from the commit is left out. */
export type ManifestEntryToWrite =
  | {
      readonly status: 'added'
      /** The snapshot that added the file; default the one that adds the manifest. */
      readonly snapshotId?: bigint | undefined
      /** Only when the file keeps an older number, as in compaction; otherwise it inherits the commit's. */
      readonly dataSequenceNumber?: bigint | undefined
      readonly file: ContentFile
    }
  | {
      readonly status: 'existing' | 'deleted'
      /** The snapshot that added the file; of a deleted entry the one that removes it. */
      readonly snapshotId: bigint
      readonly dataSequenceNumber: bigint
      readonly fileSequenceNumber: bigint
      readonly file: ContentFile
    }

export interface WriteManifestOptions extends IoOptions {
  readonly entries: readonly ManifestEntryToWrite[]
  readonly spec: PartitionSpec
  readonly schema: Schema
  /** The table's other schemas: for specs whose source column was dropped since. */
  readonly schemas?: readonly Schema[] | undefined
  readonly content: 'data' | 'deletes'
  readonly formatVersion: WrittenFormatVersion
  /** The snapshot that adds the manifest. */
  readonly snapshotId: bigint
  /** Default deflate. */
  readonly codec?: AvroWriteCodec | undefined
}

const STATUS_IDS: Readonly<Record<EntryStatus, number>> = { existing: 0, added: 1, deleted: 2 }
const CONTENT_IDS: Readonly<Record<ContentFile['content'], number>> = {
  data: 0,
  'position-deletes': 1,
  'equality-deletes': 2,
}

/**
 * Writes a manifest under a name that nobody else uses; one request.
 * @throws denied, unavailable
 */
export async function writeManifest(
  io: FileIO,
  location: string,
  options: WriteManifestOptions,
): Promise<NewManifestFile> {
  const bytes = serializeManifest(options)
  await io.write(location, bytes, { signal: options.signal })
  return describe(location, bytes.length, options)
}

function tupleType(options: WriteManifestOptions): StructType {
  return partitionType(options.spec, [options.schema, ...(options.schemas ?? []).toReversed()])
}

/** The bytes of a manifest. */
export function serializeManifest(options: WriteManifestOptions): Uint8Array {
  const { spec, schema, content, formatVersion } = options
  const tuple = tupleType(options)
  const described = manifestSchema(formatVersion, tuple)
  return writeAvroContainer(
    options.entries.map(entry => entryRecord(entry, tuple, options)),
    {
      schema: described.avro,
      metadata: {
        schema: stringifyJson(serializeSchema(schema)),
        'schema-id': String(schema.schemaId),
        'partition-spec': stringifyJson(serializePartitionFields(spec.fields)),
        'partition-spec-id': String(spec.specId),
        'format-version': String(formatVersion),
        content,
        'iceberg.schema': described.icebergText,
      },
      codec: options.codec ?? 'deflate',
      countIds: ENTRY_COUNT_IDS,
    },
  )
}

function entryRecord(
  entry: ManifestEntryToWrite,
  tuple: StructType,
  options: WriteManifestOptions,
): AvroRecord {
  const { file } = entry
  assert(
    (file.content === 'data') === (options.content === 'data'),
    'a manifest holds data files or delete files',
  )
  assert(file.specId === options.spec.specId, 'a manifest holds files of one spec')
  const isAdded = entry.status === 'added'
  return {
    [ENTRY.status.key]: STATUS_IDS[entry.status],
    [ENTRY.snapshotId.key]: entry.snapshotId ?? options.snapshotId,
    [ENTRY.dataSequenceNumber.key]: entry.dataSequenceNumber ?? null,
    [ENTRY.fileSequenceNumber.key]: isAdded ? null : entry.fileSequenceNumber,
    [ENTRY.dataFile.key]: fileRecord(file, tuple),
  }
}

function fileRecord(file: ContentFile, tuple: StructType): AvroRecord {
  const positions = file.content === 'position-deletes' ? file : undefined
  return {
    [FILE.content.key]: CONTENT_IDS[file.content],
    [FILE.location.key]: file.location,
    [FILE.format.key]: file.format.toUpperCase(),
    [FILE.partition.key]: tupleRecord(file, tuple),
    [FILE.recordCount.key]: file.recordCount,
    [FILE.fileSizeBytes.key]: file.fileSizeBytes,
    [FILE.columnSizes.key]: mapRecords(FILE.columnSizes, file.columnSizes),
    [FILE.valueCounts.key]: mapRecords(FILE.valueCounts, file.valueCounts),
    [FILE.nullValueCounts.key]: mapRecords(FILE.nullValueCounts, file.nullValueCounts),
    [FILE.nanValueCounts.key]: mapRecords(FILE.nanValueCounts, file.nanValueCounts),
    [FILE.lowerBounds.key]: mapRecords(FILE.lowerBounds, file.lowerBounds),
    [FILE.upperBounds.key]: mapRecords(FILE.upperBounds, file.upperBounds),
    [FILE.keyMetadata.key]: file.keyMetadata === undefined ? null : asBuffer(file.keyMetadata),
    [FILE.splitOffsets.key]: file.splitOffsets ?? null,
    [FILE.equalityFieldIds.key]: file.content === 'equality-deletes' ? file.equalityFieldIds : null,
    [FILE.sortOrderId.key]: file.sortOrderId ?? null,
    [FILE.firstRowId.key]: file.content === 'data' ? (file.firstRowId ?? null) : null,
    [FILE.referencedDataFile.key]: positions?.referencedDataFile ?? null,
    [FILE.contentOffset.key]: positions?.contentOffset ?? null,
    [FILE.contentSizeBytes.key]: positions?.contentSizeBytes ?? null,
  }
}

function tupleRecord(file: ContentFile, tuple: StructType): AvroRecord {
  const record: Record<string, unknown> = {}
  tuple.fields.forEach((field, index) => {
    record[fieldKey(field.id)] = partitionValueToAvro(field.type, file.partition[index] ?? null)
  })
  return record
}

function mapRecords(
  column: MapColumn,
  map: ReadonlyMap<number, number | Uint8Array> | undefined,
): AvroRecord[] | null {
  if (map === undefined) return null
  const records: AvroRecord[] = []
  for (const [id, value] of map) {
    const stored = typeof value === 'number' ? value : asBuffer(value)
    records.push({ [column.mapKey.key]: id, [column.mapValue.key]: stored })
  }
  return records
}

/** What the manifest list will say about the manifest. */
function describe(location: string, lengthBytes: number, options: WriteManifestOptions): NewManifestFile {
  const files = { existing: 0, added: 0, deleted: 0 }
  const rows = { existing: 0, added: 0, deleted: 0 }
  const summaries = createPartitionSummaries(tupleType(options))
  let minSequenceNumber: bigint | undefined
  for (const { status, dataSequenceNumber, file } of options.entries) {
    files[status]++
    rows[status] += file.recordCount
    summaries.add(file.partition)
    if (status === 'deleted' || dataSequenceNumber === undefined) continue
    if (minSequenceNumber === undefined || dataSequenceNumber < minSequenceNumber)
      minSequenceNumber = dataSequenceNumber
  }
  return {
    location,
    lengthBytes,
    specId: options.spec.specId,
    content: options.content,
    addedSnapshotId: options.snapshotId,
    addedFilesCount: files.added,
    existingFilesCount: files.existing,
    deletedFilesCount: files.deleted,
    addedRowsCount: rows.added,
    existingRowsCount: rows.existing,
    deletedRowsCount: rows.deleted,
    partitions: summaries.finish(),
    ...(minSequenceNumber !== undefined && { minSequenceNumber }),
  }
}
