/**
 * Reading an Avro data file as column batches: the wanted columns of all rows.
 *
 *   ranges of the file -> blocks -> unpack -> rows -> batches
 *
 * Data files and delete files of all writers, Iceberg's or imported. Without columns only the counts of the blocks are
 * read, and nothing is unpacked.
 * @see Iceberg table spec, "Appendix A: Format-specific Requirements", "Avro"
 */
import { checkSignal, LakeError } from '../../base/errors.js'
import { parseJson } from '../../base/json.js'
import { takeBatch } from '../../batch/take.js'
import type { FileIO, IoOptions } from '../../io/file-io.js'
import type { Field } from '../../schema/types.js'
import { type BlockCodec, blockCodec } from '../avro-blocks.js'
import { parseAvroSchema } from '../avro-schema.js'
import { located } from '../located.js'
import type { FieldIdOf } from '../parquet/footer/schema.js'
import type { PositionedBatch } from '../parquet/positioned-batch.js'
import { countRows, type RowRanges, rangesWithin, rowsOfRanges } from '../parquet/row-ranges.js'
import { type BlockStream, openBlockStream, type StoredBlock } from './block-stream.js'
import { BlockCursor } from './cursor.js'
import { columnsOfFile, type FileColumn } from './file-columns.js'
import { RowDecoder } from './row-decoder.js'
import { bytesMin } from './skip.js'

const BATCH_ROWS_DEFAULT = 65_536
/** Rows of nothing but nulls may take no bytes, so that anybody can claim any number of them. */
const EMPTY_ROWS_MAX: number = 2 ** 24

export interface AvroFileOptions extends IoOptions {
  /** The size of the file as somebody stated it; it may be wrong. */
  readonly sizeBytes?: number | undefined
  /** Ids of the fields of a file that carries none: a name mapping. */
  readonly fieldIdOf?: FieldIdOf | undefined
}

export interface AvroReadOptions {
  /** Indexes into `fields`, in the order that the batches shall have. */
  readonly columns: readonly number[]
  /** Positions in the file to read; all when absent. Batches tell the position of each row then. */
  readonly selection?: RowRanges | undefined
  /** Rows of a batch at most; default 65 536. Batches of wide rows have fewer. */
  readonly batchRows?: number | undefined
  /** False fetches nothing before it is asked for: for callers that may stop any time. Default true. */
  readonly readsAhead?: boolean | undefined
}

export interface AvroDataFile {
  /** Id `NO_FIELD_ID` where the file has none. */
  readonly fields: readonly Field[]
  /** The header's entries. */
  readonly metadata: ReadonlyMap<string, string>
  /**
   * The rows in file order.
   * @throws corrupt naming the location; unsupported, unavailable
   */
  read(options: AvroReadOptions): AsyncIterable<PositionedBatch>
}

/**
 * Reads the header.
 * @throws corrupt; unsupported for an encrypted file and for codecs that are not built; not-found, denied, unavailable
 */
export async function openAvroData(
  io: FileIO,
  location: string,
  options: AvroFileOptions = {},
): Promise<AvroDataFile> {
  const { sizeBytes, signal, fieldIdOf } = options
  const stream = await openBlockStream({ io, location, sizeBytes, signal }).catch((error: unknown) =>
    throwLocated(error, location),
  )
  const { metadata } = stream
  const columns = located(location, () => fileColumns(metadata, fieldIdOf))
  const codec = blockCodec(metadata.get('avro.codec') ?? 'null', location)
  const file: OpenFile = { location, stream, columns, codec, signal }
  return {
    fields: columns.map(column => column.field),
    metadata,
    read: request => readRows(file, request),
  }
}

function throwLocated(error: unknown, location: string): never {
  return located(location, () => {
    throw error
  })
}

function fileColumns(
  metadata: ReadonlyMap<string, string>,
  fieldIdOf: FieldIdOf | undefined,
): readonly FileColumn[] {
  const schema = parseAvroSchema(parseJson(metadata.get('avro.schema') ?? ''))
  if (schema.kind !== 'record') throw new LakeError('corrupt', 'the avro file does not hold records')
  return columnsOfFile(schema, fieldIdOf)
}

