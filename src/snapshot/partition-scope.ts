/** A set of partitions, of several specs, and whether a manifest might hold files of one of them. */
import type { ContentFile } from '../manifest/content-file.js'
import type { ManifestFile, PartitionFieldSummary } from '../manifest/manifest-file.js'
import { currentSchema, specById } from '../metadata/lookup.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { partitionKey, partitionTypes } from '../schema/partition.js'
import type { PartitionTuple } from '../schema/partition-spec.js'
import { parseBounds } from '../schema/stored-bounds.js'
import { isPrimitive, type Schema, type Type, type Value } from '../schema/types.js'
import { compareValues } from '../schema/value.js'

/** More partitions than this are not looked up one by one in a manifest's summary. */
const TUPLES_MAX = 1_000

export interface PartitionScope {
  /** False only when the manifest certainly holds no file of these partitions. */
  mightBeIn(manifest: ManifestFile): boolean
  /** True for a file of one of the partitions. */
  has(file: ContentFile): boolean
}

/** The partitions of the files. */
export function partitionScope(metadata: TableMetadata, files: readonly ContentFile[]): PartitionScope {
  const bySpec = new Map<number, { types: readonly Type[]; tuples: Map<string, PartitionTuple> }>()
  for (const file of files) {
    let scope = bySpec.get(file.specId)
    if (scope === undefined) {
      const spec = specById(metadata, file.specId)
      const types = spec === undefined ? [] : partitionTypes(spec, newestFirst(metadata))
      scope = { types, tuples: new Map() }
      bySpec.set(file.specId, scope)
    }
    scope.tuples.set(partitionKey(scope.types, file.partition), file.partition)
  }
  return {
    mightBeIn: manifest => {
      const scope = bySpec.get(manifest.specId)
      if (scope === undefined) return false
      const { types, tuples } = scope
      if (tuples.size > TUPLES_MAX || manifest.partitions.length !== types.length) return true
      return [...tuples.values()].some(tuple => mightHold(manifest.partitions, types, tuple))
    },
    has: ({ specId, partition }) => {
      const scope = bySpec.get(specId)
      return scope?.tuples.has(partitionKey(scope.types, partition)) === true
    },
  }
}

/** The current schema says the types; older ones those of columns dropped since. */
function newestFirst(metadata: TableMetadata): readonly Schema[] {
  return [currentSchema(metadata), ...[...metadata.schemas].reverse()]
}

function mightHold(
  summaries: readonly PartitionFieldSummary[],
  types: readonly Type[],
  tuple: PartitionTuple,
): boolean {
  return summaries.every((summary, index) => {
    const type = types[index]
    return type === undefined || mightHoldValue(summary, type, tuple[index] ?? null)
  })
}

function mightHoldValue(summary: PartitionFieldSummary, type: Type, value: Value): boolean {
  if (value === null) return summary.containsNull
  if (!isPrimitive(type)) return true
  if ((type.kind === 'float' || type.kind === 'double') && value === 0) return true
  if (Number.isNaN(value)) return summary.containsNan !== false
  const { lower, upper } = parseBounds(type, { lower: summary.lowerBound, upper: summary.upperBound })
  if (lower !== undefined && compareValues(type, value, lower) < 0) return false
  return upper === undefined || compareValues(type, value, upper) <= 0
}
