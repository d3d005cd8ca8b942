/** Tables: made, staged, registered, loaded, renamed, dropped; what clients measured. */
import { LakeError } from '../base/errors.js'
import type { LoadedTable, TableCommit, TableIdentifier } from '../catalog/catalog.js'
import { printIdentifier } from '../catalog/identifier.js'
import type { FileIO } from '../io/file-io.js'
import { openLake } from '../lake/lake.js'
import { applyUpdates } from '../metadata/apply-update.js'
import { newTableUpdates } from '../metadata/new-table.js'
import type { TableUpdate } from '../metadata/table-update.js'
import { ENDPOINTS } from '../rest/endpoints.js'
import { encodeTableAnswer, serializeStorageCredentials } from '../rest/load-table-json.js'
import { type Metrics, parseMetricsReport } from '../rest/metrics-json.js'
import {
  type CreateTableRequest,
  parseCreateTableRequest,
  parseRegisterTableRequest,
} from '../rest/table-json.js'
import { audited } from './audit.js'
import { afterLanding, commitChanges } from './commits.js'
import { confinedIO } from './confined-io.js'
import { vendedAccess, vendedCredentials } from './credentials.js'
import { type Grant, grantOn, requireNewTable, requireTable } from './grants.js'
import { checkNewUpdates, ioFor, managesEverything, requireAnyLocation } from './location-policy.js'
import { checkFree, naming, renaming } from './naming.js'
import {
  bodyOf,
  bytesAnswer,
  flagOf,
  identifierOf,
  identifiersAnswer,
  jsonAnswer,
  NO_CONTENT,
  namespaceOf,
  type RestAnswer,
  type RestRequest,
  type RestRoute,
} from './rest-route.js'
import { seenNamespace, seenTable } from './seen.js'
import type { ServerContext } from './server-context.js'
import { answerMembers, madeAnswer, snapshotMode, tableAnswer } from './table-answer.js'

export const TABLE_ROUTES: readonly RestRoute[] = [
  { endpoint: ENDPOINTS.listTables, handle: listTables },
  { endpoint: ENDPOINTS.createTable, keyed: true, isCommit: true, handle: createTable },
  { endpoint: ENDPOINTS.registerTable, keyed: true, handle: registerTable },
  { endpoint: ENDPOINTS.loadTable, handle: loadTable },
  { endpoint: ENDPOINTS.tableExists, handle: tableExists },
  { endpoint: ENDPOINTS.dropTable, keyed: true, handle: dropTable },
  { endpoint: ENDPOINTS.unregisterTable, keyed: true, handle: unregisterTable },
  { endpoint: ENDPOINTS.renameTable, keyed: true, handle: renameTable },
  { endpoint: ENDPOINTS.loadCredentials, handle: loadCredentials },
  { endpoint: ENDPOINTS.reportMetrics, handle: reportMetrics },
]

async function listTables({ catalog }: ServerContext, request: RestRequest): Promise<RestAnswer> {
  const { principal, signal } = request
  const all = await catalog.listTables(seenNamespace(request), { signal })
  const seen = all.filter(identifier => grantOn(principal, identifier) !== undefined)
  return identifiersAnswer(request, seen)
}

// ---- making

async function createTable(context: ServerContext, request: RestRequest): Promise<RestAnswer> {
  const asked = bodyOf(request, parseCreateTableRequest)
  const identifier = newIdentifier(request, asked.name)
  const updates = await creation(context, request, { identifier, asked })
  await checkNewUpdates(context, request, { identifier, updates })
  if (asked.stageCreate) return stagedAnswer(context, request, { identifier, updates })
  const change: TableCommit = { identifier, requirements: [{ type: 'assert-create' }], updates }
  const [table] = await naming(context, { kind: 'table', identifier }, () =>
    commitChanges(context, request, [change]),
  )
  return afterLanding(identifier, () => madeAnswer(context, request, grantedNew(request, identifier, table)))
}

