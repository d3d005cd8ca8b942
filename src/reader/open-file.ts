/** Opening the Parquet files that manifests name. */
import { isLakeError } from '../base/errors.js'
import { openParquet, type ParquetFile } from '../format/parquet/read.js'
import type { FileIO } from '../io/file-io.js'
import type { ContentFile } from '../manifest/content-file.js'
import type { NameMapping } from './name-mapping.js'

export interface OpenFileOptions {
  /** Field ids of files without any. */
  readonly nameMapping?: NameMapping | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Opens a file by the size that its manifest states. Some writers state a wrong one, so a file that cannot be
 * opened is opened again by its real size when that is another.
 * @throws corrupt, not-found, denied, unavailable
 */
export async function openContentFile(
  io: FileIO,
  file: ContentFile,
  options: OpenFileOptions = {},
): Promise<ParquetFile> {
  const { signal, nameMapping: fieldIdOf } = options
  const open = (sizeBytes: number) => openParquet(io, file.location, { sizeBytes, fieldIdOf, signal })
  try {
    return await open(file.fileSizeBytes)
  } catch (error) {
    if (!isLakeError(error, 'corrupt')) throw error
    const { sizeBytes } = await io.stat(file.location, { signal })
    if (sizeBytes === file.fileSizeBytes) throw error
    return open(sizeBytes)
  }
}
