/**
 * The catalog that is an Iceberg REST catalog server: Polaris, Lakekeeper, Glue, S3 Tables, `serac serve`. The server
 * checks and applies commits and writes the metadata files; data files are written by the client, with its own
 * credentials or those that the server gives for each table.
 *
 * Properties have Java's and PyIceberg's names: `uri`, `warehouse`, `prefix`, `token`, `credential`,
 * `oauth2-server-uri`, `scope`, `rest.sigv4-enabled`, `rest.signing-name`, `rest.signing-region`, `header.*`,
 * `snapshot-loading-mode`, `rest-page-size`, `rest-metrics-reporting-enabled`, ...
 * @see Iceberg REST catalog specification
 */
import type { Runtime } from '../base/runtime.js'
import type { FileIO } from '../io/file-io.js'
import type { StorageAccess } from '../io/storage-access.js'
import type { Catalog } from './catalog.js'
import { type CommitContext, restCommits } from './rest-commit.js'
import { openRestContext } from './rest-context.js'
import { restReports } from './rest-metrics.js'
import { restNamespaces } from './rest-namespaces.js'
import { grantConfigured } from './rest-storage.js'
import { createRestTables, restTableVerbs } from './rest-tables.js'
import { restUnregister } from './rest-unregister.js'
import { restViews } from './rest-views.js'

export interface RestCatalogOptions {
  readonly properties: Readonly<Record<string, string>>
  readonly name?: string | undefined
  readonly io: FileIO
  readonly runtime: Runtime
  /** Where credentials go that the server gives for tables. */
  readonly access: StorageAccess
  readonly signal?: AbortSignal | undefined
}

/**
 * Asks the server for its configuration and opens the catalog.
 * @throws invalid-argument for properties that make no sense, not-found for a warehouse that the server does not
 * know, denied, unavailable, corrupt
 */
export async function openRestCatalog(options: RestCatalogOptions): Promise<Catalog> {
  const base = await openRestContext(options)
  grantConfigured(base, options.properties)
  const tables = createRestTables(base)
  const reports = restReports(base, tables)
  const context: CommitContext = { ...base, tables, onCommitted: reports.committed }
  const views = restViews(base)
  return {
    name: base.name,
    multiTable: base.endpoints.has('commitTransaction'),
    ...(views === undefined ? {} : { views }),
    ...restNamespaces(base),
    ...restTableVerbs(base, tables),
    ...restUnregister(base, tables),
    ...restCommits(context),
    ...(reports.scanned === undefined ? {} : { reportScan: reports.scanned }),
    close: () => reports.close(),
  }
}
