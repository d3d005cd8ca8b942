/** Printing rows as they come, in the form that `--format` asks for. */
import type { ColumnBatch, Field } from '../index.js'
import { csvHeader, csvLine } from './csv.js'
import { type Output, UsageError } from './session.js'
import { print } from './surroundings.js'
import { textTable } from './text-table.js'

/** Rows on their way out. */
export interface PrintedRows {
  readonly fields: readonly Field[]
  readonly batches: AsyncIterable<ColumnBatch>
}

/** The text of `--format` for help. */
export const FORMAT_HELP = 'table, jsonl, csv, arrow or parquet; default table'

/** Rows whose widths decide the layout of a printed table; later rows are printed in further blocks. */
const TABLE_BLOCK_ROWS = 1000

/** The form asked for: `--json` is JSON lines, else `--format`, else a table. */
export function rowFormat(options: {
  readonly json?: boolean | undefined
  readonly format?: string | undefined
}): string {
  return options.json === true ? 'jsonl' : (options.format ?? 'table')
}

/** Prints rows to stdout. Throws a UsageError for a form that there is not. */
export async function printRowsAs(session: Output, rows: PrintedRows, format: string): Promise<void> {
  switch (format) {
    case 'jsonl':
      return printJsonLines(session, rows)
    case 'table':
      return printTable(session, rows)
    case 'csv':
      return printCsv(session, rows)
    case 'arrow':
      return printArrow(session, rows)
    case 'parquet':
      return printParquet(session, rows)
    default:
      throw new UsageError('rows are printed as table, jsonl, csv, arrow or parquet', format)
  }
}

async function printJsonLines({ surroundings }: Output, { batches }: PrintedRows): Promise<void> {
  const { jsonRowsOfBatch, stringifyJson } = await import('../index.js')
  for await (const batch of batches) {
    let text = ''
    for (const row of jsonRowsOfBatch(batch)) text += `${stringifyJson(row)}\n`
    await print(surroundings.stdout, text)
  }
}

async function printTable({ surroundings }: Output, { fields, batches }: PrintedRows): Promise<void> {
  const { jsonRowsOfBatch } = await import('../index.js')
  const headers = fields.map(field => field.name)
  let rows: unknown[][] = []
  let printed = 0
  const flush = async (): Promise<void> => {
    await print(surroundings.stdout, textTable(headers, rows))
    printed += rows.length
    rows = []
  }
  for await (const batch of batches) {
    for (const row of jsonRowsOfBatch(batch)) {
      rows.push(headers.map(header => row[header]))
      if (rows.length >= TABLE_BLOCK_ROWS) await flush()
    }
  }
  if (rows.length > 0 || printed === 0) await flush()
  await print(surroundings.stderr, surroundings.stderr.isTTY === true ? `${printed} rows\n` : '')
}

async function printCsv({ surroundings }: Output, { fields, batches }: PrintedRows): Promise<void> {
  const { jsonRowsOfBatch, stringifyJson } = await import('../index.js')
  const names = fields.map(field => field.name)
  await print(surroundings.stdout, csvHeader(names))
  for await (const batch of batches) {
    let text = ''
    for (const row of jsonRowsOfBatch(batch)) text += csvLine(names, row, stringifyJson)
    await print(surroundings.stdout, text)
  }
}

async function printArrow({ surroundings }: Output, { fields, batches }: PrintedRows): Promise<void> {
  const { batchesToIpc } = await import('../index.js')
  const all: ColumnBatch[] = []
  for await (const batch of batches) all.push(batch)
  await print(surroundings.stdout, batchesToIpc(fields, all))
}

async function printParquet({ surroundings }: Output, { fields, batches }: PrintedRows): Promise<void> {
  const { parquetOfBatches } = await import('../index.js')
  for await (const bytes of parquetOfBatches(fields, batches)) await print(surroundings.stdout, bytes)
}
