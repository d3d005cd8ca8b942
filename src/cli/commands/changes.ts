import type { Command } from 'commander'
import type { ChangesRequest } from '../../index.js'
import { FORMAT_HELP, printRowsAs, rowFormat } from '../print-rows.js'
import { addRelocateOption, withReadableTable } from '../readable-table.js'
import { commaList, UsageError } from '../session.js'
import type { Surroundings } from '../surroundings.js'

interface ChangesOptions {
  readonly from?: string
  readonly to?: string
  readonly mode?: string
  readonly keys?: string
  readonly select?: string
  readonly where?: string
  readonly relocate?: readonly string[]
  readonly format?: string
  readonly json?: boolean
}

/** `serac changes` */
export function addChangesCommand(program: Command, surroundings: Surroundings): void {
  const command = program
    .command('changes <table>')
    .description('read what changed between two snapshots, row by row')
    .option('--from <id|time|ref>', 'changes after this snapshot; default from the beginning')
    .option('--to <id|time|ref>', 'changes up to and with this snapshot; default the current one')
    .option('--mode <mode>', 'raw, net or updates; default raw, with --keys updates')
    .option('--keys <columns>', 'columns that identify a row for --mode updates, comma separated')
    .option('--select <columns>', 'columns, comma separated, such as "_change_type,id"')
    .option(
      '--where <filter>',
      'changes of these rows; an update stays whole when either of its rows matches',
    )
    .option('--format <format>', FORMAT_HELP)
    .option('--json', 'the same as --format jsonl')
  addRelocateOption(command).action((name: string, options: ChangesOptions, invoked: Command) =>
    withReadableTable(invoked, surroundings, { name, relocate: options.relocate }, async session => {
      const changes = session.table.changes({
        from: options.from,
        to: options.to,
        mode: modeOf(options.mode),
        keys: options.keys === undefined ? undefined : commaList(options.keys),
        select: options.select === undefined ? undefined : commaList(options.select),
        where: options.where,
        signal: surroundings.signal,
      })
      const rows = { fields: await changes.fields(), batches: changes.batches() }
      await printRowsAs(session, rows, rowFormat(options))
    }),
  )
}

function modeOf(text: string | undefined): ChangesRequest['mode'] {
  switch (text) {
    case undefined:
    case 'raw':
    case 'net':
    case 'updates':
      return text
    default:
      throw new UsageError('changes are read as raw, net or updates', text)
  }
}
