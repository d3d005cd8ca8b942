/**
 * Reading manifests: from the bytes of an Avro file to entries in which everything that is inherited is filled in.
 *
 *   snapshot id        null: the manifest's added snapshot
 *   sequence numbers   null in an added entry: the manifest's; absent in v1: 0
 *   first row id       null in a live data entry: the manifest's, running on by the record counts
 *
 * @see Iceberg table spec, "Manifests", "Sequence Number Inheritance", "First Row ID Inheritance"
 */
import { isLakeError, LakeError } from '../base/errors.js'
import { parseJson } from '../base/json.js'
import type { AvroCodecOptions, AvroRecord } from '../format/avro-codec.js'
import { type AvroFile, readAvroContainer } from '../format/avro-container.js'
import { countField, longField, numberField, recordField, required } from '../format/avro-fields.js'
import { type AvroField, type AvroRecordType, type AvroType, isPlainFixed } from '../format/avro-schema.js'
import { located } from '../format/located.js'
import type { FileIO, IoOptions } from '../io/file-io.js'
import { partitionTypes } from '../schema/partition.js'
import type { PartitionField, PartitionSpec } from '../schema/partition-spec.js'
import { parsePartitionFields } from '../schema/partition-spec-json.js'
import type { Schema } from '../schema/types.js'
import type { ContentFile, EntryStatus, ManifestEntry } from './content-file.js'
import { type ContentFileReader, contentFileReader, type PartitionColumn } from './content-file-read.js'
import type { ManifestFile } from './manifest-file.js'
import { ENTRY, ENTRY_COUNT_IDS, FILE, STATISTICS_IDS } from './manifest-schema.js'
import { partitionValueReader } from './partition-value.js'

export interface ReadManifestOptions extends IoOptions {
  /** The table's specs; a manifest of another spec is read by the spec in its header. */
  readonly specs: readonly PartitionSpec[]
  /** The schema whose types the partition values take. */
  readonly schema: Schema
  /** The table's other schemas: for partition columns that were dropped since. */
  readonly schemas?: readonly Schema[] | undefined
  /** Entries to return; default all, deleted ones included. */
  readonly keep?: ((status: EntryStatus) => boolean) | undefined
  /** Statistics to decode: all (the default), none, or those of some columns. */
  readonly withStatistics?: boolean | ReadonlySet<number> | undefined
}

const STATUSES: readonly EntryStatus[] = ['existing', 'added', 'deleted']

/**
 * The entries of a manifest, in its order; one request.
 * @throws corrupt when the file breaks the format; unsupported when it is encrypted; not-found, denied, unavailable
 */
export async function readManifest(
  io: FileIO,
  manifest: ManifestFile,
  options: ReadManifestOptions,
): Promise<ManifestEntry[]> {
  const bytes = await io.read(manifest.location, { signal: options.signal })
  return parseManifest(bytes, manifest, options)
}

/** The entries of a manifest's bytes. */
export function parseManifest(
  bytes: Uint8Array,
  manifest: ManifestFile,
  options: ReadManifestOptions,
): ManifestEntry[] {
  const { location } = manifest
  const file = readAvroContainer(bytes, { location })
  const { withStatistics = true, keep } = options
  const skipIds = withStatistics === false ? STATISTICS_IDS : undefined
  return located(location, () => {
    const readFile = contentFileReader({
      specId: manifest.specId,
      partition: partitionColumns(file, manifest.specId, options),
      statistics: typeof withStatistics === 'object' ? withStatistics : undefined,
    })
    return decodeEntries(file, { countIds: ENTRY_COUNT_IDS, skipIds }, records => {
      const inherit = createInheritance(manifest, file.schema, readFile)
      const entries: ManifestEntry[] = []
      for (const record of records) {
        const entry = inherit(record)
        if (keep === undefined || keep(entry.status)) entries.push(entry)
      }
      return entries
    })
  })
}

/**
 * Decodes the records of a manifest. One with plain fixed values in its tuples that does not read as its schema
 * says is read as Java writes it (`withPrefixedFixed`): decoded the wrong way, the values behind are broken.
 */
function decodeEntries<T>(
  file: AvroFile,
  options: AvroCodecOptions,
  decode: (records: Iterable<AvroRecord>) => T,
): T {
  try {
    return decode(file.records(options))
  } catch (error) {
    if (!isLakeError(error, 'corrupt') || !storedPartition(file.schema)?.fields.some(hasPlainFixed))
      throw error
    try {
      return decode(file.records({ ...options, prefixedFixed: true }))
    } catch {
      throw error
    }
  }
}

function hasPlainFixed({ type }: AvroField): boolean {
  return type.kind === 'union' ? type.branches.some(isPlainFixed) : isPlainFixed(type)
}

