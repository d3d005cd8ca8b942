/**
 * Exactly once for any operation: the operation is a step of a stream that its caller names, under a token that is the
 * same whenever it is repeated. The step is in the commit (`stream-position.ts`), so whoever repeats it - an answer was
 * lost, a process was killed - finds that it has landed, and gets the first result.
 *
 * - Without a position, steps have no order. The newest token of a stream is found always, older ones for as long as
 *   their snapshots are kept.
 * - With a position, steps have the order of their positions: a step at or before the one that the stream stands at has
 *   landed, however long ago.
 */
import { LakeError } from '../base/errors.js'
import { isJsonObject, type JsonValue } from '../base/json.js'
import { snapshotById } from '../metadata/lookup.js'
import { MAIN_BRANCH, type Snapshot, type TableMetadata } from '../metadata/table-metadata.js'
import { isSamePlace, movedByOther, type StepOptions, withStep } from './stream-action.js'
import { readStreamPosition, type StreamPosition, streamHistory } from './stream-position.js'
import type { TableAction } from './table-action.js'

/**
 * A place in an ordered stream. Numbers are compared by value, texts by their characters (pad the numbers in them), lists
 * item by item. The positions of one stream are all of one form.
 */
export type OncePosition = number | bigint | string | readonly (number | bigint | string)[]

/** Names an operation, so that repeating it does nothing. */
export interface Once {
  /** What the operation belongs to, such as a job. One name is for one kind of stream: not for that of a feed. */
  readonly stream: string
  /** The operation itself, such as a date or a run: the same when it is repeated, and of no other operation. */
  readonly token: string
  readonly position?: OncePosition | undefined
  /**
   * Goes on from whatever position the stream holds, for one that a rollback or an expiry by another engine lost; a step
   * whose token is in the history has landed all the same. Default false.
   */
  readonly resetPosition?: boolean | undefined
}

/** What is known of a step that has landed. */
export interface LandedStep {
  /** Of the commit that it landed in. */
  readonly snapshotId: bigint
  /** Undefined when it has expired. */
  readonly snapshot: Snapshot | undefined
  /** That of another step, when the step was found by its position. */
  readonly token: string
}

/**
 * What became of the step on a branch; undefined when it has not landed.
 * @throws conflict when the position of the stream was lost; invalid-argument for names, positions and streams that make
 * no sense; corrupt
 */
export function landedStep(
  metadata: TableMetadata,
  once: Once,
  ref: string = MAIN_BRANCH,
): LandedStep | undefined {
  checkOnce(once)
  let covering: LandedStep | undefined
  for (const { snapshot, step } of streamHistory(metadata, once.stream, ref)) {
    const found = { snapshotId: snapshot.snapshotId, snapshot, token: step.token }
    if (step.token === once.token) return found
    // Of those that the step is not behind, the oldest is the one that it landed with.
    if (isCovered(once, step.position)) covering = found
  }
  if (once.resetPosition === true) return undefined
  if (covering !== undefined) return covering
  const current = readStreamPosition(metadata, once.stream, ref)
  if (current === undefined) return undefined
  if (current.token !== once.token && !isCovered(once, current.position)) return undefined
  const { snapshotId, token } = current
  return { snapshotId, snapshot: snapshotById(metadata, snapshotId), token }
}

export interface OnceOptions extends Omit<StepOptions, 'step'> {
  readonly once: Once
  /** Told when the step has landed before; the action says `unchanged` then. */
  readonly onLanded?: ((landed: LandedStep) => void) | undefined
}

/**
 * The action, once. It adds a snapshot, an empty one if the inner action adds none.
 * @throws from the action: as `landedStep`; conflict when another applier moved an ordered stream since the first attempt
 */
export function onceAction(inner: TableAction, options: OnceOptions): TableAction {
  const { once, onLanded } = options
  const ref = options.ref ?? MAIN_BRANCH
  const step = { stream: once.stream, token: once.token, position: storedForm(once) }
  const stepped = withStep(inner, { ...options, step })
  const checkMove = createMoveCheck(once, ref)
  return async (base, attempt) => {
    const landed = landedStep(base.metadata, once, ref)
    checkMove(base.metadata, landed)
    if (landed === undefined) return stepped(base, attempt)
    onLanded?.(landed)
    return 'unchanged'
  }
}

/**
 * Two appliers of an ordered stream prepare steps from the same place: what landed first may hold what the other is about
 * to write, or pass it by. Whose step has not landed with its own token stops.
 */
function createMoveCheck(
  once: Once,
  ref: string,
): (metadata: TableMetadata, landed: LandedStep | undefined) => void {
  if (once.position === undefined || once.resetPosition === true) return () => undefined
  let first: { readonly at: StreamPosition | undefined } | undefined
  return (metadata, landed) => {
    const current = readStreamPosition(metadata, once.stream, ref)
    first ??= { at: current }
    if (isSamePlace(first.at, current) || landed?.token === once.token) return
    throw movedByOther({ stream: once.stream, ref, current })
  }
}

// ---- what is given, and what is stored

function checkOnce({ stream, token, position }: Once): void {
  if (stream === '' || token === '') {
    throw new LakeError('invalid-argument', 'a step has a stream and a token', { context: { stream, token } })
  }
  for (const item of Array.isArray(position) ? position : [position ?? 0]) {
    if (typeof item === 'number' && !Number.isFinite(item)) {
      throw new LakeError('invalid-argument', 'a position is finite', { context: { stream, position: item } })
    }
  }
}

/** Within an object, so that the positions of feeds and of files are not taken for one. */
function storedForm({ position }: Once): JsonValue {
  return { once: position === undefined ? null : listOf(position) }
}

function listOf(position: OncePosition): readonly (number | bigint | string)[] {
  return typeof position === 'object' ? position : [position]
}

/** True when the stream stands at the step's position or behind it. Steps without a position are at none. */
function isCovered({ stream, position }: Once, stored: JsonValue): boolean {
  const held = isJsonObject(stored) ? stored.once : undefined
  if (held === undefined) {
    throw new LakeError('invalid-argument', 'the stream is that of a feed or of files', {
      context: { stream },
    })
  }
  if (position === undefined || !Array.isArray(held)) return false
  return compareLists(listOf(position), held, stream) <= 0
}

function compareLists(
  given: readonly (number | bigint | string)[],
  stored: readonly JsonValue[],
  stream: string,
): number {
  for (const [index, item] of given.entries()) {
    const other = stored[index]
    if (other === undefined) return 1
    const isText = typeof item === 'string'
    const isOtherText = typeof other === 'string'
    if (isText !== isOtherText || (!isOtherText && typeof other !== 'number' && typeof other !== 'bigint')) {
      throw new LakeError('invalid-argument', 'the position is of another form than that of the stream', {
        context: { stream },
      })
    }
    if (item < other) return -1
    if (item > other) return 1
  }
  return given.length - stored.length
}
