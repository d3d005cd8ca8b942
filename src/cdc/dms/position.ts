/**
 * Where a table stands in a feed of files.
 *
 *   file:20261121-082659221.csv          the file is applied whole, and so is what comes before it
 *   file:LOAD0000000A.csv+50000          so are its first 50,000 rows
 *   file:20261121-082659221.csv@<digits> the last change applied has this sequence; `file:@<digits>` tells no file
 *   file:                                before everything
 *
 * A position as a table stores it also says which files it covers, and which older file is being taken in behind it.
 */
import { LakeError } from '../../base/errors.js'
import { isJsonObject, type JsonValue, parseJson, stringifyJson } from '../../base/json.js'
import { type ObjectLedger, parseLedger, serializeLedger } from '../object-ledger.js'
import { momentOf, parseDmsName } from './names.js'

/** A source table. */
export interface TableName {
  readonly schema: string
  readonly name: string
  readonly database?: string | undefined
}

export interface FilePosition {
  readonly kind: 'file'
  /** Name of the newest file that was begun, with the folders between it and its table's; empty: none. */
  readonly name: string
  /** Rows that are applied of it, or of `late`; absent: all. */
  readonly row?: number | undefined
  /** Sequence of the last change, where the files carry one. */
  readonly sequence?: string | undefined
  /** Name of an older file that is taken in behind `name`. */
  readonly late?: string | undefined
  /** The transaction comes behind what the table holds although its file is older: it is never passed. */
  readonly isBehind?: boolean | undefined
  /** The files of a table that are taken in. */
  readonly ledgerOf?: ((table: TableName) => ObjectLedger | undefined) | undefined
}

const TEXT = /^(?:file:)?(.*?)(?:\+(\d{1,15}))?(?:@(\d{1,40}))?$/s
/** A bare sequence of changes: 16 digits of time and 19 of a counter. */
const SEQUENCE = /^\d{35}$/

/** Reads `printFilePosition` and `storedFilePosition`, a bare name of a file, or a bare sequence; undefined for other text. */
export function parseFilePosition(text: string): FilePosition | undefined {
  if (text.startsWith('{')) return parseStored(text)
  if (SEQUENCE.test(text)) return { kind: 'file', name: '', sequence: text }
  const [, name, row, sequence] = TEXT.exec(text) ?? []
  if (name === undefined) return undefined
  const isNamed = text.startsWith('file:') ? name === '' || parseDmsName(name) !== undefined : false
  if (!isNamed && parseDmsName(name) === undefined) return undefined
  return position({ name, row: row === undefined ? undefined : Number(row), sequence })
}

function position(parts: Omit<FilePosition, 'kind'>): FilePosition {
  const given = Object.entries(parts).filter(([, value]) => value !== undefined)
  return { kind: 'file', name: parts.name, ...Object.fromEntries(given) }
}

export function printFilePosition({ name, row, sequence }: FilePosition): string {
  return `file:${name}${row === undefined ? '' : `+${row}`}${sequence === undefined ? '' : `@${sequence}`}`
}

/** The position as the table of a source table stores it. */
export function storedFilePosition(at: FilePosition, table: TableName): string {
  const { name, row, sequence, late, ledgerOf } = at
  const ledger = ledgerOf?.(table)
  const parts: Record<string, JsonValue | undefined> = {
    file: name,
    row,
    sequence,
    late,
    ledger: ledger && serializeLedger(ledger),
  }
  return stringifyJson(Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)))
}

/** @throws corrupt */
function parseStored(text: string): FilePosition {
  const json = parseJsonText(text)
  if (!isJsonObject(json)) throw unreadable(text)
  const { file: name, row, sequence, late, ledger: files } = json
  if (typeof name !== 'string' || !isOptional(row, 'number')) throw unreadable(text)
  if (!isOptional(sequence, 'string') || !isOptional(late, 'string')) throw unreadable(text)
  const ledger = files === undefined ? undefined : parseLedger(files)
  return position({
    name,
    row: row as number | undefined,
    sequence: sequence as string | undefined,
    late: late as string | undefined,
    ledgerOf: ledger && (() => ledger),
  })
}

function parseJsonText(text: string): JsonValue {
  try {
    return parseJson(text)
  } catch (cause) {
    throw unreadable(text, cause)
  }
}

function isOptional(value: JsonValue | undefined, type: 'number' | 'string'): boolean {
  return value === undefined || typeof value === type
}

function unreadable(text: string, cause?: unknown): LakeError {
  return new LakeError('corrupt', 'the position of a feed of files cannot be read', {
    cause,
    context: { position: text.slice(0, 100) },
  })
}

/** True when a table that stands at `reached` holds a transaction already. */
export function isFilePassed(at: FilePosition, reached: FilePosition): boolean {
  if (at.isBehind === true) return false
  if (reached.name === '')
    return reached.sequence !== undefined && isSequenceUpTo(at.sequence, reached.sequence)
  // Whatever of a file is taken in behind, nothing of the files before it is missing.
  const row = reached.late === undefined ? reached.row : undefined
  if (at.name === reached.name)
    return (at.row ?? Number.POSITIVE_INFINITY) <= (row ?? Number.POSITIVE_INFINITY)
  return placeOf(at.name) < placeOf(reached.name)
}

/** True for a transaction up to `until`: files of the same time or counter belong to it, and without a sequence the full load. */
export function isFileUpTo(at: FilePosition, until: FilePosition): boolean {
  if (until.name === '') return until.sequence !== undefined && isSequenceUpTo(at.sequence, until.sequence)
  const name = at.late ?? at.name
  if (name === until.name) {
    return (at.row ?? Number.POSITIVE_INFINITY) <= (until.row ?? Number.POSITIVE_INFINITY)
  }
  return momentOf(placeOf(name)) <= momentOf(placeOf(until.name))
}

/** Rows without a sequence are those of the full load, which comes first. */
function isSequenceUpTo(sequence: string | undefined, until: string): boolean {
  return sequence === undefined || compareSequences(sequence, until) <= 0
}

/** Negative, zero or positive, as numbers: leading zeros do not count. */
export function compareSequences(a: string, b: string): number {
  if (a.length === b.length) return a < b ? -1 : a === b ? 0 : 1
  const [digitsA, digitsB] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')]
  if (digitsA.length !== digitsB.length) return digitsA.length - digitsB.length
  return digitsA < digitsB ? -1 : digitsA === digitsB ? 0 : 1
}

/** The place of a file in the order of its table's; the empty name comes before all. */
export function placeOf(name: string): string {
  return parseDmsName(name)?.place ?? ''
}
