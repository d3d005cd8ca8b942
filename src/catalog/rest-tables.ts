/**
 * Tables of a REST catalog. What was loaded last of each table is kept with its tag: a server that knows tags answers
 * `304` while nothing has changed, and where it does not, an answer that names the same metadata file is not parsed.
 */

import { isLakeError, LakeError } from '../base/errors.js'
import { stringifyJson } from '../base/json.js'
import { corruptField } from '../base/json-fields.js'
import { firstProperty } from '../io/aws-properties.js'
import { joinLocation } from '../io/location.js'
import { parseAnswerBody } from '../rest/body.js'
import { decodeTableAnswer, type TableAnswer } from '../rest/load-table-json.js'
import { parseNamespaceWithProperties } from '../rest/namespace-json.js'
import {
  serializeCreateTableRequest,
  serializeRegisterTableRequest,
  serializeRenameRequest,
} from '../rest/table-json.js'
import type { Schema } from '../schema/types.js'
import type { CatalogOptions, LoadedTable, LoadOptions, TableIdentifier, TableVerbs } from './catalog.js'
import { printIdentifier, printNamespace } from './identifier.js'
import { call, listIdentifiers, type RestContext } from './rest-context.js'
import type { HttpAnswer, RestAuth } from './rest-http.js'
import { restPlanner } from './rest-plan.js'
import { grantAccess, withdrawAccess } from './rest-storage.js'
import { pathSegment } from './table-location.js'

/** The latest state of tables that went through here. */
export interface RestTables {
  /** Current as of the server's answer. */
  load(identifier: TableIdentifier, options: LoadOptions): Promise<LoadedTable>
  /** The state in an answer about the table. @throws corrupt also for another table than the one of the uuid; unsupported */
  take(identifier: TableIdentifier, answer: HttpAnswer, tableUuid?: string | undefined): LoadedTable
  /** Who asks for the table. */
  authOf(identifier: TableIdentifier): RestAuth
  forget(identifier: TableIdentifier): void
}

interface Seen {
  readonly table: LoadedTable
  readonly etag: string | undefined
  /** What the server configured the table with, and whom it wants to be asked by. */
  readonly config: TableAnswer['config']
  readonly auth: RestAuth
}

const SEEN_TABLES_MAX = 64

export function createRestTables(context: RestContext): RestTables {
  /** By name, oldest first. */
  const seen = new Map<string, Seen>()
  const keyOf = ({ namespace, name }: TableIdentifier): string => stringifyJson([...namespace, name])
  const authOf = (identifier: TableIdentifier): RestAuth => seen.get(keyOf(identifier))?.auth ?? context.auth

  const decode = (identifier: TableIdentifier, answer: HttpAnswer): TableAnswer =>
    decodeTableAnswer(answer.body, {
      source: `${context.uri}${context.paths.table(identifier)}`,
      known: seen.get(keyOf(identifier))?.table,
    })

  const take: RestTables['take'] = (identifier, answer, tableUuid) => {
    const decoded = decode(identifier, answer)
    const { metadata, metadataLocation } = decoded
    if (tableUuid !== undefined && metadata.tableUuid?.toLowerCase() !== tableUuid.toLowerCase())
      throw new LakeError('corrupt', 'the answer is about another table', {
        context: { table: printIdentifier(identifier) },
      })
    if (metadataLocation === undefined) throw corruptField('metadata-location', 'string')
    const key = keyOf(identifier)
    const before = seen.get(key)
    // An answer to a commit may have no config: then what was said when the table was loaded stays.
    const isConfigured = Object.keys(decoded.config).length > 0 || decoded.storageCredentials.length > 0
    const config = isConfigured ? decoded.config : (before?.config ?? {})
    const auth =
      before !== undefined && sameTexts(before.config, config) ? before.auth : context.auth.forTable(config)
    const isSame = before?.table.metadataLocation === metadataLocation && before.auth === auth
    const planner = isSame ? undefined : restPlanner(context, { identifier, metadata, config, auth })
    const table: LoadedTable = isSame
      ? before.table
      : { identifier, metadata, metadataLocation, ...(planner === undefined ? {} : { planner }) }
    seen.delete(key)
    seen.set(key, { table, etag: answer.headers.get('etag') ?? undefined, config, auth })
    for (const oldest of seen.keys()) if (seen.size > SEEN_TABLES_MAX) seen.delete(oldest)
    if (isConfigured)
      grantAccess(context, { identifier, answer: decoded, auth }, async signal =>
        decode(identifier, await request(identifier, { signal })),
      )
    return table
  }

  const request = (
    identifier: TableIdentifier,
    options: LoadOptions,
    etag?: string | undefined,
  ): Promise<HttpAnswer> =>
    call(context, {
      endpoint: 'loadTable',
      path: context.paths.table(identifier),
      query: { snapshots: options.snapshots },
      headers: etag === undefined ? {} : { 'if-none-match': etag },
      auth: authOf(identifier),
      about: { table: printIdentifier(identifier) },
      signal: options.signal,
    })

  return {
    take,
    authOf,
    forget(identifier) {
      seen.delete(keyOf(identifier))
      withdrawAccess(context, identifier)
    },
    async load(identifier, options) {
      if (options.snapshots === 'refs' && loadsRefsOnly(context)) {
        const answer = decode(identifier, await request(identifier, options))
        const { metadata, metadataLocation } = answer
        if (metadataLocation === undefined) throw corruptField('metadata-location', 'string')
        return { identifier, metadata, metadataLocation }
      }
      const known = seen.get(keyOf(identifier))
      const answer = await request(identifier, { signal: options.signal }, known?.etag)
      if (answer.code === 304 && known !== undefined) return known.table
      return take(identifier, answer)
    },
  }
}

