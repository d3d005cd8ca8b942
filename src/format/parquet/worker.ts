/**
 * What runs on a worker: columns decoded and encoded. The entry that the pool loads; nothing imports it.
 */
import { type Transferable, transferred } from '../../base/worker-pool.js'
import type { Vector } from '../../batch/column-batch.js'
import { prepareCodecs } from '../compression.js'
import { type ColumnJob, decodeColumn } from './decode/decode-column.js'
import type { EncodedColumn, EncodeJob } from './encode/encode-column.js'

prepareCodecs()

/** The columns' vectors; their memory moves to the caller. */
export function decodeColumns(jobs: readonly ColumnJob[]): Transferable<Vector[]> {
  const vectors = jobs.map(decodeColumn)
  return transferred(vectors, memoryOf(vectors))
}

/** The columns' chunks; their bytes move to the caller. Most processes only read, so the encoder is loaded here. */
export async function encodeColumns(jobs: readonly EncodeJob[]): Promise<Transferable<EncodedColumn[]>> {
  const { encodeColumn } = await import('./encode/encode-column.js')
  const columns = jobs.map(encodeColumn)
  const chunks = columns.flatMap(column => column.chunks.map(chunk => chunk.bytes))
  return transferred(columns, memoryOf(chunks))
}

/** Every buffer below the value, once; those that are shared do not move. */
function memoryOf(value: unknown): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>()
  const visit = (part: unknown): void => {
    if (ArrayBuffer.isView(part)) {
      if (part.buffer instanceof ArrayBuffer) buffers.add(part.buffer)
    } else if (Array.isArray(part)) {
      for (const item of part) visit(item)
    } else if (typeof part === 'object' && part !== null) {
      for (const item of Object.values(part)) visit(item)
    }
  }
  visit(value)
  return [...buffers]
}
