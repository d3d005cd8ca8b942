// Starts the process of one job and takes its answer, the last line it prints.
import { spawn } from 'node:child_process'
import { join } from 'node:path'

const MINUTES_MAX = 20

export async function runJob(options, job) {
  const { codec, level, pageVersion, fsync, rows, folder, dist, peers } = options
  const message = JSON.stringify({ codec, level, pageVersion, fsync, rows, folder, dist, peers, ...job })
  const { command, args, environment } = commandOf(options, job)
  const printed = await outputOf(command, [...args, message], { ...process.env, ...environment })
  return JSON.parse(printed.trim().split('\n').at(-1))
}

function commandOf(options, job) {
  const script = name => join(import.meta.dirname, name)
  if (['pyarrow', 'pyarrow-dictionary', 'duckdb', 'pyiceberg'].includes(job.engine)) {
    return { command: options.python, args: [script('peers.py')], environment: {} }
  }
  const command = (job.node ?? options.nodes[0]).path
  if (!job.engine.startsWith('serac')) {
    // Values of JavaScript by the hundred million need a heap that Node does not take by itself.
    return {
      command,
      args: ['--expose-gc', '--max-old-space-size=14000', script('libraries.mjs')],
      environment: {},
    }
  }
  const profile = job.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${job.profile}`]
  return {
    command,
    args: ['--expose-gc', ...profile, script('serac.mjs')],
    environment: { SERAC_WORKER_THREADS: String(job.workers ?? 0) },
  }
}

function outputOf(command, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env,
      timeout: MINUTES_MAX * 60_000,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const parts = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr']) {
      child[name].setEncoding('utf8').on('data', text => {
        parts[name] += text
      })
    }
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0) resolve(parts.stdout)
      else
        reject(new Error(`exit ${code ?? signal}: ${parts.stderr.trim().split('\n').slice(-8).join(' / ')}`))
    })
  })
}
