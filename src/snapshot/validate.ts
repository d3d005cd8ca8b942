/**
 * The conflict table: what a commit by somebody else means for an operation that began before it.
 *
 *   ignore         the operation says nothing about such rows: its result is right beside the change
 *   decide-again   the operation is done on the newer base as if it had begun there, which makes it right
 *   conflict       the operation is refused: what it decided on is no longer so
 *
 * An operation either decides on the base that it is committed on (`moving`: delete, update, merge and upsert do, unless
 * told otherwise) or holds to a snapshot that it decided on (`based`: overwrites, compaction, cherry-picks, and whatever
 * was given `basedOn`). What is in the table concerns the rows in the operation's scope only: its predicate, its keys,
 * its partitions.
 *
 * Iceberg's Java implementation is the least: what it refuses is allowed here only where deciding again makes it right,
 * and the rows below say so. In Java deletes and updates are decided once, so they conflict where ours decide again.
 *
 * Changes are found by state, whatever lies between; see `validate-changes.ts`. The rules of compaction are applied by
 * `maintenance/standing-groups.ts`, group by group: a group in conflict is given up and the others land.
 * @see spec/commit-protocol.md, "Conflicts"
 */
import { type ErrorContext, LakeError } from '../base/errors.js'
import type { FileIO } from '../io/file-io.js'
import type { ContentFile } from '../manifest/content-file.js'
import { specById } from '../metadata/lookup.js'
import type { IsolationLevel } from '../metadata/properties.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { isUnpartitioned, partitionPath } from '../schema/partition.js'
import { fieldById } from '../schema/schema.js'
import type { Field, Schema } from '../schema/types.js'
import type { TableStates } from './changes.js'
import {
  type ConcurrentFile,
  type ConflictScope,
  concurrentFiles,
  type FileChangeKind,
} from './validate-changes.js'

export type ConflictOperation =
  | 'append'
  | 'overwrite-filter'
  | 'overwrite-partitions'
  | 'delete'
  | 'update'
  | 'merge'
  | 'upsert'
  | 'rewrite'
  | 'cherry-pick'

/**
 * `schema-changed`: a column became required; other changes of the schema concern no rows. `spec-changed`: new files get
 * another partition spec.
 */
export type ConcurrentChange = FileChangeKind | 'schema-changed' | 'spec-changed'

export type Verdict = 'ignore' | 'decide-again' | 'conflict'

export interface Rule {
  readonly serializable: Verdict
  readonly snapshot: Verdict
}

export type Rules = Readonly<Record<ConcurrentChange, Rule>>

export interface OperationRules {
  /** Of the operation that decides on the base it is committed on; undefined: it never does. */
  readonly moving: Rules | undefined
  /** Of the operation that holds to a snapshot; undefined: it never does. */
  readonly based: Rules | undefined
}

const ignore: Rule = { serializable: 'ignore', snapshot: 'ignore' }
const again: Rule = { serializable: 'decide-again', snapshot: 'decide-again' }
const conflict: Rule = { serializable: 'conflict', snapshot: 'conflict' }

/** The rows of files written before are checked against the schema of then; see `checkRowsFit`. */
const WRITTEN_ROWS = { 'schema-changed': conflict } as const

/**
 * Java decides once: a delete or update meets `data-added` by a refusal (serializable), or by leaving the new rows alone
 * (snapshot), and every change of its files by a refusal. Here the condition is evaluated again, on every row of the
 * base, so that the result is that of the operation begun after the other commit.
 */
const MOVING: Rules = {
  // Under `snapshot` files that came after the first attempt may be passed over, as Java does.
  'data-added': { serializable: 'decide-again', snapshot: 'ignore' },
  'data-removed': again,
  'rows-deleted': again,
  'equality-deletes': again,
  rewritten: again,
  'schema-changed': again,
  'spec-changed': again,
}

/**
 * Java: `validateNoConflictingData` (serializable only), `validateNoConflictingDeletes` (both). A file that a `replace`
 * took away is a refusal there; the rows are the same, so the files are chosen again on the base.
 */
const OVERWRITE: Rules = {
  // Under `snapshot` rows that came meanwhile are replaced with the others: Java evaluates the filter on the base too.
  'data-added': { serializable: 'conflict', snapshot: 'decide-again' },
  'data-removed': conflict,
  'rows-deleted': conflict,
  'equality-deletes': conflict,
  rewritten: again,
  ...WRITTEN_ROWS,
  // Files of both specs are looked at on the base; the given rows keep the spec that they were written with.
  'spec-changed': again,
}

/** `basedOn` on an operation that would decide again: the caller looked at the rows, so any change of them is refused. */
const BASED: Rules = {
  ...OVERWRITE,
  'data-added': { serializable: 'conflict', snapshot: 'ignore' },
  'schema-changed': again,
}

/** Keys are looked up again on every base, whatever the isolation: else two upserts of one key would leave two rows. */
const MOVING_KEYS: Rules = { ...MOVING, 'data-added': again }

