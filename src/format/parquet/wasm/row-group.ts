/**
 * The small file that parquet-wasm decodes: the wanted columns of one row group, so that the engine can neither
 * read more nor hold more.
 *
 *   PAR1 | b c | footer with one row group and two columns
 */
import { concatBytes } from '../../../base/bytes.js'
import type { ParquetFooter } from '../footer/footer.js'
import {
  type ColumnChunk,
  chunkRange,
  type FileRange,
  moveChunk,
  PARQUET_MAGIC,
  type SchemaElement,
} from '../footer/metadata.js'
import { serializeFooter } from '../footer/serialize-footer.js'
import { rootsOf } from '../read-plan.js'

export interface RowGroupFile {
  readonly rowGroup: number
  readonly columns: readonly number[]
  /** The bytes of a range that was fetched. */
  readonly bytesOf: (range: FileRange) => Uint8Array
  /** Key-value metadata of the footer. */
  readonly keyValueMetadata?: ReadonlyMap<string, string> | undefined
}

/** A file that holds only these columns of this row group. */
export function buildRowGroupFile(footer: ParquetFooter, request: RowGroupFile): Uint8Array {
  const parts: Uint8Array[] = [PARQUET_MAGIC]
  let at = PARQUET_MAGIC.length
  const chunks = chunksOf(footer, request.rowGroup, request.columns).map(chunk => {
    const range = chunkRange(chunk)
    parts.push(request.bytesOf(range))
    const moved = moveChunk(chunk, at - range.offset)
    at += range.lengthBytes
    // The engine needs no statistics, and broken ones would make it refuse good pages.
    return { ...moved, statistics: {}, encodingStatistics: undefined, sizeStatistics: undefined }
  })
  const group = footer.metadata.rowGroups[request.rowGroup]
  const rowCount = group?.rowCount ?? 0
  const uncompressedBytes = chunks.reduce((sum, chunk) => sum + chunk.uncompressedBytes, 0)
  const metadata = {
    schema: schemaOf(footer, request.columns),
    rowCount,
    rowGroups: [{ rowCount, uncompressedBytes, columns: chunks }],
    keyValueMetadata: request.keyValueMetadata ?? new Map<string, string>(),
    createdBy: footer.createdBy,
  }
  parts.push(serializeFooter(metadata))
  return concatBytes(parts)
}

function schemaOf(footer: ParquetFooter, columns: readonly number[]): SchemaElement[] {
  const roots = rootsOf(footer, columns)
  const elements = footer.metadata.schema
  return [
    { name: 'schema', childCount: roots.length },
    ...roots.flatMap(root => elements.slice(root.elementFrom, root.elementTo)),
  ]
}

function chunksOf(footer: ParquetFooter, rowGroup: number, columns: readonly number[]): ColumnChunk[] {
  const chunks = footer.metadata.rowGroups[rowGroup]?.columns ?? []
  return rootsOf(footer, columns).flatMap(root => chunks.slice(root.leafFrom, root.leafTo))
}
