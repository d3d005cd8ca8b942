/** Selections: ascending row numbers of a batch, without repetition. */
import { createBitmap, setBit } from './bitmap.js'
import type { Bitmap, Selection } from './column-batch.js'

/** The rows 0 .. length. */
export function allRows(length: number): Selection {
  const rows = new Uint32Array(length)
  for (let row = 0; row < length; row++) rows[row] = row
  return rows
}

/** The rows that are in both. */
export function intersect(a: Selection, b: Selection): Selection {
  const both = new Uint32Array(Math.min(a.length, b.length))
  let count = 0
  for (let atA = 0, atB = 0; atA < a.length && atB < b.length; ) {
    const rowA = a[atA] as number
    const rowB = b[atB] as number
    if (rowA === rowB) both[count++] = rowA
    if (rowA <= rowB) atA++
    if (rowB <= rowA) atB++
  }
  return both.subarray(0, count)
}

/** The rows that are in either. */
export function union(a: Selection, b: Selection): Selection {
  const either = new Uint32Array(a.length + b.length)
  let count = 0
  for (let atA = 0, atB = 0; atA < a.length || atB < b.length; ) {
    const rowA = atA < a.length ? (a[atA] as number) : Number.POSITIVE_INFINITY
    const rowB = atB < b.length ? (b[atB] as number) : Number.POSITIVE_INFINITY
    either[count++] = Math.min(rowA, rowB)
    if (rowA <= rowB) atA++
    if (rowB <= rowA) atB++
  }
  return either.subarray(0, count)
}

/** The rows of 0 .. length that are not selected. */
export function invert(selection: Selection, length: number): Selection {
  const others = new Uint32Array(length - selection.length)
  let count = 0
  let at = 0
  for (let row = 0; row < length; row++) {
    if (at < selection.length && selection[at] === row) at++
    else others[count++] = row
  }
  return others
}

/** The rows whose bit is set, of the first `length` bits. */
export function fromBitmap(bitmap: Bitmap, length: number): Selection {
  const rows = new Uint32Array(length)
  let count = 0
  for (let row = 0; row < length; row++) {
    const byte = bitmap[row >> 3] as number
    if (byte === 0 && (row & 7) === 0) row += 7
    else if ((byte >> (row & 7)) & 1) rows[count++] = row
  }
  return rows.subarray(0, count)
}

/** A bitmap of `length` bits in which the selected rows are set. */
export function toBitmap(selection: Selection, length: number): Bitmap {
  const bitmap = createBitmap(length)
  for (let at = 0; at < selection.length; at++) setBit(bitmap, selection[at] as number)
  return bitmap
}
