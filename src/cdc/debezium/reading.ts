/**
 * What a line says that fits a template: the change and where it comes from, as the parser would have it. Values of a
 * plain form are read as they stand; all others go to their column's decoder.
 */
import { type ExactJson, JsonNumber, parseJsonExact } from '../../base/json.js'
import {
  type Cell,
  type ChangeEvent,
  type SourceColumn,
  type SourceRow,
  type SourceTable,
  UNCHANGED,
} from '../change-event.js'
import type { ConnectColumn } from './connect-types.js'
import { isPlaceholder, PLACEHOLDERS } from './rows.js'
import { EMPTY, ESCAPED, FALSE, INTEGER, type LineSlots, NESTED, NULL, NUMBER, TEXT, TRUE } from './slots.js'
import { type Origin, transactionId } from './source.js'
import type { LineTemplate } from './templates.js'

/** Thrown where a value is for the parser. */
export const UNUSUAL: unique symbol = Symbol('unusual')

/** A template and what its changes are read with. */
export interface ChangeTemplate extends LineTemplate {
  readonly kind: 'change'
  readonly table: SourceTable
  readonly tableKey: string
  readonly keyNames: readonly string[]
  readonly key: RowPlan | undefined
  readonly row: RowPlan
  readonly before: RowPlan
  /** Columns of the old image that name the row of an update; undefined for those of its key. */
  readonly oldKey: RowPlan | undefined
  readonly dialect: 'postgres' | 'mysql'
  readonly source: string | undefined
  /** Of the shapes; another one has other types. */
  readonly version: number
}

/** Columns and where their slots are. */
export interface RowPlan {
  readonly columns: readonly SourceColumn[]
  readonly decoders: readonly ConnectColumn[]
  readonly slots: readonly number[]
  /** Columns that the key has, too. */
  readonly inKey: readonly boolean[]
}

/** Text without escapes; undefined for anything else. */
export function textAt(slots: LineSlots, slot: number | undefined): string | undefined {
  if (slot === undefined || slots.kinds[slot] !== TEXT) return undefined
  return slots.text.slice(slots.starts[slot], slots.ends[slot])
}

/** One matched line. Everything throws UNUSUAL for what the parser is to see. */
export class Reading {
  readonly #slots: LineSlots
  readonly #template: ChangeTemplate
  readonly #line: number
  readonly op: string

  constructor(slots: LineSlots, template: ChangeTemplate, line: number) {
    this.#slots = slots
    this.#template = template
    this.#line = line
    this.op = this.#text('op') ?? ''
  }