function loadsRefsOnly({ properties }: RestContext): boolean {
  return firstProperty(properties, 'snapshot-loading-mode')?.toLowerCase() === 'refs'
}

function sameTexts(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every(name => a[name] === b[name])
}

// ---- verbs

export function restTableVerbs(context: RestContext, tables: RestTables): TableVerbs {
  const { paths } = context
  const about = (identifier: TableIdentifier): { readonly table: string } => ({
    table: printIdentifier(identifier),
  })
  return {
    listTables: (namespace, { signal } = {}) =>
      listIdentifiers(context, namespace, { endpoint: 'listTables', signal }),
    loadTable: (identifier, options = {}) => tables.load(identifier, options),
    tableExists: (identifier, options = {}) => tableExists(context, identifier, { tables, options }),
    defaultTableLocation: (identifier, options = {}) => defaultLocation(context, identifier, options),
    async dropTable(identifier, { signal } = {}) {
      await call(context, {
        endpoint: 'dropTable',
        path: paths.table(identifier),
        query: { purgeRequested: 'false' },
        about: about(identifier),
        signal,
      })
      tables.forget(identifier)
    },
    async renameTable(from, to, { signal } = {}) {
      const json = serializeRenameRequest({ source: from, destination: to })
      const path = paths.renameTable
      await call(context, { endpoint: 'renameTable', path, json, about: about(from), signal })
      tables.forget(from)
    },
    async registerTable(identifier, metadataLocation, { overwrite = false, signal } = {}) {
      const { namespace, name } = identifier
      const json = serializeRegisterTableRequest({ name, metadataLocation, overwrite })
      const path = paths.namespace(namespace, 'register')
      const answer = await call(context, {
        endpoint: 'registerTable',
        path,
        json,
        about: about(identifier),
        signal,
      })
      return tables.take(identifier, answer)
    },
  }
}

/** By the endpoint for it, else by loading the table. */
async function tableExists(
  context: RestContext,
  identifier: TableIdentifier,
  by: { readonly tables: RestTables; readonly options: CatalogOptions },
): Promise<boolean> {
  try {
    if (context.endpoints.has('tableExists')) {
      const path = context.paths.table(identifier)
      const about = { table: printIdentifier(identifier) }
      await call(context, { endpoint: 'tableExists', path, about, signal: by.options.signal })
    } else await by.tables.load(identifier, by.options)
    return true
  } catch (error) {
    if (isLakeError(error, 'not-found')) return false
    throw error
  }
}

/** A table of the same name that is staged and never made says where it would be. */
const STAGED_SCHEMA: Schema = {
  schemaId: 0,
  fields: [{ id: 1, name: 'id', required: false, type: { kind: 'long' } }],
  identifierFieldIds: [],
}

/**
 * The server is asked where the table would go; one that stages no tables is taken to put it below the `location` of
 * the namespace, or below the warehouse.
 */
async function defaultLocation(
  context: RestContext,
  identifier: TableIdentifier,
  { signal }: CatalogOptions,
): Promise<string> {
  const about = { table: printIdentifier(identifier) }
  const { namespace, name } = identifier
  try {
    return await stagedLocation(context, identifier, signal)
  } catch (error) {
    if (isLakeError(error, 'already-exists')) {
      // As for a folder that is not empty: a name that nobody has.
      const other = `${name}-${context.runtime.uuid().slice(0, 8)}`
      return stagedLocation(context, { namespace, name: other }, signal)
    }
    if (!isLakeError(error, 'unsupported') && !isLakeError(error, 'invalid-argument')) throw error
    const folder = await namespaceFolder(context, identifier, signal)
    if (folder !== undefined) return joinLocation(folder, pathSegment(name))
    const message = 'the catalog server does not say where a new table goes: name its location'
    throw new LakeError('unsupported', message, { cause: error, context: about })
  }
}

async function stagedLocation(
  context: RestContext,
  identifier: TableIdentifier,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { namespace, name } = identifier
  const answer = await call(context, {
    endpoint: 'createTable',
    path: context.paths.namespace(namespace, 'tables'),
    json: serializeCreateTableRequest({ name, schema: STAGED_SCHEMA, stageCreate: true, properties: {} }),
    about: { table: printIdentifier(identifier) },
    signal,
  })
  return decodeTableAnswer(answer.body, { source: context.uri }).metadata.location
}

async function namespaceFolder(
  context: RestContext,
  { namespace }: TableIdentifier,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const answer = await call(context, {
    endpoint: 'loadNamespace',
    path: context.paths.namespace(namespace),
    about: { namespace: printNamespace(namespace) },
    signal,
  })
  const { properties } = parseAnswerBody(answer.body, parseNamespaceWithProperties)
  const location = firstProperty(properties, 'location')
  if (location !== undefined) return location
  const warehouse = firstProperty(context.properties, 'warehouse')
  // A warehouse is often a name or a number of an account.
  const isLocation = warehouse !== undefined && /^(?:\/|[a-z][a-z0-9+.-]*:\/)/i.test(warehouse)
  return isLocation ? joinLocation(warehouse, ...namespace.map(pathSegment)) : undefined
}
