/**
 * The `partitions` table: what the live files of a snapshot hold, by partition. Files of specs with differently many
 * fields are in different partitions even where their tuples look alike. The commit that last touched a partition is
 * known as long as its snapshot is kept. An unpartitioned table is one partition without a `partition` column.
 * @see Iceberg's Java library: PartitionsTable
 */
import { required } from '../../format/avro-fields.js'
import { located } from '../../format/located.js'
import type { ContentFile } from '../../manifest/content-file.js'
import type { EntryRow, EntryRows } from '../../manifest/entry-rows.js'
import { isLive } from '../../manifest/live-entries.js'
import { FILE } from '../../manifest/manifest-schema.js'
import { indexSnapshots } from '../../metadata/lookup.js'
import type { Snapshot } from '../../metadata/table-metadata.js'
import { partitionKey } from '../../schema/partition.js'
import type { PartitionTuple } from '../../schema/partition-spec.js'
import type { Type } from '../../schema/types.js'
import { manifestFilter } from './manifest-filter.js'
import { type InspectedTable, openManifests } from './manifest-stream.js'
import {
  type MetadataColumn,
  type MetadataSource,
  microsOf,
  optionalField,
  orNull,
  requiredField,
  rowSource,
} from './metadata-source.js'
import { type PartitionColumn, partitionColumn } from './partition-column.js'

interface FileTotals {
  records: number
  files: number
}

/** Totals of one partition while its files are added up. */
interface PartitionRow {
  readonly tuple: PartitionTuple
  /** Spec of the newest file, as far as its snapshot is kept. */
  specId: number
  updated: Snapshot | undefined
  dataBytes: number
  readonly totals: Readonly<Record<ContentFile['content'], FileTotals>>
}

/** The id of the `partition` struct of this table. */
const PARTITION_ID = 1
const INT: Type = { kind: 'int' }
const LONG: Type = { kind: 'long' }

/** The partitions of a snapshot; memory grows with their number, not with that of the files. */
export function partitionsSource(table: InspectedTable, snapshots: readonly Snapshot[]): MetadataSource {
  const partition = partitionColumn(table.metadata)
  return rowSource(partitionColumns(partition), async function* (_, options) {
    const totals = partitionTotals(partition, indexSnapshots(table.metadata))
    const manifests = openManifests(table, snapshots, {
      ...options,
      keep: isLive,
      keepManifest: manifestFilter(options.filter, table.metadata, PARTITION_ID),
    })
    for await (const { rows, release } of manifests) {
      try {
        located(rows.manifest.location, () => totals.add(rows))
      } finally {
        release()
      }
    }
    yield totals.rows()
  })
}

interface PartitionTotals {
  add(entries: EntryRows): void
  rows(): readonly PartitionRow[]
}

function partitionTotals(
  partition: PartitionColumn,
  snapshots: ReadonlyMap<bigint, Snapshot>,
): PartitionTotals {
  const rows = new Map<string, PartitionRow>()
  const types = partition.type.fields.map(field => field.type)
  const rowOf = (specId: number, stored: PartitionTuple): PartitionRow => {
    const tuple = partition.tupleOf({ specId, partition: stored })
    const key = `${partition.widthOf(specId)}|${partitionKey(types, tuple)}`
    const known = rows.get(key)
    if (known !== undefined) return known
    const row = emptyRow(tuple)
    rows.set(key, row)
    return row
  }
  return {
    add(entries) {
      const { specId } = entries.manifest
      // Entries of one partition share their tuple as long as it is remembered.
      const known = new WeakMap<PartitionTuple, PartitionRow>()
      while (entries.next()) {
        const { tuple } = entries
        const row = known.get(tuple) ?? rowOf(specId, tuple)
        known.set(tuple, row)
        addEntry(row, entries, snapshots.get(entries.snapshotId()))
      }
    },
    rows: () => [...rows.values()],
  }
}

function emptyRow(tuple: PartitionTuple): PartitionRow {
  return {
    tuple,
    specId: 0,
    updated: undefined,
    dataBytes: 0,
    totals: {
      data: { records: 0, files: 0 },
      'position-deletes': { records: 0, files: 0 },
      'equality-deletes': { records: 0, files: 0 },
    },
  }
}

function addEntry(row: PartitionRow, entry: EntryRow, snapshot: Snapshot | undefined): void {
  const content = entry.content()
  const totals = row.totals[content]
  totals.records += required(entry.entry.count(FILE.recordCount), FILE.recordCount)
  totals.files++
  if (content === 'data') row.dataBytes += required(entry.entry.count(FILE.fileSizeBytes), FILE.fileSizeBytes)
  if (snapshot === undefined) return
  if (row.updated === undefined || snapshot.timestampMs > row.updated.timestampMs) {
    row.updated = snapshot
    row.specId = entry.manifest.specId
  }
}

type PartitionsColumn = MetadataColumn<PartitionRow>

function partitionColumns(partition: PartitionColumn): readonly PartitionsColumn[] {
  if (partition.type.fields.length === 0) return TOTAL_COLUMNS
  return [
    {
      field: requiredField({ id: PARTITION_ID, name: 'partition', type: partition.type }),
      cellOf: row => row.tuple,
    },
    { field: requiredField({ id: 4, name: 'spec_id', type: INT }), cellOf: row => row.specId },
    ...TOTAL_COLUMNS,
  ]
}

const TOTAL_COLUMNS: readonly PartitionsColumn[] = [
  {
    field: requiredField({
      id: 2,
      name: 'record_count',
      type: LONG,
      doc: 'Count of records in data files',
    }),
    cellOf: row => BigInt(row.totals.data.records),
  },
  {
    field: requiredField({ id: 3, name: 'file_count', type: INT, doc: 'Count of data files' }),
    cellOf: row => row.totals.data.files,
  },
  {
    field: requiredField({
      id: 11,
      name: 'total_data_file_size_in_bytes',
      type: LONG,
      doc: 'Total size in bytes of data files',
    }),
    cellOf: row => BigInt(row.dataBytes),
  },
  {
    field: requiredField({
      id: 5,
      name: 'position_delete_record_count',
      type: LONG,
      doc: 'Count of records in position delete files',
    }),
    cellOf: row => BigInt(row.totals['position-deletes'].records),
  },
  {
    field: requiredField({
      id: 6,
      name: 'position_delete_file_count',
      type: INT,
      doc: 'Count of position delete files',
    }),
    cellOf: row => row.totals['position-deletes'].files,
  },
  {
    field: requiredField({
      id: 7,
      name: 'equality_delete_record_count',
      type: LONG,
      doc: 'Count of records in equality delete files',
    }),
    cellOf: row => BigInt(row.totals['equality-deletes'].records),
  },
  {
    field: requiredField({
      id: 8,
      name: 'equality_delete_file_count',
      type: INT,
      doc: 'Count of equality delete files',
    }),
    cellOf: row => row.totals['equality-deletes'].files,
  },
  {
    field: optionalField({
      id: 9,
      name: 'last_updated_at',
      type: { kind: 'timestamptz' },
      doc: 'Commit time of snapshot that last updated this partition',
    }),
    cellOf: row => (row.updated === undefined ? null : microsOf(row.updated.timestampMs)),
  },
  {
    field: optionalField({
      id: 10,
      name: 'last_updated_snapshot_id',
      type: LONG,
      doc: 'Id of snapshot that last updated this partition',
    }),
    cellOf: row => orNull(row.updated?.snapshotId),
  },
]
