/** Counters and histograms of a server in Prometheus' text form. Labels have few values: no table, no principal. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Admission } from './limits.js'

export interface ServerMetrics {
  readonly contentType: string
  /** One request is over. `route` is a pattern of the specification, or `other`. */
  request(done: { readonly route: string; readonly status: number; readonly seconds: number }): void
  /** A commit is over: `committed`, `conflict`, `unknown`. */
  commit(outcome: string): void
  /** A client reported its metrics. */
  report(type: string): void
  /** Rows that left through the row endpoint. */
  rows(count: number): void
  text(): Promise<string>
}

const SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

export function createServerMetrics(admission: Admission): ServerMetrics {
  const registers = [new Registry()]
  const requests = new Counter({
    name: 'serac_requests_total',
    help: 'Requests by route and status',
    labelNames: ['route', 'status'] as const,
    registers,
  })
  const durations = new Histogram({
    name: 'serac_request_duration_seconds',
    help: 'How long requests took',
    labelNames: ['route'] as const,
    buckets: SECONDS,
    registers,
  })
  const commits = new Counter({
    name: 'serac_commits_total',
    help: 'Commits to tables and views by their outcome',
    labelNames: ['outcome'] as const,
    registers,
  })
  const reports = new Counter({
    name: 'serac_metrics_reports_total',
    help: 'Reports of scans and commits that clients sent',
    labelNames: ['type'] as const,
    registers,
  })
  const rows = new Counter({ name: 'serac_rows_total', help: 'Rows sent by the row endpoint', registers })
  gauge(registers, 'serac_requests_at_work', 'Requests at work', () => admission.atWork)
  gauge(registers, 'process_resident_memory_bytes', 'Memory of the process', () => process.memoryUsage.rss())
  gauge(registers, 'nodejs_heap_size_used_bytes', 'Used heap', () => process.memoryUsage().heapUsed)
  gauge(registers, 'process_uptime_seconds', 'Seconds since the process began', () => process.uptime())
  const [registry] = registers
  return {
    contentType: registry?.contentType ?? 'text/plain',
    request({ route, status, seconds }) {
      requests.inc({ route, status: String(status) })
      durations.observe({ route }, seconds)
    },
    commit: outcome => commits.inc({ outcome }),
    report: type => reports.inc({ type }),
    rows: count => rows.inc(count),
    text: async () => (await registry?.metrics()) ?? '',
  }
}

function gauge(registers: Registry[], name: string, help: string, read: () => number): void {
  // `collect` is called with the gauge as `this`, for whoever asks for the text.
  new Gauge({
    name,
    help,
    registers,
    collect() {
      this.set(read())
    },
  })
}
