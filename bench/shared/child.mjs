// Starts the process of one job and takes its answer, the last line it prints.
import { spawn } from 'node:child_process'

const MINUTES_MAX = 20

/** `job` goes to the command as JSON, its last argument. */
export async function runChild({ command, args = [], environment = {} }, job) {
  const printed = await outputOf(command, [...args, JSON.stringify(job)], { ...process.env, ...environment })
  return JSON.parse(printed.trim().split('\n').at(-1))
}

/** Values of JavaScript by the hundred million need a heap that Node does not take by itself. */
export const LIBRARY_FLAGS = ['--expose-gc', '--max-old-space-size=14000']

/** How Node runs serac's side of a job. */
export function seracCommand(script, { node, profile, workers = 0 }) {
  const profiling = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]
  return {
    command: node.path,
    args: ['--expose-gc', ...profiling, script],
    environment: { SERAC_WORKER_THREADS: String(workers) },
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
