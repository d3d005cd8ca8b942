/**
 * Several streams read ahead at once and handed on in order: all of the first, then all of the second. At most
 * `limit` streams run, each at most `aheadMax` items ahead of the consumer, so memory is bounded and the order
 * does not depend on who is faster.
 */
import { assert } from '../base/assert.js'

export interface OrderedStreamsOptions {
  /** Streams that run at the same time. */
  readonly limit: number
  /** Items that one stream may produce before they are taken; default 1. */
  readonly aheadMax?: number | undefined
}

/**
 * Opens the streams in order and yields their items in order. When the consumer stops, or a stream fails, the
 * streams that run are closed before the generator ends; `open` gets a signal that fires then.
 */
export async function* orderedStreams<S, T>(
  sources: readonly S[],
  open: (source: S, signal: AbortSignal) => AsyncIterable<T>,
  options: OrderedStreamsOptions,
): AsyncGenerator<T, void, undefined> {
  assert(options.limit >= 1, 'at least one stream may run')
  const stop = new AbortController()
  const running: Pump<T>[] = []
  let next = 0
  const fill = (): void => {
    while (running.length < options.limit && next < sources.length)
      running.push(pump(open(sources[next++] as S, stop.signal), options.aheadMax ?? 1))
  }
  try {
    for (fill(); running.length > 0; fill()) {
      const first = running[0] as Pump<T>
      for (let item = await first.take(); item !== undefined; item = await first.take()) yield item.value
      running.shift()
    }
  } finally {
    stop.abort()
    await Promise.all(running.map(stream => stream.close()))
  }
}

interface Pump<T> {
  /** The next item, or undefined at the end. */
  take(): Promise<{ readonly value: T } | undefined>
  close(): Promise<void>
}

/** Pulls a stream into a queue of at most `aheadMax` items. */
function pump<T>(stream: AsyncIterable<T>, aheadMax: number): Pump<T> {
  const queue: { readonly value: T }[] = []
  let state: 'running' | 'ended' | 'failed' = 'running'
  let failure: unknown
  let closed = false
  let wake: (() => void) | undefined
  const changed = (): void => {
    wake?.()
    wake = undefined
  }
  const change = (): Promise<void> =>
    new Promise(resolve => {
      const before = wake
      wake = () => {
        before?.()
        resolve()
      }
    })
  const run = async (): Promise<void> => {
    try {
      for await (const value of stream) {
        queue.push({ value })
        changed()
        while (queue.length >= aheadMax && !closed) await change()
        if (closed) break
      }
      state = 'ended'
    } catch (error) {
      failure = error
      state = 'failed'
    }
    changed()
  }
  const done = run()
  return {
    async take() {
      for (;;) {
        const item = queue.shift()
        if (item !== undefined) {
          changed()
          return item
        }
        if (state === 'failed') throw failure
        if (state === 'ended') return undefined
        await change()
      }
    },
    async close() {
      closed = true
      changed()
      await done
    },
  }
}
