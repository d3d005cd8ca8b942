// The process of one job of bench/parquet.mjs.
import { join } from 'node:path'
import { LIBRARY_FLAGS, runChild, seracCommand } from '../shared/child.mjs'

export function runJob(options, job) {
  const { codec, level, pageVersion, fsync, rows, folder, dist, peers } = options
  const message = { codec, level, pageVersion, fsync, rows, folder, dist, peers, ...job }
  return runChild(commandOf(options, job), message)
}

function commandOf(options, job) {
  const script = name => join(import.meta.dirname, name)
  if (['pyarrow', 'pyarrow-dictionary', 'duckdb', 'pyiceberg'].includes(job.engine)) {
    return { command: options.python, args: [script('peers.py')] }
  }
  const node = job.node ?? options.nodes[0]
  if (!job.engine.startsWith('serac')) {
    return { command: node.path, args: [...LIBRARY_FLAGS, script('libraries.mjs')] }
  }
  return seracCommand(script('serac.mjs'), { ...job, node })
}
