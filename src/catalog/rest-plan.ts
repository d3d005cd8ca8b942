/**
 * Scans that the server of a REST catalog plans, where the table's configuration or the catalog's says so
 * (`scan-planning-mode=server`).
 *
 *   plan -> completed                                tasks, and tokens for more tasks
 *        -> submitted -> look again, until completed
 *   every token -> tasks, and tokens for more tasks
 *
 * Who gives up waiting tells the server.
 */
import { mapBounded } from '../base/concurrency.js'
import { LakeError } from '../base/errors.js'
import { backoffMs } from '../base/retry.js'
import { firstProperty, numberProperty, type Properties } from '../io/aws-properties.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { parseAnswerBody } from '../rest/body.js'
import { createContentFileCodec } from '../rest/content-file-json.js'
import { lakeErrorOf } from '../rest/error-json.js'
import {
  type ParseTasksOptions,
  type PlanningResult,
  parsePlanningResult,
  parseScanTasks,
  type ScanTask,
  type ScanTasks,
  serializeFetchScanTasksRequest,
  serializePlanTableScanRequest,
} from '../rest/scan-task-json.js'
import type { TablePlanner } from './catalog.js'
import { printIdentifier, type TableIdentifier } from './identifier.js'
import { type Call, call, checkEndpoint, type RestContext } from './rest-context.js'
import type { RestAuth } from './rest-http.js'
import { grantPlanned } from './rest-storage.js'

export interface PlannedTable {
  readonly identifier: TableIdentifier
  readonly metadata: TableMetadata
  readonly config: Properties
  readonly auth: RestAuth
}

const POLL = { waitMsMin: 100, waitMsMax: 5000 }
const POLL_TIMEOUT_MS = 5 * 60_000
const TASKS_AT_ONCE = 4
/** Of one plan; more are taken for a server that goes round in circles. */
const PLAN_TASKS_MAX = 1_000_000

/** Undefined where the client plans. @throws unsupported when the server has to plan and cannot; invalid-argument */
export function restPlanner(context: RestContext, table: PlannedTable): TablePlanner | undefined {
  const mode =
    firstProperty(table.config, 'scan-planning-mode') ??
    firstProperty(context.properties, 'scan-planning-mode') ??
    'client'
  if (mode.toLowerCase() === 'client') return undefined
  if (mode.toLowerCase() !== 'server')
    throw new LakeError('invalid-argument', 'scans are planned by client or server', {
      context: { property: 'scan-planning-mode', mode },
    })
  return {
    async plan(request, { schema, signal }) {
      const plan: Plan = { context, table, signal, requests: 0 }
      checkEndpoint(context, 'planTableScan')
      const options: ParseTasksOptions = {
        files: createContentFileCodec(table.metadata),
        schema,
        caseSensitive: request.caseSensitive,
      }
      const answer = await ask(plan, {
        endpoint: 'planTableScan',
        below: ['plan'],
        json: serializePlanTableScanRequest(request),
      })
      const first = parseAnswerBody(answer, json => parsePlanningResult(json, options))
      const planId = first.status === 'completed' || first.status === 'submitted' ? first.planId : undefined
      try {
        const completed = await complete(plan, first, { planId, options })
        grantPlanned(context, table, { planId, credentials: completed.storageCredentials })
        const tasks = await allTasks(plan, completed, options)
        return { tasks, requests: plan.requests }
      } catch (error) {
        await cancel(plan, planId)
        throw error
      }
    },
  }
}

interface Plan {
  readonly context: RestContext
  readonly table: PlannedTable
  readonly signal: AbortSignal | undefined
  requests: number
}

async function ask(
  plan: Plan,
  asked: Pick<Call, 'endpoint' | 'json'> & { readonly below: readonly string[] },
): Promise<Uint8Array> {
  const { context, table, signal } = plan
  plan.requests++
  const { body } = await call(context, {
    endpoint: asked.endpoint,
    path: context.paths.table(table.identifier, ...asked.below),
    json: asked.json,
    auth: table.auth,
    about: { table: printIdentifier(table.identifier) },
    signal,
  })
  return body
}

type Completed = Extract<PlanningResult, { status: 'completed' }>

async function complete(
  plan: Plan,
  first: PlanningResult,
  on: { readonly planId: string | undefined; readonly options: ParseTasksOptions },
): Promise<Completed> {
  const { context, table, signal } = plan
  const { runtime, properties } = context
  const about = { table: printIdentifier(table.identifier) }
  const limits = { whenAbsent: POLL_TIMEOUT_MS, min: 1 }
  const endMs = runtime.nowMs() + numberProperty(properties, 'rest-scan-planning.poll-timeout-ms', limits)
  let result = first
  for (let look = 1; ; look++) {
    if (result.status === 'completed') return result
    if (result.status === 'failed')
      throw lakeErrorOf(result.error, { conflictKind: 'conflict', context: about })
    if (result.status === 'cancelled' || on.planId === undefined)
      throw new LakeError('unavailable', 'the server gave up planning the scan', { context: about })
    const waitMs = backoffMs(look, POLL, runtime)
    if (runtime.nowMs() + waitMs > endMs)
      throw new LakeError('unavailable', 'the server did not plan the scan in time', { context: about })
    await runtime.sleep(waitMs, signal)
    const body = await ask(plan, { endpoint: 'fetchPlan', below: ['plan', on.planId] })
    result = parseAnswerBody(body, json => parsePlanningResult(json, on.options))
  }
}

/** The tasks of the plan and those behind its tokens, side by side, in the order of the tokens. */
async function allTasks(
  plan: Plan,
  first: ScanTasks,
  options: ParseTasksOptions,
): Promise<readonly ScanTask[]> {
  const tasks = [...first.tasks]
  let tokens = first.planTasks
  let count = tokens.length
  while (tokens.length > 0) {
    if (count > PLAN_TASKS_MAX)
      throw new LakeError('corrupt', 'the tasks of a plan do not end', { context: { planTasks: count } })
    const parts = await mapBounded(tokens, token => fetchTasks(plan, token, options), {
      limit: TASKS_AT_ONCE,
      signal: plan.signal,
    })
    for (const part of parts) for (const task of part.tasks) tasks.push(task)
    tokens = parts.flatMap(part => part.planTasks)
    count += tokens.length
  }
  return tasks
}

async function fetchTasks(plan: Plan, token: string, options: ParseTasksOptions): Promise<ScanTasks> {
  const json = serializeFetchScanTasksRequest(token)
  const body = await ask(plan, { endpoint: 'fetchScanTasks', below: ['tasks'], json })
  return parseAnswerBody(body, answer => parseScanTasks(answer, options))
}

/** A courtesy: what cannot be cancelled ends by itself. */
async function cancel(plan: Plan, planId: string | undefined): Promise<void> {
  if (planId === undefined || !plan.context.endpoints.has('cancelPlan')) return
  try {
    await ask({ ...plan, signal: undefined }, { endpoint: 'cancelPlan', below: ['plan', planId] })
  } catch {
    // The plan is given up all the same.
  }
}