export const CONFLICTS: Readonly<Record<ConflictOperation, OperationRules>> = {
  append: {
    moving: {
      'data-added': ignore,
      'data-removed': ignore,
      'rows-deleted': ignore,
      'equality-deletes': ignore,
      rewritten: ignore,
      ...WRITTEN_ROWS,
      // The files keep their spec. One that has left the table is a conflict.
      'spec-changed': ignore,
    },
    based: undefined,
  },
  'overwrite-filter': { moving: undefined, based: OVERWRITE },
  'overwrite-partitions': { moving: undefined, based: OVERWRITE },
  delete: { moving: MOVING, based: BASED },
  update: { moving: MOVING, based: BASED },
  merge: { moving: MOVING, based: BASED },
  upsert: { moving: MOVING_KEYS, based: BASED },
  // Java: replaced files must be there and have got no new deletes. Isolation is no matter: no row may change.
  rewrite: {
    moving: undefined,
    based: {
      'data-added': ignore,
      'data-removed': conflict,
      'rows-deleted': conflict,
      // New files keep the sequence number of the plan, so that the deletes reach them; where they would not, conflict.
      'equality-deletes': ignore,
      rewritten: conflict,
      'schema-changed': ignore,
      'spec-changed': ignore,
    },
  },
  // Of a snapshot that replaced partitions; a picked append is as an append. Java: no file may have come into them.
  'cherry-pick': {
    moving: undefined,
    based: {
      'data-added': conflict,
      'data-removed': conflict,
      // The files go as a whole, with what was deleted of them since.
      'rows-deleted': ignore,
      'equality-deletes': ignore,
      rewritten: conflict,
      'schema-changed': ignore,
      'spec-changed': ignore,
    },
  },
}

export interface CheckConflictsOptions {
  /** What the operation decided on, and the head that it is to be committed on. */
  readonly states: TableStates
  readonly scope: ConflictScope
  readonly isolation: IsolationLevel
  readonly signal?: AbortSignal | undefined
}

/**
 * Checks that an operation that holds to a snapshot may be committed on a newer one.
 * @throws conflict, naming rule, snapshot, files and partition; and when the snapshot was expired and is gone
 */
export async function checkConflicts(
  io: FileIO,
  operation: ConflictOperation,
  options: CheckConflictsOptions,
): Promise<void> {
  const rules = CONFLICTS[operation].based
  if (rules === undefined) return
  const { states, scope, isolation, signal } = options
  const found = await concurrentFiles(io, states, { scope, signal })
  for (const change of ORDER) {
    const files = found.filter(each => each.change === change)
    if (files.length === 0 || rules[change][isolation] !== 'conflict') continue
    throw new LakeError('conflict', MESSAGES[change], {
      context: { rule: `${operation}, ${change}`, isolation, ...contextOf(files, states.metadata) },
    })
  }
}

/** The change that is named when there are several. */
const ORDER: readonly FileChangeKind[] = [
  'data-added',
  'data-removed',
  'rows-deleted',
  'equality-deletes',
  'rewritten',
]

const MESSAGES: Readonly<Record<FileChangeKind, string>> = {
  'data-added': 'rows have come since into what the operation decided on',
  'data-removed': 'files that the operation decided on have been removed since',
  'rows-deleted': 'rows that the operation decided on have been deleted since',
  'equality-deletes': 'rows that the operation decided on may have been deleted by key since',
  rewritten: 'files that the operation decided on have been rewritten since',
}

const FILES_NAMED = 5

/** The snapshot that is named, and the files that it changed; without history all of them. */
function contextOf(found: readonly ConcurrentFile[], metadata: TableMetadata): ErrorContext {
  const snapshotId = found.find(each => each.snapshotId !== undefined)?.snapshotId
  const ofSnapshot = found.filter(each => each.snapshotId === snapshotId).map(({ file }) => file)
  const [first] = ofSnapshot
  const partition = first && partitionText(first, metadata)
  return {
    ...(snapshotId === undefined ? {} : { snapshotId }),
    files: ofSnapshot.slice(0, FILES_NAMED).map(file => file.location),
    fileCount: ofSnapshot.length,
    ...(partition === undefined ? {} : { partition }),
  }
}

function partitionText(file: ContentFile, metadata: TableMetadata): string | undefined {
  const spec = specById(metadata, file.specId)
  if (spec === undefined || isUnpartitioned(spec)) return undefined
  return partitionPath(spec, [...metadata.schemas].reverse(), file.partition)
}

/**
 * Checks rows that were written for a schema against a newer one: their files may hold nulls in a column that has become
 * required since.
 * @throws conflict naming the column
 */
export function checkRowsFit(written: Schema, now: Schema): void {
  if (written.schemaId === now.schemaId) return
  const column = strictField(now.fields, written)
  if (column === undefined) return
  throw new LakeError('conflict', 'a column became required after the rows were written', {
    context: { rule: 'schema-changed', column: column.name, fieldId: column.id },
  })
}

/** A required field, inside structs too, that the rows may hold nulls of. */
function strictField(fields: readonly Field[], written: Schema): Field | undefined {
  for (const field of fields) {
    const before = fieldById(written, field.id)
    if (field.required && before?.required === false) return field
    const inner = field.type.kind === 'struct' ? strictField(field.type.fields, written) : undefined
    if (inner !== undefined) return inner
  }
  return undefined
}
