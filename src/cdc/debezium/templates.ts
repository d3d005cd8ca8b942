/**
 * Lines of a Debezium feed are alike: of one table they differ in values only. A template is a line taken apart once,
 * into the text that stays and the places of what varies; a further line of its kind is found by comparing the text that
 * stays, schemas included, and needs no parsing of JSON.
 *
 *   {"topic":"pg.public.t","partition":0,"key":{"id":7},"value":{"before":null,"after":{"id":7,"a":"x"},"source":{...
 *   literal                            slot literal   slot       image        literal
 *
 * What a template does not fit is parsed as ever: it may be unusual, or broken.
 */
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  isEscaped,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
} from '../../base/json-chars.js'

export type Step =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'slot'; readonly slot: number }
  /** Null, or an object of these columns. */
  | {
      readonly kind: 'image'
      readonly image: 'before' | 'after'
      readonly slot: number
      readonly row: RowText
    }
  /** Where the value is null the line is a tombstone, which goes on behind the value. */
  | { readonly kind: 'value'; readonly end: number }

/** The text around the values of a row. */
interface RowText {
  /** `{"id":`, `,"name":`; one for each column. */
  readonly names: readonly string[]
}

export interface LineTemplate {
  readonly kind: 'change' | 'mark'
  readonly steps: readonly Step[]
  readonly slotCount: number
  readonly keyColumns: readonly string[] | undefined
  readonly columns: readonly string[]
  /** First slots of the key and of the images. */
  readonly keySlot: number
  readonly beforeSlot: number
  readonly afterSlot: number
  /** Slots of what is said of a change, by name. */
  readonly about: ReadonlyMap<string, number>
}

/** Takes a line apart whose JSON is valid; undefined when it is of no kind that has templates. */
export function learnTemplate(line: string): LineTemplate | undefined {
  try {
    return new Learner(line).learn()
  } catch (error) {
    if (error === UNFIT) return undefined
    throw error
  }
}

const UNFIT: unique symbol = Symbol('unfit')

interface Member {
  readonly name: string
  readonly start: number
  readonly end: number
}

/** Members of `source` that vary and say something. */
const SOURCE_SLOTS: ReadonlySet<string> = new Set([
  ...['ts_ms', 'snapshot', 'txId', 'lsn', 'gtid', 'file', 'pos', 'row'],
])
/** Those that vary and say nothing here. */
const SOURCE_NOISE: ReadonlySet<string> = new Set([
  ...['ts_us', 'ts_ns', 'sequence', 'xmin', 'origin_lsn', 'thread', 'query', 'server_id'],
])
const TIMES: ReadonlySet<string> = new Set(['ts_ms', 'ts_us', 'ts_ns'])
const CAPTURE_NOISE: ReadonlySet<string> = new Set(['partition', 'offset', 'timestamp', 'ts'])

class Learner {
  readonly #text: string
  readonly #steps: Step[] = []
  readonly #about = new Map<string, number>()
  #literalStart = 0
  #slotCount = 0
  #keyColumns: readonly string[] | undefined
  #columns: readonly string[] | undefined
  #keySlot = -1
  #beforeSlot = -1
  #afterSlot = -1
  #kind: 'change' | 'mark' = 'change'

  constructor(text: string) {
    this.#text = text
  }

  learn(): LineTemplate {
    const outer = this.#members(0)
    const value = outer.find(({ name }) => name === 'value')
    if (value === undefined) this.#value(0)
    else {
      for (const member of outer) {
        if (member === value) this.#capturedValue(member)
        else if (member.name === 'key') this.#key(member)
        else if (CAPTURE_NOISE.has(member.name)) this.#slot(member)
      }
    }
    this.#literalUpTo(this.#text.length)
    if (this.#kind === 'change' && (this.#beforeSlot < 0 || this.#afterSlot < 0)) throw UNFIT
    return {
      kind: this.#kind,
      steps: this.#steps,
      slotCount: this.#slotCount,
      keyColumns: this.#keyColumns,
      columns: this.#columns ?? [],
      keySlot: this.#keySlot,
      beforeSlot: this.#beforeSlot,
      afterSlot: this.#afterSlot,
      about: this.#about,
    }
  }

  #capturedValue({ start, end }: Member): void {
    if (this.#text[start] !== '{') throw UNFIT
    this.#literalUpTo(start)
    const at = this.#steps.length
    this.#steps.push({ kind: 'value', end: -1 })
    this.#value(start)
    this.#literalUpTo(end)
    this.#steps[at] = { kind: 'value', end: this.#steps.length }
  }

  #value(start: number): void {
    const members = this.#members(start)
    const payload = members.find(({ name }) => name === 'payload')
    if (payload === undefined || members.length !== 2) this.#envelope(members)
    else this.#envelope(this.#members(payload.start))
  }

