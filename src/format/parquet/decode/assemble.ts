/**
 * The leaves of a column put together by their levels. Each node is given its slots: the places where it could be.
 * An entry of a leaf begins a slot when its definition level says that what is around the node is there, and its
 * repetition level that it does not just repeat something further in.
 *
 *   optional list of optional ints   [[1, null], [], null]
 *
 *   repetition   0 1 0 0       list slots     x . x x      null where definition < 1
 *   definition   3 2 1 0       element slots  x x . .      null where definition < 3
 *
 * @see https://github.com/apache/parquet-format "Nested Encoding"
 */
import { unreachable } from '../../../base/assert.js'
import { equalBytes } from '../../../base/bytes.js'
import { LakeError } from '../../../base/errors.js'
import { createBitmap, setBit, validityOf } from '../../../batch/bitmap.js'
import type { Bitmap, Vector } from '../../../batch/column-batch.js'
import type { ColumnNode, LeafNode, ListNode, MapNode, StructNode, VariantNode } from '../footer/schema.js'
import type { LeafEntries } from '../leaf.js'
import { assembleVariant } from '../variant/variant.js'
import { readVariantGroup } from '../variant/variant-group.js'
import { levelBitmap } from './levels.js'
import { spreadValues } from './spread-values.js'

/** A decoded leaf whose values have the layout of their type. */
export interface AssembledLeaf {
  readonly entries: Omit<LeafEntries, 'values'>
  readonly maxRepetition: number
  /** Dense, without validity. */
  readonly values: Vector
  /** The most bytes that what is made of the leaf may take. */
  readonly bytesMax: number
}

/** The places where a node could be. */
interface Place {
  /** How many. */
  readonly count: number
  /** Entries of a leaf with at least this definition level and at most this repetition level. */
  readonly definition: number
  readonly repetition: number
}

/** Throws plain errors when levels contradict each other. */
export function assembleColumn(node: ColumnNode, leaves: readonly AssembledLeaf[], rowCount: number): Vector {
  return assemble(node, leaves, { count: rowCount, definition: 0, repetition: 0 })
}

function assemble(node: ColumnNode, leaves: readonly AssembledLeaf[], place: Place): Vector {
  switch (node.kind) {
    case 'leaf':
      return assembleLeaf(node, leafAt(leaves, node.leaf), place)
    case 'struct':
      return assembleStruct(node, leaves, place)
    case 'list':
    case 'map':
      return assembleRepeated(node, leaves, place)
    case 'variant':
      return variantOf(node, leaves, place)
    default:
      return unreachable(node)
  }
}

function leafAt(leaves: readonly AssembledLeaf[], index: number): AssembledLeaf {
  const leaf = leaves[index]
  if (leaf === undefined) throw new RangeError('a leaf of the column is missing')
  return leaf
}

function checkSlots(found: number, place: Place): void {
  if (found !== place.count) throw new RangeError('the levels of the leaves contradict each other')
}

function assembleLeaf(node: LeafNode, leaf: AssembledLeaf, place: Place): Vector {
  const { values } = leaf
  const { entries, definition } = leaf.entries
  if (values.layout === 'list' || values.layout === 'map' || values.layout === 'struct') {
    throw new TypeError('a leaf of nested values')
  }
  if (definition === undefined) {
    checkSlots(entries, place)
    return values.layout === 'null' ? { layout: 'null', length: place.count } : values
  }
  // Levels below the place's stand for what is not there around the leaf, and are no slots.
  const levels = place.definition === 0 ? definition : levelsFrom(definition, place.definition)
  checkSlots(levels.length, place)
  if (values.length === levels.length) return values
  const length = levels.length
  return spreadValues(values, { validity: levelBitmap(levels, node.definition), length })
}

function levelsFrom(definition: Uint8Array, lowest: number): Uint8Array {
  const levels = new Uint8Array(definition.length)
  let count = 0
  for (let at = 0; at < definition.length; at++) {
    const level = definition[at] as number
    levels[count] = level
    if (level >= lowest) count++
  }
  return levels.subarray(0, count)
}

function assembleStruct(node: StructNode, leaves: readonly AssembledLeaf[], place: Place): Vector {
  const children = node.children.map(child => assemble(child, leaves, place))
  const first = firstLeaf(node)
  const validity = first === undefined ? undefined : validityAt(node, leafAt(leaves, first), place)
  return { layout: 'struct', length: place.count, validity, children }
}

