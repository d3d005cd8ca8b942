/**
 * Dropping a table with its files.
 *
 * ```
 * load -> check that nobody else reads below its folder -> list what it reaches -> drop the entry -> delete
 * ```
 *
 * The entry goes first: a table that is in the catalog has its files, whatever happens. A process that dies in between
 * leaves files that nothing names, never a table without files. Only what the metadata reaches is deleted - all snapshots,
 * statistics, the metadata log - and never a folder as a whole: files that an engine put there for itself are not ours.
 */
import { errorText, isLakeError, LakeError } from '../base/errors.js'
import type { Catalog, LoadedTable, TableIdentifier } from '../catalog/catalog.js'
import { printIdentifier } from '../catalog/identifier.js'
import { cloneOrigins, folderOf, isCloneTag, ownershipOf } from '../commit/clone-origins.js'
import type { FileIO } from '../io/file-io.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { checkMayDeleteFiles, deleteFiles } from './delete-files.js'
import { folderShared, lookAtOthers, type OtherTable } from './other-tables.js'
import { unreachableFiles } from './reachable-files.js'

export interface PurgeOptions {
  readonly io: FileIO
  /** Lists what would go, and drops nothing. */
  readonly dryRun?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

export interface PurgeReport {
  readonly dryRun: boolean
  /** Files deleted, or, in a dry run, to be deleted. */
  readonly files: readonly string[]
  readonly failed: readonly { readonly location: string; readonly reason: string }[]
  /** Why files stay although the table was dropped. */
  readonly kept?: string
}

/**
 * Drops a table and deletes its files. A table whose metadata cannot be read is dropped alone: nothing says which files are
 * its own.
 * @param drop drops the entry
 * @throws invalid-argument when the table forbids deleting files; conflict when another table or a clone reads its files;
 * not-found
 */
export async function purgeTable(
  catalog: Catalog,
  identifier: TableIdentifier,
  options: PurgeOptions & { readonly drop: () => Promise<void> },
): Promise<PurgeReport> {
  const { io, signal, dryRun = false } = options
  const reached = await reachedFiles(catalog, identifier, options)
  if (typeof reached === 'string') {
    if (!dryRun) await options.drop()
    return { dryRun, files: [], failed: [], kept: reached }
  }
  if (dryRun) return { dryRun, files: reached, failed: [] }
  await options.drop()
  const { deleted, failed, cutShort } = await deleteFiles(io, reached, { signal })
  const kept = cutShort === undefined ? {} : { kept: `the clean-up was cut short: ${cutShort}` }
  return { dryRun, files: deleted, failed, ...kept }
}

/** What the table reaches, the files that name others last; a text: why that is not known. */
async function reachedFiles(
  catalog: Catalog,
  identifier: TableIdentifier,
  { io, signal }: PurgeOptions,
): Promise<readonly string[] | string> {
  let table: LoadedTable
  try {
    table = await catalog.loadTable(identifier, { signal })
  } catch (error) {
    if (isLakeError(error, 'corrupt') || (await isListed(catalog, identifier, error)))
      return `its metadata cannot be read: ${errorText(error)}`
    throw error
  }
  checkOwnFiles(table)
  await checkAlone(catalog, table, signal)
  const { metadata, metadataLocation } = table
  const isOwn = ownershipOf(metadata)
  const nothing: TableMetadata = {
    ...metadata,
    snapshots: [],
    refs: {},
    statistics: [],
    partitionStatistics: [],
  }
  const states = { removed: metadata.snapshots, before: metadata, kept: nothing }
  const reached = await unreachableFiles(io, states, { signal })
  const log = metadata.metadataLog.map(entry => entry.metadataFile)
  return [...reached.map(file => file.location), ...[...log, metadataLocation].filter(isOwn)]
}

/** True for a table whose entry is there and whose metadata file is not. */
async function isListed(catalog: Catalog, identifier: TableIdentifier, error: unknown): Promise<boolean> {
  return isLakeError(error, 'not-found') && catalog.tableExists(identifier)
}

function checkOwnFiles({ identifier, metadata }: LoadedTable): void {
  const context = { table: printIdentifier(identifier) }
  const clones = Object.keys(metadata.refs).filter(isCloneTag)
  if (clones.length > 0)
    throw new LakeError('conflict', 'clones of the table read its files', { context: { ...context, clones } })
  checkMayDeleteFiles(metadata, context)
}

/** @throws conflict for a table whose folder holds another table's, or lies in it, or that is registered twice */
async function checkAlone(
  catalog: Catalog,
  table: LoadedTable,
  signal: AbortSignal | undefined,
): Promise<void> {
  const own = folderOf(table.metadata.location)
  const origins = cloneOrigins(table.metadata)
  const look = ({ identifier: other, metadata }: OtherTable): void => {
    if (origins.some(origin => origin.uuid === metadata.tableUuid)) return
    const folder = folderOf(metadata.location)
    const isApart = !folder.startsWith(own) && !own.startsWith(folder)
    if (isApart && metadata.tableUuid !== table.metadata.tableUuid) return
    throw folderShared(table.identifier, other, { folder })
  }
  await lookAtOthers(catalog, table.identifier, { look, signal })
}
