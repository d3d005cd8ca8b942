/**
 * Exact statistics of what goes into a file, taken from the batches, not from the encoder: counts and bounds of
 * every leaf column, whatever engine writes the bytes.
 *
 * Counts are Parquet's: a leaf has one entry for each row, and inside a list or map one for each element or
 * one for each list that is null or empty. So for `[[1, null], [], null]` the element has 4 values, 3 of them
 * null. A slot whose struct or list is null counts as null whatever it holds.
 *
 * Bounds are full length (truncating them is the writer's business), NaN is never one, zero bounds are -0.0 and
 * +0.0, and inside lists and maps there are none.
 */
import { unreachable } from '../../base/assert.js'
import { LakeError } from '../../base/errors.js'
import { createBitmap, hasBit, setBit } from '../../batch/bitmap.js'
import type { Bitmap, ColumnBatch, DictionaryVector, Vector } from '../../batch/column-batch.js'
import type { Field, PrimitiveType, Type, Value } from '../../schema/types.js'
import { type BoundsTracker, createBoundsTracker } from './bounds-tracker.js'

/** Statistics of one leaf column. */
export interface LeafStatistics {
  readonly valueCount: number
  readonly nullCount: number
  /** Of float and double only. */
  readonly nanCount?: number | undefined
  readonly lower?: Value | undefined
  readonly upper?: Value | undefined
}

export interface ColumnStatisticsCollector {
  /** @throws invalid-argument when a required field holds a null */
  add(batch: ColumnBatch): void
  /** By the field id of the leaf. Columns of type unknown have no values and are left out. */
  finish(): ReadonlyMap<number, LeafStatistics>
}

interface LeafCollector {
  readonly type: PrimitiveType
  valueCount: number
  nullCount: number
  readonly bounds: BoundsTracker | undefined
}

/** Which slots of a vector count. */
interface Slots {
  readonly from: number
  readonly to: number
  /** Slots whose parents are present; undefined: all between `from` and `to`. */
  readonly live: Bitmap | undefined
  /** Entries of the column in Parquet's sense; at least the live slots. */
  readonly entries: number
}

export function createColumnStatistics(fields: readonly Field[]): ColumnStatisticsCollector {
  const leaves = new Map<number, LeafCollector>()
  for (const field of fields) collectLeaves(field, leaves, { repeated: false })
  return {
    add(batch) {
      for (const [index, field] of fields.entries()) {
        const slots = { from: 0, to: batch.length, live: undefined, entries: batch.length }
        const vector = batch.columns[index]
        if (vector === undefined) throw new LakeError('invalid-argument', 'the batch lacks a column')
        visit(vector, field, { slots, leaves })
      }
    },
    finish: () => new Map([...leaves].map(([id, leaf]) => [id, finished(leaf)] as const)),
  }
}

function collectLeaves(
  field: Field,
  leaves: Map<number, LeafCollector>,
  place: { readonly repeated: boolean },
): void {
  const { type } = field
  if (type.kind === 'struct') {
    for (const child of type.fields) collectLeaves(child, leaves, place)
  } else if (type.kind === 'list' || type.kind === 'map') {
    for (const child of partsOf(type)) collectLeaves(child, leaves, { repeated: true })
  } else if (type.kind !== 'unknown') {
    const bounds = createBoundsTracker(type, { countsOnly: place.repeated })
    leaves.set(field.id, { type, valueCount: 0, nullCount: 0, bounds })
  }
}

function partsOf(type: Type & { kind: 'list' | 'map' }): Field[] {
  if (type.kind === 'list') {
    return [{ id: type.elementId, name: 'element', required: type.elementRequired, type: type.element }]
  }
  return [
    { id: type.keyId, name: 'key', required: true, type: type.key },
    { id: type.valueId, name: 'value', required: type.valueRequired, type: type.value },
  ]
}

function finished(leaf: LeafCollector): LeafStatistics {
  const { valueCount, nullCount, bounds } = leaf
  return { valueCount, nullCount, ...bounds?.finish() }
}

interface Visit {
  readonly slots: Slots
  readonly leaves: ReadonlyMap<number, LeafCollector>
}

function visit(vector: Vector, field: Field, { slots, leaves }: Visit): void {
  const { type } = field
  if (type.kind === 'unknown') return
  const present = intersected(vector.layout === 'null' ? createBitmap(slots.to) : vector.validity, slots)
  const presentCount = countSlots(present, slots)
  if (field.required && presentCount < countSlots(slots.live, slots)) {
    throw new LakeError('invalid-argument', 'a required field holds a null', {
      context: { field: field.name, fieldId: field.id },
    })
  }
  if (vector.layout === 'struct' && type.kind === 'struct') {
    for (const [index, child] of type.fields.entries()) {
      visit(vector.children[index] as Vector, child, { slots: { ...slots, live: present }, leaves })
    }
    return
  }
  if (type.kind === 'struct' || type.kind === 'list' || type.kind === 'map') {
    visitParts(vector, type, { slots: { ...slots, live: present }, leaves })
    return
  }
  const leaf = leaves.get(field.id)
  if (leaf === undefined) return
  leaf.valueCount += slots.entries
  leaf.nullCount += slots.entries - presentCount
  if (vector.layout === 'dictionary') visitDictionary(vector, leaf, { ...slots, live: present })
  else if (vector.layout !== 'null') leaf.bounds?.add(vector, { ...slots, present })
}

