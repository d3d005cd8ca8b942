/** One commit of all followed tables that have changed, each with the position of the last transaction that it takes. */
import { present } from '../base/assert.js'
import type { Runtime } from '../base/runtime.js'
import type { Catalog, LoadedTable } from '../catalog/catalog.js'
import { type CommitEvent, type CommitTarget, commitTables } from '../commit/commit-loop.js'
import { type FileHold, holdFiles } from '../commit/hold-lease.js'
import { streamAction } from '../commit/stream-action.js'
import type { FileIO } from '../io/file-io.js'
import type { KeyCache } from '../writer/key-cache.js'
import { type KeyedWriteResult, keyedWriteAction } from '../writer/keyed-write.js'
import { type CollapsedChanges, collapse } from './collapse.js'
import { type FeedPosition, storedPosition } from './feed-position.js'
import {
  ensureTable,
  type FollowedTable,
  type FollowOptions,
  moveOn,
  type PendingSlice,
} from './followed-table.js'

export interface CommitPendingOptions {
  readonly catalog: Catalog
  readonly io: FileIO
  readonly runtime: Runtime
  readonly follow: FollowOptions
  /** Keeps what was read of the tables' files between commits. */
  readonly keyCache: KeyCache | undefined
  /** The commit takes what comes before this transaction of the run. */
  readonly transactionEnd: number
  readonly onCommitEvent?: ((event: CommitEvent) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Commits what waits; undefined when nothing does. Tables are made only after all changes have proved to fit.
 * @throws as `collapse`, and what commits throw
 */
export async function commitPending(
  tables: readonly FollowedTable[],
  options: CommitPendingOptions,
): Promise<Pick<CollapsedChanges, 'orphanedCells'> | undefined> {
  const { follow, transactionEnd } = options
  const parts = tables.flatMap(table => partOf(table, transactionEnd) ?? [])
  if (parts.length === 0) return undefined
  const missingCells: number[] = []
  const states = await commitTogether(parts, options, (part, files, index) => {
    const onResult = (result: KeyedWriteResult): void => {
      missingCells[index] = result.missingCells
    }
    return commitTarget(part, { ...options, io: files.io, files, onResult })
  })
  let orphanedCells = 0
  for (const [index, { table, later, collapsed }] of parts.entries()) {
    orphanedCells += collapsed.orphanedCells + (missingCells[index] ?? 0)
    table.pending = later
    moveOn(table, present(states[index], 'the state of a table'), follow)
  }
  return { orphanedCells }
}

/** What a table has in the commit, and what waits for the next. */
interface CommitPart {
  readonly table: FollowedTable
  readonly collapsed: CollapsedChanges
  readonly position: FeedPosition
  readonly later: PendingSlice[]
}

function partOf(table: FollowedTable, transactionEnd: number): CommitPart | undefined {
  const now: PendingSlice[] = []
  const later: PendingSlice[] = []
  for (const slice of table.pending) {
    const cut = firstFrom(slice, transactionEnd)
    if (cut > slice.from) now.push({ ...slice, to: cut })
    if (cut < slice.to) later.push({ ...slice, from: cut })
  }
  const last = now.at(-1)
  if (last === undefined) return undefined
  const position = last.positionOf(last.block.transactions[last.to - 1] as number)
  return { table, collapsed: collapse(now, table.columns), position, later }
}

/** The first change of a slice that belongs to a transaction of the run or a later one. */
function firstFrom({ block, from, to, firstTransaction }: PendingSlice, transaction: number): number {
  let low = from
  let high = to
  while (low < high) {
    const middle = (low + high) >>> 1
    if (firstTransaction + (block.transactions[middle] as number) < transaction) low = middle + 1
    else high = middle
  }
  return low
}

/** What is written for the tables is held until the commit has ended. */
async function commitTogether(
  parts: readonly CommitPart[],
  options: CommitPendingOptions,
  targetOf: (part: CommitPart, files: FileHold, index: number) => Promise<CommitTarget>,
): Promise<readonly LoadedTable[]> {
  const { catalog, io, runtime, signal, onCommitEvent } = options
  const held = parts.map(({ table }) => holdFiles({ catalog, identifier: table.identifier, io, runtime }))
  try {
    const targets: CommitTarget[] = []
    for (const [index, part] of parts.entries())
      targets.push(await targetOf(part, present(held[index], 'the files of a table'), index))
    const { tables } = await commitTables(catalog, targets, { io, runtime, signal, onEvent: onCommitEvent })
    return tables
  } finally {
    for (const files of held) await files.end()
  }
}

async function commitTarget(
  { table, collapsed, position }: CommitPart,
  options: Pick<CommitPendingOptions, 'io' | 'runtime' | 'follow' | 'keyCache'> & {
    readonly files: FileHold
    readonly onResult: (result: KeyedWriteResult) => void
  },
): Promise<CommitTarget> {
  const { io, runtime, files, follow, keyCache, onResult } = options
  const ref = follow.branch
  const operationUuid = runtime.orderedUuid()
  const write = keyedWriteAction(io, collapsed.changes, { runtime, ref, operationUuid, keyCache, onResult })
  const step = {
    stream: follow.stream,
    position: storedPosition(position, table.source),
    token: operationUuid,
  }
  const base = await ensureTable(table, follow)
  const action = streamAction(write, { io, runtime, operationUuid, step, ref, expected: table.stored })
  return { identifier: table.identifier, base, action, files }
}
