/**
 * Planning scans for clients: which files to read, with their deletes, and what is left of the filter for each. A plan that
 * takes longer than a moment goes on while the client asks for it now and then.
 *
 * A principal that may see only some rows gets them as the residual of every file, joined with its own filter. That is a
 * promise of the reader, not of this server: who may open the files reads all of them. The rows themselves are filtered
 * by `row-routes.ts` only.
 */

import { LakeError } from '../base/errors.js'
import type { JsonValue } from '../base/json.js'
import type { LoadedTable } from '../catalog/catalog.js'
import { printIdentifier } from '../catalog/identifier.js'
import { createHold } from '../catalog/read-hold.js'
import { BOUND_TRUE, type Bound, bind, bothOf } from '../expression/bind.js'
import type { FileIO } from '../io/file-io.js'
import { heldSnapshots } from '../lake/held-scan.js'
import { currentSchema, snapshotById } from '../metadata/lookup.js'
import type { Snapshot, TableMetadata } from '../metadata/table-metadata.js'
import { planAppends } from '../reader/append-scan.js'
import { planScan, type ReadTask, type ScanPlan } from '../reader/plan.js'
import { createContentFileCodec } from '../rest/content-file-json.js'
import { ENDPOINTS } from '../rest/endpoints.js'
import { parseWeakerExpression, serializeBound } from '../rest/expression-json.js'
import { decodePathSegment } from '../rest/identifier-json.js'
import type { StorageCredential } from '../rest/load-table-json.js'
import {
  type PlanTableScanRequest,
  parseFetchScanTasksRequest,
  parsePlanTableScanRequest,
  type ScanTask,
  serializePlanningResult,
  serializeScanTasks,
} from '../rest/scan-task-json.js'
import { findField } from '../schema/schema.js'
import type { Schema } from '../schema/types.js'
import { resolveSnapshot, type SnapshotSelector } from '../snapshot/resolve.js'
import { vendedAccess } from './credentials.js'
import { type Grant, isRestricted, type Principal } from './grants.js'
import { ioFor } from './location-policy.js'
import type { PlannedScan, PlanOwner, StoredPlan } from './plan-store.js'
import {
  bodyOf,
  jsonAnswer,
  NO_CONTENT,
  type RestAnswer,
  type RestRequest,
  type RestRoute,
} from './rest-route.js'
import { type SeenTable, seenTable } from './seen.js'
import type { ServerContext } from './server-context.js'
import { checkPlannable, tableScope } from './table-scope.js'

export const PLAN_ROUTES: readonly RestRoute[] = [
  { endpoint: ENDPOINTS.planTableScan, handle: planTableScan },
  { endpoint: ENDPOINTS.fetchPlan, handle: fetchPlan },
  { endpoint: ENDPOINTS.cancelPlan, handle: cancelPlan },
  { endpoint: ENDPOINTS.fetchScanTasks, handle: fetchScanTasks },
]

/** How long a client waits for its plan before it is told to ask again. */
const WAIT_MS_MAX = 5_000

function ownerOf({ principal }: RestRequest, { identifier }: SeenTable): PlanOwner {
  return { principal: principal.name, table: printIdentifier(identifier) }
}

// ---- routes

async function planTableScan(context: ServerContext, request: RestRequest): Promise<RestAnswer> {
  const asked = bodyOf(request, parsePlanTableScanRequest)
  const granted = seenTable(request)
  const plan = context.plans.start(ownerOf(request, granted), signal =>
    plannedScan(context, { ...granted, principal: request.principal, asked, signal }),
  )
  const timer = new AbortController()
  const late = context.runtime.sleep(WAIT_MS_MAX, timer.signal).then(
    () => undefined,
    () => undefined,
  )
  const first = await Promise.race([plan.done, late]).finally(() => timer.abort())
  if (first === undefined) return jsonAnswer({ status: 'submitted', 'plan-id': plan.planId })
  return completedAnswer(context, request, { plan, planned: first, granted, planId: plan.planId })
}

