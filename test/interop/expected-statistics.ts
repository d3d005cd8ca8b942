/**
 * What the statistics of a Parquet file must say, from its rows by brute force: for every leaf column its entries,
 * nulls and extremes. Slow and plain on purpose; it shares nothing with serac's own counting.
 */
import type { Field, PrimitiveType, Type, Value } from '../../src/schema/types.js'
import { isPrimitive } from '../../src/schema/types.js'

/** A leaf column, and the entries of each row: values, nulls, and a null for each empty or absent list. */
export interface LeafRows {
  readonly fieldId: number
  /** Names down the Parquet schema: `tags.list.element`. */
  readonly path: string
  readonly type: PrimitiveType
  /** Inside a list or map. */
  readonly repeated: boolean
  readonly rows: readonly (readonly Value[])[]
}

export interface LeafSummary {
  readonly valueCount: number
  readonly nullCount: number
  readonly nanCount: number
  /** Absent, both, when there is no value but NaN. */
  readonly min?: Value
  readonly max?: Value
}

/** Every leaf column of the rows, in the order of the schema. */
export function leafRows(fields: readonly Field[], rows: readonly (readonly Value[])[]): LeafRows[] {
  return fields.flatMap((field, at) =>
    leavesOf(
      { fieldId: field.id, path: field.name, type: field.type, repeated: false },
      rows.map(row => [row[at] ?? null]),
    ),
  )
}

type Slot = Omit<LeafRows, 'rows' | 'type'> & { readonly type: Type }
type Entries = readonly (readonly Value[])[]

/** The slot's leaves; `entries` are its values in each row. */
function leavesOf(slot: Slot, entries: Entries): LeafRows[] {
  const { type, path } = slot
  if (isPrimitive(type)) return [{ ...slot, type, rows: entries }]
  switch (type.kind) {
    case 'struct':
      return type.fields.flatMap((field, at) =>
        leavesOf(
          { ...slot, fieldId: field.id, path: `${path}.${field.name}`, type: field.type },
          mapped(entries, value => [value === null ? null : (partOf(value, at) ?? null)]),
        ),
      )
    case 'list':
      return leavesOf(
        { fieldId: type.elementId, path: `${path}.list.element`, type: type.element, repeated: true },
        mapped(entries, value => itemsOf(value)),
      )
    case 'map':
      return [
        ...leavesOf(
          { fieldId: type.keyId, path: `${path}.key_value.key`, type: type.key, repeated: true },
          mapped(entries, value =>
            itemsOf(value).map(entry => (entry === null ? null : (partOf(entry, 0) ?? null))),
          ),
        ),
        ...leavesOf(
          { fieldId: type.valueId, path: `${path}.key_value.value`, type: type.value, repeated: true },
          mapped(entries, value =>
            itemsOf(value).map(entry => (entry === null ? null : (partOf(entry, 1) ?? null))),
          ),
        ),
      ]
  }
}

function mapped(entries: Entries, change: (value: Value) => readonly Value[]): Value[][] {
  return entries.map(row => row.flatMap(change))
}

function partOf(value: Value, at: number): Value | undefined {
  return (value as readonly Value[])[at]
}

/** The items of a list; one null where there are none. */
function itemsOf(value: Value): readonly Value[] {
  const items = value as readonly Value[] | null
  return items === null || items.length === 0 ? [null] : items
}

/** Over some of the rows, `to` exclusive. */
export function summaryOf(
  leaf: LeafRows,
  range: { readonly from: number; readonly to: number },
): LeafSummary {
  const entries = leaf.rows.slice(range.from, range.to).flat()
  const values = entries.filter(value => value !== null)
  const ordered = values.filter(value => !Number.isNaN(value)).sort(compareValues)
  return {
    valueCount: entries.length,
    nullCount: entries.length - values.length,
    nanCount: values.filter(value => Number.isNaN(value)).length,
    ...(ordered.length === 0 ? {} : { min: ordered[0]!, max: ordered.at(-1)! }),
  }
}

/** Of one type: numbers by size, texts and bytes by their bytes. */
export function compareValues(a: Value, b: Value): number {
  if (typeof a === 'string' || a instanceof Uint8Array) return Buffer.compare(bytesOf(a), bytesOf(b))
  if (a === b) return 0
  return (a as number) < (b as number) ? -1 : 1
}

export function bytesOf(value: Value): Buffer {
  return Buffer.from(value as string)
}

/** The value as it is stored: bytes in hexadecimal, a decimal unscaled, any other number in digits. */
export function storedText(value: Value): string {
  return typeof value === 'string' || value instanceof Uint8Array
    ? bytesOf(value).toString('hex')
    : String(value)
}
