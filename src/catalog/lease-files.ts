/**
 * Read leases as empty files in a folder beside the embedded catalog, seen by all processes that use it. The name says
 * it all, so pinning and renewing are renames:
 *
 *   <uuid>_<host>_<pid>_<expires, ms since 1970>_<snapshot id, or new>
 *
 * A lease of a process of this machine that is no longer there is void at once; one of another machine when it expires.
 * Leases are not made durable: after a power cut no reader is left.
 */
import { rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Runtime } from '../base/runtime.js'
import { hostOfMarkers, isProcessAlive, makeMarker, markersIn } from './marker-files.js'
import type { HeldLeases, ReadLease, ReadLeases } from './read-leases.js'

/** A reader that takes no batch for so long lets go of its snapshot: 6 hours. */
const LEASE_MS = 21_600_000
/** Renewing earlier than this changes nothing. */
const RENEW_MS = 60_000
const NEW = 'new'

export function createLeaseFiles(folder: string, runtime: Runtime): ReadLeases {
  const open = new Set<ReadLease>()
  const host = hostOfMarkers()
  return {
    async open() {
      const lease = await openLease(folder, { runtime, owner: `${host}_${process.pid}`, open })
      if (lease !== undefined) open.add(lease)
      return lease
    },
    held: () => heldLeases(folder, { host, nowMs: runtime.nowMs() }),
    async close() {
      await Promise.all([...open].map(lease => lease.release()))
    },
  }
}

async function openLease(
  folder: string,
  options: { readonly runtime: Runtime; readonly owner: string; readonly open: Set<ReadLease> },
): Promise<ReadLease | undefined> {
  const { runtime, owner, open } = options
  const uuid = runtime.uuid()
  let pinned = NEW
  let renewedMs = runtime.nowMs()
  const nameNow = (): string => `${uuid}_${owner}_${renewedMs + LEASE_MS}_${pinned}`
  let path: string | undefined = join(folder, nameNow())
  if (!(await makeMarker(folder, path))) return undefined
  // Changes follow each other, so that a release is the last.
  let turn: Promise<void> = Promise.resolve()
  const next = (work: (path: string) => Promise<void>): Promise<void> => {
    turn = turn.then(async () => {
      if (path === undefined) return
      // A lease that was swept away is a lease that lapsed: the reader goes on without.
      await work(path).catch(() => undefined)
    })
    return turn
  }
  const moved = (): Promise<void> =>
    next(async from => {
      const to = join(folder, nameNow())
      await rename(from, to)
      path = to
    })
  const lease: ReadLease = {
    pin(snapshotId) {
      pinned = String(snapshotId ?? 'none')
      return moved()
    },
    async renew() {
      const nowMs = runtime.nowMs()
      if (nowMs - renewedMs < RENEW_MS) return
      renewedMs = nowMs
      await moved()
    },
    release() {
      open.delete(lease)
      return next(async from => {
        path = undefined
        await unlink(from)
      })
    },
  }
  return lease
}

/** Reads the names, and removes what is void. */
async function heldLeases(
  folder: string,
  now: { readonly host: string; readonly nowMs: number },
): Promise<HeldLeases> {
  const snapshotIds = new Set<bigint>()
  let unpinned = 0
  // A listing may miss a file that is being renamed; renames of one lease are not that close together.
  const names = new Set([...(await markersIn(folder)), ...(await markersIn(folder))])
  for (const name of names) {
    const [, host, pid, expiresMs, pinned] = name.split('_')
    if (pinned === undefined) continue
    if (Number(expiresMs) <= now.nowMs || (host === now.host && !isProcessAlive(Number(pid)))) {
      await unlink(join(folder, name)).catch(() => undefined)
    } else if (pinned === NEW) unpinned += 1
    else if (/^-?\d+$/.test(pinned)) snapshotIds.add(BigInt(pinned))
  }
  return { snapshotIds, unpinned }
}