async function fetchPlan(context: ServerContext, request: RestRequest): Promise<RestAnswer> {
  const granted = seenTable(request)
  const plan = context.plans.find(ownerOf(request, granted), planIdOf(request))
  // A plan that failed says so as it would have said at once.
  const planned = plan.planned ?? (await Promise.race([plan.done, undefined]))
  if (planned === undefined) return jsonAnswer({ status: 'submitted' })
  return completedAnswer(context, request, { plan, planned, granted })
}

async function cancelPlan(context: ServerContext, request: RestRequest): Promise<RestAnswer> {
  context.plans.cancel(ownerOf(request, seenTable(request)), planIdOf(request))
  return NO_CONTENT
}

function planIdOf({ segments }: RestRequest): string {
  return decodePathSegment(segments['plan-id'] ?? '')
}

async function fetchScanTasks(context: ServerContext, request: RestRequest): Promise<RestAnswer> {
  const token = bodyOf(request, parseFetchScanTasksRequest)
  const granted = seenTable(request)
  const [, planId, part] = /^(.+)\.(\d{1,9})$/.exec(token) ?? []
  if (planId === undefined) throw taskMissing(token)
  const { planned } = findForTask(context, ownerOf(request, granted), { planId, token })
  const { planFilesMax } = context.limits
  const first = Number(part) * planFilesMax
  if (planned === undefined || first >= planned.tasks.length) throw taskMissing(token)
  const tasks = planned.tasks.slice(first, first + planFilesMax)
  return jsonAnswer(serializeScanTasks({ tasks, planTasks: [] }, planned.options))
}

function findForTask(
  { plans }: ServerContext,
  owner: PlanOwner,
  { planId, token }: { readonly planId: string; readonly token: string },
): StoredPlan {
  try {
    return plans.find(owner, planId)
  } catch {
    throw taskMissing(token)
  }
}

function taskMissing(planTask: string): LakeError {
  return new LakeError('not-found', 'there is no such part of a plan', { context: { planTask } })
}

async function completedAnswer(
  context: ServerContext,
  request: RestRequest,
  completed: {
    readonly plan: StoredPlan
    readonly planned: PlannedScan
    readonly granted: SeenTable
    readonly planId?: string
  },
): Promise<RestAnswer> {
  const { plan, planned, granted, planId } = completed
  const { tasks, options } = planned
  const { planFilesMax } = context.limits
  const parts = Math.ceil(tasks.length / planFilesMax)
  const planTasks = Array.from(
    { length: Math.max(0, parts - 1) },
    (_, index) => `${plan.planId}.${index + 1}`,
  )
  const result = {
    status: 'completed' as const,
    planId,
    tasks: tasks.slice(0, planFilesMax),
    planTasks,
    storageCredentials: await credentialsFor(context, request, granted),
  }
  return jsonAnswer(serializePlanningResult(result, options))
}

async function credentialsFor(
  context: ServerContext,
  request: RestRequest,
  { identifier, grant }: SeenTable,
): Promise<readonly StorageCredential[]> {
  if (context.vendor === undefined || isRestricted(grant)) return []
  const table = await context.catalog.loadTable(identifier, { signal: request.signal })
  return (await vendedAccess(context, request, { table, grant })).storageCredentials ?? []
}

// ---- planning

interface PlanWork extends SeenTable {
  readonly principal: Principal
  readonly asked: PlanTableScanRequest
  readonly signal: AbortSignal
}

/** What is planned: a snapshot, or the appends of a range, read with a schema. */
interface ScanSubject {
  readonly metadata: TableMetadata
  readonly schema: Schema
  readonly snapshot: Snapshot | undefined
  readonly rows: Bound
}

