/**
 * Data files, delete files and the entries that track them, as plain data.
 * @see Iceberg table spec, "Manifests", "Delete Formats"
 */
import type { PartitionTuple } from '../schema/partition-spec.js'

export type FileFormat = 'parquet' | 'avro' | 'orc' | 'puffin'

/** Statistics by field id. Bounds are in Iceberg's binary single-value form, as stored. */
export interface FileMetrics {
  readonly columnSizes?: ReadonlyMap<number, number>
  readonly valueCounts?: ReadonlyMap<number, number>
  readonly nullValueCounts?: ReadonlyMap<number, number>
  readonly nanValueCounts?: ReadonlyMap<number, number>
  readonly lowerBounds?: ReadonlyMap<number, Uint8Array>
  readonly upperBounds?: ReadonlyMap<number, Uint8Array>
}

interface ContentFileFields extends FileMetrics {
  readonly location: string
  readonly format: FileFormat
  readonly specId: number
  readonly partition: PartitionTuple
  /** Rows of the file; the cardinality of a deletion vector. */
  readonly recordCount: number
  readonly fileSizeBytes: number
  readonly keyMetadata?: Uint8Array
  readonly splitOffsets?: readonly number[]
  readonly sortOrderId?: number
}

export interface DataFile extends ContentFileFields {
  readonly content: 'data'
  /** v3: row id of the first row; after reading, inherited values are filled in. */
  readonly firstRowId?: bigint
}

export interface PositionDeleteFile extends ContentFileFields {
  readonly content: 'position-deletes'
  /** Set when every deleted row is in this one data file; required for a deletion vector. */
  readonly referencedDataFile?: string
  /** With `contentSizeBytes`: where the deletion vector's blob stands in the Puffin file. */
  readonly contentOffset?: number
  readonly contentSizeBytes?: number
}

export interface EqualityDeleteFile extends ContentFileFields {
  readonly content: 'equality-deletes'
  readonly equalityFieldIds: readonly number[]
}

export type DeleteFile = PositionDeleteFile | EqualityDeleteFile
export type ContentFile = DataFile | DeleteFile

/** True for a deletion vector: a position delete stored as a Puffin blob. */
export function isDeletionVector(file: ContentFile): file is PositionDeleteFile {
  return file.content === 'position-deletes' && file.format === 'puffin'
}

export type EntryStatus = 'existing' | 'added' | 'deleted'

/** An entry of a manifest after inheritance: all ids and numbers are known. */
export interface ManifestEntry {
  readonly status: EntryStatus
  readonly snapshotId: bigint
  readonly dataSequenceNumber: bigint
  readonly fileSequenceNumber: bigint
  readonly file: ContentFile
}
