/**
 * What planning a scan came to, as the report of a client, with the names of Java's metrics. The literals of the filter stay
 * with the client: as in Java a report says their kind, and of texts and bytes a hash, by which equal ones can be told.
 * @see Iceberg REST catalog specification, ScanReport
 */
import { utf8Encode } from '../base/bytes.js'
import type { JsonObject, JsonValue } from '../base/json.js'
import type { Bound, BoundLeaf } from '../expression/bind.js'
import { murmur3 } from '../schema/murmur3.js'
import type { PrimitiveType, Value } from '../schema/types.js'
import type { MetricResult, ScanReport } from './metrics-json.js'

/** A scan that was planned. */
export interface ScanFigures {
  readonly snapshotId: bigint
  readonly schemaId: number
  readonly filter: Bound
  /** The leaves that are read, by their full names. */
  readonly projected: readonly { readonly id: number; readonly name: string }[]
  readonly planningMs: number
  readonly dataManifests: { readonly total: number; readonly skipped: number }
  readonly deleteManifests: { readonly total: number; readonly skipped: number }
  /** Files to read, and those that were skipped in manifests that were read. */
  readonly dataFiles: { readonly result: number; readonly skipped: number; readonly sizeBytes: number }
  readonly deleteFiles: {
    /** Of all tasks: one that two data files need counts twice, and its size too. */
    readonly result: number
    readonly sizeBytes: number
    /** Live in the manifests that were read, and those of them that no task needs. */
    readonly indexed: number
    readonly skipped: number
    /** Of the indexed ones, where it is known of all. */
    readonly kinds?: { readonly equality: number; readonly positional: number; readonly vectors: number }
  }
}

export function scanReportOf(figures: ScanFigures, tableName: string): ScanReport {
  const { snapshotId, schemaId, projected } = figures
  return {
    reportType: 'scan-report',
    tableName,
    snapshotId,
    filter: filterWithoutLiterals(figures.filter),
    schemaId,
    projectedFieldIds: projected.map(field => field.id),
    projectedFieldNames: projected.map(field => field.name),
    metrics: metricsOf(figures),
    metadata: {},
  }
}

function metricsOf(figures: ScanFigures): Readonly<Record<string, MetricResult>> {
  const { planningMs, dataManifests, deleteManifests, dataFiles, deleteFiles } = figures
  const { kinds } = deleteFiles
  return {
    'total-planning-duration': {
      kind: 'timer',
      timeUnit: 'nanoseconds',
      count: 1n,
      totalDuration: BigInt(Math.round(Math.max(0, planningMs) * 1e6)),
    },
    'result-data-files': counter(dataFiles.result),
    'result-delete-files': counter(deleteFiles.result),
    'total-data-manifests': counter(dataManifests.total),
    'total-delete-manifests': counter(deleteManifests.total),
    'scanned-data-manifests': counter(dataManifests.total - dataManifests.skipped),
    'skipped-data-manifests': counter(dataManifests.skipped),
    'total-file-size-in-bytes': counter(dataFiles.sizeBytes, 'bytes'),
    'total-delete-file-size-in-bytes': counter(deleteFiles.sizeBytes, 'bytes'),
    'skipped-data-files': counter(dataFiles.skipped),
    'skipped-delete-files': counter(deleteFiles.skipped),
    'scanned-delete-manifests': counter(deleteManifests.total - deleteManifests.skipped),
    'skipped-delete-manifests': counter(deleteManifests.skipped),
    'indexed-delete-files': counter(deleteFiles.indexed),
    ...(kinds === undefined
      ? {}
      : {
          'equality-delete-files': counter(kinds.equality),
          'positional-delete-files': counter(kinds.positional),
          dvs: counter(kinds.vectors),
        }),
  }
}

function counter(value: number, unit: 'count' | 'bytes' = 'count'): MetricResult {
  return { kind: 'counter', unit, value: BigInt(value) }
}

// ---- the filter

/** Of a set, values that can be told apart. */
const VALUES_MAX = 16

function filterWithoutLiterals(filter: Bound): JsonValue {
  switch (filter.op) {
    case 'true':
    case 'false':
      return filter.op === 'true'
    case 'and':
    case 'or':
      return {
        type: filter.op,
        left: filterWithoutLiterals(filter.left),
        right: filterWithoutLiterals(filter.right),
      }
    default:
      return leafWithoutLiterals(filter)
  }
}

function leafWithoutLiterals(leaf: BoundLeaf): JsonObject {
  const { op, path } = leaf
  const term = path.join('.')
  if ('values' in leaf) {
    const values = new Set(leaf.values.map(value => kindOfLiteral(leaf.type, value)))
    return { type: op, term, values: [...values].slice(0, VALUES_MAX) }
  }
  return 'value' in leaf
    ? { type: op, term, value: kindOfLiteral(leaf.type, leaf.value) }
    : { type: op, term }
}

function kindOfLiteral(type: PrimitiveType, value: Value): string {
  switch (type.kind) {
    case 'int':
    case 'long':
      return `(${digitsOf(value)}-digit-int)`
    case 'float':
    case 'double':
      return `(${digitsOf(value)}-digit-float)`
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return '(timestamp)'
    case 'boolean':
    case 'date':
    case 'time':
    case 'decimal':
      return `(${type.kind})`
    default:
      return `(hash-${hashOf(value)})`
  }
}

/** Of the whole part. */
function digitsOf(value: Value): number {
  const size = Math.abs(Number(value))
  return size >= 1 && Number.isFinite(size) ? Math.floor(Math.log10(size)) + 1 : 1
}

function hashOf(value: Value): string {
  const hash = murmur3(value instanceof Uint8Array ? value : utf8Encode(String(value)))
  return (hash >>> 0).toString(16).padStart(8, '0')
}
