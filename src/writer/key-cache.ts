/**
 * What a series of writes by key keeps of a table's files in memory, so that a write reads only what came since the last:
 * the keys of data files, in an index a table, and deleted positions. All of it stays right whoever writes meanwhile, for
 * files do not change; a budget in bytes bounds it.
 */

import { createDeleteCache, type DeleteCache } from '../reader/delete-cache.js'
import type { Type } from '../schema/types.js'
import { KeyIndex } from './key-index.js'

export interface KeyCache {
  readonly deletes: DeleteCache
  /** The index of a table, by whatever tells how its keys are read. */
  indexOf(name: string, types: readonly Type[]): KeyIndex
  /** Whether an index may grow by so much; `live` names the files that it is asked for. */
  admits(index: KeyIndex, sizeBytes: number, live: ReadonlySet<string>): boolean
}

/** Share of the budget that deleted positions have. */
const DELETES_SHARE = 0.25
/** An index that was not asked for while others were this often makes room. */
const IDLE_USES = 64

export function createKeyCache(options: { readonly sizeBytesMax: number }): KeyCache {
  const deletesMax = Math.floor(options.sizeBytesMax * DELETES_SHARE)
  const indexesMax = options.sizeBytesMax - deletesMax
  const indexes = new Map<string, { readonly index: KeyIndex; usedAt: number }>()
  let uses = 0
  const sizeBytes = (): number => {
    let sum = 0
    for (const { index } of indexes.values()) sum += index.sizeBytes
    return sum
  }
  const dropIdle = (): void => {
    for (const [name, { usedAt }] of indexes) if (uses - usedAt > IDLE_USES) indexes.delete(name)
  }
  return {
    deletes: createDeleteCache({ sizeBytesMax: deletesMax }),
    indexOf(name, types) {
      uses += 1
      let kept = indexes.get(name)
      if (kept === undefined) {
        kept = { index: new KeyIndex(types), usedAt: uses }
        indexes.set(name, kept)
      }
      kept.usedAt = uses
      return kept.index
    },
    admits(index, needed, live) {
      if (sizeBytes() + needed <= indexesMax) return true
      index.retain(live)
      dropIdle()
      return sizeBytes() + needed <= indexesMax
    },
  }
}
