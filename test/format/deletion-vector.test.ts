import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hexDecode, hexEncode } from '../../src/base/bytes.js'
import { isLakeError } from '../../src/base/errors.js'
import { parseDeletionVector, serializeDeletionVector } from '../../src/format/deletion-vector.js'
import { PositionSet } from '../../src/format/position-set.js'

const LOCATION = 'memory://deletes.puffin'
const corrupt = expect.objectContaining({ kind: 'corrupt', context: { location: LOCATION } })

/** The positions as bytes: comparing many of them one by one is slow. */
function asBuffer(set: PositionSet): Buffer {
  return Buffer.from(set.toArray().buffer)
}

describe('a deletion vector', () => {
  it('reads back the positions that were written', () => {
    const positions = fc.array(fc.oneof(fc.nat(200_000), fc.constantFrom(2 ** 32, 2 ** 33 + 1)), {
      maxLength: 200,
    })
    const ranges = fc.array(fc.tuple(fc.nat(200_000), fc.nat(70_000)), { maxLength: 3 })
    fc.assert(
      fc.property(positions, ranges, (singles, spans) => {
        const set = PositionSet.of(singles)
        for (const [from, length] of spans) set.addRange(from, from + length)
        const read = parseDeletionVector(serializeDeletionVector(set), {
          location: LOCATION,
          cardinality: set.cardinality,
        })
        expect(Buffer.compare(asBuffer(read), asBuffer(set))).toBe(0)
      }),
      { numRuns: 60 },
    )
  })

  it('has the bytes of the format: length, magic, one key, an array container, checksum', () => {
    const bytes = serializeDeletionVector(PositionSet.of([1, 3, 5, 7, 9]))
    const head = '0000002a' + 'd1d33964' + '0100000000000000' + '00000000'
    const bitmap = '3a300000' + '01000000' + '00000400' + '10000000' + '01000300050007000900'
    expect(hexEncode(bytes).slice(0, -8)).toBe(head + bitmap)
  })

  it('writes a stretch of rows as a run', () => {
    const set = new PositionSet()
    set.addRange(10, 500_000)
    expect(serializeDeletionVector(set).length).toBeLessThan(200)
  })

  it('of nothing is read', () => {
    expect(
      parseDeletionVector(serializeDeletionVector(new PositionSet()), { location: LOCATION }).cardinality,
    ).toBe(0)
  })

  it('is refused when the manifest names another cardinality', () => {
    const bytes = serializeDeletionVector(PositionSet.of([1, 2]))
    expect(() => parseDeletionVector(bytes, { location: LOCATION, cardinality: 3 })).toThrow(corrupt)
  })

  it('is refused when any byte is changed or the end is missing', () => {
    const bytes = serializeDeletionVector(PositionSet.of([1, 2, 3, 4, 5, 70_000]))
    for (let at = 0; at < bytes.length; at++) {
      const broken = bytes.slice()
      broken[at]! ^= 1
      expect(() => parseDeletionVector(broken, { location: LOCATION })).toThrow(corrupt)
      expect(() => parseDeletionVector(bytes.subarray(0, at), { location: LOCATION })).toThrow(corrupt)
    }
  })

  it('is refused when its bitmap is broken though the checksum is right', () => {
    const set = new PositionSet()
    set.addRange(0, 70_000)
    set.add(200_000)
    const good = serializeDeletionVector(set)
    for (let at = 8; at < good.length - 4; at++) {
      for (const change of [1, 0x80, 0xff]) {
        const broken = good.slice()
        broken[at]! ^= change
        const resealed = reseal(broken)
        try {
          parseDeletionVector(resealed, { location: LOCATION })
        } catch (error) {
          expect(isLakeError(error)).toBe(true)
        }
      }
    }
  })

  it('refuses a key that no signed 32-bit number holds', () => {
    const bitmap = hexDecode('0100000000000000' + 'ffffffff' + '3a300000' + '00000000')!
    const bytes = new Uint8Array(bitmap.length + 12)
    bytes.set(hexDecode('00000018d1d33964')!)
    bytes.set(bitmap, 8)
    expect(() => parseDeletionVector(reseal(bytes), { location: LOCATION })).toThrow(corrupt)
  })
})

/** The blob with a checksum that fits its content. */
function reseal(bytes: Uint8Array): Uint8Array {
  let crc = 0xffffffff
  for (const byte of bytes.subarray(4, -4)) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  const sealed = bytes.slice()
  new DataView(sealed.buffer).setUint32(sealed.length - 4, (crc ^ 0xffffffff) >>> 0)
  return sealed
}
