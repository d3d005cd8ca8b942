import type { Command } from 'commander'
import type { BasedWriteOptions, FileRowsOptions, Table } from '../../index.js'
import { commaList, fileLocation, type Session, UsageError, withLake } from '../session.js'
import type { Surroundings } from '../surroundings.js'
import {
  addFileOptions,
  addWriteOptions,
  fileOptionsOf,
  type GivenFileOptions,
  type GivenWriteOptions,
  printReport,
  writeOptionsOf,
} from '../write-options.js'

interface GivenBasis {
  readonly basedOn?: string
}

interface IngestOptions extends GivenWriteOptions, GivenFileOptions, GivenBasis {
  readonly mode: string
  readonly keys?: string
  readonly where?: string
  readonly partitions?: boolean
  readonly stream?: string
}

interface ChangeOptions extends GivenWriteOptions, GivenBasis {
  readonly where: string
}

interface UpdateOptions extends Partial<ChangeOptions> {
  readonly set: string
}

/** `serac ingest|delete|update` */
export function addWriteCommands(program: Command, surroundings: Surroundings): void {
  const ingesting = program
    .command('ingest <table> <files...>')
    .description(
      'add, upsert or overwrite with the rows of Parquet, Arrow, CSV or JSON lines files and folders, all in one commit',
    )
    .option('--mode <mode>', 'append, upsert or overwrite', 'append')
    .option('--keys <columns>', "key columns of an upsert; default the table's identifier fields")
    .option('--where <filter>', 'rows that an overwrite replaces; default every row')
    .option('--partitions', "an overwrite replaces the partitions of the files' rows")
    .option('--stream <name>', 'take in each file once: files that this stream took in are passed over')
  addBasis(addWriteOptions(addFileOptions(ingesting))).action(
    (name: string, files: readonly string[], options: IngestOptions, command: Command) =>
      withLake(command, surroundings, session => ingest(session, name, { files, options })),
  )
  const deleting = program
    .command('delete <table>')
    .description('delete the rows for which a filter is true')
    .requiredOption('--where <filter>', `such as "region = 'eu'"`)
  addBasis(addWriteOptions(deleting)).action((name: string, options: ChangeOptions, command: Command) =>
    withLake(command, surroundings, async session => {
      const table = session.lake.table(name)
      const report = await table.delete(options.where, basedOptionsOf(surroundings, options))
      await printReport(session, report, options)
    }),
  )
  const updating = program
    .command('update <table>')
    .description('give columns new values in the rows for which a filter is true')
    .requiredOption('--set <assignments>', `such as "price = price * 1.1, region = 'eu'"`)
    .option('--where <filter>', 'default: every row')
  addBasis(addWriteOptions(updating)).action((name: string, options: UpdateOptions, command: Command) =>
    withLake(command, surroundings, async session => {
      const { set, where } = options
      const table = session.lake.table(name)
      const report = await table.update({ set, where }, basedOptionsOf(surroundings, options))
      await printReport(session, report, options)
    }),
  )
}

function addBasis(command: Command): Command {
  return command.option(
    '--based-on <snapshot>',
    'the snapshot that was read before: refuse when what the write touches has changed since',
  )
}

function basedOptionsOf(
  surroundings: Surroundings,
  given: GivenWriteOptions & GivenBasis,
): BasedWriteOptions {
  const { basedOn } = given
  const options = writeOptionsOf(surroundings, given)
  if (basedOn === undefined) return options
  if (!/^\d+$/.test(basedOn)) throw new UsageError('a write is based on a snapshot by its id', basedOn)
  return { ...options, basedOn: BigInt(basedOn) }
}

async function ingest(
  session: Session,
  name: string,
  given: { readonly files: readonly string[]; readonly options: IngestOptions },
): Promise<void> {
  const { surroundings } = session
  const { options } = given
  const { mode, keys, stream, where, partitions } = options
  if (mode !== 'append' && mode !== 'upsert' && mode !== 'overwrite')
    throw new UsageError('rows are taken in with mode append, upsert or overwrite', mode)
  const locations = given.files.map(file => fileLocation(surroundings, file))
  const files = fileOptionsOf(options)
  const { signal } = surroundings
  const { dryRun } = options
  const table = await tableFor(session, name, { locations, files: { ...files, signal }, dryRun })
  const keyList = keys === undefined ? undefined : commaList(keys)
  const replaced = { where, partitions, keys: keyList }
  const writing = basedOptionsOf(surroundings, options)
  const report = await table.ingest(locations, { ...files, ...writing, ...replaced, mode, stream })
  await printReport(session, report, options)
}

/** The table, created from the files' columns when it is missing; a dry run creates none. */
async function tableFor(
  session: Session,
  name: string,
  given: {
    readonly locations: readonly string[]
    readonly files: FileRowsOptions
    readonly dryRun: boolean | undefined
  },
): Promise<Table> {
  const { fieldsOfFiles, filesAt } = await import('../../index.js')
  const { lake } = session
  if (given.dryRun === true || (await lake.tableExists(name))) return lake.table(name)
  const { io } = lake.context
  const files = await filesAt(io, given.locations, given.files)
  return lake.createTable(name, await fieldsOfFiles(io, files, given.files))
}
