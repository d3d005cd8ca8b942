/**
 * Orphan removal: files in a table's folders that nothing refers to, left by processes that died, by commits whose outcome
 * stayed unknown, by deletes that failed.
 *
 * ```
 * list -> load, walk, drop what is reached -> fence -> end lapsed leases -> load, walk what is new -> delete
 * ```
 *
 * Deleting a file of a commit that is on its way would break the table. What prevents it, from the plain to the odd:
 *
 * - files are listed first, and the state that decides is loaded after that;
 * - files younger than three days (never less than one, unless forced) stay;
 * - operations that take long hold a write lease: files with their uuid in the name stay;
 * - the fence, a commit of ours: behind it no swap lands whose files are as old as those that go, unless it has a lease
 *   (`catalog/write-leases.ts`). So a writer that wakes up after days is refused, wherever it was stopped.
 * @see Iceberg documentation, "remove_orphan_files"
 */
import { LakeError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import type { Catalog, LoadedTable, TableIdentifier } from '../catalog/catalog.js'
import { printIdentifier } from '../catalog/identifier.js'
import { CLEANED_BEFORE, fenceFor } from '../catalog/write-leases.js'
import { folderOf, ownershipOf } from '../commit/clone-origins.js'
import { type CommitOptions, commitTables, type TableChange } from '../commit/commit-loop.js'
import type { FileIO, FileStat } from '../io/file-io.js'
import { dataFolder, metadataFolder } from '../metadata/properties.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { checkMayDeleteFiles, deleteFiles } from './delete-files.js'
import { createSuspects, type KeptCounts, type Suspects } from './orphan-plan.js'
import { type AlsoNeeded, createReachWalk, type ReachWalk } from './orphan-reach.js'
import { folderShared, lookAtOthers, type OtherTable } from './other-tables.js'

export interface OrphanOptions {
  readonly io: FileIO
  readonly runtime: Runtime
  /** Files last modified before this time (ms since 1970) may go; default three days ago. */
  readonly olderThanMs?: number | undefined
  /** Allows files younger than a day to go: nobody else may be writing the table. Default false. */
  readonly force?: boolean | undefined
  /** Lists what would go, files of operations in flight included, and changes nothing. */
  readonly dryRun?: boolean | undefined
  /**
   * What to do about a listed file that the table knows by another scheme or host: `error` (default) does nothing at all,
   * `keep` leaves such files.
   */
  readonly mismatch?: 'error' | 'keep' | undefined
  readonly signal?: AbortSignal | undefined
  readonly retry?: CommitOptions['retry']
  readonly onEvent?: CommitOptions['onEvent']
}

export interface OrphanReport {
  readonly dryRun: boolean
  /** Files deleted, or, in a dry run, to be deleted. */
  readonly files: readonly FileStat[]
  readonly sizeBytes: number
  readonly failed: readonly { readonly location: string; readonly reason: string }[]
  /** Listed files that stay, by why. */
  readonly kept: Readonly<KeptCounts>
  /** Why the deleting ended early. */
  readonly cutShort?: string
}

const DAY_MS = 86_400_000
const AGE_MS_DEFAULT = 3 * DAY_MS
/** Without force; longer than any write lease lasts that is not renewed. */
const AGE_MS_MIN = DAY_MS
/** Snapshots of states that were current within this time are not touched: readers without a lease, refs made again. */
const GRACE_MS = 3_600_000

/**
 * Deletes files in the table's folders that nothing refers to.
 * @throws invalid-argument for a table with `gc.enabled=false`, an age that is too low, and a file that is known by
 * another scheme or host; conflict when another table shares the folders; not-found; corrupt when something that is
 * needed cannot be read; commit-state-unknown. Then nothing was deleted.
 */
export async function removeOrphans(
  catalog: Catalog,
  identifier: TableIdentifier,
  options: OrphanOptions,
): Promise<OrphanReport> {
  const { signal } = options
  const olderThanMs = checkAge(options)
  const before = await catalog.loadTable(identifier, { signal })
  checkMayDelete(before)
  const others = await foreignFolders(catalog, before, signal)
  const suspects = await listSuspects(before.metadata, { ...options, olderThanMs, others })
  const walk = createReachWalk(options.io, { onReached: suspects.reached, signal })
  await visit(catalog, walk, await reload(catalog, before, signal), options)
  if (suspects.size === 0 || options.dryRun === true) return report(options, suspects, suspects.files())
  await fence(catalog, before, { ...options, olderThanMs })
  const { tableUuid } = before.metadata
  if (tableUuid !== undefined)
    suspects.keepOperations((await catalog.writeLeases?.standing(tableUuid, { signal })) ?? new Set())
  await visit(catalog, walk, await reload(catalog, before, signal), options)
  return deleteOrphans(suspects, options)
}

function checkAge({ runtime, olderThanMs, force }: OrphanOptions): number {
  const nowMs = runtime.nowMs()
  const wanted = olderThanMs ?? nowMs - AGE_MS_DEFAULT
  const isTooYoung = force === true ? wanted > nowMs : wanted > nowMs - AGE_MS_MIN
  if (!isTooYoung && Number.isFinite(wanted)) return wanted
  throw new LakeError('invalid-argument', 'files that young may be those of a commit on its way', {
    context: { olderThanMs: wanted, ageMsMin: force === true ? 0 : AGE_MS_MIN },
  })
}

function checkMayDelete({ identifier, metadata }: LoadedTable): void {
  checkMayDeleteFiles(metadata, { table: printIdentifier(identifier) })
}

/** The state of now. @throws conflict when the table was replaced by another one, or moved elsewhere */
async function reload(
  catalog: Catalog,
  before: LoadedTable,
  signal: AbortSignal | undefined,
): Promise<LoadedTable> {
  const now = await catalog.loadTable(before.identifier, { signal })
  checkSame(before, now)
  return now
}

function checkSame(before: LoadedTable, now: LoadedTable): void {
  checkMayDelete(now)
  const isSame =
    before.metadata.tableUuid === now.metadata.tableUuid && before.metadata.location === now.metadata.location
  if (isSame) return
  throw new LakeError('conflict', 'the table was replaced by another one meanwhile', {
    context: { table: printIdentifier(now.identifier) },
  })
}

async function visit(
  catalog: Catalog,
  walk: ReachWalk,
  table: LoadedTable,
  { runtime }: OrphanOptions,
): Promise<void> {
  const held = await catalog.leases?.held()
  const also: AlsoNeeded = {
    currentSinceMs: runtime.nowMs() - GRACE_MS,
    heldIds: held?.snapshotIds ?? new Set(),
  }
  await walk.visit(table, also)
}

/** Says in the table how old the files are that may go; nothing to do when a fence stands there already. */
async function fence(
  catalog: Catalog,
  before: LoadedTable,
  options: OrphanOptions & { readonly olderThanMs: number },
): Promise<void> {
  const { identifier } = before
  const action = async (base: LoadedTable): Promise<TableChange> => {
    checkSame(before, base)
    const updates = {
      [CLEANED_BEFORE]: fenceFor(base.metadata, { ...options, nowMs: options.runtime.nowMs() }),
    }
    return { requirements: [], updates: [{ action: 'set-properties', updates }], written: [] }
  }
  await commitTables(catalog, [{ identifier, action }], options)
}

// ---- folders

interface Folders {
  /** Where the table puts files. */
  readonly own: readonly string[]
}

/** Below each other: the outer one is listed. */
function foldersOf(metadata: TableMetadata): Folders['own'] {
  const all = [metadata.location, dataFolder(metadata), metadataFolder(metadata)].map(withSlash)
  return all.filter(
    (folder, index) =>
      !all.some((other, at) => {
        const isInside = folderOf(folder).startsWith(folderOf(other))
        return at !== index && isInside && (folderOf(folder) !== folderOf(other) || at < index)
      }),
  )
}

function withSlash(folder: string): string {
  return folder.endsWith('/') ? folder : `${folder}/`
}

/**
 * Folders of other tables that lie in ours: their files are not looked at.
 * @throws conflict when our folders are another table's too, or lie in its data or metadata folder
 */
async function foreignFolders(
  catalog: Catalog,
  table: LoadedTable,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const own = foldersOf(table.metadata).map(folderOf)
  const isInOwn = (folder: string): boolean => own.some(each => folder.startsWith(each))
  const foreign: string[] = []
  const look = ({ identifier: other, metadata }: OtherTable): void => {
    const written = [dataFolder(metadata), metadataFolder(metadata)].map(folderOf)
    const isShared =
      metadata.tableUuid === table.metadata.tableUuid ||
      folderOf(metadata.location) === folderOf(table.metadata.location) ||
      written.some(folder => own.some(each => each.startsWith(folder)))
    if (isShared) throw folderShared(table.identifier, other)
    foreign.push(...[...written, folderOf(metadata.location)].filter(isInOwn))
  }
  await lookAtOthers(catalog, table.identifier, { look, signal })
  return foreign
}

interface ListOptions extends OrphanOptions {
  readonly olderThanMs: number
  readonly others: readonly string[]
}

/** What other engines keep beside the table's files. */
const KEPT_NAMES: ReadonlySet<string> = new Set(['version-hint.text'])

async function listSuspects(metadata: TableMetadata, options: ListOptions): Promise<Suspects> {
  const { io, olderThanMs, others, mismatch = 'error', signal } = options
  const isOfTable = ownershipOf(metadata)
  const isOwn = (location: string): boolean => {
    const folder = folderOf(location)
    const name = location.slice(location.lastIndexOf('/') + 1)
    return isOfTable(location) && !KEPT_NAMES.has(name) && !others.some(other => folder.startsWith(other))
  }
  const suspects = createSuspects({ olderThanMs, isOwn, mismatch })
  for (const folder of foldersOf(metadata))
    for await (const file of io.list(folder, { signal })) suspects.add(file)
  return suspects
}

// ---- deleting

async function deleteOrphans(suspects: Suspects, options: OrphanOptions): Promise<OrphanReport> {
  const { io, signal } = options
  const orphans = suspects.files()
  const locations = orphans.map(file => file.location)
  const { deleted, failed, cutShort } = await deleteFiles(io, locations, { signal })
  const gone = new Set(deleted)
  const files = orphans.filter(file => gone.has(file.location))
  return { ...report(options, suspects, files), failed, ...(cutShort === undefined ? {} : { cutShort }) }
}

function report(options: OrphanOptions, { kept }: Suspects, files: readonly FileStat[]): OrphanReport {
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0)
  return { dryRun: options.dryRun === true, files, sizeBytes, failed: [], kept }
}
