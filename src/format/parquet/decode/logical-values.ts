/**
 * Stored values in the layout of their Iceberg type.
 *
 *   int32     -> int, date; long (unsigned); time (millis); decimal        float, double, boolean: as they are
 *   int64     -> long; time, timestamps (micros; nanos stay nanos); decimal
 *   INT96     -> timestamps in micros: nanos of the day (8 bytes), Julian day (4)
 *   fixed     -> fixed, uuid, decimal (big-endian), float (half precision)
 *   bytes     -> string (UTF-8, checked), binary and its like, decimal (big-endian)
 *
 * A dictionary stays one: its entries are brought to the type, the codes are not touched.
 * @see https://github.com/apache/parquet-format/blob/master/LogicalTypes.md
 */
import { isAscii, isUtf8 } from 'node:buffer'
import { LakeError } from '../../../base/errors.js'
import type {
  DecimalVector,
  FixedBytesVector,
  FixedWidthVector,
  VarBytesVector,
  Vector,
} from '../../../batch/column-batch.js'
import { isUnsignedInteger, timeUnitOf } from '../footer/leaf-type.js'
import type { LeafColumn } from '../footer/schema.js'
import type { StoredValues } from '../leaf.js'
import { decimalsOf } from './logical-decimals.js'
import {
  floatsOfHalfBytes,
  longsOfInts,
  microsOfInt96,
  microsOfMillis,
  microsOfNanos,
  unsignedLongs,
} from './logical-numbers.js'

const DECIMAL_PRECISION_MAX = 38

/**
 * The values as a vector of the leaf's type, without validity. The memory of the stored values may be reused.
 * Throws plain errors when values or layout are none of the type.
 * @throws unsupported for values that Parquet allows and the type cannot hold
 */
export function logicalValues(stored: StoredValues | DecimalVector, leaf: LeafColumn): Vector {
  const { type } = leaf
  if (type.kind === 'unknown') return { layout: 'null', length: stored.length }
  if (type.kind === 'decimal') checkPrecision(type.precision)
  switch (stored.layout) {
    case 'dictionary': {
      const dictionary = logicalValues(stored.dictionary as StoredValues, leaf)
      return { ...stored, dictionary }
    }
    case 'decimal':
      return stored
    case 'boolean':
      return type.kind === 'boolean' ? stored : misfit()
    default:
      return type.kind === 'decimal' ? decimalsOf(stored) : fromPlain(stored, leaf)
  }
}

function fromPlain(stored: FixedWidthVector | FixedBytesVector | VarBytesVector, leaf: LeafColumn): Vector {
  switch (stored.layout) {
    case 'fixed-width':
      return fromNumbers(stored, leaf)
    case 'fixed-bytes':
      return fromFixedBytes(stored, leaf)
    default:
      return fromBytes(stored, leaf)
  }
}

function misfit(): never {
  throw new TypeError('the annotation does not fit the physical type')
}

function fromNumbers(stored: FixedWidthVector, leaf: LeafColumn): Vector {
  const { values } = stored
  if (values instanceof Int32Array) return fromInts(stored, values, leaf)
  if (values instanceof BigInt64Array) return fromLongs(stored, values, leaf)
  return leaf.type.kind === (values instanceof Float32Array ? 'float' : 'double') ? stored : misfit()
}

function fromInts(stored: FixedWidthVector, values: Int32Array, { element, type }: LeafColumn): Vector {
  switch (type.kind) {
    case 'int':
    case 'date':
      return stored
    case 'long':
      return { ...stored, values: longsOfInts(values, { unsigned: isUnsignedInteger(element) }) }
    case 'time':
      return timeUnitOf(element) === 'millis' ? { ...stored, values: microsOfMillis(values) } : misfit()
    default:
      return misfit()
  }
}

function fromLongs(stored: FixedWidthVector, values: BigInt64Array, leaf: LeafColumn): Vector {
  const { element, type } = leaf
  switch (type.kind) {
    case 'long':
      return isUnsignedInteger(element) ? { ...stored, values: unsignedLongs(values) } : stored
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return stored
    case 'time':
    case 'timestamp':
    case 'timestamptz': {
      const unit = timeUnitOf(element)
      if (unit === 'micros') return stored
      return { ...stored, values: unit === 'millis' ? microsOfMillis(values) : microsOfNanos(values) }
    }
    default:
      return misfit()
  }
}

function checkPrecision(precision: number): void {
  if (precision <= DECIMAL_PRECISION_MAX) return
  throw new LakeError('unsupported', 'a parquet decimal has more digits than iceberg allows', {
    context: { precision },
  })
}

const INT96_BYTES = 12

function fromFixedBytes(stored: FixedBytesVector, leaf: LeafColumn): Vector {
  const { length, widthBytes, bytes } = stored
  const { type } = leaf
  switch (type.kind) {
    case 'fixed':
      return type.lengthBytes === widthBytes ? stored : misfit()
    case 'uuid':
      return widthBytes === 16 ? stored : misfit()
    case 'float':
      return widthBytes === 2 ? { layout: 'fixed-width', length, values: floatsOfHalfBytes(bytes) } : misfit()
    case 'timestamp':
    case 'timestamptz':
      return widthBytes === INT96_BYTES
        ? { layout: 'fixed-width', length, values: microsOfInt96(bytes) }
        : misfit()
    default:
      return fromBytes(withOffsets(stored), leaf)
  }
}

/** Texts of one length, which writers may annotate fixed bytes as. */
function withOffsets({ length, widthBytes, bytes }: FixedBytesVector): VarBytesVector {
  const offsets = new Int32Array(length + 1)
  for (let at = 0; at <= length; at++) offsets[at] = at * widthBytes
  return { layout: 'var-bytes', length, offsets, bytes }
}

function fromBytes(stored: VarBytesVector, { type }: LeafColumn): Vector {
  switch (type.kind) {
    case 'binary':
    case 'geometry':
    case 'geography':
      return stored
    case 'string':
      checkText(stored)
      return stored
    default:
      return misfit()
  }
}

/** All bytes at once; then no value may begin inside a character. */
function checkText({ length, offsets, bytes }: VarBytesVector): void {
  const all = bytes.subarray(offsets[0] as number, offsets[length] as number)
  if (isAscii(all)) return
  if (!isUtf8(all)) throw new TypeError('a text is not UTF-8')
  const end = offsets[length] as number
  for (let at = 0; at < length; at++) {
    const from = offsets[at] as number
    if (from < end && ((bytes[from] as number) & 0xc0) === 0x80) throw new TypeError('a text is not UTF-8')
  }
}
