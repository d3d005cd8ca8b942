/**
 * Locks by lease: whoever holds one renews it, and one that is not renewed for its time may be taken over.
 *
 *   acquire   free: take it. Held: look now and then; taken over when its version stood still for the holder's lease
 *   hold      a heartbeat writes a new version; a frozen process writes none
 *   isHeld    writes a new version too: right before what the lock protects
 *   release   free again, unless somebody took it over; or it lapses, where what it protects may yet happen
 *
 * A lock says who should go on, not who does: a holder that was frozen wakes up believing in its lock. So what it protects is
 * begun right behind `isHeld`, which keeps everybody off for a whole lease, and is conditional by itself where storage can.
 *
 * The rules are those of Java's DynamoDbLockManager, over a store of one item per lock: `dynamodb-lock.ts` keeps the items
 * as Java does, `createMemoryLockStore` in this process.
 */
import { unreachable } from '../base/assert.js'
import { isLakeError, LakeError } from '../base/errors.js'
import { backoffMs } from '../base/retry.js'
import type { Runtime } from '../base/runtime.js'
import { numberProperty } from '../io/aws-properties.js'

export interface LockOptions {
  readonly signal?: AbortSignal | undefined
}

export interface HeldLock {
  readonly entityId: string
  readonly ownerId: string
  /**
   * False when somebody else took the lock over. True: nobody takes it over for a lease from when it was asked.
   * @throws unavailable when it cannot be told: then what the lock protects must not begin
   */
  isHeld(options?: LockOptions): Promise<boolean>
  /** Harmless when repeated, or when the lock was taken over. Never fails: the lease lapses then. */
  release(): Promise<void>
  /** No heartbeat more: for who cannot say whether what the lock protects is over. Others get it when the lease lapsed. */
  letLapse(): void
}

export interface LockManager {
  /**
   * The lock of the entity; undefined when others held it all the time. An owner's id is used for one lock at a time.
   * @throws aborted, denied, unavailable
   */
  acquire(entityId: string, ownerId: string, options?: LockOptions): Promise<HeldLock | undefined>
  /** Releases every lock that was acquired here. */
  close(): Promise<void>
}

export interface LockSettings {
  /** A lock that is not renewed for so long may be taken over; default 15 s. */
  readonly leaseMs: number
  /** Default 3 s. */
  readonly heartbeatMs: number
  /** Longest pause between looks at a lock that is held; default 5 s. */
  readonly acquireIntervalMsMax: number
  /** Default 3 min. */
  readonly acquireTimeoutMs: number
}

/** Java's defaults. */
export const LOCK_DEFAULTS: LockSettings = {
  leaseMs: 15_000,
  heartbeatMs: 3_000,
  acquireIntervalMsMax: 5_000,
  acquireTimeoutMs: 180_000,
}

/** The settings by the names that Java gave them: `lock.heartbeat-timeout-ms` is the lease. @throws invalid-argument */
export function lockSettings(properties: Readonly<Record<string, string>>): LockSettings {
  const ms = (name: string, whenAbsent: number): number =>
    numberProperty(properties, `lock.${name}-ms`, { whenAbsent, min: 1 })
  return {
    leaseMs: ms('heartbeat-timeout', LOCK_DEFAULTS.leaseMs),
    heartbeatMs: ms('heartbeat-interval', LOCK_DEFAULTS.heartbeatMs),
    acquireIntervalMsMax: ms('acquire-interval', LOCK_DEFAULTS.acquireIntervalMsMax),
    acquireTimeoutMs: ms('acquire-timeout', LOCK_DEFAULTS.acquireTimeoutMs),
  }
}

export interface LockItem {
  readonly ownerId: string
  /** Another with each write. */
  readonly version: string
  readonly leaseMs: number
}

export type LockCondition =
  | { readonly kind: 'absent' }
  /** Absent, or at this version. */
  | { readonly kind: 'at-version'; readonly version: string }
  | { readonly kind: 'owned-by'; readonly ownerId: string }

