/** What builds dictionaries of one physical type, and the size of their hash tables. */
import type { ValueRange } from '../encoding/gather.js'
import type { PlainValues } from '../encoding/value-sink.js'

/** At most this many entries, and this many bytes of them in PLAIN encoding. */
export interface DictionaryLimits {
  readonly entriesMax: number
  readonly bytesMax: number
}

export interface DictionaryBuilder {
  /** Entries so far. */
  readonly count: number
  /**
   * Sets the codes of values `from .. to`. False when there are too many entries now; the builder is of no use then.
   * @throws TypeError when the values have another layout than those before
   */
  add(values: PlainValues, range: ValueRange, codes: Int32Array): boolean
  finish(): PlainValues
}

export const TABLE_SLOTS_MIN = 1024

/** Slots of the table for up to this many entries: a power of two that leaves half of them free. */
export function tableSlots(entries: number): number {
  let slots = TABLE_SLOTS_MIN
  while (slots < entries * 2) slots *= 2
  return slots
}

/** Mixes two words; the low bits of the result depend on all bits of both. */
export function hashPair(low: number, high: number): number {
  const hash = Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b)
  return hash ^ (hash >>> 15)
}
