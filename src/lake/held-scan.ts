/**
 * A scan that holds a read lease: from before the table is loaded until what the caller asked for has been read. A
 * second use of the scan takes another lease. A scan that is never used lets go when its lease lapses.
 */
import type { ReadLease, ReadLeases } from '../catalog/read-leases.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { resolveSnapshot, type SnapshotSelector } from '../snapshot/resolve.js'
import { rowsOfBatch } from './rows-out.js'
import { type AsOf, type Scan, selectorOf } from './scan.js'

/** Loads the state that is read. */
export type Load<T> = () => Promise<T>

interface Pinned {
  readonly metadata: TableMetadata
}

/**
 * A scan whose snapshot nobody expires while it is read.
 * @param open makes the scan of what the loader gives
 */
export function holdScan<T extends Pinned>(
  leases: ReadLeases | undefined,
  read: { readonly asOf: AsOf | undefined; readonly load: Load<T> },
  open: (load: Load<T>) => Scan,
): Scan {
  if (leases === undefined) return open(read.load)
  const hold = createHold(leases)
  return heldScan(
    open(() => hold.load(read.load, read.asOf)),
    hold,
  )
}

interface Hold {
  load<T extends Pinned>(load: Load<T>, asOf: AsOf | undefined): Promise<T>
  /** Keeps the lease through the work, and gives it up behind the last work that runs. */
  during<T>(work: () => Promise<T>): Promise<T>
  over<T>(stream: () => AsyncIterable<T>): AsyncIterable<T>
}

function createHold(leases: ReadLeases): Hold {
  let opened: Promise<ReadLease | undefined> | undefined
  let snapshotId: bigint | undefined
  let isLoaded = false
  let running = 0
  const open = (): Promise<ReadLease | undefined> => {
    opened ??= leases.open().then(async lease => {
      if (isLoaded) await lease?.pin(snapshotId)
      return lease
    })
    return opened
  }
  const release = async (): Promise<void> => {
    const lease = opened
    opened = undefined
    await (await lease)?.release()
  }
  const start = (): Promise<ReadLease | undefined> => {
    running += 1
    return open()
  }
  const end = async (): Promise<void> => {
    running -= 1
    if (running === 0) await release()
  }
  return {
    async load(load, asOf) {
      const lease = await open()
      try {
        const table = await load()
        snapshotId = snapshotIdOf(table.metadata, asOf)
        isLoaded = true
        await lease?.pin(snapshotId)
        return table
      } catch (error) {
        await release()
        throw error
      }
    },
    async during(work) {
      await start()
      try {
        return await work()
      } finally {
        await end()
      }
    },
    async *over(stream) {
      const lease = await start()
      try {
        for await (const item of stream()) {
          yield item
          await lease?.renew()
        }
      } finally {
        await end()
      }
    },
  }
}

/** What cannot be resolved is not read either: the scan will say why. */
function snapshotIdOf(metadata: TableMetadata, asOf: AsOf | undefined): bigint | undefined {
  try {
    const selector: SnapshotSelector = selectorOf(asOf)
    return resolveSnapshot(metadata, selector).snapshot?.snapshotId
  } catch {
    return undefined
  }
}

function heldScan(scan: Scan, hold: Hold): Scan {
  const batches: Scan['batches'] = () => hold.over(() => scan.batches())
  return {
    // Reading follows a plan, so it does not end the hold.
    plan: () => scan.plan(),
    batches,
    async *rows(options = {}) {
      for await (const batch of batches()) yield* rowsOfBatch(batch, options)
    },
    toArrow: () => hold.during(() => scan.toArrow()),
    count: () => hold.during(() => scan.count()),
    countDetails: () => hold.during(() => scan.countDetails()),
    min: (column, options) => hold.during(() => scan.min(column, options)),
    max: (column, options) => hold.during(() => scan.max(column, options)),
    explain: () => hold.during(() => scan.explain()),
    explainRun: () => hold.during(() => scan.explainRun()),
    report: () => scan.report(),
  }
}
