/** The other tables of a catalog, as who deletes files of one of them has to see: where do their files lie? */
import { mapBounded } from '../base/concurrency.js'
import { errorText, LakeError } from '../base/errors.js'
import { allTables } from '../catalog/all-tables.js'
import type { Catalog, CatalogOptions, TableIdentifier } from '../catalog/catalog.js'
import { printIdentifier, sameIdentifier } from '../catalog/identifier.js'
import type { TableMetadata } from '../metadata/table-metadata.js'

const TABLES_AT_ONCE = 8

export interface OtherTable {
  readonly identifier: TableIdentifier
  readonly metadata: TableMetadata
}

/**
 * Shows every table but one to `look`; those that are gone meanwhile are passed over.
 * @throws conflict for a table that cannot be read: its files may be anywhere; what `look` throws
 */
export async function lookAtOthers(
  catalog: Catalog,
  table: TableIdentifier,
  { look, signal }: CatalogOptions & { readonly look: (other: OtherTable) => void },
): Promise<void> {
  const visit = async (identifier: TableIdentifier): Promise<void> => {
    if (sameIdentifier(identifier, table)) return
    const metadata = await metadataOf(catalog, identifier, signal)
    if (metadata !== undefined) look({ identifier, metadata })
  }
  await mapBounded(await allTables(catalog, { signal }), visit, { limit: TABLES_AT_ONCE, signal })
}

/** Undefined for a table that is gone. */
async function metadataOf(
  catalog: Catalog,
  identifier: TableIdentifier,
  signal: AbortSignal | undefined,
): Promise<TableMetadata | undefined> {
  try {
    return (await catalog.loadTable(identifier, { signal })).metadata
  } catch (cause) {
    if (!(await catalog.tableExists(identifier, { signal }))) return undefined
    throw new LakeError('conflict', 'a table that cannot be read may share the folder of the table', {
      cause,
      context: { other: printIdentifier(identifier), reason: errorText(cause) },
    })
  }
}

/** For a table that shares its folder. */
export function folderShared(
  table: TableIdentifier,
  other: TableIdentifier,
  context: Readonly<Record<string, string>> = {},
): LakeError {
  return new LakeError('conflict', 'another table shares the folder of the table', {
    context: { table: printIdentifier(table), other: printIdentifier(other), ...context },
  })
}
