import type { Command } from 'commander'
import { FORMAT_HELP, printRowsAs, rowFormat } from '../print-rows.js'
import { addRelocateOption, withReadableTable } from '../readable-table.js'
import { commaList, wholeNumber } from '../session.js'
import type { Surroundings } from '../surroundings.js'

interface InspectOptions {
  readonly select?: string
  readonly where?: string
  readonly asOf?: string
  readonly limit?: number
  readonly relocate?: readonly string[]
  readonly format?: string
  readonly json?: boolean
}

const NAMES_HELP = `
Metadata tables:
  of a snapshot    entries files data_files delete_files manifests partitions position_deletes
  of all           all_entries all_files all_data_files all_delete_files all_manifests
  of the metadata  history snapshots refs metadata_log_entries
`

/** `serac inspect` */
export function addInspectCommand(program: Command, surroundings: Surroundings): void {
  const command = program
    .command('inspect <table> <metadata-table>')
    .description('read a metadata table: what a table consists of, as rows')
    .option('--select <columns>', 'columns, comma separated')
    .option('--where <filter>', `such as "record_count > 1000 and partition.region = 'eu'"`)
    .option('--as-of <id|time|ref>', 'the state of a snapshot, for the metadata tables of a snapshot')
    .option('--limit <rows>', 'rows at most', wholeNumber(0))
    .option('--format <format>', FORMAT_HELP)
    .option('--json', 'the same as --format jsonl')
    .addHelpText('after', NAMES_HELP)
  addRelocateOption(command).action(
    (name: string, metadataTable: string, options: InspectOptions, invoked: Command) =>
      withReadableTable(invoked, surroundings, { name, relocate: options.relocate }, async session => {
        const inspection = session.table.inspect(metadataTable, {
          select: options.select === undefined ? undefined : commaList(options.select),
          where: options.where,
          asOf: options.asOf,
          limit: options.limit,
          signal: surroundings.signal,
        })
        const rows = { fields: await inspection.fields(), batches: inspection.batches() }
        await printRowsAs(session, rows, rowFormat(options))
      }),
  )
}
