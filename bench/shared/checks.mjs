// What a table adds up to, the same whoever read it: for each column the sum of its 64-bit words modulo 2^64 (the
// unscaled value of a decimal, the bits of a double), for strings the count of their bytes and the sum of the bytes.
// `checks.py` computes the same.
import { isDeepStrictEqual } from 'node:util'

export function createCheck() {
  return { rows: 0, columns: {} }
}

/** @throws when an answer of `who` is not the expected one */
export function checkEqual(found, expected, who) {
  if (found.rows === expected.rows && isDeepStrictEqual(found.columns, expected.columns)) return
  const wrong = Object.keys(expected.columns).filter(
    name => !isDeepStrictEqual(found.columns[name], expected.columns[name]),
  )
  throw new Error(
    `wrong answer of ${who}: ${found.rows} of ${expected.rows} rows, columns ${wrong.join(' ')}`,
  )
}

/** Adds a ColumnBatch. */
export function addBatch(check, { length, fields, columns }) {
  check.rows += length
  for (const [at, { name }] of fields.entries()) addVector(check, name, columns[at])
}

function addVector(check, name, vector) {
  switch (vector.layout) {
    case 'fixed-width':
      return addValues(check, name, vector.values.subarray(0, vector.length))
    case 'decimal':
      return addDecimals(check, name, vector.words.subarray(0, 2 * vector.length))
    case 'var-bytes':
      return addBytes(check, name, vector.bytes.subarray(vector.offsets[0], vector.offsets[vector.length]))
    case 'dictionary':
      return addVector(check, name, plainVector(vector))
    default:
      throw new Error(`no check for ${vector.layout}`)
  }
}

/** Int32Array, or an array of 64-bit elements. */
export function addValues(check, name, values) {
  if (values.BYTES_PER_ELEMENT === 4) {
    let sum = 0
    for (const value of values) sum += value
    add(check, name, BigInt(sum))
  } else add(check, name, wordSum(new Uint32Array(values.buffer, values.byteOffset, values.length * 2), 2))
}

/** 128-bit values in any array of whole words. */
export function addDecimals(check, name, words) {
  add(check, name, wordSum(new Uint32Array(words.buffer, words.byteOffset, words.byteLength >> 2), 4))
}

/** A list of numbers or bigints; `of` makes each an integer. */
export function addList(check, name, values, of = value => value) {
  let sum = 0n
  for (const value of values) sum += BigInt(of(value))
  add(check, name, sum)
}

export function addStrings(check, name, values) {
  addBytes(check, name, Buffer.from(values.join(''), 'utf8'))
}

export function addBytes(check, name, bytes) {
  let sum = 0
  for (const byte of bytes) sum += byte
  const entry = entryOf(check, name)
  entry.bytes = (entry.bytes ?? 0) + bytes.length
  add(check, name, BigInt(sum))
}

/** The low 64 bits of elements that are `stride` 32-bit words long; halves are summed apart, in exact doubles. */
function wordSum(words, stride) {
  const block = stride << 18
  let sum = 0n
  for (let from = 0; from < words.length; from += block) {
    const to = Math.min(from + block, words.length)
    let low = 0
    let high = 0
    for (let at = from; at < to; at += stride) {
      low += words[at]
      high += words[at + 1]
    }
    sum += BigInt(low) + (BigInt(high) << 32n)
  }
  return sum
}

function entryOf(check, name) {
  check.columns[name] ??= { sum: '0' }
  return check.columns[name]
}

function add(check, name, value) {
  const entry = entryOf(check, name)
  entry.sum = String(BigInt.asUintN(64, BigInt(entry.sum) + value))
}

/** A copy that shares no memory. */
export function ownBatch({ length, fields, columns }) {
  return { length, fields, columns: columns.map(ownVector) }
}

function ownVector(vector) {
  const copies = Object.entries(vector).map(([key, value]) => [
    key,
    ArrayBuffer.isView(value) ? new value.constructor(value) : value,
  ])
  return Object.fromEntries(copies)
}

/** Codes replaced by their values. */
function plainVector(vector) {
  if (vector.layout !== 'dictionary') return vector
  const { length, validity, codes, dictionary } = vector
  const common = { length, ...(validity === undefined ? {} : { validity }) }
  switch (dictionary.layout) {
    case 'fixed-width': {
      const values = new dictionary.values.constructor(length)
      for (let row = 0; row < length; row++) values[row] = dictionary.values[codes[row]]
      return { ...common, layout: 'fixed-width', values }
    }
    case 'decimal': {
      const words = new BigInt64Array(2 * length)
      for (let row = 0; row < length; row++) {
        words[2 * row] = dictionary.words[2 * codes[row]]
        words[2 * row + 1] = dictionary.words[2 * codes[row] + 1]
      }
      return { ...common, layout: 'decimal', words }
    }
    case 'var-bytes':
      return { ...common, layout: 'var-bytes', ...plainStrings(codes, length, dictionary) }
    default:
      throw new Error(`no values for codes of ${dictionary.layout}`)
  }
}

function plainStrings(codes, length, dictionary) {
  const offsets = new Int32Array(length + 1)
  for (let row = 0; row < length; row++) {
    const code = codes[row]
    offsets[row + 1] = offsets[row] + dictionary.offsets[code + 1] - dictionary.offsets[code]
  }
  const bytes = new Uint8Array(offsets[length])
  for (let row = 0; row < length; row++) {
    const from = dictionary.offsets[codes[row]]
    const size = offsets[row + 1] - offsets[row]
    for (let at = 0; at < size; at++) bytes[offsets[row] + at] = dictionary.bytes[from + at]
  }
  return { offsets, bytes }
}

/** Bytes of the values of batches; what several of them share counts once. */
export function batchesBytes(batches) {
  const seen = new Set()
  let bytes = 0
  const count = array => {
    if (array === undefined || array.byteLength === 0) return
    const place = array.buffer
    const key = `${idOf(place)}:${array.byteOffset}`
    if (seen.has(key)) return
    seen.add(key)
    bytes += array.byteLength
  }
  const visit = vector => {
    for (const part of [vector.values, vector.words, vector.offsets, vector.codes, vector.validity])
      count(part)
    if (vector.layout === 'var-bytes') {
      count(vector.bytes.subarray(vector.offsets[0], vector.offsets[vector.length]))
    }
    if (vector.dictionary !== undefined) visit(vector.dictionary)
  }
  for (const { columns } of batches) columns.forEach(visit)
  return bytes
}

const ids = new WeakMap()
let lastId = 0
function idOf(buffer) {
  if (!ids.has(buffer)) ids.set(buffer, ++lastId)
  return ids.get(buffer)
}
