/**
 * A table opened by where it lies, without a catalog: it can be read, never written. A location is
 *
 *   a metadata file    `.../v3.metadata.json`, gzipped ones too
 *   a table's folder   its version hint, else the newest of its metadata files
 *   a data file        a single `.parquet` or `.avro`
 */
import { LakeError } from '../base/errors.js'
import { fileExists } from '../io/file-exists.js'
import type { FileIO } from '../io/file-io.js'
import { trimTrailingSlash } from '../io/location.js'
import { readTableMetadata } from '../metadata/metadata-file.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { dataFileFormat, fileTableIO, openFileTable } from './file-table.js'
import { findTableMetadata } from './find-metadata.js'

export interface StaticTable {
  readonly io: FileIO
  readonly metadata: TableMetadata
  /** Of a single data file the file itself. */
  readonly metadataLocation: string
}

interface OpenOptions {
  readonly signal?: AbortSignal | undefined
}

/** Storage that tables of every kind can be opened with. */
export function staticTableIO(io: FileIO): FileIO {
  return fileTableIO(io)
}

/**
 * Reads the table as it is now. Costs one request for a metadata file, a few more for a folder.
 * @param io made by `staticTableIO` when the location may be a single data file
 * @throws not-found, corrupt, unsupported for an unknown format version, denied, unavailable
 */
export async function openStaticTable(
  io: FileIO,
  location: string,
  options: OpenOptions = {},
): Promise<StaticTable> {
  const place = trimTrailingSlash(location)
  if (isMetadataName(place)) {
    return { io, metadata: await readTableMetadata(io, place, options), metadataLocation: place }
  }
  const format = dataFileFormat(place)
  if (format !== undefined && (await fileExists(io, place, options))) {
    const metadata = await openFileTable(io, place, { ...options, format })
    return { io, metadata, metadataLocation: place }
  }
  const metadataLocation = await findTableMetadata(io, place, options)
  if (metadataLocation === undefined) {
    throw new LakeError(
      'not-found',
      'there is no table: neither a metadata file nor a folder that holds one',
      {
        context: { location },
      },
    )
  }
  return { io, metadata: await readTableMetadata(io, metadataLocation, options), metadataLocation }
}

/** `.metadata.json` and its compressed forms, and files that were copied under a plain `.json` name. */
export function isMetadataName(location: string): boolean {
  return /\.json(\.gz|\.zst|\.zstd)?$/i.test(location)
}
