import type { Command } from 'commander'
import type { AsOf } from '../../index.js'
import { FORMAT_HELP, printRowsAs, rowFormat } from '../print-rows.js'
import { addRelocateOption, type ReadSession, withReadableTable } from '../readable-table.js'
import { commaList, printResult, UsageError, wholeNumber } from '../session.js'
import { print, type Surroundings } from '../surroundings.js'

interface ScanOptions {
  readonly select?: string
  readonly where?: string
  readonly asOf?: string
  readonly snapshotId?: string
  readonly timestamp?: string
  readonly ref?: string
  readonly limit?: number
  readonly orderBy?: string
  readonly maxScanBytes?: number
  readonly relocate?: readonly string[]
  readonly count?: boolean
  readonly explain?: boolean
  readonly format?: string
  readonly json?: boolean
}

/** `serac scan` */
export function addScanCommand(program: Command, surroundings: Surroundings): void {
  const command = program
    .command('scan <table>')
    .description(
      'read rows of a table, or of a metadata file, a folder or a data file, now or as of a snapshot, a time or a ref',
    )
    .option('--select <columns>', 'columns, comma separated; metadata columns such as _file and _pos too')
    .option('--where <filter>', `such as "region = 'eu' and ts >= '2026-11-17T00:00:00Z'"`)
    .option(
      '--as-of <id|time|ref>',
      'all digits: a snapshot id; ISO-8601 with zone: a time; else a branch or tag',
    )
    .option('--snapshot-id <id>', 'as of a snapshot')
    .option('--timestamp <time>', 'as of a time')
    .option('--ref <name>', 'as of a branch or tag')
    .option('--limit <rows>', 'rows at most', wholeNumber(0))
    .option('--order-by <terms>', 'the first rows in this order, such as "ts desc, id"; needs --limit')
    .option('--max-scan-bytes <bytes>', 'refuse to read more bytes of data and delete files', wholeNumber(0))
    .option('--count', 'print the number of rows')
    .option('--explain', 'print what each level skips instead of rows')
    .option('--format <format>', FORMAT_HELP)
    .option('--json', 'the same as --format jsonl')
  addRelocateOption(command).action((name: string, options: ScanOptions, invoked: Command) =>
    withReadableTable(invoked, surroundings, { name, relocate: options.relocate }, session =>
      scanTable(session, options),
    ),
  )
}

async function scanTable(session: ReadSession, options: ScanOptions): Promise<void> {
  const scan = session.table.scan({
    select: options.select === undefined ? undefined : commaList(options.select),
    where: options.where,
    asOf: await asOfOf(options),
    limit: options.limit,
    orderBy: options.orderBy,
    maxScanBytes: options.maxScanBytes,
    signal: session.surroundings.signal,
  })
  if (options.count === true) {
    const rows = await scan.count()
    await printResult(session, { json: { count: rows }, text: `${rows}\n` })
  } else if (options.explain === true) {
    const { stringifyJson } = await import('../../index.js')
    await print(session.surroundings.stdout, `${stringifyJson(await scan.explainRun(), { indent: 2 })}\n`)
  } else {
    const { fields } = await scan.plan()
    await printRowsAs(session, { fields, batches: scan.batches() }, rowFormat(options))
  }
}

async function asOfOf(options: ScanOptions): Promise<AsOf | undefined> {
  const given = [options.asOf, options.snapshotId, options.timestamp, options.ref].filter(
    text => text !== undefined,
  )
  if (given.length > 1) throw new UsageError('a scan reads as of one thing', given.join(' and '))
  if (options.ref !== undefined) return { ref: options.ref }
  if (options.snapshotId !== undefined) {
    if (!/^\d+$/.test(options.snapshotId))
      throw new UsageError('a snapshot id is all digits', options.snapshotId)
    return { snapshotId: BigInt(options.snapshotId) }
  }
  if (options.timestamp !== undefined) {
    const { parseAsOf } = await import('../../index.js')
    const selector = parseAsOf(options.timestamp)
    if (typeof selector === 'string' || !('timestampMs' in selector)) {
      throw new UsageError('a time is ISO-8601 with a zone', options.timestamp)
    }
    return selector
  }
  return options.asOf
}