/** A leaf below the node, whose levels say where the node is. */
function firstLeaf(node: ColumnNode): number | undefined {
  switch (node.kind) {
    case 'leaf':
      return node.leaf
    case 'list':
      return firstLeaf(node.element)
    case 'map':
      return firstLeaf(node.key) ?? firstLeaf(node.value)
    default:
      for (const child of node.children) {
        const leaf = firstLeaf(child)
        if (leaf !== undefined) return leaf
      }
      return undefined
  }
}

/** Which slots of a node hold something; absent when all do. */
function validityAt(
  node: { readonly definition: number },
  leaf: AssembledLeaf,
  place: Place,
): Bitmap | undefined {
  const { definition, repetition } = leaf.entries
  if (node.definition === place.definition || definition === undefined) return undefined
  if (repetition === undefined) {
    checkSlots(definition.length, place)
    return validityOf(levelBitmap(definition, node.definition), place.count)
  }
  const bits = createBitmap(place.count)
  let slot = 0
  let present = 0
  for (let at = 0; at < definition.length; at++) {
    const level = definition[at] as number
    if (level < place.definition || (repetition[at] as number) > place.repetition) continue
    if (level >= node.definition && slot < place.count) {
      setBit(bits, slot)
      present++
    }
    slot++
  }
  checkSlots(slot, place)
  return present === slot ? undefined : bits
}

function assembleRepeated(node: ListNode | MapNode, leaves: readonly AssembledLeaf[], place: Place): Vector {
  const first = firstLeaf(node)
  if (first === undefined) throw new LakeError('unsupported', 'a parquet list of structs without fields')
  const leaf = leafAt(leaves, first)
  const offsets = entryOffsets(node, leaf, place)
  const count = offsets[place.count] as number
  const inner = { count, definition: node.entryDefinition, repetition: node.repetition }
  const base = {
    length: place.count,
    validity: validityAt(node, leaf, place),
    offsets,
  }
  if (node.kind === 'list') {
    checkRepetition([node.element], leaves, node.repetition)
    return { layout: 'list', ...base, element: assemble(node.element, leaves, inner) }
  }
  checkRepetition([node.key, node.value], leaves, node.repetition)
  const keys = assemble(node.key, leaves, inner)
  return { layout: 'map', ...base, keys, values: assemble(node.value, leaves, inner) }
}

/** Where the elements of each slot begin; behind the last slot, their number. */
function entryOffsets(node: ListNode | MapNode, leaf: AssembledLeaf, place: Place): Int32Array {
  const { entries, definition, repetition } = leaf.entries
  if (repetition === undefined) throw new RangeError('a list without repetition levels')
  const offsets = new Int32Array(place.count + 1)
  const { entryDefinition } = node
  let slot = 0
  let element = 0
  for (let at = 0; at < entries; at++) {
    const repeated = repetition[at] as number
    if (repeated > node.repetition) continue
    const level = definition === undefined ? entryDefinition : (definition[at] as number)
    if (repeated <= place.repetition && level >= place.definition) {
      // Stores behind the end of the array have no effect; the count tells.
      offsets[slot] = element
      slot++
    }
    if (level >= entryDefinition) element++
  }
  checkSlots(slot, place)
  offsets[slot] = element
  return offsets
}

/** Leaves that repeat with a list alone have the same repetition levels: as many elements in each slot. */
function checkRepetition(
  nodes: readonly ColumnNode[],
  leaves: readonly AssembledLeaf[],
  repetition: number,
): void {
  let first: Uint8Array | undefined
  for (const index of nodes.flatMap(leavesOf)) {
    const leaf = leafAt(leaves, index)
    if (leaf.maxRepetition !== repetition || leaf.entries.repetition === undefined) continue
    first ??= leaf.entries.repetition
    if (first !== leaf.entries.repetition && !equalBytes(first, leaf.entries.repetition)) {
      throw new RangeError('the levels of the leaves contradict each other')
    }
  }
}

function leavesOf(node: ColumnNode): number[] {
  switch (node.kind) {
    case 'leaf':
      return [node.leaf]
    case 'list':
      return leavesOf(node.element)
    case 'map':
      return [...leavesOf(node.key), ...leavesOf(node.value)]
    default:
      return node.children.flatMap(leavesOf)
  }
}

function variantOf(node: VariantNode, leaves: readonly AssembledLeaf[], place: Place): Vector {
  const storage = assembleStruct(
    { kind: 'struct', definition: node.definition, children: node.children },
    leaves,
    place,
  )
  if (storage.layout !== 'struct') throw new TypeError('a variant without a group')
  const bytesMax = Math.min(...leavesOf(node).map(leaf => leafAt(leaves, leaf).bytesMax))
  return assembleVariant(readVariantGroup(node.elements, 0), storage, { bytesMax })
}
