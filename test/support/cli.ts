/** Runs the command line inside the test's process, with its own streams and folder. */
import { readFile, writeFile } from 'node:fs/promises'
import { runCli } from '../../src/cli/run.js'

export interface CliResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export async function serac(
  args: readonly string[],
  options: { readonly cwd: string; readonly stdin?: string; readonly environment?: Record<string, string> },
): Promise<CliResult> {
  const out: Uint8Array[] = []
  const err: Uint8Array[] = []
  const sink = (parts: Uint8Array[]) => ({
    write: (text: string | Uint8Array) => {
      parts.push(typeof text === 'string' ? Buffer.from(text) : text)
      return true
    },
    once: () => undefined,
  })
  const exitCode = await runCli(args, {
    stdout: sink(out),
    stderr: sink(err),
    stdin: (async function* () {
      yield Buffer.from(options.stdin ?? '')
    })(),
    cwd: options.cwd,
    environment: options.environment ?? {},
    readFile,
    writeFile,
    signal: new AbortController().signal,
  })
  return { exitCode, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }
}

/** The standard output of a command that must succeed. */
export async function seracOk(
  args: readonly string[],
  options: { readonly cwd: string; readonly stdin?: string },
): Promise<string> {
  const result = await serac(args, options)
  if (result.exitCode !== 0) throw new Error(`serac ${args.join(' ')} failed: ${result.stderr}`)
  return result.stdout
}