/** One item per lock. */
export interface LockStore {
  /** Read consistently. */
  get(entityId: string, options: LockOptions): Promise<LockItem | undefined>
  /** @throws unavailable when it may or may not have been done, or may yet be */
  put(
    entityId: string,
    item: LockItem,
    options: LockOptions & { readonly condition: LockCondition },
  ): Promise<'done' | 'refused'>
  /** Removes the item if it is the owner's. */
  remove(entityId: string, ownerId: string): Promise<void>
  close(): Promise<void>
}

/** Locks over a store, which `close` closes. */
export function createLockManager(
  store: LockStore,
  options: { readonly runtime: Runtime; readonly settings?: Partial<LockSettings> | undefined },
): LockManager {
  const settings = { ...LOCK_DEFAULTS, ...options.settings }
  checkSettings(settings)
  const context: Context = { store, runtime: options.runtime, settings, held: new Set() }
  return {
    acquire: (entityId, ownerId, { signal } = {}) => acquire(context, { entityId, ownerId, signal }),
    async close() {
      await Promise.all([...context.held].map(lock => lock.release()))
      await store.close()
    },
  }
}

interface Context {
  readonly store: LockStore
  readonly runtime: Runtime
  readonly settings: LockSettings
  readonly held: Set<HeldLock>
}

function checkSettings(settings: LockSettings): void {
  const { leaseMs, heartbeatMs } = settings
  if (heartbeatMs > 0 && leaseMs > heartbeatMs) return
  throw new LakeError('invalid-argument', 'a lock is renewed more often than its lease lapses', {
    context: { leaseMs, heartbeatMs },
  })
}

// ---- acquire

interface Wanted extends LockOptions {
  readonly entityId: string
  readonly ownerId: string
}

/** How long the lock of somebody else has stood still. */
interface Watched {
  readonly version: string
  readonly leaseMs: number
  /** Summed up from pauses, which are at least as long as asked: a clock that is set forward takes no lock away. */
  readonly stillMs: number
}

const LOOK_MS_MIN = 20

async function acquire(context: Context, wanted: Wanted): Promise<HeldLock | undefined> {
  const { runtime, settings } = context
  /** Versions that were written without an answer: to be found as our own. */
  const tried = new Set<string>()
  const startMs = runtime.nowMs()
  let watched: Watched | undefined
  let waitedMs = 0
  for (let look = 1; ; look++) {
    const item = await context.store.get(wanted.entityId, wanted)
    if (item !== undefined && tried.has(item.version)) return hold(context, wanted)
    watched = item === undefined ? undefined : watch(item, watched, waitedMs)
    if (watched === undefined || watched.stillMs >= watched.leaseMs) {
      if (await take(context, wanted, { watched, tried })) return hold(context, wanted)
      watched = undefined
    }
    waitedMs = backoffMs(
      look,
      { waitMsMin: LOOK_MS_MIN, waitMsMax: settings.acquireIntervalMsMax, factor: 1.5 },
      runtime,
    )
    if (runtime.nowMs() - startMs + waitedMs > settings.acquireTimeoutMs) return undefined
    await runtime.sleep(waitedMs, wanted.signal)
  }
}

function watch(item: LockItem, before: Watched | undefined, waitedMs: number): Watched {
  const { version, leaseMs } = item
  return { version, leaseMs, stillMs: before?.version === version ? before.stillMs + waitedMs : 0 }
}

/** False when somebody else was first, or when nobody knows. */
async function take(
  { store, runtime, settings }: Context,
  wanted: Wanted,
  on: { readonly watched: Watched | undefined; readonly tried: Set<string> },
): Promise<boolean> {
  const { entityId, ownerId, signal } = wanted
  const item: LockItem = { ownerId, version: runtime.uuid(), leaseMs: settings.leaseMs }
  const condition: LockCondition =
    on.watched === undefined ? { kind: 'absent' } : { kind: 'at-version', version: on.watched.version }
  on.tried.add(item.version)
  try {
    return (await store.put(entityId, item, { condition, signal })) === 'done'
  } catch (error) {
    if (isLakeError(error, 'unavailable')) return false
    throw error
  }
}

// ---- hold

