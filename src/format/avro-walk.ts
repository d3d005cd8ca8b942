/**
 * Walks encoded records and notes where the fields begin that somebody wants: nothing is decoded, no object is made.
 * A manifest has hundreds of thousands of records of which a filter keeps a few, so this is where planning spends
 * its time.
 *
 * A schema becomes a program, once: a list of steps of four integers that one loop runs for each record.
 *
 *     step    slot            what it notes (-1: nothing)       operand        on null, go on at
 *
 *     record      notes where it stands and takes no bytes      -              -
 *     optional    a union of null and one other                 null's branch  the step behind the value
 *     varint      int, long, enum                               -              -
 *     bytes       a length and as many bytes                    -              -
 *     fixed       as many bytes                                 the number     -
 *     numbers     a list of int or long                         -              -
 *     pairs       a list of (int, long) or (int, bytes)         its row        -
 *     other       anything else, by `skipAvro`                  index of type  -
 *
 * One loop over a program is faster than a closure for each field (one call instead of twenty a record, and every
 * schema runs the same compiled code, which a new process has to warm up once only), and it needs no code
 * generation. All lengths are checked: what a walk has passed lies inside the bytes.
 */
import { LakeError } from '../base/errors.js'
import type { AvroRecordType, AvroType } from './avro-schema.js'
import { type AvroCursor, readLong, skipAvro } from './avro-skip.js'

/** What is wanted of a field. */
export interface WalkTarget {
  /** The slot for where the value begins, behind the branch of an optional one; it stays -1 for a null. */
  readonly slot?: number | undefined
  /** The slot for where a record ends. */
  readonly endSlot?: number | undefined
  /** Of a record: its fields by id. */
  readonly fields?: ReadonlyMap<number, WalkTarget> | undefined
  /** Of a list of pairs with these ids: its row in `WalkNotes.values`. */
  readonly pairs?: { readonly row: number; readonly keyId: number; readonly valueId: number } | undefined
}

export interface WalkProgram {
  readonly steps: Int32Array
  readonly others: readonly AvroType[]
  /** Slots whose values are not of a plain or optional type: they are noted where their union begins. */
  readonly unusualSlots: ReadonlySet<number>
  /** The first step behind the field that a `checkpoint` was asked for; the number of all when there is none. */
  readonly checkpoint: number
}

/** Where a walk writes. */
export interface WalkNotes {
  readonly slots: Int32Array
  /** Where values of the wanted keys of pair lists begin: row by row, a column for each wanted key. */
  readonly values: Int32Array
  /** Column by key, -1 for none; a key beyond the end has none. */
  readonly columnOf: Int32Array
  readonly columns: number
}

const STEP = 4
const RECORD = 0
const OPTIONAL = 1
const VARINT = 2
const BYTES = 3
const FIXED = 4
const LONG_PAIRS = 5
const BYTES_PAIRS = 6
const NUMBERS = 7
const OTHER = 8

interface Draft {
  readonly steps: number[]
  readonly others: AvroType[]
  readonly unusual: Set<number>
  checkpoint: number | undefined
  readonly checkpointSlot: number | undefined
}

/**
 * The program that walks records of a schema. A walk can be stopped behind the record whose `endSlot` is
 * `checkpointSlot`, unless that stands inside something optional.
 */
export function compileWalk(
  schema: AvroRecordType,
  wanted: ReadonlyMap<number, WalkTarget>,
  options: { readonly checkpointSlot?: number | undefined } = {},
): WalkProgram {
  const draft: Draft = {
    steps: [],
    others: [],
    unusual: new Set(),
    checkpoint: undefined,
    checkpointSlot: options.checkpointSlot,
  }
  emitFields(schema, wanted, { draft, isOptional: false })
  return {
    steps: Int32Array.from(draft.steps),
    others: draft.others,
    unusualSlots: draft.unusual,
    checkpoint: draft.checkpoint ?? draft.steps.length,
  }
}

interface Place {
  readonly draft: Draft
  /** Whether something around the value may be null. */
  readonly isOptional: boolean
}

function emitFields(
  type: AvroRecordType,
  wanted: ReadonlyMap<number, WalkTarget> | undefined,
  place: Place,
): void {
  for (const field of type.fields)
    emit(field.type, field.id === undefined ? undefined : wanted?.get(field.id), place)
}

function step(place: Place, op: number, slot: number | undefined, operand = 0): void {
  place.draft.steps.push(op, slot ?? -1, operand, -1)
}

