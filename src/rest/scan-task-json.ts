/**
 * Planning on the server: requests, plans and scan tasks on the wire of the REST catalog, from and to ours.
 *
 *   plan             -> completed: tasks, and tokens for more tasks | submitted: ask again | failed | cancelled
 *   fetch plan       -> the same, less the id
 *   fetch tasks      -> tasks, and tokens for more tasks
 *
 * Delete files stand once in an answer, and tasks name them by index.
 * @see Iceberg REST catalog specification, "PlanTableScanRequest", "PlanTableScanResult", "ScanTasks"
 */
import { unreachable } from '../base/assert.js'
import type { JsonObject, JsonValue } from '../base/json.js'
import {
  asObject,
  corruptField,
  intsOf,
  objectsOf,
  optionalInt,
  optionalLong,
  optionalText,
  requiredBoolean,
  requiredText,
  textsOf,
} from '../base/json-fields.js'
import { type Bound, bind } from '../expression/bind.js'
import type { DataFile, DeleteFile } from '../manifest/content-file.js'
import { given } from '../metadata/snapshot-json.js'
import {
  asDataFile,
  asDeleteFile,
  type ContentFileCodec,
  type SerializeFileOptions,
} from './content-file-json.js'
import { type RestError, serializeRestError } from './error-json.js'
import { type ExpressionScope, parseWeakerExpression, serializeBound } from './expression-json.js'
import {
  parseStorageCredential,
  type StorageCredential,
  serializeStorageCredential,
} from './load-table-json.js'

// ---- requests

export interface PlanTableScanRequest {
  readonly snapshotId?: bigint | undefined
  /** Of an incremental scan: exclusive. */
  readonly startSnapshotId?: bigint | undefined
  /** Of an incremental scan: inclusive. */
  readonly endSnapshotId?: bigint | undefined
  /** Full names of fields; absent: all. */
  readonly select?: readonly string[] | undefined
  /** As it came: its literals are understood by the schema that the snapshot decides (`parseExpression`). */
  readonly filter?: JsonValue | undefined
  readonly minRowsRequested?: number | undefined
  readonly caseSensitive: boolean
  /** Whether names are those of the schema that the snapshot was written with, or of the current one. */
  readonly useSnapshotSchema: boolean
  /** Full names of fields whose statistics are asked for. */
  readonly statsFields?: readonly string[] | undefined
}

/** @throws corrupt, also for a snapshot together with a range of them */
export function parsePlanTableScanRequest(json: JsonObject): PlanTableScanRequest {
  const snapshotId = optionalLong(json, 'snapshot-id')
  const startSnapshotId = optionalLong(json, 'start-snapshot-id')
  const endSnapshotId = optionalLong(json, 'end-snapshot-id')
  if (snapshotId !== undefined && (startSnapshotId ?? endSnapshotId) !== undefined)
    throw corruptField('snapshot-id', 'a snapshot or a range of them')
  if (startSnapshotId !== undefined && endSnapshotId === undefined)
    throw corruptField('end-snapshot-id', '64-bit integer')
  return {
    ...given('snapshotId', snapshotId),
    ...given('startSnapshotId', startSnapshotId),
    ...given('endSnapshotId', endSnapshotId),
    ...given('select', textsOf(json, 'select')),
    ...given('filter', filterOf(json, 'filter')),
    ...given('minRowsRequested', optionalInt(json, 'min-rows-requested')),
    caseSensitive: flagOf(json, 'case-sensitive', true),
    useSnapshotSchema: flagOf(json, 'use-snapshot-schema', false),
    ...given('statsFields', textsOf(json, 'stats-fields')),
  }
}

/** `null` is refused: taking it for no filter would read more than was asked for. */
function filterOf(json: JsonObject, field: string): JsonValue | undefined {
  const filter = Object.hasOwn(json, field) ? json[field] : undefined
  if (filter === null) throw corruptField(field, 'predicate')
  return filter
}

function flagOf(json: JsonObject, field: string, otherwise: boolean): boolean {
  return (json[field] ?? null) === null ? otherwise : requiredBoolean(json, field)
}

export function serializePlanTableScanRequest(request: PlanTableScanRequest): JsonObject {
  return {
    ...given('snapshot-id', request.snapshotId),
    ...given('start-snapshot-id', request.startSnapshotId),
    ...given('end-snapshot-id', request.endSnapshotId),
    ...given('select', request.select),
    ...given('filter', request.filter),
    ...given('min-rows-requested', request.minRowsRequested),
    'case-sensitive': request.caseSensitive,
    'use-snapshot-schema': request.useSnapshotSchema,
    ...given('stats-fields', request.statsFields),
  }
}

/** The token of a request for the tasks of one plan task. @throws corrupt */
export function parseFetchScanTasksRequest(json: JsonObject): string {
  return requiredText(json, 'plan-task')
}

export function serializeFetchScanTasksRequest(planTask: string): JsonObject {
  return { 'plan-task': planTask }
}

// ---- answers

/** One data file to read. */
export interface ScanTask {
  readonly file: DataFile
  readonly deletes: readonly DeleteFile[]
  /** What is left of the filter for the rows of this file. Undefined: all of the filter. */
  readonly residual?: Bound | undefined
}

export interface ScanTasks {
  readonly tasks: readonly ScanTask[]
  /** Tokens, each for more tasks. */
  readonly planTasks: readonly string[]
}

