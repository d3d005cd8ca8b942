/** What an operation does to the files of a table, as plain data: the input of `produceSnapshot`. */
import type { ContentFile, DataFile, DeleteFile } from '../manifest/content-file.js'
import type { SnapshotOperation } from '../metadata/table-metadata.js'

export interface FileChanges {
  readonly operation: SnapshotOperation
  readonly addedDataFiles: readonly DataFile[]
  readonly addedDeleteFiles: readonly DeleteFile[]
  /** Data and delete files that are live on the base; a deletion vector is known by location and offset. */
  readonly removedFiles: readonly ContentFile[]
  /** For rewrites: the added data files count as written at this sequence number, so that newer deletes reach them. */
  readonly dataSequenceNumber?: bigint | undefined
  /** Everything live on the base is removed. */
  readonly removeAll?: boolean | undefined
}

/** Added files that go into one manifest. */
export interface AddedGroup {
  /** Tells the groups of one commit apart, and is the same on every attempt. */
  readonly key: string
  readonly content: 'data' | 'deletes'
  readonly specId: number
  readonly files: readonly ContentFile[]
  /** When the files keep an older number; else they inherit the commit's. */
  readonly dataSequenceNumber: bigint | undefined
}

/** The operation that changes amount to; a compaction says `replace` itself. */
export function operationOf(changes: Omit<FileChanges, 'operation'>): SnapshotOperation {
  const removesRows =
    changes.addedDeleteFiles.length > 0 || changes.removedFiles.length > 0 || changes.removeAll === true
  if (!removesRows) return 'append'
  return changes.addedDataFiles.length > 0 ? 'overwrite' : 'delete'
}

/** What tells files apart: several deletion vectors share one Puffin file. */
export function fileKey(file: ContentFile): string {
  const offset = file.content === 'position-deletes' ? file.contentOffset : undefined
  return offset === undefined ? file.location : `${file.location}#${offset}`
}
