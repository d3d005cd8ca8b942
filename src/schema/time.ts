/**
 * Dates, times and timestamps as text, in the proleptic Gregorian calendar: days since 1970-01-01,
 * microseconds of a day, micro- or nanoseconds since 1970-01-01T00:00:00 UTC. No `Date` anywhere: its range,
 * precision and zone rules are not Iceberg's. Years outside 0000..9999 carry a sign: `+10000-01-01`.
 */

export interface CivilDate {
  readonly year: number
  /** 1 to 12. */
  readonly month: number
  /** 1 to 31. */
  readonly day: number
}

export type TimestampUnit = 'micros' | 'nanos'

export interface ParseTimestampOptions {
  /** `none`: text with a zone is refused; `required`: text without one is; `default-utc`: no zone means UTC. */
  readonly zone: 'none' | 'required' | 'default-utc'
  readonly unit: TimestampUnit
}

export interface FormatTimestampOptions {
  readonly zoned: boolean
  readonly unit: TimestampUnit
}

export const MICROS_PER_DAY = 86_400_000_000n
export const NANOS_PER_DAY = 86_400_000_000_000n
const SECONDS_PER_DAY = 86_400
const DAYS_PER_ERA = 146_097
const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n
const INT32_MAX = 2 ** 31 - 1

