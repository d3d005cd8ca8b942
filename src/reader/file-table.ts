/**
 * A single data file as a table: one snapshot that holds this file. Its manifest and manifest list are made in memory
 * beside the file, so that scans, counts, explanations and metadata tables work on it as on any table.
 */
import { LakeError } from '../base/errors.js'
import type { FileIO } from '../io/file-io.js'
import { createMemoryIO } from '../io/memory.js'
import { overlaidIO } from '../io/overlaid.js'
import type { DataFile, FileFormat } from '../manifest/content-file.js'
import { writeManifestList } from '../manifest/manifest-list-write.js'
import { writeManifest } from '../manifest/manifest-write.js'
import { MAIN_BRANCH, type TableMetadata } from '../metadata/table-metadata.js'
import { NAME_MAPPING_PROPERTY, nameMappingOf, serializeNameMapping } from '../schema/name-mapping.js'
import { UNPARTITIONED } from '../schema/partition-spec.js'
import { METADATA_FIELDS } from '../schema/reserved-fields.js'
import { assignFreshIds, childFields, highestFieldId } from '../schema/schema.js'
import { UNSORTED } from '../schema/sort-order.js'
import type { Field } from '../schema/types.js'
import { type OpenedFile, openDataFile } from './open-file.js'

const MADE_UP = 'memory://file-table/'
/** A file without a commit has no snapshot id of its own. */
const SNAPSHOT_ID = 1n
const FORMATS: readonly (readonly [extension: string, format: 'parquet' | 'avro'])[] = [
  ['.parquet', 'parquet'],
  ['.avro', 'avro'],
]

/** The format that a name stands for; undefined for names that are not of data files. */
export function dataFileFormat(location: string): 'parquet' | 'avro' | undefined {
  const name = location.toLowerCase()
  return FORMATS.find(([extension]) => name.endsWith(extension))?.[1]
}

/** Storage in which `openFileTable` can put what it makes up. */
export function fileTableIO(io: FileIO): FileIO {
  return overlaidIO(io, { prefix: MADE_UP, over: createMemoryIO() })
}

/**
 * Opens a data file as a table of format version 3. Columns keep the field ids of the file; in a file without any they
 * are numbered by position.
 * @param io made by `fileTableIO`
 * @throws not-found, corrupt, denied, unavailable; unsupported for a file of which only some columns have an id
 */
export async function openFileTable(
  io: FileIO,
  location: string,
  options: { readonly format: 'parquet' | 'avro'; readonly signal?: AbortSignal | undefined },
): Promise<TableMetadata> {
  const { format, signal } = options
  const stat = await io.stat(location, { signal })
  const file = await openDataFile(io, location, { format, sizeBytes: stat.sizeBytes, signal })
  const rows = await countFileRows(file)
  const { fields, properties } = tableColumns(file.fields, location)
  const described = { location, format, sizeBytes: stat.sizeBytes, rows }
  const at = `${MADE_UP}${stat.sizeBytes}-${Math.trunc(stat.modifiedMs)}-${rows}/${encodeURIComponent(location)}`
  const manifestList = await makeUpManifests(io, at, { ...described, fields, signal })
  return metadataOf(described, { fields, properties, manifestList, modifiedMs: Math.trunc(stat.modifiedMs) })
}

interface DescribedFile {
  readonly location: string
  readonly format: FileFormat
  readonly sizeBytes: number
  readonly rows: number
}

async function countFileRows(file: OpenedFile): Promise<number> {
  if (file.rowGroups !== undefined) return file.rowGroups.reduce((sum, group) => sum + group.rowCount, 0)
  let rows = 0
  for await (const { batch } of file.read({ columns: [] })) rows += batch.length
  return rows
}

interface TableColumns {
  readonly fields: readonly Field[]
  readonly properties: Readonly<Record<string, string>>
}

const METADATA_IDS: ReadonlySet<number> = new Set(METADATA_FIELDS.map(field => field.id))

