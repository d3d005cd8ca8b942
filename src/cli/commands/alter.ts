import type { Command } from 'commander'
import type { AddFilesReport, AlterReport } from '../../index.js'
import { collectPairs, fileLocation, printResult, type Session, UsageError, withLake } from '../session.js'
import type { Surroundings } from '../surroundings.js'

interface AlterCommandOptions {
  readonly set?: Record<string, string>
  readonly unset?: readonly string[]
}

interface AddFilesCommandOptions {
  readonly dryRun?: boolean
  readonly checkDuplicates: boolean
  readonly partition?: Record<string, string>
  readonly branch?: string
}

interface RegisterCommandOptions {
  readonly overwrite?: boolean
}

/** `serac table alter|upgrade|register|add-files` */
export function addAlterCommands(table: Command, surroundings: Surroundings): void {
  table
    .command('alter <table> [ddl...]')
    .description(
      'change columns, partitions, order or properties in one commit: "add column x int after y; drop column z"',
    )
    .option('--set <key=value>', 'set a property; repeatable', collectPairs)
    .option('--unset <key>', 'take a property out; repeatable', (key: string, before: string[] = []) => [
      ...before,
      key,
    ])
    .option('--json', 'print one JSON document')
    .action((name: string, ddl: readonly string[], options: AlterCommandOptions, command: Command) =>
      withLake(command, surroundings, async session => {
        const changes = alterText(ddl, options)
        if (changes === '') throw new UsageError('a change is needed: DDL, --set or --unset', name)
        await printAlter(
          session,
          await session.lake.table(name).alter(changes, { signal: surroundings.signal }),
        )
      }),
    )
  table
    .command('upgrade <table>')
    .description('raise the format version of a table; its files stay as they are')
    .requiredOption('--format-version <version>', '2 or 3')
    .option('--json', 'print one JSON document')
    .action((name: string, options: { readonly formatVersion: string }, command: Command) =>
      withLake(command, surroundings, async session => {
        const { formatVersion: asked } = options
        if (asked !== '2' && asked !== '3')
          throw new UsageError('tables are upgraded to format version 2 or 3', asked)
        const { signal } = surroundings
        await printAlter(session, await session.lake.table(name).upgrade(asked === '2' ? 2 : 3, { signal }))
      }),
    )
  table
    .command('register <table> <metadata-file>')
    .description('name a table that is there by its metadata file')
    .option('--overwrite', 'set a table of the name to it; the files of both stay')
    .option('--json', 'print one JSON document')
    .action((name: string, file: string, { overwrite }: RegisterCommandOptions, command: Command) =>
      withLake(command, surroundings, async session => {
        const path = fileLocation(surroundings, file)
        // A bare path means a file to us, and something in its default store to others.
        const location = path.startsWith('/') ? `file://${path}` : path
        await session.lake.registerTable(name, location, { overwrite, signal: surroundings.signal })
        const json = { registered: name, metadataLocation: location }
        await printResult(session, { json, text: `registered ${name}: ${location}\n` })
      }),
    )
  table
    .command('add-files <table> <paths...>')
    .description('take Parquet files, or folders of them, into a table without rewriting them')
    .option('--dry-run', 'list the files and what does not fit; change nothing')
    .option(
      '--partition <column=value>',
      'value of a partition column for all files; repeatable',
      collectPairs,
    )
    .option('--no-check-duplicates', 'take files that the table has already once more')
    .option('--branch <branch>', 'branch to write; default main')
    .option('--json', 'print one JSON document')
    .action((name: string, paths: readonly string[], options: AddFilesCommandOptions, command: Command) =>
      withLake(command, surroundings, async session => {
        const { dryRun, partition, checkDuplicates, branch } = options
        const locations = paths.map(path => fileLocation(surroundings, path))
        const { signal } = surroundings
        const report = await session.lake
          .table(name)
          .addFiles(locations, { dryRun, partition, checkDuplicates, branch, signal })
        await printResult(session, { json: report, text: addFilesText(report, dryRun === true) })
      }),
    )
}

/**
 * One text of all changes. Several arguments are clauses when each is a phrase (`'add column a int' 'drop column b'`),
 * else the words of one (`add column a int`).
 */
function alterText(ddl: readonly string[], { set = {}, unset = [] }: AlterCommandOptions): string {
  const isPhrases = ddl.every(part => /\s/.test(part.trim()))
  const pairs = Object.entries(set).map(([key, value]) => `${quote(key)} = ${quote(value)}`)
  return [
    ddl.join(isPhrases ? ';' : ' '),
    ...(pairs.length === 0 ? [] : [`set tblproperties (${pairs.join(', ')})`]),
    ...(unset.length === 0 ? [] : [`unset tblproperties (${unset.map(quote).join(', ')})`]),
  ]
    .filter(clause => clause.trim() !== '')
    .join(';\n')
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

async function printAlter(session: Session, report: AlterReport): Promise<void> {
  const { schemaId, specId, sortOrderId, formatVersion } = report
  const text = report.changed
    ? `changed: format version ${formatVersion}, schema ${schemaId}, partition spec ${specId}, sort order ${sortOrderId}\n`
    : 'nothing to change\n'
  await printResult(session, { json: report, text })
}

function addFilesText(report: AddFilesReport, dryRun: boolean): string {
  const { files, conflicts, duplicates, ignoredColumns } = report
  const rows = files.reduce((sum, file) => sum + file.rows, 0)
  const lines = [
    `${dryRun ? 'would add' : 'added'} ${files.length} files, ${rows} rows`,
    ...conflicts.map(
      ({ location, column, reason, storedType = '-', tableType = '-' }) =>
        `conflict ${location}: ${column}: ${reason} (file ${storedType}, table ${tableType})`,
    ),
    ...duplicates.map(location => `already in the table ${location}`),
    ...(ignoredColumns.length === 0 ? [] : [`not read: ${ignoredColumns.join(', ')}`]),
  ]
  return `${lines.join('\n')}\n`
}
