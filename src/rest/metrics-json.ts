/**
 * Reports of what a scan or a commit cost, sent to the server. Metrics have open names (`result-data-files`,
 * `total-planning-duration`); reports of kinds that are not known are kept as what they are.
 * @see Iceberg REST catalog specification, ReportMetricsRequest, ScanReport, CommitReport
 */
import { unreachable } from '../base/assert.js'
import type { JsonObject, JsonValue } from '../base/json.js'
import {
  asObject,
  intsOf,
  requiredInt,
  requiredLong,
  requiredMember,
  requiredText,
  textMapOf,
  textsOf,
} from '../base/json-fields.js'

export type MetricResult =
  | { readonly kind: 'counter'; readonly unit: 'count' | 'bytes' | string; readonly value: bigint }
  | {
      readonly kind: 'timer'
      /** `nanoseconds` and so on. */
      readonly timeUnit: string
      readonly count: bigint
      readonly totalDuration: bigint
    }

export type Metrics = Readonly<Record<string, MetricResult>>

export interface ScanReport {
  readonly reportType: 'scan-report'
  readonly tableName: string
  readonly snapshotId: bigint
  /** A predicate in its wire form. */
  readonly filter: JsonValue
  readonly schemaId: number
  readonly projectedFieldIds: readonly number[]
  readonly projectedFieldNames: readonly string[]
  readonly metrics: Metrics
  readonly metadata: Readonly<Record<string, string>>
}

export interface CommitReport {
  readonly reportType: 'commit-report'
  readonly tableName: string
  readonly snapshotId: bigint
  readonly sequenceNumber: bigint
  readonly operation: string
  readonly metrics: Metrics
  readonly metadata: Readonly<Record<string, string>>
}

export type MetricsReport =
  | ScanReport
  | CommitReport
  | { readonly reportType: 'other'; readonly json: JsonObject }

/** @throws corrupt */
export function parseMetricsReport(json: JsonObject): MetricsReport {
  switch (requiredText(json, 'report-type')) {
    case 'scan-report':
      return {
        reportType: 'scan-report',
        ...parseSubject(json),
        filter: requiredMember(json, 'filter'),
        schemaId: requiredInt(json, 'schema-id'),
        projectedFieldIds: intsOf(json, 'projected-field-ids'),
        projectedFieldNames: textsOf(json, 'projected-field-names') ?? [],
      }
    case 'commit-report':
      return {
        reportType: 'commit-report',
        ...parseSubject(json),
        sequenceNumber: requiredLong(json, 'sequence-number'),
        operation: requiredText(json, 'operation'),
      }
    default:
      return { reportType: 'other', json }
  }
}

function parseSubject(
  json: JsonObject,
): Pick<ScanReport, 'tableName' | 'snapshotId' | 'metrics' | 'metadata'> {
  const metrics = Object.entries(asObject(json.metrics ?? {}, 'metrics'))
  return {
    tableName: requiredText(json, 'table-name'),
    snapshotId: requiredLong(json, 'snapshot-id'),
    metrics: Object.fromEntries(metrics.map(([name, value]) => [name, parseMetric(asObject(value, name))])),
    metadata: textMapOf(json, 'metadata'),
  }
}

function parseMetric(json: JsonObject): MetricResult {
  if (json['time-unit'] === undefined)
    return { kind: 'counter', unit: requiredText(json, 'unit'), value: requiredLong(json, 'value') }
  return {
    kind: 'timer',
    timeUnit: requiredText(json, 'time-unit'),
    count: requiredLong(json, 'count'),
    totalDuration: requiredLong(json, 'total-duration'),
  }
}

export function serializeMetricsReport(report: MetricsReport): JsonObject {
  const { reportType } = report
  switch (reportType) {
    case 'scan-report':
      return {
        'report-type': reportType,
        'table-name': report.tableName,
        'snapshot-id': report.snapshotId,
        filter: report.filter,
        'schema-id': report.schemaId,
        'projected-field-ids': report.projectedFieldIds,
        'projected-field-names': report.projectedFieldNames,
        ...serializeMetrics(report),
      }
    case 'commit-report':
      return {
        'report-type': reportType,
        'table-name': report.tableName,
        'snapshot-id': report.snapshotId,
        'sequence-number': report.sequenceNumber,
        operation: report.operation,
        ...serializeMetrics(report),
      }
    case 'other':
      return report.json
    default:
      return unreachable(report)
  }
}

function serializeMetrics({ metrics, metadata }: Pick<ScanReport, 'metrics' | 'metadata'>): JsonObject {
  const entries = Object.entries(metrics).map(([name, metric]) => [name, serializeMetric(metric)] as const)
  return {
    metrics: Object.fromEntries(entries),
    ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
  }
}

function serializeMetric(metric: MetricResult): JsonObject {
  return metric.kind === 'counter'
    ? { unit: metric.unit, value: metric.value }
    : { count: metric.count, 'time-unit': metric.timeUnit, 'total-duration': metric.totalDuration }
}
