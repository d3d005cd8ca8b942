/** A table as of one metadata file, opened without a catalog: it can be read, never written. */
import type { FileIO } from '../io/file-io.js'
import { readTableMetadata } from '../metadata/metadata-file.js'
import type { TableMetadata } from '../metadata/table-metadata.js'

export interface StaticTable {
  readonly io: FileIO
  readonly metadata: TableMetadata
  readonly metadataLocation: string
}

/**
 * Reads a metadata file, gzipped ones too.
 * @throws not-found, corrupt, unsupported for an unknown format version, denied, unavailable
 */
export async function openStaticTable(
  io: FileIO,
  metadataLocation: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<StaticTable> {
  const metadata = await readTableMetadata(io, metadataLocation, { signal: options.signal })
  return { io, metadata, metadataLocation }
}
