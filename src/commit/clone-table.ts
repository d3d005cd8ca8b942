/**
 * Cloning a table: a second table that reads the files of a snapshot of the first and goes on by itself. Nothing is
 * copied but metadata.
 *
 * ```
 * source   ... <- s7 <- s8 <- s9        tag serac.clone.<clone's uuid> at s8: expiry keeps its files
 *                       |
 * clone                 s8 <- c1        own uuid, location and history; the file paths of s8 stay the source's
 * ```
 *
 * The clone is one metadata file that the catalog is told to register: ids of schemas, specs and sort orders, the
 * last column id and the next row id are those of the source, gaps included, which a list of updates cannot say.
 * The source is tagged before, so there is no moment at which the clone is there and its files are not kept; if the
 * rest fails the tag is taken back, and if that fails too it keeps a snapshot that nobody needs.
 *
 * The clone of a clone reads files of both, so both get a tag.
 *
 * The clone never deletes files of its origins: serac deletes only below the clone's own location
 * (`ownershipOf`), and `gc.enabled=false` keeps other engines from deleting anything.
 */
import { isLakeError, LakeError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import type { Catalog, LoadedTable, TableIdentifier } from '../catalog/catalog.js'
import { printIdentifier } from '../catalog/identifier.js'
import type { FileIO } from '../io/file-io.js'
import { trimTrailingSlash } from '../io/location.js'
import { defaultSortOrder, defaultSpec } from '../metadata/lookup.js'
import { newMetadataLocation, writeTableMetadata } from '../metadata/metadata-file.js'
import { checkWritable } from '../metadata/new-table.js'
import { MAIN_BRANCH, type Snapshot, type TableMetadata } from '../metadata/table-metadata.js'
import { checkSortOrder } from '../schema/check-sort-order.js'
import { checkPartitionSpec } from '../schema/partition.js'
import type { Schema } from '../schema/types.js'
import { resolveSnapshot, type SnapshotSelector } from '../snapshot/resolve.js'
import {
  CLONE_OF,
  type CloneOrigin,
  cloneOrigins,
  cloneTag,
  folderOf,
  printCloneOrigins,
} from './clone-origins.js'
import { type CommitOptions, type CommitTarget, commitTables } from './commit-loop.js'
import { createNamespaceIfMissing } from './create-table.js'
import { createRefAction, dropRefAction } from './ref-actions.js'
import { isStreamProperty, streamPositionsAt, streamPropertiesOf } from './stream-position.js'

export interface CloneRequest {
  readonly from: TableIdentifier
  readonly to: TableIdentifier
  /** Snapshot that the clone begins with; default the current one. */
  readonly at?: SnapshotSelector | undefined
  /** Default: where the catalog puts new tables. Neither inside the source's folder nor around it. */
  readonly location?: string | undefined
}

export interface CloneOptions extends Pick<CommitOptions, 'io' | 'runtime' | 'signal' | 'onEvent'> {
  readonly io: FileIO
  readonly runtime: Runtime
}

/**
 * Makes the clone, and its namespace when that is missing.
 * @throws not-found for an unknown table, snapshot or ref; already-exists; invalid-argument for a location that
 * overlaps the source's; unsupported for tables that are read only; commit-state-unknown when it may be there (the
 * tag stays)
 */
export async function cloneTable(
  catalog: Catalog,
  request: CloneRequest,
  options: CloneOptions,
): Promise<LoadedTable> {
  const { io, runtime, signal } = options
  const source = await catalog.loadTable(request.from, { signal })
  checkWritable(source.metadata)
  if (await catalog.tableExists(request.to, { signal })) throw nameTaken(request.to)
  await createNamespaceIfMissing(catalog, request.to.namespace)
  const location = trimTrailingSlash(
    request.location ?? (await catalog.defaultTableLocation(request.to, { signal })),
  )
  const { snapshot, schema } = resolveSnapshot(source.metadata, request.at ?? 'current')
  const uuid = runtime.uuid()
  const origins = originsOf(source, snapshot)
  for (const origin of origins) checkApart(location, origin)
  const metadata = cloneMetadata(source.metadata, {
    uuid,
    location,
    snapshot,
    schema,
    origins,
    nowMs: runtime.nowMs(),
  })
  await tagOrigins(catalog, { origins, uuid }, options)
  const metadataLocation = newMetadataLocation(metadata, { uuid: runtime.uuid() })
  try {
    await writeTableMetadata(io, metadata, { location: metadataLocation, signal })
    return await register(catalog, { identifier: request.to, metadataLocation, uuid }, options)
  } catch (error) {
    if (!isLakeError(error, 'commit-state-unknown')) {
      await io.delete([metadataLocation]).catch(() => undefined)
      await releaseOrigins(catalog, metadata, options)
    }
    throw error
  }
}

/**
 * Takes back the tags that kept the files of a clone that is gone. Those of origins that are gone, or are not found
 * under their name any more, stay: they only keep files. Never fails.
 */
export async function releaseOrigins(
  catalog: Catalog,
  clone: TableMetadata,
  options: CloneOptions,
): Promise<void> {
  const uuid = clone.tableUuid
  if (uuid === undefined) return
  for (const { identifier, uuid: originUuid } of readableOrigins(clone)) {
    try {
      const base = await catalog.loadTable(identifier, { signal: options.signal })
      if (base.metadata.tableUuid !== originUuid) continue
      const action = dropRefAction({ type: 'tag', name: cloneTag(uuid), force: true })
      await commitTables(catalog, [{ identifier, base, action }], options)
    } catch {
      // A tag that stays keeps files that nobody needs; whoever sees it can drop it.
    }
  }
}

function readableOrigins(clone: TableMetadata): readonly CloneOrigin[] {
  try {
    return cloneOrigins(clone)
  } catch {
    return []
  }
}

function nameTaken(identifier: TableIdentifier): LakeError {
  return new LakeError('already-exists', 'a table of that name exists', {
    context: { table: printIdentifier(identifier) },
  })
}

/** Whoever cleans up one folder by listing it may not meet the files of the other table. */
function checkApart(location: string, origin: CloneOrigin): void {
  const own = folderOf(location)
  const other = folderOf(origin.location)
  if (!own.startsWith(other) && !other.startsWith(own)) return
  throw new LakeError('invalid-argument', 'a clone needs a folder of its own', {
    context: { location, source: origin.location },
  })
}

function originsOf(source: LoadedTable, snapshot: Snapshot | undefined): readonly CloneOrigin[] {
  const { identifier, metadata } = source
  if (snapshot === undefined || metadata.tableUuid === undefined) return []
  const { tableUuid: uuid, location } = metadata
  return [{ identifier, uuid, location, snapshotId: snapshot.snapshotId }, ...cloneOrigins(metadata)]
}

/** All in one commit where the catalog can. An older origin that is gone has nobody who cleans it up. */
async function tagOrigins(
  catalog: Catalog,
  clone: { readonly origins: readonly CloneOrigin[]; readonly uuid: string },
  options: CloneOptions,
): Promise<void> {
  const targets: CommitTarget[] = []
  for (const [index, origin] of clone.origins.entries()) {
    const { identifier, snapshotId } = origin
    if (index > 0 && !(await isThere(catalog, origin))) continue
    const action = createRefAction({
      type: 'tag',
      name: cloneTag(clone.uuid),
      at: { snapshotId },
      retention: { maxRefAgeMs: Number.MAX_SAFE_INTEGER },
    })
    targets.push({ identifier, action })
  }
  if (targets.length === 0) return
  const commits = catalog.multiTable ? [targets] : targets.map(target => [target])
  for (const commit of commits) await commitTables(catalog, commit, options)
}

async function isThere(catalog: Catalog, origin: CloneOrigin): Promise<boolean> {
  try {
    const { metadata } = await catalog.loadTable(origin.identifier)
    return metadata.tableUuid === origin.uuid
  } catch (error) {
    if (isLakeError(error, 'not-found')) return false
    throw error
  }
}

/** When the answer is lost the catalog is asked what it names. */
/** An error is no proof that the clone is not there: an answer was lost, or is not to be read. So it is looked for. */
async function register(
  catalog: Catalog,
  clone: { readonly identifier: TableIdentifier; readonly metadataLocation: string; readonly uuid: string },
  { signal }: CloneOptions,
): Promise<LoadedTable> {
  const { identifier, metadataLocation, uuid } = clone
  try {
    return await catalog.registerTable(identifier, metadataLocation, { signal })
  } catch (error) {
    const found = await catalog.loadTable(identifier).catch((cause: unknown) => {
      if (isLakeError(cause, 'not-found')) return undefined
      throw new LakeError('commit-state-unknown', 'the clone may have been registered', {
        cause: error,
        context: { table: printIdentifier(identifier) },
      })
    })
    if (found?.metadata.tableUuid === uuid) return found
    throw error
  }
}

// ---- metadata

interface CloneState {
  readonly uuid: string
  readonly location: string
  readonly snapshot: Snapshot | undefined
  /** The schema that the snapshot is read with. */
  readonly schema: Schema
  readonly origins: readonly CloneOrigin[]
  readonly nowMs: number
}

/** Folders of the source: the clone writes into its own. */
const PLACES: ReadonlySet<string> = new Set([
  'write.data.path',
  'write.metadata.path',
  'write.object-storage.path',
  'write.folder-storage.path',
])

function cloneMetadata(source: TableMetadata, clone: CloneState): TableMetadata {
  const { snapshot, uuid, location, nowMs } = clone
  const { currentSnapshotId: _, ...rest } = source
  const timestampMs = snapshot?.timestampMs ?? 0
  return {
    ...rest,
    tableUuid: uuid,
    location,
    lastUpdatedMs: Math.max(nowMs, timestampMs),
    currentSchemaId: currentSchemaId(source, clone.schema),
    properties: cloneProperties(source, clone),
    snapshots: snapshot === undefined ? [] : [snapshot],
    snapshotLog: snapshot === undefined ? [] : [{ timestampMs, snapshotId: snapshot.snapshotId }],
    metadataLog: [],
    refs:
      snapshot === undefined ? {} : { [MAIN_BRANCH]: { type: 'branch', snapshotId: snapshot.snapshotId } },
    ...(snapshot === undefined ? {} : { currentSnapshotId: snapshot.snapshotId }),
    statistics: source.statistics.filter(file => file.snapshotId === snapshot?.snapshotId),
    partitionStatistics: source.partitionStatistics.filter(file => file.snapshotId === snapshot?.snapshotId),
  }
}

/** The schema of the snapshot, unless the spec or the sort order for new files needs columns that it lacks. */
function currentSchemaId(source: TableMetadata, schema: Schema): number {
  try {
    checkPartitionSpec(defaultSpec(source), schema)
    checkSortOrder(defaultSortOrder(source), schema)
    return schema.schemaId
  } catch {
    return source.currentSchemaId
  }
}

function cloneProperties(source: TableMetadata, clone: CloneState): Readonly<Record<string, string>> {
  const inherited = Object.entries(source.properties).filter(
    ([name]) => !PLACES.has(name) && !isStreamProperty(name) && name !== CLONE_OF && name !== 'gc.enabled',
  )
  return {
    ...Object.fromEntries(inherited),
    ...streamPropertiesOf(streamPositionsAt(source, clone.snapshot?.snapshotId)),
    ...(clone.origins.length === 0
      ? {}
      : { [CLONE_OF]: printCloneOrigins(clone.origins), 'gc.enabled': 'false' }),
  }
}
