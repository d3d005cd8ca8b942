/**
 * Growing destinations of decoders, one layout a physical type:
 *
 *   boolean                     bits          INT96                   fixed bytes, 12 a value
 *   int32, int64, float, double fixed width   FIXED_LEN_BYTE_ARRAY    fixed bytes, `typeLength` a value
 *   BYTE_ARRAY                  var bytes
 *
 * Decoders ask for room once a page, then write to the arrays and move the lengths. Numbers and the bytes of var bytes
 * are not zeroed: what stands behind a sink's length is not to be read.
 */
import { unreachable } from '../../../base/assert.js'
import { unzeroedBytes } from '../../../base/bytes.js'
import { LakeError } from '../../../base/errors.js'
import type { DictionaryVector, FixedWidthValues } from '../../../batch/column-batch.js'
import { grownBytes, grownInts } from '../../../batch/growable.js'
import { int32Words } from '../../../batch/int-words.js'
import { zeros } from '../../../batch/null-rows.js'
import { PhysicalType } from '../footer/metadata.js'
import type {
  BooleanSink,
  FixedBytesSink,
  FixedWidthSink,
  StoredValues,
  ValueSink,
  VarBytesSink,
} from '../leaf.js'

/** Values that are not behind a dictionary. */
export type PlainValues = Exclude<StoredValues, DictionaryVector>

/** What a leaf column says of its values. */
export interface StoredType {
  /** A number of `PhysicalType`. */
  readonly physicalType: number
  /** Bytes a value of FIXED_LEN_BYTE_ARRAY. */
  readonly typeLength?: number | undefined
}

/** Offsets of var bytes are 32-bit. */
const VAR_BYTES_MAX = 0x7fff_ffff

/**
 * An empty sink with room for `capacity` values; var bytes have room for their offsets only.
 * @throws RangeError when the type is none of Parquet's, or the length of a fixed type is missing
 */
export function createValueSink(type: StoredType, capacity: number): ValueSink {
  switch (type.physicalType) {
    case PhysicalType.boolean:
      return { layout: 'boolean', bits: new Uint8Array((capacity + 7) >> 3), length: 0 }
    case PhysicalType.int32:
      return fixedWidthSink(new Int32Array(unzeroedBytes(capacity * 4).buffer))
    case PhysicalType.int64:
      return fixedWidthSink(new BigInt64Array(unzeroedBytes(capacity * 8).buffer))
    case PhysicalType.float:
      return fixedWidthSink(new Float32Array(unzeroedBytes(capacity * 4).buffer))
    case PhysicalType.double:
      return fixedWidthSink(new Float64Array(unzeroedBytes(capacity * 8).buffer))
    case PhysicalType.int96:
      return fixedBytesSink(INT96_BYTES, capacity)
    case PhysicalType.fixed:
      return fixedBytesSink(type.typeLength ?? -1, capacity)
    case PhysicalType.byteArray:
      return {
        layout: 'var-bytes',
        offsets: emptyOffsets(capacity),
        bytes: new Uint8Array(0),
        length: 0,
        byteLength: 0,
      }
    default:
      throw new RangeError('the physical type is unknown')
  }
}

function emptyOffsets(capacity: number): Int32Array {
  const offsets = new Int32Array(unzeroedBytes((capacity + 1) * 4).buffer)
  offsets[0] = 0
  return offsets
}

const INT96_BYTES = 12
/** A length of a schema that nothing has checked yet allocates no more. */
const FIXED_BYTES_FIRST_MAX = 1 << 26

function fixedWidthSink(values: FixedWidthValues): FixedWidthSink {
  return { layout: 'fixed-width', values, bytes: bytesOf(values), words: int32Words(values), length: 0 }
}

function fixedBytesSink(widthBytes: number, capacity: number): FixedBytesSink {
  if (widthBytes < 0) throw new RangeError('the length of a fixed type is missing')
  const byteCount = Math.min(capacity * widthBytes, FIXED_BYTES_FIRST_MAX)
  return { layout: 'fixed-bytes', widthBytes, bytes: new Uint8Array(byteCount), length: 0 }
}

