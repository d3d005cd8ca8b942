/**
 * Virtual time. Everything that waits - a request on its way, a pause between attempts, a frozen process - is an event, and
 * events happen one after the other, the earliest first. Between two events all code runs to where it waits again, so a seed
 * gives the same run however long things really take.
 */
import { LakeError } from '../../src/base/errors.js'

/** Who waits. What a dead process waits for never comes. */
export interface Waiter {
  isDead: boolean
  /** Its events happen then at the earliest. */
  frozenUntilMs: number
}

export interface Clock {
  nowMs(): number
  /** Resolves after that time; never, when the waiter is dead by then. */
  wait(ms: number, waiter: Waiter, signal?: AbortSignal): Promise<void>
  /** Something that happens of itself. */
  later(ms: number, work: () => Promise<void>): void
  /** Lets events happen until there are none, or `isDone` says so. */
  run(isDone?: () => boolean): Promise<void>
}

interface Event {
  readonly atMs: number
  readonly number: number
  readonly waiter: Waiter | undefined
  readonly happen: () => void | Promise<void>
}

export const START_MS = 1_760_000_000_000

export function createClock(): Clock {
  const events: Event[] = []
  let nowMs = START_MS
  let count = 0
  const add = (atMs: number, waiter: Waiter | undefined, happen: Event['happen']): void => {
    push(events, { atMs, number: count++, waiter, happen })
  }
  return {
    nowMs: () => nowMs,
    wait: (ms, waiter, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted === true) return reject(aborted(signal))
        const abort = (): void => reject(aborted(signal))
        add(nowMs + Math.max(0, Math.ceil(ms)), waiter, () => {
          signal?.removeEventListener('abort', abort)
          resolve()
        })
        signal?.addEventListener('abort', abort, { once: true })
      }),
    later: (ms, work) => add(nowMs + Math.ceil(ms), undefined, work),
    async run(isDone = () => false) {
      while (!isDone()) {
        await settled()
        const next = pop(events)
        if (next === undefined) return
        if (next.waiter?.isDead === true) continue
        if (next.waiter !== undefined && next.waiter.frozenUntilMs > next.atMs) {
          add(next.waiter.frozenUntilMs, next.waiter, next.happen)
          continue
        }
        nowMs = next.atMs
        await next.happen()
      }
    },
  }
}

function aborted(signal: AbortSignal | undefined): LakeError {
  return new LakeError('aborted', 'the operation was aborted', { cause: signal?.reason })
}

/** All code has run to where it waits for an event: nothing in the world waits for anything else. */
function settled(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

// ---- a heap, the earliest event first

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.number < b.number)
}

function push(heap: Event[], event: Event): void {
  let at = heap.length
  heap.push(event)
  while (at > 0) {
    const parent = (at - 1) >> 1
    const above = heap[parent]
    if (above === undefined || isBefore(above, event)) break
    heap[at] = above
    at = parent
  }
  heap[at] = event
}

function pop(heap: Event[]): Event | undefined {
  const first = heap[0]
  const last = heap.pop()
  if (first === undefined || last === undefined || heap.length === 0) return first
  let at = 0
  for (;;) {
    const left = heap[2 * at + 1]
    const right = heap[2 * at + 2]
    if (left === undefined) break
    const isRight = right !== undefined && isBefore(right, left)
    const least = isRight ? right : left
    if (isBefore(last, least)) break
    heap[at] = least
    at = 2 * at + (isRight ? 2 : 1)
  }
  heap[at] = last
  return first
}
