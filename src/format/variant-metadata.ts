/**
 * The metadata of a variant: the dictionary of its field names.
 *
 *   header  count  offset 0 .. offset count  names
 *   1       w      w each                    UTF-8, one behind the other
 *
 *   header: bits 0-3 version, bit 4 names are sorted, bits 6-7 w - 1; numbers are unsigned, little-endian
 *
 * Whether the names are sorted is looked at, not believed: writers differ in what order they sort by.
 * @see https://github.com/apache/parquet-format/blob/master/VariantEncoding.md "Metadata encoding"
 */
import { isUtf8 } from 'node:buffer'
import { LakeError } from '../base/errors.js'

/** A dictionary where it stands; nothing is copied. */
export interface VariantMetadata {
  readonly bytes: Uint8Array
  /** The bytes of the metadata, `to` exclusive. */
  readonly from: number
  readonly to: number
  readonly nameCount: number
  readonly offsetBytes: number
  readonly offsetsAt: number
  readonly namesAt: number
  /** Names ascend by their UTF-8 bytes, none twice: comparing ids compares names. */
  readonly ascending: boolean
}

/** The metadata of a variant without field names. */
const EMPTY_METADATA: Uint8Array = Uint8Array.of(1, 0, 0)

/**
 * The metadata that begins at `from`, checked; bytes behind it up to `to` are not looked at. Empty bytes, and a count
 * of 0 without the offset that should follow, stand for a dictionary without names: writers have stored both.
 * @throws corrupt
 * @throws unsupported for another version than 1
 */
export function readVariantMetadata(bytes: Uint8Array, from: number, to: number): VariantMetadata {
  if (to - from < 3) return readShortMetadata(bytes, from, to)
  const header = bytes[from] as number
  if ((header & 15) !== 1) {
    throw new LakeError('unsupported', 'the version of the variant encoding is not known', {
      context: { version: header & 15 },
    })
  }
  const offsetBytes = (header >> 6) + 1
  const offsetsAt = from + 1 + offsetBytes
  const nameCount = offsetsAt > to ? 0 : readUint(bytes, from + 1, offsetBytes)
  const namesAt = offsetsAt + (nameCount + 1) * offsetBytes
  if (namesAt > to) throw corruptVariant('the field names end too early')
  const end = namesAt + readUint(bytes, namesAt - offsetBytes, offsetBytes)
  if (end > to) throw corruptVariant('the field names end too early')
  const metadata = { bytes, from, to: end, nameCount, offsetBytes, offsetsAt, namesAt, ascending: false }
  checkNames(metadata)
  return { ...metadata, ascending: namesAscend(metadata) }
}

function readShortMetadata(bytes: Uint8Array, from: number, to: number): VariantMetadata {
  const isEmpty =
    to === from || (to - from === 2 && (bytes[from] as number) % 16 === 1 && bytes[from + 1] === 0)
  if (!isEmpty) throw corruptVariant('the field names end too early')
  return readVariantMetadata(EMPTY_METADATA, 0, EMPTY_METADATA.length)
}

/** Names follow each other, and none begins or ends inside a character. */
function checkNames(metadata: VariantMetadata): void {
  const { bytes, to, nameCount, offsetBytes, offsetsAt, namesAt } = metadata
  let last = 0
  for (let id = 0; id <= nameCount; id++) {
    const offset = readUint(bytes, offsetsAt + id * offsetBytes, offsetBytes)
    if (offset < last || (id === 0 && offset !== 0)) throw corruptVariant('the field names overlap')
    const at = namesAt + offset
    if (at < to && ((bytes[at] as number) & 0xc0) === 0x80) throw corruptVariant('a field name is not UTF-8')
    last = offset
  }
  if (!isText(bytes, namesAt, to)) throw corruptVariant('a field name is not UTF-8')
}

function namesAscend(metadata: VariantMetadata): boolean {
  for (let id = 1; id < metadata.nameCount; id++) if (compareNames(metadata, id - 1, id) >= 0) return false
  return true
}

/** The first byte of a name; the last byte is before that of `id + 1`. */
export function nameStart(metadata: VariantMetadata, id: number): number {
  const { bytes, offsetBytes, offsetsAt, namesAt } = metadata
  return namesAt + readUint(bytes, offsetsAt + id * offsetBytes, offsetBytes)
}

/** Unsigned order of the bytes of two names. */
export function compareNames(metadata: VariantMetadata, a: number, b: number): number {
  const { bytes } = metadata
  const range = { from: nameStart(metadata, b), to: nameStart(metadata, b + 1) }
  return compareRange(bytes, { from: nameStart(metadata, a), to: nameStart(metadata, a + 1) }, bytes, range)
}

/** Unsigned order of the name `id` and another. */
export function compareNameTo(metadata: VariantMetadata, id: number, name: Uint8Array): number {
  const range = { from: nameStart(metadata, id), to: nameStart(metadata, id + 1) }
  return compareRange(metadata.bytes, range, name, { from: 0, to: name.length })
}

interface Range {
  readonly from: number
  readonly to: number
}

function compareRange(a: Uint8Array, rangeA: Range, b: Uint8Array, rangeB: Range): number {
  const lengthA = rangeA.to - rangeA.from
  const lengthB = rangeB.to - rangeB.from
  const shared = Math.min(lengthA, lengthB)
  for (let at = 0; at < shared; at++) {
    const difference = (a[rangeA.from + at] as number) - (b[rangeB.from + at] as number)
    if (difference !== 0) return difference
  }
  return lengthA - lengthB
}

/** The id of a name, or -1. */
export function findName(metadata: VariantMetadata, name: Uint8Array): number {
  if (!metadata.ascending) {
    for (let id = 0; id < metadata.nameCount; id++) if (compareNameTo(metadata, id, name) === 0) return id
    return -1
  }
  let low = 0
  let high = metadata.nameCount - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    const order = compareNameTo(metadata, middle, name)
    if (order === 0) return middle
    if (order < 0) low = middle + 1
    else high = middle - 1
  }
  return -1
}

/** An unsigned little-endian number of 1 to 4 bytes; 4 byte ones are positive too. */
export function readUint(bytes: Uint8Array, at: number, width: number): number {
  let value = bytes[at] as number
  if (width > 1) value |= (bytes[at + 1] as number) << 8
  if (width > 2) value |= (bytes[at + 2] as number) << 16
  return width > 3 ? value + (bytes[at + 3] as number) * 0x1000000 : value
}

/** A call costs more than a look at this many bytes. */
const SHORT_TEXT_BYTES = 32

/** The bytes are UTF-8. */
export function isText(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from <= SHORT_TEXT_BYTES) {
    let all = 0
    for (let at = from; at < to; at++) all |= bytes[at] as number
    if (all < 0x80) return true
  }
  return isUtf8(bytes.subarray(from, to))
}

export function corruptVariant(reason: string): LakeError {
  return new LakeError('corrupt', 'a variant breaks the variant encoding', { context: { reason } })
}