  #envelope(members: readonly Member[]): void {
    if (members.some(({ name }) => name === 'status')) {
      this.#mark(members)
      return
    }
    const images = members.filter(({ name }) => name === 'before' || name === 'after')
    const whole = images.find(({ start }) => this.#text[start] === '{')
    if (images.length !== 2 || whole === undefined) throw UNFIT
    const names = this.#members(whole.start).map(({ name }) => name)
    this.#columns = names
    for (const member of members) {
      if (member.name === 'before' || member.name === 'after') this.#image(member, names)
      else if (member.name === 'source') this.#source(member)
      else if (member.name === 'transaction') this.#transaction(member)
      else if (member.name === 'op') this.#slot(member, 'op')
      else if (TIMES.has(member.name)) this.#slot(member)
    }
  }

  #mark(members: readonly Member[]): void {
    this.#kind = 'mark'
    for (const member of members) {
      if (member.name === 'status' || member.name === 'id') this.#slot(member, member.name)
      else this.#slot(member)
    }
  }

  #image({ name, start, end }: Member, columns: readonly string[]): void {
    this.#literalUpTo(start)
    const image = name === 'before' ? 'before' : 'after'
    const slot = this.#slotCount
    this.#slotCount += columns.length
    if (image === 'before') this.#beforeSlot = slot
    else this.#afterSlot = slot
    this.#steps.push({ kind: 'image', image, slot, row: rowText(columns) })
    this.#literalStart = end
  }

  #source(source: Member): void {
    for (const member of this.#members(source.start)) {
      if (SOURCE_SLOTS.has(member.name)) this.#slot(member, member.name)
      else if (SOURCE_NOISE.has(member.name)) this.#slot(member)
    }
  }

  #transaction(transaction: Member): void {
    if (this.#text[transaction.start] !== '{') return
    for (const member of this.#members(transaction.start)) {
      this.#slot(member, member.name === 'id' ? 'transaction' : undefined)
    }
  }

  #key(key: Member): void {
    if (this.#text[key.start] !== '{') return
    const members = this.#members(key.start)
    const payload = members.find(({ name }) => name === 'payload')
    const schema = members.find(({ name }) => name === 'schema')
    const isWrapped =
      payload !== undefined && schema !== undefined && /[{n]/.test(this.#text[schema.start] ?? '')
    if (isWrapped && this.#text[payload.start] !== '{') throw UNFIT
    const columns = isWrapped ? this.#members(payload.start) : members
    this.#keyColumns = columns.map(({ name }) => name)
    this.#keySlot = this.#slotCount
    for (const column of columns) this.#slot(column)
  }

  #slot({ start, end }: Member, name?: string | undefined): void {
    this.#literalUpTo(start)
    if (name !== undefined) this.#about.set(name, this.#slotCount)
    this.#steps.push({ kind: 'slot', slot: this.#slotCount++ })
    this.#literalStart = end
  }

  #literalUpTo(end: number): void {
    if (end > this.#literalStart)
      this.#steps.push({ kind: 'literal', text: this.#text.slice(this.#literalStart, end) })
    this.#literalStart = end
  }

  /** The members of the object at a place, which has no blanks and no escapes in its names. */
  #members(start: number): readonly Member[] {
    const text = this.#text
    const members: Member[] = []
    if (text[start] !== '{') throw UNFIT
    let at = start + 1
    while (text[at] !== '}') {
      if (members.length > 0) {
        if (text[at] !== ',') throw UNFIT
        at += 1
      }
      const quote = text.indexOf('"', at + 1)
      if (text[at] !== '"' || quote < 0 || text[quote + 1] !== ':') throw UNFIT
      const name = text.slice(at + 1, quote)
      if (name.includes('\\')) throw UNFIT
      const end = valueEnd(text, quote + 2)
      members.push({ name, start: quote + 2, end })
      at = end
    }
    return members
  }
}

function rowText(columns: readonly string[]): RowText {
  return { names: columns.map((name, index) => `${index === 0 ? '{' : ','}"${name}":`) }
}

/** Where the value that begins at a place ends, in valid JSON without blanks. */
function valueEnd(text: string, start: number): number {
  const first = text[start]
  if (first === '"') return stringEnd(text, start)
  if (first !== '{' && first !== '[') {
    let at = start
    while (at < text.length && !',}]'.includes(text[at] ?? '')) at += 1
    if (at === start) throw UNFIT
    return at
  }
  const end = nestedEnd(text, start)
  if (end < 0) throw UNFIT
  return end
}

function stringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at += 1
    else if (text[at] === '"') return at + 1
  }
  throw UNFIT
}

/** Behind the object or array that begins at a place; -1 where it has no end. */
export function nestedEnd(text: string, start: number): number {
  let depth = 0
  for (let at = start; at < text.length; at++) {
    const char = text.charCodeAt(at)
    if (char === QUOTE) {
      do at = text.indexOf('"', at + 1)
      while (at > 0 && isEscaped(text, at))
      if (at < 0) return -1
    } else if (char === OPEN_BRACE || char === OPEN_BRACKET) depth += 1
    else if (char === CLOSE_BRACE || char === CLOSE_BRACKET) {
      depth -= 1
      if (depth === 0) return at + 1
    }
  }
  return -1
}
