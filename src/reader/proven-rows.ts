/**
 * What metadata proves about the number of rows of a file: the whole file matches the filter and its only deletes are a
 * vector, whose cardinality the manifest holds. Position delete files may repeat a position, and equality deletes are
 * unknown until they are evaluated.
 */
import type { ReadTask } from './plan.js'

/** The rows a task returns if metadata proves it. */
export function provenRows(task: ReadTask): number | undefined {
  const { entry, deletes, residual } = task
  if (residual.op !== 'true') return undefined
  if (deletes.positionDeletes.length > 0 || deletes.equalityDeletes.length > 0) return undefined
  return entry.file.recordCount - (deletes.vector?.file.recordCount ?? 0)
}
