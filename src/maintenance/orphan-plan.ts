/**
 * Which of the files below a table's folders are orphans. Pure: what was listed, what is reached and what is in flight in,
 * files out.
 *
 *   listed before the state was loaded
 *     - too young           an operation may be about to commit it
 *     - reached             by anything that the table, its log or a reader names
 *     - of a lease          its name carries the uuid of an operation that stands
 *     - of another table    it lies in a folder of that
 *     - a version's name    v<N>.metadata.json: whoever makes it has committed, so it must stay taken
 *
 * Files are known by their path alone: a reached path under another scheme or host is the same file by another name, or a
 * copy, and nobody can tell which. Then nothing is an orphan, unless the caller says to keep such files.
 */
import { LakeError } from '../base/errors.js'
import type { FileStat } from '../io/file-io.js'
import { comparableLocation } from '../io/location.js'

/** Why files stay. */
export interface KeptCounts {
  /** Younger than the caller's limit. */
  young: number
  reached: number
  /** Of an operation whose write lease stands. */
  leased: number
  /** In a folder of another table, or of what a clone was made of. */
  foreign: number
}

/** Listed files that may be orphans; shrinks while reached files are found. */
export interface Suspects {
  readonly size: number
  readonly kept: Readonly<KeptCounts>
  /** Notes a listed file. */
  add(file: FileStat): void
  /** Something refers to that file. @throws invalid-argument for a suspect that is known by another scheme or host */
  reached(location: string): void
  /** Takes out the files of these operations. */
  keepOperations(uuids: ReadonlySet<string>): void
  /** In the order of listing. */
  files(): readonly FileStat[]
}

export interface SuspectOptions {
  /** Files last modified at this time or later are too young. */
  readonly olderThanMs: number
  /** False for a file that is not this table's to delete. */
  readonly isOwn: (location: string) => boolean
  /** What to do about a reached path that was listed under another scheme or host. */
  readonly mismatch: 'error' | 'keep'
}

/** Of version-hint tables: the versions, and the hint. */
const VERSION_FILE = /\/metadata\/(v\d+(\.gz)?\.metadata\.json(\.gz)?|version-hint\.text)$/

export function createSuspects({ olderThanMs, isOwn, mismatch }: SuspectOptions): Suspects {
  const byPath = new Map<string, FileStat>()
  const kept: KeptCounts = { young: 0, reached: 0, leased: 0, foreign: 0 }
  const drop = (path: string, why: keyof KeptCounts): void => {
    byPath.delete(path)
    kept[why] += 1
  }
  return {
    get size() {
      return byPath.size
    },
    kept,
    add(file) {
      if (VERSION_FILE.test(file.location)) kept.reached += 1
      else if (file.modifiedMs >= olderThanMs) kept.young += 1
      else if (!isOwn(file.location)) kept.foreign += 1
      else byPath.set(pathOf(file.location), file)
    },
    reached(location) {
      const path = pathOf(location)
      const suspect = byPath.get(path)
      if (suspect === undefined) return
      const isSame = comparableLocation(suspect.location) === comparableLocation(location)
      if (!isSame && mismatch === 'error') throw mismatched(suspect.location, location)
      drop(path, 'reached')
    },
    keepOperations(uuids) {
      if (uuids.size === 0) return
      for (const [path, { location }] of byPath)
        if (operationsOf(location).some(uuid => uuids.has(uuid))) drop(path, 'leased')
    },
    files: () => [...byPath.values()],
  }
}

/** Without scheme and host. */
function pathOf(location: string): string {
  return comparableLocation(location).replace(/^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/]*/, '')
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi

/** The uuids in the name of a file. */
function operationsOf(location: string): readonly string[] {
  const name = location.slice(location.lastIndexOf('/') + 1)
  return (name.match(UUID) ?? []).map(uuid => uuid.toLowerCase())
}

function mismatched(listed: string, reached: string): LakeError {
  return new LakeError('invalid-argument', 'a file is known to the table by another scheme or host', {
    context: { location: reached, listed },
  })
}
