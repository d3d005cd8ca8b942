/**
 * Matches lines with a template, and keeps where their values are. Text that stays is compared as a whole; values are
 * looked at only as far as it takes to find their ends, and so that what is no JSON does not pass.
 */
import {
  CLOSE_BRACE,
  isEscaped,
  MINUS,
  NINE,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  ZERO,
} from '../../base/json-chars.js'
import { type LineTemplate, nestedEnd, type Step } from './templates.js'

/** What a slot holds. */
export const EMPTY = 0
export const NULL = 1
export const TRUE = 2
export const FALSE = 3
export const INTEGER = 4
export const NUMBER = 5
/** Text between its quotes, as it stands. */
export const TEXT = 6
/** Text with its quotes, which has escapes. */
export const ESCAPED = 7
/** An object or array. */
export const NESTED = 8

const FRACTION = /[.eE+\-0-9]*/y
const JSON_NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/
/** Raw characters that JSON does not allow in text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f]/

/** The slots of the line that was matched last. */
export class LineSlots {
  text = ''
  kinds: Uint8Array = new Uint8Array(64)
  starts: Int32Array = new Int32Array(64)
  ends: Int32Array = new Int32Array(64)
  hasBefore = false
  hasAfter = false
  isTombstone = false
  /** The next backslash at or behind where the matching is, or the text's end. */
  #backslash = 0

  /** Whether the line is of the template's kind, with all slots filled. */
  match(text: string, { steps, slotCount }: LineTemplate): boolean {
    this.text = text
    this.#reset(slotCount)
    let at = 0
    for (let index = 0; index < steps.length; index++) {
      const step = steps[index] as Step
      switch (step.kind) {
        case 'literal': {
          const end = at + step.text.length
          if (text.slice(at, end) !== step.text) return false
          at = end
          break
        }
        case 'slot':
          at = this.#scan(at, step.slot)
          if (at < 0) return false
          break
        case 'image':
          at = this.#image(at, step)
          if (at < 0) return false
          break
        case 'value':
          if (!text.startsWith('null', at)) break
          this.isTombstone = true
          at += 4
          index = step.end - 1
          break
      }
    }
    return at === text.length
  }

  #reset(slotCount: number): void {
    if (this.kinds.length < slotCount) {
      this.kinds = new Uint8Array(slotCount * 2)
      this.starts = new Int32Array(slotCount * 2)
      this.ends = new Int32Array(slotCount * 2)
    }
    this.hasBefore = false
    this.hasAfter = false
    this.isTombstone = false
    this.#backslash = 0
  }

  #image(start: number, { image, slot, row }: Extract<Step, { readonly kind: 'image' }>): number {
    const { text } = this
    if (text.startsWith('null', start)) return start + 4
    const { names } = row
    let at = start
    for (let column = 0; column < names.length; column++) {
      const name = names[column] as string
      const end = at + name.length
      if (text.slice(at, end) !== name) return -1
      at = this.#scan(end, slot + column)
      if (at < 0) return -1
    }
    if (text.charCodeAt(at) !== CLOSE_BRACE || names.length === 0) return -1
    if (image === 'before') this.hasBefore = true
    else this.hasAfter = true
    return at + 1
  }

  /** Takes in the value at a place, and returns where it ends; -1 for what is no value. */
  #scan(start: number, slot: number): number {
    const { text } = this
    const char = text.charCodeAt(start)
    if (char === QUOTE) return this.#scanText(start, slot)
    if (char === MINUS || (char >= ZERO && char <= NINE)) return this.#scanNumber(start, slot)
    if (char === OPEN_BRACE || char === OPEN_BRACKET) {
      const end = nestedEnd(text, start)
      return end < 0 || !isJson(text.slice(start, end)) ? -1 : this.#fill(slot, NESTED, start, end)
    }
    if (text.startsWith('null', start)) return this.#fill(slot, NULL, start, start + 4)
    if (text.startsWith('true', start)) return this.#fill(slot, TRUE, start, start + 4)
    return text.startsWith('false', start) ? this.#fill(slot, FALSE, start, start + 5) : -1
  }

  #fill(slot: number, kind: number, start: number, end: number): number {
    this.kinds[slot] = kind
    this.starts[slot] = start
    this.ends[slot] = end
    return end
  }

  #scanText(start: number, slot: number): number {
    const { text } = this
    const quote = text.indexOf('"', start + 1)
    if (quote < 0) return -1
    if (this.#backslash <= start) {
      const next = text.indexOf('\\', start)
      this.#backslash = next < 0 ? text.length : next
    }
    if (this.#backslash > quote) {
      if (hasControls(text, start + 1, quote)) return -1
      this.#fill(slot, TEXT, start + 1, quote)
      return quote + 1
    }
    let end = quote
    while (end > 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1)
    if (end < 0 || !hasGoodEscapes(text, start, end + 1)) return -1
    this.#backslash = 0
    return this.#fill(slot, ESCAPED, start, end + 1)
  }

  #scanNumber(start: number, slot: number): number {
    const { text } = this
    let at = text.charCodeAt(start) === MINUS ? start + 1 : start
    const first = text.charCodeAt(at)
    while (text.charCodeAt(at) >= ZERO && text.charCodeAt(at) <= NINE) at += 1
    const digits = at - start - (text.charCodeAt(start) === MINUS ? 1 : 0)
    const next = text.charCodeAt(at)
    if (next === 0x2e || next === 0x65 || next === 0x45) {
      FRACTION.lastIndex = at
      FRACTION.test(text)
      const end = FRACTION.lastIndex
      return JSON_NUMBER.test(text.slice(start, end)) ? this.#fill(slot, NUMBER, start, end) : -1
    }
    if (digits === 0 || (digits > 1 && first === ZERO)) return -1
    return this.#fill(slot, INTEGER, start, at)
  }
}

/** Text whose escapes are those that JSON has. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON has none
const ESCAPES = /^(?:[^\\\u0000-\u001f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*$/
const SHORT_TEXT = 256

const FEW = 24

function hasControls(text: string, start: number, end: number): boolean {
  if (end - start > FEW) return CONTROL.test(text.slice(start, end))
  for (let at = start; at < end; at++) if (text.charCodeAt(at) < 0x20) return true
  return false
}

function hasGoodEscapes(text: string, start: number, end: number): boolean {
  const quoted = text.slice(start, end)
  return quoted.length <= SHORT_TEXT ? ESCAPES.test(quoted) : isJson(quoted)
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