function emit(type: AvroType, target: WalkTarget | undefined, place: Place): void {
  switch (type.kind) {
    case 'null':
      return
    case 'boolean':
      other(type, target, place)
      return
    case 'int':
    case 'long':
    case 'enum':
      step(place, VARINT, target?.slot)
      return
    case 'float':
      step(place, FIXED, target?.slot, 4)
      return
    case 'double':
      step(place, FIXED, target?.slot, 8)
      return
    case 'fixed':
      step(place, FIXED, target?.slot, type.sizeBytes)
      return
    case 'bytes':
    case 'string':
      step(place, BYTES, target?.slot)
      return
    case 'record':
      emitRecord(type, target, place)
      return
    case 'union':
      emitUnion(type, target, place)
      return
    default:
      if (type.kind === 'array' && (type.items.kind === 'int' || type.items.kind === 'long'))
        step(place, NUMBERS, target?.slot)
      else if (target?.pairs === undefined || !emitPairs(type, target, place)) other(type, target, place)
  }
}

function other(type: AvroType, target: WalkTarget | undefined, place: Place): void {
  const { draft } = place
  step(place, OTHER, target?.slot, draft.others.length)
  draft.others.push(type)
}

function emitRecord(type: AvroRecordType, target: WalkTarget | undefined, place: Place): void {
  const { draft } = place
  if (target?.slot !== undefined) step(place, RECORD, target.slot)
  emitFields(type, target?.fields, place)
  if (target?.endSlot === undefined) return
  step(place, RECORD, target.endSlot)
  if (target.endSlot === draft.checkpointSlot && !place.isOptional) draft.checkpoint = draft.steps.length
}

function emitUnion(
  type: Extract<AvroType, { kind: 'union' }>,
  target: WalkTarget | undefined,
  place: Place,
): void {
  const { draft } = place
  const nullBranch = type.branches.findIndex(branch => branch.kind === 'null')
  const value = type.branches[1 - nullBranch]
  if (type.branches.length !== 2 || nullBranch < 0 || value === undefined || value.kind === 'null') {
    if (target?.slot !== undefined) draft.unusual.add(target.slot)
    other(type, target, place)
    return
  }
  const at = draft.steps.length
  step(place, OPTIONAL, undefined, nullBranch)
  emit(value, target, { draft, isOptional: true })
  draft.steps[at + 3] = draft.steps.length
}

/** A list of (int, long) or (int, bytes) with the ids of the target; false for any other. */
function emitPairs(type: AvroType, target: WalkTarget, place: Place): boolean {
  const { pairs } = target
  if (type.kind !== 'array' || type.items.kind !== 'record' || pairs === undefined) return false
  const [key, value, ...more] = type.items.fields
  if (key?.id !== pairs.keyId || value?.id !== pairs.valueId || more.length > 0) return false
  if (key.type.kind !== 'int' && key.type.kind !== 'long') return false
  const isNumber = value.type.kind === 'int' || value.type.kind === 'long'
  if (!isNumber && value.type.kind !== 'bytes') return false
  step(place, isNumber ? LONG_PAIRS : BYTES_PAIRS, target.slot, pairs.row)
  return true
}

function cut(): LakeError {
  return new LakeError('corrupt', 'an avro value is cut short')
}

/** Forgets the record before. */
export function clearNotes(notes: WalkNotes): void {
  notes.slots.fill(-1)
  notes.values.fill(-1)
}

/**
 * Walks the steps from `from` to `to` over the bytes at `at` and returns where they end.
 * @throws corrupt when a value is broken or cut short
 */
export function walkRecord(
  program: WalkProgram,
  bytes: Uint8Array,
  at: number,
  walk: { readonly notes: WalkNotes; readonly from: number; readonly to: number },
): number {
  const { steps } = program
  const { slots } = walk.notes
  const size = bytes.length
  let here = at
  let pc = walk.from
  while (pc < walk.to) {
    const op = steps[pc] as number
    const slot = steps[pc + 1] as number
    if (slot >= 0) slots[slot] = here
    switch (op) {
      case VARINT:
        if ((bytes[here++] as number) >= 0x80) here = longVarintEnd(bytes, here)
        break
      case OPTIONAL: {
        const branch = bytes[here++] as number
        // A branch is 0 or 1, which is 0 or 2 in zigzag.
        if (branch !== 0 && branch !== 2) throw badBranch(bytes, here - 1)
        if (branch >>> 1 === steps[pc + 2]) {
          if (here > size) throw cut()
          pc = steps[pc + 3] as number
          continue
        }
        break
      }
      case BYTES:
        here = bytesEnd(bytes, here)
        break
      case FIXED:
        here += steps[pc + 2] as number
        break
      case LONG_PAIRS:
        here = walkLongPairs(bytes, here, walk.notes, steps[pc + 2] as number)
        break
      case BYTES_PAIRS:
        here = walkBytesPairs(bytes, here, walk.notes, steps[pc + 2] as number)
        break
      case NUMBERS:
        here = walkNumbers(bytes, here)
        break
      case OTHER: {
        const cursor: AvroCursor = { bytes, at: here }
        skipAvro(program.others[steps[pc + 2] as number] as AvroType, cursor)
        here = cursor.at
        break
      }
      default:
    }
    if (here > size) throw cut()
    pc += STEP
  }
  return here
}

