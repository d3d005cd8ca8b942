/**
 * Dremel shredding: a column, nested as it may be, as the entries of its leaf columns.
 *
 *   optional list<optional int>    [[1, null], [], null]
 *
 *   node       level of what is there   entries so far (definition / repetition)
 *   list       1                        1 1 0      /
 *   elements   2                        2 2 1 0    / 0 1 0 0
 *   leaf       3                        3 2 1 0    / 0 1 0 0     values 1
 *
 * The walk goes down the tree with all entries at once. An entry is live as long as everything above it is there;
 * live entries have the level reached so far, all others the level at which they ended. A list makes an entry of
 * each element. Levels are only made when something is null or repeated, and values are only copied when rows are
 * left out, so that a flat column without nulls costs nothing here.
 * @see https://github.com/apache/parquet-format "Nested Encoding"
 */
import { assert, unreachable } from '../../../base/assert.js'
import { LakeError } from '../../../base/errors.js'
import { countBits, createBitmap, hasBit, sliceBitmap } from '../../../batch/bitmap.js'
import type {
  Bitmap,
  ListVector,
  MapVector,
  StructVector,
  VarBytesVector,
  Vector,
} from '../../../batch/column-batch.js'
import { hasLayoutOf } from '../../../batch/layout.js'
import { plainVector } from '../../../batch/take.js'
import type { LeafEntries } from '../leaf.js'
import { splitVariantVector } from '../variant/variant.js'
import { keepsDictionary, noValues, type PresentRows, storedValues } from './stored-values.js'
import type { ListNode, MapNode, StructNode, VariantNode, WriteNode, WriteRoot } from './write-schema.js'

/** Entries of a node, and the rows of its vector that the live ones are. */
interface Slots extends PresentRows {
  /** The definition level of live entries. */
  readonly level: number
  readonly entries: number
  /** Absent: all entries are live. */
  readonly definition: Uint8Array | undefined
  /** Absent above all lists. */
  readonly repetition: Uint8Array | undefined
}

interface Shredding {
  readonly root: WriteRoot
  /** By leaf. */
  readonly leaves: LeafEntries[]
}

/**
 * Rows `from` up to `to` of a column, by leaf.
 * @throws invalid-argument when a required field is null, the vector has not the layout of the field's type, or a
 *   decimal does not fit its precision
 */
export function shredColumn(
  root: WriteRoot,
  vector: Vector,
  range: { readonly from: number; readonly to: number } = { from: 0, to: vector.length },
): LeafEntries[] {
  if (!hasLayoutOf(vector, root.field.type)) {
    throw new LakeError('invalid-argument', 'a column does not have the layout of its type', {
      context: { field: root.field.name, layout: vector.layout, type: root.field.type.kind },
    })
  }
  const count = range.to - range.from
  const shredding: Shredding = { root, leaves: [] }
  shredNode(shredding, root.node, vector, {
    level: 0,
    entries: count,
    definition: undefined,
    repetition: undefined,
    rows: undefined,
    from: range.from,
    count,
  })
  return shredding.leaves
}

function shredNode(shredding: Shredding, node: WriteNode, given: Vector, slots: Slots): void {
  const vector = node.kind === 'leaf' && keepsDictionary(given) ? given : plainVector(given)
  const live = presentSlots(node, vector, slots)
  if (vector.layout === 'null') endLeaves(shredding, node, live)
  else if (node.kind === 'leaf') {
    const leaf = shredding.root.leaves[node.leaf]
    if (leaf !== undefined) setLeaf(shredding, node.leaf, live, storedValues(leaf, vector, live))
  } else if (node.kind === 'struct' && vector.layout === 'struct') shredStruct(shredding, node, vector, live)
  else if (node.kind === 'list' && vector.layout === 'list') shredList(shredding, node, vector, live)
  else if (node.kind === 'map' && vector.layout === 'map') shredMap(shredding, node, vector, live)
  else if (node.kind === 'variant' && vector.layout === 'var-bytes')
    shredVariant(shredding, node, vector, live)
}

function setLeaf(shredding: Shredding, leaf: number, slots: Slots, values: LeafEntries['values']): void {
  const { entries, definition, repetition } = slots
  shredding.leaves[leaf] = { entries, definition, repetition, values }
}

