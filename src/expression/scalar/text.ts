/**
 * Functions of text. Lengths and positions are in code points, which are counted in the UTF-8 bytes: a byte that
 * begins with the bits 10 goes on with the one before it. What only cuts or joins works on bytes; letter case and
 * replacing go through strings.
 */
import { unreachable } from '../../base/assert.js'
import { asBuffer } from '../../base/bytes.js'
import { LakeError } from '../../base/errors.js'
import { createBitmap, setBit } from '../../batch/bitmap.js'
import type { Selection, Vector } from '../../batch/column-batch.js'
import { copyBytes } from '../../batch/growable.js'
import { StringBuilder } from '../../batch/primitive-builders.js'
import type { Type } from '../../schema/types.js'
import { intsOf, validityFor, varBytesOf } from './columns.js'
import type { Side } from './compare.js'

/** Arguments, all of them there in `rows`. */
export interface TextCall {
  readonly args: readonly Side[]
  readonly rows: Selection
  readonly length: number
}

function bytesOf(
  { args }: TextCall,
  index: number,
): { readonly bytes: Uint8Array; readonly offsets: Int32Array } {
  const side = args[index]
  if (side === undefined) throw new Error('assertion failed: a function has its arguments')
  return varBytesOf(side.vector)
}

/** Code points of text, or bytes. */
export function textLengths(call: TextCall): Int32Array {
  const { offsets, bytes } = bytesOf(call, 0)
  const isText = call.args[0]?.type.kind === 'string'
  const values = new Int32Array(call.length)
  for (let at = 0; at < call.rows.length; at++) {
    const row = call.rows[at] as number
    const start = offsets[row] as number
    const end = offsets[row + 1] as number
    values[row] = isText ? countPoints(bytes, start, end) : end - start
  }
  return values
}

function countPoints(bytes: Uint8Array, start: number, end: number): number {
  let count = 0
  for (let at = start; at < end; at++) if (((bytes[at] as number) & 0xc0) !== 0x80) count++
  return count
}

/** Where a code point begins that is so many behind the one at `start`; `end` when there are fewer. */
function skipPoints(bytes: Uint8Array, start: number, end: number, count: number): number {
  let at = start
  for (let rest = count; rest > 0 && at < end; rest--) {
    at++
    while (at < end && ((bytes[at] as number) & 0xc0) === 0x80) at++
  }
  return at
}

// Joined

const COLUMN_BYTES_MAX = 0x7fff_ffff

/** The bytes of all arguments, one behind the other. */
export function joinText(call: TextCall): Vector {
  const { rows, length } = call
  const parts = call.args.map((_, index) => bytesOf(call, index))
  const offsets = new Int32Array(length + 1)
  let end = 0
  forRows(rows, length, (row, isComputed) => {
    if (isComputed)
      for (const part of parts) end += (part.offsets[row + 1] as number) - (part.offsets[row] as number)
    checkSize(end)
    offsets[row + 1] = end
  })
  const bytes = new Uint8Array(end)
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as number
    let to = offsets[row] as number
    for (const part of parts) {
      const from = part.offsets[row] as number
      const until = part.offsets[row + 1] as number
      copyBytes(part.bytes, from, until, bytes, to)
      to += until - from
    }
  }
  return { layout: 'var-bytes', length, validity: validityFor(rows, length), offsets, bytes }
}

function checkSize(bytes: number): void {
  if (bytes > COLUMN_BYTES_MAX) {
    throw new LakeError('invalid-argument', 'a column of a batch holds more than 2 GiB')
  }
}

/** All rows in order, and whether each is one of those that are computed. */
function forRows(rows: Selection, length: number, visit: (row: number, isComputed: boolean) => void): void {
  let at = 0
  for (let row = 0; row < length; row++) {
    const isComputed = at < rows.length && rows[at] === row
    visit(row, isComputed)
    if (isComputed) at++
  }
}

// Cut

export type CutFunction = 'trim' | 'ltrim' | 'rtrim' | 'substring'

/** A part of each text. */
export function cutText(call: TextCall, name: CutFunction): Vector {
  const { rows, length } = call
  const { bytes, offsets } = bytesOf(call, 0)
  const starts = new Int32Array(rows.length)
  const ends = new Int32Array(rows.length)
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as number
    starts[at] = offsets[row] as number
    ends[at] = offsets[row + 1] as number
  }
  if (name === 'substring') cutPoints(call, bytes, { starts, ends })
  else cutSpaces(name, bytes, { starts, ends })
  return copyRanges(bytes, { starts, ends }, { rows, length })
}