function visitParts(vector: Vector, type: Type, { slots, leaves }: Visit): void {
  if (vector.layout === 'list' && type.kind === 'list') {
    const inner = innerSlots(vector.offsets, slots)
    for (const part of partsOf(type)) visit(vector.element, part, { slots: inner, leaves })
  } else if (vector.layout === 'map' && type.kind === 'map') {
    const inner = innerSlots(vector.offsets, slots)
    const [key, value] = partsOf(type)
    if (key !== undefined) visit(vector.keys, key, { slots: inner, leaves })
    if (value !== undefined) visit(vector.values, value, { slots: inner, leaves })
  } else {
    throw new LakeError('invalid-argument', 'a column does not have the layout of its type', {
      context: { layout: vector.layout, type: type.kind },
    })
  }
}

/** The elements of the lists that are there; each other list, and each empty one, is one entry more. */
function innerSlots(offsets: Int32Array, slots: Slots): Slots {
  const { from, to, live } = slots
  let listCount = 0
  let entries = 0
  let hidden = false
  for (let row = from; row < to; row++) {
    const length = (offsets[row + 1] as number) - (offsets[row] as number)
    if (live === undefined || hasBit(live, row)) {
      listCount += 1
      entries += length === 0 ? 1 : length
    } else if (length > 0) hidden = true
  }
  const inner = {
    from: offsets[from] ?? 0,
    to: offsets[to] ?? 0,
    entries: entries + slots.entries - listCount,
  }
  return { ...inner, live: hidden ? liveElements(offsets, slots) : undefined }
}

/** Elements of lists that are there, where null lists have elements too. */
function liveElements(offsets: Int32Array, slots: Slots): Bitmap {
  const live = new Uint8Array(((offsets[slots.to] ?? 0) + 7) >> 3)
  for (let row = slots.from; row < slots.to; row++) {
    if (slots.live !== undefined && !hasBit(slots.live, row)) continue
    const end = offsets[row + 1] as number
    for (let element = offsets[row] as number; element < end; element++) setBit(live, element)
  }
  return live
}

function intersected(validity: Bitmap | undefined, slots: Slots): Bitmap | undefined {
  const { live } = slots
  if (validity === undefined || live === undefined) return validity ?? live
  const both = new Uint8Array((slots.to + 7) >> 3)
  for (let at = slots.from >> 3; at < both.length; at++) both[at] = (validity[at] ?? 0) & (live[at] ?? 0)
  return both
}

function countSlots(bitmap: Bitmap | undefined, { from, to }: Slots): number {
  if (bitmap === undefined) return to - from
  let count = 0
  for (let slot = from; slot < to; slot++) count += ((bitmap[slot >> 3] as number) >> (slot & 7)) & 1
  return count
}

/** Bounds need each used entry once, NaN and null counts as often as it is used. */
function visitDictionary(vector: DictionaryVector, leaf: LeafCollector, slots: Slots): void {
  const { codes, dictionary } = vector
  const uses = new Uint32Array(dictionary.length)
  const present = slots.live
  for (let slot = slots.from; slot < slots.to; slot++) {
    if (present !== undefined && !hasBit(present, slot)) continue
    const code = codes[slot] as number
    uses[code] = (uses[code] as number) + 1
  }
  addEntries(dictionary, leaf, uses)
}

function addEntries(dictionary: Vector, leaf: LeafCollector, uses: Uint32Array): void {
  if (dictionary.layout === 'dictionary') {
    const inner = new Uint32Array(dictionary.dictionary.length)
    for (let entry = 0; entry < uses.length; entry++) {
      const valid = dictionary.validity === undefined || hasBit(dictionary.validity, entry)
      const code = dictionary.codes[entry] as number
      if (valid) inner[code] = (inner[code] as number) + (uses[entry] as number)
      else leaf.nullCount += uses[entry] as number
    }
    addEntries(dictionary.dictionary, leaf, inner)
    return
  }
  const used = new Uint8Array((uses.length + 7) >> 3)
  for (let entry = 0; entry < uses.length; entry++) {
    if (uses[entry] === 0) continue
    const valid =
      dictionary.layout !== 'null' &&
      (dictionary.validity === undefined || hasBit(dictionary.validity, entry))
    if (valid) setBit(used, entry)
    else leaf.nullCount += uses[entry] as number
  }
  if (dictionary.layout === 'null') return
  leaf.bounds?.add(dictionary, { from: 0, to: uses.length, present: used, uses })
}

/** Width in bytes of a value in memory, about; what sizes are estimated with. */
export function valueWidthBytes(type: Type): number {
  switch (type.kind) {
    case 'boolean':
    case 'unknown':
      return 1
    case 'int':
    case 'float':
    case 'date':
      return 4
    case 'decimal':
    case 'uuid':
      return 16
    case 'fixed':
      return type.lengthBytes
    case 'long':
    case 'double':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return 8
    case 'string':
    case 'binary':
    case 'variant':
    case 'geometry':
    case 'geography':
      return 4
    case 'struct':
      return type.fields.reduce((sum, field) => sum + valueWidthBytes(field.type), 0)
    case 'list':
      return 4 + valueWidthBytes(type.element)
    case 'map':
      return 4 + valueWidthBytes(type.key) + valueWidthBytes(type.value)
    default:
      return unreachable(type)
  }
}
