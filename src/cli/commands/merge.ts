import type { Command } from 'commander'
import { commaList, fileLocation, type Session, withLake } from '../session.js'
import { print, type Surroundings } from '../surroundings.js'
import {
  addFileOptions,
  addWriteOptions,
  fileOptionsOf,
  type GivenFileOptions,
  type GivenWriteOptions,
  printReport,
  writeOptionsOf,
} from '../write-options.js'

interface MergeOptions extends GivenWriteOptions, GivenFileOptions {
  readonly on?: string
  readonly when: readonly string[]
  readonly keys?: string
}

/** `serac merge` */
export function addMergeCommand(program: Command, surroundings: Surroundings): void {
  const merging = program
    .command('merge <table> <files...>')
    .description(
      'merge the rows of Parquet, Arrow, CSV or JSON lines files into a table: t is the table, s the files',
    )
    .option('--on <condition>', `which rows match, such as "t.id = s.id and t.region = 'eu'"`)
    .option('--keys <columns>', "instead of --on: equal columns; default the table's identifier fields")
    .option(
      '--when <clause>',
      'such as "when matched and s.op = \'D\' then delete"; default update and insert all columns',
      (clause: string, before: readonly string[]) => [...before, clause],
      [],
    )
  addWriteOptions(addFileOptions(merging)).action(
    (name: string, files: readonly string[], options: MergeOptions, command: Command) =>
      withLake(command, surroundings, session => merge(session, name, { files, options })),
  )
}

async function merge(
  session: Session,
  name: string,
  given: { readonly files: readonly string[]; readonly options: MergeOptions },
): Promise<void> {
  const { surroundings, lake } = session
  const { options } = given
  const { on, keys, when } = options
  const files = given.files.map(file => fileLocation(surroundings, file))
  const report = await lake.table(name).merge(
    { files, ...fileOptionsOf(options) },
    {
      ...writeOptionsOf(surroundings, options),
      on,
      keys: keys === undefined ? undefined : commaList(keys),
      when: when.length === 0 ? undefined : when,
    },
  )
  await printReport(session, report, options)
  if (session.options.json === true || !report.changed) return
  const { rowsInserted, rowsUpdated, rowsDeleted } = report
  const counts = `${rowsInserted} rows inserted, ${rowsUpdated} updated, ${rowsDeleted} deleted`
  await print(surroundings.stdout, `${counts}\n`)
}
