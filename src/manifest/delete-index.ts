/**
 * Which delete files reach a data file. A delete file reaches a data file when all of these hold:
 *
 *   kind                 sequence numbers      scope
 *   deletion vector      data <= delete        the one data file it names
 *   position deletes     data <= delete        the one data file it names, else same spec and partition,
 *                                              and the data file's path lies within the file_path bounds
 *   equality deletes     data <  delete        same spec and partition; a delete of an unpartitioned spec is
 *                                              global; and the key bounds of the two files can meet
 *
 * A data file with a vector ignores older position deletes: the writer of the vector has merged them into it.
 * Paths compare as the text that is written in the manifests.
 * @see Iceberg table spec, "Scan Planning"
 */
import { utf8Encode } from '../base/bytes.js'
import { LakeError } from '../base/errors.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { isUnpartitioned, partitionKey, partitionTypes } from '../schema/partition.js'
import type { PartitionTuple } from '../schema/partition-spec.js'
import { DELETE_FILE_PATH_FIELD } from '../schema/reserved-fields.js'
import { indexFields } from '../schema/schema.js'
import { type ParsedBounds, parseBounds } from '../schema/stored-bounds.js'
import type { PrimitiveType, Type } from '../schema/types.js'
import { isPrimitive } from '../schema/types.js'
import { compareValues, parseValue } from '../schema/value.js'
import type {
  ContentFile,
  DataFile,
  EqualityDeleteFile,
  ManifestEntry,
  PositionDeleteFile,
} from './content-file.js'
import { isDeletionVector } from './content-file.js'

/** An entry whose kind of file is known. */
export type EntryOf<F extends ContentFile> = ManifestEntry & { readonly file: F }

/** The deletes of one data file; each list is in the order of sequence numbers. */
export interface DeletesOfFile {
  readonly vector?: EntryOf<PositionDeleteFile>
  readonly positionDeletes: readonly EntryOf<PositionDeleteFile>[]
  readonly equalityDeletes: readonly EntryOf<EqualityDeleteFile>[]
}

export interface DeleteIndex {
  /** Live delete files in the index. */
  readonly fileCount: number
  /** Every column that some equality delete compares, by field id. */
  readonly equalityFieldIds: ReadonlySet<number>
  /** @throws corrupt when a deletion vector is older than the data file it names */
  forDataFile(entry: EntryOf<DataFile>): DeletesOfFile
}

export type DeleteIndexMetadata = Pick<TableMetadata, 'partitionSpecs' | 'schemas'>

const NO_DELETES: DeletesOfFile = { positionDeletes: [], equalityDeletes: [] }

export function isDataEntry(entry: ManifestEntry): entry is EntryOf<DataFile> {
  return entry.file.content === 'data'
}

function isPositionEntry(entry: ManifestEntry): entry is EntryOf<PositionDeleteFile> {
  return entry.file.content === 'position-deletes'
}

function isEqualityEntry(entry: ManifestEntry): entry is EntryOf<EqualityDeleteFile> {
  return entry.file.content === 'equality-deletes'
}

/**
 * Indexes the live delete entries of a snapshot; entries of removed files are passed over.
 * @throws corrupt when two deletion vectors name one data file, or a vector names none, or for a data file: what is
 * not known to be a delete deletes nothing, and rows would come back
 */
