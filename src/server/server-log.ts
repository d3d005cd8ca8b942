/**
 * What a server says about itself: one record for each request, and one more, `audit`, for each change of the catalog.
 * Records hold names, sizes and outcomes; never tokens, bodies, filters or values.
 */
import { stringifyJson } from '../base/json.js'
import type { Runtime } from '../base/runtime.js'
import { formatTimestamp } from '../schema/time.js'

export type LogValue = string | number | bigint | boolean | readonly string[] | undefined

export interface LogRecord {
  /** ISO 8601, UTC. */
  readonly time: string
  readonly event: 'start' | 'stop' | 'request' | 'audit' | 'metrics-report' | 'warning' | 'error'
  readonly [member: string]: LogValue
}

export interface ServerLog {
  write(event: LogRecord['event'], members: Readonly<Record<string, LogValue>>): void
}

export function createServerLog(runtime: Runtime, sink: (record: LogRecord) => void): ServerLog {
  return {
    write(event, members) {
      const micros = BigInt(Math.trunc(runtime.nowMs())) * 1000n
      const time = formatTimestamp(micros, { zoned: true, unit: 'micros' })
      sink({ time, event, ...members })
    },
  }
}

/** A record as a line of JSON. */
export function logLine(record: LogRecord): string {
  return `${stringifyJson(record)}\n`
}
