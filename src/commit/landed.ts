/**
 * Whether a swap is in the history of its tables, for an answer that was lost or is not to be believed. Three kinds of
 * evidence, each good by itself, as all tables of a swap change or none:
 *
 * - the metadata file that the swap was to put in place is the current one, or in the metadata log;
 * - the snapshots that it added are in the table;
 * - it added none (a ref was moved, a column was added): a state in the metadata log is exactly what its updates make of
 *   the state before. Somebody else's commit of the very same change looks like that too, and is as good.
 *
 * A refusal is taken at its word, but for snapshots of ours that a table shows all the same: something on the way - a proxy
 * that repeats requests - showed the answer to the second copy, which the first one's commit refused.
 */
import { isLakeError } from '../base/errors.js'
import { type JsonObject, stringifyJson } from '../base/json.js'
import type { LoadedTable, TableCommit } from '../catalog/catalog.js'
import { sameIdentifier } from '../catalog/identifier.js'
import { historyOf } from '../catalog/pointer-commit.js'
import type { FileIO } from '../io/file-io.js'
import { applyUpdates } from '../metadata/apply-update.js'
import { readTableMetadata } from '../metadata/metadata-file.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { tableMetadataToJson } from '../metadata/table-metadata-json.js'

/** A swap as it was sent. */
export interface SentSwap {
  readonly commits: readonly TableCommit[]
  /** Metadata file of each commit, where the catalog told it. */
  readonly metadataLocations?: readonly (string | undefined)[] | undefined
}

interface LookOptions {
  readonly io: FileIO
  readonly signal?: AbortSignal | undefined
}

/** True when one of the tables shows that the swap landed; `tables` are their states now. Reads metadata files at most. */
export async function hasLanded(
  { commits, metadataLocations }: SentSwap,
  tables: readonly LoadedTable[],
  options: LookOptions,
): Promise<boolean> {
  for (const [index, commit] of commits.entries()) {
    const current = tables.find(table => sameIdentifier(table.identifier, commit.identifier))
    if (current === undefined || commit.updates.length === 0) continue
    const location = metadataLocations?.[index]
    if (location !== undefined && historyOf(current).includes(location)) return true
    const ids = snapshotsOf(commit)
    const isThere =
      ids.length === 0 ? await isStateOf(commit, current, options) : hasSnapshots(current.metadata, ids)
    if (isThere) return true
  }
  return false
}

/** A swap that was refused: its tables, and the snapshots that it would have added. */
export type RefusedSwap = SentSwap

/** What has to be kept of a refused swap. */
export function refusedSwap(commits: readonly TableCommit[]): RefusedSwap {
  return {
    commits: commits.map(({ identifier, requirements, updates }) => ({ identifier, requirements, updates })),
  }
}

/** True when one of the tables has the snapshots that the swap would have added. Reads nothing. */
export function showsSnapshots({ commits }: RefusedSwap, tables: readonly LoadedTable[]): boolean {
  return commits.some(commit => {
    const current = tables.find(table => sameIdentifier(table.identifier, commit.identifier))
    const ids = snapshotsOf(commit)
    return current !== undefined && ids.length > 0 && hasSnapshots(current.metadata, ids)
  })
}

function snapshotsOf({ updates }: TableCommit): readonly bigint[] {
  return updates.flatMap(update => (update.action === 'add-snapshot' ? [update.snapshot.snapshotId] : []))
}

function hasSnapshots(metadata: TableMetadata, ids: readonly bigint[]): boolean {
  const present = new Set(metadata.snapshots.map(snapshot => snapshot.snapshotId))
  return ids.every(id => present.has(id))
}

/** True when some step since the base is the one that the updates make. */
async function isStateOf(
  { base, updates }: TableCommit,
  current: LoadedTable,
  options: LookOptions,
): Promise<boolean> {
  if (base === undefined) return false
  const history = historyOf(current)
  const start = history.indexOf(base.metadataLocation)
  if (start < 0) return false
  let before = base.metadata
  for (const location of history.slice(start + 1)) {
    const after = location === current.metadataLocation ? current.metadata : await stateAt(location, options)
    if (after === undefined) return false
    if (isStep(before, after, updates)) return true
    before = after
  }
  return false
}

/** Undefined when the file is gone, or not to be read: no evidence. */
async function stateAt(location: string, { io, signal }: LookOptions): Promise<TableMetadata | undefined> {
  try {
    return await readTableMetadata(io, location, { signal })
  } catch (error) {
    if (isLakeError(error) && error.kind !== 'aborted') return undefined
    throw error
  }
}

function isStep(before: TableMetadata, after: TableMetadata, updates: TableCommit['updates']): boolean {
  try {
    const expected = applyUpdates(before, updates, { nowMs: after.lastUpdatedMs })
    return expected !== before && textOf(expected) === textOf(after)
  } catch (error) {
    if (isLakeError(error)) return false
    throw error
  }
}

/** All but the times of the commit itself. */
function textOf(metadata: TableMetadata): string {
  const log = metadata.snapshotLog.map(entry => ({ ...entry, timestampMs: 0 }))
  const json: JsonObject = tableMetadataToJson({
    ...metadata,
    snapshotLog: log,
    metadataLog: [],
    lastUpdatedMs: 0,
  })
  return stringifyJson(json)
}
