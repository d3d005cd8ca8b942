/**
 * An action that advances a stream: whatever the inner action changes is committed together with the stream's
 * new position, and a step that landed before - an answer was lost, a process was restarted - is not repeated.
 */
import { LakeError } from '../base/errors.js'
import { stringifyJson } from '../base/json.js'
import type { Runtime } from '../base/runtime.js'
import type { LoadedTable } from '../catalog/catalog.js'
import type { FileIO } from '../io/file-io.js'
import { MAIN_BRANCH, type TableMetadata } from '../metadata/table-metadata.js'
import { createProduceCache, produceSnapshot } from '../snapshot/produce.js'
import { newSnapshotId } from '../snapshot/snapshot-id.js'
import { joinChanges, stateAfter } from './compose-actions.js'
import {
  putsSnapshotOn,
  readStreamPosition,
  type StreamPosition,
  type StreamStep,
  streamPositionUpdates,
} from './stream-position.js'
import type { ActionAttempt, TableAction, TableChange } from './table-action.js'

export interface StepOptions {
  readonly io: FileIO
  readonly runtime: Runtime
  /** Names the files of an empty snapshot. */
  readonly operationUuid: string
  readonly step: StreamStep
  readonly ref?: string | undefined
  /** Further entries of the summary of an empty snapshot. */
  readonly summary?: Readonly<Record<string, string>> | undefined
}

export interface StreamActionOptions extends StepOptions {
  /**
   * What this process read before it prepared the step, undefined for a stream that has not begun; `any` sets the
   * position whatever it was.
   */
  readonly expected: StreamPosition | undefined | 'any'
}

/**
 * The action, with the step. It always adds a snapshot, an empty one if the inner action changed nothing, and
 * says `unchanged` only when the step has landed already.
 * @throws conflict (from the action) when another applier moved the stream since `expected` was read
 */
export function streamAction(inner: TableAction, options: StreamActionOptions): TableAction {
  const ref = options.ref ?? MAIN_BRANCH
  const stepped = withStep(inner, options)
  return async (base, attempt) =>
    isStepThere(base.metadata, { ...options, ref }) ? 'unchanged' : stepped(base, attempt)
}

/**
 * The action with the step, whatever the stream's position is. An inner action that puts no snapshot on the branch - it
 * changed nothing, moved another ref, altered a column - is followed by an empty one: positions are fenced by snapshots.
 */
export function withStep(inner: TableAction, options: StepOptions): TableAction {
  const { io, runtime, step, operationUuid, summary } = options
  const ref = options.ref ?? MAIN_BRANCH
  const cache = createProduceCache()
  let snapshotId: bigint | undefined
  const emptySnapshot = (base: LoadedTable, attempt: ActionAttempt): Promise<TableChange> => {
    snapshotId ??= newSnapshotId(base.metadata, runtime)
    return produceSnapshot(base, io, {
      changes: { operation: 'append', addedDataFiles: [], addedDeleteFiles: [], removedFiles: [] },
      ref,
      snapshotId,
      operationUuid,
      attempt: attempt.number,
      summary,
      runtime,
      cache,
      signal: attempt.signal,
    })
  }
  return async (base, attempt) => {
    const made = await inner(base, attempt)
    const { requirements, written, updates } =
      made === 'unchanged'
        ? await emptySnapshot(base, attempt)
        : putsSnapshotOn(made.updates, ref)
          ? made
          : joinChanges(base, [made, await emptySnapshot(stateAfter(base, made.updates, options), attempt)])
    return { requirements, written, updates: streamPositionUpdates(updates, { ...step, ref }) }
  }
}

/** True when the step is there; throws when the stream is neither there nor where it was expected. */
function isStepThere(
  metadata: TableMetadata,
  options: Pick<StreamActionOptions, 'step' | 'expected'> & { readonly ref: string },
): boolean {
  const { step, expected, ref } = options
  const current = expected === 'any' ? undefined : readStreamPosition(metadata, step.stream, ref)
  if (current?.token === step.token) return true
  if (expected === 'any' || isSamePlace(current, expected)) return false
  throw movedByOther({ stream: step.stream, ref, current })
}

/** The error for a stream that somebody else advanced while a step of it was prepared. */
export function movedByOther(found: {
  readonly stream: string
  readonly ref: string
  readonly current: StreamPosition | undefined
}): LakeError {
  const { stream, ref, current } = found
  return new LakeError('conflict', 'another applier has moved the stream', {
    context: { stream, ref, ...(current === undefined ? {} : { token: current.token }) },
  })
}

export function isSamePlace(a: StreamPosition | undefined, b: StreamPosition | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return a.token === b.token && stringifyJson(a.position) === stringifyJson(b.position)
}
