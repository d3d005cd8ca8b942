/**
 * Rows as canonical text, the form in which other engines' answers are compared: one row is one line of JSON, an
 * array of its columns in schema order, no space outside strings.
 *
 *   integers of 32 bits or fewer   number                  long, uint64       text of digits
 *   float, double                  number; "NaN", "Infinity", "-Infinity", "-0"
 *   decimal                        plain text with all digits of its scale
 *   date, time, timestamp          ISO text, six digits of a second, nine for nanoseconds, `Z` for instants
 *   bytes of any kind              lower-case hexadecimal; uuid in its groups
 *   struct, list                   array                   map                pairs, sorted by the key's text
 *
 * Some of it the Iceberg type does not tell: a uint32 is a long in memory and a number in the text. So a column is
 * printed by its type and by what the file says about its leaves, which hyparquet reads here, not serac.
 */
import { createHash } from 'node:crypto'
import { parquetMetadata } from 'hyparquet'
import type { ColumnBatch } from '../../src/batch/column-batch.js'
import { batchRows } from '../../src/batch/values.js'
import type { Field, Type, Value } from '../../src/schema/types.js'

/** What a file says of a leaf column, beyond its Iceberg type. */
export interface LeafHint {
  /** An unsigned integer of 32 bits, which Iceberg has no type for. */
  readonly narrow: boolean
  /** INT96: an instant in memory, but without a zone in the text. */
  readonly int96: boolean
}

export interface CanonicalOptions {
  /** Of the file's leaves, in their order. */
  readonly hints?: readonly LeafHint[] | undefined
}

type Printer = (value: Value) => string

/** The hints of a file, from its footer. */
export function leafHints(file: Uint8Array): LeafHint[] {
  const { schema } = parquetMetadata(Uint8Array.from(file).buffer)
  return schema
    .filter(element => element.type !== undefined && (element.num_children ?? 0) === 0)
    .map(element => ({
      narrow: element.type === 'INT32' || element.converted_type === 'UINT_32',
      int96: element.type === 'INT96',
    }))
}

/** Makes a function that prints the rows of batches of these fields. */
export function canonicalPrinter(
  fields: readonly Field[],
  options: CanonicalOptions = {},
): (batch: ColumnBatch) => string[] {
  const row = rowPrinter(fields, options)
  return batch => batchRows(batch).map(row)
}

/** The same for rows that are values already. */
export function rowPrinter(
  fields: readonly Field[],
  options: CanonicalOptions = {},
): (row: readonly Value[]) => string {
  const leaves = { hints: options.hints ?? [], next: 0 }
  const printers = fields.map(field => printerOf(field.type, leaves))
  return row => arrayText(row, printers)
}

/** Lines in the order of their UTF-8 bytes. */
export function sortedLines(lines: readonly string[]): string[] {
  return lines
    .map(line => [Buffer.from(line), line] as const)
    .sort(([a], [b]) => Buffer.compare(a, b))
    .map(([, line]) => line)
}

/** SHA-256 of sorted lines, each with a line feed behind it. */
export function digestOf(lines: readonly string[]): string {
  const hash = createHash('sha256')
  for (const line of lines) hash.update(line).update('\n')
  return hash.digest('hex')
}

interface Leaves {
  readonly hints: readonly LeafHint[]
  next: number
}

function printerOf(type: Type, leaves: Leaves): Printer {
  const present = presentPrinter(type, leaves)
  return value => (value === null ? 'null' : present(value))
}

function presentPrinter(type: Type, leaves: Leaves): Printer {
  switch (type.kind) {
    case 'struct': {
      const printers = type.fields.map(field => printerOf(field.type, leaves))
      return value => arrayText(value as readonly Value[], printers)
    }
    case 'list': {
      const element = printerOf(type.element, leaves)
      return value => `[${(value as readonly Value[]).map(element).join(',')}]`
    }
    case 'map': {
      const key = printerOf(type.key, leaves)
      const item = printerOf(type.value, leaves)
      return value => mapText(value as readonly Value[], key, item)
    }
    default:
      return leafPrinter(type, leaves)
  }
}