function tableColumns(stored: readonly Field[], location: string): TableColumns {
  const ids = stored.flatMap(idsOf)
  const present = ids.filter(id => id >= 0)
  if (new Set(present).size === ids.length) {
    // Columns such as _row_id are metadata columns of the table.
    return { fields: stored.filter(field => !METADATA_IDS.has(field.id)), properties: {} }
  }
  if (present.length > 0) {
    throw new LakeError('unsupported', 'some columns of the file have no field id, or share one', {
      context: { location },
    })
  }
  const { fields } = assignFreshIds(stored, { nextId: 1 })
  return { fields, properties: { [NAME_MAPPING_PROPERTY]: serializeNameMapping(nameMappingOf(fields)) } }
}

function idsOf(field: Field): readonly number[] {
  return [field.id, ...childFields(field.type).flatMap(idsOf)]
}

async function makeUpManifests(
  io: FileIO,
  at: string,
  file: DescribedFile & {
    readonly fields: readonly Field[]
    readonly signal: AbortSignal | undefined
  },
): Promise<string> {
  const { location, format, sizeBytes, rows, fields, signal } = file
  const dataFile: DataFile = {
    content: 'data',
    location,
    format,
    specId: UNPARTITIONED.specId,
    partition: [],
    recordCount: rows,
    fileSizeBytes: sizeBytes,
  }
  const version = { formatVersion: 3, snapshotId: SNAPSHOT_ID, signal } as const
  const manifest = await writeManifest(io, `${at}-manifest`, {
    ...version,
    entries: [{ status: 'added', file: dataFile }],
    spec: UNPARTITIONED,
    schema: { schemaId: 0, fields, identifierFieldIds: [] },
    content: 'data',
  })
  const manifestList = `${at}-list`
  await writeManifestList(io, manifestList, [manifest], {
    ...version,
    parentSnapshotId: undefined,
    sequenceNumber: 1n,
    firstRowId: 0n,
  })
  return manifestList
}

function metadataOf(
  file: DescribedFile,
  table: TableColumns & { readonly manifestList: string; readonly modifiedMs: number },
): TableMetadata {
  const { fields, properties, manifestList, modifiedMs } = table
  return {
    formatVersion: 3,
    location: file.location,
    lastSequenceNumber: 1n,
    lastUpdatedMs: modifiedMs,
    lastColumnId: highestFieldId({ fields }),
    schemas: [{ schemaId: 0, fields, identifierFieldIds: [] }],
    currentSchemaId: 0,
    partitionSpecs: [UNPARTITIONED],
    defaultSpecId: UNPARTITIONED.specId,
    lastPartitionId: 999,
    sortOrders: [UNSORTED],
    defaultSortOrderId: UNSORTED.orderId,
    properties,
    currentSnapshotId: SNAPSHOT_ID,
    snapshots: [
      {
        snapshotId: SNAPSHOT_ID,
        sequenceNumber: 1n,
        timestampMs: modifiedMs,
        manifestList,
        operation: 'append',
        summary: fileSummary(file),
        schemaId: 0,
        firstRowId: 0n,
        addedRows: BigInt(file.rows),
      },
    ],
    snapshotLog: [{ timestampMs: modifiedMs, snapshotId: SNAPSHOT_ID }],
    metadataLog: [],
    refs: { [MAIN_BRANCH]: { type: 'branch', snapshotId: SNAPSHOT_ID } },
    statistics: [],
    partitionStatistics: [],
    nextRowId: BigInt(file.rows),
    encryptionKeys: [],
  }
}

function fileSummary({ rows, sizeBytes }: DescribedFile): Readonly<Record<string, string>> {
  return {
    'added-data-files': '1',
    'added-records': String(rows),
    'added-files-size': String(sizeBytes),
    'total-data-files': '1',
    'total-delete-files': '0',
    'total-records': String(rows),
    'total-files-size': String(sizeBytes),
  }
}
