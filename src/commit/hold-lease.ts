/**
 * The files that an operation has in flight, from its first one to the end of its commit: when they began, and the write
 * lease that keeps them once that is a while ago. An operation writes through the hold's store, which is all that it has to
 * do; whose files they are, their names say.
 *
 *   first file      remembered: nothing else is done for an operation that is quick
 *   60 s later      the next request opens a lease, and looks for a fence behind it; those after it renew the lease
 *   before a swap   the lease goes with it. Where there is none for files that old, each file is looked for
 *
 * @see catalog/write-leases.ts; spec/commit-protocol.md
 */
import { mapBounded } from '../base/concurrency.js'
import { isLakeError, LakeError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import type { Catalog, SwapOptions, TableIdentifier } from '../catalog/catalog.js'
import { printIdentifier } from '../catalog/identifier.js'
import { isFenced, type WriteLease } from '../catalog/write-leases.js'
import { fileExists } from '../io/file-exists.js'
import type { FileIO, FileWriter } from '../io/file-io.js'
import { shareManifests } from '../manifest/manifest-cache.js'

export interface FileHold {
  /** Writes go through this. */
  readonly io: FileIO
  /** When the first file was begun, in milliseconds since 1970; undefined before. */
  readonly sinceMs: number | undefined
  /**
   * What the swap says of the files.
   * @param named files that the change names
   * @throws conflict when files may be gone
   */
  beforeSwap(named: readonly string[], signal?: AbortSignal): Promise<SwapFiles>
  /** The operation has ended, in whatever way. Never fails. */
  end(): Promise<void>
}

export type SwapFiles = Pick<SwapOptions, 'leases' | 'sinceMs'>

export interface HoldOptions {
  readonly catalog: Catalog
  readonly identifier: TableIdentifier
  readonly io: FileIO
  readonly runtime: Runtime
  /** Age of the first file from which on the operation needs a lease; default 60 s. */
  readonly leaseAfterMs?: number | undefined
  /** Not after the first file of an operation that does not write through the hold: it gets no lease. */
  readonly sinceMs?: number | undefined
}

export const LEASE_AFTER_MS = 60_000
/** Where no lease could be had, it is asked for again after this time. */
const ASK_AGAIN_MS = 10_000
const LOOKS_AT_ONCE = 16

interface Hold {
  readonly options: HoldOptions
  readonly leaseAfterMs: number
  /** Complete files. */
  readonly written: Set<string>
  /** By the uuid in the names of the files. */
  readonly leases: Map<string, WriteLease>
  readonly uuids: Set<string>
  sinceMs: number | undefined
  askedMs: number
  asking: Promise<void> | undefined
  /** When every file was last seen, or known to be there. */
  seenMs: number
  hasEnded: boolean
}

/** What an operation on one table writes, until `end`. */
export function holdFiles(options: HoldOptions): FileHold {
  const hold: Hold = {
    options,
    leaseAfterMs: options.leaseAfterMs ?? LEASE_AFTER_MS,
    written: new Set(),
    leases: new Map(),
    uuids: new Set(),
    sinceMs: options.sinceMs,
    askedMs: Number.NEGATIVE_INFINITY,
    asking: undefined,
    seenMs: options.sinceMs ?? Number.POSITIVE_INFINITY,
    hasEnded: false,
  }
  const io = heldIO(hold)
  shareManifests(io, options.io)
  return {
    io,
    get sinceMs() {
      return hold.sinceMs
    },
    beforeSwap: (named, signal) => beforeSwap(hold, named, signal),
    async end() {
      hold.hasEnded = true
      await hold.asking?.catch(() => undefined)
      await Promise.all([...hold.leases.values()].map(lease => lease.release()))
    },
  }
}

// ---- the store

function heldIO(hold: Hold): FileIO {
  const { io } = hold.options
  const writing = async (location: string): Promise<void> => {
    begin(hold, location)
    await keepUp(hold)
  }
  const done = (location: string): void => {
    hold.written.add(location)
  }
  return {
    capabilities: io.capabilities,
    read(location, options) {
      const read = (): Promise<Uint8Array> => io.read(location, options)
      return isLate(hold) ? keepUp(hold).then(read) : read()
    },
    stat: (location, options) => io.stat(location, options),
    async write(location, bytes, options) {
      await writing(location)
      await io.write(location, bytes, options)
      done(location)
    },
    async openWriter(location, options) {
      await writing(location)
      return heldWriter(hold, location, await io.openWriter(location, options))
    },
    async create(location, bytes, options) {
      await writing(location)
      const outcome = await io.create(location, bytes, options)
      if (outcome === 'created') done(location)
      return outcome
    },
    replace: (location, bytes, options) => io.replace(location, bytes, options),
    list: (prefix, options) => io.list(prefix, options),
    listLevel: (prefix, options) => io.listLevel(prefix, options),
    delete(locations, options) {
      for (const location of locations) hold.written.delete(location)
      return io.delete(locations, options)
    },
  }
}

function heldWriter(hold: Hold, location: string, inner: FileWriter): FileWriter {
  return {
    get sizeBytes() {
      return inner.sizeBytes
    },
    write(bytes) {
      const write = (): Promise<void> => inner.write(bytes)
      return isLate(hold) ? keepUp(hold).then(write) : write()
    },
    async close() {
      await inner.close()
      hold.written.add(location)
    },
    abort: () => inner.abort(),
  }
}

// ---- the lease

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/

function begin(hold: Hold, location: string): void {
  const { runtime } = hold.options
  if (hold.sinceMs === undefined) {
    hold.sinceMs = runtime.nowMs()
    hold.seenMs = hold.sinceMs
  }
  const uuid = UUID.exec(location.slice(location.lastIndexOf('/') + 1))?.[0]
  if (uuid !== undefined) hold.uuids.add(uuid)
}

function isLate({ sinceMs, leaseAfterMs, options }: Hold): boolean {
  return sinceMs !== undefined && options.runtime.nowMs() - sinceMs >= leaseAfterMs
}

/** With every request: renews the lease, or opens it when it is time. @throws conflict when files may be gone */
async function keepUp(hold: Hold): Promise<void> {
  if (!isLate(hold)) return
  if (hold.leases.size > 0) for (const lease of hold.leases.values()) await lease.renew()
  if (hold.leases.size < hold.uuids.size) await askForLeases(hold)
}

async function askForLeases(hold: Hold): Promise<void> {
  const { catalog, runtime } = hold.options
  const nowMs = runtime.nowMs()
  if (catalog.writeLeases === undefined || hold.hasEnded) return
  if (hold.asking === undefined) {
    if (nowMs - hold.askedMs < ASK_AGAIN_MS && hold.leases.size === 0) return
    hold.askedMs = nowMs
    hold.asking = openLeases(hold).finally(() => {
      hold.asking = undefined
    })
  }
  await hold.asking
}

/** All that are missing, or none. What cannot be had now may be had later; a fence is the end. */
async function openLeases(hold: Hold): Promise<void> {
  const { catalog, identifier } = hold.options
  const fresh: WriteLease[] = []
  try {
    const { metadata } = await catalog.loadTable(identifier)
    if (metadata.tableUuid === undefined) return
    for (const operationUuid of hold.uuids) {
      if (hold.leases.has(operationUuid)) continue
      const lease = await catalog.writeLeases?.open({ tableUuid: metadata.tableUuid, operationUuid })
      if (lease !== undefined) fresh.push(lease)
    }
    await checkNoFence(hold)
  } catch (error) {
    await Promise.all(fresh.map(lease => lease.release()))
    if (!isLakeError(error) || error.kind === 'conflict') throw error
    return
  }
  for (const lease of fresh) hold.leases.set(lease.operationUuid, lease)
}

/** Behind the opening: a cleaner that did not see the lease has set its fence before. */
async function checkNoFence(hold: Hold): Promise<void> {
  const { catalog, identifier } = hold.options
  const { metadata } = await catalog.loadTable(identifier)
  if (hold.sinceMs !== undefined && isFenced(metadata, hold.sinceMs)) throw cleanedAway(hold)
}

function cleanedAway({ options }: Hold, location?: string): LakeError {
  return new LakeError('conflict', 'files of the operation may have been cleaned away as orphans', {
    context: {
      table: printIdentifier(options.identifier),
      ...(location === undefined ? {} : { location }),
    },
  })
}

// ---- the swap

async function beforeSwap(
  hold: Hold,
  named: readonly string[],
  signal: AbortSignal | undefined,
): Promise<SwapFiles> {
  const { sinceMs } = hold
  if (sinceMs === undefined) return {}
  if (!isLate(hold)) return { sinceMs }
  const hadAll = hasAllLeases(hold)
  await keepUp(hold)
  // A lease that came late says nothing of what cleaners did before that know of none.
  if (!hadAll) await lookForFiles(hold, named, signal)
  return hasAllLeases(hold) ? { leases: [...hold.leases.values()] } : { sinceMs }
}

function hasAllLeases({ uuids, leases }: Hold): boolean {
  return uuids.size > 0 && leases.size === uuids.size
}

/** @throws conflict when a file is gone */
async function lookForFiles(
  hold: Hold,
  named: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const { io, runtime } = hold.options
  const nowMs = runtime.nowMs()
  if (nowMs - hold.seenMs < hold.leaseAfterMs) return
  const look = async (location: string): Promise<void> => {
    if (!(await fileExists(io, location, { signal }))) throw cleanedAway(hold, location)
  }
  await mapBounded([...new Set([...hold.written, ...named])], look, { limit: LOOKS_AT_ONCE, signal })
  hold.seenMs = nowMs
}
