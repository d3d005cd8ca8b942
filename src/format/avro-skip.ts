/**
 * Walks encoded Avro values without making anything of them, checking every length, count and index against the
 * bytes that are there: what it lets through, a decoder can trust.
 */
import { unreachable } from '../base/assert.js'
import { LakeError } from '../base/errors.js'
import type { AvroType } from './avro-schema.js'

export interface AvroCursor {
  readonly bytes: Uint8Array
  at: number
}

/** Values without bytes (nulls, empty records) cost nothing to claim, so their number is limited. */
export const EMPTY_ITEMS_MAX = 1_000_000

function corrupt(message: string): LakeError {
  return new LakeError('corrupt', message)
}

/**
 * Moves the cursor behind one value of the type.
 * @throws corrupt when the value is broken or cut short
 */
export function skipAvro(type: AvroType, cursor: AvroCursor): void {
  switch (type.kind) {
    case 'null':
      return
    case 'boolean':
      if (readIndex(cursor, 1) > 1) throw corrupt('an avro boolean is neither true nor false')
      return
    case 'int': {
      const value = readLong(cursor)
      if (value < -(2 ** 31) || value >= 2 ** 31) throw corrupt('an avro int is out of range')
      return
    }
    case 'long':
      skipVarint(cursor)
      return
    case 'float':
      skipBytes(cursor, 4)
      return
    case 'double':
      skipBytes(cursor, 8)
      return
    case 'bytes':
    case 'string':
      skipBytes(cursor, readLong(cursor))
      return
    case 'fixed':
      skipBytes(cursor, type.sizeBytes)
      return
    case 'enum':
      choose(type.symbols, cursor)
      return
    case 'union':
      skipAvro(choose(type.branches, cursor), cursor)
      return
    case 'record':
      for (const field of type.fields) skipAvro(field.type, cursor)
      return
    case 'array':
      skipBlocks(cursor, () => skipAvro(type.items, cursor))
      return
    case 'map':
      skipBlocks(cursor, () => {
        skipBytes(cursor, readLong(cursor))
        skipAvro(type.values, cursor)
      })
      return
    default:
      unreachable(type)
  }
}

function choose<T>(options: readonly T[], cursor: AvroCursor): T {
  const option = options[readLong(cursor)]
  if (option === undefined) throw corrupt('an avro union or enum has no such branch')
  return option
}

function skipBlocks(cursor: AvroCursor, skipItem: () => void): void {
  let empty = 0
  for (let count = readLong(cursor); count !== 0; count = readLong(cursor)) {
    if (count < 0) {
      const sizeBytes = readLong(cursor)
      if (sizeBytes < 0 || sizeBytes > cursor.bytes.length - cursor.at)
        throw corrupt('an avro block is cut short')
    }
    for (let left = Math.abs(count); left > 0; left--) {
      const before = cursor.at
      skipItem()
      if (cursor.at === before && ++empty > EMPTY_ITEMS_MAX)
        throw corrupt('an avro list has too many empty items')
    }
  }
}

/** Moves the cursor over bytes. @throws corrupt when there are fewer */
export function skipBytes(cursor: AvroCursor, count: number): void {
  if (count < 0 || count > cursor.bytes.length - cursor.at) throw corrupt('an avro value is cut short')
  cursor.at += count
}

function readIndex(cursor: AvroCursor, sizeBytes: number): number {
  const value = cursor.bytes[cursor.at] ?? 0
  skipBytes(cursor, sizeBytes)
  return value
}

/** A zigzag varint of at most 64 bits; beyond 2^53 the nearest number, which no length or count can be. */
export function readLong(cursor: AvroCursor): number {
  const { bytes } = cursor
  let value = 0
  let scale = 1
  for (let index = 0; index < 10; index++) {
    const byte = bytes[cursor.at++]
    if (byte === undefined) throw corrupt('an avro number is cut short')
    value += (byte & 0x7f) * scale
    if (byte < 0x80) return value % 2 === 1 ? -(value + 1) / 2 : value / 2
    scale *= 128
  }
  throw corrupt('an avro number is too long')
}

function skipVarint(cursor: AvroCursor): void {
  const { bytes } = cursor
  for (let index = 0; index < 10; index++) {
    const byte = bytes[cursor.at++]
    if (byte === undefined) throw corrupt('an avro number is cut short')
    // The tenth byte holds the last bit of 64.
    if (byte < 0x80) {
      if (index === 9 && byte > 1) break
      return
    }
  }
  throw corrupt('an avro number is too long')
}