  event(): ChangeEvent {
    const { table, key, keyNames, row, before, oldKey, dialect } = this.#template
    const { hasBefore, hasAfter } = this.#slots
    const line = this.#line
    if (this.op === 'd') {
      if (key === undefined && !hasBefore) throw UNUSUAL
      const image = key ?? before
      return { kind: 'delete', table, line, keyColumns: keyNames, key: this.#row(image, false, false) }
    }
    if (!hasAfter) throw UNUSUAL
    if (this.op === 'u') {
      const after = this.#row(row, dialect !== 'mysql', true)
      return oldKey === undefined || !hasBefore
        ? { kind: 'update', table, line, keyColumns: keyNames, row: after }
        : {
            kind: 'update',
            table,
            line,
            keyColumns: keyNames,
            row: after,
            oldKey: this.#row(oldKey, false, false),
          }
    }
    if (this.op !== 'c' && this.op !== 'r') throw UNUSUAL
    return { kind: 'insert', table, line, keyColumns: keyNames, row: this.#row(row, false, true) }
  }

  origin(): Origin {
    const { dialect, source } = this.#template
    const isSnapshot = this.op === 'r' || this.#isSnapshot()
    const txid = isSnapshot ? undefined : this.#txid()
    return {
      txid,
      // A change's LSN is nothing to a transaction.
      place: dialect === 'mysql' || isSnapshot ? this.#place() : undefined,
      source,
      committedMs: isSnapshot ? undefined : this.#number('ts_ms'),
      dialect,
      leaves: false,
      arrives: false,
    }
  }

  /** As of a place: what only the halves of a key update share. */
  placeText(): string {
    const { dialect } = this.#template
    if (dialect === 'postgres') return this.#integer('lsn') ?? ''
    const file = this.#text('file')
    const pos = this.#integer('pos')
    return file === undefined || pos === undefined ? '' : `${file}:${pos}:${this.#integer('row') ?? '0'}`
  }

  #place(): Origin['place'] {
    if (this.#template.dialect === 'postgres') {
      const lsn = this.#integer('lsn')
      return lsn === undefined ? undefined : { kind: 'lsn', lsn: BigInt(lsn) }
    }
    const file = this.#text('file')
    const pos = this.#number('pos')
    if (file === undefined || pos === undefined) throw UNUSUAL
    return { kind: 'binlog', file, pos, row: this.#number('row') ?? 0 }
  }

  #isSnapshot(): boolean {
    const slot = this.#template.about.get('snapshot')
    if (slot === undefined) return false
    const kind = this.#slots.kinds[slot]
    return kind !== NULL && kind !== FALSE && textAt(this.#slots, slot) !== 'false'
  }

  #txid(): string {
    const named = this.#text('transaction')
    if (named !== undefined) return transactionId(named).id
    if (this.#template.about.has('transaction')) throw UNUSUAL
    for (const name of ['txId', 'gtid']) {
      const id = this.#integer(name) ?? this.#text(name)
      if (id !== undefined && id !== '') return id
    }
    const file = this.#text('file')
    return file === undefined ? `line ${this.#line}` : `${file}:${this.#integer('pos') ?? ''}`
  }

  #text(name: string): string | undefined {
    const slot = this.#template.about.get(name)
    if (slot !== undefined && this.#slots.kinds[slot] === ESCAPED) throw UNUSUAL
    return textAt(this.#slots, slot)
  }

  #integer(name: string): string | undefined {
    const slot = this.#template.about.get(name)
    if (slot === undefined) return undefined
    const { kinds, starts, ends, text } = this.#slots
    if (kinds[slot] === NUMBER) throw UNUSUAL
    return kinds[slot] === INTEGER ? text.slice(starts[slot], ends[slot]) : undefined
  }

  #number(name: string): number | undefined {
    const slot = this.#template.about.get(name)
    if (slot !== undefined && this.#slots.kinds[slot] !== INTEGER && this.#slots.kinds[slot] !== NULL)
      throw UNUSUAL
    const text = this.#integer(name)
    return text === undefined ? undefined : Number(text)
  }

  #row({ columns, decoders, slots, inKey }: RowPlan, isPatch: boolean, isWhole: boolean): SourceRow {
    const count = slots.length
    const cells = new Array<Cell>(count)
    for (let index = 0; index < count; index++) {
      const slot = slots[index] as number
      if (isPatch && this.#isUnchanged(slot)) {
        if (inKey[index] === true) throw UNUSUAL
        cells[index] = UNCHANGED
      } else cells[index] = this.#cell(slot, decoders[index] as ConnectColumn)
    }
    return isWhole ? { columns, cells, isWhole } : { columns, cells }
  }

  /** True for the placeholder in any of its forms. */
  #isUnchanged(slot: number): boolean {
    const { kinds, starts, ends, text } = this.#slots
    const start = starts[slot] as number
    switch (kinds[slot]) {
      case TEXT: {
        const length = (ends[slot] as number) - start
        return PLACEHOLDER_LENGTHS.has(length) && PLACEHOLDERS.has(text.slice(start, start + length))
      }
      case ESCAPED:
      case NESTED:
        return isPlaceholder(this.#raw(slot))
      default:
        return false
    }
  }

  #raw(slot: number): ExactJson {
    const { kinds, starts, ends, text } = this.#slots
    const token = text.slice(starts[slot], ends[slot])
    switch (kinds[slot]) {
      case NULL:
        return null
      case TRUE:
        return true
      case FALSE:
        return false
      case INTEGER:
      case NUMBER:
        return new JsonNumber(token)
      case TEXT:
        return token
      case ESCAPED:
        return JSON.parse(token)
      case NESTED:
        return parseJsonExact(token)
      default:
        throw UNUSUAL
    }
  }

  #cell(slot: number, { plain, decode }: ConnectColumn): Cell {
    const { kinds, starts, ends, text } = this.#slots
    const kind = kinds[slot] as number
    const start = starts[slot] as number
    const end = ends[slot] as number
    if (kind === NULL) return null
    switch (plain) {
      case 'int':
        if (kind === INTEGER && end - start <= INT_DIGITS) return smallInteger(text, start, end)
        break
      case 'days':
        if (kind === INTEGER && end - start <= DAY_DIGITS) return smallInteger(text, start, end)
        break
      case 'long':
      case 'micros':
        if (kind === INTEGER && end - start <= SAFE_DIGITS) return BigInt(smallInteger(text, start, end))
        break
      case 'millis':
        if (kind === INTEGER && end - start <= MILLIS_DIGITS)
          return BigInt(smallInteger(text, start, end) * 1000)
        break
      case 'double':
        if (kind === INTEGER || kind === NUMBER) return Number(text.slice(start, end))
        break
      case 'float':
        if (kind === INTEGER || kind === NUMBER) return Math.fround(Number(text.slice(start, end)))
        break
      case 'boolean':
        if (kind === TRUE || kind === FALSE) return kind === TRUE
        break
      case 'text':
        if (kind === TEXT) return text.slice(start, end)
        break
      default:
        break
    }
    if (kind === EMPTY) throw UNUSUAL
    return decode(this.#raw(slot))
  }
}

const PLACEHOLDER_LENGTHS: ReadonlySet<number> = new Set([...PLACEHOLDERS].map(text => text.length))
/** With a sign: less than 2^31, 2^53 and 2^53 microseconds. */
const INT_DIGITS = 9
const DAY_DIGITS = 7
const SAFE_DIGITS = 15
const MILLIS_DIGITS = 12

function smallInteger(text: string, start: number, end: number): number {
  const isNegative = text.charCodeAt(start) === 0x2d
  let value = 0
  for (let at = isNegative ? start + 1 : start; at < end; at++)
    value = value * 10 + text.charCodeAt(at) - 0x30
  return isNegative && value !== 0 ? -value : value
}