function newIdentifier(request: RestRequest, name: string): TableIdentifier {
  const identifier = { namespace: namespaceOf(request), name }
  if (name === '') throw new LakeError('invalid-argument', 'a table has a name')
  requireNewTable(request.principal, identifier)
  return identifier
}

/** As Java's library makes tables: what else a table says of itself is up to its maker. */
const DEFAULT_PROPERTIES = { 'write.parquet.compression-codec': 'zstd' }

async function creation(
  { catalog, runtime }: ServerContext,
  { signal }: RestRequest,
  table: { readonly identifier: TableIdentifier; readonly asked: CreateTableRequest },
): Promise<readonly TableUpdate[]> {
  const { identifier, asked } = table
  const { schema, partitionSpec, writeOrder, properties } = asked
  await catalog.loadNamespace(identifier.namespace, { signal })
  const location = asked.location ?? (await catalog.defaultTableLocation(identifier, { signal }))
  return newTableUpdates({
    schema,
    partitionFields: partitionSpec?.fields,
    sortFields: writeOrder?.fields,
    location,
    properties,
    defaultProperties: DEFAULT_PROPERTIES,
    firstVersion: true,
    uuid: runtime.uuid(),
  })
}

/** What the table would be; a commit that requires that there is none makes it. */
async function stagedAnswer(
  context: ServerContext,
  request: RestRequest,
  staged: { readonly identifier: TableIdentifier; readonly updates: readonly TableUpdate[] },
): Promise<RestAnswer> {
  const { identifier, updates } = staged
  await checkFree(context, { kind: 'table', identifier })
  const metadata = applyUpdates(undefined, updates, { nowMs: context.runtime.nowMs() })
  const grant = requireTable(request.principal, identifier, 'manage')
  const access = await vendedAccess(context, request, { table: { identifier, metadata }, grant })
  return bytesAnswer(encodeTableAnswer({ metadata, ...answerMembers(access) }))
}

/** A table of the principal's own making is seen as a whole. */
function grantedNew(
  { principal }: RestRequest,
  identifier: TableIdentifier,
  table: LoadedTable | undefined,
): { readonly table: LoadedTable; readonly grant: Grant } {
  if (table === undefined)
    throw new LakeError('corrupt', 'the catalog told no state after a commit', {
      context: { name: printIdentifier(identifier) },
    })
  return { table, grant: requireTable(principal, identifier, 'manage') }
}

async function registerTable(context: ServerContext, request: RestRequest): Promise<RestAnswer> {
  const { catalog } = context
  const { name, metadataLocation, overwrite } = bodyOf(request, parseRegisterTableRequest)
  const identifier = newIdentifier(request, name)
  requireAnyLocation(request, identifier)
  const change = { action: 'register-table', table: printIdentifier(identifier), metadataLocation, overwrite }
  const table = await audited(context, request, change, () =>
    naming(context, { kind: 'table', identifier }, () =>
      catalog.registerTable(identifier, metadataLocation, { overwrite, signal: request.signal }),
    ),
  )
  return afterLanding(identifier, () => madeAnswer(context, request, grantedNew(request, identifier, table)))
}

/** The last state of the table, which the catalog does not know any more. */
async function unregisterTable(context: ServerContext, request: RestRequest): Promise<RestAnswer> {
  const { catalog } = context
  const identifier = identifierOf(request, 'table')
  requireTable(request.principal, identifier, 'manage')
  const change = { action: 'unregister-table', table: printIdentifier(identifier) }
  const { metadata, metadataLocation } = await audited(context, request, change, async () => {
    if (catalog.unregisterTable === undefined)
      throw new LakeError('unsupported', 'the catalog cannot unregister tables')
    return catalog.unregisterTable(identifier, { signal: request.signal })
  })
  return bytesAnswer(encodeTableAnswer({ metadata, metadataLocation }))
}

// ---- looking

/** The state of a table, or 304 to a client that has it. */
async function loadTable(context: ServerContext, request: RestRequest): Promise<RestAnswer> {
  const mode = snapshotMode(request)
  const granted = await grantedTable(context, request)
  await checkMetadataFile(context, granted.table)
  return tableAnswer(context, request, { ...granted, mode })
}

