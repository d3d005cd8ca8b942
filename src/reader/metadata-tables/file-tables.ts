/**
 * The metadata tables of content files and of the entries that track them: files, data_files, delete_files, entries,
 * and the all_ forms over every snapshot that the table keeps. A manifest is listed once however many snapshots
 * share it, but one file may stand in several manifests: the all_ tables may repeat it, as in Iceberg's Java library.
 */
import type { EntryStatus } from '../../manifest/content-file.js'
import { isLive } from '../../manifest/live-entries.js'
import { currentSchema } from '../../metadata/lookup.js'
import type { Snapshot } from '../../metadata/table-metadata.js'
import { type EntryColumn, intColumn, structColumn, valueColumn } from './entry-columns.js'
import { entrySource } from './entry-source.js'
import { fileColumns } from './file-columns.js'
import { manifestFilter } from './manifest-filter.js'
import { type InspectedTable, openManifests } from './manifest-stream.js'
import { type MetadataSource, optionalField, requiredField } from './metadata-source.js'
import { readableMetricsColumn } from './readable-metrics.js'

/** Live files of the snapshots, of one content or both. */
export function filesSource(
  table: InspectedTable,
  snapshots: readonly Snapshot[],
  content?: 'data' | 'deletes',
): MetadataSource {
  const columns = fileColumns(table.metadata)
  return entrySource(withMetrics(table, columns), (options, statisticsOf) =>
    openManifests(table, snapshots, {
      ...options,
      content,
      keep: isLive,
      keepManifest: manifestFilter(options.filter, table.metadata),
      statisticsOf,
    }),
  )
}

function withMetrics({ metadata }: InspectedTable, columns: readonly EntryColumn[]): readonly EntryColumn[] {
  const fields = columns.map(column => column.field)
  return [...columns, readableMetricsColumn(currentSchema(metadata), fields)]
}

const STATUS_IDS: Readonly<Record<EntryStatus, number>> = { existing: 0, added: 1, deleted: 2 }

const ENTRY_COLUMNS: readonly EntryColumn[] = [
  intColumn(requiredField({ id: 0, name: 'status', type: { kind: 'int' } }), row => STATUS_IDS[row.status]),
  valueColumn(optionalField({ id: 1, name: 'snapshot_id', type: { kind: 'long' } }), row => row.snapshotId()),
  valueColumn(optionalField({ id: 3, name: 'sequence_number', type: { kind: 'long' } }), row =>
    row.dataSequenceNumber(),
  ),
  valueColumn(optionalField({ id: 4, name: 'file_sequence_number', type: { kind: 'long' } }), row =>
    row.fileSequenceNumber(),
  ),
]

/** All entries of the snapshots' manifests, those of deleted files included; ids and numbers are inherited. */
export function entriesSource(table: InspectedTable, snapshots: readonly Snapshot[]): MetadataSource {
  const ofFile = fileColumns(table.metadata)
  const dataFile = requiredField({
    id: 2,
    name: 'data_file',
    type: { kind: 'struct', fields: ofFile.map(column => column.field) },
  })
  const columns = withMetrics(table, [...ENTRY_COLUMNS, structColumn(dataFile, ofFile)])
  return entrySource(columns, (options, statisticsOf) =>
    openManifests(table, snapshots, {
      ...options,
      keepManifest: manifestFilter(options.filter, table.metadata),
      statisticsOf,
    }),
  )
}
