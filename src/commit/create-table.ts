/**
 * Creating a table: one commit that requires that there is none. An answer that was lost is settled by the
 * uuid, which this call alone knows.
 */
import { isLakeError, LakeError } from '../base/errors.js'
import type {
  Catalog,
  CatalogOptions,
  CommitOutcome,
  LoadedTable,
  Namespace,
  TableIdentifier,
} from '../catalog/catalog.js'
import { printIdentifier } from '../catalog/identifier.js'
import { type NewTable, newTableUpdates } from '../metadata/new-table.js'

export interface NewCatalogTable extends Omit<NewTable, 'location'> {
  readonly identifier: TableIdentifier
  /** Default: where the catalog puts it. */
  readonly location?: string | undefined
}

/**
 * Creates the table, and its namespace when that is missing.
 * @throws already-exists; commit-state-unknown when it may have been created; invalid-argument
 */
export async function createTable(
  catalog: Catalog,
  table: NewCatalogTable,
  options: CatalogOptions = {},
): Promise<LoadedTable> {
  const { identifier } = table
  await createNamespaceIfMissing(catalog, identifier.namespace, options)
  const location = table.location ?? (await catalog.defaultTableLocation(identifier, options))
  const updates = newTableUpdates({ ...table, location })
  const outcome = await catalog.commit(
    [{ identifier, requirements: [{ type: 'assert-create' }], updates }],
    options,
  )
  const settled = outcome.status === 'unknown' ? await settledOrNot(catalog, outcome, options) : outcome
  const created =
    settled.status === 'committed' ? settled.tables[0] : await whatIsThere(catalog, settled, table)
  if (created?.metadata.tableUuid === table.uuid) return created
  throw new LakeError('already-exists', 'a table of that name exists', {
    context: { table: printIdentifier(identifier) },
  })
}

/** A look that fails says nothing: the outcome stays unknown. */
async function settledOrNot(
  catalog: Catalog,
  outcome: Extract<CommitOutcome, { status: 'unknown' }>,
  options: CatalogOptions,
): Promise<CommitOutcome> {
  try {
    return await catalog.settle(outcome.attempt, options)
  } catch (cause) {
    return { ...outcome, cause }
  }
}

async function whatIsThere(
  catalog: Catalog,
  outcome: Exclude<CommitOutcome, { status: 'committed' }>,
  table: NewCatalogTable,
): Promise<LoadedTable> {
  try {
    return await catalog.loadTable(table.identifier)
  } catch (error) {
    if (outcome.status === 'conflict' && !isLakeError(error, 'not-found')) throw error
    const context = { table: printIdentifier(table.identifier) }
    if (outcome.status === 'conflict') throw new LakeError('conflict', outcome.reason, { context })
    throw new LakeError('commit-state-unknown', 'the table may yet be created', {
      cause: outcome.cause,
      context,
    })
  }
}

/** Makes the namespace unless it is there. */
export async function createNamespaceIfMissing(
  catalog: Catalog,
  namespace: Namespace,
  options: CatalogOptions = {},
): Promise<void> {
  try {
    await catalog.createNamespace(namespace, {}, options)
  } catch (error) {
    if (!isLakeError(error, 'already-exists')) throw error
  }
}
