/** What encodes the rows of a row group: the seam between writing a file and an engine. */
import type { ColumnBatch } from '../../batch/column-batch.js'
import type { Field } from '../../schema/types.js'
import type { ColumnEncodeOptions, EncodedChunk } from './encode/encode-column.js'
import type { WriteSchema } from './encode/write-schema.js'

export type WriteEngineName = 'serac' | 'parquet-wasm'

export interface WriteEngine {
  readonly name: WriteEngineName
  /**
   * The chunks of all leaf columns, in the order of the schema. The batches are not changed and not kept.
   * @throws invalid-argument (a null in a required field, values that do not fit their type)
   */
  encode(batches: readonly ColumnBatch[]): Promise<readonly EncodedChunk[]>
}

export interface WriteEngineOptions {
  /** Those of the batches, unknown ones included. */
  readonly fields: readonly Field[]
  readonly schema: WriteSchema
  readonly encoding: ColumnEncodeOptions
}