interface Ranges {
  readonly starts: Int32Array
  readonly ends: Int32Array
}

const SPACE = 0x20

function cutSpaces(name: 'trim' | 'ltrim' | 'rtrim', bytes: Uint8Array, { starts, ends }: Ranges): void {
  for (let at = 0; at < starts.length; at++) {
    let start = starts[at] as number
    let end = ends[at] as number
    if (name !== 'rtrim') while (start < end && bytes[start] === SPACE) start++
    if (name !== 'ltrim') while (start < end && bytes[end - 1] === SPACE) end--
    starts[at] = start
    ends[at] = end
  }
}

/** From 1; negative from the end, 0 as 1. What would stand before the text counts towards the length, as in Spark. */
function cutPoints({ args, rows }: TextCall, bytes: Uint8Array, { starts, ends }: Ranges): void {
  const from = intsOf((args[1] as Side).vector)
  const counts = args[2] === undefined ? undefined : intsOf(args[2].vector)
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as number
    const start = starts[at] as number
    const end = ends[at] as number
    const position = from[row] as number
    const first = position > 0 ? position - 1 : position < 0 ? countPoints(bytes, start, end) + position : 0
    const count = counts === undefined ? Number.POSITIVE_INFINITY : (counts[row] as number)
    const begin = skipPoints(bytes, start, end, first)
    starts[at] = begin
    ends[at] = skipPoints(bytes, begin, end, first < 0 ? first + count : count)
  }
}

function copyRanges(
  source: Uint8Array,
  { starts, ends }: Ranges,
  { rows, length }: Pick<TextCall, 'rows' | 'length'>,
): Vector {
  const offsets = new Int32Array(length + 1)
  let total = 0
  let at = 0
  forRows(rows, length, (row, isComputed) => {
    if (isComputed) {
      total += (ends[at] as number) - (starts[at] as number)
      at++
    }
    offsets[row + 1] = total
  })
  const bytes = new Uint8Array(total)
  for (let index = 0; index < rows.length; index++) {
    const to = offsets[rows[index] as number] as number
    copyBytes(source, starts[index] as number, ends[index] as number, bytes, to)
  }
  return { layout: 'var-bytes', length, validity: validityFor(rows, length), offsets, bytes }
}

// Through strings

export type ChangeFunction = 'lower' | 'upper' | 'replace'

/** Each text changed. */
export function changeText(call: TextCall, name: ChangeFunction): Vector {
  const { rows, length } = call
  const builder = new StringBuilder(STRING, length)
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as number
    while (builder.length < row) builder.append(null)
    builder.append(changed(call, name, row))
  }
  while (builder.length < length) builder.append(null)
  return builder.finish()
}

const STRING: Type = { kind: 'string' }

function textAt(call: TextCall, index: number, row: number): string {
  const { bytes, offsets } = bytesOf(call, index)
  return asBuffer(bytes).toString('utf8', offsets[row], offsets[row + 1])
}

function changed(call: TextCall, name: ChangeFunction, row: number): string {
  const text = textAt(call, 0, row)
  switch (name) {
    case 'lower':
      return text.toLowerCase()
    case 'upper':
      return text.toUpperCase()
    case 'replace': {
      const search = textAt(call, 1, row)
      const replacement = call.args.length > 2 ? textAt(call, 2, row) : ''
      return search === '' ? text : text.replaceAll(search, () => replacement)
    }
    default:
      return unreachable(name)
  }
}

export type TextTest = 'starts-with' | 'ends-with' | 'contains'

/** Whether each text has the other in its place. */
export function testText(call: TextCall, name: TextTest): Vector {
  const { rows, length } = call
  const bits = createBitmap(length)
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as number
    if (hasPart(name, textAt(call, 0, row), textAt(call, 1, row))) setBit(bits, row)
  }
  return { layout: 'boolean', length, validity: validityFor(rows, length), bits }
}

function hasPart(name: TextTest, text: string, part: string): boolean {
  switch (name) {
    case 'starts-with':
      return text.startsWith(part)
    case 'ends-with':
      return text.endsWith(part)
    case 'contains':
      return text.includes(part)
    default:
      return unreachable(name)
  }
}
