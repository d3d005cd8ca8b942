/** A scan whose snapshot is held by a read lease while it is read, see `read-hold.ts`. */

import { createHold, type HeldSnapshots, type Hold } from '../catalog/read-hold.js'
import type { ReadLeases } from '../catalog/read-leases.js'
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
    open(() => hold.load(read.load, ({ metadata }) => heldSnapshots(metadata, read.asOf))),
    hold,
  )
}

/** The snapshot to read. What cannot be resolved is not read either: whoever reads will say why. */
export function heldSnapshots(metadata: TableMetadata, asOf: AsOf | undefined): HeldSnapshots {
  try {
    const selector: SnapshotSelector = selectorOf(asOf)
    const { snapshot } = resolveSnapshot(metadata, selector)
    return snapshot === undefined ? [] : [snapshot.snapshotId]
  } catch {
    return []
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
