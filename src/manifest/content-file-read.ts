/**
 * From the entry under a cursor to a content file. Lenient where writers differ: the format in any case, field ids
 * as longs, an absent partition tuple, split offsets that cannot be true.
 * @see Iceberg table spec, "Manifests"
 */
import { unreachable } from '../base/assert.js'
import { LakeError } from '../base/errors.js'
import { required } from '../format/avro-fields.js'
import type { PartitionTuple } from '../schema/partition-spec.js'
import type { ContentFile, DataFile, FileFormat } from './content-file.js'
import type { EntryCursor } from './entry-cursor.js'
import { FILE } from './manifest-schema.js'

export interface ContentFileOptions {
  readonly specId: number
  readonly partition: PartitionTuple
  /** Statistics to decode: all, none, or those of some columns. */
  readonly statistics: boolean | ReadonlySet<number>
}

/** By their numbers in manifests. */
const CONTENTS: readonly ContentFile['content'][] = ['data', 'position-deletes', 'equality-deletes']

type Writable<T> = { -readonly [K in keyof T]: T[K] }
type SharedFields = Writable<Omit<DataFile, 'content' | 'firstRowId'>>

const FORMATS: ReadonlyMap<string, FileFormat> = new Map([
  ['PARQUET', 'parquet'],
  ['AVRO', 'avro'],
  ['ORC', 'orc'],
  ['PUFFIN', 'puffin'],
])

/** The file of the entry, with the row id that is stored in it. @throws corrupt, unsupported for an unknown format */
export function contentFileAt(entry: EntryCursor, options: ContentFileOptions): ContentFile {
  const shared = sharedFields(entry, options)
  const content = contentAt(entry)
  switch (content) {
    case 'data': {
      const firstRowId = entry.long(FILE.firstRowId)
      return firstRowId === undefined
        ? { content: 'data', ...shared }
        : { content: 'data', ...shared, firstRowId }
    }
    case 'position-deletes':
      return positionDeletes(entry, shared)
    case 'equality-deletes': {
      const equalityFieldIds = required(entry.numbers(FILE.equalityFieldIds), FILE.equalityFieldIds)
      return { content: 'equality-deletes', ...shared, equalityFieldIds }
    }
    default:
      return unreachable(content)
  }
}

/** What the file of the entry holds. @throws corrupt for anything unknown */
export function contentAt(entry: EntryCursor): ContentFile['content'] {
  const content = CONTENTS[entry.number(FILE.content) ?? 0]
  if (content === undefined) throw new LakeError('corrupt', 'a manifest entry has an unknown content')
  return content
}

/** The split offsets of the entry, if they can be true. */
export function splitOffsetsAt(entry: EntryCursor, fileSizeBytes: number): readonly number[] | undefined {
  const offsets = entry.numbers(FILE.splitOffsets)
  return offsets !== undefined && areSound(offsets, fileSizeBytes) ? offsets : undefined
}

function sharedFields(entry: EntryCursor, options: ContentFileOptions): SharedFields {
  const fileSizeBytes = required(entry.count(FILE.fileSizeBytes), FILE.fileSizeBytes)
  const file: SharedFields = {
    location: required(entry.text(FILE.location), FILE.location),
    format: formatOf(required(entry.text(FILE.format), FILE.format)),
    specId: options.specId,
    partition: options.partition,
    recordCount: required(entry.count(FILE.recordCount), FILE.recordCount),
    fileSizeBytes,
  }
  if (options.statistics !== false) {
    addStatistics(file, entry, options.statistics === true ? undefined : options.statistics)
  }
  const keyMetadata = entry.bytes(FILE.keyMetadata)
  if (keyMetadata !== undefined) file.keyMetadata = keyMetadata
  const sortOrderId = entry.number(FILE.sortOrderId)
  if (sortOrderId !== undefined) file.sortOrderId = sortOrderId
  const splitOffsets = splitOffsetsAt(entry, fileSizeBytes)
  if (splitOffsets !== undefined) file.splitOffsets = splitOffsets
  return file
}

function addStatistics(
  file: SharedFields,
  entry: EntryCursor,
  wanted: ReadonlySet<number> | undefined,
): void {
  const columnSizes = entry.counts(FILE.columnSizes, wanted)
  if (columnSizes !== undefined) file.columnSizes = columnSizes
  const valueCounts = entry.counts(FILE.valueCounts, wanted)
  if (valueCounts !== undefined) file.valueCounts = valueCounts
  const nullValueCounts = entry.counts(FILE.nullValueCounts, wanted)
  if (nullValueCounts !== undefined) file.nullValueCounts = nullValueCounts
  const nanValueCounts = entry.counts(FILE.nanValueCounts, wanted)
  if (nanValueCounts !== undefined) file.nanValueCounts = nanValueCounts
  const lowerBounds = entry.bounds(FILE.lowerBounds, wanted)
  if (lowerBounds !== undefined) file.lowerBounds = lowerBounds
  const upperBounds = entry.bounds(FILE.upperBounds, wanted)
  if (upperBounds !== undefined) file.upperBounds = upperBounds
}

function positionDeletes(entry: EntryCursor, shared: SharedFields): ContentFile {
  const referencedDataFile = entry.text(FILE.referencedDataFile)
  const contentOffset = entry.count(FILE.contentOffset)
  const contentSizeBytes = entry.count(FILE.contentSizeBytes)
  const isPlaced =
    contentOffset !== undefined && contentSizeBytes !== undefined && referencedDataFile !== undefined
  // A deletion vector is found by offset and size and belongs to one data file.
  if (shared.format === 'puffin' && !isPlaced) {
    throw new LakeError('corrupt', 'a deletion vector has no offset, size or data file', {
      context: { deleteFile: shared.location },
    })
  }
  return {
    content: 'position-deletes',
    ...shared,
    ...(referencedDataFile !== undefined && { referencedDataFile }),
    ...(contentOffset !== undefined && { contentOffset }),
    ...(contentSizeBytes !== undefined && { contentSizeBytes }),
  }
}

function formatOf(text: string): FileFormat {
  const format = FORMATS.get(text) ?? FORMATS.get(text.toUpperCase())
  if (format === undefined)
    throw new LakeError('unsupported', 'the file format is not known', { context: { format: text } })
  return format
}

/** Offsets that are unsorted or beyond the file say nothing about it. */
function areSound(offsets: readonly number[], fileSizeBytes: number): boolean {
  return offsets.every(
    (offset, index) =>
      offset >= 0 && offset < fileSizeBytes && (index === 0 || offset > (offsets[index - 1] ?? 0)),
  )
}
