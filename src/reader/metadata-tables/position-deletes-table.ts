/**
 * The `position_deletes` table: every deleted position that a snapshot's position delete files and deletion vectors
 * hold, whether or not the data file still stands. `row` is the deleted row where a writer stored it.
 * @see Iceberg table spec, "Position Delete Files"; Iceberg's Java library: PositionDeletesTable
 */
import { LakeError } from '../../base/errors.js'
import type { ColumnBatch, Vector } from '../../batch/column-batch.js'
import { projectBatch } from '../../batch/project-batch.js'
import { constantVector, nullVectorOf } from '../../batch/take.js'
import type { FileIO } from '../../io/file-io.js'
import { type ContentFile, isDeletionVector, type PositionDeleteFile } from '../../manifest/content-file.js'
import { isLive } from '../../manifest/live-entries.js'
import { currentSchema } from '../../metadata/lookup.js'
import type { Snapshot, TableMetadata } from '../../metadata/table-metadata.js'
import { planProjection } from '../../schema/projection.js'
import {
  DELETE_FILE_PATH_FIELD,
  DELETE_POSITION_FIELD,
  DELETE_ROW_FIELD_ID,
  FILE_FIELD,
  PARTITION_FIELD_ID,
  SPEC_ID_FIELD,
} from '../../schema/reserved-fields.js'
import { indexFields } from '../../schema/schema.js'
import type { Field, StructType } from '../../schema/types.js'
import { checkUnencrypted, readVector } from '../load-deletes.js'
import { openContentFile } from '../open-file.js'
import { orderedStreams } from '../ordered-streams.js'
import { eitherSignal, fileChunks, type InspectedTable } from './manifest-stream.js'
import {
  BATCH_ROWS,
  longOf,
  type MetadataColumn,
  type MetadataSource,
  optionalField,
  requiredField,
} from './metadata-source.js'
import { partitionColumn } from './partition-column.js'

const CONTENT_OFFSET_ID = 2_147_483_641
const CONTENT_SIZE_ID = 2_147_483_640

/** A column that has one value for all rows of a delete file. */
type FileColumn = MetadataColumn<PositionDeleteFile>

interface Columns {
  /** Columns that delete files store. */
  readonly stored: readonly Field[]
  readonly ofFile: readonly FileColumn[]
}

/** The deleted positions of a snapshot. @throws unsupported when a spec has a transform that is not known */
export function positionDeletesSource(table: InspectedTable, snapshots: readonly Snapshot[]): MetadataSource {
  const { io, metadata } = table
  const columns = columnsOf(metadata)
  return {
    fields: [...columns.stored, ...columns.ofFile.map(column => column.field)],
    async *read(wanted, options) {
      const chunks = fileChunks(table, snapshots, {
        ...options,
        content: 'deletes',
        keep: isLive,
      })
      const open = (file: PositionDeleteFile, stopped: AbortSignal): AsyncIterable<ColumnBatch> =>
        fileRows(io, file, { columns, wanted, signal: eitherSignal(options.signal, stopped) })
      for await (const files of chunks)
        yield* orderedStreams(files.filter(holdsPositions), open, { limit: options.concurrency })
    },
  }
}

function holdsPositions(file: ContentFile): file is PositionDeleteFile {
  return file.content === 'position-deletes'
}

function columnsOf(metadata: TableMetadata): Columns {
  const row = optionalField({
    id: DELETE_ROW_FIELD_ID,
    name: 'row',
    type: { kind: 'struct', fields: currentSchema(metadata).fields },
    doc: 'Deleted row values',
  })
  return {
    stored: [DELETE_FILE_PATH_FIELD, DELETE_POSITION_FIELD, row],
    ofFile: [
      ...partitionColumns(metadata),
      {
        field: requiredField({ id: SPEC_ID_FIELD.id, name: 'spec_id', type: { kind: 'int' } }),
        cellOf: file => file.specId,
      },
      {
        field: requiredField({ id: FILE_FIELD.id, name: 'delete_file_path', type: { kind: 'string' } }),
        cellOf: file => file.location,
      },
      ...(metadata.formatVersion >= 3 ? VECTOR_COLUMNS : []),
    ],
  }
}

const VECTOR_COLUMNS: readonly FileColumn[] = [
  {
    field: optionalField({
      id: CONTENT_OFFSET_ID,
      name: 'content_offset',
      type: { kind: 'long' },
      doc: 'Offset in the file where the deletion vector starts',
    }),
    cellOf: file => longOf(file.contentOffset),
  },
  {
    field: optionalField({
      id: CONTENT_SIZE_ID,
      name: 'content_size_in_bytes',
      type: { kind: 'long' },
      doc: 'Length of the deletion vector in bytes',
    }),
    cellOf: file => longOf(file.contentSizeBytes),
  },
]

