import type { Command } from 'commander'
import type { FileKind, FileRowsOptions, Table, WriteReport } from '../../index.js'
import { commaList, fileLocation, printResult, type Session, UsageError, withLake } from '../session.js'
import type { Surroundings } from '../surroundings.js'

interface IngestOptions {
  readonly mode: string
  readonly keys?: string
  readonly stream?: string
  readonly format?: string
  readonly delimiter?: string
  readonly nullText?: string
  readonly header: boolean
  readonly branch?: string
  readonly wapId?: string
}

interface ChangeOptions {
  readonly where: string
  readonly branch?: string
  readonly wapId?: string
}

interface UpdateOptions extends Partial<ChangeOptions> {
  readonly set: string
}

/** Adds what every write takes: where it goes. */
function addDestination(command: Command): Command {
  return command
    .option('--branch <branch>', 'branch to write; made from main when it is missing')
    .option('--wap-id <id>', 'stage the write under this id until it is published')
}

/** `serac ingest|delete|update` */
export function addWriteCommands(program: Command, surroundings: Surroundings): void {
  addDestination(
    program
      .command('ingest <table> <files...>')
      .description(
        'add or upsert the rows of Parquet, Arrow, CSV or JSON lines files and folders, all in one commit',
      )
      .option('--mode <mode>', 'append or upsert', 'append')
      .option('--keys <columns>', "key columns of an upsert; default the table's identifier fields")
      .option('--stream <name>', 'take in each file once: files that this stream took in are passed over')
      .option('--format <kind>', 'parquet, arrow, jsonl, csv or tsv; default by the names of the files')
      .option('--delimiter <character>', 'what is between the fields of CSV')
      .option('--null-text <text>', 'what an unquoted field of CSV is null by; default the empty text')
      .option('--no-header', 'the first line of CSV is a row')
      .option('--json', 'print one JSON document'),
  ).action((name: string, files: readonly string[], options: IngestOptions, command: Command) =>
    withLake(command, surroundings, session => ingest(session, name, { files, options })),
  )
  addDestination(
    program
      .command('delete <table>')
      .description('delete the rows for which a filter is true')
      .requiredOption('--where <filter>', `such as "region = 'eu'"`)
      .option('--json', 'print one JSON document'),
  ).action((name: string, { where, branch, wapId }: ChangeOptions, command: Command) =>
    withLake(command, surroundings, async session => {
      const { signal } = surroundings
      const report = await session.lake.table(name).delete(where, { branch, wapId, signal })
      await printReport(session, report)
    }),
  )
  addDestination(
    program
      .command('update <table>')
      .description('give columns new values in the rows for which a filter is true')
      .requiredOption('--set <assignments>', `such as "price = price * 1.1, region = 'eu'"`)
      .option('--where <filter>', 'default: every row')
      .option('--json', 'print one JSON document'),
  ).action((name: string, options: UpdateOptions, command: Command) =>
    withLake(command, surroundings, async session => {
      const { set, where, branch, wapId } = options
      const { signal } = surroundings
      const report = await session.lake.table(name).update({ set, where }, { branch, wapId, signal })
      await printReport(session, report)
    }),
  )
}

async function ingest(
  session: Session,
  name: string,
  given: { readonly files: readonly string[]; readonly options: IngestOptions },
): Promise<void> {
  const { surroundings } = session
  const { mode, keys, branch, wapId, stream } = given.options
  if (mode !== 'append' && mode !== 'upsert')
    throw new UsageError('rows are taken in with mode append or upsert', mode)
  const locations = given.files.map(file => fileLocation(surroundings, file))
  const files = { ...fileOptions(given.options), signal: surroundings.signal }
  const table = await tableFor(session, name, { locations, files })
  const keyList = keys === undefined ? undefined : commaList(keys)
  const report = await table.ingest(locations, { ...files, mode, keys: keyList, branch, wapId, stream })
  await printReport(session, report)
}

/** How the files are read. */
function fileOptions({ format, delimiter, nullText, header }: IngestOptions): FileRowsOptions {
  const kind = FILE_KINDS.find(known => known === format)
  if (format !== undefined && kind === undefined)
    throw new UsageError(`files are one of ${FILE_KINDS.join(', ')}`, format)
  return { kind, csv: { delimiter: delimiter === '\\t' ? '\t' : delimiter, nullText, header } }
}

const FILE_KINDS: readonly FileKind[] = ['parquet', 'arrow', 'jsonl', 'csv', 'tsv']

/** The table, created from the files' columns when it is missing. */
async function tableFor(
  session: Session,
  name: string,
  given: { readonly locations: readonly string[]; readonly files: FileRowsOptions },
): Promise<Table> {
  const { fieldsOfFiles, filesAt } = await import('../../index.js')
  const { lake } = session
  if (await lake.tableExists(name)) return lake.table(name)
  const { io } = lake.context
  const files = await filesAt(io, given.locations, given.files)
  return lake.createTable(name, await fieldsOfFiles(io, files, given.files))
}

async function printReport(session: Session, report: WriteReport): Promise<void> {
  const { summary } = report
  const text = report.changed
    ? `snapshot ${report.snapshotId}: ${summary['added-records'] ?? 0} rows added, ${summary['added-position-deletes'] ?? 0} rows deleted by position, ${summary['deleted-records'] ?? 0} in dropped files\n`
    : 'nothing to change\n'
  await printResult(session, { json: report, text })
}
