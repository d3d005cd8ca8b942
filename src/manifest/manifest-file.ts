/**
 * A row of the manifest list: one manifest and what it holds.
 * @see Iceberg table spec, "Manifest Lists"
 */

export interface PartitionFieldSummary {
  readonly containsNull: boolean
  /** Undefined: unknown. */
  readonly containsNan?: boolean
  /** Binary single-value form of the partition field's result type; absent when all values are null. */
  readonly lowerBound?: Uint8Array
  readonly upperBound?: Uint8Array
}

export interface ManifestFile {
  readonly location: string
  readonly lengthBytes: number
  readonly specId: number
  readonly content: 'data' | 'deletes'
  /** 0 for manifests of v1. */
  readonly sequenceNumber: bigint
  readonly minSequenceNumber: bigint
  readonly addedSnapshotId: bigint
  /** Counts are undefined in v1 lists of old writers: unknown, so the manifest must be read. */
  readonly addedFilesCount?: number
  readonly existingFilesCount?: number
  readonly deletedFilesCount?: number
  readonly addedRowsCount?: number
  readonly existingRowsCount?: number
  readonly deletedRowsCount?: number
  /** One a field of the spec, or empty when unknown. */
  readonly partitions: readonly PartitionFieldSummary[]
  readonly keyMetadata?: Uint8Array
  /** v3 data manifests: row id of the first row of the first file without one. */
  readonly firstRowId?: bigint
}

/**
 * A manifest that was written and that no list names yet: `writeManifestList` gives it the sequence number of
 * its snapshot, so a retried commit reuses the file. All counts are known.
 */
export interface NewManifestFile
  extends Omit<ManifestFile, 'sequenceNumber' | 'minSequenceNumber' | 'firstRowId'> {
  readonly sequenceNumber?: undefined
  readonly firstRowId?: undefined
  /** Smallest explicit data sequence number of a live entry; undefined when all inherit. */
  readonly minSequenceNumber?: bigint
  readonly addedFilesCount: number
  readonly existingFilesCount: number
  readonly deletedFilesCount: number
  readonly addedRowsCount: number
  readonly existingRowsCount: number
  readonly deletedRowsCount: number
}

/** False when the list proves that the manifest holds no live (added or existing) entry. */
export function mightHaveLiveFiles(manifest: ManifestFile | NewManifestFile): boolean {
  return manifest.addedFilesCount !== 0 || manifest.existingFilesCount !== 0
}
