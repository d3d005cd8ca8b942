/** The tables of all namespaces of a catalog. */
import type { Catalog, CatalogOptions, Namespace, TableIdentifier } from './catalog.js'

/** Every table, in no particular order; costs two requests or more a namespace. @throws what listing throws */
export async function allTables(
  catalog: Catalog,
  options: CatalogOptions,
): Promise<readonly TableIdentifier[]> {
  const tables: TableIdentifier[] = []
  const queue: Namespace[] = [...(await catalog.listNamespaces([], options))]
  for (let namespace = queue.pop(); namespace !== undefined; namespace = queue.pop()) {
    tables.push(...(await catalog.listTables(namespace, options)))
    queue.push(...(await catalog.listNamespaces(namespace, options)))
  }
  return tables
}
