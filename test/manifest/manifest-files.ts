/** Content files and manifests for tests of this floor. */

import type { FileIO } from '../../src/io/file-io.js'
import { createMemoryIO } from '../../src/io/memory.js'
import type { DataFile, EqualityDeleteFile, PositionDeleteFile } from '../../src/manifest/content-file.js'
import type { ManifestFile } from '../../src/manifest/manifest-file.js'
import type { ManifestEntryToWrite, WriteManifestOptions } from '../../src/manifest/manifest-write.js'
import type { PartitionSpec } from '../../src/schema/partition-spec.js'
import type { Schema } from '../../src/schema/types.js'

export const SCHEMA: Schema = {
  schemaId: 4,
  fields: [
    { id: 1, name: 'id', required: true, type: { kind: 'long' } },
    { id: 2, name: 'region', required: false, type: { kind: 'string' } },
    { id: 3, name: 'price', required: false, type: { kind: 'decimal', precision: 10, scale: 2 } },
    { id: 4, name: 'ratio', required: false, type: { kind: 'double' } },
    { id: 5, name: 'day', required: false, type: { kind: 'date' } },
  ],
  identifierFieldIds: [1],
}

export const SPEC: PartitionSpec = {
  specId: 3,
  fields: [
    { sourceId: 2, fieldId: 1000, name: 'region', transform: { kind: 'identity' } },
    { sourceId: 3, fieldId: 1001, name: 'price', transform: { kind: 'identity' } },
    { sourceId: 4, fieldId: 1002, name: 'ratio', transform: { kind: 'identity' } },
    { sourceId: 1, fieldId: 1003, name: 'id bucket', transform: { kind: 'bucket', count: 16 } },
    { sourceId: 5, fieldId: 1004, name: 'day_day', transform: { kind: 'day' } },
  ],
}

export const SNAPSHOT = 8_123_456_789_012_345_678n

export function dataFile(name: string, changes: Partial<DataFile> = {}): DataFile {
  return {
    content: 'data',
    location: `memory://t/data/${name}.parquet`,
    format: 'parquet',
    specId: SPEC.specId,
    partition: ['eu', 1234n, 0.5, 7, 19_000],
    recordCount: 10,
    fileSizeBytes: 2000,
    ...changes,
  }
}

export function positionDeletes(name: string, changes: Partial<PositionDeleteFile> = {}): PositionDeleteFile {
  return { ...dataFile(name), content: 'position-deletes', ...changes }
}

export function equalityDeletes(name: string, changes: Partial<EqualityDeleteFile> = {}): EqualityDeleteFile {
  return { ...dataFile(name), content: 'equality-deletes', equalityFieldIds: [1, 2], ...changes }
}

export function options(
  entries: readonly ManifestEntryToWrite[],
  changes: Partial<WriteManifestOptions> = {},
): WriteManifestOptions {
  return {
    entries,
    spec: SPEC,
    schema: SCHEMA,
    content: 'data',
    formatVersion: 2,
    snapshotId: SNAPSHOT,
    ...changes,
  }
}

/** A row of the list for a manifest of tests. */
export function manifestFile(changes: Partial<ManifestFile> = {}): ManifestFile {
  return {
    location: 'memory://t/metadata/m0.avro',
    lengthBytes: 1,
    specId: SPEC.specId,
    content: 'data',
    sequenceNumber: 7n,
    minSequenceNumber: 7n,
    addedSnapshotId: SNAPSHOT,
    partitions: [],
    ...changes,
  }
}

export function memory(): FileIO {
  return createMemoryIO()
}
