/**
 * Table metadata as plain data. Wire names (kebab-case JSON) live in `table-metadata-json.ts` only.
 * @see Iceberg table spec, "Table Metadata and Snapshots"
 */
import type { PartitionSpec } from '../schema/partition-spec.js'
import type { SortOrder } from '../schema/sort-order.js'
import type { Schema } from '../schema/types.js'

export type FormatVersion = 1 | 2 | 3

export type SnapshotOperation = 'append' | 'replace' | 'overwrite' | 'delete'

export interface Snapshot {
  readonly snapshotId: bigint
  readonly parentSnapshotId?: bigint
  /** 0 in v1. */
  readonly sequenceNumber: bigint
  readonly timestampMs: number
  /** Location of the manifest list; absent in old v1 tables, which name `manifests` instead. */
  readonly manifestList?: string
  readonly manifests?: readonly string[]
  /** Absent in v1 tables of old writers. */
  readonly operation?: SnapshotOperation
  /** All other summary entries, unknown ones included. */
  readonly summary: Readonly<Record<string, string>>
  readonly schemaId?: number
  readonly firstRowId?: bigint
  readonly addedRows?: bigint
  readonly keyId?: string
}

export interface SnapshotLogEntry {
  readonly timestampMs: number
  readonly snapshotId: bigint
}

export interface MetadataLogEntry {
  readonly timestampMs: number
  readonly metadataFile: string
}

export interface SnapshotRef {
  readonly type: 'branch' | 'tag'
  readonly snapshotId: bigint
  readonly minSnapshotsToKeep?: number
  readonly maxSnapshotAgeMs?: number
  readonly maxRefAgeMs?: number
}

export interface BlobMetadata {
  readonly type: string
  readonly snapshotId: bigint
  readonly sequenceNumber: bigint
  readonly fields: readonly number[]
  readonly properties: Readonly<Record<string, string>>
}

export interface StatisticsFile {
  readonly snapshotId: bigint
  readonly statisticsPath: string
  readonly fileSizeBytes: number
  readonly fileFooterSizeBytes: number
  readonly keyMetadata?: string
  readonly blobMetadata: readonly BlobMetadata[]
}

export interface PartitionStatisticsFile {
  readonly snapshotId: bigint
  readonly statisticsPath: string
  readonly fileSizeBytes: number
}

export interface EncryptedKey {
  readonly keyId: string
  readonly encryptedKeyMetadata: string
  readonly encryptedById?: string
  readonly properties: Readonly<Record<string, string>>
}

export interface TableMetadata {
  readonly formatVersion: FormatVersion
  /** Absent in v1 tables of old writers only. */
  readonly tableUuid?: string
  /** Without a trailing slash. */
  readonly location: string
  readonly lastSequenceNumber: bigint
  readonly lastUpdatedMs: number
  readonly lastColumnId: number
  readonly schemas: readonly Schema[]
  readonly currentSchemaId: number
  readonly partitionSpecs: readonly PartitionSpec[]
  readonly defaultSpecId: number
  readonly lastPartitionId: number
  readonly sortOrders: readonly SortOrder[]
  readonly defaultSortOrderId: number
  readonly properties: Readonly<Record<string, string>>
  readonly currentSnapshotId?: bigint
  readonly snapshots: readonly Snapshot[]
  readonly snapshotLog: readonly SnapshotLogEntry[]
  readonly metadataLog: readonly MetadataLogEntry[]
  /** `main` is there whenever `currentSnapshotId` is. */
  readonly refs: Readonly<Record<string, SnapshotRef>>
  readonly statistics: readonly StatisticsFile[]
  readonly partitionStatistics: readonly PartitionStatisticsFile[]
  /** v3. */
  readonly nextRowId?: bigint
  readonly encryptionKeys: readonly EncryptedKey[]
}

/** The branch that readers see unless they ask for another. */
export const MAIN_BRANCH = 'main'
