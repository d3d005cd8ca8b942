/**
 * The `deletion-vector-v1` blob: the deleted positions of one data file.
 *
 *     length of magic and bitmap (4, big-endian)
 *     magic D1 D3 39 64
 *     64-bit Roaring bitmap, portable form
 *     CRC-32 of magic and bitmap (4, big-endian)
 *
 * @see Iceberg Puffin spec, "deletion-vector-v1 blob type"
 */
import { crc32 } from 'node:zlib'
import { dataView } from '../base/bytes.js'
import { LakeError } from '../base/errors.js'
import { located } from './located.js'
import type { PositionSet } from './position-set.js'
import { parseRoaring, serializeRoaring } from './roaring.js'

/** The type of the Puffin blob. */
export const DELETION_VECTOR_BLOB = 'deletion-vector-v1'
const MAGIC = 0x6439d3d1
const FRAME_BYTES = 12

/** The blob of the set: the same bytes as Iceberg's Java library gives for the same positions. */
export function serializeDeletionVector(set: PositionSet): Uint8Array {
  const bitmap = serializeRoaring(set)
  const bytes = new Uint8Array(bitmap.length + FRAME_BYTES)
  const view = dataView(bytes)
  view.setUint32(0, bitmap.length + 4)
  view.setUint32(4, MAGIC, true)
  bytes.set(bitmap, 8)
  view.setUint32(bytes.length - 4, crc32(bytes.subarray(4, -4)))
  return bytes
}

/**
 * The positions of a blob.
 * @param options.cardinality what the manifest says; checked when given
 * @throws corrupt when length, magic, checksum, bitmap or cardinality are wrong
 */
export function parseDeletionVector(
  bytes: Uint8Array,
  options: { readonly location: string; readonly cardinality?: number },
): PositionSet {
  const { location } = options
  const view = dataView(bytes)
  const corrupt = (message: string): LakeError => new LakeError('corrupt', message, { context: { location } })
  if (bytes.length < FRAME_BYTES) throw corrupt('the deletion vector is cut short')
  if (view.getUint32(0) !== bytes.length - 8)
    throw corrupt('the deletion vector has another length than it says')
  if (view.getUint32(4, true) !== MAGIC) throw corrupt('the deletion vector has no magic number')
  if (view.getUint32(bytes.length - 4) !== crc32(bytes.subarray(4, -4))) {
    throw corrupt('the checksum of the deletion vector is wrong')
  }
  const set = located(location, () => parseRoaring(bytes.subarray(8, -4)))
  if (options.cardinality !== undefined && set.cardinality !== options.cardinality) {
    throw corrupt('the deletion vector has another cardinality than its manifest says')
  }
  return set
}
