/**
 * Dates and timestamps moved by an interval. Months keep the day of the month, or take the last one of a shorter
 * month; everything else is a number of microseconds.
 */
import { assert } from '../../base/assert.js'
import type { Selection, Vector } from '../../batch/column-batch.js'
import {
  civilFromDays,
  daysFromCivil,
  daysOfMonth,
  floorDivide,
  MICROS_PER_DAY,
  NANOS_PER_DAY,
} from '../../schema/time.js'
import { intsOf, longsOf, validityFor } from './columns.js'
import type { Side } from './compare.js'
import type { RowFailure } from './row-failure.js'
import { isNanos } from './types.js'

export interface Shift {
  readonly operand: Side
  readonly months: number
  readonly micros: bigint
  readonly rows: Selection
  readonly length: number
  readonly fail: RowFailure
}

/** The moved column. @throws invalid-argument for a result out of range */
export function shiftTimes(shift: Shift): Vector {
  const { operand, rows, length } = shift
  const validity = validityFor(rows, length)
  const values = operand.type.kind === 'date' ? shiftDates(shift) : shiftTimestamps(shift)
  return { layout: 'fixed-width', length, validity, values }
}

function shiftDates({ operand, months, micros, rows, length, fail }: Shift): Int32Array {
  assert(micros % MICROS_PER_DAY === 0n, 'a date moves by whole days')
  const days = Number(micros / MICROS_PER_DAY)
  const source = intsOf(operand.vector)
  const values = new Int32Array(length)
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as number
    const moved = addMonths(source[row] as number, months) + days
    if ((moved | 0) !== moved) fail(row, 'overflow')
    values[row] = moved
  }
  return values
}

function shiftTimestamps({ operand, months, micros, rows, length, fail }: Shift): BigInt64Array {
  const nanos = isNanos(operand.type)
  const unitsPerDay = nanos ? NANOS_PER_DAY : MICROS_PER_DAY
  const units = nanos ? micros * 1000n : micros
  const source = longsOf(operand.vector)
  const values = new BigInt64Array(length)
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as number
    let moved = (source[row] as bigint) + units
    if (months !== 0) {
      const day = floorDivide(moved, unitsPerDay)
      moved += BigInt(addMonths(Number(day), months) - Number(day)) * unitsPerDay
    }
    if (BigInt.asIntN(64, moved) !== moved) fail(row, 'overflow')
    values[row] = moved
  }
  return values
}

/** Days since 1970-01-01, so many months later. */
function addMonths(days: number, months: number): number {
  if (months === 0) return days
  const date = civilFromDays(days)
  const monthIndex = date.year * 12 + date.month - 1 + months
  const year = Math.floor(monthIndex / 12)
  const month = monthIndex - year * 12 + 1
  return daysFromCivil({ year, month, day: Math.min(date.day, daysOfMonth(year, month)) })
}
