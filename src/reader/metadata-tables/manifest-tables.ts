/**
 * The metadata tables of manifests: `manifests` of one snapshot, `all_manifests` of every snapshot that the table
 * keeps, a row for each snapshot that lists the manifest. Counts that an old list leaves out are counted in the
 * manifest itself. Bounds of partition summaries are text for people; where there is none it says `null`, as Iceberg's
 * Java library does.
 */
import { mapBounded } from '../../base/concurrency.js'
import type { FileIO } from '../../io/file-io.js'
import type { ManifestFile } from '../../manifest/manifest-file.js'
import { countManifest } from '../../manifest/manifest-read.js'
import { currentSchema, specById } from '../../metadata/lookup.js'
import type { Snapshot, TableMetadata } from '../../metadata/table-metadata.js'
import { partitionText, partitionTypes } from '../../schema/partition.js'
import type { PartitionField } from '../../schema/partition-spec.js'
import { type Field, isPrimitive, type Type, type Value } from '../../schema/types.js'
import { parseValue } from '../../schema/value.js'
import { type InspectedTable, manifestLists, type SnapshotManifests } from './manifest-stream.js'
import {
  longOf,
  type MetadataColumn,
  type MetadataSource,
  optionalField,
  orNull,
  type ReadOptions,
  requiredField,
  rowSource,
} from './metadata-source.js'

interface ManifestRow {
  readonly manifest: ManifestFile
  readonly snapshot: Snapshot
}

type ManifestColumn = MetadataColumn<ManifestRow>

/** The manifests of one snapshot. */
export function manifestsSource(table: InspectedTable, snapshots: readonly Snapshot[]): MetadataSource {
  return rowSource(manifestColumns(table.metadata), (_, options) => manifestRows(table, snapshots, options))
}

/** The manifests of all snapshots, with the snapshot that lists them. */
export function allManifestsSource(table: InspectedTable, snapshots: readonly Snapshot[]): MetadataSource {
  const columns = [...manifestColumns(table.metadata), ...REFERENCE_COLUMNS]
  return rowSource(columns, (_, options) => manifestRows(table, snapshots, options))
}

async function* manifestRows(
  table: InspectedTable,
  snapshots: readonly Snapshot[],
  options: ReadOptions,
): AsyncGenerator<readonly ManifestRow[]> {
  for await (const listed of manifestLists(table.io, snapshots, options)) {
    yield await countedRows(table.io, listed, options)
  }
}

function countedRows(
  io: FileIO,
  { snapshot, manifests }: SnapshotManifests,
  options: ReadOptions,
): Promise<readonly ManifestRow[]> {
  const { concurrency: limit, signal } = options
  const counted = async (manifest: ManifestFile): Promise<ManifestRow> => {
    if (hasCounts(manifest)) return { manifest, snapshot }
    return { manifest: { ...manifest, ...(await countManifest(io, manifest, { signal })) }, snapshot }
  }
  return mapBounded(manifests, counted, { limit, signal })
}

function hasCounts(manifest: ManifestFile): boolean {
  const { addedFilesCount, existingFilesCount, deletedFilesCount } = manifest
  return addedFilesCount !== undefined && existingFilesCount !== undefined && deletedFilesCount !== undefined
}

const INT: Type = { kind: 'int' }
const LONG: Type = { kind: 'long' }
const STRING: Type = { kind: 'string' }

function manifestColumns(metadata: TableMetadata): readonly ManifestColumn[] {
  return [...HEAD_COLUMNS, ...COUNT_COLUMNS, { field: SUMMARIES_FIELD, cellOf: summariesReader(metadata) }]
}

const HEAD_COLUMNS: readonly ManifestColumn[] = [
  {
    field: requiredField({ id: 14, name: 'content', type: INT }),
    cellOf: ({ manifest }) => (manifest.content === 'data' ? 0 : 1),
  },
  {
    field: requiredField({ id: 1, name: 'path', type: STRING }),
    cellOf: ({ manifest }) => manifest.location,
  },
  {
    field: requiredField({ id: 2, name: 'length', type: LONG }),
    cellOf: ({ manifest }) => longOf(manifest.lengthBytes),
  },
  {
    field: requiredField({ id: 3, name: 'partition_spec_id', type: INT }),
    cellOf: ({ manifest }) => manifest.specId,
  },
  {
    field: requiredField({ id: 4, name: 'added_snapshot_id', type: LONG }),
    cellOf: ({ manifest }) => manifest.addedSnapshotId,
  },
]

