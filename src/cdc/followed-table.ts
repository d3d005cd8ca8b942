/**
 * A table that follows a source table: which one it is, by which key, where its stream stands, and the changes
 * that wait for the next commit. A table that does not exist yet is made from what the feed shows, when its first
 * changes are committed: a feed that fails before leaves nothing behind.
 */
import { isLakeError, LakeError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import type { Catalog, LoadedTable, Namespace, TableIdentifier } from '../catalog/catalog.js'
import { printIdentifier } from '../catalog/identifier.js'
import { createTable } from '../commit/create-table.js'
import { readStreamPosition, type StreamPosition } from '../commit/stream-position.js'
import { currentSchema } from '../metadata/lookup.js'
import { sameSchema } from '../schema/schema.js'
import type { Schema } from '../schema/types.js'
import type { BlockSlice, TableColumns } from './change-columns.js'
import type { SourceColumn, SourceTable } from './change-event.js'
import { createColumnMapper } from './column-mapping.js'
import { type FeedPosition, parsePosition } from './feed-position.js'
import type { TableReport } from './feed-report.js'
import {
  type DeclaredTable,
  declarationOf,
  schemaFromFeed,
  sourceColumnsOf,
  tableNameOf,
} from './source-tables.js'
import { NO_RULES, type RulesOf, type TableRules } from './table-rules.js'

export interface FollowedTable {
  readonly source: SourceTable
  readonly identifier: TableIdentifier
  readonly rules: TableRules
  readonly report: TableReport
  /** Undefined until the table is made. */
  state: LoadedTable | undefined
  /** How the columns of the source become those of the table. */
  columns: TableColumns
  /** The stream's position as the table holds it (`any` until a reset is committed), and what this run has taken in beyond it. */
  stored: StreamPosition | undefined | 'any'
  reached: FeedPosition | undefined
  /** What waits for the next commit, in feed order. */
  pending: PendingSlice[]
}

/** Changes that were taken in, and the positions of their transactions. */
export interface PendingSlice extends BlockSlice {
  readonly positionOf: (transaction: number) => FeedPosition
}

/** What a feed shows of a source table. */
export interface ShownTable {
  readonly table: SourceTable
  readonly keyColumns: readonly string[]
  /** Columns of a row that is there; undefined where only deletes, truncates or faults are shown. */
  readonly columns: readonly SourceColumn[] | undefined
}

/** One table follows one source table, or a namespace follows all. */
export type FeedTarget = { readonly table: TableIdentifier } | { readonly namespace: Namespace }

export interface FollowOptions {
  readonly catalog: Catalog
  readonly runtime: Runtime
  readonly target: FeedTarget
  readonly stream: string
  readonly rulesOf?: RulesOf | undefined
  readonly keys?: readonly string[] | undefined
  readonly types?: ReadonlyMap<string, DeclaredTable> | undefined
  readonly formatVersion?: 2 | 3 | undefined
  /** Default main. */
  readonly branch?: string | undefined
  /** Where every table is taken to stand, whatever position it holds. */
  readonly resetPosition?: FeedPosition | undefined
  /** Told `table.column` of each cell that Iceberg cannot hold; may throw. */
  readonly onUnrepresentable: (column: string) => void
  readonly signal?: AbortSignal | undefined
}

/**
 * The table that a change goes to. `absent`: there is none, and the change shows nothing to make one of, so there
 * is nothing to change either. `keyless`: nothing says what identifies a row.
 * @throws invalid-argument for key columns that the table lacks
 */
export async function followTable(
  shown: ShownTable,
  options: FollowOptions,
): Promise<FollowedTable | 'absent' | 'keyless'> {
  const identifier = identifierFor(shown.table, options.target)
  const state = await loadIfThere(identifier, options)
  if (state === undefined && shown.columns === undefined) return 'absent'
  const schema = state === undefined ? newSchema(shown, options) : currentSchema(state.metadata)
  if (schema === undefined) return 'keyless'
  const keyIndexes = keyIndexesOf(schema, keysFor(shown, schema, options), identifier)
  if (keyIndexes.length === 0) return 'keyless'
  const { resetPosition } = options
  const held = state === undefined || resetPosition ? undefined : positionIn(state, options)
  return {
    source: shown.table,
    identifier,
    rules: options.rulesOf?.(shown.table) ?? NO_RULES,
    report: { inserts: 0, updates: 0, deletes: 0, truncates: 0, alreadyApplied: 0 },
    state,
    columns: columnsOf({ schema, keyIndexes, identifier }, options),
    stored: resetPosition === undefined ? held : 'any',
    reached: resetPosition ?? feedPositionOf(held),
    pending: [],
  }
}

/**
 * The table's state, made now if there is none.
 * @throws conflict when somebody else made the table meanwhile, with other columns
 */
export async function ensureTable(table: FollowedTable, options: FollowOptions): Promise<LoadedTable> {
  table.state ??= await makeTable(table, options)
  return table.state
}

/** What a commit leaves: the new state and position, and the schema as it is now. */
export function moveOn(table: FollowedTable, state: LoadedTable, options: FollowOptions): void {
  const { identifier, columns } = table
  table.state = state
  table.stored = positionIn(state, options)
  const schema = currentSchema(state.metadata)
  if (schema === columns.schema) return
  // Somebody else may have changed columns: names and places are resolved anew.
  const keys = columns.keyIndexes.map(index => columns.schema.fields[index]?.name ?? '')
  const keyIndexes = keyIndexesOf(schema, keys, identifier)
  table.columns = columnsOf({ schema, keyIndexes, identifier }, options)
}

function positionIn(state: LoadedTable, { stream, branch }: FollowOptions): StreamPosition | undefined {
  return readStreamPosition(state.metadata, stream, branch)
}

function columnsOf(
  about: {
    readonly schema: Schema
    readonly keyIndexes: readonly number[]
    readonly identifier: TableIdentifier
  },
  options: FollowOptions,
): TableColumns {
  const { schema, keyIndexes, identifier } = about
  const table = printIdentifier(identifier)
  return {
    schema,
    keyIndexes,
    mapper: createColumnMapper({ schema, table }),
    table,
    onUnrepresentable: column => options.onUnrepresentable(`${identifier.name}.${column}`),
  }
}

function identifierFor(source: SourceTable, target: FeedTarget): TableIdentifier {
  return 'table' in target ? target.table : { namespace: target.namespace, name: tableNameOf(source) }
}

/** The columns of the table that a source table's changes go to; undefined when there is none. */
export async function columnsThere(
  source: SourceTable,
  options: Pick<FollowOptions, 'catalog' | 'target' | 'signal'>,
): Promise<readonly SourceColumn[] | undefined> {
  const state = await loadIfThere(identifierFor(source, options.target), options)
  return state === undefined ? undefined : currentSchema(state.metadata).fields
}

/** Where the table that a source table's changes go to stands; undefined when there is none, or nothing was applied. */
export async function positionThere(
  source: SourceTable,
  options: Pick<FollowOptions, 'catalog' | 'target' | 'signal' | 'stream' | 'branch'>,
): Promise<FeedPosition | undefined> {
  const { catalog, target, signal, stream, branch } = options
  const state = await loadIfThere(identifierFor(source, target), { catalog, signal })
  return state && feedPositionOf(readStreamPosition(state.metadata, stream, branch))
}

async function loadIfThere(
  identifier: TableIdentifier,
  { catalog, signal }: Pick<FollowOptions, 'catalog' | 'signal'>,
): Promise<LoadedTable | undefined> {
  try {
    return await catalog.loadTable(identifier, { signal })
  } catch (error) {
    if (isLakeError(error, 'not-found') && !(await catalog.tableExists(identifier))) return undefined
    throw error
  }
}

/** The schema of a table made from the feed, or from `--types`. Undefined when that shows no key. */
function newSchema(shown: ShownTable, options: FollowOptions): Schema | undefined {
  const declared = declarationOf(options.types, shown.table)
  const columns =
    declared === undefined ? (shown.columns ?? []) : sourceColumnsOf(declared.columns, shown.table)
  const unkeyed = schemaFromFeed(columns, [])
  const keys = keysFor(shown, unkeyed, options)
  return keys.length === 0 ? undefined : schemaFromFeed(columns, keys)
}

/**
 * Names of the key columns. For one table what the user says wins; in a namespace, where one list cannot be right
 * for all tables, it stands in where nothing else tells. Without any, the table's identifier fields.
 */
function keysFor(shown: ShownTable, schema: Schema, options: FollowOptions): readonly string[] {
  const { keys = [] } = options
  const named = shown.keyColumns
  const declared = declarationOf(options.types, shown.table)?.keyColumns ?? []
  const has = (name: string): boolean => schema.fields.some(field => field.name === name)
  const lists =
    'table' in options.target ? [keys, named, declared] : [named, declared, keys.every(has) ? keys : []]
  return lists.find(list => list.length > 0) ?? []
}

/** Without names the identifier fields. @throws invalid-argument */
function keyIndexesOf(
  schema: Schema,
  keys: readonly string[],
  identifier: TableIdentifier,
): readonly number[] {
  if (keys.length === 0) {
    return schema.identifierFieldIds.map(id => schema.fields.findIndex(field => field.id === id))
  }
  return keys.map(key => {
    const index = schema.fields.findIndex(field => field.name === key)
    if (index >= 0) return index
    throw new LakeError('invalid-argument', 'a key column is not a column of the table', {
      context: { table: printIdentifier(identifier), column: key },
    })
  })
}

async function makeTable(table: FollowedTable, options: FollowOptions): Promise<LoadedTable> {
  const { catalog, runtime, formatVersion, signal } = options
  const { identifier, columns } = table
  const { schema } = columns
  try {
    const plan = { identifier, schema, uuid: runtime.uuid(), formatVersion }
    return await createTable(catalog, plan, { signal })
  } catch (error) {
    if (!isLakeError(error, 'already-exists')) throw error
    const made = await catalog.loadTable(identifier, { signal })
    if (sameSchema(currentSchema(made.metadata), schema)) return made
    throw new LakeError('conflict', 'somebody else has made the table meanwhile, with other columns', {
      cause: error,
      context: { table: printIdentifier(identifier) },
    })
  }
}

function feedPositionOf(stored: StreamPosition | undefined): FeedPosition | undefined {
  return stored === undefined ? undefined : parsePosition(String(stored.position))
}