export type PlanningResult =
  | (ScanTasks & {
      readonly status: 'completed'
      /** Of an answer to `plan`; not of one that was fetched. */
      readonly planId?: string | undefined
      readonly storageCredentials: readonly StorageCredential[]
    })
  | { readonly status: 'submitted'; readonly planId?: string | undefined }
  | { readonly status: 'cancelled' }
  | { readonly status: 'failed'; readonly error: RestError }

export interface SerializeTasksOptions extends SerializeFileOptions {
  readonly files: ContentFileCodec
  /**
   * The filter of the request, where it could not be evaluated in full: then it is what is left for every file, and
   * the tasks' own residuals do not count.
   */
  readonly filter?: JsonValue | undefined
}

/** What tasks of an answer are understood by. `schema` is the one that the request named its columns by. */
export interface ParseTasksOptions extends ExpressionScope {
  readonly files: ContentFileCodec
}

export function serializePlanningResult(result: PlanningResult, options: SerializeTasksOptions): JsonObject {
  const { status } = result
  switch (status) {
    case 'completed':
      return {
        status,
        ...given('plan-id', result.planId),
        ...serializeScanTasks(result, options),
        ...(result.storageCredentials.length === 0
          ? {}
          : { 'storage-credentials': result.storageCredentials.map(serializeStorageCredential) }),
      }
    case 'submitted':
      return { status, ...given('plan-id', result.planId) }
    case 'cancelled':
      return { status }
    case 'failed':
      return { status, ...serializeRestError(result.error) }
    default:
      return unreachable(status)
  }
}

/** @throws corrupt; invalid-argument for a residual that does not fit the schema */
export function parsePlanningResult(json: JsonObject, options: ParseTasksOptions): PlanningResult {
  const status = requiredText(json, 'status').toLowerCase()
  switch (status) {
    case 'completed':
      return {
        status,
        ...given('planId', optionalText(json, 'plan-id')),
        ...parseScanTasks(json, options),
        storageCredentials: objectsOf(json, 'storage-credentials').map(parseStorageCredential),
      }
    case 'submitted':
      return { status, ...given('planId', optionalText(json, 'plan-id')) }
    case 'cancelled':
      return { status }
    case 'failed':
      return { status, error: errorOf(json) }
    default:
      throw corruptField('status', 'completed, submitted, cancelled or failed')
  }
}

function errorOf(json: JsonObject): RestError {
  const error = asObject(json.error, 'error')
  return {
    status: optionalInt(error, 'code') ?? 500,
    ...given('type', optionalText(error, 'type')),
    message: optionalText(error, 'message') ?? '',
  }
}

// ---- tasks

export function serializeScanTasks(
  { tasks, planTasks }: ScanTasks,
  options: SerializeTasksOptions,
): JsonObject {
  const { files, filter } = options
  const deletes = new Map<string, DeleteFile>()
  for (const task of tasks) for (const file of task.deletes) deletes.set(deleteKey(file), file)
  const indexes = new Map([...deletes.keys()].map((key, index) => [key, index]))
  const residualOf = filter === undefined ? residuals() : () => filter
  return {
    ...(planTasks.length === 0 ? {} : { 'plan-tasks': planTasks }),
    ...(deletes.size === 0
      ? {}
      : { 'delete-files': [...deletes.values()].map(file => files.serialize(file)) }),
    'file-scan-tasks': tasks.map(task => ({
      'data-file': files.serialize(task.file, options),
      ...(task.deletes.length === 0
        ? {}
        : { 'delete-file-references': task.deletes.map(file => indexes.get(deleteKey(file)) ?? -1) }),
      ...given('residual-filter', residualOf(task.residual)),
    })),
  }
}

/** Several deletion vectors share a file. */
function deleteKey(file: DeleteFile): string {
  const offset = file.content === 'position-deletes' ? (file.contentOffset ?? '') : ''
  return `${offset} ${file.location}`
}

/** Tasks share few residuals, most of them one. */
function residuals(): (residual: Bound | undefined) => JsonValue | undefined {
  const known = new Map<Bound, JsonValue>()
  return residual => {
    if (residual === undefined) return undefined
    const json = known.get(residual) ?? serializeBound(residual)
    known.set(residual, json)
    return json
  }
}

/** @throws as `parsePlanningResult` */
export function parseScanTasks(json: JsonObject, options: ParseTasksOptions): ScanTasks {
  const { files } = options
  const deletes = objectsOf(json, 'delete-files').map(file => asDeleteFile(files.parse(file)))
  return {
    tasks: objectsOf(json, 'file-scan-tasks').map(task => parseTask(task, deletes, options)),
    planTasks: textsOf(json, 'plan-tasks') ?? [],
  }
}

function parseTask(json: JsonObject, deletes: readonly DeleteFile[], options: ParseTasksOptions): ScanTask {
  return {
    file: asDataFile(options.files.parse(asObject(json['data-file'], 'data-file'))),
    deletes: intsOf(json, 'delete-file-references').map(index => referenced(deletes, index)),
    ...given('residual', parseResidual(json, options)),
  }
}

/** A delete that is not there would bring rows back. */
function referenced(deletes: readonly DeleteFile[], index: number): DeleteFile {
  const file = deletes[index]
  if (file === undefined) throw corruptField('delete-file-references', 'indexes of delete files')
  return file
}

/** One that is not understood counts as not given. */
function parseResidual(json: JsonObject, scope: ExpressionScope): Bound | undefined {
  const filter = filterOf(json, 'residual-filter')
  if (filter === undefined) return undefined
  const { expression, isExact } = parseWeakerExpression(filter, scope)
  return isExact ? bind(expression, scope.schema, { caseSensitive: scope.caseSensitive }) : undefined
}