interface OpenFile {
  readonly location: string
  readonly stream: BlockStream
  readonly columns: readonly FileColumn[]
  readonly codec: BlockCodec
  readonly signal: AbortSignal | undefined
}

async function* readRows(
  file: OpenFile,
  options: AvroReadOptions,
): AsyncGenerator<PositionedBatch, void, undefined> {
  const { columns: wanted, selection } = options
  const batchRows = Math.max(1, options.batchRows ?? BATCH_ROWS_DEFAULT)
  const blocks = file.stream.blocks(options)
  const batches =
    wanted.length === 0
      ? countedRows(file, { blocks, batchRows })
      : decodedRows(file, { blocks, batchRows, wanted })
  try {
    for await (const batch of batches) {
      checkSignal(file.signal)
      const selected = selection === undefined ? batch : selectedRows(batch, selection)
      if (selected !== undefined) yield selected
    }
  } catch (error) {
    throwLocated(error, file.location)
  }
}

/** Rows of a block against the bytes that they have at least, so that a count can be believed. */
function rowCheck(columns: readonly FileColumn[]): (rowCount: number, bytesMax: number) => void {
  const rowBytes = columns.reduce((sum, column) => sum + bytesMin(column.stored), 0)
  let emptyRows = 0
  return (rowCount, bytesMax) => {
    if (rowBytes === 0) emptyRows += rowCount
    if (rowCount * rowBytes > bytesMax || emptyRows > EMPTY_ROWS_MAX)
      throw new LakeError('corrupt', 'an avro block states more rows than it can hold')
  }
}

interface RowsRequest {
  readonly blocks: AsyncIterable<StoredBlock>
  readonly batchRows: number
}

async function* decodedRows(
  { columns, codec }: OpenFile,
  options: RowsRequest & { readonly wanted: readonly number[] },
): AsyncGenerator<PositionedBatch, void, undefined> {
  const decoder = new RowDecoder(columns, options)
  const checkRows = rowCheck(columns)
  let firstRow = 0
  const finished = (): PositionedBatch => {
    const batch = decoder.finish()
    firstRow += batch.length
    return { firstRow: firstRow - batch.length, batch }
  }
  for await (const { rowCount, bytes } of options.blocks) {
    const cursor = new BlockCursor(codec.unpack(bytes))
    checkRows(rowCount, cursor.bytes.length)
    for (let left = rowCount; left > 0; ) {
      left -= decoder.decode(cursor, left)
      if (decoder.isFull) yield finished()
    }
    if (cursor.at !== cursor.bytes.length)
      throw new LakeError('corrupt', 'an avro block holds more than its rows')
  }
  if (decoder.rows > 0) yield finished()
}

/** Batches without columns, by the counts of the blocks. */
async function* countedRows(
  { columns, codec }: OpenFile,
  { blocks, batchRows }: RowsRequest,
): AsyncGenerator<PositionedBatch, void, undefined> {
  const checkRows = rowCheck(columns)
  let firstRow = 0
  let waiting = 0
  const next = (length: number): PositionedBatch => {
    firstRow += length
    waiting -= length
    return { firstRow: firstRow - length, batch: { length, fields: [], columns: [] } }
  }
  for await (const { rowCount, bytes } of blocks) {
    checkRows(rowCount, bytes.length * codec.factorMax)
    waiting += rowCount
    while (waiting >= batchRows) yield next(batchRows)
  }
  if (waiting > 0) yield next(waiting)
}

/** The selected rows of a batch; undefined when there are none. */
function selectedRows(
  { firstRow, batch }: PositionedBatch,
  selection: RowRanges,
): PositionedBatch | undefined {
  const ranges = rangesWithin(selection, firstRow, firstRow + batch.length)
  const count = countRows(ranges)
  if (count === 0) return undefined
  if (count === batch.length) return { firstRow, batch }
  const rows = rowsOfRanges(ranges)
  const first = rows[0] as number
  return { firstRow: firstRow + first, batch: takeBatch(batch, rows), rows: rows.map(row => row - first) }
}
