/** What the methods of a table and a lake do that change what a table is. Loaded by the first of them. */
import { present } from '../base/assert.js'
import { isLakeError } from '../base/errors.js'
import type { RegisterOptions, TableIdentifier } from '../catalog/catalog.js'
import { alterTableAction, type TableAlteration } from '../commit/alter-table.js'
import type { CommitResult } from '../commit/commit-loop.js'
import { createNamespaceIfMissing, createTable, type NewCatalogTable } from '../commit/create-table.js'
import { replaceTableAction } from '../commit/replace-table.js'
import { checkRequired } from '../writer/check-required.js'
import { commitIn, type Provenance } from './commit.js'
import type { LakeContext } from './context.js'
import { type OnceOption, withOnce } from './once.js'

/** Changes as data, or in Spark's words: `add column x int after y; drop partition field region`. */
export type Alterations = string | TableAlteration | readonly TableAlteration[]

export interface AlterOptions extends OnceOption, Provenance {
  /** Whether names of columns match exactly; default true. */
  readonly caseSensitive?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/** What a change of a table did. */
export interface AlterReport {
  /** False when the table was so already. */
  readonly changed: boolean
  readonly metadataLocation: string
  readonly formatVersion: number
  readonly schemaId: number
  readonly specId: number
  readonly sortOrderId: number
  /** True when the step of `once` had landed before. */
  readonly replayed?: boolean | undefined
  /** Attempts that the commit took. */
  readonly attempts: number
}

/** All changes in one commit. @throws as `Table.alter` */
export async function alterTable(
  context: LakeContext,
  identifier: TableIdentifier,
  given: { readonly changes: Alterations; readonly options: AlterOptions },
): Promise<AlterReport> {
  const { io, runtime } = context
  const { caseSensitive, once, actor, job, inputs, signal } = given.options
  const altering = alterTableAction({
    changes: await alterationsOf(given.changes),
    caseSensitive,
    runtime,
    checkRequired: (base, { fieldIds }) => checkRequired(io, base, { fieldIds, signal }),
  })
  let replayed = false
  const onLanded = (): void => {
    replayed = true
  }
  const action = withOnce(context, altering, { once, ref: undefined, wapId: undefined, onLanded })
  const result = await commitIn(context, { identifier, action }, { actor, job, inputs, signal })
  const report = reportOf(result)
  return replayed && !report.changed ? { ...report, replayed } : report
}

async function alterationsOf(changes: Alterations): Promise<readonly TableAlteration[]> {
  if (typeof changes === 'string') {
    const { parseAlterations } = await import('../sql/alter.js')
    return parseAlterations(changes)
  }
  return 'kind' in changes ? [changes] : changes
}

function reportOf({ tables, changed, attempts }: CommitResult): AlterReport {
  const table = present(tables[0], 'the table of a commit')
  const { formatVersion, currentSchemaId, defaultSpecId, defaultSortOrderId } = table.metadata
  return {
    changed: changed[0] === true,
    metadataLocation: table.metadataLocation,
    formatVersion,
    schemaId: currentSchemaId,
    specId: defaultSpecId,
    sortOrderId: defaultSortOrderId,
    attempts,
  }
}

/** Creates the table, or makes the one that is there new. @throws as `Lake.createTable`, but for already-exists */
export async function createOrReplace(
  context: LakeContext,
  table: NewCatalogTable,
  options: { readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const { identifier } = table
  const { signal } = options
  if (!(await context.catalog.tableExists(identifier, { signal }))) {
    try {
      await createTable(context.catalog, table, { signal })
      return
    } catch (error) {
      // Somebody made one meanwhile: it is the one to replace.
      if (!isLakeError(error, 'already-exists')) throw error
    }
  }
  await commitIn(context, { identifier, action: replaceTableAction(table) }, { signal })
}

/** @throws as `Lake.registerTable` */
export async function registerIn(
  { catalog }: LakeContext,
  identifier: TableIdentifier,
  given: { readonly metadataLocation: string; readonly options: RegisterOptions },
): Promise<void> {
  const { metadataLocation, options } = given
  await createNamespaceIfMissing(catalog, identifier.namespace)
  await catalog.registerTable(identifier, metadataLocation, options)
}
