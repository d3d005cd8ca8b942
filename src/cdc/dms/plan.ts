/**
 * What is to be read of a table's files: those behind where the table stands, and what the ledger says of the others.
 *
 *   listed     L1 L2 | C1 C2 C3 | C4 C5        the table stands at C3
 *   ledger     L1 L2 | C1    C3
 *   found               C2 is late             fail, skip, apply
 *                       C1 has another size    conflict: its old rows are in the table
 *                       C3 is gone             truncated, or tidied up: fail, truncate, keep
 *
 * Files of a full load come in any order while it goes on, for none of them has a row of another. Where files carry
 * sequences, a late file is judged by its rows.
 */
import { LakeError } from '../../base/errors.js'
import type { SourceColumn, SourceTable } from '../change-event.js'
import { compareLedger, EMPTY_LEDGER, ledgerOf, type ObjectLedger, withObject } from '../object-ledger.js'
import { printSource } from '../source-tables.js'
import type { DmsFile } from './files.js'
import { isLoadPlace } from './names.js'
import { type FilePosition, placeOf } from './position.js'
import type { DmsSettings } from './settings.js'

/** A source table while its files are read. */
export interface DmsTable {
  readonly source: SourceTable
  /** Its columns, where something says them. */
  readonly known: readonly SourceColumn[] | undefined
  readonly reached: FilePosition | undefined
  /** Changes up to here are in the table, the user says. */
  readonly floor: string | undefined
  /** Newest file that was begun. */
  name: string
  /** Sequence of the last change taken in. */
  sequence: string | undefined
  ledger: ObjectLedger
  /** Nothing more is wanted of it. */
  isEnded: boolean
}

export interface PlannedFile {
  readonly file: DmsFile
  readonly table: DmsTable
  /** Rows of it that the table holds. */
  readonly rowsBefore: number
  /** Its name is older than what was applied. */
  readonly isLate: boolean
  /** The table was emptied before. */
  readonly truncatesFirst: boolean
}

export interface TablePlan {
  readonly table: DmsTable
  /** Files that come first: the rest of one that was begun, and late ones. */
  readonly first: readonly PlannedFile[]
  readonly next: readonly PlannedFile[]
}

export interface PlanOptions {
  readonly source: SourceTable
  readonly known: readonly SourceColumn[] | undefined
  readonly reached: FilePosition | undefined
  readonly settings: DmsSettings
  /** Changes of all tables, which count for where this one stands. */
  readonly transactions: readonly DmsFile[]
  readonly onIgnored: (what: string) => void
}

/**
 * Plans the reading of a table's own files.
 * @throws conflict for files that are not what they were when they were applied
 */
export function planTable(files: readonly DmsFile[], options: PlanOptions): TablePlan {
  const { source, known, reached } = options
  const place = reached === undefined ? '' : placeReached(reached)
  const taken = [...files, ...options.transactions].filter(file => file.place <= place)
  const late = lateFiles(taken, options)
  const isEmptied = isGone(taken, options)
  const applied = taken.filter(file => !late.includes(file))
  const table: DmsTable = {
    source,
    known,
    reached,
    floor: reached?.name === '' ? reached.sequence : undefined,
    name: reached?.name ?? '',
    sequence: reached?.name === '' ? undefined : reached?.sequence,
    ledger: applied.length === 0 ? EMPTY_LEDGER : ledgerOf(applied),
    isEnded: false,
  }
  const planned = (file: DmsFile, part: Partial<PlannedFile> = {}): PlannedFile => ({
    file,
    table,
    rowsBefore: 0,
    isLate: false,
    truncatesFirst: false,
    ...part,
  })
  const pending = files.filter(file => file.place > place)
  return {
    table,
    first: [
      ...begunFile(files, reached).map(part => planned(part.file, part)),
      ...late
        .filter(file => files.includes(file) && isWanted(file, table, options))
        .map(file => planned(file, { isLate: true })),
    ],
    next: pending.map((file, index) => planned(file, { truncatesFirst: isEmptied && index === 0 })),
  }
}

/** Without a name a sequence stands behind the full load, which has none. */
function placeReached({ name, sequence }: FilePosition): string {
  return name === '' && sequence !== undefined ? '1' : placeOf(name)
}

