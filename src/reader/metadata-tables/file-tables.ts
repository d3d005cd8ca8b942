/**
 * The metadata tables of content files and of the entries that track them: files, data_files, delete_files, entries,
 * and the all_ forms over every snapshot that the table keeps. A manifest is listed once however many snapshots
 * share it, but one file may stand in several manifests: the all_ tables may repeat it, as in Iceberg's Java library.
 */
import type { EntryStatus, ManifestEntry } from '../../manifest/content-file.js'
import { isLive } from '../../manifest/live-entries.js'
import { currentSchema } from '../../metadata/lookup.js'
import type { Snapshot } from '../../metadata/table-metadata.js'
import type { Field } from '../../schema/types.js'
import { fileColumns, STATISTICS_NAMES } from './file-columns.js'
import { manifestFilter } from './manifest-filter.js'
import { entryChunks, fileChunks, type InspectedTable } from './manifest-stream.js'
import {
  type MetadataColumn,
  type MetadataSource,
  optionalField,
  requiredField,
  rowSource,
} from './metadata-source.js'
import { READABLE_METRICS_NAME, readableMetricsColumn } from './readable-metrics.js'

/** Live files of the snapshots, of one content or both. */
export function filesSource(
  table: InspectedTable,
  snapshots: readonly Snapshot[],
  content?: 'data' | 'deletes',
): MetadataSource {
  const columns = fileColumns(table.metadata)
  const fields = columns.map(column => column.field)
  const metrics = readableMetricsColumn(currentSchema(table.metadata), fields)
  return rowSource([...columns, metrics], (wanted, options) =>
    fileChunks(table, snapshots, {
      ...options,
      content,
      keep: isLive,
      keepManifest: manifestFilter(options.filter, table.metadata),
      withStatistics: wanted.some(isOfStatistics),
    }),
  )
}

function isOfStatistics({ name }: Field): boolean {
  return name === READABLE_METRICS_NAME || STATISTICS_NAMES.has(name)
}

const STATUS_IDS: Readonly<Record<EntryStatus, number>> = { existing: 0, added: 1, deleted: 2 }

const ENTRY_COLUMNS: readonly MetadataColumn<ManifestEntry>[] = [
  {
    field: requiredField({ id: 0, name: 'status', type: { kind: 'int' } }),
    cellOf: entry => STATUS_IDS[entry.status],
  },
  {
    field: optionalField({ id: 1, name: 'snapshot_id', type: { kind: 'long' } }),
    cellOf: entry => entry.snapshotId,
  },
  {
    field: optionalField({ id: 3, name: 'sequence_number', type: { kind: 'long' } }),
    cellOf: entry => entry.dataSequenceNumber,
  },
  {
    field: optionalField({ id: 4, name: 'file_sequence_number', type: { kind: 'long' } }),
    cellOf: entry => entry.fileSequenceNumber,
  },
]

/** All entries of the snapshots' manifests, those of deleted files included; ids and numbers are inherited. */
export function entriesSource(table: InspectedTable, snapshots: readonly Snapshot[]): MetadataSource {
  const columns = entryColumns(table)
  return rowSource(columns, (wanted, options) =>
    entryChunks(table, snapshots, {
      ...options,
      keepManifest: manifestFilter(options.filter, table.metadata),
      withStatistics: wanted.some(isOfFile),
    }),
  )
}

const DATA_FILE_NAME = 'data_file'

function isOfFile({ name }: Field): boolean {
  return name === DATA_FILE_NAME || name === READABLE_METRICS_NAME
}

function entryColumns(table: InspectedTable): readonly MetadataColumn<ManifestEntry>[] {
  const ofFile = fileColumns(table.metadata)
  const dataFile: MetadataColumn<ManifestEntry> = {
    field: requiredField({
      id: 2,
      name: DATA_FILE_NAME,
      type: { kind: 'struct', fields: ofFile.map(column => column.field) },
    }),
    cellOf: entry => ofFile.map(column => column.cellOf(entry.file)),
  }
  const columns = [...ENTRY_COLUMNS, dataFile]
  const fields = columns.map(column => column.field)
  const metrics = readableMetricsColumn(currentSchema(table.metadata), fields)
  return [...columns, { field: metrics.field, cellOf: entry => metrics.cellOf(entry.file) }]
}
