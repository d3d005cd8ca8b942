/** What the catalog is told of scans, by those of its tables that plan here. */

import type { TableIdentifier } from '../catalog/catalog.js'
import { type DeleteFile, isDeletionVector } from '../manifest/content-file.js'
import type { ReadTask, ScanPlan } from '../reader/plan.js'
import { deleteFilesOf } from '../reader/plan.js'
import { scannedFieldIds } from '../reader/scan-budget.js'
import type { ScanFigures } from '../rest/scan-report.js'
import { fieldById, fieldPath } from '../schema/schema.js'
import { isPrimitive } from '../schema/types.js'
import type { LakeContext } from './context.js'

/** Told when planning begins; what it gives is told the plan. */
export type PlanWatch = () => (plan: ScanPlan) => void

/** Tells the catalog of the plans of a table's scans; undefined where it does not want to know. */
export function scanReporter(
  { catalog, runtime }: Pick<LakeContext, 'catalog' | 'runtime'>,
  identifier: TableIdentifier,
): PlanWatch | undefined {
  if (catalog.reportScan === undefined) return undefined
  return () => {
    const startMs = runtime.nowMs()
    return plan => {
      const figures = scanFigures(plan, runtime.nowMs() - startMs)
      if (figures !== undefined) catalog.reportScan?.(identifier, figures)
    }
  }
}

/** Undefined for a table without a snapshot: nothing was scanned. */
export function scanFigures(plan: ScanPlan, planningMs: number): ScanFigures | undefined {
  const { snapshot, schema, filter, tasks, report } = plan
  if (snapshot === undefined) return undefined
  return {
    snapshotId: snapshot.snapshotId,
    schemaId: schema.schemaId,
    filter,
    projected: projectedOf(plan),
    planningMs,
    dataManifests: { total: report.dataManifests, skipped: report.dataManifestsSkipped },
    deleteManifests: { total: report.deleteManifests, skipped: report.deleteManifestsSkipped },
    dataFiles: {
      result: tasks.length,
      skipped: report.dataFilesSkippedByPartition + report.dataFilesSkippedByBounds,
      sizeBytes: tasks.reduce((sum, { entry }) => sum + entry.file.fileSizeBytes, 0),
    },
    deleteFiles: deletesOf(plan),
  }
}

/** Leaves of the columns of the output and of the filter, then metadata columns. */
function projectedOf(plan: ScanPlan): ScanFigures['projected'] {
  const { schema, fields } = plan
  const leaves = scannedFieldIds(plan).filter(id => {
    const type = fieldById(schema, id)?.type
    return type !== undefined && isPrimitive(type)
  })
  const made = fields.filter(field => fieldById(schema, field.id) === undefined)
  return [
    ...leaves.map(id => ({ id, name: fieldPath(schema, id)?.join('.') ?? '' })),
    ...made.map(({ id, name }) => ({ id, name })),
  ]
}

function deletesOf({ tasks, report }: ScanPlan): ScanFigures['deleteFiles'] {
  const needed = tasks.flatMap(neededBy)
  const counted = {
    result: needed.length,
    sizeBytes: needed.reduce((sum, file) => sum + sizeOf(file), 0),
    indexed: report.deleteFiles,
    skipped: report.deleteFilesSkipped,
  }
  // Of files that no task needs the plan does not tell the kind.
  return report.deleteFilesSkipped > 0 ? counted : { ...counted, kinds: kindsOf(tasks) }
}

function neededBy({ deletes }: ReadTask): readonly DeleteFile[] {
  const { vector, positionDeletes, equalityDeletes } = deletes
  const entries = [...(vector === undefined ? [] : [vector]), ...positionDeletes, ...equalityDeletes]
  return entries.map(entry => entry.file)
}

/** Of a deletion vector its own bytes: others share its file. */
function sizeOf(file: DeleteFile): number {
  return ('contentSizeBytes' in file ? file.contentSizeBytes : undefined) ?? file.fileSizeBytes
}

function kindsOf(tasks: readonly ReadTask[]): NonNullable<ScanFigures['deleteFiles']['kinds']> {
  const files = [...deleteFilesOf(tasks)].map(({ file }): DeleteFile => file)
  const equality = files.filter(file => file.content === 'equality-deletes').length
  const vectors = files.filter(file => file.content !== 'equality-deletes' && isDeletionVector(file)).length
  return { equality, vectors, positional: files.length - equality - vectors }
}
