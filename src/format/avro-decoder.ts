/**
 * Avro values of any schema into plain values: a closure for each node of the schema, made once. Every length,
 * count and index is checked against the bytes that are there, so broken bytes end in an error and not in a loop
 * or a large allocation.
 *
 *   long           bigint, or number where the caller says that it is a count (checked to be safe)
 *   bytes, fixed   bytes of their own
 *   record         an object by `fieldKey`; fields without an id by their index
 *   union          the value of its branch
 *
 * Made for small files (manifest lists) and for fields whose schema is unusual; what there are many of is walked
 * (`avro-walk.ts`).
 */
import { unreachable } from '../base/assert.js'
import { asBuffer, dataView } from '../base/bytes.js'
import { LakeError } from '../base/errors.js'
import { bigintAt, numberAt } from './avro-number.js'
import { type AvroRecord, fieldKey } from './avro-record.js'
import type { AvroField, AvroRecordType, AvroType } from './avro-schema.js'
import { type AvroCursor, EMPTY_ITEMS_MAX, readLong, skipAvro, skipBytes } from './avro-skip.js'

export interface AvroDecoderOptions {
  /** Ids of fields whose longs are counts: plain numbers, also inside their lists and maps. Other longs are bigints. */
  readonly countIds?: ReadonlySet<number> | undefined
}

/** Reads one value and moves the cursor behind it. @throws corrupt when the value is broken or cut short */
export type AvroDecoder = (cursor: AvroCursor) => unknown

function corrupt(message: string): LakeError {
  return new LakeError('corrupt', message)
}

/** A decoder for the values of a type. */
export function avroDecoder(type: AvroType, options: AvroDecoderOptions = {}): AvroDecoder {
  return decoderOf(type, options, false)
}

/** A decoder for records. */
export function avroRecordDecoder(
  type: AvroRecordType,
  options: AvroDecoderOptions = {},
): (cursor: AvroCursor) => AvroRecord {
  return recordDecoder(type, options, false)
}

/** `isCount`: the nearest field above is one whose longs are counts. */
function decoderOf(type: AvroType, options: AvroDecoderOptions, isCount: boolean): AvroDecoder {
  switch (type.kind) {
    case 'null':
      return () => null
    case 'boolean':
      return cursor => {
        const at = start(type, cursor)
        return cursor.bytes[at] === 1
      }
    case 'int':
      return cursor => numberAt(cursor.bytes, start(type, cursor))
    case 'long':
      return isCount
        ? cursor => numberAt(cursor.bytes, start(type, cursor))
        : cursor => bigintAt(cursor.bytes, start(type, cursor))
    case 'float':
      return cursor => dataView(cursor.bytes).getFloat32(start(type, cursor), true)
    case 'double':
      return cursor => dataView(cursor.bytes).getFloat64(start(type, cursor), true)
    case 'fixed':
      return cursor => cursor.bytes.slice(start(type, cursor), cursor.at)
    case 'bytes':
      return cursor => {
        const begin = lengthPrefixed(cursor)
        return cursor.bytes.slice(begin, cursor.at)
      }
    case 'string':
      return cursor => {
        const begin = lengthPrefixed(cursor)
        return asBuffer(cursor.bytes).toString('utf8', begin, cursor.at)
      }
    case 'enum':
      return cursor => `s${choiceOf(type.symbols, cursor)}`
    case 'union': {
      const branches = type.branches.map(branch => decoderOf(branch, options, isCount))
      return cursor => branches[choiceOf(branches, cursor)]?.(cursor)
    }
    case 'array': {
      const item = decoderOf(type.items, options, isCount)
      return cursor => decodeItems(cursor, item)
    }
    case 'map': {
      const value = decoderOf(type.values, options, isCount)
      return cursor => decodeMap(cursor, value)
    }
    case 'record':
      return recordDecoder(type, options, isCount)
    default:
      return unreachable(type)
  }
}

/** Checks the value and moves the cursor behind it; where it began. */
function start(type: AvroType, cursor: AvroCursor): number {
  const at = cursor.at
  skipAvro(type, cursor)
  return at
}

/** As `start`, of a text or bytes: where the content begins. */
function lengthPrefixed(cursor: AvroCursor): number {
  const length = readLong(cursor)
  const begin = cursor.at
  skipBytes(cursor, length)
  return begin
}

function choiceOf(options: readonly unknown[], cursor: AvroCursor): number {
  const choice = readLong(cursor)
  if (options[choice] === undefined) throw corrupt('an avro union or enum has no such branch')
  return choice
}

function recordDecoder(
  type: AvroRecordType,
  options: AvroDecoderOptions,
  isCount: boolean,
): (cursor: AvroCursor) => AvroRecord {
  const steps = type.fields.map((field, index) => fieldStep(field, index, { options, isCount }))
  return cursor => {
    const record: Record<string, unknown> = {}
    for (const step of steps) step(cursor, record)
    return record
  }
}

function fieldStep(
  field: AvroField,
  index: number,
  place: { readonly options: AvroDecoderOptions; readonly isCount: boolean },
): (cursor: AvroCursor, record: Record<string, unknown>) => void {
  const { id, type } = field
  const key = id === undefined ? `x${index}` : fieldKey(id)
  const isCount = id === undefined ? place.isCount : (place.options.countIds?.has(id) ?? false)
  const decode = decoderOf(type, place.options, isCount)
  return (cursor, record) => {
    record[key] = decode(cursor)
  }
}

function decodeItems(cursor: AvroCursor, item: AvroDecoder): unknown[] {
  const items: unknown[] = []
  eachItem(cursor, () => items.push(item(cursor)))
  return items
}

function decodeMap(cursor: AvroCursor, value: AvroDecoder): unknown {
  const map: [string, unknown][] = []
  eachItem(cursor, () => {
    const begin = lengthPrefixed(cursor)
    const key = asBuffer(cursor.bytes).toString('utf8', begin, cursor.at)
    map.push([key, value(cursor)])
  })
  return Object.fromEntries(map)
}

function eachItem(cursor: AvroCursor, take: () => void): void {
  let empty = 0
  for (let count = readLong(cursor); count !== 0; count = readLong(cursor)) {
    // The size of the block in bytes, for those who pass over it.
    if (count < 0) readLong(cursor)
    for (let left = Math.abs(count); left > 0; left--) {
      const before = cursor.at
      take()
      if (cursor.at === before && ++empty > EMPTY_ITEMS_MAX)
        throw corrupt('an avro list has too many empty items')
    }
  }
}
