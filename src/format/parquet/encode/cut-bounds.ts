/**
 * Bounds as footers and page indexes hold them: raw bytes, long strings cut.
 *
 *   lower  "aaaa...ab..."  ->  "aaaa...a"    a prefix sorts before the value
 *   upper  "aaaa...ab..."  ->  "aaaa...b"    the prefix with its last unit raised sorts behind it
 *
 * Text is cut between characters and raised by a code point, so that a cut bound is UTF-8 too. An upper bound
 * without a unit that can be raised stays whole, unless it is so long that having no bounds is better. Fixed-length
 * values are never cut.
 * @see https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift "Statistics", "ColumnIndex"
 */
import { isUtf8 } from 'node:buffer'
import { utf8Decode, utf8Encode } from '../../../base/bytes.js'
import { raisedBytes, raisedText } from '../../../schema/raise-prefix.js'
import { PhysicalType } from '../footer/metadata.js'
import type { Bound, StoredBounds } from './leaf-statistics.js'
import type { WriteLeaf } from './write-schema.js'

/** Bytes of a bound before it is cut. */
const BOUND_BYTES_MAX = 64
/** Bytes of a bound that cannot be cut; other writers drop longer ones too. */
const WHOLE_BOUND_BYTES_MAX = 4_096

export interface RawBounds {
  readonly lower: Uint8Array
  readonly upper: Uint8Array
  /** Whether the bound is a value of the column. */
  readonly lowerExact: boolean
  readonly upperExact: boolean
}

/** Undefined when there are no bounds, or one would be too long. The bytes are copies. */
export function rawBounds(leaf: WriteLeaf, { lower, upper }: StoredBounds): RawBounds | undefined {
  if (lower === undefined || upper === undefined) return undefined
  const low = rawBound(leaf, lower)
  const high = rawBound(leaf, upper)
  if (leaf.physicalType !== PhysicalType.byteArray) {
    return { lower: low, upper: high, lowerExact: true, upperExact: true }
  }
  const text = leaf.type.kind === 'string'
  const cutLow = cut(low, text)
  const cutHigh = raise(high, text)
  if (cutHigh.length > WHOLE_BOUND_BYTES_MAX) return undefined
  return {
    lower: cutLow.slice(),
    upper: cutHigh.slice(),
    lowerExact: cutLow.length === low.length,
    upperExact: cutHigh === high,
  }
}

/** The value in PLAIN encoding, a BYTE_ARRAY without its length. */
function rawBound(leaf: WriteLeaf, bound: Bound): Uint8Array {
  if (bound instanceof Uint8Array) return leaf.physicalType === PhysicalType.byteArray ? bound : bound.slice()
  if (typeof bound === 'boolean') return Uint8Array.of(bound ? 1 : 0)
  const bytes = new Uint8Array(widthOf(leaf))
  const view = new DataView(bytes.buffer)
  if (typeof bound === 'bigint') view.setBigInt64(0, bound, true)
  else if (leaf.physicalType === PhysicalType.int32) view.setInt32(0, bound, true)
  else if (leaf.physicalType === PhysicalType.float) view.setFloat32(0, bound, true)
  else view.setFloat64(0, bound, true)
  return bytes
}

function widthOf(leaf: WriteLeaf): number {
  return leaf.physicalType === PhysicalType.int32 || leaf.physicalType === PhysicalType.float ? 4 : 8
}

/** A prefix that ends between characters. */
function cut(bytes: Uint8Array, text: boolean): Uint8Array {
  if (bytes.length <= BOUND_BYTES_MAX) return bytes
  let end = BOUND_BYTES_MAX
  // Bytes 10xxxxxx go on with a character; a character has three of them at most.
  while (text && end > BOUND_BYTES_MAX - 3 && ((bytes[end] as number) & 0xc0) === 0x80) end -= 1
  return bytes.subarray(0, end)
}

function raise(bytes: Uint8Array, text: boolean): Uint8Array {
  if (bytes.length <= BOUND_BYTES_MAX) return bytes
  const prefix = cut(bytes, text)
  return (text ? raisedUtf8(prefix) : raisedBytes(prefix)) ?? bytes
}

/** Undefined when the bytes are not UTF-8, or nothing sorts behind them. */
function raisedUtf8(prefix: Uint8Array): Uint8Array | undefined {
  const raised = isUtf8(prefix) ? raisedText(utf8Decode(prefix)) : undefined
  return raised === undefined ? undefined : utf8Encode(raised)
}
