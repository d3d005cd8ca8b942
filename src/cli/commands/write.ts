import type { Command } from 'commander'
import type { RowsInput, Table, WriteReport } from '../../index.js'
import { commaList, fileLocation, printResult, type Session, UsageError, withLake } from '../session.js'
import type { Surroundings } from '../surroundings.js'

interface IngestOptions {
  readonly mode: string
  readonly keys?: string
}

/** `serac ingest|delete` */
export function addWriteCommands(program: Command, surroundings: Surroundings): void {
  program
    .command('ingest <table> <files...>')
    .description('add or upsert the rows of Parquet or JSON lines files, all in one commit')
    .option('--mode <mode>', 'append or upsert', 'append')
    .option('--keys <columns>', "key columns of an upsert; default the table's identifier fields")
    .option('--json', 'print one JSON document')
    .action((name: string, files: readonly string[], options: IngestOptions, command: Command) =>
      withLake(command, surroundings, session => ingest(session, name, { files, options })),
    )
  program
    .command('delete <table>')
    .description('delete the rows for which a filter is true')
    .requiredOption('--where <filter>', `such as "region = 'eu'"`)
    .option('--json', 'print one JSON document')
    .action((name: string, options: { readonly where: string }, command: Command) =>
      withLake(command, surroundings, async session => {
        const report = await session.lake.table(name).delete(options.where, { signal: surroundings.signal })
        await printReport(session, report)
      }),
    )
}

async function ingest(
  session: Session,
  name: string,
  given: { readonly files: readonly string[]; readonly options: IngestOptions },
): Promise<void> {
  const { openFileRows } = await import('../../index.js')
  const { surroundings, lake } = session
  const { mode, keys } = given.options
  const table = await tableFor(session, name, given.files)
  const locations = given.files.map(file => fileLocation(surroundings, file))
  const rows: RowsInput = openFileRows(lake.context.io, locations, { signal: surroundings.signal })
  const { signal } = surroundings
  if (mode === 'append') await printReport(session, await table.append(rows, { signal }))
  else if (mode === 'upsert') {
    const keyList = keys === undefined ? undefined : commaList(keys)
    await printReport(session, await table.upsert(rows, { keys: keyList, signal }))
  } else throw new UsageError('rows are taken in with mode append or upsert', mode)
}

/** The table, created from the first file's columns when it is missing. */
async function tableFor(session: Session, name: string, files: readonly string[]): Promise<Table> {
  const { fieldsOfFile } = await import('../../index.js')
  const { lake, surroundings } = session
  if (await lake.tableExists(name)) return lake.table(name)
  const fields = await fieldsOfFile(lake.context.io, fileLocation(surroundings, files[0] ?? ''))
  return lake.createTable(name, fields)
}

async function printReport(session: Session, report: WriteReport): Promise<void> {
  const { summary } = report
  const text = report.changed
    ? `snapshot ${report.snapshotId}: ${summary['added-records'] ?? 0} rows added, ${summary['added-position-deletes'] ?? 0} rows deleted by position, ${summary['deleted-records'] ?? 0} in dropped files\n`
    : 'nothing to change\n'
  await printResult(session, { json: report, text })
}