export function buildDeleteIndex(
  entries: readonly ManifestEntry[],
  metadata: DeleteIndexMetadata,
): DeleteIndex {
  const partitions = partitionKeys(metadata)
  const typeOf = keyTypes(metadata)
  const vectors = new Map<string, EntryOf<PositionDeleteFile>>()
  const byPath = new Map<string, EntryOf<PositionDeleteFile>[]>()
  const byPartition = new Map<string, EntryOf<PositionDeleteFile>[]>()
  const equalityByPartition = new Map<string, EntryOf<EqualityDeleteFile>[]>()
  const globalEquality: EntryOf<EqualityDeleteFile>[] = []
  const equalityFieldIds = new Set<number>()
  let fileCount = 0

  for (const entry of entries) {
    if (entry.status === 'deleted') continue
    checkDelete(entry)
    fileCount++
    if (isEqualityEntry(entry)) {
      for (const id of entry.file.equalityFieldIds) equalityFieldIds.add(id)
      if (partitions.isGlobal(entry.file)) globalEquality.push(entry)
      else append(equalityByPartition, partitions.keyOf(entry.file), entry)
    } else if (isPositionEntry(entry)) {
      const path = referencedDataFile(entry.file)
      if (isDeletionVector(entry.file)) addVector(vectors, path, entry)
      else if (path !== undefined) append(byPath, path, entry)
      else append(byPartition, partitions.keyOf(entry.file), entry)
    }
  }
  sortAll([globalEquality, ...byPath.values(), ...byPartition.values(), ...equalityByPartition.values()])
  if (fileCount === 0) return { fileCount, equalityFieldIds, forDataFile: () => NO_DELETES }

  return {
    fileCount,
    equalityFieldIds,
    forDataFile(entry) {
      const { file, dataSequenceNumber } = entry
      const partition = partitions.keyOf(file)
      const vector = vectors.get(file.location)
      if (vector !== undefined) checkVectorSequence(vector, entry)
      const positionDeletes =
        vector === undefined
          ? [
              ...from(byPath.get(file.location), dataSequenceNumber),
              ...from(byPartition.get(partition), dataSequenceNumber).filter(found =>
                mightHoldPath(found.file, file.location),
              ),
            ]
          : []
      const equalityDeletes = [
        ...from(globalEquality, dataSequenceNumber + 1n),
        ...from(equalityByPartition.get(partition), dataSequenceNumber + 1n),
      ].filter(found => mightShareKey(found.file, file, typeOf))
      return { ...(vector === undefined ? {} : { vector }), positionDeletes, equalityDeletes }
    },
  }
}

function checkDelete({ file }: ManifestEntry): void {
  if (file.content !== 'data') return
  throw new LakeError('corrupt', 'a delete manifest holds a data file', {
    context: { location: file.location },
  })
}

/**
 * The one data file that a position delete file is about: named by the entry, or by file_path bounds that are
 * equal. Undefined when it is about several.
 */
export function referencedDataFile(file: PositionDeleteFile): string | undefined {
  if (file.referencedDataFile !== undefined) return file.referencedDataFile
  const lower = file.lowerBounds?.get(DELETE_FILE_PATH_FIELD.id)
  const upper = file.upperBounds?.get(DELETE_FILE_PATH_FIELD.id)
  if (lower === undefined || upper === undefined || Buffer.compare(lower, upper) !== 0) return undefined
  const path = parseValue({ kind: 'string' }, lower)
  return typeof path === 'string' ? path : undefined
}

/** The one data file that any file deletes from by position; undefined for data and for other deletes. */
export function dataFileOf(file: ContentFile): string | undefined {
  return file.content === 'position-deletes' ? referencedDataFile(file) : undefined
}

function append<T>(index: Map<string, T[]>, key: string, entry: T): void {
  const list = index.get(key)
  if (list === undefined) index.set(key, [entry])
  else list.push(entry)
}

function addVector(
  vectors: Map<string, EntryOf<PositionDeleteFile>>,
  path: string | undefined,
  entry: EntryOf<PositionDeleteFile>,
): void {
  const { location, contentOffset, contentSizeBytes } = entry.file
  if (path === undefined || contentOffset === undefined || contentSizeBytes === undefined)
    throw new LakeError('corrupt', 'a deletion vector lacks its data file, offset or size', {
      context: { location },
    })
  if (vectors.has(path))
    throw new LakeError('corrupt', 'two deletion vectors name one data file', {
      context: { dataFile: path, location },
    })
  vectors.set(path, entry)
}

function checkVectorSequence(vector: EntryOf<PositionDeleteFile>, data: EntryOf<DataFile>): void {
  if (vector.dataSequenceNumber >= data.dataSequenceNumber) return
  throw new LakeError('corrupt', 'a deletion vector is older than the data file it names', {
    context: { dataFile: data.file.location, location: vector.file.location },
  })
}

function sortAll(lists: readonly ManifestEntry[][]): void {
  for (const list of lists)
    list.sort((a, b) =>
      a.dataSequenceNumber < b.dataSequenceNumber ? -1 : a.dataSequenceNumber > b.dataSequenceNumber ? 1 : 0,
    )
}

/** The entries of a sorted list whose data sequence number is at least `sequenceNumber`. */
function from<T extends ManifestEntry>(list: readonly T[] | undefined, sequenceNumber: bigint): readonly T[] {
  if (list === undefined) return []
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((list[middle] as T).dataSequenceNumber < sequenceNumber) low = middle + 1
    else high = middle
  }
  return list.slice(low)
}

