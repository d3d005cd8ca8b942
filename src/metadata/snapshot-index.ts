/** Finding a snapshot by its id: among lazily parsed ones without parsing the others. */
import { asBuffer, utf8Encode } from '../base/bytes.js'
import { memberNamed } from './json-bytes.js'
import { isLazy, unparsedItem } from './lazy-list.js'
import type { Snapshot } from './table-metadata.js'

const SNAPSHOT_ID = utf8Encode('snapshot-id')
const DIGITS = /^-?\d+$/

/** Positions by the id's digits; the first of several. */
const indexes = new WeakMap<readonly Snapshot[], ReadonlyMap<string, number>>()

/** The snapshot with the id. @throws corrupt when it does not parse */
export function findSnapshot(snapshots: readonly Snapshot[], snapshotId: bigint): Snapshot | undefined {
  if (!isLazy(snapshots)) return snapshots.find(snapshot => snapshot.snapshotId === snapshotId)
  const index = indexOf(snapshots).get(String(snapshotId))
  return index === undefined ? undefined : snapshots[index]
}

/** Whether there is a snapshot with the id. */
export function hasSnapshot(snapshots: readonly Snapshot[], snapshotId: bigint): boolean {
  if (!isLazy(snapshots)) return findSnapshot(snapshots, snapshotId) !== undefined
  return indexOf(snapshots).has(String(snapshotId))
}

function indexOf(snapshots: readonly Snapshot[]): ReadonlyMap<string, number> {
  const known = indexes.get(snapshots)
  if (known !== undefined) return known
  const index = new Map<string, number>()
  for (let at = 0; at < snapshots.length; at++) {
    const id = idAt(snapshots, at)
    if (!index.has(id)) index.set(id, at)
  }
  indexes.set(snapshots, index)
  return index
}

/** The id as text; of a snapshot that writes it in an unusual way by parsing it. */
function idAt(snapshots: readonly Snapshot[], at: number): string {
  const stored = unparsedItem(snapshots, at)
  if (stored !== undefined) {
    const span = memberNamed(stored.bytes, stored, SNAPSHOT_ID)
    const text = span === undefined ? '' : asBuffer(stored.bytes).toString('latin1', span.begin, span.end)
    if (DIGITS.test(text)) return text
  }
  return String(snapshots[at]?.snapshotId)
}
