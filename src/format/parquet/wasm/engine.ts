/**
 * One row group between Arrow IPC and Parquet bytes: the seam to parquet-wasm, and the only file that knows it.
 * Both directions take and give a whole file in memory (magic, one row group, footer).
 *
 * Its synchronous calls are used on purpose: a fault inside the module is thrown here. Its asynchronous streams
 * panic on broken data, which ends the process and leaves the caller waiting for ever.
 */
import {
  Compression,
  EnabledStatistics,
  readParquet,
  Table,
  WriterPropertiesBuilder,
  writeParquet,
} from 'parquet-wasm'

export type WasmCodec = 'zstd' | 'snappy' | 'gzip' | 'lz4_raw' | 'brotli' | 'uncompressed'

export interface EncodeOptions {
  readonly codec: WasmCodec
  readonly rowCount: number
  /** Top-level columns whose values hardly repeat: a dictionary costs more than it saves. */
  readonly withoutDictionary: readonly string[]
}

const COMPRESSION: Readonly<Record<WasmCodec, Compression>> = {
  zstd: Compression.ZSTD,
  snappy: Compression.SNAPPY,
  gzip: Compression.GZIP,
  lz4_raw: Compression.LZ4_RAW,
  brotli: Compression.BROTLI,
  uncompressed: Compression.UNCOMPRESSED,
}

/** A Parquet file of one row group (of none without rows) from an Arrow IPC stream. Throws what the module does. */
export function encodeRowGroup(ipc: Uint8Array, options: EncodeOptions): Uint8Array {
  let builder = new WriterPropertiesBuilder()
    .setCompression(COMPRESSION[options.codec])
    .setStatisticsEnabled(EnabledStatistics.Page)
    .setMaxRowGroupSize(Math.max(1, options.rowCount))
  for (const column of options.withoutDictionary) builder = builder.setColumnDictionaryEnabled(column, false)
  // Both arguments are consumed by the call.
  return writeParquet(Table.fromIPCStream(ipc), builder.build())
}

/** The rows as Arrow IPC streams of at most `batchRows` each. Throws what the module does. */
export function* decodeRowGroup(file: Uint8Array, batchRows: number): Iterable<Uint8Array> {
  const table = readParquet(file, { batchSize: batchRows })
  try {
    for (let index = 0; index < table.numBatches; index++) {
      const batch = table.recordBatch(index)
      // Consumed by the call.
      if (batch !== undefined) yield batch.intoIPCStream()
    }
  } finally {
    table.free()
  }
}
