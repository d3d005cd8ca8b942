/**
 * What is kept of an earlier attempt of a write that looked at rows: as long as each file that it looked at is there,
 * with the deletes that it had, what was made of these files is right on the new base too.
 */
import type { ContentFile, DataFile, DeleteFile } from '../manifest/content-file.js'
import type { IsolationLevel } from '../metadata/properties.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import type { ReadTask } from '../reader/plan.js'
import type { Schema } from '../schema/types.js'
import { fileKey } from '../snapshot/file-changes.js'

/** What an attempt looked at. */
export interface LookedAt {
  readonly schemaId: number
  readonly specId: number
  /** The planned files by `standOf`. */
  readonly stands: ReadonlySet<string>
}

/** Files that go into the table and out of it; those that were written, by location. */
export interface WrittenChange {
  readonly addedDataFiles: readonly DataFile[]
  readonly addedDeleteFiles: readonly DeleteFile[]
  readonly removedFiles: readonly ContentFile[]
  readonly written: readonly string[]
}

/** What an attempt made, and of which files. */
export interface MadeFiles extends LookedAt, WrittenChange {}

/** What stands of an earlier attempt, and what was made of files that came since. */
export function joinedFiles(first: MadeFiles, second: MadeFiles): MadeFiles {
  return {
    schemaId: second.schemaId,
    specId: second.specId,
    stands: new Set([...first.stands, ...second.stands]),
    addedDataFiles: [...first.addedDataFiles, ...second.addedDataFiles],
    addedDeleteFiles: [...first.addedDeleteFiles, ...second.addedDeleteFiles],
    removedFiles: [...first.removedFiles, ...second.removedFiles],
    written: [...first.written, ...second.written],
  }
}

interface Base {
  readonly metadata: TableMetadata
  readonly schema: Schema
}

export function lookedAt(tasks: readonly ReadTask[], { metadata, schema }: Base): LookedAt {
  return {
    schemaId: schema.schemaId,
    specId: metadata.defaultSpecId,
    stands: new Set(tasks.map(standOf)),
  }
}

/** What a planned file is, and what is deleted of it: as long as this is the same, so is what was made of it. */
function standOf({ entry, deletes }: ReadTask): string {
  const { file, dataSequenceNumber } = entry
  const keys = [deletes.vector, ...deletes.positionDeletes, ...deletes.equalityDeletes].flatMap(each =>
    each === undefined ? [] : [`${each.dataSequenceNumber} ${fileKey(each.file)}`],
  )
  return [`${dataSequenceNumber} ${file.firstRowId ?? ''} ${file.location}`, ...keys.toSorted()].join('\n')
}

/** Whether all that was looked at is among the files that are planned now. */
export function stands(looked: LookedAt, tasks: readonly ReadTask[], { metadata, schema }: Base): boolean {
  if (looked.schemaId !== schema.schemaId || looked.specId !== metadata.defaultSpecId) return false
  const there = new Set(tasks.map(standOf))
  return [...looked.stands].every(stand => there.has(stand))
}

/** Planned files that were not there before; with isolation `snapshot` they are not this operation's concern. */
export function cameSince(
  looked: LookedAt,
  tasks: readonly ReadTask[],
  isolation: IsolationLevel,
): readonly ReadTask[] {
  return isolation === 'snapshot' ? [] : tasks.filter(task => !looked.stands.has(standOf(task)))
}