function hold(context: Context, { entityId, ownerId }: Wanted): HeldLock {
  const { store, runtime, settings, held } = context
  const ended = new AbortController()
  /** Writes follow each other: none of ours comes behind the release. */
  let turn: Promise<unknown> = Promise.resolve()
  const next = <T>(work: () => Promise<T>): Promise<T> => {
    const result = turn.then(work)
    turn = result.catch(() => undefined)
    return result
  }
  const renew = (options: LockOptions): Promise<boolean> =>
    next(async () => {
      if (ended.signal.aborted) return false
      const item: LockItem = { ownerId, version: runtime.uuid(), leaseMs: settings.leaseMs }
      const condition: LockCondition = { kind: 'owned-by', ownerId }
      const answer = await store.put(entityId, item, { ...options, condition })
      if (answer === 'refused') end()
      return answer === 'done'
    })
  const end = (): void => {
    ended.abort()
    held.delete(lock)
  }
  const lock: HeldLock = {
    entityId,
    ownerId,
    isHeld: (options = {}) => askedAgain(context, () => renew(options), options),
    async release() {
      if (ended.signal.aborted) return
      end()
      await next(() => remove(context, { entityId, ownerId }))
    },
    letLapse: end,
  }
  held.add(lock)
  beat(context, { renew, signal: ended.signal })
  return lock
}

const RENEW_ATTEMPTS = 3
const RENEW_WAITS = { waitMsMin: 50, waitMsMax: 500 }

/** A renewal may be repeated: what it asks of the item is true behind it too. */
async function askedAgain(
  { runtime }: Context,
  renew: () => Promise<boolean>,
  { signal }: LockOptions,
): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await renew()
    } catch (error) {
      if (attempt >= RENEW_ATTEMPTS || !isLakeError(error, 'unavailable')) throw error
    }
    await runtime.sleep(backoffMs(attempt, RENEW_WAITS, runtime), signal)
  }
}

/** Renews until the lock ends. A heartbeat that fails is followed by the next; `isHeld` tells what became of the lock. */
function beat(
  { runtime, settings }: Context,
  lock: { readonly renew: (options: LockOptions) => Promise<boolean>; readonly signal: AbortSignal },
): void {
  const { renew, signal } = lock
  const once = async (): Promise<void> => {
    try {
      await runtime.sleep(settings.heartbeatMs, signal)
      await renew({ signal })
    } catch {
      // Aborted at the end of the lock, or no answer.
    }
  }
  const run = async (): Promise<void> => {
    while (!signal.aborted) await once()
  }
  void run()
}

const REMOVE_ATTEMPTS = 5
const REMOVE_WAITS = { waitMsMin: 50, waitMsMax: 1_000 }

/** What cannot be removed lapses. */
async function remove(
  { store, runtime }: Context,
  { entityId, ownerId }: Pick<Wanted, 'entityId' | 'ownerId'>,
): Promise<void> {
  for (let attempt = 1; attempt <= REMOVE_ATTEMPTS; attempt++) {
    try {
      return await store.remove(entityId, ownerId)
    } catch {
      await runtime.sleep(backoffMs(attempt, REMOVE_WAITS, runtime))
    }
  }
}

// ---- in this process

/** Items in memory: for one process, and for tests. Several managers may share one. */
export function createMemoryLockStore(): LockStore {
  const items = new Map<string, LockItem>()
  return {
    get: async entityId => items.get(entityId),
    async put(entityId, item, { condition }) {
      if (!holds(condition, items.get(entityId))) return 'refused'
      items.set(entityId, item)
      return 'done'
    },
    async remove(entityId, ownerId) {
      if (items.get(entityId)?.ownerId === ownerId) items.delete(entityId)
    },
    close: async () => {},
  }
}

function holds(condition: LockCondition, item: LockItem | undefined): boolean {
  switch (condition.kind) {
    case 'absent':
      return item === undefined
    case 'at-version':
      return item === undefined || item.version === condition.version
    case 'owned-by':
      return item?.ownerId === condition.ownerId
    default:
      return unreachable(condition)
  }
}
