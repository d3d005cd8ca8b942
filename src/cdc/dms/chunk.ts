/** Rows of one file of DMS in columns, on their way to blocks. */
import { LakeError } from '../../base/errors.js'
import { takeBits } from '../../batch/bitmap.js'
import type { Bitmap, VarBytesVector, Vector } from '../../batch/column-batch.js'
import { takeVector } from '../../batch/take.js'
import { type BlockRows, DELETE, INSERT, UPDATE } from '../change-block.js'
import type { SourceTable } from '../change-event.js'
import { compareSequences } from './position.js'

export interface DmsChunk {
  readonly table: SourceTable
  readonly kinds: Uint8Array
  /** Rows of the file, from 1. */
  readonly fileRows: Float64Array
  /** Lines of the file, from 1; rows where it has none. */
  readonly lines: Float64Array
  readonly rows: BlockRows
  /** Before images, row by row; no columns where there are none. */
  readonly old: BlockRows
  /** Sequences of the changes as text; absent where the file carries none. */
  readonly sequences: VarBytesVector | undefined
  readonly poison: readonly PoisonRow[]
  readonly committedMs: number | undefined
}

/** A row that cannot be read. */
export interface PoisonRow {
  readonly fileRow: number
  readonly line: number
  readonly error: LakeError
  readonly raw: string
}

/** The kind of a change; undefined for anything but I, U and D. */
export function kindOfOp(op: string | null): number | undefined {
  if (op === 'I') return INSERT
  if (op === 'U') return UPDATE
  return op === 'D' ? DELETE : undefined
}

export function badOp(op: string | null, location: string): LakeError {
  return new LakeError('corrupt', 'the operation of a row is none of I, U and D', {
    context: { location, op: op === null ? 'null' : op.slice(0, 40) },
  })
}

/** Some rows of a chunk, in the order given. */
export function takeChunk(chunk: DmsChunk, rows: Int32Array): DmsChunk {
  const { sequences } = chunk
  return {
    ...chunk,
    kinds: Uint8Array.from(rows, row => chunk.kinds[row] as number),
    fileRows: Float64Array.from(rows, row => chunk.fileRows[row] as number),
    lines: Float64Array.from(rows, row => chunk.lines[row] as number),
    rows: takeRows(chunk.rows, rows),
    old: takeRows(chunk.old, rows),
    sequences: sequences && textVector(takeVector(sequences, rows)),
  }
}

function takeRows(from: BlockRows, rows: Int32Array): BlockRows {
  const bits = (bitmap: Bitmap | undefined): Bitmap | undefined => bitmap && takeBits(bitmap, rows)
  return {
    columns: from.columns,
    vectors: from.vectors.map(vector => takeVector(vector, rows)),
    unchanged: from.unchanged.map(bits),
    unrepresentable: from.unrepresentable.map(bits),
  }
}

/** A column of text without a dictionary, or undefined. */
export function textVector(vector: Vector): VarBytesVector | undefined {
  if (vector.layout === 'var-bytes') return vector
  if (vector.layout !== 'dictionary') return undefined
  const text = textVector(takeVector(vector.dictionary, vector.codes))
  return text && { ...text, validity: vector.validity }
}

/** What the sequences of a chunk say of the order of its rows. */
export interface SequenceOrder {
  readonly first: string
  readonly last: string
  readonly isAscending: boolean
}

/** Undefined where a row has no sequence: the order of the file counts then. */
export function sequenceOrder(sequences: VarBytesVector | undefined): SequenceOrder | undefined {
  if (sequences === undefined || sequences.length === 0 || sequences.validity !== undefined) return undefined
  const { length, offsets, bytes } = sequences
  const first = sequenceAt(sequences, 0)
  let isAscending = true
  for (let row = 1; row < length && isAscending; row++) isAscending = isAfterOneBefore(bytes, offsets, row)
  if (first === '' || (!isAscending && hasEmpty(offsets))) return undefined
  return { first, last: sequenceAt(sequences, length - 1), isAscending }
}

function isAfterOneBefore(bytes: Uint8Array, offsets: Int32Array, row: number): boolean {
  const before = offsets[row - 1] as number
  const begin = offsets[row] as number
  const end = offsets[row + 1] as number
  if (end - begin !== begin - before) {
    const text = (from: number, to: number): string => textOf(bytes, from, to)
    return compareSequences(text(begin, end), text(before, begin)) > 0
  }
  for (let at = 0; begin + at < end; at++) {
    const difference = (bytes[begin + at] as number) - (bytes[before + at] as number)
    if (difference !== 0) return difference > 0
  }
  return false
}

function hasEmpty(offsets: Int32Array): boolean {
  return offsets.some((offset, row) => row > 0 && offset === offsets[row - 1])
}

export function sequenceAt({ bytes, offsets }: VarBytesVector, row: number): string {
  return textOf(bytes, offsets[row] as number, offsets[row + 1] as number)
}

function textOf(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1')
}
