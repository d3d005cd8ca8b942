/** What the commands share: opening the lake that the options name, printing results, progress. */
import type { Command } from 'commander'
import type { Lake } from '../index.js'
import { print, type Surroundings } from './surroundings.js'
import { textTable } from './text-table.js'

/** Options of the program itself, which every command sees. */
export interface GlobalOptions {
  readonly catalog?: string
  readonly warehouse?: string
  readonly actor?: string
  readonly job?: string
  readonly json?: boolean
}

/** Where a command prints, and how. */
export interface Output {
  readonly surroundings: Surroundings
  readonly options: GlobalOptions
}

export interface Session extends Output {
  readonly lake: Lake
}

/** Opens the lake, runs the work, closes the lake whatever happens. */
export async function withLake(
  command: Command,
  surroundings: Surroundings,
  work: (session: Session) => Promise<void>,
): Promise<void> {
  const { connect, resolveCatalog } = await import('../index.js')
  const options = command.optsWithGlobals<GlobalOptions>()
  const properties = resolveCatalog({
    file: await configurationFile(surroundings),
    environment: surroundings.environment,
    catalog: options.catalog,
    warehouse: options.warehouse,
  })
  const { type, name, uri, warehouse, ...others } = properties
  const lake = await connect({
    type,
    name,
    uri,
    warehouse,
    properties: others,
    baseFolder: surroundings.cwd,
    fsync: others['local.fsync'] !== 'false',
    actor: options.actor ?? surroundings.environment.SERAC_ACTOR,
    job: options.job ?? surroundings.environment.SERAC_JOB,
  })
  try {
    await work({ surroundings, options, lake })
  } finally {
    await lake.close()
  }
}

async function configurationFile(surroundings: Surroundings): Promise<string | undefined> {
  try {
    const bytes = await surroundings.readFile(`${surroundings.cwd}/serac.json`)
    return new TextDecoder().decode(bytes)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** Prints one JSON document with `--json`, else the text. */
export async function printResult(
  session: Output,
  result: { readonly json: unknown; readonly text: string },
): Promise<void> {
  const { stringifyJson } = await import('../index.js')
  const text = session.options.json === true ? `${stringifyJson(result.json, { indent: 2 })}\n` : result.text
  await print(session.surroundings.stdout, text)
}

export async function printRows(
  session: Output,
  rows: {
    readonly headers: readonly string[]
    readonly rows: readonly (readonly unknown[])[]
    readonly json: unknown
  },
): Promise<void> {
  await printResult(session, { json: rows.json, text: textTable(rows.headers, rows.rows) })
}

/** A line of progress that rewrites itself on a terminal and is silent elsewhere. */
export function progressLine(surroundings: Surroundings): { show(text: string): void; end(): void } {
  const { stderr } = surroundings
  if (stderr.isTTY !== true) return { show: () => undefined, end: () => undefined }
  let shown = false
  return {
    show(text) {
      shown = true
      stderr.write(`\r\u001b[K${text.slice(0, (stderr.columns ?? 80) - 1)}`)
    },
    end() {
      if (shown) stderr.write('\r\u001b[K')
      shown = false
    },
  }
}

/** A path of the command line as a location: relative ones start in the working folder. */
export function fileLocation(surroundings: Surroundings, path: string): string {
  return /^[a-z][a-z0-9+.-]*:/i.test(path) || path.startsWith('/') ? path : `${surroundings.cwd}/${path}`
}

/** `a,b , c` as names. */
export function commaList(text: string): readonly string[] {
  return text
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== '')
}

/** `k=v` options, collected. */
export function collectPairs(
  pair: string,
  before: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const at = pair.indexOf('=')
  if (at < 1) throw new UsageError('a property is given as key=value', pair)
  return { ...before, [pair.slice(0, at)]: pair.slice(at + 1) }
}

/** A whole number option within its range. */
export function wholeNumber(min: number): (text: string) => number {
  return text => {
    const value = Number(text)
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= min) return value
    throw new UsageError(`a whole number of at least ${min} is needed`, text)
  }
}

/** A mistake in the command line; printed like any error of kind invalid-argument. */
export class UsageError extends Error {
  readonly kind = 'invalid-argument'
  readonly context: Readonly<Record<string, string>>
  constructor(message: string, given: string) {
    super(message)
    this.context = { given }
  }
}
