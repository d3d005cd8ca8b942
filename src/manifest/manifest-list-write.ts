/**
 * Writing manifest lists of v2 and v3. The list gives new manifests the sequence number of its snapshot, and in v3
 * gives every data manifest without row ids the next ones of the table.
 * @see Iceberg table spec, "Manifest Lists", "First Row ID Assignment"
 */
import { assert } from '../base/assert.js'
import { asBuffer } from '../base/bytes.js'
import { mapBounded } from '../base/concurrency.js'
import { writeAvroContainer } from '../format/avro-container.js'
import type { AvroRecord } from '../format/avro-record.js'
import type { AvroWriteCodec } from '../format/compression.js'
import type { FileIO, IoOptions } from '../io/file-io.js'
import { manifestCacheOf } from './manifest-cache.js'
import type { ManifestFile, NewManifestFile, PartitionFieldSummary } from './manifest-file.js'
import { countManifest, type ManifestCounts } from './manifest-read.js'
import {
  LIST,
  LIST_COUNT_IDS,
  manifestListSchema,
  SUMMARY,
  type WrittenFormatVersion,
} from './manifest-schema.js'

export interface WriteManifestListOptions extends IoOptions {
  readonly formatVersion: WrittenFormatVersion
  readonly snapshotId: bigint
  readonly parentSnapshotId: bigint | undefined
  /** The sequence number of the snapshot. */
  readonly sequenceNumber: bigint
  /** v3: the table's next row id. */
  readonly firstRowId?: bigint | undefined
  /** Default deflate. */
  readonly codec?: AvroWriteCodec | undefined
}

export interface WrittenManifestList {
  /** The manifests as the list names them. */
  readonly manifests: readonly ManifestFile[]
  /** v3: the table's next row id after this snapshot. */
  readonly nextRowId?: bigint
  readonly lengthBytes: number
}

/** A manifest of which everything that v2 demands is known. */
type CountedManifest = ManifestFile & ManifestCounts

const COUNT_CONCURRENCY = 4

/**
 * Writes a list under a name that nobody else uses; one request, and one for each manifest of an old v1 list that
 * did not count its entries.
 * @throws denied, unavailable; corrupt for a manifest that has to be counted
 */
export async function writeManifestList(
  io: FileIO,
  location: string,
  manifests: readonly (ManifestFile | NewManifestFile)[],
  options: WriteManifestListOptions,
): Promise<WrittenManifestList> {
  const numbered = manifests.map(manifest => assignSequenceNumber(manifest, options))
  const counted = await mapBounded(numbered, manifest => withCounts(io, manifest, options), {
    limit: COUNT_CONCURRENCY,
    signal: options.signal,
  })
  const assigned = assignRowIds(counted, options)
  const bytes = serializeManifestList(assigned.manifests, options)
  await io.write(location, bytes, { signal: options.signal })
  manifestCacheOf(io)?.putList(location, bytes)
  return { ...assigned, lengthBytes: bytes.length }
}

function assignSequenceNumber(
  manifest: ManifestFile | NewManifestFile,
  options: WriteManifestListOptions,
): ManifestFile {
  if (manifest.sequenceNumber !== undefined) return manifest
  assert(
    manifest.addedSnapshotId === options.snapshotId,
    'only manifests of the snapshot itself have no number',
  )
  const { sequenceNumber: _number, firstRowId: _rowId, ...described } = manifest
  return {
    ...described,
    sequenceNumber: options.sequenceNumber,
    minSequenceNumber: manifest.minSequenceNumber ?? options.sequenceNumber,
  }
}

function isCounted(manifest: ManifestFile): manifest is CountedManifest {
  return (
    manifest.addedFilesCount !== undefined &&
    manifest.existingFilesCount !== undefined &&
    manifest.deletedFilesCount !== undefined &&
    manifest.addedRowsCount !== undefined &&
    manifest.existingRowsCount !== undefined &&
    manifest.deletedRowsCount !== undefined
  )
}

async function withCounts(io: FileIO, manifest: ManifestFile, options: IoOptions): Promise<CountedManifest> {
  if (isCounted(manifest)) return manifest
  return { ...manifest, ...(await countManifest(io, manifest, { signal: options.signal })) }
}

/** Room is left for existing rows too: files of snapshots before v3 have no ids yet. */
function assignRowIds(
  manifests: readonly CountedManifest[],
  options: WriteManifestListOptions,
): { manifests: CountedManifest[]; nextRowId?: bigint } {
  if (options.formatVersion < 3) return { manifests: [...manifests] }
  assert(options.firstRowId !== undefined, 'a v3 list is written with the next row id of the table')
  let nextRowId = options.firstRowId
  const assigned = manifests.map(manifest => {
    if (manifest.content !== 'data' || manifest.firstRowId !== undefined) return manifest
    const firstRowId = nextRowId
    nextRowId += BigInt(manifest.existingRowsCount) + BigInt(manifest.addedRowsCount)
    return { ...manifest, firstRowId }
  })
  return { manifests: assigned, nextRowId }
}

function serializeManifestList(
  manifests: readonly CountedManifest[],
  options: WriteManifestListOptions,
): Uint8Array {
  const described = manifestListSchema(options.formatVersion)
  return writeAvroContainer(manifests.map(manifestRecord), {
    schema: described.avro,
    metadata: {
      'snapshot-id': String(options.snapshotId),
      'parent-snapshot-id': String(options.parentSnapshotId ?? null),
      'sequence-number': String(options.sequenceNumber),
      ...(options.formatVersion >= 3 && { 'first-row-id': String(options.firstRowId) }),
      'format-version': String(options.formatVersion),
      'iceberg.schema': described.icebergText,
    },
    codec: options.codec ?? 'deflate',
    countIds: LIST_COUNT_IDS,
  })
}

function manifestRecord(manifest: CountedManifest): AvroRecord {
  return {
    [LIST.location.key]: manifest.location,
    [LIST.lengthBytes.key]: manifest.lengthBytes,
    [LIST.specId.key]: manifest.specId,
    [LIST.content.key]: manifest.content === 'data' ? 0 : 1,
    [LIST.sequenceNumber.key]: manifest.sequenceNumber,
    [LIST.minSequenceNumber.key]: manifest.minSequenceNumber,
    [LIST.addedSnapshotId.key]: manifest.addedSnapshotId,
    [LIST.addedFilesCount.key]: manifest.addedFilesCount,
    [LIST.existingFilesCount.key]: manifest.existingFilesCount,
    [LIST.deletedFilesCount.key]: manifest.deletedFilesCount,
    [LIST.addedRowsCount.key]: manifest.addedRowsCount,
    [LIST.existingRowsCount.key]: manifest.existingRowsCount,
    [LIST.deletedRowsCount.key]: manifest.deletedRowsCount,
    [LIST.partitions.key]: manifest.partitions.map(summaryRecord),
    [LIST.keyMetadata.key]: bytesOrNull(manifest.keyMetadata),
    [LIST.firstRowId.key]: manifest.content === 'data' ? (manifest.firstRowId ?? null) : null,
  }
}

function summaryRecord(summary: PartitionFieldSummary): AvroRecord {
  return {
    [SUMMARY.containsNull.key]: summary.containsNull,
    [SUMMARY.containsNan.key]: summary.containsNan ?? null,
    [SUMMARY.lowerBound.key]: bytesOrNull(summary.lowerBound),
    [SUMMARY.upperBound.key]: bytesOrNull(summary.upperBound),
  }
}

function bytesOrNull(bytes: Uint8Array | undefined): Buffer | null {
  return bytes === undefined ? null : asBuffer(bytes)
}
