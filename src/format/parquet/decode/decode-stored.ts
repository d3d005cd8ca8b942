/**
 * The values of a page that are not codes into a dictionary: which encoding decodes which physical type.
 * @see https://github.com/apache/parquet-format/blob/master/Encodings.md "Supported Encodings"
 */
import { LakeError } from '../../../base/errors.js'
import { decodeBooleanRle } from '../encoding/boolean-rle.js'
import { decodeByteStreamSplit } from '../encoding/byte-stream-split.js'
import { decodeDeltaBinaryPacked } from '../encoding/delta-binary-packed.js'
import { decodeDeltaBytes, decodeDeltaLengthBytes } from '../encoding/delta-bytes.js'
import { decodePlain } from '../encoding/plain.js'
import { Encoding, PhysicalType } from '../footer/metadata.js'
import type { ByteSource, ValueSink } from '../leaf.js'

export interface StoredRequest {
  /** A number of `PhysicalType`. */
  readonly physicalType: number | undefined
  /** A number of `Encoding`. */
  readonly encoding: number
  readonly count: number
}

/**
 * Appends the values. Throws plain errors when the bytes are broken, or the encoding is not one for the type.
 * @throws unsupported for unknown encodings
 */
export function decodeStored(source: ByteSource, request: StoredRequest, sink: ValueSink): void {
  const { physicalType, encoding, count } = request
  switch (encoding) {
    case Encoding.plain:
      decodePlain(source, count, sink)
      break
    case Encoding.rle:
      checkEncodes(physicalType === PhysicalType.boolean)
      decodeBooleanRle(source, count, sink)
      break
    case Encoding.deltaBinaryPacked:
      checkEncodes(physicalType === PhysicalType.int32 || physicalType === PhysicalType.int64)
      decodeDeltaBinaryPacked(source, count, sink)
      break
    case Encoding.deltaLengthByteArray:
      checkEncodes(physicalType === PhysicalType.byteArray)
      decodeDeltaLengthBytes(source, count, sink)
      break
    case Encoding.deltaByteArray:
      checkEncodes(physicalType === PhysicalType.byteArray || physicalType === PhysicalType.fixed)
      decodeDeltaBytes(source, count, sink)
      break
    case Encoding.byteStreamSplit:
      checkEncodes(physicalType !== PhysicalType.boolean && physicalType !== PhysicalType.byteArray)
      decodeByteStreamSplit(source, count, sink)
      break
    default:
      throw new LakeError('unsupported', 'the parquet encoding is not built', {
        context: { encoding },
      })
  }
}

function checkEncodes(fits: boolean): void {
  if (!fits) throw new TypeError('the encoding does not fit the physical type')
}
