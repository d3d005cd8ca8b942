/**
 * A catalog made again from what is in storage, after its database was lost or an old copy of it was restored.
 *
 * ```
 * list the warehouse -> the head of each table -> compare with the catalog -> register what is missing
 * ```
 *
 * It adds entries and replaces those that point nowhere. An entry that points at readable metadata is never touched, also
 * where storage knows a newer version: that one is reported, since another process may be in the middle of its commit.
 * Tables that were dropped and left their files come back; names that a rename gave are lost, as storage has the folder's.
 */
import { errorText, isLakeError } from '../base/errors.js'
import type { Catalog, LoadedTable, TableIdentifier } from '../catalog/catalog.js'
import { parseIdentifier, printIdentifier } from '../catalog/identifier.js'
import { createNamespaceIfMissing } from '../commit/create-table.js'
import type { FileIO } from '../io/file-io.js'
import { comparableLocation, trimTrailingSlash } from '../io/location.js'
import { type FoundFolder, type FoundMetadata, findTables } from './find-tables.js'

export interface RebuildOptions {
  readonly io: FileIO
  /** Where to look: the warehouse, or a folder of it. */
  readonly root: string
  /** Names of tables by their location, where the folder does not say the right one. */
  readonly names?: Readonly<Record<string, string>> | undefined
  /** Says what would be done, and does nothing. */
  readonly dryRun?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

export type RebuildStatus =
  /** The catalog points at the newest metadata. */
  | 'present'
  /** Added; in a dry run, to be added. */
  | 'registered'
  /** The entry pointed at a file that is not there or cannot be read; it points at the newest now. */
  | 'repaired'
  /** The entry is readable and storage has a newer version; the entry stays. */
  | 'newer-found'
  /** Several files claim to be the newest. */
  | 'ambiguous'
  /** The newest metadata cannot be used, or the folder tells no name. */
  | 'damaged'
  /** The name belongs to another table. */
  | 'name-taken'

export interface RebuiltTable {
  readonly status: RebuildStatus
  /** Undefined where nothing tells the name. */
  readonly table?: string
  readonly folder: string
  readonly metadataLocation?: string
  /** What to know or do about it. */
  readonly detail?: string
}

/**
 * Finds the tables below `root` and registers those that the catalog does not have.
 * @throws denied, unavailable, and what the catalog throws: what was registered until then stays
 */
export async function rebuildCatalog(
  catalog: Catalog,
  options: RebuildOptions,
): Promise<readonly RebuiltTable[]> {
  const { io, root, signal } = options
  const rebuilt: RebuiltTable[] = []
  for (const found of await findTables(io, root, { signal }))
    rebuilt.push(await rebuildOne(catalog, found, options))
  return rebuilt
}

async function rebuildOne(
  catalog: Catalog,
  found: FoundFolder,
  options: RebuildOptions,
): Promise<RebuiltTable> {
  const { folder } = found
  if (found.status === 'damaged') return { status: 'damaged', folder, detail: found.reason }
  if (found.status === 'ambiguous') {
    const claims = found.heads.map(head => head.metadataLocation).join(', ')
    return { status: 'ambiguous', folder, detail: `register one of ${claims}` }
  }
  if (found.status === 'view') return rebuildView(catalog, found, options)
  const { head } = found
  const identifier = nameOf(head.metadata.location, options)
  const { metadataLocation } = head
  if (identifier === undefined)
    return { status: 'damaged', folder, metadataLocation, detail: 'the folder tells no namespace and name' }
  const about = { table: printIdentifier(identifier), folder, metadataLocation }
  const entry = await entryOf(catalog, identifier, options)
  if (entry === 'missing') {
    if (options.dryRun !== true) await register(catalog, identifier, head, options)
    return { status: 'registered', ...about }
  }
  if (typeof entry === 'string') {
    if (options.dryRun !== true) {
      await catalog.dropTable(identifier, options)
      await register(catalog, identifier, head, options)
    }
    return { status: 'repaired', ...about, detail: entry }
  }
  if (entry.metadata.tableUuid !== head.metadata.tableUuid)
    return {
      status: 'name-taken',
      ...about,
      detail: `register it under another name, with a name for ${head.metadata.location}`,
    }
  if (comparableLocation(entry.metadataLocation) === comparableLocation(metadataLocation))
    return { status: 'present', ...about }
  return { status: 'newer-found', ...about, detail: `the catalog points at ${entry.metadataLocation}` }
}

async function rebuildView(
  catalog: Catalog,
  found: Extract<FoundFolder, { status: 'view' }>,
  options: RebuildOptions,
): Promise<RebuiltTable> {
  const { folder, metadataLocation } = found
  const identifier = nameOf(found.location, options)
  if (identifier === undefined || catalog.views === undefined)
    return { status: 'damaged', folder, metadataLocation, detail: 'a view that cannot be registered here' }
  const about = { table: printIdentifier(identifier), folder, metadataLocation }
  if (await catalog.views.exists(identifier, options)) return { status: 'present', ...about }
  if (await catalog.tableExists(identifier, options))
    return {
      status: 'name-taken',
      ...about,
      detail: `register it under another name, with a name for ${found.location}`,
    }
  if (options.dryRun !== true) {
    await makeNamespaces(catalog, identifier.namespace, options)
    await catalog.views.register(identifier, metadataLocation, options)
  }
  return { status: 'registered', ...about }
}

/** `<root>/<namespace levels>/<table>`; Java's catalogs add `.db` to the namespace, ours a suffix to a folder that was taken. */
function nameOf(folder: string, { root, names = {} }: RebuildOptions): TableIdentifier | undefined {
  const location = comparableLocation(trimTrailingSlash(folder))
  for (const [named, name] of Object.entries(names))
    if (comparableLocation(trimTrailingSlash(named)) === location) return parseIdentifier(name)
  const prefix = `${comparableLocation(trimTrailingSlash(root))}/`
  if (!location.startsWith(prefix)) return undefined
  const levels = location.slice(prefix.length).split('/').map(decodeSegment)
  const name = levels.pop()?.replace(/-[0-9a-f]{8}$/, '') ?? ''
  const namespace = levels.flatMap((level, index) =>
    index === levels.length - 1 ? level.replace(/\.db$/, '').split('.') : [level],
  )
  return name === '' || namespace.length === 0 || namespace.includes('') ? undefined : { namespace, name }
}

/** Separators in names were percent codes. */
function decodeSegment(segment: string): string {
  return segment.replace(/%(25|2F|5C)/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
}

/** The table that the catalog has under the name; a text: why its entry is of no use. */
async function entryOf(
  catalog: Catalog,
  identifier: TableIdentifier,
  options: RebuildOptions,
): Promise<LoadedTable | 'missing' | string> {
  try {
    return await catalog.loadTable(identifier, options)
  } catch (error) {
    const isDamaged = isLakeError(error, 'corrupt') || isLakeError(error, 'not-found')
    if (!isDamaged) throw error
    return (await catalog.tableExists(identifier, options)) ? errorText(error) : 'missing'
  }
}

async function register(
  catalog: Catalog,
  identifier: TableIdentifier,
  head: FoundMetadata,
  options: RebuildOptions,
): Promise<void> {
  await makeNamespaces(catalog, identifier.namespace, options)
  await catalog.registerTable(identifier, head.metadataLocation, options)
}

/** The namespace and those above it. */
async function makeNamespaces(
  catalog: Catalog,
  namespace: readonly string[],
  options: RebuildOptions,
): Promise<void> {
  for (let depth = 1; depth <= namespace.length; depth++)
    await createNamespaceIfMissing(catalog, namespace.slice(0, depth), options)
}
