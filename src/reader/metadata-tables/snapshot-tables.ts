/**
 * The metadata tables that the table's metadata file answers alone: history, snapshots, refs, metadata_log_entries.
 * @see Iceberg's Java library: HistoryTable, SnapshotsTable, RefsTable, MetadataLogEntriesTable
 */
import { durationToJson } from '../../base/json-fields.js'
import { indexSnapshots } from '../../metadata/lookup.js'
import type {
  MetadataLogEntry,
  Snapshot,
  SnapshotLogEntry,
  SnapshotRef,
  TableMetadata,
} from '../../metadata/table-metadata.js'
import type { Type, Value } from '../../schema/types.js'
import { ancestors } from '../../snapshot/ancestry.js'
import {
  type MetadataColumn,
  type MetadataSource,
  microsOf,
  optionalField,
  orNull,
  requiredField,
  staticSource,
} from './metadata-source.js'

const INT: Type = { kind: 'int' }
const LONG: Type = { kind: 'long' }
const STRING: Type = { kind: 'string' }
const TIMESTAMPTZ: Type = { kind: 'timestamptz' }

interface HistoryRow {
  readonly entry: SnapshotLogEntry
  readonly snapshot: Snapshot | undefined
  readonly isCurrentAncestor: boolean
}

const HISTORY: readonly MetadataColumn<HistoryRow>[] = [
  {
    field: requiredField({ id: 1, name: 'made_current_at', type: TIMESTAMPTZ }),
    cellOf: row => microsOf(row.entry.timestampMs),
  },
  {
    field: requiredField({ id: 2, name: 'snapshot_id', type: LONG }),
    cellOf: row => row.entry.snapshotId,
  },
  {
    field: optionalField({ id: 3, name: 'parent_id', type: LONG }),
    cellOf: row => orNull(row.snapshot?.parentSnapshotId),
  },
  {
    field: requiredField({ id: 4, name: 'is_current_ancestor', type: { kind: 'boolean' } }),
    cellOf: row => row.isCurrentAncestor,
  },
]

/** Which snapshot became current when, rolled-back and expired ones included. */
export function historySource(metadata: TableMetadata): MetadataSource {
  return staticSource(HISTORY, () => {
    const byId = indexSnapshots(metadata)
    const current = new Set<bigint>()
    for (const { snapshotId } of ancestors(metadata, metadata.currentSnapshotId)) current.add(snapshotId)
    return metadata.snapshotLog.map(entry => ({
      entry,
      snapshot: byId.get(entry.snapshotId),
      isCurrentAncestor: current.has(entry.snapshotId),
    }))
  })
}

const SNAPSHOTS: readonly MetadataColumn<Snapshot>[] = [
  {
    field: requiredField({ id: 1, name: 'committed_at', type: TIMESTAMPTZ }),
    cellOf: row => microsOf(row.timestampMs),
  },
  { field: requiredField({ id: 2, name: 'snapshot_id', type: LONG }), cellOf: row => row.snapshotId },
  {
    field: optionalField({ id: 3, name: 'parent_id', type: LONG }),
    cellOf: row => orNull(row.parentSnapshotId),
  },
  {
    field: optionalField({ id: 4, name: 'operation', type: STRING }),
    cellOf: row => orNull(row.operation ?? row.summary.operation),
  },
  {
    field: optionalField({ id: 5, name: 'manifest_list', type: STRING }),
    cellOf: row => orNull(row.manifestList),
  },
  {
    field: optionalField({
      id: 6,
      name: 'summary',
      type: { kind: 'map', keyId: 7, key: STRING, valueId: 8, valueRequired: true, value: STRING },
    }),
    cellOf: summaryOf,
  },
]

/** All entries but the operation; null for snapshots of writers that wrote no summary. */
function summaryOf(snapshot: Snapshot): Value {
  const entries = Object.entries(snapshot.summary)
  if (entries.length === 0 && snapshot.operation === undefined) return null
  return entries.filter(([name]) => name !== 'operation')
}

