import type { Command } from 'commander'
import type { AsOf, ColumnBatch, Scan, ScanRequest } from '../../index.js'
import {
  commaList,
  fileLocation,
  printResult,
  type Session,
  UsageError,
  wholeNumber,
  withLake,
} from '../session.js'
import { print, type Surroundings } from '../surroundings.js'
import { textTable } from '../text-table.js'

interface ScanOptions {
  readonly select?: string
  readonly where?: string
  readonly asOf?: string
  readonly snapshotId?: string
  readonly timestamp?: string
  readonly ref?: string
  readonly limit?: number
  readonly relocate?: string
  readonly count?: boolean
  readonly explain?: boolean
  readonly format?: string
  readonly json?: boolean
}

/** Rows whose widths decide the layout of a printed table; later rows are printed in further blocks. */
const TABLE_BLOCK_ROWS = 1000

/** `serac scan` */
export function addScanCommand(program: Command, surroundings: Surroundings): void {
  program
    .command('scan <table>')
    .description('read rows of a table, or of a metadata file, now or as of a snapshot, a time or a ref')
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
    .option('--relocate <from>=<to>', 'read a metadata file whose table was moved to another root')
    .option('--count', 'print the number of rows')
    .option('--explain', 'print what each level skips instead of rows')
    .option('--format <format>', 'table, jsonl or arrow; default table')
    .option('--json', 'the same as --format jsonl')
    .action((name: string, options: ScanOptions, command: Command) =>
      withLake(command, surroundings, session => scanTable(session, name, options)),
    )
}

async function scanTable(session: Session, name: string, options: ScanOptions): Promise<void> {
  const table = await readableTable(session, name, options.relocate)
  const scan = table.scan({
    select: options.select === undefined ? undefined : commaList(options.select),
    where: options.where,
    asOf: await asOfOf(options),
    limit: options.limit,
    signal: session.surroundings.signal,
  })
  if (options.count === true) {
    const rows = await scan.count()
    await printResult(session, { json: { count: rows }, text: `${rows}\n` })
  } else if (options.explain === true) {
    const { stringifyJson } = await import('../../index.js')
    await print(session.surroundings.stdout, `${stringifyJson(await scan.explainRun(), { indent: 2 })}\n`)
  } else {
    await printScan(session, scan, options.json === true ? 'jsonl' : (options.format ?? 'table'))
  }
}

/** A table of the catalog, or one named by its metadata file. */
async function readableTable(
  session: Session,
  name: string,
  relocate: string | undefined,
): Promise<{ scan(request?: ScanRequest): Scan }> {
  if (!name.endsWith('.metadata.json')) return session.lake.table(name)
  const location = fileLocation(session.surroundings, name)
  if (relocate === undefined) return session.lake.staticTable(location)
  const at = relocate.indexOf('=')
  if (at < 1) throw new UsageError('a moved table is given as <from>=<to>', relocate)
  const to = fileLocation(session.surroundings, relocate.slice(at + 1))
  return session.lake.staticTable(location, { relocate: { from: relocate.slice(0, at), to } })
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

async function printScan(session: Session, scan: Scan, format: string): Promise<void> {
  switch (format) {
    case 'jsonl':
      return printJsonLines(session, scan)
    case 'table':
      return printTable(session, scan)
    case 'arrow':
      return printArrow(session, scan)
    default:
      throw new UsageError('rows are printed as table, jsonl or arrow', format)
  }
}

async function printJsonLines(session: Session, scan: Scan): Promise<void> {
  const { jsonRowsOfBatch, stringifyJson } = await import('../../index.js')
  for await (const batch of scan.batches()) {
    let text = ''
    for (const row of jsonRowsOfBatch(batch)) text += `${stringifyJson(row)}\n`
    await print(session.surroundings.stdout, text)
  }
}

async function printTable(session: Session, scan: Scan): Promise<void> {
  const { jsonRowsOfBatch } = await import('../../index.js')
  const { fields } = await scan.plan()
  const headers = fields.map(field => field.name)
  let rows: unknown[][] = []
  let printed = 0
  const flush = async (): Promise<void> => {
    await print(session.surroundings.stdout, textTable(headers, rows))
    printed += rows.length
    rows = []
  }
  for await (const batch of scan.batches()) {
    for (const row of jsonRowsOfBatch(batch)) {
      rows.push(headers.map(header => row[header]))
      if (rows.length >= TABLE_BLOCK_ROWS) await flush()
    }
  }
  if (rows.length > 0 || printed === 0) await flush()
  await print(
    session.surroundings.stderr,
    session.surroundings.stderr.isTTY === true ? `${printed} rows\n` : '',
  )
}

async function printArrow(session: Session, scan: Scan): Promise<void> {
  const { batchesToIpc } = await import('../../index.js')
  const { fields } = await scan.plan()
  const batches: ColumnBatch[] = []
  for await (const batch of scan.batches()) batches.push(batch)
  await print(session.surroundings.stdout, batchesToIpc(fields, batches))
}
