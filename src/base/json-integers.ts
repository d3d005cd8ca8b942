/**
 * JSON by the platform's parser, with exact integers. A run of 16 digits or more outside a string may not fit a double:
 * it is put between quotes, behind a mark, before the text is parsed, and becomes a number again after.
 *
 *   {"id":9007199254740993,"name":"a"}  ->  {"id":"<mark>9007199254740993","name":"a"}  ->  { id: 9007199254740993n, name: 'a' }
 */
import { BACKSLASH, isEscaped, SMALL_U } from './json-chars.js'

/** No string of the text may begin with it: a private character, which metadata has no use for. */
const MARK = '\ue000'
const MARK_CODE = MARK.charCodeAt(0)
/** A double holds every integer of fewer digits. */
const DIGITS_MIN = 16
/** What costs nothing to read; a million digits take a second. */
const DIGITS_MAX = 1_000
/** Levels of arrays and objects, as Java's parser allows. */
const DEPTH_MAX = 1_000
/** Neither the fraction nor the exponent of a number, nor what has one. */
const LONG_INTEGER = /(?<![\d.eE+-])-?[1-9]\d{15,}(?![\d.eE])/g

/**
 * @returns undefined where a string might be taken for a marked number
 * @throws SyntaxError when the text is not JSON; RangeError when it is nested too deeply or a number has too many digits
 */
export function parseWithExactIntegers(text: string): unknown {
  const marked = markLongIntegers(text)
  if (marked === undefined) return undefined
  return unmarked(JSON.parse(marked), 0)
}

function markLongIntegers(text: string): string | undefined {
  let out = ''
  let copied = 0
  for (let start = 0; ; ) {
    const quote = text.indexOf('"', start)
    const end = quote < 0 ? text.length : quote
    if (end - start >= DIGITS_MIN) {
      const between = text.slice(start, end)
      const marked = between.replace(LONG_INTEGER, digits => `"${MARK}${digits}"`)
      if (marked !== between) {
        out += text.slice(copied, start) + marked
        copied = end
      }
    }
    if (quote < 0) return copied === 0 ? text : out + text.slice(copied)
    if (mayBeginWithMark(text, quote + 1)) return undefined
    start = endOfString(text, quote + 1)
  }
}

function mayBeginWithMark(text: string, at: number): boolean {
  const first = text.charCodeAt(at)
  return first === MARK_CODE || (first === BACKSLASH && text.charCodeAt(at + 1) === SMALL_U)
}

/** Behind the closing quote; the text's end where there is none. */
function endOfString(text: string, from: number): number {
  for (let at = from; ; ) {
    const quote = text.indexOf('"', at)
    if (quote < 0) return text.length
    if (!isEscaped(text, quote)) return quote + 1
    at = quote + 1
  }
}

/** The value itself, changed in place. */
function unmarked(value: unknown, depth: number): unknown {
  if (typeof value === 'string') {
    return value.charCodeAt(0) === MARK_CODE ? integerOf(value.slice(MARK.length)) : value
  }
  if (typeof value !== 'object' || value === null) return value
  if (depth >= DEPTH_MAX) throw new RangeError('the text is nested too deeply')
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const item: unknown = value[i]
      const plain = unmarked(item, depth + 1)
      if (plain !== item) value[i] = plain
    }
    return value
  }
  const members = value as Record<string, unknown>
  for (const key of Object.keys(members)) {
    if (key.charCodeAt(0) === MARK_CODE) throw new SyntaxError('a number stands where a name is expected')
    const member = members[key]
    const plain = unmarked(member, depth + 1)
    if (plain !== member) members[key] = plain
  }
  return value
}

/** A double where it holds the digits, else a bigint. */
export function integerOf(digits: string): number | bigint {
  const value = Number(digits)
  if (Number.isSafeInteger(value)) return value
  if (digits.length > DIGITS_MAX) throw new RangeError('a number has too many digits')
  return BigInt(digits)
}
