import type { Command } from 'commander'
import type { FeedProgress, FeedReport } from '../../cdc.js'
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
import { addDmsOptions, type DmsOptions, dmsSettings } from './cdc-dms.js'
import { choice, textOf } from './cdc-options.js'

interface CdcOptions extends DmsOptions {
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
  const command = program
    .command('cdc <feed...>')
    .description(
      'apply a change feed: the tables equal their source, exactly once; files may be .gz, - is stdin; of dms the folder of its target',
    )
    .requiredOption('--format <format>', 'debezium, wal2json, maxwell or dms')
    .option('--table <table>', 'the table that follows the feed')
    .option('--namespace <namespace>', 'one table for each source table, made from the feed when missing')
    .option('--keys <columns>', 'key columns, where the feed does not say them')
    .option('--stream <name>', 'name under which the position is kept; default from the feed')
    .option(
      '--until <position>',
      'the last transaction to apply: an LSN such as 0/1998A48, bin.000001:878584, a file or change sequence of dms, or line:<n>',
    )
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
  addDmsOptions(command)
    .option('--json', 'print one JSON document')
    .action((feeds: readonly string[], options: CdcOptions, parsed: Command) =>
      withLake(parsed, surroundings, session => applyFeeds(session, feeds, options)),
    )
}

const FORMATS = ['debezium', 'wal2json', 'maxwell', 'dms'] as const

async function applyFeeds(session: Session, feeds: readonly string[], options: CdcOptions): Promise<void> {
  const { applyDms, applyFeed, feedLines, readFeedFiles } = await import('../../cdc.js')
  const { surroundings, lake } = session
  const { signal } = surroundings
  const format = choice(
    options.format,
    FORMATS,
    'feeds are read in format debezium, wal2json, maxwell or dms',
  )
  const isStdin = feeds.length === 1 && feeds[0] === '-'
  const locations = isStdin ? [] : feeds.map(feed => fileLocation(surroundings, feed))
  const progress = progressLine(surroundings)
  const applying = {
    ...lake.context,
    ...(await readOptions(surroundings, options)),
    onProgress: ({ events, commits, position }: FeedProgress) =>
      progress.show(`${events} changes, ${commits} commits, at ${position ?? 'the start'}`),
    onWarning: (message: string) => {
      progress.end()
      surroundings.stderr.write(`serac: warning: ${message}\n`)
    },
    signal,
  }
  try {
    const report =
      format === 'dms'
        ? await applyDms(
            { io: lake.context.io, locations, settings: await dmsSettings(surroundings, options) },
            applying,
          )
        : await applyFeed(
            isStdin
              ? feedLines(surroundings.stdin, { source: 'stdin' })
              : readFeedFiles(lake.context.io, locations, { signal }),
            { ...applying, format, isFollowed: isStdin },
          )
    progress.end()
    await printResult(session, { json: report, text: reportText(report) })
  } finally {
    progress.end()
  }
}

async function readOptions(surroundings: Surroundings, options: CdcOptions) {
  const { parsePosition, parseTypesFile } = await import('../../cdc.js')
  const { types, until, resetPosition, keys } = options
  const version = choice(options.formatVersion ?? '2', ['2', '3'], 'format version 2 or 3')
  const formatVersion: 2 | 3 = version === '3' ? 3 : 2
  return {
    target: await targetOf(options),
    keys: keys === undefined ? undefined : commaList(keys),
    stream: options.stream,
    until: until === undefined ? undefined : parsePosition(until),
    resetPosition: resetPosition === undefined ? undefined : parsePosition(resetPosition),
    commitRows: options.commitRows,
    commitSeconds: options.commitSeconds,
    types: types === undefined ? undefined : parseTypesFile(await textOf(surroundings, types)),
    formatVersion,
    branch: options.branch,
    onUnrepresentable: choice(
      options.onUnrepresentable ?? 'null',
      ['null', 'fail'],
      'the policies are null and fail',
    ),
  }
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
