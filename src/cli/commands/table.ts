import type { Command } from 'commander'
import type { Lake, Namespace, StaticTable } from '../../index.js'
import { addRelocateOption, withReadableTable } from '../readable-table.js'
import {
  collectPairs,
  commaList,
  fileLocation,
  type Output,
  printResult,
  printRows,
  type Session,
  UsageError,
  withLake,
} from '../session.js'
import type { Surroundings } from '../surroundings.js'
import { addAlterCommands } from './alter.js'

interface CreateOptions {
  readonly partitionBy?: string
  readonly sortBy?: string
  readonly keys?: string
  readonly formatVersion?: string
  readonly property?: Record<string, string>
  readonly location?: string
  readonly orReplace?: boolean
}

interface RewritePathOptions {
  readonly from?: string
  readonly to: string
  readonly staging?: string
  readonly relocate?: readonly string[]
}

interface DropOptions {
  readonly purge?: boolean
  readonly dryRun?: boolean
}

interface CloneOptions {
  readonly asOf?: string
  readonly location?: string
}

/** `serac table list|create|show|drop|rename|clone` */
export function addTableCommands(program: Command, surroundings: Surroundings): void {
  const table = program.command('table').description('list, create, show, rename and drop tables')
  table
    .command('list [namespace]')
    .description('list the tables of a namespace, or of all')
    .option('--json', 'print one JSON document')
    .action((namespace: string | undefined, _options, command: Command) =>
      withLake(command, surroundings, async session => {
        const namespaces = namespace === undefined ? await allNamespaces(session.lake) : [namespace]
        const lists = await Promise.all(namespaces.map(levels => session.lake.listTables(levels)))
        const { printIdentifier } = await import('../../index.js')
        const names = lists.flat().map(printIdentifier)
        await printRows(session, { headers: ['table'], rows: names.map(name => [name]), json: names })
      }),
    )
  table
    .command('create <table> <columns>')
    .description('create a table, columns in DDL: "id bigint not null, ts timestamptz, tags array<string>"')
    .option('--partition-by <transforms>', 'such as "days(ts), bucket(16, id)"')
    .option('--sort-by <columns>', 'such as "ts desc nulls last, id"')
    .option('--keys <columns>', 'identifier fields: what an upsert finds rows by')
    .option('--format-version <version>', '2 or 3; default 2')
    .option('--property <key=value>', 'a table property; repeatable', collectPairs)
    .option('--location <uri>', 'where the files go; default under the warehouse')
    .option('--or-replace', 'make a table that is there new, its history behind it')
    .option('--json', 'print one JSON document')
    .action((name: string, columns: string, options: CreateOptions, command: Command) =>
      withLake(command, surroundings, async session => {
        const created = await session.lake.createTable(name, columns, {
          partitionBy: options.partitionBy === undefined ? [] : [options.partitionBy],
          sortBy: options.sortBy === undefined ? [] : [options.sortBy],
          keys: options.keys === undefined ? [] : commaList(options.keys),
          formatVersion: formatVersionOf(options.formatVersion),
          properties: options.property,
          location: options.location,
          orReplace: options.orReplace,
        })
        await showTable(session, created, `created table ${created.name}\n`)
      }),
    )
  addRelocateOption(
    table
      .command('show <table>')
      .description('show where a table stands: location, version, columns, partitions, properties')
      .option('--json', 'print one JSON document'),
  ).action((name: string, { relocate }: { readonly relocate?: readonly string[] }, command: Command) =>
    withReadableTable(command, surroundings, { name, relocate }, session =>
      showTable(session, session.table),
    ),
  )
  table
    .command('rename <from> <to>')
    .description('rename a table; its files stay where they are')
    .option('--json', 'print one JSON document')
    .action((from: string, to: string, _options, command: Command) =>
      withLake(command, surroundings, async session => {
        await session.lake.renameTable(from, to)
        await printResult(session, { json: { renamed: from, to }, text: `renamed ${from} to ${to}\n` })
      }),
    )
  table
    .command('clone <from> <to>')
    .description('make a second table that begins with a snapshot of the first and reads its files')
    .option('--as-of <id|time|ref>', 'the snapshot to begin with; default the current one')
    .option('--location <uri>', 'where the files go; default under the warehouse')
    .option('--json', 'print one JSON document')
    .action((from: string, to: string, options: CloneOptions, command: Command) =>
      withLake(command, surroundings, async session => {
        const clone = await session.lake.cloneTable(from, to, {
          asOf: options.asOf,
          location: options.location,
          signal: surroundings.signal,
        })
        await showTable(session, clone, `cloned ${from} to ${to}\n`)
      }),
    )
  table
    .command('drop <table>')
    .description('remove a table from the catalog; its files stay without --purge')
    .option('--purge', 'delete the files that it reaches too')
    .option('--dry-run', 'with --purge: list the files and change nothing')
    .option('--json', 'print one JSON document')
    .action((name: string, options: DropOptions, command: Command) =>
      withLake(command, surroundings, async session => {
        if (options.dryRun === true && options.purge !== true)
          throw new UsageError('--dry-run belongs to --purge', name)
        if (options.purge === true) return purgeTable(session, name, options)
        await session.lake.dropTable(name)
        await printResult(session, { json: { dropped: name }, text: `dropped ${name}; its files stay\n` })
      }),
    )
  addRelocateOption(
    table
      .command('rewrite-path <table>')
      .description('write a table again under another root: then register what it prints')
      .option('--from <root>', "the root that all its files are below; default the table's location")
      .requiredOption('--to <root>', 'the root that takes its place')
      .option('--staging <folder>', 'copy nothing: what is new waits here, with a list of what to copy')
      .option('--json', 'print one JSON document'),
  ).action((name: string, options: RewritePathOptions, command: Command) =>
    withReadableTable(command, surroundings, { name, relocate: options.relocate }, session =>
      rewritePath(session, options),
    ),
  )
  addAlterCommands(table, surroundings)
}

