import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hexEncode } from '../../../../src/base/bytes.js'
import {
  beginStruct,
  createThriftCursor,
  nextField,
  readAnnotation,
  readBoolean,
  readBooleanItem,
  readBytes,
  readCount,
  readInt,
  readList,
  readText,
  skipValue,
  type ThriftCursor,
  type ThriftStruct,
} from '../../../../src/format/parquet/footer/thrift.js'
import {
  createThriftSink,
  type ThriftSink,
  writeAnnotation,
  writeBinary,
  writeBinaryList,
  writeBoolean,
  writeBooleanList,
  writeI8,
  writeI16,
  writeI32,
  writeI64,
  writeI64List,
  writeStruct,
  writeStructField,
  writeStructList,
} from '../../../../src/format/parquet/footer/thrift-sink.js'
import { TEXT_UNIT } from './leaf-columns.js'

function written<T>(value: T, write: (sink: ThriftSink, value: T) => void): Uint8Array {
  const sink = createThriftSink(1)
  writeStruct(sink, value, write)
  return sink.bytes.slice(0, sink.length)
}

interface Sample {
  readonly id: number
  readonly small: number
  readonly flag: boolean
  readonly text: string
  readonly bytes: Uint8Array
  readonly numbers: readonly number[]
  readonly flags: readonly boolean[]
  readonly texts: readonly string[]
  readonly children: readonly Sample[]
}

/** Field ids with gaps of all sizes. */
function writeSample(sink: ThriftSink, sample: Sample): void {
  writeI64(sink, 1, sample.id)
  writeI8(sink, 3, sample.small)
  writeBoolean(sink, 4, sample.flag)
  writeBinary(sink, 19, sample.text)
  writeBinary(sink, 20, sample.bytes)
  writeI64List(sink, 40, sample.numbers)
  writeBooleanList(sink, 41, sample.flags)
  writeBinaryList(sink, 42, sample.texts)
  writeStructList(sink, 1000, sample.children, writeSample)
}

function readSample(cursor: ThriftCursor): Sample {
  const sample: { -readonly [K in keyof Sample]?: Sample[K] } = {}
  beginStruct(cursor)
  while (nextField(cursor)) {
    if (cursor.field === 1) sample.id = readInt(cursor)
    else if (cursor.field === 3) sample.small = readInt(cursor)
    else if (cursor.field === 4) sample.flag = readBoolean(cursor)
    else if (cursor.field === 19) sample.text = readText(cursor)
    else if (cursor.field === 20) sample.bytes = readBytes(cursor).slice()
    else if (cursor.field === 40) sample.numbers = readList(cursor, readInt)
    else if (cursor.field === 41) sample.flags = readList(cursor, readBooleanItem)
    else if (cursor.field === 42) sample.texts = readList(cursor, readText)
    else if (cursor.field === 1000) sample.children = readList(cursor, readSample)
    else skipValue(cursor)
  }
  return sample as Sample
}

const { sample } = fc.letrec<{ sample: Sample }>(tie => ({
  sample: fc.record({
    id: fc.maxSafeInteger(),
    small: fc.integer({ min: -128, max: 127 }),
    flag: fc.boolean(),
    text: fc.string({ unit: TEXT_UNIT, maxLength: 60 }),
    bytes: fc.uint8Array({ maxLength: 200 }),
    numbers: fc.array(fc.oneof(fc.maxSafeInteger(), fc.integer(), fc.constant(0)), { maxLength: 20 }),
    flags: fc.array(fc.boolean(), { maxLength: 20 }),
    texts: fc.array(fc.string({ maxLength: 8 }), { maxLength: 20 }),
    children: fc.oneof({ maxDepth: 2 }, fc.constant([]), fc.array(tie('sample'), { maxLength: 17 })),
  }),
}))