const DATE = /^([+-]?\d{4,7})-(\d{2})-(\d{2})$/
const TIME = /^(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?$/
const ZONE = /(?:[zZ]|[+-]\d{2}(?::?\d{2})?)$/

/** Days since 1970-01-01 of a date; months and days are not checked. */
export function daysFromCivil(date: CivilDate): number {
  // Years begin in March, so that the leap day is the last day of a year.
  const year = date.month <= 2 ? date.year - 1 : date.year
  const era = Math.floor(year / 400)
  const yearOfEra = year - era * 400
  const dayOfYear =
    Math.floor((153 * (date.month > 2 ? date.month - 3 : date.month + 9) + 2) / 5) + date.day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * DAYS_PER_ERA + dayOfEra - 719_468
}

/** The months since 1970-01 of a day, floored: the `month` transform, and all of it in integers. */
export function monthsFromDays(days: number): number {
  const shifted = days + 719_468
  const era = Math.floor(shifted / DAYS_PER_ERA)
  const dayOfEra = shifted - era * DAYS_PER_ERA
  const yearOfEra = yearOfEraOf(dayOfEra)
  const dayOfYear = dayOfEra - (365 * yearOfEra + ((yearOfEra / 4) | 0) - ((yearOfEra / 100) | 0))
  const marchMonth = ((5 * dayOfYear + 2) / 153) | 0
  return (era * 400 + yearOfEra - 1970) * 12 + marchMonth + 2
}

function yearOfEraOf(dayOfEra: number): number {
  return (
    ((dayOfEra - ((dayOfEra / 1460) | 0) + ((dayOfEra / 36_524) | 0) - ((dayOfEra / 146_096) | 0)) / 365) | 0
  )
}

/** The date of a number of days since 1970-01-01. */
export function civilFromDays(days: number): CivilDate {
  const months = monthsFromDays(days)
  const year = 1970 + Math.floor(months / 12)
  const month = months - (year - 1970) * 12 + 1
  return { year, month, day: days - daysFromCivil({ year, month, day: 1 }) + 1 }
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
}

/** 28 to 31. */
export function daysOfMonth(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** Days since 1970-01-01 of `2017-11-16`, or undefined when the text is no date. */
export function parseDate(text: string): number | undefined {
  const match = DATE.exec(text)
  if (!match) return undefined
  const year = Number(match[1])
  const month = Number(match[2])
  const day = Number(match[3])
  if (month < 1 || month > 12 || day < 1 || day > daysOfMonth(year, month)) return undefined
  const days = daysFromCivil({ year, month, day })
  return Math.abs(days) <= INT32_MAX ? days : undefined
}

/** `2017-11-16`. */
export function formatDate(days: number): string {
  const { year, month, day } = civilFromDays(days)
  return `${formatYear(year)}-${twoDigits(month)}-${twoDigits(day)}`
}

function formatYear(year: number): string {
  if (year < 0) return `-${String(-year).padStart(4, '0')}`
  return year > 9999 ? `+${year}` : String(year).padStart(4, '0')
}

function twoDigits(value: number): string {
  return value < 10 ? `0${value}` : String(value)
}

interface TimeOfDay {
  readonly seconds: number
  readonly nanos: number
}

function parseTimeOfDay(text: string): TimeOfDay | undefined {
  const match = TIME.exec(text)
  if (!match) return undefined
  const hour = Number(match[1])
  const minute = Number(match[2])
  const second = Number(match[3] ?? 0)
  if (hour > 23 || minute > 59 || second > 59) return undefined
  return { seconds: hour * 3600 + minute * 60 + second, nanos: Number((match[4] ?? '').padEnd(9, '0')) }
}

/** Microseconds since midnight of `22:31:08.000001`, or undefined when the text is no time or finer than that. */
export function parseTime(text: string): bigint | undefined {
  const time = parseTimeOfDay(text)
  if (!time || time.nanos % 1000 !== 0) return undefined
  return BigInt(time.seconds) * 1_000_000n + BigInt(time.nanos / 1000)
}

/** `22:31:08.000001`, always with six digits behind the point. */
export function formatTime(micros: bigint): string {
  const fraction = Number(micros % 1_000_000n)
  return `${clockText(Number(micros / 1_000_000n))}.${String(fraction).padStart(6, '0')}`
}

function clockText(secondOfDay: number): string {
  const hour = Math.floor(secondOfDay / 3600)
  const minute = Math.floor(secondOfDay / 60) % 60
  return `${twoDigits(hour)}:${twoDigits(minute)}:${twoDigits(secondOfDay % 60)}`
}

/** Seconds east of UTC of `Z`, `+02:00`, `+0200` or `+02`. */
function zoneOffsetSeconds(zone: string): number | undefined {
  if (zone === 'Z' || zone === 'z') return 0
  const hours = Number(zone.slice(1, 3))
  const minutes = Number(zone.slice(3).replace(':', '') || 0)
  if (hours > 18 || minutes > 59) return undefined
  const seconds = hours * 3600 + minutes * 60
  return zone.startsWith('-') ? -seconds : seconds
}

/**
 * Micro- or nanoseconds since 1970-01-01T00:00:00 UTC of `2017-11-16T22:31:08.000001+00:00`; a blank may stand
 * for the `T`, seconds may be missing, a date alone is its midnight. Undefined when the text is no such
 * timestamp, is finer than the unit, or lies outside a 64-bit value.
 */
export function parseTimestamp(text: string, options: ParseTimestampOptions): bigint | undefined {
  const divider = text.search(/[T t]/)
  const dateText = divider < 0 ? text : text.slice(0, divider)
  const days = parseDate(dateText)
  if (days === undefined) return undefined
  const rest = divider < 0 ? '00:00' : text.slice(divider + 1)
  const zone = ZONE.exec(rest)?.[0]
  if (zone === undefined ? options.zone === 'required' : options.zone === 'none') return undefined
  const time = parseTimeOfDay(zone === undefined ? rest : rest.slice(0, -zone.length).trimEnd())
  const offset = zone === undefined ? 0 : zoneOffsetSeconds(zone)
  if (!time || offset === undefined) return undefined
  return joinTimestamp(days * SECONDS_PER_DAY + time.seconds - offset, time.nanos, options.unit)
}

function joinTimestamp(seconds: number, nanos: number, unit: TimestampUnit): bigint | undefined {
  if (unit === 'micros' && nanos % 1000 !== 0) return undefined
  const value =
    unit === 'micros'
      ? BigInt(seconds) * 1_000_000n + BigInt(nanos / 1000)
      : BigInt(seconds) * 1_000_000_000n + BigInt(nanos)
  return value < INT64_MIN || value > INT64_MAX ? undefined : value
}

/** `2017-11-16T22:31:08.000001` (nine digits for nanoseconds), followed by `+00:00` when zoned. */
export function formatTimestamp(value: bigint, options: FormatTimestampOptions): string {
  const micros = options.unit === 'micros'
  const perSecond = micros ? 1_000_000n : 1_000_000_000n
  const seconds = Number(floorDivide(value, perSecond))
  const fraction = Number(value - BigInt(seconds) * perSecond)
  const days = Math.floor(seconds / SECONDS_PER_DAY)
  const clock = clockText(seconds - days * SECONDS_PER_DAY)
  const digits = String(fraction).padStart(micros ? 6 : 9, '0')
  return `${formatDate(days)}T${clock}.${digits}${options.zoned ? '+00:00' : ''}`
}

/** Division that rounds towards minus infinity. */
export function floorDivide(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor
  return value % divisor < 0n ? quotient - 1n : quotient
}
