/**
 * Which manifests a filter on a metadata table can do without: what the manifest list says of a manifest (its
 * content, its spec, the summary of its partitions) bounds the columns of every entry in it.
 */
import type { Bound, BoundLeaf } from '../../expression/bind.js'
import { type ColumnStatistics, leafMightMatch, mightMatchLeaves } from '../../expression/statistics.js'
import type { ManifestFile, PartitionFieldSummary } from '../../manifest/manifest-file.js'
import { currentSchema } from '../../metadata/lookup.js'
import type { TableMetadata } from '../../metadata/table-metadata.js'
import { partitionType } from '../../schema/partition.js'
import { parseBounds } from '../../schema/stored-bounds.js'
import { type Field, isPrimitive } from '../../schema/types.js'
import { CONTENT_FIELD, CONTENT_IDS, FILE_PARTITION_ID, SPEC_ID_COLUMN } from './file-columns.js'

/**
 * False only for manifests without an entry that the filter takes.
 * @param filter bound to the columns of files, or to others with the same `partition` under `partitionId`
 */
export function manifestFilter(
  filter: Bound,
  metadata: TableMetadata,
  partitionId: number = FILE_PARTITION_ID,
): (manifest: ManifestFile) => boolean {
  const specs = new Map(
    metadata.partitionSpecs.map(spec => [spec.specId, partitionType(spec, currentSchema(metadata)).fields]),
  )
  return manifest => {
    const fields = specs.get(manifest.specId)
    return mightMatchLeaves(filter, leaf =>
      leafMightMatch(alone(leaf), () =>
        leaf.idPath.at(-2) === partitionId
          ? partitionStatistics(leaf.fieldId, manifest, fields)
          : fileStatistics(leaf.fieldId, manifest),
      ),
    )
  }
}

/** The structs around the columns in question are never null, so their members count like columns. */
function alone(leaf: BoundLeaf): BoundLeaf {
  return { ...leaf, idPath: [leaf.fieldId], path: leaf.path.slice(-1) }
}

function fileStatistics(fieldId: number, manifest: ManifestFile): ColumnStatistics | undefined {
  switch (fieldId) {
    case CONTENT_FIELD.id:
      return manifest.content === 'data'
        ? between(CONTENT_IDS.data, CONTENT_IDS.data)
        : between(CONTENT_IDS['position-deletes'], CONTENT_IDS['equality-deletes'])
    case SPEC_ID_COLUMN.id:
      return between(manifest.specId, manifest.specId)
    default:
      return undefined
  }
}

function between(lower: number, upper: number): ColumnStatistics {
  return { nullCount: 0, nanCount: 0, lower, upper }
}

/** Of a field that the manifest's spec does not have. */
const ALL_NULL: ColumnStatistics = { valueCount: 1, nullCount: 1, nanCount: 0 }

function partitionStatistics(
  fieldId: number,
  { partitions }: ManifestFile,
  fields: readonly Field[] | undefined,
): ColumnStatistics | undefined {
  if (fields === undefined || partitions.length !== fields.length) return undefined
  const index = fields.findIndex(field => field.id === fieldId)
  const summary = partitions[index]
  const field = fields[index]
  return summary === undefined || field === undefined ? ALL_NULL : summaryStatistics(summary, field)
}

function summaryStatistics(summary: PartitionFieldSummary, { type }: Field): ColumnStatistics {
  const stored = { lower: summary.lowerBound, upper: summary.upperBound }
  const bounds = isPrimitive(type) ? parseBounds(type, stored) : {}
  return {
    nullCount: summary.containsNull ? undefined : 0,
    nanCount: summary.containsNan === false ? 0 : undefined,
    ...bounds,
  }
}
