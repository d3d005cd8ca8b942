/**
 * Keys that are whole numbers in one column, in ascending order. Tables are often in the order of their key, or their files
 * nearly so: then rows are found by going along both sides at once, without a hash or a random access a row.
 *
 *   keys   3  7  9  20        build rows in ascending order
 *   probe  1  3  4  9  9  21  ->  -1  0  -1  2  2  -1
 */
import type { KeyColumn } from './key-column.js'

export interface AscendingKeys {
  /** True when no two build rows have one key. */
  readonly isUnique: boolean
  /**
   * For each probe row the first build row with its key, or -1; undefined when the probe is not in ascending order, or
   * is no column of such numbers.
   */
  find(probe: KeyColumn): Int32Array | undefined
}

/** Of a number column, as exact doubles; undefined for nulls, other columns and numbers beyond 2^53. */
function wholeNumbers(column: KeyColumn): Float64Array | undefined {
  const { kind, width, float, validity, words, length } = column
  if (kind !== 'words' || float || width > 2 || validity !== undefined) return undefined
  if (width === 1) return Float64Array.from(words.subarray(0, length))
  const numbers = new Float64Array(length)
  for (let row = 0; row < length; row++) {
    const high = words[2 * row + 1] as number
    if (high >= HIGH_END || high < -HIGH_END) return undefined
    numbers[row] = high * 0x1_0000_0000 + ((words[2 * row] as number) >>> 0)
  }
  return numbers
}

/** High words from here on make numbers that doubles do not hold. */
const HIGH_END = 2 ** 20

/**
 * The build rows by key; undefined when the column is of other values. `isSorted: true` takes keys only that are in
 * ascending order as they are.
 */
export function ascendingKeys(
  column: KeyColumn,
  options: { readonly isSorted: boolean },
): AscendingKeys | undefined {
  const numbers = wholeNumbers(column)
  if (numbers === undefined) return undefined
  if (isAscending(numbers)) return keysOf(numbers, undefined)
  if (options.isSorted) return undefined
  const order = ascendingOrder(numbers)
  return keysOf(
    numbers.map((_, at) => numbers[order[at] as number] as number),
    order,
  )
}

function isAscending(numbers: Float64Array): boolean {
  for (let row = 1; row < numbers.length; row++)
    if ((numbers[row] as number) < (numbers[row - 1] as number)) return false
  return true
}

const DIGIT = 2 ** 16

/** Rows in the order of their numbers, equal ones as they stood: a radix sort by 16 bits. */
function ascendingOrder(numbers: Float64Array): Uint32Array {
  let least = Number.POSITIVE_INFINITY
  let greatest = Number.NEGATIVE_INFINITY
  for (const number of numbers) {
    if (number < least) least = number
    if (number > greatest) greatest = number
  }
  let order = Uint32Array.from(numbers, (_, row) => row)
  let next = new Uint32Array(order.length)
  const ends = new Uint32Array(DIGIT)
  for (let unit = 1; unit <= greatest - least; unit *= DIGIT) {
    const digitOf = (row: number): number => Math.floor(((numbers[row] as number) - least) / unit) % DIGIT
    ends.fill(0)
    for (const row of order) ends[digitOf(row)] = (ends[digitOf(row)] as number) + 1
    for (let digit = 1; digit < DIGIT; digit++)
      ends[digit] = (ends[digit] as number) + (ends[digit - 1] as number)
    for (let at = order.length - 1; at >= 0; at--) {
      const row = order[at] as number
      const digit = digitOf(row)
      const place = (ends[digit] as number) - 1
      ends[digit] = place
      next[place] = row
    }
    const done = order
    order = next
    next = done
  }
  return order
}

function keysOf(sorted: Float64Array, order: Uint32Array | undefined): AscendingKeys {
  let isUnique = true
  for (let at = 1; at < sorted.length && isUnique; at++) isUnique = sorted[at] !== sorted[at - 1]
  return { isUnique, find: probe => findAscending(sorted, order, probe) }
}

function findAscending(
  sorted: Float64Array,
  order: Uint32Array | undefined,
  probe: KeyColumn,
): Int32Array | undefined {
  const { kind, width, float, validity, words, length } = probe
  if (kind !== 'words' || float || width > 2 || validity !== undefined) return undefined
  const found = new Int32Array(length)
  let before = Number.NEGATIVE_INFINITY
  let at = length === 0 ? 0 : firstAtLeast(sorted, numberAt(words, 0, width))
  let key = at < sorted.length ? (sorted[at] as number) : Number.POSITIVE_INFINITY
  for (let row = 0; row < length; row++) {
    // Beyond 2^53 two numbers may look alike, but none of them is among the keys.
    const number = numberAt(words, row, width)
    if (number < before) return undefined
    before = number
    while (key < number) {
      at++
      key = at < sorted.length ? (sorted[at] as number) : Number.POSITIVE_INFINITY
    }
    found[row] = key === number ? (order === undefined ? at : (order[at] as number)) : -1
  }
  return found
}

function numberAt(words: Int32Array, row: number, width: number): number {
  if (width === 1) return words[row] as number
  return (words[2 * row + 1] as number) * 0x1_0000_0000 + ((words[2 * row] as number) >>> 0)
}

function firstAtLeast(sorted: Float64Array, number: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] as number) < number) low = middle + 1
    else high = middle
  }
  return low
}
