/** Plans of scans from where the table's state says that they come: from its manifests, or from the catalog's server. */
import type { LoadedTable, TablePlanner } from '../catalog/catalog.js'
import type { FileIO } from '../io/file-io.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { type PlanOptions, planScan, type ScanPlan } from '../reader/plan.js'
import { planRemotely, type RemotePlanner } from '../reader/remote-plan.js'
import { fieldPath } from '../schema/schema.js'

/** A table as of one metadata file, and who plans its scans. */
export type PlannableTable = Pick<LoadedTable, 'metadata' | 'planner'>

/** @throws as `planScan` and `planRemotely` */
export async function planTableScan(
  table: PlannableTable,
  io: FileIO,
  options: PlanOptions,
): Promise<ScanPlan> {
  const { planner, metadata } = table
  if (planner === undefined) return planScan({ metadata }, io, options)
  return planRemotely({ metadata }, await remotePlanner(planner, metadata), options)
}

async function remotePlanner(planner: TablePlanner, metadata: TableMetadata): Promise<RemotePlanner> {
  const { serializeBound } = await import('../rest/expression-json.js')
  return ({ snapshot, schema, filter, select, statisticsOf = [], signal }) => {
    // Metadata columns are made here.
    const columns = select?.filter(name => schema.fields.some(field => field.name === name))
    const named = statisticsOf.flatMap(id => fieldPath(schema, id)?.join('.') ?? [])
    const request = {
      snapshotId: snapshot.snapshotId,
      ...(filter.op === 'true' ? {} : { filter: serializeBound(filter) }),
      ...(columns === undefined ? {} : { select: columns }),
      ...(named.length === 0 ? {} : { statsFields: named }),
      caseSensitive: true,
      useSnapshotSchema: schema.schemaId !== metadata.currentSchemaId,
    }
    return planner.plan(request, { schema, signal })
  }
}
