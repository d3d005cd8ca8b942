/**
 * Deletion vectors (format version 3): one blob a data file, all blobs of a commit in one Puffin file.
 * @see Iceberg table spec, "Deletion Vectors"; Puffin spec, "deletion-vector-v1 blob type"
 */
import { present } from '../base/assert.js'
import { DELETION_VECTOR_BLOB, serializeDeletionVector } from '../format/deletion-vector.js'
import { type PuffinBlob, writePuffin } from '../format/puffin.js'
import type { FileIO } from '../io/file-io.js'
import type { PositionDeleteFile } from '../manifest/content-file.js'
import { POSITION_FIELD } from '../schema/reserved-fields.js'
import { ENGINE } from '../snapshot/summary.js'
import type { MergedDeletes, RowDeleteOptions } from './row-deletes.js'

/** Writes one vector for each data file; they hold every position that is deleted in it. */
export async function writeDeletionVectors(
  io: FileIO,
  deletes: readonly MergedDeletes[],
  options: RowDeleteOptions,
): Promise<readonly PositionDeleteFile[]> {
  const location = options.naming.puffinFile()
  const puffin = writePuffin(deletes.map(vectorBlob), {
    properties: { 'created-by': `${ENGINE.name} ${ENGINE.version}` },
  })
  try {
    await io.write(location, puffin.bytes, { signal: options.signal })
  } catch (error) {
    await io.delete([location])
    throw error
  }
  return deletes.map(({ task, positions }, index) => {
    const { file } = task.entry
    const place = present(puffin.blobs[index], 'the place of a blob')
    return {
      content: 'position-deletes',
      location,
      format: 'puffin',
      specId: file.specId,
      partition: file.partition,
      recordCount: positions.cardinality,
      fileSizeBytes: puffin.bytes.length,
      referencedDataFile: file.location,
      contentOffset: place.offset,
      contentSizeBytes: place.lengthBytes,
    }
  })
}

function vectorBlob({ task, positions }: MergedDeletes): PuffinBlob {
  return {
    type: DELETION_VECTOR_BLOB,
    fields: [POSITION_FIELD.id],
    properties: {
      'referenced-data-file': task.entry.file.location,
      cardinality: String(positions.cardinality),
    },
    bytes: serializeDeletionVector(positions),
  }
}
