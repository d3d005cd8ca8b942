/** Options of `serac cdc --format dms`: how the files of a DMS target read. */
import type { Command } from 'commander'
import type { DmsSettings } from '../../cdc.js'
import type { Surroundings } from '../surroundings.js'
import { choice, textOf } from './cdc-options.js'

export interface DmsOptions {
  readonly dmsSettings?: string
  readonly dmsSource?: string
  readonly dmsOp?: string
  readonly dmsHeader?: string
  readonly dmsTimestamp?: string
  readonly dmsSequence?: string
  readonly dmsBeforeImagePrefix?: string
  readonly dmsNull?: string
  readonly dmsNoSupp?: string
  readonly dmsDelimiter?: string
  readonly dmsQuotes?: string
  readonly dmsLate?: string
  readonly dmsMissing?: string
}

export function addDmsOptions(command: Command): Command {
  return command
    .option('--dms-settings <file>', "the S3 settings of DMS's endpoint, as JSON")
    .option('--dms-source <engine>', 'postgres or mysql: whose types --types names; default postgres')
    .option('--dms-op <files>', 'CSV files that begin with the Op column: always, cdc or never')
    .option('--dms-header <when>', 'always or never: whether CSV files begin with column names')
    .option('--dms-timestamp <column>', 'column with the time of the commit')
    .option('--dms-sequence <column>', 'column with the sequence of the change; default AR_H_CHANGE_SEQ')
    .option('--dms-before-image-prefix <text>', 'how before-image columns begin; default BI_')
    .option('--dms-null <text>', 'CSV text of null; default NULL')
    .option('--dms-no-supp <text>', 'CSV text of a value that the source did not supply')
    .option('--dms-delimiter <character>', 'between CSV fields; default a comma')
    .option('--dms-quotes <when>', 'never: quotes in CSV stand for themselves')
    .option(
      '--dms-late <policy>',
      'fail, skip or apply, for files behind newer ones that were applied; default fail',
    )
    .option(
      '--dms-missing <policy>',
      'when the last file applied is gone: fail, truncate (the source was) or keep (somebody tidied up); default fail',
    )
}

export async function dmsSettings(surroundings: Surroundings, options: DmsOptions): Promise<DmsSettings> {
  const { parseDmsSettings } = await import('../../cdc.js')
  const { dmsSettings: file } = options
  const known = file === undefined ? {} : parseDmsSettings(await textOf(surroundings, file))
  const given: DmsSettings = {
    engine: word(options.dmsSource, ['postgres', 'mysql'], 'the sources are postgres and mysql'),
    op: word(options.dmsOp, ['always', 'cdc', 'never'], 'the Op column is there always, cdc or never'),
    header: isSaid(options.dmsHeader, 'a header is there always or never'),
    timestampColumn: options.dmsTimestamp,
    sequenceColumn: options.dmsSequence,
    beforeImagePrefix: options.dmsBeforeImagePrefix,
    nullText: options.dmsNull,
    noSuppText: options.dmsNoSupp,
    delimiter: options.dmsDelimiter === '\\t' ? '\t' : options.dmsDelimiter,
    quotes: isSaid(options.dmsQuotes, 'quotes count always or never'),
    late: word(options.dmsLate, ['fail', 'skip', 'apply'], 'the policies are fail, skip and apply'),
    missing: word(
      options.dmsMissing,
      ['fail', 'truncate', 'keep'],
      'the policies are fail, truncate and keep',
    ),
  }
  const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  return { ...known, ...said }
}

function word<T extends string>(
  given: string | undefined,
  allowed: readonly T[],
  message: string,
): T | undefined {
  return given === undefined ? undefined : choice(given, allowed, message)
}

function isSaid(given: string | undefined, message: string): boolean | undefined {
  const said = word(given, ['always', 'never'], message)
  return said === undefined ? undefined : said === 'always'
}
