/**
 * Commands that only read take a table by its name in the catalog, `ns.name`, or by where it lies: a metadata file, a
 * table's folder, a single `.parquet` or `.avro` file. For the latter no catalog is opened, and none is made.
 */
import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import type { Relocation, StaticTable } from '../index.js'
import { fileLocation, type GlobalOptions, type Output, UsageError, withLake } from './session.js'
import type { Surroundings } from './surroundings.js'

/** What a command that reads works with: where to print, and the table. */
export interface ReadSession extends Output {
  readonly table: StaticTable
}

export interface NamedTable {
  /** The argument of the command line. */
  readonly name: string
  /** Values of `--relocate`. */
  readonly relocate?: readonly string[] | undefined
}

/** Adds `--relocate`; the values are `relocate` of the options. */
export function addRelocateOption(command: Command): Command {
  return command.option(
    '--relocate <from>=<to>',
    'read a table by its location that was moved from another root; may be repeated',
    (value: string, before: readonly string[] | undefined) => [...(before ?? []), value],
  )
}

/** Opens the table, runs the work, closes what was opened whatever happens. */
export async function withReadableTable(
  command: Command,
  surroundings: Surroundings,
  named: NamedTable,
  work: (session: ReadSession) => Promise<void>,
): Promise<void> {
  const { name, relocate = [] } = named
  if (!isLocation(name, surroundings)) {
    if (relocate.length > 0) {
      throw new UsageError('only a table that is named by its location can be relocated', name)
    }
    await withLake(command, surroundings, ({ lake, ...output }) =>
      work({ ...output, table: lake.table(name) }),
    )
    return
  }
  const { staticTable } = await import('../index.js')
  const table = staticTable(fileLocation(surroundings, name), {
    relocate: relocate.map(text => relocation(surroundings, text)),
    baseFolder: surroundings.cwd,
  })
  await work({ surroundings, options: command.optsWithGlobals<GlobalOptions>(), table })
}

/**
 * A name of a catalog has a namespace, and neither a slash nor a scheme. Names that could be either are locations when
 * something lies there.
 */
function isLocation(name: string, { cwd }: Surroundings): boolean {
  if (name.includes('/') || /^[a-z][a-z0-9+.-]*:/i.test(name) || name === '.') return true
  if (/\.metadata\.json(\.gz|\.zstd?)?$/i.test(name)) return true
  const couldBeEither = !name.includes('.') || /\.(json|parquet|avro)$/i.test(name)
  return couldBeEither && name !== '' && existsSync(`${cwd}/${name}`)
}

function relocation(surroundings: Surroundings, text: string): Relocation {
  const at = text.indexOf('=')
  if (at < 1) throw new UsageError('a moved table is given as <from>=<to>', text)
  return { from: text.slice(0, at), to: fileLocation(surroundings, text.slice(at + 1)) }
}