type CountName = 'addedFilesCount' | 'existingFilesCount' | 'deletedFilesCount'

function countColumn(
  id: number,
  name: string,
  counts: { readonly of: ManifestFile['content']; readonly count: CountName },
): ManifestColumn {
  return {
    field: requiredField({ id, name, type: INT }),
    cellOf: ({ manifest }) => (manifest.content === counts.of ? (manifest[counts.count] ?? 0) : 0),
  }
}

const COUNT_COLUMNS: readonly ManifestColumn[] = [
  countColumn(5, 'added_data_files_count', { of: 'data', count: 'addedFilesCount' }),
  countColumn(6, 'existing_data_files_count', { of: 'data', count: 'existingFilesCount' }),
  countColumn(7, 'deleted_data_files_count', { of: 'data', count: 'deletedFilesCount' }),
  countColumn(15, 'added_delete_files_count', { of: 'deletes', count: 'addedFilesCount' }),
  countColumn(16, 'existing_delete_files_count', { of: 'deletes', count: 'existingFilesCount' }),
  countColumn(17, 'deleted_delete_files_count', { of: 'deletes', count: 'deletedFilesCount' }),
]

const SUMMARIES_FIELD: Field = requiredField({
  id: 8,
  name: 'partition_summaries',
  type: {
    kind: 'list',
    elementId: 9,
    elementRequired: true,
    element: {
      kind: 'struct',
      fields: [
        requiredField({ id: 10, name: 'contains_null', type: { kind: 'boolean' } }),
        optionalField({ id: 11, name: 'contains_nan', type: { kind: 'boolean' } }),
        optionalField({ id: 12, name: 'lower_bound', type: STRING }),
        optionalField({ id: 13, name: 'upper_bound', type: STRING }),
      ],
    },
  },
})

const REFERENCE_COLUMNS: readonly ManifestColumn[] = [
  {
    field: requiredField({ id: 18, name: 'reference_snapshot_id', type: LONG }),
    cellOf: ({ snapshot }) => snapshot.snapshotId,
  },
  {
    field: optionalField({ id: 19, name: 'key_metadata', type: { kind: 'binary' } }),
    cellOf: ({ manifest }) => orNull(manifest.keyMetadata),
  },
]

interface SummaryField {
  readonly field: PartitionField
  readonly type: Type
}

/** The types of each spec's fields are worked out once. */
function summariesReader(metadata: TableMetadata): (row: ManifestRow) => Value {
  const schemas = [currentSchema(metadata), ...metadata.schemas.toReversed()]
  const specs = new Map<number, readonly SummaryField[]>()
  const fieldsOf = (specId: number): readonly SummaryField[] => {
    const known = specs.get(specId)
    if (known !== undefined) return known
    const spec = specById(metadata, specId) ?? { specId, fields: [] }
    const types = partitionTypes(spec, schemas)
    const fields = spec.fields.map((field, at) => ({ field, type: types[at] ?? { kind: 'unknown' } }))
    specs.set(specId, fields)
    return fields
  }
  return ({ manifest }) => {
    const fields = fieldsOf(manifest.specId)
    return manifest.partitions.map((summary, at) => [
      summary.containsNull,
      orNull(summary.containsNan),
      boundText(fields[at], summary.lowerBound),
      boundText(fields[at], summary.upperBound),
    ])
  }
}

/** Null when nothing says what the bytes mean. */
function boundText(summary: SummaryField | undefined, bytes: Uint8Array | undefined): Value {
  if (summary === undefined || !isPrimitive(summary.type)) return null
  const value = bytes === undefined ? null : parseValue(summary.type, bytes)
  return value === undefined ? null : partitionText(summary.field, summary.type, value)
}
