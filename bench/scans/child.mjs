// The process of one job of bench/scans.mjs.
import { join } from 'node:path'
import { LIBRARY_FLAGS, runChild, seracCommand } from '../shared/child.mjs'

export function runJob(options, job) {
  const { rows, dist, peers } = options
  return runChild(commandOf(options, job), { rows, dist, peers, ...job })
}

function commandOf(options, job) {
  const script = name => join(import.meta.dirname, name)
  const node = job.node ?? options.nodes[0]
  switch (job.engine) {
    case 'serac':
      return seracCommand(script('serac.mjs'), { ...job, node })
    case 'icebird':
      return { command: node.path, args: [...LIBRARY_FLAGS, script('icebird.mjs')] }
    case 'iceberg-rust':
      return { command: options.icebergRust }
    default:
      return { command: options.icebergPython, args: [script('peers.py')] }
  }
}
