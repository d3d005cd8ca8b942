/** Batches as the bytes of a Parquet file, streamed: a row group leaves as soon as it is encoded. */
import type { ColumnBatch } from '../batch/column-batch.js'
import type { FileIO, FileWriter } from '../io/file-io.js'
import { createMemoryIO } from '../io/memory.js'
import type { Field } from '../schema/types.js'

export interface ParquetOutOptions {
  readonly signal?: AbortSignal | undefined
}

/**
 * The file, part by part; columns of type unknown are left out.
 * @throws what the batches throw; unsupported for types that Parquet files are not written with
 */
export async function* parquetOfBatches(
  fields: readonly Field[],
  batches: AsyncIterable<ColumnBatch>,
  options: ParquetOutOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { openParquetWriter } = await import('../format/parquet/write.js')
  const parts: Uint8Array[] = []
  const writer = await openParquetWriter(collectingIO(parts), 'out.parquet', {
    fields,
    codec: 'zstd',
    signal: options.signal,
  })
  try {
    for await (const batch of batches) {
      await writer.write(batch)
      yield* parts.splice(0)
    }
    await writer.close()
    yield* parts.splice(0)
  } catch (error) {
    await writer.abort()
    throw error
  }
}

/** A store whose one file is handed on while it is written. */
function collectingIO(parts: Uint8Array[]): FileIO {
  let sizeBytes = 0
  const writer: FileWriter = {
    get sizeBytes() {
      return sizeBytes
    },
    async write(bytes) {
      // A copy: the writer may use the memory again.
      parts.push(bytes.slice())
      sizeBytes += bytes.length
    },
    close: () => Promise.resolve(),
    abort: () => Promise.resolve(),
  }
  return { ...createMemoryIO(), openWriter: () => Promise.resolve(writer) }
}
