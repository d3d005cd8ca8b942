/**
 * A lake: a catalog, the storage beneath it, and the tables in it.
 */
import { LakeError } from '../base/errors.js'
import type { Namespace, RegisterOptions, TableIdentifier } from '../catalog/catalog.js'
import { parseIdentifier, parseNamespace } from '../catalog/identifier.js'
import type { PurgeReport } from '../maintenance/purge.js'
import type { RebuiltTable } from '../maintenance/rebuild-catalog.js'
import type { Field, Schema } from '../schema/types.js'
import type { CloneTableOptions, PurgeTableOptions } from './clones.js'
import type { LakeContext } from './context.js'
import type { CheckedTable, CheckOptions, RebuildCatalogOptions } from './doctor.js'
import type { InputRow } from './rows-in.js'
import { openStatic, type StaticTable, type StaticTableOptions } from './static-table.js'
import { openInTransaction, openTable, type Table, type Transaction } from './table.js'
import type { TransactionOptions, TransactionReport } from './transaction.js'

/**
 * Columns in Spark's DDL form, `id bigint not null, ts timestamptz`, or as a schema; or rows, whose columns tell the types
 * (`infer-fields.ts`).
 */
export type SchemaInput =
  | string
  | Pick<Schema, 'fields' | 'identifierFieldIds'>
  | readonly Field[]
  | readonly InputRow[]

