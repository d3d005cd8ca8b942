import type { Command } from 'commander'
import type { Lake } from '../../index.js'
import { collectPairs, printRows, type Session, withLake } from '../session.js'
import type { Surroundings } from '../surroundings.js'

interface DoctorOptions {
  readonly rebuildCatalog?: boolean
  readonly root?: string
  readonly name?: Record<string, string>
  readonly dryRun?: boolean
}

/** `serac doctor` */
export function addDoctorCommand(program: Command, surroundings: Surroundings): void {
  program
    .command('doctor')
    .description('look whether every table can be read; or find the tables of a lost catalog again')
    .option('--rebuild-catalog', 'register the tables that are in storage and not in the catalog')
    .option('--root <location>', 'where to look for tables; default the warehouse')
    .option(
      '--name <location=table>',
      'the name of a table whose folder does not say it; repeatable',
      collectPairs,
    )
    .option('--dry-run', 'with --rebuild-catalog: say what would be done')
    .option('--json', 'print one JSON document')
    .action((options: DoctorOptions, command: Command) =>
      withLake(command, surroundings, session =>
        options.rebuildCatalog === true ? rebuild(session, options) : check(session),
      ),
    )
}

async function check(session: Session): Promise<void> {
  const checked = await session.lake.check({ signal: session.surroundings.signal })
  await printRows(session, {
    headers: ['table', 'problem'],
    rows: checked.map(({ table, problem }) => [table, problem ?? '']),
    json: checked,
  })
  await failWith(
    'some tables cannot be read',
    checked.filter(({ problem }) => problem !== undefined).map(({ table }) => table),
  )
}

async function rebuild(session: Session, options: DoctorOptions): Promise<void> {
  const { root, name, dryRun } = options
  const rebuilt = await session.lake.rebuildCatalog({
    root,
    names: name,
    dryRun,
    signal: session.surroundings.signal,
  })
  await printRows(session, {
    headers: ['table', 'status', 'metadata', 'detail'],
    rows: rebuilt.map(each => [
      each.table ?? each.folder,
      each.status,
      each.metadataLocation ?? '',
      each.detail ?? '',
    ]),
    json: rebuilt,
  })
  await failWith(
    'some tables need a decision',
    rebuilt.filter(isOpen).map(each => each.table ?? each.folder),
  )
}

type Rebuilt = Awaited<ReturnType<Lake['rebuildCatalog']>>[number]

function isOpen({ status }: Rebuilt): boolean {
  return status !== 'present' && status !== 'registered' && status !== 'repaired'
}

/** The result is printed already; the exit code says that it is not all well. */
async function failWith(message: string, tables: readonly string[]): Promise<void> {
  if (tables.length === 0) return
  const { LakeError } = await import('../../index.js')
  throw new LakeError('corrupt', message, { context: { tables } })
}
