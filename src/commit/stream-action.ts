/**
 * An action that advances a stream: whatever the inner action changes is committed together with the stream's
 * new position, and a step that landed before - an answer was lost, a process was restarted - is not repeated.
 */
import { LakeError } from '../base/errors.js'
import { stringifyJson } from '../base/json.js'
import type { Runtime } from '../base/runtime.js'
import type { FileIO } from '../io/file-io.js'
import { MAIN_BRANCH, type TableMetadata } from '../metadata/table-metadata.js'
import { createProduceCache, produceSnapshot } from '../snapshot/produce.js'
import { newSnapshotId } from '../snapshot/snapshot-id.js'
import type { TableAction } from './commit-loop.js'
import {
  readStreamPosition,
  type StreamPosition,
  type StreamStep,
  streamPositionUpdates,
} from './stream-position.js'

export interface StreamActionOptions {
  readonly io: FileIO
  readonly runtime: Runtime
  /** Names the files of an empty snapshot. */
  readonly operationUuid: string
  readonly step: StreamStep
  readonly ref?: string | undefined
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
  const { io, runtime, step, operationUuid } = options
  const ref = options.ref ?? MAIN_BRANCH
  const cache = createProduceCache()
  let snapshotId: bigint | undefined
  return async (base, attempt) => {
    if (hasLanded(base.metadata, { ...options, ref })) return 'unchanged'
    let change = await inner(base, attempt)
    if (change === 'unchanged') {
      snapshotId ??= newSnapshotId(base.metadata, runtime)
      change = await produceSnapshot(base, io, {
        changes: { operation: 'append', addedDataFiles: [], addedDeleteFiles: [], removedFiles: [] },
        ref,
        snapshotId,
        operationUuid,
        attempt: attempt.number,
        runtime,
        cache,
        signal: attempt.signal,
      })
    }
    const { requirements, written } = change
    return { requirements, written, updates: streamPositionUpdates(change.updates, { ...step, ref }) }
  }
}

/** True when the step is there; throws when the stream is neither there nor where it was expected. */
function hasLanded(
  metadata: TableMetadata,
  options: Pick<StreamActionOptions, 'step' | 'expected'> & { readonly ref: string },
): boolean {
  const { step, expected, ref } = options
  const current = expected === 'any' ? undefined : readStreamPosition(metadata, step.stream, ref)
  if (current?.token === step.token) return true
  if (expected === 'any' || samePlace(current, expected)) return false
  throw new LakeError('conflict', 'another applier has moved the stream', {
    context: { stream: step.stream, ref, ...(current === undefined ? {} : { token: current.token }) },
  })
}

function samePlace(a: StreamPosition | undefined, b: StreamPosition | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return a.token === b.token && stringifyJson(a.position) === stringifyJson(b.position)
}
