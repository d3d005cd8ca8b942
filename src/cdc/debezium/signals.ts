/**
 * The signal table, through which incremental snapshots are asked for and their windows are marked in the log:
 * `{id, type, data}`. What is written to it is no data of the source.
 */
import type { ExactJson } from '../../base/json.js'
import { isExactObject } from '../feed-lines.js'
import { textOf, type ValueRecord } from './record.js'

const SIGNALS: ReadonlySet<string> = new Set([
  ...['snapshot-window-open', 'snapshot-window-close', 'execute-snapshot'],
  ...['stop-snapshot', 'pause-snapshot', 'resume-snapshot', 'schema-changes'],
])

/** Tells records of signal tables, from the first one on that shows a signal. */
export function createSignalFilter(): (record: ValueRecord) => boolean {
  const tables = new Set<string>()
  return ({ value, line }) => {
    const { source } = value
    if (!isExactObject(source)) return false
    const name = `${source.db ?? ''}\u0000${source.schema ?? ''}\u0000${textOf(source.table ?? '', 'table', line)}`
    if (isSignalRow(value.after) || isSignalRow(value.before)) tables.add(name)
    return tables.has(name)
  }
}

function isSignalRow(image: ExactJson | undefined): boolean {
  if (!isExactObject(image) || typeof image.type !== 'string' || !SIGNALS.has(image.type)) return false
  return Object.keys(image).length === 3 && image.id !== undefined && image.data !== undefined
}
