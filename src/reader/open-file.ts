/** Opening the data and delete files that manifests name: Parquet and Avro behind one face. */
import { isLakeError, LakeError } from '../base/errors.js'
import type { ParquetRowGroup } from '../format/parquet/footer/footer.js'
import {
  openParquet,
  type ParquetFile,
  type ParquetReadOptions,
  type PositionedBatch,
} from '../format/parquet/read.js'
import type { FileIO } from '../io/file-io.js'
import type { ContentFile, FileFormat } from '../manifest/content-file.js'
import type { Field } from '../schema/types.js'
import type { NameMapping } from './name-mapping.js'

export interface OpenFileOptions {
  /** Field ids of files without any. */
  readonly nameMapping?: NameMapping | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * What to read of a file. Avro has neither row groups nor pages: of these, `columns`, `selection`, `batchRows` and
 * `readsAhead` mean something there.
 */
export type FileReadOptions = ParquetReadOptions

/** A file whose schema is known. */
export interface OpenedFile {
  readonly format: 'parquet' | 'avro'
  /** Id `NO_FIELD_ID` where the file has none. */
  readonly fields: readonly Field[]
  /** Parquet only. */
  readonly rowGroups?: readonly ParquetRowGroup[] | undefined
  /** Parquet only: the file with all that its footer says. */
  readonly parquet?: ParquetFile | undefined
  /**
   * The rows in file order; without columns, batches that have a length only.
   * @throws corrupt, unsupported, unavailable
   */
  read(options: FileReadOptions): AsyncIterable<PositionedBatch>
}

export interface OpenDataFileOptions extends OpenFileOptions {
  readonly format: FileFormat
  /** The size of the file as somebody stated it; it may be wrong. */
  readonly sizeBytes?: number | undefined
}

/**
 * Opens a file of a manifest.
 * @throws unsupported naming the file for other formats than Parquet and Avro; corrupt, not-found, denied,
 *   unavailable
 */
export function openContentFile(
  io: FileIO,
  file: ContentFile,
  options: OpenFileOptions = {},
): Promise<OpenedFile> {
  return openDataFile(io, file.location, { ...options, format: file.format, sizeBytes: file.fileSizeBytes })
}

/**
 * Opens a file by its location.
 * @throws like `openContentFile`
 */
export async function openDataFile(
  io: FileIO,
  location: string,
  options: OpenDataFileOptions,
): Promise<OpenedFile> {
  const { format, nameMapping: fieldIdOf, sizeBytes, signal } = options
  if (format === 'parquet') return ofParquet(await openParquetFile(io, location, options))
  if (format === 'avro') {
    const { openAvroData } = await import('../format/avro-data/avro-file.js')
    const file = await openAvroData(io, location, { sizeBytes, fieldIdOf, signal })
    return { format, fields: file.fields, read: request => file.read(request) }
  }
  throw new LakeError('unsupported', 'files of this format cannot be read', { context: { location, format } })
}

/**
 * Opens a Parquet file by the size that its manifest states. Some writers state a wrong one, so a file that cannot be
 * opened is opened again by its real size when that is another.
 */
async function openParquetFile(
  io: FileIO,
  location: string,
  options: OpenDataFileOptions,
): Promise<ParquetFile> {
  const { signal, nameMapping: fieldIdOf, sizeBytes: stated } = options
  const open = (sizeBytes: number | undefined): Promise<ParquetFile> =>
    openParquet(io, location, { sizeBytes, fieldIdOf, signal })
  try {
    return await open(stated)
  } catch (error) {
    if (stated === undefined || !isLakeError(error, 'corrupt')) throw error
    const { sizeBytes } = await io.stat(location, { signal })
    if (sizeBytes === stated) throw error
    return open(sizeBytes)
  }
}

function ofParquet(parquet: ParquetFile): OpenedFile {
  return {
    format: 'parquet',
    fields: parquet.fields,
    rowGroups: parquet.footer.rowGroups,
    parquet,
    read: request => parquet.read(request),
  }
}
