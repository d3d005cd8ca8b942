/**
 * The latest state of tables that were loaded, committed or registered here. A metadata file of a table never changes, so
 * it cannot be stale; who registers a file whose name was used before keeps what it is now.
 */
import { LakeError } from '../base/errors.js'
import type { FileIO } from '../io/file-io.js'
import { readTableMetadata } from '../metadata/metadata-file.js'
import type { LoadedTable, TableIdentifier } from './catalog.js'
import { printIdentifier } from './identifier.js'

const SEEN_TABLES_MAX = 64

export interface SeenTables {
  /** The table at that metadata file, which is read unless it is the one seen last. @throws corrupt when there is none */
  load(
    identifier: TableIdentifier,
    metadataLocation: string | undefined,
    options: { readonly signal?: AbortSignal | undefined },
  ): Promise<LoadedTable>
  keep(table: LoadedTable): void
}

export function createSeenTables(io: FileIO): SeenTables {
  /** By name, oldest first. */
  const seen = new Map<string, LoadedTable>()
  const keep = (table: LoadedTable): void => {
    const key = printIdentifier(table.identifier)
    seen.delete(key)
    seen.set(key, table)
    for (const oldest of seen.keys()) if (seen.size > SEEN_TABLES_MAX) seen.delete(oldest)
  }
  return {
    keep,
    async load(identifier, metadataLocation, { signal }) {
      const key = printIdentifier(identifier)
      if (metadataLocation === undefined)
        throw new LakeError('corrupt', 'the catalog names no metadata file for the table', {
          context: { table: key },
        })
      const known = seen.get(key)
      if (known?.metadataLocation === metadataLocation) {
        keep(known)
        return known
      }
      const metadata = await readTableMetadata(io, metadataLocation, { signal })
      const table = { identifier, metadataLocation, metadata }
      keep(table)
      return table
    },
  }
}
