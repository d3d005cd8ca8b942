/** What a snapshot may add: the rules of the format version and of deletion vectors, checked before anything is written. */
import { type ErrorContext, LakeError } from '../base/errors.js'
import { type DeleteFile, isDeletionVector } from '../manifest/content-file.js'
import { specById } from '../metadata/lookup.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { type FileChanges, fileKey } from './file-changes.js'

/**
 * @throws invalid-argument for files that are added twice, of an unknown spec, or two vectors for one data file;
 * conflict for position delete files on a table that was upgraded to v3 since they were written
 */
export function checkAddedFiles(
  metadata: TableMetadata,
  changes: Pick<FileChanges, 'addedDataFiles' | 'addedDeleteFiles'>,
): void {
  const seen = new Set<string>()
  for (const file of [...changes.addedDataFiles, ...changes.addedDeleteFiles]) {
    const key = fileKey(file)
    if (seen.has(key)) refuse('a file is added twice', { location: file.location })
    seen.add(key)
    const spec = specById(metadata, file.specId)
    if (spec === undefined)
      refuse('a file has a partition spec that the table does not know', { location: file.location })
    else if (spec.fields.length !== file.partition.length) {
      refuse('the partition tuple of a file does not fit its spec', { location: file.location })
    }
  }
  const vectors = new Set<string>()
  for (const file of changes.addedDeleteFiles) checkDeleteFile(metadata, file, vectors)
}

function checkDeleteFile(metadata: TableMetadata, file: DeleteFile, vectors: Set<string>): void {
  const context = { location: file.location, formatVersion: metadata.formatVersion }
  if (file.content !== 'position-deletes') return
  if (!isDeletionVector(file)) {
    checkPositionDeletes(metadata, context)
    return
  }
  if (metadata.formatVersion < 3) refuse('deletion vectors need format version 3', context)
  const { referencedDataFile, contentOffset, contentSizeBytes } = file
  if (referencedDataFile === undefined || contentOffset === undefined || contentSizeBytes === undefined) {
    refuse('a deletion vector has to name its data file, offset and size', context)
  } else if (vectors.has(referencedDataFile)) {
    refuse('one commit adds two deletion vectors for one data file', {
      ...context,
      dataFile: referencedDataFile,
    })
  } else {
    vectors.add(referencedDataFile)
  }
}

/** Files written before the table was upgraded; planned again, the deletes become vectors. */
function checkPositionDeletes(metadata: TableMetadata, context: ErrorContext): void {
  if (metadata.formatVersion < 3) return
  throw new LakeError('conflict', 'a v3 table takes deletion vectors instead of position delete files', {
    context,
  })
}

function refuse(message: string, context: ErrorContext): void {
  throw new LakeError('invalid-argument', message, { context })
}