/** All leaves below a node that is null everywhere. */
function endLeaves(shredding: Shredding, node: WriteNode, slots: Slots): void {
  switch (node.kind) {
    case 'leaf':
      endLeaf(shredding, node.leaf, slots)
      return
    case 'struct':
      for (const child of node.children) endLeaves(shredding, child.node, slots)
      return
    case 'list':
      endLeaves(shredding, node.element, slots)
      return
    case 'map':
      endLeaves(shredding, node.key, slots)
      endLeaves(shredding, node.value, slots)
      return
    case 'variant':
      endLeaf(shredding, node.metadataLeaf, slots)
      endLeaf(shredding, node.valueLeaf, slots)
      return
    default:
      unreachable(node)
  }
}

function endLeaf(shredding: Shredding, index: number, slots: Slots): void {
  const leaf = shredding.root.leaves[index]
  if (leaf !== undefined) setLeaf(shredding, index, slots, noValues(leaf))
}

function shredStruct(shredding: Shredding, node: StructNode, vector: StructVector, live: Slots): void {
  for (const child of node.children) {
    const part = vector.children[child.at]
    assert(part !== undefined, 'a struct vector has the children of its type')
    shredNode(shredding, child.node, part, live)
  }
}

function shredList(shredding: Shredding, node: ListNode, vector: ListVector, live: Slots): void {
  shredNode(shredding, node.element, vector.element, elementSlots(node, vector.offsets, live))
}

function shredMap(shredding: Shredding, node: MapNode, vector: MapVector, live: Slots): void {
  const slots = elementSlots(node, vector.offsets, live)
  shredNode(shredding, node.key, vector.keys, slots)
  shredNode(shredding, node.value, vector.values, slots)
}

function shredVariant(shredding: Shredding, node: VariantNode, vector: VarBytesVector, live: Slots): void {
  const { leaves } = shredding.root
  const metadataLeaf = leaves[node.metadataLeaf]
  const valueLeaf = leaves[node.valueLeaf]
  assert(metadataLeaf !== undefined && valueLeaf !== undefined, 'a variant has two leaves')
  const { metadata, value } = splitVariantVector(vector)
  setLeaf(shredding, node.metadataLeaf, live, storedValues(metadataLeaf, metadata, live))
  setLeaf(shredding, node.valueLeaf, live, storedValues(valueLeaf, value, live))
}

// ---- nulls

/** The slots that stay live at the node: those whose row is not null. */
function presentSlots(node: WriteNode, vector: Vector, slots: Slots): Slots {
  const validity = vector.layout === 'null' ? createBitmap(slots.from + slots.count) : vector.validity
  if (validity === undefined || hasAll(validity, slots)) {
    return node.required ? slots : { ...slots, level: slots.level + 1, definition: raisedLevels(slots) }
  }
  if (node.required) {
    throw new LakeError('invalid-argument', 'a required field holds a null', {
      context: { field: node.name, fieldId: node.fieldId },
    })
  }
  return slots.definition === undefined ? endNulls(validity, slots) : endLiveNulls(validity, slots)
}

function hasAll(validity: Bitmap, { rows, from, count }: PresentRows): boolean {
  if (rows === undefined) return countBits(sliceBitmap(validity, from, from + count), count) === count
  for (let i = 0; i < count; i++) if (!hasBit(validity, rows[i] as number)) return false
  return true
}

/** The levels when all live entries go one up. */
function raisedLevels({ definition, level }: Slots): Uint8Array | undefined {
  if (definition === undefined) return undefined
  const raised = new Uint8Array(definition.length)
  for (let entry = 0; entry < raised.length; entry++) {
    const reached = definition[entry] as number
    raised[entry] = reached === level ? level + 1 : reached
  }
  return raised
}

/** All entries are live so far. */
function endNulls(validity: Bitmap, slots: Slots): Slots {
  const { entries, level, rows, from } = slots
  const definition = new Uint8Array(entries)
  const left = new Int32Array(entries)
  let count = 0
  for (let entry = 0; entry < entries; entry++) {
    const row = rows === undefined ? from + entry : (rows[entry] as number)
    const bit = ((validity[row >> 3] as number) >> (row & 7)) & 1
    definition[entry] = level + bit
    left[count] = row
    count += bit
  }
  return { ...slots, level: level + 1, definition, rows: left, count }
}