function leafPrinter(type: Type, leaves: Leaves): Printer {
  const hint = leaves.hints[leaves.next++]
  switch (type.kind) {
    case 'boolean':
    case 'int':
      return String
    case 'long':
      return hint?.narrow === true ? String : value => `"${String(value)}"`
    case 'float':
    case 'double':
      return value => numberText(value as number)
    case 'decimal':
      return value => `"${decimalText(value as bigint, type.scale)}"`
    case 'date':
      return value => `"${dateText(BigInt(value as number))}"`
    case 'time':
      return value => `"${timeText(value as bigint, MICROS)}"`
    case 'timestamp':
      return value => `"${timestampText(value as bigint, MICROS)}"`
    case 'timestamptz':
      return value => `"${timestampText(value as bigint, MICROS)}${hint?.int96 === true ? '' : 'Z'}"`
    case 'timestamp_ns':
      return value => `"${timestampText(value as bigint, NANOS)}"`
    case 'timestamptz_ns':
      return value => `"${timestampText(value as bigint, NANOS)}Z"`
    case 'string':
      return value => JSON.stringify(value)
    case 'uuid':
      return uuidText
    default:
      return bytesText
  }
}

function arrayText(values: readonly Value[], printers: readonly Printer[]): string {
  return `[${printers.map((print, at) => print(values[at] ?? null)).join(',')}]`
}

function mapText(entries: readonly Value[], key: Printer, item: Printer): string {
  const pairs = entries.map(entry => {
    const [name, value] = entry as readonly [Value, Value]
    const text = key(name)
    return { sortKey: Buffer.from(text), text: `[${text},${item(value)}]` }
  })
  pairs.sort((a, b) => Buffer.compare(a.sortKey, b.sortKey))
  return `[${pairs.map(pair => pair.text).join(',')}]`
}

function numberText(value: number): string {
  if (Object.is(value, -0)) return '"-0"'
  return Number.isFinite(value) ? String(value) : `"${value}"`
}

function bytesText(value: Value): string {
  return `"${Buffer.from(value as Uint8Array).toString('hex')}"`
}

function uuidText(value: Value): string {
  return bytesText(value).replace(/(\w{8})(\w{4})(\w{4})(\w{4})(\w{12})/, '$1-$2-$3-$4-$5')
}

/** Digits with the point `scale` places from the right. */
export function decimalText(unscaled: bigint, scale: number): string {
  const sign = unscaled < 0n ? '-' : ''
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0')
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

/** Parts of a second, and how many digits they have. */
interface Unit {
  readonly perSecond: bigint
  readonly digits: number
}
const MICROS: Unit = { perSecond: 1_000_000n, digits: 6 }
const NANOS: Unit = { perSecond: 1_000_000_000n, digits: 9 }
const DAY_SECONDS = 86_400n

function timestampText(value: bigint, unit: Unit): string {
  const perDay = unit.perSecond * DAY_SECONDS
  const days = floorDivide(value, perDay)
  return `${dateText(days)}T${timeText(value - days * perDay, unit)}`
}

function timeText(value: bigint, unit: Unit): string {
  const seconds = value / unit.perSecond
  const two = (part: bigint): string => String(part).padStart(2, '0')
  const clock = `${two(seconds / 3600n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}`
  return `${clock}.${String(value % unit.perSecond).padStart(unit.digits, '0')}`
}

/** The civil date, proleptic Gregorian, of any year; beyond four digits with a sign and six. */
function dateText(days: bigint): string {
  const shifted = days + 719_468n
  const era = floorDivide(shifted, 146_097n)
  const ofEra = shifted - era * 146_097n
  const yearOfEra = (ofEra - ofEra / 1460n + ofEra / 36_524n - ofEra / 146_096n) / 365n
  const ofYear = ofEra - (365n * yearOfEra + yearOfEra / 4n - yearOfEra / 100n)
  const month = (5n * ofYear + 2n) / 153n
  const day = ofYear - (153n * month + 2n) / 5n + 1n
  const civilMonth = month < 10n ? month + 3n : month - 9n
  const year = yearOfEra + era * 400n + (civilMonth <= 2n ? 1n : 0n)
  return `${yearText(year)}-${String(civilMonth).padStart(2, '0')}-${String(day).padStart(2, '0')}`
}

function yearText(year: bigint): string {
  if (year >= 0n && year <= 9999n) return String(year).padStart(4, '0')
  const size = year < 0n ? -year : year
  return `${year < 0n ? '-' : '+'}${String(size).padStart(6, '0')}`
}

function floorDivide(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor
  return value % divisor < 0n ? quotient - 1n : quotient
}