function mightHoldPath(file: PositionDeleteFile, path: string): boolean {
  const lower = file.lowerBounds?.get(DELETE_FILE_PATH_FIELD.id)
  const upper = file.upperBounds?.get(DELETE_FILE_PATH_FIELD.id)
  if (lower === undefined && upper === undefined) return true
  const bytes = utf8Encode(path)
  if (lower !== undefined && Buffer.compare(bytes, lower) < 0) return false
  return upper === undefined || Buffer.compare(bytes, upper) <= 0
}

/** False when some key column proves that no row of the data file equals a row of the delete file. */
function mightShareKey(
  deletes: EqualityDeleteFile,
  data: DataFile,
  keyOf: (fieldId: number) => KeyType | undefined,
): boolean {
  return deletes.equalityFieldIds.every(id => {
    const key = keyOf(id)
    return key === undefined || mightMeet(key.type, columnRange(deletes, id, key), columnRange(data, id, key))
  })
}

interface KeyType {
  readonly type: PrimitiveType
  /** Inside a struct, whose own nulls some writers count with the field's and others do not. */
  readonly isNested: boolean
}

/** What the statistics of a file say about one column; `undefined` members are unknown. */
interface ColumnRange extends ParsedBounds {
  readonly mightHoldNull: boolean
  readonly mightHoldNan: boolean
  readonly mightHoldValue: boolean
}

function columnRange(file: ContentFile, id: number, { type, isNested }: KeyType): ColumnRange {
  const values = file.valueCounts?.get(id)
  const nulls = isNested ? undefined : file.nullValueCounts?.get(id)
  const bounds = { lower: file.lowerBounds?.get(id), upper: file.upperBounds?.get(id) }
  const isFloating = type.kind === 'float' || type.kind === 'double'
  return {
    ...parseBounds(type, bounds),
    mightHoldNull: nulls === undefined || nulls > 0,
    mightHoldNan: isFloating && file.nanValueCounts?.get(id) !== 0,
    mightHoldValue: values === undefined || nulls === undefined || nulls < values,
  }
}

/** A key null equals null and a NaN equals NaN; bounds tell of neither. */
function mightMeet(type: PrimitiveType, a: ColumnRange, b: ColumnRange): boolean {
  if (a.mightHoldNull && b.mightHoldNull) return true
  if (!a.mightHoldValue || !b.mightHoldValue) return false
  if (a.mightHoldNan && b.mightHoldNan) return true
  if (isAbove(type, a.lower, b.upper) || isAbove(type, b.lower, a.upper)) return false
  return true
}

function isAbove(type: PrimitiveType, lower: ColumnRange['lower'], upper: ColumnRange['upper']): boolean {
  if (lower === undefined || upper === undefined || lower === null || upper === null) return false
  return compareValues(type, lower, upper) > 0
}

interface PartitionKeys {
  keyOf(file: ContentFile): string
  isGlobal(file: EqualityDeleteFile): boolean
}

/** Text keys of (spec, partition tuple), with the types of each spec worked out once. */
function partitionKeys(metadata: DeleteIndexMetadata): PartitionKeys {
  const newestFirst = metadata.schemas.toReversed()
  const specs = new Map(
    metadata.partitionSpecs.map(spec => [
      spec.specId,
      { isGlobal: isUnpartitioned(spec), types: partitionTypes(spec, newestFirst) },
    ]),
  )
  // Files of a manifest that are in one partition share the tuple.
  const known = new WeakMap<PartitionTuple, { readonly specId: number; readonly key: string }>()
  return {
    keyOf({ specId, partition }) {
      const found = known.get(partition)
      if (found?.specId === specId) return found.key
      const spec = specs.get(specId)
      const key = `${specId}|${spec === undefined ? '' : partitionKey(spec.types, partition)}`
      known.set(partition, { specId, key })
      return key
    },
    isGlobal: file => specs.get(file.specId)?.isGlobal ?? file.partition.length === 0,
  }
}

function keyTypes(metadata: DeleteIndexMetadata): (fieldId: number) => KeyType | undefined {
  const types = new Map<number, Type>()
  const topLevel = new Set<number>()
  for (const schema of metadata.schemas) {
    for (const [id, field] of indexFields(schema)) types.set(id, field.type)
    for (const field of schema.fields) topLevel.add(field.id)
  }
  return id => {
    const type = types.get(id)
    return type !== undefined && isPrimitive(type) ? { type, isNested: !topLevel.has(id) } : undefined
  }
}