export interface CreateTableOptions {
  /** Transforms such as `days(ts)` and `bucket(16, id)`; see `day`, `bucket` and their like. */
  readonly partitionBy?: readonly string[] | undefined
  /** Columns or transforms, each with `asc | desc` and `nulls first | nulls last` if need be. */
  readonly sortBy?: readonly string[] | undefined
  /** Names of the columns that identify a row: they become the identifier fields. */
  readonly keys?: readonly string[] | undefined
  /** Default 2. */
  readonly formatVersion?: 2 | 3 | undefined
  readonly properties?: Readonly<Record<string, string>> | undefined
  readonly location?: string | undefined
  /**
   * A table of that name is made new instead: no rows, these columns, partitions and order, its history behind it.
   * Location, properties and format version that are not given stay. Default false.
   */
  readonly orReplace?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Lake extends AsyncDisposable {
  readonly context: LakeContext
  /** A handle of a table; nothing is read yet. */
  table(name: string | TableIdentifier): Table
  /**
   * Creates a table, and its namespace when that is missing. @throws already-exists, invalid-argument
   */
  createTable(
    name: string | TableIdentifier,
    schema: SchemaInput,
    options?: CreateTableOptions,
  ): Promise<Table>
  /** A table opened by its metadata file, its folder, or a single data file, without the catalog: reads only. */
  staticTable(location: string, options?: StaticTableOptions): StaticTable
  tableExists(name: string | TableIdentifier): Promise<boolean>
  /**
   * A second table that begins with a snapshot of the first, reads its files, and goes on by itself: own uuid, folder
   * and history. Cleaning up either never deletes what the other reads. @throws not-found, already-exists,
   * invalid-argument
   */
  cloneTable(
    from: string | TableIdentifier,
    to: string | TableIdentifier,
    options?: CloneTableOptions,
  ): Promise<Table>
  /**
   * Removes the table from the catalog; its files stay. Tables that it was cloned from need not keep its files any
   * more. @throws not-found
   */
  dropTable(name: string | TableIdentifier): Promise<void>
  /**
   * Removes the table from the catalog, then deletes the files that its snapshots reach. A table whose metadata cannot be
   * read is removed alone. @throws not-found; conflict when another table shares its folder or a clone reads its files;
   * invalid-argument when it forbids deleting files (`gc.enabled`)
   */
  purgeTable(name: string | TableIdentifier, options?: PurgeTableOptions): Promise<PurgeReport>
  /**
   * Names a table that is there by its metadata file, and makes its namespace when that is missing. With `overwrite` a
   * table of the name gives way; its files stay. @throws already-exists, not-found, corrupt; unsupported
   */
  registerTable(
    name: string | TableIdentifier,
    metadataLocation: string,
    options?: RegisterOptions,
  ): Promise<Table>
  renameTable(from: string | TableIdentifier, to: string | TableIdentifier): Promise<void>
  listTables(namespace: string | Namespace): Promise<readonly TableIdentifier[]>
  createNamespace(namespace: string | Namespace, properties?: Readonly<Record<string, string>>): Promise<void>
  dropNamespace(namespace: string | Namespace): Promise<void>
  listNamespaces(parent?: string | Namespace): Promise<readonly Namespace[]>
  namespaceProperties(namespace: string | Namespace): Promise<Readonly<Record<string, string>>>
  /** Loads every table and looks for the manifests of its current snapshot. @throws denied, unavailable */
  check(options?: CheckOptions): Promise<readonly CheckedTable[]>
  /**
   * Finds the tables in the warehouse's files and registers those that the catalog does not have, or has with metadata that
   * cannot be read; what it finds no safe answer for it reports. @throws invalid-argument when nothing says where to look;
   * denied, unavailable
   */
  rebuildCatalog(options?: RebuildCatalogOptions): Promise<readonly RebuiltTable[]>
  /**
   * Runs the work, and commits what it did to these tables all together: all or nothing. `tx.table(name)` gives the handles to
   * use inside; their reads see what the transaction did. The work runs once; after a conflict its operations decide anew.
   *
   *     await lake.transaction(['shop.orders', 'shop.stock'], async tx => {
   *       await tx.table('shop.orders').append(orders)
   *       await tx.table('shop.stock').update({ set: 'n = n - 1', where: 'id = 7' })
   *     })
   *
   * @throws conflict when what the work read is not true any more, or other commits won every attempt; unsupported for
   * several tables on a catalog that cannot commit them together; and what the work throws: nothing has happened then
   */
  transaction<T>(
    names: readonly (string | TableIdentifier)[],
    work: (tx: Transaction) => Promise<T>,
    options?: TransactionOptions,
  ): Promise<TransactionReport<T>>
  close(): Promise<void>
}

/** A lake over a catalog and a store that the caller opened. */
export function openLake(context: LakeContext): Lake {
  const { catalog } = context
  const table = (name: string | TableIdentifier): Table => openTable(context, identifierOf(name))
  const close = async (): Promise<void> => {
    if (context.groupCommit !== undefined) {
      const { drainGroups } = await import('./group-commit.js')
      await drainGroups(context.groupCommit)
    }
    await catalog.close()
  }
  return {
    context,
    table,
    async createTable(name, schema, options = {}) {
      const identifier = identifierOf(name)
      await createTableIn(context, identifier, { schema, options })
      return table(identifier)
    },
    staticTable: (location, options) => openStatic(context.io, location, options),
    tableExists: name => catalog.tableExists(identifierOf(name)),
    async cloneTable(from, to, options = {}) {
      const { cloneIn } = await import('./clones.js')
      await cloneIn(context, { from: identifierOf(from), to: identifierOf(to) }, options)
      return table(to)
    },
    async dropTable(name) {
      const { dropIn } = await import('./clones.js')
      await dropIn(context, identifierOf(name))
    },
    async purgeTable(name, options = {}) {
      const { purgeIn } = await import('./clones.js')
      return purgeIn(context, identifierOf(name), options)
    },
    async registerTable(name, metadataLocation, options = {}) {
      const { registerIn } = await import('./alter.js')
      await registerIn(context, identifierOf(name), { metadataLocation, options })
      return table(name)
    },
    renameTable: (from, to) => catalog.renameTable(identifierOf(from), identifierOf(to)),
    listTables: namespace => catalog.listTables(namespaceOf(namespace)),
    createNamespace: (namespace, properties) => catalog.createNamespace(namespaceOf(namespace), properties),
    dropNamespace: namespace => catalog.dropNamespace(namespaceOf(namespace)),
    listNamespaces: parent => catalog.listNamespaces(parent === undefined ? undefined : namespaceOf(parent)),
    namespaceProperties: namespace => catalog.loadNamespace(namespaceOf(namespace)),
    async check(options = {}) {
      const { checkIn } = await import('./doctor.js')
      return checkIn(context, options)
    },
    async rebuildCatalog(options = {}) {
      const { rebuildIn } = await import('./doctor.js')
      return rebuildIn(context, options)
    },
    async transaction(names, work, options = {}) {
      const { transact } = await import('./transaction.js')
      return transact(context, names, { work, options, open: openInTransaction })
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

function identifierOf(name: string | TableIdentifier): TableIdentifier {
  return typeof name === 'string' ? parseIdentifier(name) : name
}

function namespaceOf(namespace: string | Namespace): Namespace {
  return typeof namespace === 'string' ? parseNamespace(namespace) : namespace
}

async function createTableIn(
  context: LakeContext,
  identifier: TableIdentifier,
  given: { readonly schema: SchemaInput; readonly options: CreateTableOptions },
): Promise<void> {
  const { options } = given
  const schema = await schemaOf(given.schema, options.keys)
  const { parsePartitionBy, parseSortBy } = await import('../sql/ddl.js')
  const made = {
    identifier,
    schema,
    partitionFields: listed(options.partitionBy, text => parsePartitionBy(text, schema)),
    sortFields: listed(options.sortBy, text => parseSortBy(text, schema)),
    location: options.location,
    properties: options.properties,
    formatVersion: options.formatVersion,
    uuid: context.runtime.uuid(),
  }
  const { signal } = options
  if (options.orReplace === true) {
    const { createOrReplace } = await import('./alter.js')
    await createOrReplace(context, made, { signal })
    return
  }
  const { createTable } = await import('../commit/create-table.js')
  await createTable(context.catalog, made, { signal })
}

function listed<T>(
  terms: readonly string[] | undefined,
  parse: (text: string) => readonly T[],
): readonly T[] {
  return terms === undefined || terms.length === 0 ? [] : parse(terms.join(', '))
}

async function schemaOf(input: SchemaInput, keys: readonly string[] | undefined): Promise<Schema> {
  const base = await fieldsOf(input)
  if (keys === undefined || keys.length === 0) return { schemaId: 0, ...base }
  const unknown = keys.find(key => !base.fields.some(field => field.name === key))
  if (unknown !== undefined) {
    throw new LakeError('invalid-argument', 'a key column is not a column of the table', {
      context: { column: unknown },
    })
  }
  // An identifier field is required: naming a column as key says so.
  const fields = base.fields.map(field => (keys.includes(field.name) ? { ...field, required: true } : field))
  const identifierFieldIds = fields.filter(field => keys.includes(field.name)).map(field => field.id)
  return { schemaId: 0, fields, identifierFieldIds }
}

async function fieldsOf(input: SchemaInput): Promise<Pick<Schema, 'fields' | 'identifierFieldIds'>> {
  if (typeof input === 'string') {
    const { parseColumns } = await import('../sql/ddl.js')
    return { fields: parseColumns(input), identifierFieldIds: [] }
  }
  if (isSchema(input)) return input
  if (areFields(input)) return { fields: input, identifierFieldIds: [] }
  const { fieldsOfRows } = await import('./infer-fields.js')
  return { fields: fieldsOfRows(input), identifierFieldIds: [] }
}

function isSchema(
  input: Exclude<SchemaInput, string>,
): input is Pick<Schema, 'fields' | 'identifierFieldIds'> {
  return !Array.isArray(input)
}

/** A row may have columns of any name: a field has an id and a type besides. */
function areFields(input: readonly Field[] | readonly InputRow[]): input is readonly Field[] {
  return input.every(item => {
    const { id, name, type } = item
    const hasKind = typeof type === 'object' && type !== null && 'kind' in type
    return typeof id === 'number' && typeof name === 'string' && hasKind
  })
}
