/**
 * The conflict rules: what may not have happened between the state an operation planned on and the state it
 * commits on. `CONFLICT_RULES` is the table; each rule is one small check on what came and went by state.
 *
 * | rule | broken when, since the plan, |
 * |---|---|
 * | files-live | a file that the operation builds on was removed by anyone |
 * | files-not-rewritten | the same, but removal by plain deletes does not count: the rows are gone either way |
 * | no-new-deletes | a delete was added that reaches one of these files |
 * | no-new-vectors | a deletion vector was added for one of these files |
 * | no-new-rows | a data file was added that might hold rows of the operation's filter |
 *
 * @see Iceberg table spec, "Commit Conflict Resolution and Retry"; facts on what Java's operations check
 */
import { unreachable } from '../base/assert.js'
import { LakeError } from '../base/errors.js'
import type { Bound } from '../expression/bind.js'
import { mightMatchTuple, projectInclusive } from '../expression/partition-projection.js'
import { mightMatch } from '../expression/statistics.js'
import type { FileIO } from '../io/file-io.js'
import { statisticsOf } from '../manifest/bounds.js'
import type { DataFile } from '../manifest/content-file.js'
import { type ContentFile, isDeletionVector, type ManifestEntry } from '../manifest/content-file.js'
import { buildDeleteIndex, type EntryOf } from '../manifest/delete-index.js'
import { currentSchema, refSnapshot, snapshotById, specById } from '../metadata/lookup.js'
import type { IsolationLevel } from '../metadata/properties.js'
import { MAIN_BRANCH, type Snapshot, type TableMetadata } from '../metadata/table-metadata.js'
import { partitionPath, partitionType } from '../schema/partition.js'
import { snapshotsBetween } from './ancestry.js'
import { diffFiles, type FileDelta } from './changes.js'
import { partitionScope } from './partition-scope.js'

export type ConflictRule =
  | 'files-live'
  | 'files-not-rewritten'
  | 'no-new-deletes'
  | 'no-new-vectors'
  | 'no-new-rows'

/**
 * What is validated: `delete` marks rows deleted in place, `update` also writes new versions of them, `overwrite`
 * replaces files by filter (copy-on-write), `rewrite` keeps the rows and changes the files (compaction).
 */
export type ValidatedOperation = 'append' | 'delete' | 'update' | 'overwrite' | 'rewrite'

/** Operation x isolation -> rules. */
export const CONFLICT_RULES: Readonly<
  Record<ValidatedOperation, Readonly<Record<IsolationLevel, readonly ConflictRule[]>>>
> = {
  append: { snapshot: [], serializable: [] },
  delete: {
    snapshot: ['files-not-rewritten', 'no-new-vectors'],
    serializable: ['files-not-rewritten', 'no-new-vectors', 'no-new-rows'],
  },
  update: {
    snapshot: ['files-live', 'no-new-deletes'],
    serializable: ['files-live', 'no-new-deletes', 'no-new-rows'],
  },
  overwrite: {
    snapshot: ['files-live', 'no-new-deletes'],
    serializable: ['files-live', 'no-new-deletes', 'no-new-rows'],
  },
  rewrite: {
    snapshot: ['files-live', 'no-new-deletes'],
    serializable: ['files-live', 'no-new-deletes'],
  },
}

