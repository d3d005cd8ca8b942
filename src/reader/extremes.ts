/**
 * The least or greatest value of a column. A file's share comes from its bounds where these prove it: all of its rows
 * are returned, and the bounds are values of the column. The other files are read in the order of their bounds, and
 * only where they may hold a better value.
 *
 * Bounds are values for types of a fixed width, as every writer keeps them; those of strings and bytes may be cut, and
 * zeros and NaN of floats are not told.
 */

import { columnValues } from '../batch/values.js'
import type { FileIO } from '../io/file-io.js'
import { statisticsOf } from '../manifest/bounds.js'
import type { Field, PrimitiveType, Value } from '../schema/types.js'
import { compareKeys, type OrderKey } from './order.js'
import type { ReadTask, ScanPlan } from './plan.js'
import type { ScanOptions } from './scan.js'
import { scanBatches } from './scan.js'

export interface Extreme {
  /** Null when no row has a value. NaN is the greatest value. */
  readonly value: Value
  /** Data files whose share was proven by metadata, and those that were left to read or to skip by their bounds. */
  readonly filesProven: number
  readonly filesRead: number
}

export interface ExtremeOptions extends Omit<ScanOptions, 'limit' | 'orderBy' | 'before'> {
  /** A top-level column of the plan's schema, whose statistics the plan has (`PlanOptions.statisticsOf`). */
  readonly field: Field
  readonly type: PrimitiveType
  readonly extreme: 'min' | 'max'
}

/** @throws as `scanBatches`, for the files that must be read */
export async function extremeOf(io: FileIO, plan: ScanPlan, options: ExtremeOptions): Promise<Extreme> {
  const { field, type, extreme } = options
  const direction = extreme === 'min' ? 'asc' : 'desc'
  const key: OrderKey = { field, type, direction, nulls: 'last' }
  const unproven: ReadTask[] = []
  let best: Value = null
  for (const task of plan.tasks) {
    const proven = provenExtreme(task, plan, options)
    if (proven === undefined) unproven.push(task)
    else if (compareKeys([key], [proven], [best]) < 0) best = proven
  }
  const rest: ScanPlan = { ...plan, fields: [field], tasks: unproven }
  const before = best === null ? undefined : [best]
  for await (const batch of scanBatches(io, rest, { ...options, limit: 1, orderBy: [key], before })) {
    const [vector] = batch.columns
    best = vector === undefined ? null : (columnValues(vector, field.type)[0] ?? null)
  }
  return { value: best, filesProven: plan.tasks.length - unproven.length, filesRead: unproven.length }
}

/** The value if metadata proves it; null when no row has one. */
function provenExtreme(task: ReadTask, plan: ScanPlan, options: ExtremeOptions): Value | undefined {
  const { entry, deletes, residual } = task
  const { vector, positionDeletes, equalityDeletes } = deletes
  if (residual.op !== 'true' || vector !== undefined) return undefined
  if (positionDeletes.length > 0 || equalityDeletes.length > 0) return undefined
  const { valueCount, nullCount, nanCount, lower, upper } =
    statisticsOf(entry.file, plan.schema)(options.field.id) ?? {}
  if (valueCount !== entry.file.recordCount || nullCount === undefined) return undefined
  if (nullCount === valueCount) return null
  const bound = options.extreme === 'min' ? lower : upper
  return isValue(bound, options.type, nanCount) ? bound : undefined
}

function isValue(
  bound: Value | undefined,
  type: PrimitiveType,
  nanCount: number | undefined,
): bound is Value {
  if (bound === undefined || bound === null) return false
  switch (type.kind) {
    case 'float':
    case 'double':
      return nanCount === 0 && bound !== 0 && !Number.isNaN(bound)
    case 'boolean':
    case 'int':
    case 'long':
    case 'date':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
    case 'decimal':
      return true
    default:
      return false
  }
}
