/**
 * Cherry-picking: what a snapshot of another history did, done again on a branch.
 *
 * - Its parent is the branch's head: the branch is set to it, and no new snapshot is made.
 * - It appended: its data files are added.
 * - It replaced whole partitions (`replace-partitions`): the same files are added and removed, if its parent is in the
 *   branch's history and nothing came into those partitions since.
 * - Anything else was decided by rows that the branch may not have, and is refused.
 *
 * A snapshot is picked once: who tries again is told where it is. The new snapshot names its source in
 * `source-snapshot-id`, and in `published-wap-id` the id that a staged one was written under. Added files are new
 * to the branch: their sequence number and row ids are those of the new snapshot.
 */
import { LakeError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import type { FileIO } from '../io/file-io.js'
import type { DataFile } from '../manifest/content-file.js'
import { readLiveEntries } from '../manifest/live-entries.js'
import { mightHaveLiveFiles } from '../manifest/manifest-file.js'
import { readManifestList } from '../manifest/manifest-list-read.js'
import { currentSchema, refByName, snapshotById } from '../metadata/lookup.js'
import { checkWritable } from '../metadata/new-table.js'
import { MAIN_BRANCH, type Snapshot, type TableMetadata } from '../metadata/table-metadata.js'
import type { TableUpdate } from '../metadata/table-update.js'
import { ancestors, isAncestor } from '../snapshot/ancestry.js'
import { type OwnChanges, readOwnChanges } from '../snapshot/own-changes.js'
import { partitionScope } from '../snapshot/partition-scope.js'
import { createProduceCache, type FileChanges, produceSnapshot } from '../snapshot/produce.js'
import { newSnapshotId } from '../snapshot/snapshot-id.js'
import { checkConflicts } from '../snapshot/validate.js'
import type { ConflictScope } from '../snapshot/validate-changes.js'
import { refChange } from './ref-actions.js'
import { streamPositionsAt, streamPositionUpdates, streamStepsOf } from './stream-position.js'
import type { ActionAttempt, TableAction } from './table-action.js'
import { checkUnpublished, PUBLISHED_WAP_ID, SOURCE_SNAPSHOT_ID, stagedSnapshot, WAP_ID } from './wap.js'

/** A snapshot by its id, or by the id that it was staged under. */
export type PickedSource = { readonly snapshotId: bigint } | { readonly wapId: string }

export interface CherryPickOptions {
  readonly runtime: Runtime
  /** Branch to pick onto; default main. */
  readonly ref?: string | undefined
  /** Further entries of the new snapshot's summary. */
  readonly summary?: Readonly<Record<string, string>> | undefined
}

/**
 * Does again on a branch what the snapshot did.
 * @throws from the action: not-found for an unknown snapshot, wap id or branch; already-exists when it is in the
 * branch's history or was picked or published there; invalid-argument for one that cannot be picked; conflict when
 * the partitions that it replaced have changed, when its files are live already, and when it is a step of a stream
 * that stands elsewhere on the branch; unsupported
 */
export function cherryPickAction(io: FileIO, source: PickedSource, options: CherryPickOptions): TableAction {
  const { runtime, ref = MAIN_BRANCH } = options
  const operationUuid = runtime.orderedUuid()
  const cache = createProduceCache()
  let snapshotId: bigint | undefined
  return async (base, attempt) => {
    const { metadata } = base
    checkWritable(metadata)
    const pick = findPick(metadata, { source, ref })
    if (pick.picked.parentSnapshotId === pick.head?.snapshotId) {
      const before = refByName(metadata, ref)
      return refChange(metadata, {
        name: ref,
        ref: { ...before, type: 'branch', snapshotId: pick.picked.snapshotId },
      })
    }
    const changes = await pickedChanges(io, pick, attempt)
    checkStreams(pick)
    snapshotId ??= newSnapshotId(metadata, runtime)
    const produced = await produceSnapshot(base, io, {
      changes,
      ref,
      snapshotId,
      operationUuid,
      attempt: attempt.number,
      summary: { ...options.summary, ...sourceSummary(pick.picked) },
      runtime,
      cache,
      signal: attempt.signal,
    })
    const { requirements, written } = produced
    const updates = [...assertKept(pick.picked), ...withSteps(produced.updates, pick)]
    return { requirements, written, updates }
  }
}

/**
 * Refuses the swap when the picked snapshot has expired since it was looked at: it may be that only it kept its files,
 * and they are deleted now. No requirement says so; a ref cannot be set to a snapshot that is gone.
 */
function assertKept({ snapshotId }: Snapshot): readonly TableUpdate[] {
  const refName = `picked-${snapshotId}`
  return [
    { action: 'set-snapshot-ref', refName, ref: { type: 'tag', snapshotId } },
    { action: 'remove-snapshot-ref', refName },
  ]
}

interface Pick {
  readonly metadata: TableMetadata
  readonly ref: string
  readonly picked: Snapshot
  readonly head: Snapshot | undefined
}

function findPick(
  metadata: TableMetadata,
  asked: { readonly source: PickedSource; readonly ref: string },
): Pick {
  const { source, ref } = asked
  const target = refByName(metadata, ref)
  if (target === undefined && ref !== MAIN_BRANCH)
    throw new LakeError('not-found', 'the table has no such branch', { context: { ref } })
  if (target?.type === 'tag')
    throw new LakeError('invalid-argument', 'a tag cannot be written to', { context: { ref } })
  const head = target && snapshotById(metadata, target.snapshotId)
  // The staged snapshot may be expired when its changes are there for long.
  if ('wapId' in source) checkUnpublished(metadata, { wapId: source.wapId, head: head?.snapshotId })
  const picked =
    'wapId' in source ? stagedSnapshot(metadata, source.wapId) : kept(metadata, source.snapshotId)
  const pick = { metadata, ref, picked, head }
  checkNotPicked(pick)
  return pick
}

function kept(metadata: TableMetadata, snapshotId: bigint): Snapshot {
  const snapshot = snapshotById(metadata, snapshotId)
  if (snapshot !== undefined) return snapshot
  throw new LakeError('not-found', 'the table has no such snapshot, or it was expired', {
    context: { snapshotId },
  })
}

function checkNotPicked({ metadata, picked, head, ref }: Pick): void {
  const wapId = picked.summary[WAP_ID]
  if (wapId !== undefined && wapId !== '') checkUnpublished(metadata, { wapId, head: head?.snapshotId })
  const source = String(picked.snapshotId)
  for (const { snapshotId, summary } of ancestors(metadata, head?.snapshotId)) {
    if (snapshotId !== picked.snapshotId && summary[SOURCE_SNAPSHOT_ID] !== source) continue
    throw new LakeError('already-exists', 'the branch has the changes of the snapshot already', {
      context: { ref, snapshotId: picked.snapshotId, in: snapshotId },
    })
  }
}

async function pickedChanges(io: FileIO, pick: Pick, attempt: ActionAttempt): Promise<FileChanges> {
  const { metadata, picked } = pick
  const isReplacing = picked.operation === 'overwrite' && picked.summary['replace-partitions'] === 'true'
  if (picked.operation !== 'append' && !isReplacing) throw notPickable(picked)
  const own = await readOwnChanges(io, { metadata, snapshot: picked }, { signal: attempt.signal })
  const isWhole = isReplacing ? own.addedDeleteFiles.length === 0 : addsDataOnly(own)
  if (!isWhole) throw notPickable(picked)
  if (isReplacing) await checkReplacedPartitions(io, { ...pick, own }, attempt)
  await checkNotLive(io, { ...pick, own }, attempt)
  return {
    operation: picked.operation,
    addedDataFiles: own.addedDataFiles.map(asNew),
    addedDeleteFiles: [],
    removedFiles: own.removedDataFiles,
  }
}

function addsDataOnly({ removedDataFiles, addedDeleteFiles, removedDeleteFiles }: OwnChanges): boolean {
  return removedDataFiles.length + addedDeleteFiles.length + removedDeleteFiles.length === 0
}

function notPickable({ snapshotId, operation }: Snapshot): LakeError {
  return new LakeError(
    'invalid-argument',
    'only appends, replaced partitions and the next snapshot of a branch can be picked',
    { context: { snapshotId, operation: operation ?? 'unknown' } },
  )
}

/** Row ids come from the snapshot that adds the file. */
function asNew({ firstRowId: _, ...file }: DataFile): DataFile {
  return file
}

interface ReadPick extends Pick {
  readonly own: OwnChanges
}

/** By state: no data file has come into the partitions since the picked snapshot was made. */
async function checkReplacedPartitions(io: FileIO, pick: ReadPick, attempt: ActionAttempt): Promise<void> {
  const { metadata, picked, head, own } = pick
  const parentId = picked.parentSnapshotId
  if (head === undefined) return
  if (parentId !== undefined && !isAncestor(metadata, { ancestor: parentId, of: head.snapshotId })) {
    throw new LakeError('invalid-argument', 'the replaced partitions are those of another history', {
      context: { snapshotId: picked.snapshotId, parentSnapshotId: parentId, head: head.snapshotId },
    })
  }
  const before = parentId === undefined ? undefined : snapshotById(metadata, parentId)
  await checkConflicts(io, 'cherry-pick', {
    states: { before, after: head, metadata },
    scope: replacedScope(metadata, own.addedDataFiles),
    isolation: 'serializable',
    signal: attempt.signal,
  })
}

/** Data files of the replaced partitions; those of another spec may hold rows of them. */
function replacedScope(metadata: TableMetadata, files: readonly DataFile[]): ConflictScope {
  const scope = partitionScope(metadata, files)
  const specIds = new Set(files.map(({ specId }) => specId))
  return {
    mightBeIn: manifest => !specIds.has(manifest.specId) || scope.mightBeIn(manifest),
    hasData: file => !specIds.has(file.specId) || scope.has(file),
    reaches: () => false,
  }
}

/**
 * A manifest older than the picked snapshot cannot hold its files; all others of the branch are looked at, as another
 * engine may have added them by a commit that does not say so.
 */
async function checkNotLive(io: FileIO, pick: ReadPick, attempt: ActionAttempt): Promise<void> {
  const { metadata, picked, head, own } = pick
  if (head === undefined || own.addedDataFiles.length === 0) return
  const { signal } = attempt
  const scope = partitionScope(metadata, own.addedDataFiles)
  const manifests = (await readManifestList(io, head, { signal })).filter(
    manifest =>
      manifest.content === 'data' &&
      manifest.sequenceNumber >= picked.sequenceNumber &&
      mightHaveLiveFiles(manifest) &&
      scope.mightBeIn(manifest),
  )
  const added = new Set(own.addedDataFiles.map(file => file.location))
  const schema = currentSchema(metadata)
  const entries = await readLiveEntries(io, manifests, { metadata, schema, withStatistics: false, signal })
  const live = entries.find(({ file }) => added.has(file.location))
  if (live === undefined) return
  throw new LakeError('conflict', 'a file of the snapshot is live on the branch already', {
    context: { snapshotId: picked.snapshotId, location: live.file.location },
  })
}

function sourceSummary({ snapshotId, summary }: Snapshot): Readonly<Record<string, string>> {
  const wapId = summary[WAP_ID]
  return {
    [SOURCE_SNAPSHOT_ID]: String(snapshotId),
    ...(wapId === undefined || wapId === '' ? {} : { [PUBLISHED_WAP_ID]: wapId }),
  }
}

// ---- streams

/** A step may be picked only onto the place that it was made for: else rows would be there twice, or be missing. */
function checkStreams({ metadata, ref, picked, head }: Pick): void {
  const steps = streamStepsOf(picked)
  if (steps.length === 0) return
  const there = streamPositionsAt(metadata, head?.snapshotId)
  const before = streamPositionsAt(metadata, picked.parentSnapshotId)
  for (const { stream } of steps) {
    if (there.get(stream)?.token === before.get(stream)?.token) continue
    throw new LakeError(
      'conflict',
      'the snapshot is a step of a stream that stands elsewhere on the branch',
      {
        context: { snapshotId: picked.snapshotId, stream, ref },
      },
    )
  }
}

function withSteps(updates: readonly TableUpdate[], { picked, ref }: Pick): readonly TableUpdate[] {
  return streamStepsOf(picked).reduce(
    (sofar, step) => streamPositionUpdates(sofar, { ...step, ref }),
    updates,
  )
}