/** The snapshots that the table keeps. */
export function snapshotsSource(metadata: TableMetadata): MetadataSource {
  return staticSource(SNAPSHOTS, () => metadata.snapshots)
}

interface RefRow extends SnapshotRef {
  readonly name: string
}

const REFS: readonly MetadataColumn<RefRow>[] = [
  { field: requiredField({ id: 1, name: 'name', type: STRING }), cellOf: row => row.name },
  { field: requiredField({ id: 2, name: 'type', type: STRING }), cellOf: row => row.type.toUpperCase() },
  { field: requiredField({ id: 3, name: 'snapshot_id', type: LONG }), cellOf: row => row.snapshotId },
  {
    field: optionalField({ id: 4, name: 'max_reference_age_in_ms', type: LONG }),
    cellOf: row => durationOf(row.maxRefAgeMs),
  },
  {
    field: optionalField({ id: 5, name: 'min_snapshots_to_keep', type: INT }),
    cellOf: row => orNull(row.minSnapshotsToKeep),
  },
  {
    field: optionalField({ id: 6, name: 'max_snapshot_age_in_ms', type: LONG }),
    cellOf: row => durationOf(row.maxSnapshotAgeMs),
  },
]

/** "For ever" is written as the largest long, which as a number is one more. */
function durationOf(ms: number | undefined): bigint | null {
  const whole = durationToJson(ms)
  return whole === undefined ? null : BigInt(whole)
}

/** Branches and tags. */
export function refsSource(metadata: TableMetadata): MetadataSource {
  return staticSource(REFS, () => Object.entries(metadata.refs).map(([name, ref]) => ({ ...ref, name })))
}

interface MetadataLogRow {
  readonly entry: MetadataLogEntry
  /** Id of the snapshot that was current when the file was written; it may be expired since. */
  readonly latestSnapshotId: bigint | undefined
  readonly latest: Snapshot | undefined
}

const METADATA_LOG_ENTRIES: readonly MetadataColumn<MetadataLogRow>[] = [
  {
    field: requiredField({ id: 1, name: 'timestamp', type: TIMESTAMPTZ }),
    cellOf: row => microsOf(row.entry.timestampMs),
  },
  { field: requiredField({ id: 2, name: 'file', type: STRING }), cellOf: row => row.entry.metadataFile },
  {
    field: optionalField({ id: 3, name: 'latest_snapshot_id', type: LONG }),
    cellOf: row => orNull(row.latestSnapshotId),
  },
  {
    field: optionalField({ id: 4, name: 'latest_schema_id', type: INT }),
    cellOf: row => orNull(row.latest?.schemaId),
  },
  {
    field: optionalField({ id: 5, name: 'latest_sequence_number', type: LONG }),
    cellOf: row => orNull(row.latest?.sequenceNumber),
  },
]

/** The metadata files that the table remembers, the present one last. */
export function metadataLogSource(metadata: TableMetadata, metadataLocation: string): MetadataSource {
  return staticSource(METADATA_LOG_ENTRIES, () => {
    const byId = indexSnapshots(metadata)
    const present = { timestampMs: metadata.lastUpdatedMs, metadataFile: metadataLocation }
    return [...metadata.metadataLog, present].map(entry => {
      const latestSnapshotId = snapshotIdAt(metadata.snapshotLog, entry.timestampMs)
      const latest = latestSnapshotId === undefined ? undefined : byId.get(latestSnapshotId)
      return { entry, latestSnapshotId, latest }
    })
  })
}

/** The last entry of the log that is not after the time. */
function snapshotIdAt(log: readonly SnapshotLogEntry[], timestampMs: number): bigint | undefined {
  let found: bigint | undefined
  for (const entry of log) if (entry.timestampMs <= timestampMs) found = entry.snapshotId
  return found
}
