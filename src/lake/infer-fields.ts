/**
 * The columns of rows that do not say their types, for a table to be made from them. A column gets the narrowest type that
 * all its values fit; columns are optional, and one of nulls alone is text.
 *
 * | values | type |
 * |---|---|
 * | whole numbers of 64 bits | long |
 * | other numbers, or both | double |
 * | booleans; dates; texts; bytes (objects) | boolean; timestamptz; string; binary |
 * | objects, arrays, Map | struct, list, map of what is in them |
 * | texts of CSV | boolean, long, double, date, timestamp or timestamptz if each is one, else string |
 *
 * A whole number written with zeros in front (`007`), or of more than 64 bits, is text in CSV: a number would change it.
 */
import { LakeError } from '../base/errors.js'
import { type ExactJson, JsonNumber } from '../base/json.js'
import { assignFreshIds } from '../schema/schema.js'
import { parseDate, parseTimestamp } from '../schema/time.js'
import type { Field, Type } from '../schema/types.js'
import type { InputRow } from './rows-in.js'
import { isMembers } from './text-values.js'

/** What was seen of a column; undefined: nulls alone. */
type Seen = SeenValue | undefined
type SeenValue =
  | { readonly kind: Leaf }
  | { readonly kind: 'list'; readonly element: Seen }
  | { readonly kind: 'map'; readonly key: Seen; readonly value: Seen }
  | { readonly kind: 'struct'; readonly members: ReadonlyMap<string, Seen> }
type Leaf = 'boolean' | 'long' | 'double' | 'date' | 'timestamp' | 'timestamptz' | 'string' | 'binary'

export interface FieldInference {
  /** @throws invalid-argument naming row and column, for values of different types */
  add(row: Iterable<readonly [column: string, seen: Seen]>): void
  /** @throws invalid-argument when there is no column */
  finish(): readonly Field[]
}

/** Rows of JavaScript values. @throws invalid-argument naming row and column, for values of different types */
export function fieldsOfRows(rows: Iterable<InputRow>): readonly Field[] {
  const inference = inferFields('refuse')
  for (const row of rows) inference.add(Object.entries(row).map(([name, value]) => [name, seenValue(value)]))
  return inference.finish()
}

/** Collects what is seen row by row; `clash` says what becomes of a column with values of different types. */
export function inferFields(clash: 'refuse' | 'string'): FieldInference {
  const columns = new Map<string, Seen>()
  let row = 0
  return {
    add(cells) {
      for (const [column, seen] of cells) {
        const before = columns.get(column)
        const both = merged(before, seen)
        if (both === 'clash' && clash === 'refuse') throw clashed(column, row, before, seen)
        columns.set(column, both === 'clash' ? { kind: 'string' } : both)
      }
      row++
    },
    finish() {
      if (columns.size === 0) {
        throw new LakeError('invalid-argument', 'a table cannot be made of rows without columns', {
          context: { rows: row },
        })
      }
      // The ids of before are all the same, and nothing refers to them.
      return assignFreshIds(fieldsFrom(columns), { nextId: 1 }).fields
    },
  }
}

function clashed(column: string, row: number, before: Seen, seen: Seen): LakeError {
  return new LakeError('invalid-argument', 'a column has values of different types: create the table first', {
    context: { column, row, type: nameOf(before), found: nameOf(seen) },
  })
}

function nameOf(seen: Seen): string {
  return seen?.kind ?? 'null'
}

/** What a JavaScript value shows. */
function seenValue(value: unknown): Seen {
  switch (typeof value) {
    case 'undefined':
      return undefined
    case 'boolean':
      return { kind: 'boolean' }
    case 'number':
      return { kind: Number.isSafeInteger(value) && !Object.is(value, -0) ? 'long' : 'double' }
    case 'bigint':
      return { kind: 'long' }
    case 'string':
      return { kind: 'string' }
    default:
      return value === null ? undefined : seenObject(value)
  }
}

function seenObject(value: unknown): Seen {
  if (value instanceof Date) return { kind: 'timestamptz' }
  if (value instanceof Uint8Array) return { kind: 'binary' }
  if (Array.isArray(value)) return { kind: 'list', element: mergedAll(value.map(seenValue)) }
  if (value instanceof Map) {
    const key = mergedAll([...value.keys()].map(seenValue))
    return { kind: 'map', key, value: mergedAll([...value.values()].map(seenValue)) }
  }
  const members = Object.entries(value ?? {}).map(([name, item]) => [name, seenValue(item)] as const)
  return { kind: 'struct', members: new Map(members) }
}

