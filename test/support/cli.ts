/** Runs the command line inside the test's process, with its own streams and folder. */
import { readFile, writeFile } from 'node:fs/promises'
import { runCli } from '../../src/cli/run.js'

export interface CliResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export interface CliOptions {
  readonly cwd: string
  readonly stdin?: string | Uint8Array
  readonly environment?: Readonly<Record<string, string>>
  /** Stands in for the files of the package and of the working folder. */
  readonly readFile?: (path: string) => Promise<Uint8Array>
  readonly isTTY?: boolean
}

export async function serac(args: readonly string[], options: CliOptions): Promise<CliResult> {
  const out: Uint8Array[] = []
  const err: Uint8Array[] = []
  const sink = (parts: Uint8Array[]) => ({
    write: (text: string | Uint8Array) => {
      parts.push(typeof text === 'string' ? Buffer.from(text) : text)
      return true
    },
    once: () => undefined,
    isTTY: options.isTTY,
  })
  const exitCode = await runCli(args, {
    stdout: sink(out),
    stderr: sink(err),
    stdin: (async function* () {
      yield Buffer.from(options.stdin ?? '')
    })(),
    cwd: options.cwd,
    environment: options.environment ?? {},
    readFile: options.readFile ?? readFile,
    writeFile,
    signal: new AbortController().signal,
  })
  return { exitCode, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }
}

/** The standard output of a command that must succeed. */
export async function seracOk(args: readonly string[], options: CliOptions): Promise<string> {
  const result = await serac(args, options)
  if (result.exitCode !== 0) throw new Error(`serac ${args.join(' ')} failed: ${result.stderr}`)
  return result.stdout
}

/** The one line of a command that must fail, taken apart. */
export async function seracError(
  args: readonly string[],
  options: CliOptions,
): Promise<{
  readonly kind: string
  readonly message: string
  readonly context: Readonly<Record<string, unknown>>
}> {
  const { exitCode, stderr } = await serac(args, options)
  const match = /^serac: ([a-z-]+): ([^\n]*?) (\{[^\n]*\})\n$/.exec(stderr)
  if (exitCode !== 1 || match === null) {
    throw new Error(`serac ${args.join(' ')} ended with ${exitCode} and ${JSON.stringify(stderr)}`)
  }
  const [, kind = '', message = '', context = ''] = match
  return { kind, message, context: JSON.parse(context) }
}
