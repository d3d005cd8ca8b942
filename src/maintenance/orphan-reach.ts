/**
 * Everything that a table may still need: what all its snapshots reach - on a branch or not -, statistics, the metadata
 * files of its log and those before them; and the snapshots of states that were current a short time ago, or that a reader
 * holds, since who began on them may be reading, or may yet make a ref of them again.
 *
 * Unlike the walk of an expiry, a list or manifest that cannot be read ends it: what it names is not known, so nothing may
 * be deleted.
 */
import { mapBounded } from '../base/concurrency.js'
import { isLakeError } from '../base/errors.js'
import type { LoadedTable } from '../catalog/catalog.js'
import type { FileIO } from '../io/file-io.js'
import { isLive, manifestTerms } from '../manifest/live-entries.js'
import type { ManifestFile } from '../manifest/manifest-file.js'
import { readManifestList } from '../manifest/manifest-list-read.js'
import { readManifest } from '../manifest/manifest-read.js'
import { currentSchema, snapshotById } from '../metadata/lookup.js'
import { readTableMetadata } from '../metadata/metadata-file.js'
import type { Snapshot, TableMetadata } from '../metadata/table-metadata.js'

export interface ReachWalk {
  /** Reports every file that the state needs and an earlier call has not. @throws what reading throws */
  visit(table: LoadedTable, also: AlsoNeeded): Promise<void>
}

export interface AlsoNeeded {
  /** Snapshots of states that were current after this time, in milliseconds since 1970. */
  readonly currentSinceMs: number
  /** Snapshots that readers hold, of this table or others. */
  readonly heldIds: ReadonlySet<bigint>
}

export interface ReachWalkOptions {
  readonly onReached: (location: string) => void
  readonly signal?: AbortSignal | undefined
  /** Lists and manifests that are read at once; default 8. */
  readonly concurrency?: number | undefined
}

interface Walk extends ReachWalkOptions {
  readonly io: FileIO
  /** Lists, manifests and metadata files that were read. */
  readonly seen: Set<string>
}

export function createReachWalk(io: FileIO, options: ReachWalkOptions): ReachWalk {
  const walk: Walk = { ...options, io, seen: new Set() }
  return {
    async visit(table, also) {
      await visitState(walk, table.metadata, table.metadata.snapshots)
      walk.onReached(table.metadataLocation)
      await visitLog(walk, table, also)
    },
  }
}

async function visitState(
  walk: Walk,
  metadata: TableMetadata,
  snapshots: readonly Snapshot[],
  ifGone: 'refuse' | 'skip' = 'refuse',
): Promise<void> {
  const { io, seen, onReached, signal } = walk
  for (const { statisticsPath } of [...metadata.statistics, ...metadata.partitionStatistics])
    onReached(statisticsPath)
  const bounds = { limit: walk.concurrency ?? 8, signal }
  const unseen = snapshots.filter(snapshot =>
    firstTime(seen, `list ${snapshot.snapshotId} ${snapshot.manifestList}`),
  )
  for (const { manifestList } of unseen) if (manifestList !== undefined) onReached(manifestList)
  const readList = (snapshot: Snapshot): Promise<readonly ManifestFile[]> =>
    readManifestList(io, snapshot, { signal }).catch(emptyIfGone(ifGone))
  const lists = await mapBounded(unseen, readList, bounds)
  const manifests = lists.flat().filter(({ location }) => firstTime(seen, location))
  const terms = manifestTerms(metadata, currentSchema(metadata))
  const visitManifest = async (manifest: ManifestFile): Promise<void> => {
    onReached(manifest.location)
    const entries = await readManifest(io, manifest, {
      ...terms,
      keep: isLive,
      withStatistics: false,
      signal,
    }).catch(emptyIfGone(ifGone))
    for (const { file } of entries) onReached(file.location)
  }
  await mapBounded(manifests, visitManifest, bounds)
}

/** An expiry deletes what its snapshots alone reached: of those, what is gone is needed by nobody. */
function emptyIfGone(ifGone: 'refuse' | 'skip'): (error: unknown) => readonly [] {
  return error => {
    if (ifGone === 'skip' && isLakeError(error, 'not-found')) return []
    throw error
  }
}

function firstTime(seen: Set<string>, key: string): boolean {
  if (seen.has(key)) return false
  seen.add(key)
  return true
}

/** The metadata files of the log; what younger ones among them reach; and the logs of those, as far as there are files. */
async function visitLog(walk: Walk, { metadata }: LoadedTable, also: AlsoNeeded): Promise<void> {
  const { onReached } = walk
  for (const { metadataFile } of metadata.metadataLog) onReached(metadataFile)
  const missing = new Set([...also.heldIds].filter(id => snapshotById(metadata, id) === undefined))
  let endedMs = metadata.lastUpdatedMs
  for (const { metadataFile, timestampMs } of metadata.metadataLog.toReversed()) {
    // A state was current until the next one was made.
    const isYoung = endedMs >= also.currentSinceMs
    endedMs = timestampMs
    if (!isYoung && missing.size === 0) break
    const state = await stateAt(walk, metadataFile)
    if (state === undefined) continue
    const needed = isYoung
      ? state.snapshots
      : state.snapshots.filter(({ snapshotId }) => missing.has(snapshotId))
    for (const { snapshotId } of needed) missing.delete(snapshotId)
    await visitState(walk, state, needed, 'skip')
  }
  await visitEarlierLogs(walk, metadata)
}

/** Each log begins where an older one goes on: the first file of a log tells what was before. */
async function visitEarlierLogs(walk: Walk, metadata: TableMetadata): Promise<void> {
  for (let first = metadata.metadataLog[0]; first !== undefined; ) {
    if (!firstTime(walk.seen, `log ${first.metadataFile}`)) return
    const earlier = await stateAt(walk, first.metadataFile)
    for (const { metadataFile } of earlier?.metadataLog ?? []) walk.onReached(metadataFile)
    first = earlier?.metadataLog[0]
  }
}

/** Undefined for a file that is gone, as the table's properties may have asked for. */
async function stateAt({ io, signal }: Walk, location: string): Promise<TableMetadata | undefined> {
  try {
    return await readTableMetadata(io, location, { signal })
  } catch (error) {
    if (isLakeError(error, 'not-found')) return undefined
    throw error
  }
}