/** An empty sink for values of the same layout. */
export function createSinkLike(values: PlainValues, capacity: number): ValueSink {
  if (values.layout === 'fixed-width') return fixedWidthSink(zeros(values.values, capacity))
  if (values.layout === 'fixed-bytes') return fixedBytesSink(values.widthBytes, capacity)
  const physicalType = values.layout === 'boolean' ? PhysicalType.boolean : PhysicalType.byteArray
  return createValueSink({ physicalType }, capacity)
}

/** The memory of the values. */
export function bytesOf(values: FixedWidthValues): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}

/** Makes room for `count` more values; of var bytes, for their offsets. The sink's arrays may be others afterwards. */
export function ensureRoom(sink: ValueSink, count: number): void {
  const needed = sink.length + count
  if (sink.layout === 'fixed-width') growFixedWidth(sink, needed)
  else if (sink.layout === 'var-bytes') sink.offsets = grownInts(sink.offsets, needed + 1)
  else if (sink.layout === 'boolean') sink.bits = grownBytes(sink.bits, (needed + 7) >> 3)
  else sink.bytes = grownBytes(sink.bytes, needed * sink.widthBytes)
}

function growFixedWidth(sink: FixedWidthSink, needed: number): void {
  const { values } = sink
  if (needed <= values.length) return
  const larger = zeros(values, Math.max(needed, values.length * 2))
  const bytes = bytesOf(larger)
  bytes.set(sink.bytes.subarray(0, sink.length * values.BYTES_PER_ELEMENT))
  sink.values = larger
  sink.bytes = bytes
  sink.words = int32Words(larger)
}

/**
 * Makes room for `count` more bytes of values.
 * @throws unsupported when the values would be more than 2 GiB
 */
export function ensureBytes(sink: VarBytesSink, count: number): void {
  const needed = sink.byteLength + count
  if (needed > VAR_BYTES_MAX) throw new LakeError('unsupported', 'a column of a batch holds more than 2 GiB')
  if (needed <= sink.bytes.length) return
  const larger = unzeroedBytes(Math.min(VAR_BYTES_MAX, Math.max(needed, sink.bytes.length * 2)))
  larger.set(sink.bytes.subarray(0, sink.byteLength))
  sink.bytes = larger
}

/**
 * The values, arrays at their exact length: views of the sink's memory, copies when more than an eighth of it is
 * not used. The sink is not to be written to afterwards.
 */
export function finishSink(sink: ValueSink): PlainValues {
  const { length } = sink
  switch (sink.layout) {
    case 'fixed-width':
      return { layout: 'fixed-width', length, values: exactValues(sink.values, length) }
    case 'boolean':
      return { layout: 'boolean', length, bits: exactBits(sink) }
    case 'fixed-bytes': {
      const { widthBytes } = sink
      return { layout: 'fixed-bytes', length, widthBytes, bytes: exactBytes(sink.bytes, length * widthBytes) }
    }
    case 'var-bytes': {
      const offsets = isLoose(sink.offsets.length, length + 1)
        ? sink.offsets.slice(0, length + 1)
        : sink.offsets.subarray(0, length + 1)
      return { layout: 'var-bytes', length, offsets, bytes: exactBytes(sink.bytes, sink.byteLength) }
    }
    default:
      return unreachable(sink)
  }
}

function isLoose(capacity: number, used: number): boolean {
  return capacity - used > capacity >> 3
}

function exactValues(values: FixedWidthValues, length: number): FixedWidthValues {
  return isLoose(values.length, length) ? values.slice(0, length) : values.subarray(0, length)
}

function exactBytes(bytes: Uint8Array, length: number): Uint8Array {
  return isLoose(bytes.length, length) ? bytes.slice(0, length) : bytes.subarray(0, length)
}

/** Bits behind the last are clear. */
function exactBits(sink: BooleanSink): Uint8Array {
  const bits = exactBytes(sink.bits, (sink.length + 7) >> 3)
  const last = sink.length & 7
  if (last !== 0) bits[bits.length - 1] = (bits[bits.length - 1] as number) & ((1 << last) - 1)
  return bits
}
