/**
 * How files of a table are reached, as a REST catalog says it with the table: credentials per prefix, or properties for
 * all of it; they go into the lake's `StorageAccess` and are fetched again before they end.
 *
 *   storage-credentials   each for its prefix, over `config`
 *   config alone          for the table's folder, and those of its data and metadata files elsewhere
 *   remote signing        the store sends each request to the catalog first, which signs it
 *
 * Properties that say nothing about storage (a token for requests about the table) are no grant.
 */
import { booleanProperty, firstProperty, type Properties } from '../io/aws-properties.js'
import type { GrantRefresh, StorageGrant } from '../io/storage-access.js'
import { tableFolders } from '../metadata/properties.js'
import { parseAnswerBody } from '../rest/body.js'
import { parseStorageCredentials, type StorageCredential, type TableAnswer } from '../rest/load-table-json.js'
import type { TableIdentifier } from './catalog.js'
import { printIdentifier } from './identifier.js'
import { call, isLocalProperty, type RestContext } from './rest-context.js'
import type { RestAuth } from './rest-http.js'

export interface GrantedTable {
  readonly identifier: TableIdentifier
  readonly answer: TableAnswer
  /** Who asks for this table. */
  readonly auth: RestAuth
}

/** Properties of stores. */
const STORAGE = /^(?:s3|client|signer|gcs|adls|oss|fs)\./

function storageProperties(properties: Properties): Properties {
  return Object.fromEntries(
    Object.entries(properties).filter(([name]) => STORAGE.test(name) && !isLocalProperty(name)),
  )
}

/** What the server configures stores with, for every table; the lake's own properties are `own`. */
export function grantConfigured(context: RestContext, own: Properties): void {
  const config = configured(context)
  const isNew = Object.entries(config).some(([name, value]) => own[name] !== value)
  context.access.put(`${context.uri} ${context.name}`, isNew ? [{ prefix: '', config }] : [])
}

function configured(context: RestContext): Properties {
  return storageProperties(context.properties)
}

/** Replaces what was granted for the table. `reload` gives its answer anew where the server has no other way. */
export function grantAccess(
  context: RestContext,
  table: GrantedTable,
  reload: (signal?: AbortSignal) => Promise<TableAnswer>,
): void {
  const grants = grantsOf(context, table, table.answer)
  const refresh: GrantRefresh = async signal =>
    grantsOf(context, table, await fetchAgain(context, table, { reload, signal }))
  context.access.put(ownerOf(context, table.identifier), grants, refresh)
}

/** What the answer to a plan gives for its files, over what the table has. */
export function grantPlanned(
  context: RestContext,
  table: Pick<GrantedTable, 'identifier' | 'auth'> & Pick<TableAnswer, 'metadata' | 'config'>,
  plan: {
    readonly planId: string | undefined
    readonly credentials: readonly StorageCredential[]
  },
): void {
  const { identifier, auth, metadata, config } = table
  if (plan.credentials.length === 0) return
  const answer = { metadata, config, storageCredentials: plan.credentials }
  const granted = { identifier, answer, auth }
  const refresh: GrantRefresh = async signal => {
    const reload = async (): Promise<TableAnswer> => answer
    return grantsOf(
      context,
      granted,
      await fetchAgain(context, granted, { reload, signal, planId: plan.planId }),
    )
  }
  context.access.put(`${ownerOf(context, identifier)} plan`, grantsOf(context, granted, answer), refresh)
}

/** The table is gone from here, or has another name. */
export function withdrawAccess(context: RestContext, identifier: TableIdentifier): void {
  const owner = ownerOf(context, identifier)
  context.access.put(owner, [])
  context.access.put(`${owner} plan`, [])
}

function ownerOf(context: RestContext, identifier: TableIdentifier): string {
  return `${context.uri} ${context.name} ${printIdentifier(identifier)}`
}

function grantsOf(
  context: RestContext,
  { identifier, auth }: GrantedTable,
  answer: Pick<TableAnswer, 'metadata' | 'config' | 'storageCredentials' | 'remoteSigning'>,
): readonly StorageGrant[] {
  const own = storageProperties(answer.config)
  const credentials: readonly StorageCredential[] =
    answer.storageCredentials.length > 0
      ? answer.storageCredentials
      : tableFolders(answer.metadata).map(prefix => ({ prefix, config: {} }))
  if (answer.storageCredentials.length === 0 && Object.keys(own).length === 0) return []
  const shared: Properties = { ...configured(context), ...own }
  return credentials.map(({ prefix, config }) => {
    const all: Properties = { ...shared, ...storageProperties(config) }
    const expires = Number(firstProperty(all, 's3.session-token-expires-at-ms'))
    const signs = booleanProperty(all, 's3.remote-signing-enabled', false)
    return {
      prefix,
      config: signs ? { ...all, 's3.signer.endpoint': signerOf(context, identifier, all) } : all,
      ...(Number.isSafeInteger(expires) && expires > 0 ? { expiresMs: expires } : {}),
      ...(signs ? { signerHeaders: signerHeaders(context, { auth, answer }) } : {}),
    }
  })
}

function signerOf(context: RestContext, identifier: TableIdentifier, config: Properties): string {
  const path = firstProperty(config, 'signer.endpoint', 's3.signer.endpoint')
  const base = firstProperty(config, 'signer.uri', 's3.signer.uri') ?? context.uri
  const usual = context.paths.table(identifier, 'sign')
  return resolve(base, path ?? usual)
}

function signerHeaders(
  context: RestContext,
  on: { readonly auth: RestAuth; readonly answer: Pick<TableAnswer, 'remoteSigning'> },
): (signal?: AbortSignal) => Promise<Readonly<Record<string, string>>> {
  const fixed = Object.entries(on.answer.remoteSigning?.headers ?? {}).map(([name, values]) => [
    name.toLowerCase(),
    values.join(', '),
  ])
  const headers: Readonly<Record<string, string>> = Object.fromEntries(fixed)
  return signal => on.auth.authenticate({ method: 'POST', url: context.uri, headers }, signal)
}

function resolve(base: string, path: string): string {
  return /^https?:/i.test(path) ? path : `${base.replace(/\/+$/, '')}/${path.replace(/^\/+/, '')}`
}

/** From the endpoint of credentials where the server has one, else with the table. */
async function fetchAgain(
  context: RestContext,
  { identifier, answer, auth }: GrantedTable,
  from: {
    readonly reload: (signal?: AbortSignal) => Promise<TableAnswer>
    readonly signal: AbortSignal | undefined
    readonly planId?: string | undefined
  },
): Promise<TableAnswer> {
  const named = firstProperty(answer.config, 'client.refresh-credentials-endpoint')
  const isThere = named !== undefined || context.endpoints.has('loadCredentials')
  if (!isThere || answer.storageCredentials.length === 0) return from.reload(from.signal)
  const url = named === undefined ? undefined : new URL(resolve(context.uri, named))
  const reply = await call(context, {
    endpoint: 'loadCredentials',
    path: context.paths.table(identifier, 'credentials'),
    ...(url === undefined ? {} : { url: url.href }),
    query: { planId: from.planId },
    auth,
    about: { table: printIdentifier(identifier) },
    signal: from.signal,
  })
  return { ...answer, storageCredentials: parseAnswerBody(reply.body, parseStorageCredentials) }
}
