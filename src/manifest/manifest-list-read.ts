/**
 * Reading manifest lists, and the `manifests` that old v1 snapshots name instead of a list. Whatever a writer's
 * version lacks reads as that version means it: no content is data, no sequence number is 0.
 * @see Iceberg table spec, "Manifest Lists"
 */
import { mapBounded } from '../base/concurrency.js'
import { LakeError } from '../base/errors.js'
import { readAvroContainer } from '../format/avro-container.js'
import {
  booleanField,
  bytesField,
  countField,
  longField,
  numberField,
  recordsField,
  required,
  textField,
} from '../format/avro-fields.js'
import type { AvroRecord } from '../format/avro-record.js'
import { located } from '../format/located.js'
import type { FileIO, IoOptions } from '../io/file-io.js'
import type { Snapshot } from '../metadata/table-metadata.js'
import { withListIds } from './field-ids.js'
import { manifestCacheOf } from './manifest-cache.js'
import type { ManifestFile, PartitionFieldSummary } from './manifest-file.js'
import { LIST, LIST_COUNT_IDS, SUMMARY } from './manifest-schema.js'

/** What of a snapshot says where its manifests are. */
export type ManifestListSource = Pick<Snapshot, 'snapshotId' | 'manifestList' | 'manifests' | 'keyId'>

const INLINE_CONCURRENCY = 4

/**
 * The manifests of a snapshot, in the order of the list; one request, none for a list that is kept
 * (`manifest-cache.ts`), or one a manifest when the snapshot names them itself.
 * @throws corrupt when the list breaks the format; unsupported when it is encrypted; not-found, denied, unavailable
 */
export async function readManifestList(
  io: FileIO,
  snapshot: ManifestListSource,
  options: IoOptions = {},
): Promise<ManifestFile[]> {
  const location = snapshot.manifestList
  if (location === undefined) return readInlineManifests(io, snapshot, options)
  if (snapshot.keyId !== undefined) {
    throw new LakeError('unsupported', 'the manifest list is encrypted', { context: { location } })
  }
  const cache = manifestCacheOf(io)
  const kept = cache?.list(location)
  if (kept !== undefined) return parseManifestList(kept, { location })
  const bytes = await io.read(location, options)
  const manifests = parseManifestList(bytes, { location })
  cache?.putList(location, bytes)
  return manifests
}

/** The manifests of a list's bytes. */
export function parseManifestList(bytes: Uint8Array, options: { readonly location: string }): ManifestFile[] {
  const file = readAvroContainer(bytes, { ...options, schemaOf: withListIds })
  return located(options.location, () => [...file.records({ countIds: LIST_COUNT_IDS })].map(manifestOf))
}

function manifestOf(record: AvroRecord): ManifestFile {
  const keyMetadata = bytesField(record, LIST.keyMetadata)
  const firstRowId = longField(record, LIST.firstRowId)
  return {
    location: required(textField(record, LIST.location), LIST.location),
    lengthBytes: required(countField(record, LIST.lengthBytes), LIST.lengthBytes),
    specId: numberField(record, LIST.specId) ?? 0,
    content: contentOf(numberField(record, LIST.content) ?? 0),
    sequenceNumber: longField(record, LIST.sequenceNumber) ?? 0n,
    minSequenceNumber: longField(record, LIST.minSequenceNumber) ?? 0n,
    addedSnapshotId: required(longField(record, LIST.addedSnapshotId), LIST.addedSnapshotId),
    ...countsOf(record),
    partitions: (recordsField(record, LIST.partitions) ?? []).map(summaryOf),
    ...(keyMetadata !== undefined && { keyMetadata }),
    ...(firstRowId !== undefined && { firstRowId }),
  }
}

function contentOf(id: number): ManifestFile['content'] {
  if (id !== 0 && id !== 1)
    throw new LakeError('corrupt', 'a manifest has an unknown content', { context: { content: id } })
  return id === 0 ? 'data' : 'deletes'
}

function countsOf(record: AvroRecord): Partial<ManifestFile> {
  const addedFilesCount = countField(record, LIST.addedFilesCount)
  const existingFilesCount = countField(record, LIST.existingFilesCount)
  const deletedFilesCount = countField(record, LIST.deletedFilesCount)
  const addedRowsCount = countField(record, LIST.addedRowsCount)
  const existingRowsCount = countField(record, LIST.existingRowsCount)
  const deletedRowsCount = countField(record, LIST.deletedRowsCount)
  return {
    ...(addedFilesCount !== undefined && { addedFilesCount }),
    ...(existingFilesCount !== undefined && { existingFilesCount }),
    ...(deletedFilesCount !== undefined && { deletedFilesCount }),
    ...(addedRowsCount !== undefined && { addedRowsCount }),
    ...(existingRowsCount !== undefined && { existingRowsCount }),
    ...(deletedRowsCount !== undefined && { deletedRowsCount }),
  }
}

function summaryOf(record: AvroRecord): PartitionFieldSummary {
  const containsNan = booleanField(record, SUMMARY.containsNan)
  const lowerBound = bytesField(record, SUMMARY.lowerBound)
  const upperBound = bytesField(record, SUMMARY.upperBound)
  return {
    containsNull: required(booleanField(record, SUMMARY.containsNull), SUMMARY.containsNull),
    ...(containsNan !== undefined && { containsNan }),
    ...(lowerBound !== undefined && { lowerBound }),
    ...(upperBound !== undefined && { upperBound }),
  }
}

/** Old v1 snapshots name plain manifests: length and spec stand in the files themselves. */
async function readInlineManifests(
  io: FileIO,
  snapshot: ManifestListSource,
  options: IoOptions,
): Promise<ManifestFile[]> {
  return mapBounded(
    snapshot.manifests ?? [],
    async (location): Promise<ManifestFile> => {
      const bytes = await io.read(location, options)
      const specId = Number(readAvroContainer(bytes, { location }).metadata.get('partition-spec-id') ?? 0)
      return {
        location,
        lengthBytes: bytes.length,
        specId: Number.isSafeInteger(specId) ? specId : 0,
        content: 'data',
        sequenceNumber: 0n,
        minSequenceNumber: 0n,
        addedSnapshotId: snapshot.snapshotId,
        partitions: [],
      }
    },
    { limit: INLINE_CONCURRENCY, signal: options.signal },
  )
}
