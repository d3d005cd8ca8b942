/** Cloning tables, and dropping them: who drops a clone lets go of the files that its origins kept for it. */
import type { LoadedTable, TableIdentifier } from '../catalog/catalog.js'
import { cloneTable, releaseOrigins } from '../commit/clone-table.js'
import type { PurgeReport } from '../maintenance/purge.js'
import type { LakeContext } from './context.js'
import { type AsOf, selectorOf } from './scan.js'

export interface CloneTableOptions {
  /** Snapshot that the clone begins with: an id, a time, a ref; default the current one. */
  readonly asOf?: AsOf | undefined
  /** Folder of the clone; default where the catalog puts new tables. */
  readonly location?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** @throws as `Lake.cloneTable` */
export function cloneIn(
  context: LakeContext,
  tables: { readonly from: TableIdentifier; readonly to: TableIdentifier },
  options: CloneTableOptions,
): Promise<LoadedTable> {
  const { asOf, location, signal } = options
  const request = { ...tables, at: selectorOf(asOf), location }
  return cloneTable(context.catalog, request, commitOptions(context, signal))
}

/** A table whose metadata cannot be read is dropped too. @throws as `Lake.dropTable` */
export async function dropIn(context: LakeContext, identifier: TableIdentifier): Promise<void> {
  const { catalog } = context
  const dropped = await catalog.loadTable(identifier).catch(() => undefined)
  await catalog.dropTable(identifier)
  if (dropped !== undefined)
    await releaseOrigins(catalog, dropped.metadata, commitOptions(context, undefined))
}

export interface PurgeTableOptions {
  /** Lists what would go, and drops nothing. Default false. */
  readonly dryRun?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/** @throws as `Lake.purgeTable` */
export async function purgeIn(
  context: LakeContext,
  identifier: TableIdentifier,
  options: PurgeTableOptions,
): Promise<PurgeReport> {
  const { purgeTable } = await import('../maintenance/purge.js')
  const { catalog, io } = context
  return purgeTable(catalog, identifier, { ...options, io, drop: () => dropIn(context, identifier) })
}

function commitOptions(
  { io, runtime, onCommitEvent }: LakeContext,
  signal: AbortSignal | undefined,
): Parameters<typeof cloneTable>[2] {
  return { io, runtime, signal, onEvent: onCommitEvent }
}
