/**
 * The metadata levels of pruning: manifests by their partition summaries, files by partition tuple and column
 * bounds. Everything here is pure and errs on the side of keeping: what is skipped is proven to hold no row
 * that the filter accepts.
 */
import { type Bound, boundFields } from '../expression/bind.js'
import {
  mightMatchSummaries,
  mightMatchTuple,
  mustMatchTuple,
  projectInclusive,
  projectStrict,
} from '../expression/partition-projection.js'
import { mightMatch, mustMatch } from '../expression/statistics.js'
import { statisticsOf } from '../manifest/bounds.js'
import type { ContentFile } from '../manifest/content-file.js'
import type { EntrySelector } from '../manifest/entry-select.js'
import { type ManifestFile, mightHaveLiveFiles } from '../manifest/manifest-file.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { partitionType } from '../schema/partition.js'
import type { PartitionSpec } from '../schema/partition-spec.js'
import { parseBounds } from '../schema/stored-bounds.js'
import type { Field, Schema } from '../schema/types.js'
import { isPrimitive } from '../schema/types.js'

export interface Pruner {
  /** False when the manifest holds no live file, or none whose partition can match. */
  keepManifest(manifest: ManifestFile): boolean
  /** Which entries of a manifest of the spec may hold a row that matches. */
  selectorOf(specId: number): EntrySelector
  /** True when every row of the file is proven to match, so that the filter need not be evaluated. */
  isCovered(file: ContentFile): boolean
}

/** Projects the filter onto each partition spec once. */
export function createPruner(filter: Bound, metadata: TableMetadata, schema: Schema): Pruner {
  const fieldIds = boundFields(filter)
  const selectors = new Map<number, EntrySelector>()
  const specs = new Map<number, SpecFilter | undefined>()
  const filterOf = (specId: number): SpecFilter | undefined => {
    if (!specs.has(specId)) {
      const spec = metadata.partitionSpecs.find(candidate => candidate.specId === specId)
      specs.set(specId, spec === undefined ? undefined : projectOnto(filter, spec, schema))
    }
    return specs.get(specId)
  }
  return {
    keepManifest: manifest =>
      mightHaveLiveFiles(manifest) && keepPartitions(filterOf(manifest.specId), manifest),
    selectorOf(specId) {
      const known = selectors.get(specId)
      if (known !== undefined) return known
      const spec = filterOf(specId)
      const selector: EntrySelector = {
        keepPartition: tuple => spec === undefined || mightMatchTuple(spec.inclusive, spec.fields, tuple),
        keepFile: statistics => mightMatch(filter, statistics),
        fieldIds,
        judged: new WeakMap(),
      }
      selectors.set(specId, selector)
      return selector
    },
    isCovered(file) {
      if (filter.op === 'true') return true
      const spec = filterOf(file.specId)
      if (spec !== undefined && mustMatchTuple(spec.strict, spec.fields, file.partition)) return true
      return mustMatch(filter, statisticsOf(file, schema))
    },
  }
}

interface SpecFilter {
  readonly fields: readonly Field[]
  readonly inclusive: Bound
  readonly strict: Bound
}

function projectOnto(filter: Bound, spec: PartitionSpec, schema: Schema): SpecFilter {
  return {
    fields: partitionType(spec, schema).fields,
    inclusive: projectInclusive(filter, spec, schema),
    strict: projectStrict(filter, spec, schema),
  }
}

function keepPartitions(spec: SpecFilter | undefined, manifest: ManifestFile): boolean {
  if (spec === undefined || manifest.partitions.length !== spec.fields.length) return true
  const summaries = manifest.partitions.map((summary, index) => {
    const type = spec.fields[index]?.type
    const stored = { lower: summary.lowerBound, upper: summary.upperBound }
    const bounds = type === undefined || !isPrimitive(type) ? {} : parseBounds(type, stored)
    return {
      containsNull: summary.containsNull,
      containsNan: summary.containsNan,
      ...bounds,
      // The spec leaves both bounds out only when there is no value; without a null that is not believed.
      allNullOrNan:
        summary.containsNull && summary.lowerBound === undefined && summary.upperBound === undefined,
    }
  })
  return mightMatchSummaries(spec.inclusive, spec.fields, summaries)
}
