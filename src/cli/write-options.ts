/** What the commands that write rows share: where a write goes, how files are read, what is printed of it. */
import type { Command } from 'commander'
import type { FileKind, FileRowsOptions, Once, OncePosition, WriteOptions, WriteReport } from '../index.js'
import { printResult, type Session, UsageError } from './session.js'
import type { Surroundings } from './surroundings.js'

/** As the command line gives them. */
export interface GivenWriteOptions extends GivenOnce {
  readonly branch?: string
  readonly wapId?: string
  readonly dryRun?: boolean
}

/** As the command line gives them. */
interface GivenOnce {
  readonly once?: string
  readonly token?: string
  readonly position?: string
  readonly resetPosition?: boolean
}

/** Adds what every write takes. */
export function addWriteOptions(command: Command): Command {
  return command
    .option('--branch <branch>', 'branch to write; made from main when it is missing')
    .option('--wap-id <id>', 'stage the write under this id until it is published')
    .option('--once <stream>', 'do the write once: a step of this stream, which --token names')
    .option('--token <token>', 'with --once: the same when the write is repeated, and of no other write')
    .option(
      '--position <position>',
      'with --once: a number or text; steps at or before that of the stream are done',
    )
    .option('--reset-position', 'with --once: go on from whatever position the stream holds')
    .option('--dry-run', 'write nothing; say which files, rows and bytes the write would touch')
    .option('--json', 'print one JSON document')
}

export function writeOptionsOf({ signal }: Surroundings, given: GivenWriteOptions): WriteOptions {
  const { branch, wapId, dryRun } = given
  return { branch, wapId, dryRun, once: onceOf(given), signal }
}

function onceOf({ once: stream, token, position, resetPosition }: GivenOnce): Once | undefined {
  if (stream === undefined || token === undefined) {
    const given = stream ?? token ?? position ?? (resetPosition === true ? '--reset-position' : undefined)
    if (given === undefined) return undefined
    throw new UsageError('a write is done once by --once <stream> and --token <token>', given)
  }
  return { stream, token, position: position === undefined ? undefined : positionOf(position), resetPosition }
}

function positionOf(text: string): OncePosition {
  return /^-?\d+$/.test(text) ? BigInt(text) : text
}

/** As the command line gives them. */
export interface GivenFileOptions {
  readonly format?: string
  readonly delimiter?: string
  readonly nullText?: string
  readonly header: boolean
}

/** Adds how files of rows are read. */
export function addFileOptions(command: Command): Command {
  return command
    .option('--format <kind>', 'parquet, arrow, jsonl, csv or tsv; default by the names of the files')
    .option('--delimiter <character>', 'what is between the fields of CSV')
    .option('--null-text <text>', 'what an unquoted field of CSV is null by; default the empty text')
    .option('--no-header', 'the first line of CSV is a row')
}

const FILE_KINDS: readonly FileKind[] = ['parquet', 'arrow', 'jsonl', 'csv', 'tsv']

export function fileOptionsOf({
  format,
  delimiter,
  nullText,
  header,
}: GivenFileOptions): Pick<FileRowsOptions, 'kind' | 'csv'> {
  const kind = FILE_KINDS.find(known => known === format)
  if (format !== undefined && kind === undefined)
    throw new UsageError(`files are one of ${FILE_KINDS.join(', ')}`, format)
  return { kind, csv: { delimiter: delimiter === '\\t' ? '\t' : delimiter, nullText, header } }
}

/** Prints what a write did or, in a dry run, would do. */
export async function printReport(
  session: Session,
  report: WriteReport,
  { dryRun }: Pick<GivenWriteOptions, 'dryRun'>,
): Promise<void> {
  const json = dryRun === true ? { dryRun, ...report } : report
  const made = dryRun === true ? 'dry run' : `snapshot ${report.snapshotId}`
  const text = report.changed
    ? `${made}: ${effectText(report)}\n`
    : report.replayed === true
      ? `done before by snapshot ${report.snapshotId}: ${effectText(report)}\n`
      : 'nothing to change\n'
  await printResult(session, { json, text })
}

/** `added 3 rows, 1 data file, 1.2 kB; removed 2 rows, 1 data file, 1.1 kB` */
function effectText({ effect }: WriteReport): string {
  const sides = (['added', 'removed'] as const).map(side => {
    const parts = [
      counted(effect.rows[side], 'row'),
      counted(effect.dataFiles[side], 'data file'),
      counted(effect.deleteFiles[side], 'delete file'),
      effect.bytes[side] === 0 ? [] : sizeText(effect.bytes[side]),
    ].flat()
    return parts.length === 0 ? [] : `${side} ${parts.join(', ')}`
  })
  return sides.flat().join('; ') || 'no files'
}

function counted(count: number, name: string): readonly string[] {
  return count === 0 ? [] : [`${count} ${name}${count === 1 ? '' : 's'}`]
}

const UNITS: readonly string[] = ['bytes', 'kB', 'MB', 'GB', 'TB']

/** Two or three digits and a unit of thousands. */
function sizeText(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`
}
