#!/usr/bin/env node
/** The `serac` command. */
import { readFile, writeFile } from 'node:fs/promises'
import process from 'node:process'
import { runCli } from './run.js'

// A reader that went away (`serac scan t | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

const abort = new AbortController()
process.once('SIGINT', () => abort.abort(new Error('interrupted')))
process.once('SIGTERM', () => abort.abort(new Error('terminated')))

process.exitCode = await runCli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
  cwd: process.cwd(),
  environment: process.env,
  readFile,
  writeFile,
  signal: abort.signal,
})
// A feed that was left before its end does not keep the process.
process.stdin.destroy()
