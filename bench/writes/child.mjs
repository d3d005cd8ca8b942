// The process of one job of bench/writes.mjs.
import { join } from 'node:path'
import { LIBRARY_FLAGS, runChild, seracCommand } from '../shared/child.mjs'

export function runJob(options, job) {
  const { dist, icebird } = options
  return runChild(commandOf(options, job), { dist, icebird, ...job })
}

/** What a table holds, read by an engine that did not write it where there is one. */
export function judgeTable(options, table) {
  return runJob(options, { task: 'judge', engine: table.kind === 'duckdb' ? 'duckdb' : 'judge', table })
}

function commandOf(options, job) {
  const script = name => join(import.meta.dirname, name)
  const node = job.node ?? options.nodes[0]
  switch (job.engine) {
    case 'serac':
      return seracCommand(script('serac.mjs'), { ...job, node })
    case 'icebird':
      return { command: node.path, args: [...LIBRARY_FLAGS, script('icebird.mjs')] }
    case 'spark':
      return { command: options.sparkPython, args: [script('spark.py')] }
    case 'judge':
      return { command: options.icebergPython, args: [script('judge.py')] }
    case 'duckdb':
      return { command: options.python, args: [script(job.task === 'judge' ? 'judge.py' : 'duckdb_file.py')] }
    case 'delta-rs':
      return { command: options.python, args: [script('delta.py')] }
    default:
      return { command: options.python, args: [script('pyiceberg_table.py')] }
  }
}