/** The file that the table is in the middle of. */
function begunFile(
  files: readonly DmsFile[],
  reached: FilePosition | undefined,
): readonly Pick<PlannedFile, 'file' | 'rowsBefore' | 'isLate'>[] {
  if (reached?.row === undefined) return []
  const name = reached.late ?? reached.name
  const file = files.find(candidate => candidate.name === name)
  if (file === undefined) return []
  return [{ file, rowsBefore: reached.row, isLate: reached.late !== undefined }]
}

/** Files with old names that the table does not hold. @throws conflict for those that it holds and that are others now */
function lateFiles(taken: readonly DmsFile[], options: PlanOptions): readonly DmsFile[] {
  const { reached, source } = options
  const ledger = reached?.ledgerOf?.(source)
  if (ledger === undefined) return []
  const { late, changed, changedPeriods } = compareLedger(ledger, taken)
  const [other] = changed
  if (other !== undefined) {
    throw conflict('a file that was applied is another now', options, {
      location: taken.find(({ name }) => name === other.name)?.location ?? other.name,
      sizeBytes: other.sizeBytes,
      remedy: 'when the table was loaded anew, empty it and apply with --reset-position file:',
    })
  }
  const [period] = changedPeriods
  if (period !== undefined) {
    throw conflict('old files of a period are not those that were applied', options, {
      period,
      remedy: 'say with --reset-position where the table stands; files up to there are taken to be applied',
    })
  }
  const names = new Set(late.map(({ name }) => name))
  return taken.filter(file => names.has(file.name))
}

/** Whether a late file is read. @throws conflict where that cannot be decided */
function isWanted(file: DmsFile, table: DmsTable, options: PlanOptions): boolean {
  const { reached, settings, onIgnored } = options
  const isLoading = file.kind === 'load' && reached !== undefined && isLoadPlace(placeOf(reached.name))
  const hasSequence = file.kind === 'changes' && reached?.sequence !== undefined
  if (isLoading || hasSequence || settings.late === 'apply') return true
  if (settings.late === 'skip') {
    passOver(file, table)
    onIgnored('file that came late')
    return false
  }
  throw lateFile(file, options)
}

function lateFile(file: DmsFile, options: PlanOptions): LakeError {
  return conflict('a file with an older name came after others were applied', options, {
    location: file.location,
    remedy:
      file.kind === 'load'
        ? 'when the table was loaded anew, empty it and apply with --reset-position file:; else --dms-late skip or apply'
        : '--dms-late skip passes over it, --dms-late apply applies it behind what was applied',
  })
}

function passOver(file: DmsFile, table: DmsTable): void {
  table.ledger = withObject(table.ledger, file)
}

/**
 * Late files of changes of all tables: they cannot be applied behind others.
 * @throws conflict
 */
export function checkTransactions(files: readonly DmsFile[], options: PlanOptions): void {
  const { reached, settings } = options
  if (reached === undefined || settings.late === 'skip') return
  const place = placeReached(reached)
  const [late] = lateFiles(
    files.filter(file => file.place <= place),
    options,
  ).filter(({ kind }) => kind === 'transactions')
  if (late === undefined) return
  throw conflict('a file with an older name came after others were applied', options, {
    location: late.location,
    remedy: '--dms-late skip passes over it',
  })
}

/** True when the table's files are gone because it was truncated. @throws conflict where that cannot be decided */
function isGone(taken: readonly DmsFile[], options: PlanOptions): boolean {
  const { reached, settings, source } = options
  if (reached === undefined || reached.name === '' || reached.ledgerOf?.(source) === undefined) return false
  const name = reached.late ?? reached.name
  if (taken.some(file => file.name === name)) return false
  const isShared = name.startsWith('CDC_TXN-')
  if (settings.missing === 'truncate' && !isShared) return true
  if (settings.missing === 'keep' && reached.row === undefined) return false
  throw conflict('the last file that was applied is gone', options, {
    file: name,
    remedy:
      reached.row === undefined
        ? 'DMS deletes the files of a table that is truncated: --dms-missing truncate; when somebody tidied up: --dms-missing keep'
        : 'the rest of it was not applied: bring it back, or say with --reset-position where the table stands',
  })
}

function conflict(
  message: string,
  { source }: PlanOptions,
  context: Readonly<Record<string, string | number>>,
): LakeError {
  return new LakeError('conflict', message, { context: { table: printSource(source), ...context } })
}
