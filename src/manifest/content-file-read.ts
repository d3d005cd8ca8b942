/**
 * From the `data_file` record of a manifest entry to a content file. Lenient where writers differ: the format in
 * any case, field ids as longs, an absent partition tuple, split offsets that cannot be true.
 * @see Iceberg table spec, "Manifests"
 */
import { LakeError } from '../base/errors.js'
import type { AvroRecord } from '../format/avro-codec.js'
import { fieldKey } from '../format/avro-codec.js'
import {
  bytesField,
  countField,
  longField,
  numberField,
  numbersField,
  recordField,
  recordsField,
  required,
  textField,
} from '../format/avro-fields.js'
import type { ContentFile, FileFormat, FileMetrics } from './content-file.js'
import { FILE, type MapColumn } from './manifest-schema.js'
import type { PartitionValueReader } from './partition-value.js'

/** One field of the tuple. */
export interface PartitionColumn {
  readonly fieldId: number
  readonly read: PartitionValueReader
}

export interface ContentFileReaderOptions {
  readonly specId: number
  /** In the order of the spec. */
  readonly partition: readonly PartitionColumn[]
  /** Columns whose statistics are kept; undefined: all. */
  readonly statistics: ReadonlySet<number> | undefined
}

export type ContentFileReader = (record: AvroRecord) => ContentFile

const FORMATS: readonly FileFormat[] = ['parquet', 'avro', 'orc', 'puffin']

/** A reader for the files of one manifest. */
export function contentFileReader(options: ContentFileReaderOptions): ContentFileReader {
  const partition = options.partition.map(({ fieldId, read }) => ({ key: fieldKey(fieldId), read }))
  return record => {
    const tuple = recordField(record, FILE.partition)
    const shared: SharedFields = {
      location: required(textField(record, FILE.location), FILE.location),
      format: formatOf(required(textField(record, FILE.format), FILE.format)),
      specId: options.specId,
      partition: partition.map(({ key, read }) => read(tuple?.[key])),
      recordCount: required(countField(record, FILE.recordCount), FILE.recordCount),
      fileSizeBytes: required(countField(record, FILE.fileSizeBytes), FILE.fileSizeBytes),
      ...metricsOf(record, options.statistics),
      ...present('keyMetadata', bytesField(record, FILE.keyMetadata)),
      ...present('sortOrderId', numberField(record, FILE.sortOrderId)),
    }
    return withContent(record, { ...shared, ...splitOffsets(record, shared.fileSizeBytes) })
  }
}

type SharedFields = Omit<Extract<ContentFile, { content: 'data' }>, 'content' | 'firstRowId'>

function withContent(record: AvroRecord, shared: SharedFields): ContentFile {
  switch (numberField(record, FILE.content) ?? 0) {
    case 0:
      return { content: 'data', ...shared, ...present('firstRowId', longField(record, FILE.firstRowId)) }
    case 1:
      return checkVector({
        content: 'position-deletes',
        ...shared,
        ...present('referencedDataFile', textField(record, FILE.referencedDataFile)),
        ...present('contentOffset', countField(record, FILE.contentOffset)),
        ...present('contentSizeBytes', countField(record, FILE.contentSizeBytes)),
      })
    case 2:
      return {
        content: 'equality-deletes',
        ...shared,
        equalityFieldIds: required(numbersField(record, FILE.equalityFieldIds), FILE.equalityFieldIds),
      }
    default:
      throw new LakeError('corrupt', 'a manifest entry has an unknown content')
  }
}

/** A deletion vector is found by offset and size and belongs to one data file. */
function checkVector(file: Extract<ContentFile, { content: 'position-deletes' }>): ContentFile {
  const isPlaced =
    file.contentOffset !== undefined &&
    file.contentSizeBytes !== undefined &&
    file.referencedDataFile !== undefined
  if (file.format === 'puffin' && !isPlaced) {
    throw new LakeError('corrupt', 'a deletion vector has no offset, size or data file', {
      context: { deleteFile: file.location },
    })
  }
  return file
}

function formatOf(text: string): FileFormat {
  const format = FORMATS.find(each => each === text.toLowerCase())
  if (format === undefined)
    throw new LakeError('unsupported', 'the file format is not known', { context: { format: text } })
  return format
}

/** The property, unless there is no value. */
function present<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  const property: { [P in K]?: V } = {}
  if (value !== undefined) property[key] = value
  return property
}

/** Offsets that are unsorted or beyond the file say nothing about it. */
function splitOffsets(record: AvroRecord, fileSizeBytes: number): { splitOffsets?: readonly number[] } {
  const offsets = numbersField(record, FILE.splitOffsets)
  if (offsets === undefined) return {}
  const areSound = offsets.every(
    (offset, index) =>
      offset >= 0 && offset < fileSizeBytes && (index === 0 || offset > (offsets[index - 1] ?? 0)),
  )
  return areSound ? { splitOffsets: offsets } : {}
}

function metricsOf(record: AvroRecord, wanted: ReadonlySet<number> | undefined): FileMetrics {
  const counts = (column: MapColumn): ReadonlyMap<number, number> | undefined =>
    mapOf(record, column, { wanted, read: item => countField(item, column.mapValue) })
  const bounds = (column: MapColumn): ReadonlyMap<number, Uint8Array> | undefined =>
    mapOf(record, column, { wanted, read: item => bytesField(item, column.mapValue) })
  return {
    ...present('columnSizes', counts(FILE.columnSizes)),
    ...present('valueCounts', counts(FILE.valueCounts)),
    ...present('nullValueCounts', counts(FILE.nullValueCounts)),
    ...present('nanValueCounts', counts(FILE.nanValueCounts)),
    ...present('lowerBounds', bounds(FILE.lowerBounds)),
    ...present('upperBounds', bounds(FILE.upperBounds)),
  }
}

function mapOf<V>(
  record: AvroRecord,
  column: MapColumn,
  options: {
    readonly wanted: ReadonlySet<number> | undefined
    readonly read: (item: AvroRecord) => V | undefined
  },
): ReadonlyMap<number, V> | undefined {
  const items = recordsField(record, column)
  if (items === undefined) return undefined
  const map = new Map<number, V>()
  for (const item of items) {
    const id = required(numberField(item, column.mapKey), column.mapKey)
    const value = options.wanted === undefined || options.wanted.has(id) ? options.read(item) : undefined
    if (value !== undefined) map.set(id, value)
  }
  return map
}
