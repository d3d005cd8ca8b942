/**
 * Names of the objects that AWS DMS writes into a folder or a bucket, and the order that they tell.
 *
 *   <root>/<schema>/<table>/[<partition>/][SEGMENT1_]LOAD0000000A.csv[.gz]       full load, hexadecimal counter
 *   <root>/<schema>/<table>/[<date folders>/]20261121-082659221.csv[.gz]         changes, time of their commit
 *   <root>/<CdcPath>/CDC_TXN-20261121082659221.csv[.gz]                          changes of all tables in commit order
 *
 * Date folders come in orders that do not sort (DDMMYYYY), so only base names count. The full load comes before all
 * changes. Places of names compare as text:
 *
 *   0 <counter, 16 digits> / <path below the table's folder>
 *   1 <date and time, 14 digits> <fraction, 12 digits> / <name>
 */
export type DmsFileKind = 'load' | 'changes' | 'transactions'

export interface DmsName {
  readonly kind: DmsFileKind
  readonly format: 'csv' | 'parquet'
  /** Compares as text with the places of other files of the table, or of the transactions. */
  readonly place: string
}

const FILE = /^(.+?)\.(csv|parquet)(?:\.gz)?$/i
const LOAD = /^(?:.*_)?LOAD([0-9A-F]{8,16})$/i
const CHANGES = /^(\d{8})-(\d{6})(\d{0,12})$/
const TRANSACTIONS = /^CDC_TXN-(\d{14})(\d{0,12})$/
const COUNTER_DIGITS = 16
const FRACTION_DIGITS = 12

/** What the name of a file says, with the folders between it and its table's in front; undefined for names that DMS does not give. */
export function parseDmsName(name: string): DmsName | undefined {
  const [, path, ending] = FILE.exec(name) ?? []
  if (path === undefined || ending === undefined) return undefined
  const format = ending.toLowerCase() === 'csv' ? 'csv' : 'parquet'
  const stem = path.slice(path.lastIndexOf('/') + 1)
  const counter = LOAD.exec(stem)?.[1]
  if (counter !== undefined) {
    return { kind: 'load', format, place: `0${counter.toUpperCase().padStart(COUNTER_DIGITS, '0')}/${path}` }
  }
  const changes = CHANGES.exec(stem)
  if (changes !== null) {
    const [, date, time, fraction] = changes
    return { kind: 'changes', format, place: timePlace(`${date}${time}`, fraction, stem) }
  }
  const transactions = format === 'csv' ? TRANSACTIONS.exec(stem) : null
  if (transactions === null) return undefined
  return { kind: 'transactions', format, place: timePlace(transactions[1], transactions[2], stem) }
}

function timePlace(seconds: string | undefined, fraction: string | undefined, stem: string): string {
  return `1${seconds}${(fraction ?? '').padEnd(FRACTION_DIGITS, '0')}/${stem}`
}

/** The part of a place that files of one counter or one time share. */
export function momentOf(place: string): string {
  const end = place.indexOf('/')
  return end < 0 ? place : place.slice(0, end)
}

/** True for the place of a file of the full load. */
export function isLoadPlace(place: string): boolean {
  return place.startsWith('0')
}

/** One folder with dashes, underscores or nothing between the parts of a date, or as many folders as it has parts. */
const DATE_FOLDERS = [
  /^\d{4}\/\d{2}\/\d{2}\/\d{2}$/,
  /^(?:\d{4}\/\d{2}\/\d{2}|\d{2}\/\d{4}\/\d{2}|\d{2}\/\d{2}\/\d{4})$/,
  /^\d{4}\/\d{2}$/,
  /^(?:\d{4}([-_])\d{2}(?:\1\d{2}){0,2}|\d{2}([-_])(?:\d{4}\2\d{2}|\d{2}\2\d{4})|\d{6}(?:\d{2}){0,2})$/,
]

/** The folders of a file of changes without those that tell its date. */
export function withoutDateFolders(folders: readonly string[]): readonly string[] {
  for (const [index, pattern] of DATE_FOLDERS.entries()) {
    const count = DATE_FOLDERS.length - index
    if (count <= folders.length && pattern.test(folders.slice(-count).join('/')))
      return folders.slice(0, -count)
  }
  return folders
}
