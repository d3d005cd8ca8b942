/**
 * Rows of a table, filtered here: the way for principals whose columns or rows are restricted, and for clients that read no
 * Parquet. Not part of the protocol, so it stands beside it.
 *
 *   POST /serac/v1/namespaces/{namespace}/tables/{table}/rows
 *   { "select": ["id"], "where": "total > 10", "as-of": "2026-11-17T00:00:00Z", "limit": 100 }   every member is optional
 *   -> a JSON object per line, in the forms of `serac scan --format jsonl`
 *
 * The filter of the grant and the one of the request become one filter. The request's own is understood by the visible
 * columns alone, so a hidden one is as unknown as one that is not there.
 */
import { utf8Encode } from '../base/bytes.js'
import { isLakeError, LakeError } from '../base/errors.js'
import { isJsonObject, type JsonObject, stringifyJson } from '../base/json.js'
import { optionalInt, optionalText, textsOf } from '../base/json-fields.js'
import type { ColumnBatch } from '../batch/column-batch.js'
import type { LoadedTable } from '../catalog/catalog.js'
import { createHold } from '../catalog/read-hold.js'
import { BOUND_TRUE, bind, bothOf } from '../expression/bind.js'
import type { FileIO } from '../io/file-io.js'
import { heldSnapshots } from '../lake/held-scan.js'
import { jsonRowsOfBatch } from '../lake/rows-out.js'
import { selectorOf } from '../lake/scan.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { planScan, type ScanPlan } from '../reader/plan.js'
import { scanBatches } from '../reader/scan.js'
import type { Schema } from '../schema/types.js'
import { resolveSnapshot } from '../snapshot/resolve.js'
import { parsePredicate } from '../sql/predicate.js'
import { type Grant, isRestricted } from './grants.js'
import { ioFor } from './location-policy.js'
import { bodyOf, type RestAnswer, type RestRequest, type RestRoute } from './rest-route.js'
import { seenTable } from './seen.js'
import type { ServerContext } from './server-context.js'
import { type TableScope, tableScope } from './table-scope.js'

export const ROW_ROUTES: readonly RestRoute[] = [
  { endpoint: 'POST /serac/v1/namespaces/{namespace}/tables/{table}/rows', handle: readRows },
]

interface RowsRequest {
  readonly select: readonly string[] | undefined
  readonly where: string | undefined
  readonly asOf: string | undefined
  readonly limit: number | undefined
}

interface RowsRead {
  readonly asked: RowsRequest
  readonly grant: Grant
  readonly signal: AbortSignal
}

const MEMBERS = ['select', 'where', 'as-of', 'limit']

async function readRows(context: ServerContext, request: RestRequest): Promise<RestAnswer> {
  const { catalog, metrics } = context
  const { signal } = request
  const { identifier, grant } = seenTable(request)
  const asked = request.body.length === 0 ? NOTHING_ASKED : bodyOf(request, parseRowsRequest)
  const hold = createHold(catalog.leases)
  const load = (): Promise<LoadedTable> => catalog.loadTable(identifier, { signal })
  const { metadata } = await hold.load(load, loaded => heldSnapshots(loaded.metadata, asked.asOf))
  const io = ioFor(context, request, metadata)
  const batches = hold.over(() => plannedBatches(io, metadata, { asked, grant, signal }))
  const lines = begun(linesOf(batches, count => metrics.rows(count)))
  const body = await (isRestricted(grant) ? lines.catch(hideFiles) : lines)
  return { status: 200, headers: { 'content-type': 'application/x-ndjson' }, body }
}

/** Paths of files hold values of their rows. */
function hideFiles(error: unknown): never {
  if (!isLakeError(error) || error.context.location === undefined) throw error
  throw new LakeError(error.kind, error.message, { cause: error })
}

async function* plannedBatches(
  io: FileIO,
  metadata: TableMetadata,
  read: RowsRead,
): AsyncGenerator<ColumnBatch> {
  const plan = await plannedRows(io, metadata, read)
  yield* scanBatches(io, plan, { limit: read.asked.limit, signal: read.signal })
}

/** The stream once its first part is there: what fails before is an answer of its own. */
async function begun(stream: AsyncGenerator<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const first = await stream.next()
  return (async function* () {
    try {
      if (first.done !== true) yield first.value
      yield* stream
    } finally {
      await stream.return(undefined)
    }
  })()
}

const NOTHING_ASKED: RowsRequest = {
  select: undefined,
  where: undefined,
  asOf: undefined,
  limit: undefined,
}

/** @throws corrupt; invalid-argument for a member that is not known, so that no misspelt filter reads everything */
function parseRowsRequest(json: JsonObject): RowsRequest {
  const unknown = isJsonObject(json) ? Object.keys(json).find(name => !MEMBERS.includes(name)) : undefined
  if (unknown !== undefined)
    throw new LakeError('invalid-argument', 'a request for rows has no such member', {
      context: { member: unknown, known: MEMBERS },
    })
  return {
    select: textsOf(json, 'select'),
    where: optionalText(json, 'where'),
    asOf: optionalText(json, 'as-of'),
    limit: optionalInt(json, 'limit'),
  }
}

function plannedRows(io: FileIO, metadata: TableMetadata, read: RowsRead): Promise<ScanPlan> {
  const { asked, grant, signal } = read
  const { snapshot, schema } = resolveSnapshot(metadata, selectorOf(asked.asOf))
  const scope = isRestricted(grant)
    ? tableScope(metadata, grant)
    : { whole: schema, visible: schema, rows: BOUND_TRUE }
  const select = isRestricted(grant) ? visibleNames(asked.select, scope.visible) : asked.select
  const filter = rowsFilter(asked, scope)
  return planScan({ metadata }, io, { snapshot, schema: scope.whole, filter, select, signal })
}

/** Metadata columns are not visible: they tell about files. @throws invalid-argument */
function visibleNames(select: readonly string[] | undefined, visible: Schema): readonly string[] {
  const names = visible.fields.map(field => field.name)
  const unknown = select?.find(name => !names.includes(name))
  if (unknown !== undefined)
    throw new LakeError('invalid-argument', 'the table has no such column', { context: { column: unknown } })
  return select ?? names
}

function rowsFilter({ where }: RowsRequest, { visible, rows }: TableScope): TableScope['rows'] {
  return where === undefined ? rows : bothOf(rows, bind(parsePredicate(where), visible))
}

async function* linesOf(
  batches: AsyncIterable<ColumnBatch>,
  onRows: (count: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const batch of batches) {
    let text = ''
    for (const row of jsonRowsOfBatch(batch)) text += `${stringifyJson(row)}\n`
    onRows(batch.length)
    if (text !== '') yield utf8Encode(text)
  }
}
