import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  createCursor,
  readUint32,
  readVarint32,
  readZigzag64,
} from '../../../../src/format/parquet/encoding/byte-cursor.js'
import {
  createByteSink,
  reserve,
  setUint32,
  takeBytes,
  writeBytes,
  writeUint32,
  writeVarint32,
  writeZigzag64,
  writtenBytes,
} from '../../../../src/format/parquet/encoding/byte-sink.js'

const ends = fc.oneof(
  fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  fc.constantFrom(0, 127, 128, 2 ** 28, 2 ** 32 - 1),
)

describe('a sink of bytes', () => {
  it('gives back the numbers that were written to it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(ends, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }))),
        numbers => {
          const sink = createByteSink(0)
          for (const [unsigned, signed] of numbers) {
            writeVarint32(sink, unsigned)
            writeUint32(sink, unsigned)
            writeZigzag64(sink, Number(BigInt.asIntN(32, signed)), Number(signed >> 32n))
          }
          const bytes = writtenBytes(sink)
          const cursor = createCursor({ bytes, offset: 0, end: bytes.length })
          for (const [unsigned, signed] of numbers) {
            expect(readVarint32(cursor)).toBe(unsigned)
            expect(readUint32(cursor)).toBe(unsigned)
            const { low, high } = readZigzag64(cursor)
            expect((BigInt(high) << 32n) | BigInt(low >>> 0)).toBe(signed)
          }
          expect(cursor.offset).toBe(bytes.length)
          expect(() => readVarint32(cursor)).toThrow(RangeError)
          expect(() => readUint32(cursor)).toThrow(RangeError)
          expect(() => readZigzag64(cursor)).toThrow(RangeError)
        },
      ),
    )
  })

  it('keeps its bytes while it grows, and its view on them', () => {
    const sink = createByteSink(2)
    writeBytes(sink, Uint8Array.of(1, 2, 3))
    reserve(sink, 1000)
    expect(sink.bytes.length).toBeGreaterThanOrEqual(1003)
    sink.view.setUint8(1, 9)
    setUint32(sink.bytes, 3, 0x04030201)
    sink.length += 4
    expect([...writtenBytes(sink)]).toEqual([1, 9, 3, 1, 2, 3, 4])
  })

  it('is left empty and writable by a taker, who has exactly what was written', () => {
    for (const capacity of [3, 1000]) {
      const sink = createByteSink(capacity)
      writeBytes(sink, Uint8Array.of(1, 2, 3))
      const taken = takeBytes(sink)
      expect(taken.buffer.byteLength).toBe(3)
      writeUint32(sink, 7)
      expect([...taken]).toEqual([1, 2, 3])
      expect([...writtenBytes(sink)]).toEqual([7, 0, 0, 0])
    }
  })
})