async function plannedScan(context: ServerContext, work: PlanWork): Promise<PlannedScan> {
  const { catalog } = context
  const { identifier, asked, signal } = work
  const hold = createHold(catalog.leases)
  const load = (): Promise<LoadedTable> => catalog.loadTable(identifier, { signal })
  const isRange = asked.endSnapshotId !== undefined
  const table = await hold.load(load, ({ metadata }) =>
    isRange ? 'all' : heldSnapshots(metadata, asked.snapshotId),
  )
  return hold.during(async () => {
    const subject = subjectOf(table.metadata, work)
    const filter = filterOf(asked, subject)
    const statisticsOf = statisticsIds(asked, { subject, grant: work.grant })
    const io = ioFor(context, work, table.metadata)
    const plan = await planOf(io, work, { subject, filter: filter.bound, statisticsOf })
    return {
      tasks: plan.tasks.map(scanTask),
      options: {
        files: createContentFileCodec(table.metadata),
        statisticsOf: new Set(statisticsOf),
        filter: filter.residual,
      },
    }
  })
}

/** @throws denied for what a principal may not plan; not-found for a snapshot */
function subjectOf(metadata: TableMetadata, { asked, grant }: PlanWork): ScanSubject {
  const snapshotId = asked.snapshotId ?? asked.endSnapshotId
  const selector: SnapshotSelector = snapshotId === undefined ? 'current' : { snapshotId }
  const resolved = resolveSnapshot(metadata, selector)
  if (isRestricted(grant)) {
    const scope = tableScope(metadata, grant)
    checkPlannable(metadata, scope)
    return { metadata, snapshot: resolved.snapshot, schema: scope.visible, rows: scope.rows }
  }
  const schema = asked.useSnapshotSchema ? resolved.schema : currentSchema(metadata)
  return { metadata, snapshot: resolved.snapshot, schema, rows: BOUND_TRUE }
}

interface PlanFilter {
  readonly bound: Bound
  /** Of every file, where the client's own filter is not understood in full. */
  readonly residual: JsonValue | undefined
}

/** @throws invalid-argument for a filter that does not fit the columns that may be seen */
function filterOf(
  { filter, caseSensitive }: PlanTableScanRequest,
  { schema, rows }: ScanSubject,
): PlanFilter {
  if (filter === undefined) return { bound: rows, residual: undefined }
  const { expression, isExact } = parseWeakerExpression(filter, { schema, caseSensitive })
  const bound = bothOf(rows, bind(expression, schema, { caseSensitive }))
  if (isExact) return { bound, residual: undefined }
  const residual = rows === BOUND_TRUE ? filter : { type: 'and', left: serializeBound(rows), right: filter }
  return { bound, residual }
}

/** Bounds of a file are values of rows that a principal may not see. */
function statisticsIds(
  { statsFields = [], caseSensitive }: PlanTableScanRequest,
  { subject, grant }: { readonly subject: ScanSubject; readonly grant: Grant },
): readonly number[] {
  if (grant.where !== undefined) return []
  return statsFields.map(name => {
    const field = findField(subject.schema, name, { caseSensitive })
    if (field !== undefined) return field.id
    throw new LakeError('invalid-argument', 'the table has no such column', { context: { column: name } })
  })
}

function planOf(
  io: FileIO,
  { asked, signal }: PlanWork,
  planned: {
    readonly subject: ScanSubject
    readonly filter: Bound
    readonly statisticsOf: readonly number[]
  },
): Promise<ScanPlan> {
  const { subject, filter, statisticsOf } = planned
  const { metadata, schema, snapshot } = subject
  const { startSnapshotId, endSnapshotId } = asked
  if (endSnapshotId === undefined)
    return planScan({ metadata }, io, { snapshot, schema, filter, statisticsOf, signal })
  const to = snapshotById(metadata, endSnapshotId)
  return planAppends({ metadata }, io, { from: startSnapshotId, to, schema, filter, signal })
}

function scanTask({ entry, deletes, residual }: ReadTask): ScanTask {
  const { vector, positionDeletes, equalityDeletes } = deletes
  const all = [...(vector === undefined ? [] : [vector]), ...positionDeletes, ...equalityDeletes]
  return { file: entry.file, deletes: all.map(({ file }) => file), residual }
}
