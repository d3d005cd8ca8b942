/** What decodes the pages of a slice: the seam between planning a read and an engine. */
import type { Vector } from '../../batch/column-batch.js'
import type { Field } from '../../schema/types.js'
import type { ParquetFooter } from './footer/footer.js'
import type { FileRange } from './footer/metadata.js'
import type { ReadSlice } from './read-plan.js'

export type ReadEngineName = 'serac' | 'parquet-wasm'

export interface SliceDecoding {
  readonly slice: ReadSlice
  /** The bytes of a range of the slice. */
  readonly bytesOf: (range: FileRange) => Uint8Array
}

export interface ReadEngine {
  readonly name: ReadEngineName
  /** Wants the bytes in memory that workers see; copies those that are not. */
  readonly readsShared: boolean
  /** How many slices it works on at once; 0: it decodes when asked, in the caller's thread. */
  readonly slicesAhead: number
  /**
   * The slice's rows of each column, in the order of `columns`.
   * @throws corrupt naming location, row group and column; unsupported
   */
  decode(request: SliceDecoding): Promise<readonly Vector[]>
}

export interface ReadEngineOptions {
  readonly footer: ParquetFooter
  /** Indexes into `footer.fields`, and the fields. */
  readonly columns: readonly number[]
  readonly fields: readonly Field[]
  /** The most bytes that a leaf column of a slice may decode to; more is `unsupported`. */
  readonly decodedBytesMax: number
  readonly signal?: AbortSignal | undefined
}
