/**
 * Reports to a REST catalog, as Java's client sends them: what planning a scan came to, and what a commit did, counted in
 * the summary of its snapshot. Nobody waits for them, and a report that fails is lost. `rest-metrics-reporting-enabled=false`
 * sends none.
 */
import { booleanProperty } from '../io/aws-properties.js'
import type { Snapshot } from '../metadata/table-metadata.js'
import { type Metrics, type MetricsReport, serializeMetricsReport } from '../rest/metrics-json.js'
import { type ScanFigures, scanReportOf } from '../rest/scan-report.js'
import type { LoadedTable, TableCommit, TableIdentifier } from './catalog.js'
import { printIdentifier } from './identifier.js'
import { call, type RestContext } from './rest-context.js'
import type { RestTables } from './rest-tables.js'

export interface RestReports {
  /** Undefined where no reports are wanted. */
  readonly scanned: ((identifier: TableIdentifier, figures: ScanFigures) => void) | undefined
  committed(changes: readonly TableCommit[], tables: readonly LoadedTable[]): void
  /** Waits a moment for what is on its way and waiting. */
  close(): Promise<void>
}

/** Reports on their way at once, and those that wait for their turn; what comes on top is not sent. */
const UNDERWAY_MAX = 4
const WAITING_MAX = 64
/** How long one may be on its way, and how long closing waits for all. */
const REPORT_MS_MAX = 30_000
const CLOSE_WAIT_MS = 2_000

export function restReports(context: RestContext, tables: Pick<RestTables, 'authOf'>): RestReports {
  const isOn =
    booleanProperty(context.properties, 'rest-metrics-reporting-enabled', true) &&
    context.endpoints.has('reportMetrics')
  if (!isOn) return { scanned: undefined, committed: () => {}, close: async () => {} }
  const queue = createReportQueue(context, (identifier, report, signal) =>
    call(context, {
      endpoint: 'reportMetrics',
      path: context.paths.table(identifier, 'metrics'),
      json: serializeMetricsReport(report),
      auth: tables.authOf(identifier),
      about: { table: printIdentifier(identifier) },
      signal,
    }),
  )
  return {
    scanned(identifier, figures) {
      queue.add(identifier, () => scanReportOf(figures, nameOf(context, identifier)))
    },
    committed(changes, states) {
      changes.forEach(({ identifier, updates }, index) => {
        const added = updates.flatMap(update => (update.action === 'add-snapshot' ? [update.snapshot] : []))
        const snapshot = added.at(-1)
        if (snapshot !== undefined && states[index] !== undefined)
          queue.add(identifier, () => commitReportOf(snapshot, nameOf(context, identifier)))
      })
    },
    close: () => queue.close(),
  }
}

/** As Java names a table of a catalog. */
function nameOf({ name }: RestContext, identifier: TableIdentifier): string {
  return `${name}.${printIdentifier(identifier)}`
}

// ---- the queue

interface ReportQueue {
  /** Never fails. */
  add(identifier: TableIdentifier, report: () => MetricsReport): void
  close(): Promise<void>
}

type Send = (identifier: TableIdentifier, report: MetricsReport, signal: AbortSignal) => Promise<unknown>

function createReportQueue({ runtime }: Pick<RestContext, 'runtime'>, send: Send): ReportQueue {
  const waiting: (() => Promise<void>)[] = []
  const underway = new Set<Promise<void>>()
  const stop = new AbortController()

  const sendOne = async (identifier: TableIdentifier, report: () => MetricsReport): Promise<void> => {
    const late = new AbortController()
    const done = new AbortController()
    runtime.sleep(REPORT_MS_MAX, done.signal).then(
      () => late.abort(),
      () => undefined,
    )
    try {
      await send(identifier, report(), AbortSignal.any([stop.signal, late.signal]))
    } catch {
      // Whoever measured has other things to do.
    } finally {
      done.abort()
    }
  }
  const startNext = (): void => {
    while (underway.size < UNDERWAY_MAX) {
      const next = waiting.shift()
      if (next === undefined) return
      const sent = next().finally(() => {
        underway.delete(sent)
        startNext()
      })
      underway.add(sent)
    }
  }
  const drained = async (): Promise<void> => {
    while (underway.size > 0) await Promise.race(underway)
  }
  return {
    add(identifier, report) {
      if (stop.signal.aborted || waiting.length >= WAITING_MAX) return
      waiting.push(() => sendOne(identifier, report))
      startNext()
    },
    async close() {
      const waited = new AbortController()
      await Promise.race([drained(), runtime.sleep(CLOSE_WAIT_MS, waited.signal)])
      waited.abort()
      waiting.length = 0
      stop.abort()
      await drained()
    },
  }
}

// ---- what a commit did

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

function commitReportOf(snapshot: Snapshot, tableName: string): MetricsReport {
  const { snapshotId, sequenceNumber, operation = 'append', summary } = snapshot
  return {
    reportType: 'commit-report',
    tableName,
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
