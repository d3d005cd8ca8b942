/** An Avro container file taken apart and put together again: `{ header, sync, blocks: [{ count, body }] }`, bodies decompressed. */
import { crc32, deflateRawSync, inflateRawSync } from 'node:zlib'
import { compressPage, decompressPage } from '../../dist/format/compression.js'

const MAGIC = Uint8Array.of(0x4f, 0x62, 0x6a, 0x01)
const SYNC_BYTES = 16

export function takeApart(bytes) {
  const cursor = { bytes, at: MAGIC.length }
  const header = new Map()
  for (let count = readLong(cursor); count !== 0; count = readLong(cursor)) {
    if (count < 0) readLong(cursor)
    for (let left = Math.abs(count); left > 0; left--) {
      const key = Buffer.from(take(cursor, readLong(cursor))).toString()
      header.set(key, Buffer.from(take(cursor, readLong(cursor))).toString())
    }
  }
  const sync = take(cursor, SYNC_BYTES)
  const codec = header.get('avro.codec') ?? 'null'
  const blocks = []
  while (cursor.at < bytes.length) {
    const count = readLong(cursor)
    blocks.push({ count, body: unpacked(codec, take(cursor, readLong(cursor))) })
    take(cursor, SYNC_BYTES)
  }
  return { header, sync, codec, blocks }
}

/** The bytes of the parts, block lengths and checksums made to fit. `lengths` states other lengths than there are. */
export function putTogether({ header, sync, codec, blocks }, { lengths } = {}) {
  const parts = [MAGIC, long(header.size)]
  for (const text of [...header].flat()) {
    const bytes = Buffer.from(text)
    parts.push(long(bytes.length), bytes)
  }
  parts.push(long(0), sync)
  for (const { count, body } of blocks) {
    const stored = packed(codec, body)
    parts.push(long(count), long(lengths?.(stored.length) ?? stored.length), stored, sync)
  }
  return new Uint8Array(Buffer.concat(parts))
}

function unpacked(codec, stored) {
  if (codec === 'null') return stored.slice()
  if (codec === 'deflate') return new Uint8Array(inflateRawSync(stored))
  if (codec === 'snappy') return decompressPage('snappy', stored.subarray(0, -4), snappyLength(stored))
  throw new Error(`a block of codec ${codec}`)
}

function packed(codec, body) {
  if (codec === 'null') return body
  if (codec === 'deflate') return deflateRawSync(body)
  const crc = Buffer.alloc(4)
  crc.writeUInt32BE(crc32(body))
  return Buffer.concat([compressPage('snappy', body, {}), crc])
}

/** A snappy block begins with its plain length. */
function snappyLength(stored) {
  let length = 0
  for (let at = 0, shift = 0; ; at++, shift += 7) {
    length += (stored[at] & 0x7f) * 2 ** shift
    if (stored[at] < 0x80) return length
  }
}

function take(cursor, count) {
  cursor.at += count
  return cursor.bytes.subarray(cursor.at - count, cursor.at)
}

function readLong(cursor) {
  let value = 0n
  for (let shift = 0n; ; shift += 7n) {
    const byte = cursor.bytes[cursor.at++]
    value |= BigInt(byte & 0x7f) << shift
    if (byte < 0x80) return Number((value >> 1n) ^ -(value & 1n))
  }
}

/** A zigzag varint. */
function long(number) {
  const value = BigInt(number)
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  const bytes = []
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  bytes.push(Number(rest))
  return Uint8Array.from(bytes)
}
