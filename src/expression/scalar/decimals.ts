/** Decimal arithmetic on unscaled bigints: powers of ten, changes of scale that round half up, and the digits that fit. */
import type { DecimalType } from '../../schema/types.js'
import { parseExact } from '../literal.js'

const powers: bigint[] = [1n]

/** Ten to a power from 0. */
export function powerOfTen(exponent: number): bigint {
  for (let at = powers.length; at <= exponent; at++) powers.push((powers[at - 1] as bigint) * 10n)
  return powers[exponent] as bigint
}

/** The value with another number of digits behind the point, rounded half away from zero. */
export function rescaleHalfUp(unscaled: bigint, fromScale: number, toScale: number): bigint {
  if (toScale >= fromScale) return unscaled * powerOfTen(toScale - fromScale)
  return divideHalfUp(unscaled, powerOfTen(fromScale - toScale))
}

/** The quotient, rounded half away from zero; the divisor is not zero. */
export function divideHalfUp(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor
  const rest = dividend % divisor
  const doubled = 2n * (rest < 0n ? -rest : rest)
  if (doubled < (divisor < 0n ? -divisor : divisor)) return quotient
  return dividend < 0n === divisor < 0n ? quotient + 1n : quotient - 1n
}

/** Whether the value has at most that many digits. */
export function fitsPrecision(unscaled: bigint, precision: number): boolean {
  const limit = powerOfTen(precision)
  return unscaled < limit && unscaled > -limit
}

/** The value when it has no more digits than the type. */
export function fitted(unscaled: bigint, type: DecimalType): bigint | undefined {
  return fitsPrecision(unscaled, type.precision) ? unscaled : undefined
}

/** Text longer than this is no number that anybody wrote. */
const TEXT_LENGTH_MAX = 2000

/** The decimal of a number as text, rounded half up; undefined when it is no number or has too many digits. */
export function decimalOfText(text: string, type: DecimalType): bigint | undefined {
  const number = text.length > TEXT_LENGTH_MAX ? undefined : parseExact(text)
  return number && fitted(rescaleHalfUp(number.unscaled, number.scale, type.scale), type)
}
