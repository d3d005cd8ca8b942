/**
 * Reports to a REST catalog of what commits did, as Java's client sends them: counted in the summaries of the snapshots.
 * Nobody waits for them, and a report that fails is lost. `rest-metrics-reporting-enabled=false` sends none.
 */
import { booleanProperty } from '../io/aws-properties.js'
import type { Snapshot } from '../metadata/table-metadata.js'
import { type Metrics, type MetricsReport, serializeMetricsReport } from '../rest/metrics-json.js'
import type { LoadedTable, TableCommit, TableIdentifier } from './catalog.js'
import { printIdentifier } from './identifier.js'
import { call, type RestContext } from './rest-context.js'

export interface RestReports {
  /** Sends a report about a table, in the background. */
  send(identifier: TableIdentifier, report: MetricsReport): void
  committed(changes: readonly TableCommit[], tables: readonly LoadedTable[]): void
  /** Waits for what is on its way. */
  close(): Promise<void>
}

/** Summary keys by the names of Java's metrics. */
const COUNTED: readonly (readonly [metric: string, summary: string, unit: 'count' | 'bytes'])[] = [
  ['added-data-files', 'added-data-files', 'count'],
  ['removed-data-files', 'deleted-data-files', 'count'],
  ['total-data-files', 'total-data-files', 'count'],
  ['added-delete-files', 'added-delete-files', 'count'],
  ['added-equality-delete-files', 'added-equality-delete-files', 'count'],
  ['added-positional-delete-files', 'added-position-delete-files', 'count'],
  ['added-dvs', 'added-dvs', 'count'],
  ['removed-delete-files', 'removed-delete-files', 'count'],
  ['removed-equality-delete-files', 'removed-equality-delete-files', 'count'],
  ['removed-positional-delete-files', 'removed-position-delete-files', 'count'],
  ['removed-dvs', 'removed-dvs', 'count'],
  ['total-delete-files', 'total-delete-files', 'count'],
  ['added-records', 'added-records', 'count'],
  ['removed-records', 'deleted-records', 'count'],
  ['total-records', 'total-records', 'count'],
  ['added-files-size-bytes', 'added-files-size', 'bytes'],
  ['removed-files-size-bytes', 'removed-files-size', 'bytes'],
  ['total-files-size-bytes', 'total-files-size', 'bytes'],
  ['added-positional-deletes', 'added-position-deletes', 'count'],
  ['removed-positional-deletes', 'removed-position-deletes', 'count'],
  ['total-positional-deletes', 'total-position-deletes', 'count'],
  ['added-equality-deletes', 'added-equality-deletes', 'count'],
  ['removed-equality-deletes', 'removed-equality-deletes', 'count'],
  ['total-equality-deletes', 'total-equality-deletes', 'count'],
  ['manifests-created', 'manifests-created', 'count'],
  ['manifests-replaced', 'manifests-replaced', 'count'],
  ['manifests-kept', 'manifests-kept', 'count'],
  ['manifest-entries-processed', 'entries-processed', 'count'],
]

/** Reports on their way at once; what comes on top is not sent. */
const UNDERWAY_MAX = 4

export function restReports(context: RestContext): RestReports {
  const isOn =
    booleanProperty(context.properties, 'rest-metrics-reporting-enabled', true) &&
    context.endpoints.has('reportMetrics')
  const underway = new Set<Promise<unknown>>()
  const stop = new AbortController()
  const send: RestReports['send'] = (identifier, report) => {
    if (!isOn || underway.size >= UNDERWAY_MAX) return
    const sent = call(context, {
      endpoint: 'reportMetrics',
      path: context.paths.table(identifier, 'metrics'),
      json: serializeMetricsReport(report),
      about: { table: printIdentifier(identifier) },
      signal: stop.signal,
    })
      .catch(() => undefined)
      .finally(() => underway.delete(sent))
    underway.add(sent)
  }
  return {
    send,
    committed(changes, tables) {
      if (!isOn) return
      changes.forEach(({ identifier, updates }, index) => {
        const added = updates.flatMap(update => (update.action === 'add-snapshot' ? [update.snapshot] : []))
        const snapshot = added.at(-1)
        if (snapshot !== undefined && tables[index] !== undefined)
          send(identifier, reportOf(context, identifier, snapshot))
      })
    },
    async close() {
      await Promise.race([Promise.allSettled(underway), context.runtime.sleep(CLOSE_WAIT_MS, stop.signal)])
      stop.abort()
      await Promise.allSettled(underway)
    },
  }
}

/** How long the last reports may take. */
const CLOSE_WAIT_MS = 2000

function reportOf(context: RestContext, identifier: TableIdentifier, snapshot: Snapshot): MetricsReport {
  const { snapshotId, sequenceNumber, operation = 'append', summary } = snapshot
  return {
    reportType: 'commit-report',
    tableName: `${context.name}.${printIdentifier(identifier)}`,
    snapshotId,
    sequenceNumber,
    operation,
    metrics: metricsOf(summary),
    metadata: {},
  }
}

function metricsOf(summary: Readonly<Record<string, string>>): Metrics {
  const metrics: Record<string, Metrics[string]> = {}
  for (const [metric, key, unit] of COUNTED) {
    const text = summary[key]
    if (text !== undefined && /^\d{1,18}$/.test(text))
      metrics[metric] = { kind: 'counter', unit, value: BigInt(text) }
  }
  return metrics
}
