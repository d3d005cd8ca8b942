/** Writes that are done once, however often they are asked for: see `commit/once.ts`. */
import { LakeError } from '../base/errors.js'
import type { LoadedTable } from '../catalog/catalog.js'
import { type LandedStep, landedStep, type Once, onceAction } from '../commit/once.js'
import type { TableAction } from '../commit/table-action.js'
import type { LakeContext } from './context.js'

export interface OnceOption {
  /**
   * The write is done once: who asks again, in another process or long after, gets the first result, and nothing
   * changes. An empty snapshot is made when there is nothing to change.
   */
  readonly once?: Once | undefined
}

/** The branch that a write goes to, and the step that it is. */
export interface OnceCall extends OnceOption {
  readonly ref: string | undefined
  readonly wapId: string | undefined
}

/** @throws invalid-argument for a staged write: it is on no branch, so no stream moves; its wap id is there once anyway */
export function checkOnceCall({ once, wapId }: Pick<OnceCall, 'once' | 'wapId'>): void {
  if (once === undefined || wapId === undefined) return
  throw new LakeError('invalid-argument', 'a staged write cannot be a step of a stream: it is on no branch', {
    context: { stream: once.stream, wapId },
  })
}

/** What became of the step before, as far as the base knows. @throws as `landedStep` */
export function landedBefore({ metadata }: LoadedTable, { once, ref }: OnceCall): LandedStep | undefined {
  return once === undefined ? undefined : landedStep(metadata, once, ref)
}

/** The action, once when the call asks for it. */
export function withOnce(
  { io, runtime }: Pick<LakeContext, 'io' | 'runtime'>,
  action: TableAction,
  call: OnceCall & { readonly onLanded: (landed: LandedStep) => void },
): TableAction {
  const { once, ref, onLanded } = call
  if (once === undefined) return action
  return onceAction(action, { io, runtime, operationUuid: runtime.orderedUuid(), once, ref, onLanded })
}
