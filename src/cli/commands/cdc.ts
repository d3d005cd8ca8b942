import type { Command } from 'commander'
import type { FeedReport } from '../../cdc.js'
import {
  commaList,
  fileLocation,
  printResult,
  progressLine,
  type Session,
  UsageError,
  wholeNumber,
  withLake,
} from '../session.js'
import type { Surroundings } from '../surroundings.js'

interface CdcOptions {
  readonly format: string
  readonly table?: string
  readonly namespace?: string
  readonly keys?: string
  readonly stream?: string
  readonly until?: string
  readonly resetPosition?: string
  readonly commitRows?: number
  readonly commitSeconds?: number
  readonly types?: string
  readonly formatVersion?: string
  readonly onUnrepresentable?: string
  readonly branch?: string
}

/** `serac cdc` */
export function addCdcCommands(program: Command, surroundings: Surroundings): void {
  program
    .command('cdc <feed...>')
    .description(
      'apply a change feed: the tables equal their source, exactly once; files may be .gz, - is stdin',
    )
    .requiredOption('--format <format>', 'debezium or wal2json')
    .option('--table <table>', 'the table that follows the feed')
    .option('--namespace <namespace>', 'one table for each source table, made from the feed when missing')
    .option('--keys <columns>', 'key columns, where the feed does not say them')
    .option('--stream <name>', 'name under which the position is kept; default from the feed')
    .option('--until <position>', 'the last transaction to apply: an LSN such as 0/1998A48, or line:<n>')
    .option('--reset-position <position>', 'take the tables to stand here, whatever position they hold')
    .option('--commit-rows <n>', 'changes of one commit; default 50000', wholeNumber(1))
    .option('--commit-seconds <s>', 'seconds between commits; default 60', wholeNumber(0))
    .option('--types <file>', 'column types of the source tables, for a feed that carries none')
    .option('--format-version <version>', '2 or 3, for tables made from the feed; default 2')
    .option('--branch <branch>', 'branch to apply to; made from main when it is missing')
    .option(
      '--on-unrepresentable <policy>',
      'null or fail, for values that Iceberg cannot hold; default null',
    )
    .option('--json', 'print one JSON document')
    .action((feeds: readonly string[], options: CdcOptions, command: Command) =>
      withLake(command, surroundings, session => applyFeeds(session, feeds, options)),
    )
}

async function applyFeeds(session: Session, feeds: readonly string[], options: CdcOptions): Promise<void> {
  const { applyFeed, feedLines, parsePosition, parseTypesFile, readFeedFiles } = await import('../../cdc.js')
  const { surroundings, lake } = session
  const { signal } = surroundings
  const fromStdin = feeds.length === 1 && feeds[0] === '-'
  const progress = progressLine(surroundings)
  const lines = fromStdin
    ? feedLines(surroundings.stdin, { source: 'stdin' })
    : readFeedFiles(
        lake.context.io,
        feeds.map(feed => fileLocation(surroundings, feed)),
        { signal },
      )
  try {
    const report = await applyFeed(lines, {
      ...lake.context,
      format: choice<'debezium' | 'wal2json'>(
        options.format,
        ['debezium', 'wal2json'],
        'feeds are read in format debezium or wal2json',
      ),
      target: await targetOf(options),
      keys: options.keys === undefined ? undefined : commaList(options.keys),
      stream: options.stream,
      until: options.until === undefined ? undefined : parsePosition(options.until),
      resetPosition: options.resetPosition === undefined ? undefined : parsePosition(options.resetPosition),
      commitRows: options.commitRows,
      commitSeconds: options.commitSeconds,
      types:
        options.types === undefined ? undefined : parseTypesFile(await textOf(surroundings, options.types)),
      formatVersion:
        choice(options.formatVersion ?? '2', ['2', '3'], 'format version 2 or 3') === '3' ? 3 : 2,
      branch: options.branch,
      onUnrepresentable: choice<'null' | 'fail'>(
        options.onUnrepresentable ?? 'null',
        ['null', 'fail'],
        'the policies are null and fail',
      ),
      onProgress: ({ events, commits, position }) =>
        progress.show(`${events} changes, ${commits} commits, at ${position ?? 'the start'}`),
      onWarning: message => {
        progress.end()
        surroundings.stderr.write(`serac: warning: ${message}\n`)
      },
      signal,
    })
    progress.end()
    await printResult(session, { json: report, text: reportText(report) })
  } finally {
    progress.end()
  }
}

function choice<T extends string>(given: string, allowed: readonly T[], message: string): T {
  const found = allowed.find(value => value === given)
  if (found === undefined) throw new UsageError(message, given)
  return found
}

async function targetOf(
  options: CdcOptions,
): Promise<{ table: { namespace: readonly string[]; name: string } } | { namespace: readonly string[] }> {
  const { parseIdentifier } = await import('../../index.js')
  if (options.table !== undefined && options.namespace === undefined)
    return { table: parseIdentifier(options.table) }
  if (options.namespace !== undefined && options.table === undefined)
    return { namespace: options.namespace.split('.') }
  throw new UsageError(
    'a feed goes to --table or to --namespace',
    [options.table, options.namespace].join(' '),
  )
}

async function textOf(surroundings: Surroundings, path: string): Promise<string> {
  const { LakeError } = await import('../../index.js')
  try {
    return new TextDecoder().decode(await surroundings.readFile(fileLocation(surroundings, path)))
  } catch (cause) {
    throw new LakeError('not-found', 'the types file cannot be read', { cause, context: { path } })
  }
}

function reportText(report: FeedReport): string {
  const lines = [
    `stream ${report.stream ?? '-'} at ${report.position ?? 'the start'}: ${report.transactions} transactions, ${report.events} changes, ${report.commits} commits`,
    ...Object.entries(report.tables).map(
      ([table, counts]) =>
        `  ${table}: ${counts.inserts} inserted, ${counts.updates} updated, ${counts.deletes} deleted, ${counts.truncates} truncated, ${counts.alreadyApplied} already applied`,
    ),
    ...Object.entries(report.keyless).map(
      ([table, changes]) => `  ${table}: skipped, no key (${changes} changes)`,
    ),
    ...Object.entries(report.unrepresentable).map(
      ([column, cells]) => `  ${column}: ${cells} values that Iceberg cannot hold became null`,
    ),
    ...(report.orphanedCells === 0
      ? []
      : [`  ${report.orphanedCells} unchanged values of rows that are nowhere became null`]),
  ]
  return `${lines.join('\n')}\n`
}
