/**
 * Who may touch which files with what: the credentials that a REST catalog hands out with a table, each for a prefix of
 * locations. The S3 store asks here for every request; locations without a grant are reached with the lake's own.
 *
 * A grant is fetched again shortly before it ends, once for all who wait. When that fails, the old one is used for as
 * long as it lasts.
 */
import { unlessAborted } from '../base/concurrency.js'
import { checkSignal, LakeError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import { comparableLocation } from './location.js'

export interface StorageGrant {
  /** Locations that begin so; `s3` and the empty text are all of them. */
  readonly prefix: string
  /** Properties of the store, in place of the lake's: `s3.access-key-id`, `s3.session-token`, `s3.signer.uri`, ... */
  readonly config: Readonly<Record<string, string>>
  readonly expiresMs?: number | undefined
  /**
   * Where requests are signed by the catalog: the headers of requests to the signer, `authorization` above all. Default
   * what `token` and `header.*` of the config say.
   */
  readonly signerHeaders?: ((signal?: AbortSignal) => Promise<Readonly<Record<string, string>>>) | undefined
}

export type GrantRefresh = (signal?: AbortSignal) => Promise<readonly StorageGrant[]>

export interface StorageAccess {
  /**
   * Replaces what `owner` (a table) was granted; none takes it away. `refresh` fetches it again shortly before it ends.
   */
  put(owner: string, grants: readonly StorageGrant[], refresh?: GrantRefresh): void
  /**
   * The grant of the longest prefix, refreshed when it is about to end; undefined: the lake's own credentials.
   * @throws denied when the grant has ended and cannot be fetched again; what `refresh` throws then
   */
  grantFor(location: string, signal?: AbortSignal): Promise<StorageGrant | undefined>
}

/** A grant is fetched again this long before it ends, or in the last quarter of a shorter one. */
const REFRESH_AHEAD_MS = 5 * 60_000
/** After a failure nobody asks again for so long, while the old grant lasts. */
const REFRESH_PAUSE_MS = 10_000

interface Owned {
  readonly grants: readonly OwnedGrant[]
  readonly refresh: GrantRefresh | undefined
  readonly putMs: number
  pausedUntilMs: number
  refreshing: Promise<void> | undefined
}

interface OwnedGrant {
  readonly grant: StorageGrant
  /** Comparable. */
  readonly prefix: string
}

interface Found {
  readonly owner: string
  readonly owned: Owned
  readonly grant: StorageGrant
}

export function createStorageAccess(runtime: Runtime): StorageAccess {
  const owners = new Map<string, Owned>()

  const put = (owner: string, grants: readonly StorageGrant[], refresh: GrantRefresh | undefined): void => {
    // The newest comes last: of two grants for one prefix it is taken.
    owners.delete(owner)
    if (grants.length === 0) return
    owners.set(owner, {
      grants: grants.map(grant => ({ grant, prefix: comparablePrefix(grant.prefix) })),
      refresh,
      putMs: runtime.nowMs(),
      pausedUntilMs: 0,
      refreshing: undefined,
    })
  }

  const refreshed = ({ owner, owned }: Found): Promise<void> => {
    const { refresh } = owned
    if (refresh === undefined) return Promise.resolve()
    // Of all who wait: the signal of one must not end it for the others.
    owned.refreshing ??= refresh()
      .then(grants => {
        // Somebody may have loaded the table meanwhile.
        if (owners.get(owner) === owned) put(owner, grants, refresh)
      })
      .finally(() => {
        owned.refreshing = undefined
      })
    return owned.refreshing
  }

  return {
    put: (owner, grants, refresh) => put(owner, grants, refresh),
    async grantFor(location, signal) {
      const found = longest(owners, location)
      if (found === undefined || !endsSoon(found, runtime.nowMs())) return found?.grant
      const nowMs = runtime.nowMs()
      const isOver = (found.grant.expiresMs ?? Number.POSITIVE_INFINITY) <= nowMs
      if (!isOver && (found.owned.refresh === undefined || nowMs < found.owned.pausedUntilMs)) {
        return found.grant
      }
      try {
        await unlessAborted(refreshed(found), signal)
      } catch (error) {
        checkSignal(signal)
        if (isOver) throw error
        found.owned.pausedUntilMs = runtime.nowMs() + REFRESH_PAUSE_MS
        return found.grant
      }
      const renewed = longest(owners, location)
      if (renewed === undefined || (renewed.grant.expiresMs ?? Number.POSITIVE_INFINITY) > runtime.nowMs()) {
        return renewed?.grant
      }
      throw new LakeError('denied', 'the credentials that the catalog gave for the table have ended', {
        context: { location, owner: renewed.owner },
      })
    },
  }
}

/** `s3`, as catalogs say it, is every location of the store. */
function comparablePrefix(prefix: string): string {
  return /^s3[an]?$/i.test(prefix) ? 's3:' : comparableLocation(prefix)
}

function longest(owners: ReadonlyMap<string, Owned>, location: string): Found | undefined {
  const text = comparableLocation(location)
  let found: Found | undefined
  let best = -1
  for (const [owner, owned] of owners) {
    for (const { grant, prefix } of owned.grants) {
      const rank = matchRank(text, prefix)
      if (rank < best || rank < 0) continue
      best = rank
      found = { owner, owned, grant }
    }
  }
  return found
}

/** Longer prefixes rank higher, those that end where a name ends above all others: `/t` is rather `/t/x` than `/t2/x`. */
function matchRank(location: string, prefix: string): number {
  if (!location.startsWith(prefix)) return -1
  const endsName =
    location.length === prefix.length || prefix.endsWith('/') || location[prefix.length] === '/'
  return endsName ? prefix.length + location.length : prefix.length
}

function endsSoon({ grant, owned }: Found, nowMs: number): boolean {
  if (grant.expiresMs === undefined) return false
  const ahead = Math.min(REFRESH_AHEAD_MS, (grant.expiresMs - owned.putMs) / 4)
  return nowMs >= grant.expiresMs - ahead
}
