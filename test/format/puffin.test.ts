import { describe, expect, it } from 'vitest'
import { concatBytes, utf8Encode } from '../../src/base/bytes.js'
import { isLakeError } from '../../src/base/errors.js'
import { stringifyJson } from '../../src/base/json.js'
import { type PuffinBlob, parsePuffin, puffinBlobBytes, writePuffin } from '../../src/format/puffin.js'

const LOCATION = 'memory://x.puffin'
const corrupt = expect.objectContaining({
  kind: 'corrupt',
  context: expect.objectContaining({ location: LOCATION }),
})

const vector: PuffinBlob = {
  type: 'deletion-vector-v1',
  fields: [2147483645],
  properties: { 'referenced-data-file': 'memory://data/a.parquet', cardinality: '3' },
  bytes: Uint8Array.of(1, 2, 3),
}
const sketch: PuffinBlob = {
  type: 'apache-datasketches-theta-v1',
  fields: [7],
  snapshotId: 9_123_456_789_012_345_678n,
  sequenceNumber: 12n,
  properties: { ndv: '5' },
  bytes: Uint8Array.of(9, 8),
}

/** A file with this text as its footer payload. */
function withFooter(payload: string, flags = 0): Uint8Array {
  const magic = utf8Encode('PFA1')
  const json = utf8Encode(payload)
  const trailer = new Uint8Array(8)
  const view = new DataView(trailer.buffer)
  view.setUint32(0, json.length, true)
  view.setUint32(4, flags, true)
  return concatBytes([magic, Uint8Array.of(1, 2, 3, 4), magic, json, trailer, magic])
}

describe('a puffin file', () => {
  it('gives back its blobs, with 63-bit snapshot ids, and says where they stand', () => {
    const written = writePuffin([vector, sketch], { properties: { 'created-by': 'serac' } })
    expect(written.blobs).toEqual([
      { offset: 4, lengthBytes: 3 },
      { offset: 7, lengthBytes: 2 },
    ])
    const file = parsePuffin(written.bytes, { location: LOCATION })
    const { bytes: _, ...vectorMetadata } = vector
    const { bytes: __, ...sketchMetadata } = sketch
    expect(file).toEqual({
      properties: { 'created-by': 'serac' },
      blobs: [
        { ...vectorMetadata, offset: 4, lengthBytes: 3 },
        { ...sketchMetadata, offset: 7, lengthBytes: 2 },
      ],
    })
    expect(puffinBlobBytes(written.bytes, file.blobs[1]!, { location: LOCATION })).toEqual(sketch.bytes)
  })

  it('may have no blobs', () => {
    const { bytes, footerSizeBytes } = writePuffin([], { properties: {} })
    expect(parsePuffin(bytes, { location: LOCATION })).toEqual({ blobs: [], properties: {} })
    expect(bytes.length).toBe(4 + footerSizeBytes)
  })

  it('reads a zstd blob and refuses an lz4 one as unsupported', () => {
    // A zstd frame with one raw block of the bytes "hi!".
    const frame = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x20, 3, 0x19, 0, 0, 0x68, 0x69, 0x21)
    const place = { type: 't', fields: [], properties: {}, offset: 0, lengthBytes: frame.length }
    expect(puffinBlobBytes(frame, { ...place, codec: 'zstd' }, { location: LOCATION })).toEqual(
      utf8Encode('hi!'),
    )
    expect(() => puffinBlobBytes(frame, { ...place, codec: 'lz4' }, { location: LOCATION })).toThrow(
      expect.objectContaining({ kind: 'unsupported' }),
    )
  })

  it('with a compressed footer is unsupported, with unknown flags corrupt', () => {
    expect(() => parsePuffin(withFooter('{}', 1), { location: LOCATION })).toThrow(
      expect.objectContaining({ kind: 'unsupported' }),
    )
    expect(() => parsePuffin(withFooter('{"blobs":[]}', 4), { location: LOCATION })).toThrow(corrupt)
  })

  it('with a footer that is not what it should be is corrupt', () => {
    const blob = { type: 't', fields: [1], 'snapshot-id': 1, 'sequence-number': 1, offset: 4, length: 4 }
    const footers = [
      'no json',
      '[]',
      '{}',
      '{"blobs":[1]}',
      stringifyJson({ blobs: [{ ...blob, type: 7 }] }),
      stringifyJson({ blobs: [{ ...blob, length: -1 }] }),
      stringifyJson({ blobs: [{ ...blob, length: 500 }] }),
      stringifyJson({ blobs: [{ ...blob, fields: ['a'] }] }),
      stringifyJson({ blobs: [{ ...blob, 'compression-codec': 'rle' }] }),
      stringifyJson({ blobs: [blob], properties: { a: 1 } }),
    ]
    for (const footer of footers)
      expect(() => parsePuffin(withFooter(footer), { location: LOCATION })).toThrow(corrupt)
    expect(
      parsePuffin(withFooter(stringifyJson({ blobs: [blob] })), { location: LOCATION }).blobs.length,
    ).toBe(1)
  })

  it('cut short or changed is refused or read, never a crash', () => {
    const { bytes } = writePuffin([vector], { properties: {} })
    for (let at = 0; at < bytes.length; at++) {
      expect(() => parsePuffin(bytes.subarray(0, at), { location: LOCATION })).toThrow(corrupt)
      const broken = bytes.slice()
      broken[at]! ^= 0x41
      try {
        parsePuffin(broken, { location: LOCATION })
      } catch (error) {
        expect(isLakeError(error)).toBe(true)
      }
    }
  })
})
