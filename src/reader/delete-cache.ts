/**
 * Deleted positions kept in memory, of delete files that were read or just written: a write by key needs those of the
 * write before. A delete file never changes, so what is found under (location, offset) is right for ever; a budget in bytes
 * bounds what is kept, the least recently used goes first.
 */
import type { PositionDeleteFile } from '../manifest/content-file.js'
import type { PositionsByPath } from './position-delete-file.js'

export interface DeleteCache {
  /** Bytes that are kept, about. */
  readonly sizeBytes: number
  /** Not to be changed. */
  get(file: PositionDeleteFile): PositionsByPath | undefined
  /** Keeps the positions of a file, which nobody changes from now on, unless they are larger than the budget. */
  put(file: PositionDeleteFile, positions: PositionsByPath): void
}

/** Bytes of an entry beside its positions, about. */
const ENTRY_BYTES = 400

export function createDeleteCache(options: { readonly sizeBytesMax: number }): DeleteCache {
  const { sizeBytesMax } = options
  const kept = new Map<string, { readonly positions: PositionsByPath; readonly sizeBytes: number }>()
  let sizeBytes = 0
  const drop = (key: string): void => {
    sizeBytes -= kept.get(key)?.sizeBytes ?? 0
    kept.delete(key)
  }
  return {
    get sizeBytes() {
      return sizeBytes
    },
    get(file) {
      const key = keyOf(file)
      const found = kept.get(key)
      if (found === undefined) return undefined
      // From now on the most recently used one.
      kept.delete(key)
      kept.set(key, found)
      return found.positions
    },
    put(file, positions) {
      let bytes = ENTRY_BYTES
      for (const set of positions.values()) bytes += set.sizeBytes
      if (bytes > sizeBytesMax) return
      const key = keyOf(file)
      drop(key)
      for (const oldest of kept.keys()) {
        if (sizeBytes + bytes <= sizeBytesMax) break
        drop(oldest)
      }
      kept.set(key, { positions, sizeBytes: bytes })
      sizeBytes += bytes
    },
  }
}

function keyOf({ location, contentOffset }: PositionDeleteFile): string {
  return contentOffset === undefined ? location : `${contentOffset} ${location}`
}