async function rewritePath(
  session: Output & { readonly table: StaticTable },
  options: RewritePathOptions,
): Promise<void> {
  const { surroundings, table } = session
  const place = (path: string): string => fileLocation(surroundings, path)
  const report = await table.rewritePath({
    from: options.from === undefined ? undefined : place(options.from),
    to: place(options.to),
    staging: options.staging === undefined ? undefined : place(options.staging),
    signal: surroundings.signal,
  })
  const { files, fileList, rewrittenFiles, copiedFiles, copiedBytes } = report
  const text = [
    `metadata   ${report.metadataLocation}`,
    `rewritten  ${rewrittenFiles} files`,
    fileList === undefined
      ? `copied     ${copiedFiles} files, ${copiedBytes} bytes`
      : `to copy    ${files.length} files, listed in ${fileList}`,
  ].join('\n')
  await printResult(session, { json: report, text: `${text}\n` })
}

async function purgeTable(session: Session, name: string, { dryRun }: DropOptions): Promise<void> {
  const report = await session.lake.purgeTable(name, { dryRun, signal: session.surroundings.signal })
  const { files, failed, kept } = report
  const lines = [
    report.dryRun
      ? `would drop ${name} and delete ${files.length} files`
      : `dropped ${name}, deleted ${files.length} files`,
    ...(report.dryRun ? files : []),
    ...failed.map(({ location, reason }) => `not deleted: ${location} (${reason})`),
    ...(kept === undefined ? [] : [`files stay: ${kept}`]),
  ]
  await printResult(session, {
    json: { dropped: report.dryRun ? null : name, ...report },
    text: `${lines.join('\n')}\n`,
  })
}

async function allNamespaces(lake: Lake, parent?: Namespace): Promise<readonly Namespace[]> {
  const children = await lake.listNamespaces(parent)
  const below = await Promise.all(children.map(child => allNamespaces(lake, child)))
  return [...children, ...below.flat()]
}

function formatVersionOf(text: string | undefined): 2 | 3 | undefined {
  if (text === undefined) return undefined
  if (text === '2') return 2
  if (text === '3') return 3
  throw new UsageError('tables are made with format version 2 or 3', text)
}

async function showTable(session: Output, table: StaticTable, heading = ''): Promise<void> {
  const { describeTable } = await import('../../index.js')
  const description = describeTable(await table.load())
  const lines = [
    `table            ${description.name}`,
    `location         ${description.location}`,
    `metadata         ${description.metadataLocation}`,
    `format version   ${description.formatVersion}`,
    `uuid             ${description.uuid ?? '-'}`,
    `current snapshot ${description.currentSnapshotId ?? '-'}`,
    `partitioned by   ${description.partitionBy.join(', ') || '-'}`,
    `sorted by        ${description.sortBy.join(', ') || '-'}`,
    `keys             ${description.keys.join(', ') || '-'}`,
    'columns',
    ...description.columns.map(
      column => `  ${column.id}  ${column.name}  ${column.type}${column.required ? ' not null' : ''}`,
    ),
    'properties',
    ...Object.entries(description.properties).map(([key, value]) => `  ${key} = ${value}`),
  ]
  await printResult(session, { json: description, text: `${heading}${lines.join('\n')}\n` })
}