function endLiveNulls(validity: Bitmap, slots: Slots): Slots {
  const { entries, level, rows, from } = slots
  const reached = slots.definition as Uint8Array
  const definition = new Uint8Array(entries)
  const left = new Int32Array(slots.count)
  let live = 0
  let count = 0
  for (let entry = 0; entry < entries; entry++) {
    const before = reached[entry] as number
    if (before !== level) {
      definition[entry] = before
      continue
    }
    const row = rows === undefined ? from + live : (rows[live] as number)
    live += 1
    const bit = ((validity[row >> 3] as number) >> (row & 7)) & 1
    definition[entry] = level + bit
    if (bit === 1) left[count++] = row
  }
  return { ...slots, level: level + 1, definition, rows: left, count }
}

// ---- lists

interface ElementCounts {
  /** Elements of live lists. */
  readonly elements: number
  /** Live lists without elements. */
  readonly empty: number
}

function countElements(offsets: Int32Array, { rows, from, count }: PresentRows): ElementCounts {
  let elements = 0
  let empty = 0
  for (let i = 0; i < count; i++) {
    const row = rows === undefined ? from + i : (rows[i] as number)
    const length = (offsets[row + 1] as number) - (offsets[row] as number)
    elements += length
    if (length === 0) empty += 1
  }
  return { elements, empty }
}

/** An entry for each element of a live list, for each empty one, and for each entry that was not live. */
function elementSlots(node: ListNode | MapNode, offsets: Int32Array, lists: Slots): Slots {
  const { elements, empty } = countElements(offsets, lists)
  const ended = lists.entries - lists.count + empty
  const entries = elements + ended
  const repetition = new Uint8Array(entries)
  const definition = ended === 0 ? undefined : new Uint8Array(entries)
  if (definition === undefined) repeatAll(offsets, lists, repetition, node.repetition + 1)
  else repeatLive(offsets, lists, { repetition, definition, level: node.repetition + 1 })
  return {
    level: lists.level + 1,
    entries,
    definition,
    repetition,
    ...elementRows(offsets, lists, elements),
  }
}

/** Every entry is a list with elements: its first element repeats where the list does. */
function repeatAll(offsets: Int32Array, lists: Slots, repetition: Uint8Array, level: number): void {
  repetition.fill(level)
  let at = 0
  for (let list = 0; list < lists.entries; list++) {
    const row = lists.rows === undefined ? lists.from + list : (lists.rows[list] as number)
    repetition[at] = lists.repetition === undefined ? 0 : (lists.repetition[list] as number)
    at += (offsets[row + 1] as number) - (offsets[row] as number)
  }
}

function repeatLive(
  offsets: Int32Array,
  lists: Slots,
  out: { readonly repetition: Uint8Array; readonly definition: Uint8Array; readonly level: number },
): void {
  const { repetition, definition, level } = out
  let live = 0
  let at = 0
  for (let list = 0; list < lists.entries; list++) {
    const reached = lists.definition === undefined ? lists.level : (lists.definition[list] as number)
    let length = 0
    if (reached === lists.level) {
      const row = lists.rows === undefined ? lists.from + live : (lists.rows[live] as number)
      live += 1
      length = (offsets[row + 1] as number) - (offsets[row] as number)
    }
    repetition[at] = lists.repetition === undefined ? 0 : (lists.repetition[list] as number)
    definition[at] = length === 0 ? reached : lists.level + 1
    for (let end = at + length, next = at + 1; next < end; next++) {
      repetition[next] = level
      definition[next] = lists.level + 1
    }
    at += length === 0 ? 1 : length
  }
}

/** Rows of the elements of live lists; null lists may have elements too, and those are left out. */
function elementRows(offsets: Int32Array, lists: Slots, elements: number): PresentRows {
  if (elements === 0) return { rows: undefined, from: 0, count: 0 }
  const { rows, from, count } = lists
  const first = rows === undefined ? from : (rows[0] as number)
  const last = rows === undefined ? from + count - 1 : (rows[count - 1] as number)
  const start = offsets[first] as number
  if ((offsets[last + 1] as number) - start === elements) {
    return { rows: undefined, from: start, count: elements }
  }
  const picked = new Int32Array(elements)
  let at = 0
  for (let i = 0; i < count; i++) {
    const row = rows === undefined ? from + i : (rows[i] as number)
    const end = offsets[row + 1] as number
    for (let element = offsets[row] as number; element < end; element++) picked[at++] = element
  }
  return { rows: picked, from: 0, count: elements }
}