function badBranch(bytes: Uint8Array, at: number): LakeError {
  if (at >= bytes.length) return cut()
  return new LakeError('corrupt', 'an avro union or enum has no such branch')
}

/** The end of a varint whose first byte, before `at`, says that there are more: nine at most. */
function longVarintEnd(bytes: Uint8Array, at: number): number {
  for (let end = at; end < at + 9; end++) {
    const byte = bytes[end]
    if (byte === undefined) throw cut()
    // The tenth byte holds the last bit of 64.
    if (byte < 0x80 && (end < at + 8 || byte <= 1)) return end + 1
  }
  throw new LakeError('corrupt', 'an avro number is too long')
}

/** Where bytes or a text end that begin with their length. It may lie behind the end of the bytes. */
function bytesEnd(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number
  const second = bytes[at + 1] as number
  // Lengths up to 63, and up to 8191; the sign is the lowest bit.
  if (first < 0x80 && (first & 1) === 0) return at + 1 + (first >>> 1)
  if (first >= 0x80 && second < 0x80 && (first & 1) === 0)
    return at + 2 + (((first & 0x7f) | (second << 7)) >>> 1)
  const cursor: AvroCursor = { bytes, at }
  const length = readLong(cursor)
  if (length < 0) throw cut()
  return cursor.at + length
}

function walkNumbers(bytes: Uint8Array, at: number): number {
  const size = bytes.length
  let here = at
  for (;;) {
    let count = bytes[here++] as number
    if (count === 0) return here
    if (count < 0x80 && count % 2 === 0) count >>>= 1
    else {
      const cursor: AvroCursor = { bytes, at: here - 1 }
      count = longBlockCount(cursor)
      here = cursor.at
    }
    for (; count > 0; count--) {
      if ((bytes[here++] as number) >= 0x80) here = longVarintEnd(bytes, here)
      if (here > size) throw cut()
    }
  }
}

/** Arguments by position here and below: an object for each list would be made millions of times. */
function walkLongPairs(bytes: Uint8Array, at: number, notes: WalkNotes, row: number): number {
  const { columnOf, values } = notes
  const begin = row * notes.columns
  const size = bytes.length
  let here = at
  for (;;) {
    let count = bytes[here++] as number
    if (count === 0) return here
    if (count < 0x80 && count % 2 === 0) count >>>= 1
    else {
      const cursor: AvroCursor = { bytes, at: here - 1 }
      count = longBlockCount(cursor)
      here = cursor.at
    }
    for (; count > 0; count--) {
      let key = bytes[here++] as number
      if (key >= 0x80) {
        key = longKey(bytes, here - 1)
        here = longVarintEnd(bytes, here)
      } else key = key % 2 === 0 ? key >>> 1 : -1
      if (key >= 0 && key < columnOf.length) {
        const column = columnOf[key] as number
        if (column >= 0) values[begin + column] = here
      }
      if ((bytes[here++] as number) >= 0x80) here = longVarintEnd(bytes, here)
      if (here > size) throw cut()
    }
  }
}

function walkBytesPairs(bytes: Uint8Array, at: number, notes: WalkNotes, row: number): number {
  const { columnOf, values } = notes
  const begin = row * notes.columns
  const size = bytes.length
  let here = at
  for (;;) {
    let count = bytes[here++] as number
    if (count === 0) return here
    if (count < 0x80 && count % 2 === 0) count >>>= 1
    else {
      const cursor: AvroCursor = { bytes, at: here - 1 }
      count = longBlockCount(cursor)
      here = cursor.at
    }
    for (; count > 0; count--) {
      let key = bytes[here++] as number
      if (key >= 0x80) {
        key = longKey(bytes, here - 1)
        here = longVarintEnd(bytes, here)
      } else key = key % 2 === 0 ? key >>> 1 : -1
      if (key >= 0 && key < columnOf.length) {
        const column = columnOf[key] as number
        if (column >= 0) values[begin + column] = here
      }
      here = bytesEnd(bytes, here)
      if (here > size) throw cut()
    }
  }
}

/**
 * Items of the next block of a list where one byte does not say it; a negative count is followed by the block's size.
 * Here as above no cursor is made for what there is one of in every list.
 */
function longBlockCount(cursor: AvroCursor): number {
  const count = readLong(cursor)
  if (count >= 0) return count
  readLong(cursor)
  return -count
}

/** A key of two bytes or more; -1 for one that is no field id. */
function longKey(bytes: Uint8Array, at: number): number {
  const cursor: AvroCursor = { bytes, at }
  const key = readLong(cursor)
  return key >= 0 && key < 2 ** 31 ? key : -1
}
