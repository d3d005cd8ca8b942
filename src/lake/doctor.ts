/** Looking whether the tables of a lake can be read, and making its catalog again from what is in storage. */
import { mapBounded } from '../base/concurrency.js'
import { errorText, isLakeError, LakeError } from '../base/errors.js'
import { allTables } from '../catalog/all-tables.js'
import type { TableIdentifier } from '../catalog/catalog.js'
import { printIdentifier } from '../catalog/identifier.js'
import { missingManifest } from '../maintenance/find-tables.js'
import { type RebuiltTable, rebuildCatalog } from '../maintenance/rebuild-catalog.js'
import type { LakeContext } from './context.js'

export interface CheckedTable {
  readonly table: string
  /** What is wrong; absent for a table that can be read. */
  readonly problem?: string
}

export interface CheckOptions {
  readonly signal?: AbortSignal | undefined
}

export interface RebuildCatalogOptions {
  /** Where to look; default the lake's warehouse. */
  readonly root?: string | undefined
  /** Names of tables by their location, where the folder does not say the right one: `{ 's3://b/x': 'shop.x' }`. */
  readonly names?: Readonly<Record<string, string>> | undefined
  /** Says what would be done, and does nothing. Default false. */
  readonly dryRun?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

const TABLES_AT_ONCE = 8

/** @throws as `Lake.check` */
export async function checkIn(context: LakeContext, options: CheckOptions): Promise<readonly CheckedTable[]> {
  const tables = await allTables(context.catalog, options)
  return mapBounded(tables, table => checkTable(context, table, options), {
    limit: TABLES_AT_ONCE,
    signal: options.signal,
  })
}

async function checkTable(
  { catalog, io }: LakeContext,
  identifier: TableIdentifier,
  options: CheckOptions,
): Promise<CheckedTable> {
  const table = printIdentifier(identifier)
  try {
    const { metadata } = await catalog.loadTable(identifier, options)
    const missing = await missingManifest(io, metadata, options)
    return missing === undefined ? { table } : { table, problem: `${missing} is missing` }
  } catch (error) {
    if (!isLakeError(error) || error.kind === 'aborted' || error.kind === 'unavailable') throw error
    return { table, problem: `${error.kind}: ${errorText(error)}` }
  }
}

/** @throws as `Lake.rebuildCatalog` */
export async function rebuildIn(
  { catalog, io, warehouse }: LakeContext,
  options: RebuildCatalogOptions,
): Promise<readonly RebuiltTable[]> {
  const root = options.root ?? warehouse
  if (root === undefined)
    throw new LakeError('invalid-argument', 'nothing says where the tables are: name a warehouse or a root')
  return rebuildCatalog(catalog, { ...options, io, root })
}