export interface ValidationOptions {
  /** The branch written; default main. */
  readonly ref?: string | undefined
  readonly rules: readonly ConflictRule[]
  /** Data files that the operation replaces or whose rows it deletes, as they were live then. */
  readonly files?: readonly EntryOf<DataFile>[] | undefined
  /** Rows that the operation is about, for `no-new-rows`; absent: every row. */
  readonly filter?: Bound | undefined
  /** A rewrite keeps the sequence numbers of its files, so new equality deletes still reach the rewritten ones. */
  readonly keepsSequenceNumber?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Checks that nothing between two states of a branch breaks the rules. Reads only manifests in which they differ.
 * @throws conflict naming rule, snapshot and files; also when the older state's files are gone
 */
export async function validateNoConflicts(
  then: TableMetadata,
  now: TableMetadata,
  io: FileIO,
  options: ValidationOptions,
): Promise<void> {
  const ref = options.ref ?? MAIN_BRANCH
  const check: Check = {
    io,
    metadata: now,
    before: refSnapshot(then, ref),
    after: refSnapshot(now, ref),
    files: options.files ?? [],
    options,
  }
  if (check.before?.snapshotId === check.after?.snapshotId) return
  for (const rule of options.rules) await checkRule(check, rule)
}

interface Check {
  readonly io: FileIO
  readonly metadata: TableMetadata
  readonly before: Snapshot | undefined
  readonly after: Snapshot | undefined
  readonly files: readonly EntryOf<DataFile>[]
  readonly options: ValidationOptions
}

async function checkRule(check: Check, rule: ConflictRule): Promise<void> {
  switch (rule) {
    case 'files-live':
      return refuseIfAny(check, rule, await removedFiles(check))
    case 'files-not-rewritten':
      return isPlainDeletion(check) ? undefined : refuseIfAny(check, rule, await removedFiles(check))
    case 'no-new-deletes':
      return refuseIfAny(check, rule, await newDeletes(check))
    case 'no-new-vectors':
      return refuseIfAny(
        check,
        rule,
        (await newDeletes(check)).filter(entry => isDeletionVector(entry.file)),
      )
    case 'no-new-rows':
      return refuseIfAny(check, rule, await newRows(check))
    default:
      return unreachable(rule)
  }
}

/** Files of the operation that are not live now with the sequence number they had. */
async function removedFiles(check: Check): Promise<readonly ManifestEntry[]> {
  if (check.files.length === 0) return []
  const delta = await diff(check, 'data')
  const removed = new Set(delta.removed.map(entry => entry.file.location))
  return check.files.filter(entry => removed.has(entry.file.location))
}

/** True when the history since is known and nothing in it replaces or overwrites files. */
function isPlainDeletion(check: Check): boolean {
  const between = historySince(check)
  return between?.every(({ operation }) => operation === 'append' || operation === 'delete') ?? false
}

/** Deletes added since that reach one of the files. */
async function newDeletes(check: Check): Promise<readonly ManifestEntry[]> {
  if (check.files.length === 0) return []
  const delta = await diff(check, 'deletes')
  const index = buildDeleteIndex(delta.added, check.metadata)
  if (index.fileCount === 0) return []
  const reaching = new Set<ManifestEntry>()
  for (const file of check.files) {
    const deletes = index.forDataFile(file)
    if (deletes.vector !== undefined) reaching.add(deletes.vector)
    for (const entry of deletes.positionDeletes) reaching.add(entry)
    if (check.options.keepsSequenceNumber === true) continue
    for (const entry of deletes.equalityDeletes) reaching.add(entry)
  }
  return [...reaching]
}

/** Data files added since that might hold a row of the filter that was not in the table before. */
async function newRows(check: Check): Promise<readonly ManifestEntry[]> {
  const delta = await diffFiles(check.io, check, { content: 'data', signal: check.options.signal })
  const between = historySince(check)
  const onlyMoved =
    between?.every(({ operation }) => operation === 'replace' || operation === 'delete') ?? false
  return delta.added.filter(entry => {
    const holdsOldRows =
      between !== undefined &&
      operationThatAdded(check, entry) === 'replace' &&
      (onlyMoved || entry.dataSequenceNumber <= (check.before?.sequenceNumber ?? 0n))
    return !holdsOldRows && mightHoldRows(check, entry.file)
  })
}

/** Undefined when history was cut or the branch was moved: then nothing is excused. */
function historySince(check: Check): readonly Snapshot[] | undefined {
  return snapshotsBetween(check.metadata, { from: check.before?.snapshotId, to: check.after?.snapshotId })
}

function operationThatAdded(check: Check, entry: ManifestEntry): Snapshot['operation'] {
  return snapshotById(check.metadata, entry.snapshotId)?.operation
}

function mightHoldRows(check: Check, file: ContentFile): boolean {
  const { filter } = check.options
  if (filter === undefined) return true
  const schema = currentSchema(check.metadata)
  const spec = specById(check.metadata, file.specId)
  if (spec !== undefined) {
    const projected = projectInclusive(filter, spec, schema)
    if (!mightMatchTuple(projected, partitionType(spec, schema).fields, file.partition)) return false
  }
  return mightMatch(filter, statisticsOf(file, schema))
}

/** What came and went among manifests that can hold the operation's files, or deletes of them. */
function diff(check: Check, content: 'data' | 'deletes'): Promise<FileDelta> {
  const files = check.files.map(entry => entry.file)
  const scope = partitionScope(check.metadata, files)
  const isOfInterest = content === 'data' ? scope.mightBeIn : undefined
  return diffFiles(check.io, check, { content, isOfInterest, signal: check.options.signal })
}

function refuseIfAny(check: Check, rule: ConflictRule, offending: readonly ManifestEntry[]): void {
  const [first] = offending
  if (first === undefined) return
  throw new LakeError('conflict', 'a concurrent change breaks a rule of this operation', {
    context: {
      rule,
      snapshotId: check.after?.snapshotId ?? first.snapshotId,
      files: offending.slice(0, 10).map(entry => entry.file.location),
      count: offending.length,
      partition: partitionText(check, first.file),
    },
  })
}

function partitionText(check: Check, file: ContentFile): string {
  const spec = specById(check.metadata, file.specId)
  if (spec === undefined) return ''
  return partitionPath(spec, [currentSchema(check.metadata), ...check.metadata.schemas], file.partition)
}
