/**
 * Batches of a feed that is read row by row: as many source transactions as make a commit, or what has come within a
 * second. The batch behind the one in work is made meanwhile.
 *
 * Who follows a feed without an end does not wait for what may come tomorrow either: told that it is followed, a batch ends
 * when the feed has nothing more to say for now. Otherwise nothing here depends on how fast the feed is read.
 */
import { unlessAborted } from '../base/concurrency.js'
import type { Runtime } from '../base/runtime.js'
import { createBlockBuilder } from './block-builder.js'
import type { FeedBatch } from './change-block.js'
import type { SourceTransaction } from './change-event.js'
import { type FeedPosition, isUpTo } from './feed-position.js'

export interface FeedBatchesOptions {
  readonly runtime: Runtime
  /** Changes after which a batch ends, at the end of their transaction. */
  readonly rowsMax: number
  /** Bytes after which it ends, about. */
  readonly sizeBytesMax: number
  /** The feed may fall silent and go on later. */
  readonly isFollowed?: boolean | undefined
  /** Inclusive: what comes behind is not looked at. */
  readonly until?: FeedPosition | undefined
}

/** Milliseconds that a batch grows at most. */
const BATCH_MS = 1000
/** Milliseconds that a transaction of a feed that is followed waits for others. */
const LINGER_MS = 100

/** The transactions in batches. An error of the feed comes behind the batch of what was read before it. */
export async function* feedBatches(
  transactions: AsyncIterable<SourceTransaction>,
  options: FeedBatchesOptions,
): AsyncGenerator<FeedBatch, void, undefined> {
  const { rowsMax, sizeBytesMax, until, runtime, isFollowed = false } = options
  const builder = createBlockBuilder()
  const source = transactions[Symbol.asyncIterator]()
  let linger: Timer | undefined
  let beganMs = runtime.nowMs()
  try {
    let next = tried(source.next())
    for (;;) {
      const read = linger === undefined ? await next : await Promise.race([next, linger.over])
      if (read === 'over') {
        linger = undefined
        yield builder.flush()
        continue
      }
      const transaction = 'error' in read || read.done === true ? undefined : read.value
      const isWanted = transaction !== undefined && (until === undefined || isUpTo(transaction, until))
      if (isWanted) {
        if (builder.events === 0) beganMs = runtime.nowMs()
        builder.add(transaction)
        next = tried(source.next())
        const isFull = builder.events >= rowsMax || builder.sizeBytes >= sizeBytesMax
        if (!isFull && runtime.nowMs() - beganMs < BATCH_MS) {
          if (isFollowed) linger ??= startTimer(runtime, LINGER_MS)
          continue
        }
      }
      linger?.cancel()
      linger = undefined
      if (builder.events > 0) yield builder.flush()
      if ('error' in read) throw read.error
      if (!isWanted) return
    }
  } finally {
    linger?.cancel()
    abandon(source)
  }
}

/**
 * The items, of which the next one is always on its way; `idle` once when it has not come for `idleMs`, if that is given.
 * @throws aborted while the next one is waited for; and what the source throws, in its turn
 */
export async function* readAhead<T>(
  items: AsyncIterable<T>,
  options: {
    readonly runtime: Runtime
    readonly idleMs?: number | undefined
    readonly signal?: AbortSignal | undefined
  },
): AsyncGenerator<T | 'idle', void, undefined> {
  const { runtime, idleMs, signal } = options
  const source = items[Symbol.asyncIterator]()
  try {
    let next = tried(source.next())
    for (;;) {
      if (idleMs !== undefined) {
        const idle = startTimer(runtime, idleMs)
        const first = await unlessAborted(Promise.race([next, idle.over]), signal).finally(idle.cancel)
        if (first === 'over') yield 'idle'
      }
      const read = await unlessAborted(next, signal)
      if ('error' in read) throw read.error
      if (read.done === true) return
      next = tried(source.next())
      yield read.value
    }
  } finally {
    abandon(source)
  }
}

/** Lets go of a source. Nobody waits: a feed that is followed may say nothing for days. */
function abandon(source: AsyncIterator<unknown>): void {
  source.return?.().catch(() => undefined)
}

/** A failure as a value: nobody may be waiting for it yet. */
function tried<T>(work: Promise<T>): Promise<T | { readonly error: unknown }> {
  return work.catch((error: unknown) => ({ error }))
}

interface Timer {
  readonly over: Promise<'over'>
  readonly cancel: () => void
}

function startTimer(runtime: Runtime, ms: number): Timer {
  const controller = new AbortController()
  const over = runtime.sleep(ms, controller.signal).then(
    () => 'over' as const,
    () => 'over' as const,
  )
  return { over, cancel: () => controller.abort() }
}