describe('thrift structs', () => {
  it('are read as they were written, field by field', () => {
    fc.assert(
      fc.property(sample, value => {
        expect(readSample(createThriftCursor(written(value, writeSample)))).toEqual(value)
      }),
    )
  })

  it('are skipped without looking inside, whatever they hold', () => {
    fc.assert(
      fc.property(sample, value => {
        const bytes = written(value, (sink, inner) => {
          writeStructField(sink, 1, inner, writeSample)
          writeI32(sink, 2, 77)
        })
        const cursor = createThriftCursor(bytes)
        beginStruct(cursor)
        nextField(cursor)
        skipValue(cursor)
        expect(nextField(cursor) && cursor.field === 2 && readInt(cursor)).toBe(77)
        expect(nextField(cursor)).toBe(false)
        expect(cursor.offset).toBe(bytes.length)
      }),
    )
  })

  it('throw a RangeError or TypeError when they are cut or changed, and never more than that', () => {
    const mutation = fc.tuple(fc.nat(), fc.nat(255))
    fc.assert(
      fc.property(sample, fc.array(mutation, { maxLength: 4 }), fc.nat(), (value, mutations, cut) => {
        const bytes = written(value, writeSample)
        const broken = bytes.slice(0, mutations.length === 0 ? cut % bytes.length : bytes.length)
        for (const [at, byte] of mutations) broken[at % broken.length] = byte
        try {
          readSample(createThriftCursor(broken))
          expect(mutations.length).toBeGreaterThan(0)
        } catch (error) {
          expect(error instanceof RangeError || error instanceof TypeError).toBe(true)
        }
      }),
    )
  })

  it('leave alone what stands behind them, and see nothing behind the end they are given', () => {
    const bytes = written(5, (sink, value) => writeI32(sink, 1, value))
    const padded = Uint8Array.of(0xff, 0xff, ...bytes, 0xff)
    const cursor = createThriftCursor(padded, 2)
    expect(readAnnotation(cursor)).toEqual({ field_1: 5 })
    expect(cursor.offset).toBe(2 + bytes.length)
    expect(() => readAnnotation(createThriftCursor(padded, 2, 2 + bytes.length - 1))).toThrow(RangeError)
  })

  it('have fields in the bytes that the protocol says', () => {
    const bytes = written(null, sink => {
      writeI32(sink, 1, -1)
      writeI16(sink, 2, 300)
      writeBoolean(sink, 3, false)
      writeBinary(sink, 20, 'é')
      writeI64List(sink, 21, [])
      writeBooleanList(sink, 22, [true, false])
    })
    expect(hexEncode(bytes)).toBe('15011 4d804 12 0828 02c3a9 1906 1921 0102 00'.replaceAll(' ', ''))
  })
})

describe('a thrift reader', () => {
  const read = (hex: string, reader: (cursor: ThriftCursor) => unknown): unknown => {
    const cursor = createThriftCursor(Uint8Array.from(Buffer.from(hex, 'hex')))
    beginStruct(cursor)
    nextField(cursor)
    return reader(cursor)
  }

  it('reads whole numbers up to the greatest safe one, from up to ten bytes', () => {
    expect(read('16feffffffffffff1f', readInt)).toBe(Number.MAX_SAFE_INTEGER)
    expect(read('16fdffffffffffff1f', readInt)).toBe(-Number.MAX_SAFE_INTEGER)
    expect(read('1680808080808080808000', readInt)).toBe(0)
    expect(() => read('168080808080808020', readInt)).toThrow(RangeError)
    expect(() => read('16ffffffffffffffffff01', readInt)).toThrow(RangeError)
    expect(() => read(`16${'80'.repeat(20)}`, readInt)).toThrow(RangeError)
    expect(() => read(`16${'80'.repeat(20)}`, skipValue)).toThrow(RangeError)
    expect(() => read('1501', readCount)).toThrow(RangeError)
  })

  it('takes no other type for the one it expects', () => {
    expect(() => read('1801', readInt)).toThrow(TypeError)
    expect(() => read('1502', readBytes)).toThrow(TypeError)
    expect(() => read('1502', readBoolean)).toThrow(TypeError)
    expect(() => read('1502', cursor => readList(cursor, readInt))).toThrow(TypeError)
    expect(() => read('1e00', skipValue)).toThrow(TypeError)
  })

  it('refuses lengths beyond the bytes that are left before it makes anything', () => {
    expect(() => read('19f5ffffffff0f00', cursor => readList(cursor, readInt))).toThrow(RangeError)
    expect(() => read('19fcffffff7f00', cursor => readList(cursor, readAnnotation))).toThrow(RangeError)
    expect(() => read('1bffffff7f5500', skipValue)).toThrow(RangeError)
    expect(() => read('18ffffffff0f61', readText)).toThrow(RangeError)
  })

  it('limits how deep structs and lists may be in one another', () => {
    const deep = (depth: number): string => '1c'.repeat(depth) + '00'.repeat(depth)
    expect(read(deep(20), skipValue)).toBeUndefined()
    expect(() => read(deep(10_000), skipValue)).toThrow(RangeError)
    expect(() => read(deep(10_000), readAnnotation)).toThrow(RangeError)
    expect(() => read('19'.repeat(10_000), skipValue)).toThrow(RangeError)
  })

  it('keeps of an annotation what annotations consist of', () => {
    const struct: ThriftStruct = { field_1: 7, field_2: true, field_40: { field_3: Uint8Array.of(1) } }
    expect(readAnnotation(createThriftCursor(written(struct, writeAnnotation)))).toEqual(struct)
    // A list, a double, a map and a field of an id to come.
    expect(read('1c192564021700000000000000001b01558888000500880302000000', readAnnotation)).toEqual({})
  })
})