function partitionColumns(metadata: TableMetadata): readonly FileColumn[] {
  const partition = partitionColumn(metadata)
  if (partition.type.fields.length === 0) return []
  const type = withFreeIds(partition.type, metadata)
  const doc = 'Partition that position delete row belongs to'
  return [
    {
      field: requiredField({ id: PARTITION_FIELD_ID, name: 'partition', type, doc }),
      cellOf: partition.tupleOf,
    },
  ]
}

/** Partition fields beside the table's own columns in `row`, whose ids they may share: they take the lowest free ones. */
function withFreeIds(type: StructType, metadata: TableMetadata): StructType {
  const taken = new Set(metadata.schemas.flatMap(schema => [...indexFields(schema).keys()]))
  let id = 0
  const nextId = (): number => {
    do id++
    while (taken.has(id))
    return id
  }
  return { ...type, fields: type.fields.map(field => ({ ...field, id: nextId() })) }
}

interface FileRowsOptions {
  readonly columns: Columns
  readonly wanted: readonly Field[]
  readonly signal: AbortSignal
}

/** The rows of one delete file, as batches of the wanted columns. */
async function* fileRows(
  io: FileIO,
  file: PositionDeleteFile,
  options: FileRowsOptions,
): AsyncGenerator<ColumnBatch> {
  const { columns, wanted, signal } = options
  checkUnencrypted(file)
  const stored = columns.stored.filter(field => wanted.includes(field))
  const batches = isDeletionVector(file)
    ? vectorBatches(io, file, { stored, signal })
    : storedBatches(io, file, { stored, signal })
  for await (const batch of batches) {
    const vectors = wanted.map(field => {
      const index = stored.indexOf(field)
      return batch.columns[index] ?? fileVector(columns.ofFile, { field, file, length: batch.length })
    })
    yield { length: batch.length, fields: wanted, columns: vectors }
  }
}

function fileVector(
  columns: readonly FileColumn[],
  of: { readonly field: Field; readonly file: PositionDeleteFile; readonly length: number },
): Vector {
  const { field, file, length } = of
  const column = columns.find(each => each.field === field)
  return constantVector(field.type, column?.cellOf(file) ?? null, length)
}

interface StoredOptions {
  /** Of file_path, pos and row those that are wanted. */
  readonly stored: readonly Field[]
  readonly signal: AbortSignal
}

/** Rows of a Parquet or Avro file; where no column of it is wanted, `pos` tells how many there are. */
async function* storedBatches(
  io: FileIO,
  file: PositionDeleteFile,
  { stored, signal }: StoredOptions,
): AsyncGenerator<ColumnBatch> {
  const opened = await openContentFile(io, file, { signal })
  const expected = stored.length === 0 ? [DELETE_POSITION_FIELD] : stored
  const places = expected.map(field => opened.fields.findIndex(({ id }) => id === field.id))
  const columns = places.filter(place => place >= 0)
  const held = columns.map(place => opened.fields[place]).filter(field => field !== undefined)
  for (const [index, { name, required }] of expected.entries()) {
    if (required && places[index] === -1)
      throw new LakeError('corrupt', 'a position delete file lacks a column', {
        context: { location: file.location, column: name },
      })
  }
  const plan = planProjection(held, expected)
  const read = columns.length > 0 ? columns : opened.fields.slice(0, 1).map((_, index) => index)
  for await (const { batch } of opened.read({ columns: read })) yield projectBatch(batch, plan, expected)
}

/** The positions of a deletion vector, all of the data file that it names. */
async function* vectorBatches(
  io: FileIO,
  file: PositionDeleteFile,
  { stored, signal }: StoredOptions,
): AsyncGenerator<ColumnBatch> {
  const { location, referencedDataFile } = file
  if (referencedDataFile === undefined)
    throw new LakeError('corrupt', 'a deletion vector lacks its data file', { context: { location } })
  const positions = (await readVector(io, file, signal)).toArray()
  for (let at = 0; at < positions.length; at += BATCH_ROWS) {
    const some = positions.subarray(at, at + BATCH_ROWS)
    const columns = stored.map(field => vectorColumn(field, referencedDataFile, some))
    yield { length: some.length, fields: stored, columns }
  }
}

function vectorColumn(field: Field, dataFile: string, positions: Float64Array): Vector {
  const { length } = positions
  switch (field.id) {
    case DELETE_FILE_PATH_FIELD.id:
      return constantVector(field.type, dataFile, length)
    case DELETE_POSITION_FIELD.id:
      return { layout: 'fixed-width', length, values: BigInt64Array.from(positions, BigInt) }
    default:
      return nullVectorOf(field.type, length)
  }
}