/** How each field of the spec's tuple is read out of this file. */
function partitionColumns(file: AvroFile, specId: number, options: ReadManifestOptions): PartitionColumn[] {
  const spec = options.specs.find(each => each.specId === specId) ?? { specId, fields: headerSpec(file) }
  const schemas = [options.schema, ...(options.schemas ?? []).toReversed()]
  const wanted = partitionTypes(spec, schemas)
  const stored = storedPartition(file.schema)
  return spec.fields.map((field, index) => {
    const column = stored?.fields.find(each => each.id === field.fieldId)
    const read = partitionValueReader(column?.type ?? { kind: 'null' }, wanted[index] ?? { kind: 'unknown' })
    return { fieldId: field.fieldId, read }
  })
}

function headerSpec(file: AvroFile): readonly PartitionField[] {
  const text = file.metadata.get('partition-spec')
  return text === undefined ? [] : parsePartitionFields(parseJson(text))
}

function storedPartition(schema: AvroRecordType): AvroRecordType | undefined {
  const dataFile = recordType(schema.fields.find(({ id }) => id === ENTRY.dataFile.id)?.type)
  return recordType(dataFile?.fields.find(({ id }) => id === FILE.partition.id)?.type)
}

/** The record behind a field; some writers make it optional. */
function recordType(type: AvroType | undefined): AvroRecordType | undefined {
  if (type?.kind === 'union') return recordType(type.branches.find(branch => branch.kind === 'record'))
  return type?.kind === 'record' ? type : undefined
}

/** Decodes entries in file order, giving them what they inherit. */
function createInheritance(
  manifest: ManifestFile,
  schema: AvroRecordType,
  readFile: ContentFileReader,
): (record: AvroRecord) => ManifestEntry {
  const hasSequenceNumbers = schema.fields.some(({ id }) => id === ENTRY.dataSequenceNumber.id)
  let nextRowId = manifest.firstRowId
  const withRowId = (file: ContentFile, status: EntryStatus): ContentFile => {
    if (file.content !== 'data') return file
    if (nextRowId === undefined) {
      const { firstRowId: _, ...unassigned } = file
      return unassigned
    }
    if (status === 'deleted' || file.firstRowId !== undefined) return file
    const firstRowId = nextRowId
    nextRowId += BigInt(file.recordCount)
    return { ...file, firstRowId }
  }
  const sequenceNumber = (stored: bigint | undefined, status: EntryStatus): bigint => {
    if (stored !== undefined) return stored
    if (status === 'added' || manifest.sequenceNumber === 0n) return manifest.sequenceNumber
    if (!hasSequenceNumbers) return 0n
    throw new LakeError('corrupt', 'a manifest entry that was not added has no sequence number', {
      context: { status },
    })
  }
  return record => {
    const status = statusOf(record)
    const dataSequenceNumber = sequenceNumber(longField(record, ENTRY.dataSequenceNumber), status)
    const fileSequenceNumber = longField(record, ENTRY.fileSequenceNumber)
    const file = readFile(required(recordField(record, ENTRY.dataFile), ENTRY.dataFile))
    return {
      status,
      snapshotId: longField(record, ENTRY.snapshotId) ?? manifest.addedSnapshotId,
      dataSequenceNumber,
      // Early writers of v2 have no file sequence number; the data sequence number is the closest bound.
      fileSequenceNumber:
        fileSequenceNumber ?? (status === 'added' ? manifest.sequenceNumber : dataSequenceNumber),
      file: withRowId(file, status),
    }
  }
}

function statusOf(record: AvroRecord): EntryStatus {
  const status = STATUSES[required(numberField(record, ENTRY.status), ENTRY.status)]
  if (status === undefined) throw new LakeError('corrupt', 'a manifest entry has an unknown status')
  return status
}

/** Live and deleted entries and their rows, for lists of writers that did not count. */
export interface ManifestCounts {
  readonly addedFilesCount: number
  readonly existingFilesCount: number
  readonly deletedFilesCount: number
  readonly addedRowsCount: number
  readonly existingRowsCount: number
  readonly deletedRowsCount: number
}

/** Counts the entries of a manifest whose list does not say. */
export async function countManifest(
  io: FileIO,
  manifest: ManifestFile,
  ioOptions: IoOptions = {},
): Promise<ManifestCounts> {
  const { location } = manifest
  const file = readAvroContainer(await io.read(location, ioOptions), { location })
  const options = { countIds: ENTRY_COUNT_IDS, skipIds: STATISTICS_IDS }
  return located(location, () => decodeEntries(file, options, countEntries))
}

function countEntries(records: Iterable<AvroRecord>): ManifestCounts {
  const files = { existing: 0, added: 0, deleted: 0 }
  const rows = { existing: 0, added: 0, deleted: 0 }
  for (const record of records) {
    const status = statusOf(record)
    const dataFile = required(recordField(record, ENTRY.dataFile), ENTRY.dataFile)
    files[status]++
    rows[status] += required(countField(dataFile, FILE.recordCount), FILE.recordCount)
  }
  return {
    addedFilesCount: files.added,
    existingFilesCount: files.existing,
    deletedFilesCount: files.deleted,
    addedRowsCount: rows.added,
    existingRowsCount: rows.existing,
    deletedRowsCount: rows.deleted,
  }
}
