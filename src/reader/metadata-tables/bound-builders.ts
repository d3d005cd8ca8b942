/**
 * Builders of columns of bounds as values, which copy what is stored in the form of the column; other types are parsed
 * one by one. A bound that is no value of the type is null.
 */
import type { Vector } from '../../batch/column-batch.js'
import { BytesBuilder, LongBuilder, NumberBuilder, StringBuilder } from '../../batch/primitive-builders.js'
import { createVectorBuilder } from '../../batch/vector-builder.js'
import type { PrimitiveType, Value } from '../../schema/types.js'
import { parseValue } from '../../schema/value.js'
import { isAscii } from './entry-columns.js'

export interface BoundBuilder {
  /** Appends the bound in a range of bytes, in the binary single-value form. */
  appendRange(bytes: Uint8Array, begin: number, end: number): void
  appendNull(): void
  finish(): Vector
}

export function createBoundBuilder(type: PrimitiveType, rows: number): BoundBuilder {
  switch (type.kind) {
    case 'int':
    case 'date':
      return intBounds(type, rows)
    case 'long':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return longBounds(type, rows)
    case 'double':
      return doubleBounds(type, rows)
    case 'string':
      return textBounds(type, rows)
    case 'binary':
      return bytesBounds(type, rows)
    default:
      return parsedBounds(type, rows)
  }
}

function int32At(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  )
}

function intBounds(type: PrimitiveType, rows: number): BoundBuilder {
  const builder = new NumberBuilder(type, new Int32Array(rows))
  return {
    appendRange: (bytes, begin, end) => builder.append(end - begin === 4 ? int32At(bytes, begin) : null),
    appendNull: () => builder.append(null),
    finish: () => builder.finish(),
  }
}

function longBounds(type: PrimitiveType, rows: number): BoundBuilder {
  const builder = new LongBuilder(type, rows)
  return {
    appendRange(bytes, begin, end) {
      if (end - begin === 8) builder.appendWords(int32At(bytes, begin), int32At(bytes, begin + 4))
      else builder.append(parsedBound(type, bytes.subarray(begin, end)))
    },
    appendNull: () => builder.append(null),
    finish: () => builder.finish(),
  }
}

/** The words of one double. */
const WORDS = new Int32Array(2)
const DOUBLE = new Float64Array(WORDS.buffer)

function doubleBounds(type: PrimitiveType, rows: number): BoundBuilder {
  const builder = new NumberBuilder(type, new Float64Array(rows))
  return {
    appendRange(bytes, begin, end) {
      if (end - begin === 8) {
        WORDS[0] = int32At(bytes, begin)
        WORDS[1] = int32At(bytes, begin + 4)
        builder.append(DOUBLE[0] as number)
      } else builder.append(parsedBound(type, bytes.subarray(begin, end)))
    },
    appendNull: () => builder.append(null),
    finish: () => builder.finish(),
  }
}

function textBounds(type: PrimitiveType, rows: number): BoundBuilder {
  const builder = new StringBuilder(type, rows)
  return {
    appendRange(bytes, begin, end) {
      if (isAscii(bytes, begin, end)) builder.appendRange(bytes, begin, end)
      else builder.append(parsedBound(type, bytes.subarray(begin, end)))
    },
    appendNull: () => builder.append(null),
    finish: () => builder.finish(),
  }
}

function bytesBounds(type: PrimitiveType, rows: number): BoundBuilder {
  const builder = new BytesBuilder(type, rows)
  return {
    appendRange: (bytes, begin, end) => builder.appendRange(bytes, begin, end),
    appendNull: () => builder.append(null),
    finish: () => builder.finish(),
  }
}

function parsedBounds(type: PrimitiveType, rows: number): BoundBuilder {
  const builder = createVectorBuilder(type, rows)
  return {
    appendRange: (bytes, begin, end) => builder.append(parsedBound(type, bytes.subarray(begin, end))),
    appendNull: () => builder.append(null),
    finish: () => builder.finish(),
  }
}

/** The bound as it is stored, NaN and all; null when the bytes are no value of the type. */
function parsedBound(type: PrimitiveType, bytes: Uint8Array): Value {
  const value = parseValue(type, bytes)
  if (value === undefined) return null
  // A broken bound of a decimal may be longer than its column, and a date that became a time too far away.
  const bits = type.kind === 'decimal' ? 128 : 64
  return typeof value !== 'bigint' || BigInt.asIntN(bits, value) === value ? value : null
}