/** What a JSON value shows. */
export function seenJson(json: ExactJson): Seen {
  if (json === null) return undefined
  if (typeof json === 'string') return { kind: 'string' }
  if (typeof json === 'boolean') return { kind: 'boolean' }
  if (json instanceof JsonNumber) return { kind: isLong(json.text) ? 'long' : 'double' }
  if (isMembers(json)) {
    const members = Object.entries(json).map(([name, item]) => [name, seenJson(item)] as const)
    return { kind: 'struct', members: new Map(members) }
  }
  return { kind: 'list', element: mergedAll(json.map(seenJson)) }
}

/** What a field of CSV shows. */
export function seenText(text: string | null): Seen {
  return text === null ? undefined : { kind: leafOfText(text) }
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/

function leafOfText(given: string): Leaf {
  const text = given.trim()
  if (/^(true|false)$/i.test(text)) return 'boolean'
  if (/^-?(0|[1-9]\d*)$/.test(text)) return isLong(text) ? 'long' : 'string'
  if (/^[+-]?0\d/.test(text)) return 'string'
  if (NUMBER.test(text)) return 'double'
  if (parseDate(text) !== undefined) return 'date'
  if (parseTimestamp(text, { zone: 'none', unit: 'micros' }) !== undefined) return 'timestamp'
  if (parseTimestamp(text, { zone: 'required', unit: 'micros' }) !== undefined) return 'timestamptz'
  return 'string'
}

/** Whether a JSON number is a whole one of 64 bits. */
function isLong(text: string): boolean {
  if (!/^-?\d{1,19}$/.test(text)) return false
  const value = BigInt(text)
  return BigInt.asIntN(64, value) === value
}

function mergedAll(all: readonly Seen[]): Seen {
  let seen: Seen
  for (const next of all) {
    const both = merged(seen, next)
    if (both === 'clash') {
      throw new LakeError(
        'invalid-argument',
        'the items of a list have different types: create the table first',
        {
          context: { type: nameOf(seen), found: nameOf(next) },
        },
      )
    }
    seen = both
  }
  return seen
}

function merged(a: Seen, b: Seen): Seen | 'clash' {
  if (a === undefined || b === undefined) return a ?? b
  if (a.kind === 'struct' && b.kind === 'struct') return mergedMembers(a.members, b.members)
  if (a.kind === 'list' && b.kind === 'list') {
    const element = merged(a.element, b.element)
    return element === 'clash' ? element : { kind: 'list', element }
  }
  if (a.kind === 'map' && b.kind === 'map') {
    const key = merged(a.key, b.key)
    const value = merged(a.value, b.value)
    return key === 'clash' || value === 'clash' ? 'clash' : { kind: 'map', key, value }
  }
  if (a.kind === b.kind) return a
  const kinds = [a.kind, b.kind]
  if (kinds.includes('long') && kinds.includes('double')) return { kind: 'double' }
  if (kinds.includes('date') && kinds.includes('timestamp')) return { kind: 'timestamp' }
  return 'clash'
}

function mergedMembers(a: ReadonlyMap<string, Seen>, b: ReadonlyMap<string, Seen>): Seen | 'clash' {
  const members = new Map(a)
  for (const [name, seen] of b) {
    const both = merged(members.get(name), seen)
    if (both === 'clash') return both
    members.set(name, both)
  }
  return { kind: 'struct', members }
}

const NO_ID = 0

function fieldsFrom(members: ReadonlyMap<string, Seen>): readonly Field[] {
  return [...members].map(([name, seen]) => ({ id: NO_ID, name, required: false, type: typeFrom(seen) }))
}

function typeFrom(seen: Seen): Type {
  if (seen === undefined) return { kind: 'string' }
  switch (seen.kind) {
    case 'list':
      return { kind: 'list', elementId: NO_ID, elementRequired: false, element: typeFrom(seen.element) }
    case 'map':
      return {
        kind: 'map',
        keyId: NO_ID,
        key: typeFrom(seen.key),
        valueId: NO_ID,
        valueRequired: false,
        value: typeFrom(seen.value),
      }
    case 'struct':
      return { kind: 'struct', fields: fieldsFrom(seen.members) }
    default:
      return { kind: seen.kind }
  }
}