/**
 * A catalog that has seen the metadata does not read its file again. Where looking costs no request, a file that is gone is
 * found out here, and not by whoever goes on from it. @throws not-found
 */
async function checkMetadataFile({ io }: ServerContext, { metadataLocation }: LoadedTable): Promise<void> {
  if (/^(file:|\/)/.test(metadataLocation)) await io.stat(metadataLocation)
}

async function grantedTable(
  { catalog }: ServerContext,
  request: RestRequest,
): Promise<{ readonly table: LoadedTable; readonly grant: Grant }> {
  const { identifier, grant } = seenTable(request)
  return { table: await catalog.loadTable(identifier, { signal: request.signal }), grant }
}

async function tableExists({ catalog }: ServerContext, request: RestRequest): Promise<RestAnswer> {
  const { identifier } = seenTable(request)
  if (await catalog.tableExists(identifier, { signal: request.signal })) return NO_CONTENT
  throw new LakeError('not-found', 'the table does not exist', {
    context: { table: printIdentifier(identifier) },
  })
}

async function loadCredentials(context: ServerContext, request: RestRequest): Promise<RestAnswer> {
  const granted = await grantedTable(context, request)
  return jsonAnswer(serializeStorageCredentials(await vendedCredentials(context, request, granted)))
}

async function reportMetrics(context: ServerContext, request: RestRequest): Promise<RestAnswer> {
  const { identifier } = seenTable(request)
  const report = bodyOf(request, parseMetricsReport)
  context.metrics.report(report.reportType)
  context.log.write('metrics-report', {
    principal: request.principal.name,
    table: printIdentifier(identifier),
    type: report.reportType,
    ...(report.reportType === 'other'
      ? {}
      : { snapshotId: report.snapshotId, metrics: metricTexts(report.metrics) }),
  })
  return NO_CONTENT
}

/** Of one report. */
const METRICS_LOGGED_MAX = 64

/** `result-data-files=3`: of a timer its whole time. Names come from clients. */
function metricTexts(metrics: Metrics): readonly string[] {
  const named = Object.entries(metrics).filter(([name]) => /^[a-z][a-z0-9-]{0,63}$/.test(name))
  return named
    .slice(0, METRICS_LOGGED_MAX)
    .map(([name, metric]) => `${name}=${metric.kind === 'counter' ? metric.value : metric.totalDuration}`)
}

// ---- changing names

async function dropTable(context: ServerContext, request: RestRequest): Promise<RestAnswer> {
  const { lake } = context
  const identifier = identifierOf(request, 'table')
  requireTable(request.principal, identifier, 'manage')
  const purge = flagOf(request, 'purgeRequested')
  const change = { action: 'drop-table', table: printIdentifier(identifier), purge }
  await audited(context, request, change, async () => {
    if (purge) await purgeTable(context, request, identifier)
    else await lake.dropTable(identifier)
  })
  return NO_CONTENT
}

async function purgeTable(
  context: ServerContext,
  request: RestRequest,
  identifier: TableIdentifier,
): Promise<void> {
  const { lake } = context
  const io = await purgeIO(context, request, identifier)
  await openLake({ ...lake.context, io }).purgeTable(identifier, { signal: request.signal })
}

/** Of a table that cannot be read no file is deleted, and none is opened. */
async function purgeIO(
  context: ServerContext,
  request: RestRequest,
  identifier: TableIdentifier,
): Promise<FileIO> {
  if (managesEverything(request.principal)) return context.io
  try {
    const { metadata } = await context.catalog.loadTable(identifier, { signal: request.signal })
    return ioFor(context, request, metadata)
  } catch {
    return confinedIO(context.io, () => false)
  }
}

async function renameTable(context: ServerContext, request: RestRequest): Promise<RestAnswer> {
  const { principal, signal } = request
  await renaming(context, request, {
    kind: 'table',
    requireSource: source => requireTable(principal, source, 'manage'),
    rename: (source, destination) => context.catalog.renameTable(source, destination, { signal }),
  })
  return NO_CONTENT
}
