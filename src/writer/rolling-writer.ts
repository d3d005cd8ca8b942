/**
 * The data files of one partition, one after the other: a file is closed when it has reached the target size
 * and the next row opens another. Nothing is written for no rows.
 */
import type { ColumnBatch } from '../batch/column-batch.js'
import { sliceBatch } from '../batch/take.js'
import type { ParquetWriteResult, ParquetWriter } from '../format/parquet/write.js'

export interface RollingWriterOptions {
  readonly targetSizeBytes: number
  /** Rows of a file at most; absent: as many as its size allows. */
  readonly fileRowsMax?: number | undefined
  readonly open: () => Promise<OpenFile>
  /** Called with each finished file, in order. */
  readonly onFile: (file: OpenFile, result: ParquetWriteResult) => void
}

export interface OpenFile {
  readonly location: string
  readonly parquet: ParquetWriter
}

export interface RollingWriter {
  readonly isOpen: boolean
  write(batch: ColumnBatch): Promise<void>
  /** Finishes the open file; a later write opens another. */
  closeFile(): Promise<void>
  /** Gives up the open file; where it may stand all the same, when its closing failed at the very end. */
  abort(): Promise<string | undefined>
}

/** Rows between two looks at the size of the file. */
const SLICE_ROWS = 16_384

export function rollingWriter(options: RollingWriterOptions): RollingWriter {
  const fileRowsMax = Math.max(1, options.fileRowsMax ?? Number.POSITIVE_INFINITY)
  let file: OpenFile | undefined
  const closeFile = async (): Promise<void> => {
    if (file === undefined) return
    const result = await file.parquet.close()
    options.onFile(file, result)
    file = undefined
  }
  return {
    get isOpen() {
      return file !== undefined
    },
    async write(batch) {
      for (let from = 0; from < batch.length; ) {
        file ??= await options.open()
        const { parquet } = file
        const to = Math.min(from + SLICE_ROWS, batch.length, from + fileRowsMax - parquet.rowCount)
        await parquet.write(sliceBatch(batch, from, to))
        if (parquet.sizeBytes >= options.targetSizeBytes || parquet.rowCount >= fileRowsMax) await closeFile()
        from = to
      }
    },
    closeFile,
    async abort() {
      const given = file
      file = undefined
      await given?.parquet.abort()
      return given?.location
    },
  }
}
