import fc from 'fast-check'
import { snappyCompress } from 'hysnappy'
import { describe, expect, it } from 'vitest'
import { concatBytes, utf8Encode } from '../../src/base/bytes.js'
import { isLakeError } from '../../src/base/errors.js'
import { createAvroCodec } from '../../src/format/avro-codec.js'
import { readAvroContainer, writeAvroContainer } from '../../src/format/avro-container.js'
import { type AvroRecord, fieldKey } from '../../src/format/avro-record.js'
import { avroName, avroSchemaOf } from '../../src/format/avro-schema.js'
import type { Field } from '../../src/schema/types.js'

const LOCATION = 'memory://x.avro'
const corrupt = expect.objectContaining({
  kind: 'corrupt',
  context: expect.objectContaining({ location: LOCATION }),
})

const fields: readonly Field[] = [
  { id: 1, name: 'id', required: true, type: { kind: 'long' } },
  { id: 2, name: 'text', required: false, type: { kind: 'string' } },
  { id: 3, name: 'count', required: true, type: { kind: 'long' } },
  { id: 4, name: 'bytes', required: false, type: { kind: 'binary' } },
  { id: 5, name: 'flag', required: false, type: { kind: 'boolean' } },
  { id: 6, name: 'ratio', required: false, type: { kind: 'double' } },
  { id: 7, name: 'small', required: false, type: { kind: 'float' } },
  {
    id: 8,
    name: 'ids',
    required: false,
    type: { kind: 'list', elementId: 9, elementRequired: true, element: { kind: 'int' } },
  },
  {
    id: 10,
    name: 'sizes',
    required: false,
    type: {
      kind: 'map',
      keyId: 11,
      key: { kind: 'int' },
      valueId: 12,
      valueRequired: true,
      value: { kind: 'long' },
    },
  },
  { id: 13, name: 'price', required: false, type: { kind: 'decimal', precision: 10, scale: 2 } },
  { id: 14, name: 'other price', required: false, type: { kind: 'decimal', precision: 10, scale: 2 } },
]
const countIds = new Set([3, 12])
const schema = avroSchemaOf(fields, 'row')

const records = fc.record({
  f1: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  f2: fc.option(fc.string({ unit: 'binary', maxLength: 20 })),
  f3: fc.integer({ min: -(2 ** 52), max: 2 ** 52 }),
  f4: fc.option(fc.uint8Array({ maxLength: 20 }).map(bytes => Buffer.from(bytes))),
  f5: fc.option(fc.boolean()),
  f6: fc.option(fc.double()),
  f7: fc.option(fc.float()),
  f8: fc.option(fc.array(fc.integer(), { maxLength: 5 })),
  f10: fc.option(fc.array(fc.record({ f11: fc.nat(), f12: fc.nat() }), { maxLength: 5 })),
  f13: fc.option(fc.uint8Array({ minLength: 5, maxLength: 5 }).map(bytes => Buffer.from(bytes))),
  f14: fc.constant(null),
})

function write(rows: readonly AvroRecord[], codec: 'null' | 'deflate' = 'null'): Uint8Array {
  return writeAvroContainer(rows, { schema, metadata: { 'my-key': 'Wert ü' }, codec, countIds })
}

function read(bytes: Uint8Array): AvroRecord[] {
  return [...readAvroContainer(bytes, { location: LOCATION }).records({ countIds })]
}

describe('an avro container', () => {
  it('gives back every record exactly, 64-bit longs included', () => {
    fc.assert(
      fc.property(
        fc.array(records, { maxLength: 20 }),
        fc.constantFrom('null' as const, 'deflate' as const),
        (rows, codec) => {
          expect(read(write(rows, codec)).map(plain)).toEqual(rows.map(unbuffered))
        },
      ),
    )
  })

  it('stays right over many blocks', () => {
    const rows = Array.from({ length: 5000 }, (_, index) =>
      row({ f1: BigInt(index) * 2n ** 40n, f2: 'x'.repeat(index % 90) }),
    )
    const bytes = write(rows, 'deflate')
    expect(read(bytes).map(plain)).toEqual(rows)
  })

  it('keeps the header and the schema as given', () => {
    const file = readAvroContainer(write([]), { location: LOCATION })
    expect(file.metadata.get('my-key')).toBe('Wert ü')
    expect(file.metadata.get('avro.codec')).toBe('null')
    expect(JSON.parse(file.metadata.get('avro.schema') ?? '')).toEqual(schema)
    expect([...file.records()]).toEqual([])
  })

  it('is the same bytes for the same records', () => {
    expect(write([row({})])).toEqual(write([row({})]))
    expect(write([row({})])).not.toEqual(write([row({ f2: 'y' })]))
  })

  it('reads snappy and zstandard blocks', () => {
    const bytes = write([row({ f2: 'snap' })])
    const block = blockOf(bytes)
    const snappy = withBlock(bytes, 'snappy', concatBytes([snappyCompress(block), crc(block)]))
    const zstd = withBlock(
      bytes,
      'zstandard',
      concatBytes([Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x20, block.length), rawBlock(block)]),
    )
    expect(read(snappy).map(plain)).toEqual([row({ f2: 'snap' })])
    expect(read(zstd).map(plain)).toEqual([row({ f2: 'snap' })])
  })

  it('of an unknown codec or of encrypted bytes is unsupported', () => {
    const unsupported = expect.objectContaining({ kind: 'unsupported' })
    const bytes = write([row({})])
    expect(() => read(withBlock(bytes, 'bzip2', blockOf(bytes)))).toThrow(unsupported)
    expect(() => read(utf8Encode('AGS1 and so on'))).toThrow(unsupported)
  })

  it('resolves by field id, whatever the names', () => {
    const renamed = withSchema(write([row({ f2: 'found' })]), text =>
      text.replaceAll('"name":"text"', '"name":"label"'),
    )
    expect(plain(read(renamed)[0]!).f2).toBe('found')
  })

  it('decodes what avsc decodes', () => {
    fc.assert(
      fc.property(fc.array(records, { maxLength: 20 }), rows => {
        const file = readAvroContainer(write(rows), { location: LOCATION })
        const codec = createAvroCodec(file.schema, { countIds })
        const judged = [...file.blocks()].flatMap(block => codec.decode(block.bytes, block.recordCount))
        expect([...file.records({ countIds })].map(plain)).toEqual(judged.map(plain).map(unbuffered))
      }),
    )
  })

  it('refuses a count that a double cannot hold', () => {
    const bytes = writeAvroContainer([row({ f1: 2n ** 60n })], {
      schema,
      metadata: {},
      codec: 'null',
      countIds,
    })
    const file = readAvroContainer(bytes, { location: LOCATION })
    expect(() => [...file.records({ countIds: new Set([1]) })]).toThrow(corrupt)
  })

  it('refuses to write a record that does not fit', () => {
    expect(() => write([row({ f2: 7 })])).toThrow(expect.objectContaining({ kind: 'invalid-argument' }))
  })
})

describe('a broken avro container', () => {
  const good = write([
    row({ f2: 'text', f8: [1, 2, 3], f10: [{ f11: 1, f12: 2 }] }),
    row({ f4: Buffer.from('abc') }),
  ])

  it('is refused wherever it is cut', () => {
    for (let at = 0; at < good.length; at++) {
      // The end of the header is also the end of an empty file.
      if (at === headerLength(good)) continue
      expect(() => read(good.subarray(0, at))).toThrow(corrupt)
    }
  })

  it('is refused or read wherever a byte is changed: no crash, no hang', () => {
    for (let at = 0; at < good.length; at++) {
      for (const change of [0x01, 0x80, 0xff]) {
        const broken = good.slice()
        broken[at]! ^= change
        try {
          read(broken)
        } catch (error) {
          expect(isLakeError(error)).toBe(true)
        }
      }
    }
  })

  it('with an array that claims 2^50 items is refused at once', () => {
    // One record of one list: count 2^50, then nothing.
    const items = concatBytes([Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x08)])
    expect(() =>
      read(
        container(
          '{"type":"record","name":"a","fields":[{"name":"l","type":{"type":"array","items":"int"}}]}',
          items,
        ),
      ),
    ).toThrow(corrupt)
    expect(() =>
      read(
        container(
          '{"type":"record","name":"a","fields":[{"name":"l","type":{"type":"array","items":"null"}}]}',
          items,
        ),
      ),
    ).toThrow(corrupt)
  })

  it('with a schema that is none is corrupt, with one that contains itself unsupported', () => {
    const bad = [
      '',
      '7',
      '"long"',
      '"nothing"',
      '{"type":"record","name":"a"}',
      '{"type":"record","name":"a","fields":[{"type":"int"}]}',
      '{"type":"fixed","name":"f","size":-1}',
    ]
    for (const text of bad) expect(() => read(container(text, Uint8Array.of()))).toThrow(corrupt)
    const twice =
      '{"type":"record","name":"a","fields":[{"name":"x","type":"int","field-id":1},{"name":"y","type":"int","field-id":1}]}'
    expect(() => read(container(twice, Uint8Array.of()))).toThrow(corrupt)
    const self = '{"type":"record","name":"a","fields":[{"name":"x","type":["null","a"]}]}'
    expect(() => read(container(self, Uint8Array.of(0)))).toThrow(
      expect.objectContaining({ kind: 'unsupported' }),
    )
  })
})

describe('avro names', () => {
  it('are made legal by code point', () => {
    expect(avroName('ts_day')).toBe('ts_day')
    expect(avroName('9a b')).toBe('_9a_x20b')
    expect(avroName('preis €')).toBe('preis_x20_x20AC')
    expect(avroName('😎')).toBe('_x1F60E')
    expect(avroName('a.b-c')).toBe('a_x2Eb_x2Dc')
  })

  it('keep the original beside them, and define a fixed type once', () => {
    const text = JSON.stringify(schema)
    expect(text).toContain('"name":"other_x20price"')
    expect(text).toContain('"iceberg-field-name":"other price"')
    expect(text.split('"name":"decimal_10_2"').length).toBe(2)
  })
})

function row(values: AvroRecord): AvroRecord {
  const empty = Object.fromEntries(fields.map(({ id }) => [fieldKey(id), null]))
  return { ...empty, f1: 1n, f3: 3, ...values }
}

/** The encoder takes Buffers, and plain bytes come back. */
function unbuffered(record: AvroRecord): AvroRecord {
  const entries = Object.entries(record).map(([key, value]) => [
    key,
    Buffer.isBuffer(value) ? new Uint8Array(value) : value,
  ])
  return Object.fromEntries(entries)
}

function plain(record: AvroRecord): Record<string, unknown> {
  const copy: Record<string, unknown> = { ...record }
  if (Array.isArray(copy.f10)) copy.f10 = copy.f10.map((item: object) => ({ ...item }))
  return copy
}

function headerLength(bytes: Uint8Array): number {
  return bytes.length - blockOf(bytes).length - 16 - varints(blockOf(bytes).length)
}

function varints(length: number): number {
  return 1 + (length < 64 ? 1 : 2)
}

/** The only block of an uncompressed file: between the two sync markers. */
function blockOf(bytes: Uint8Array): Uint8Array {
  const sync = Buffer.from(bytes.subarray(-16))
  const first = Buffer.from(bytes).indexOf(sync) + 16
  const body = bytes.subarray(first, -16)
  for (const head of [2, 3]) if (varints(body.length - head) === head) return body.subarray(head)
  throw new Error('unexpected block')
}

function long(value: number): Uint8Array {
  const out: number[] = []
  let rest = value * 2
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128)
  return Uint8Array.of(...out, rest)
}

function text(value: string): Uint8Array {
  const bytes = utf8Encode(value)
  return concatBytes([long(bytes.length), bytes])
}

function container(schemaText: string, block: Uint8Array, codec = 'null'): Uint8Array {
  const sync = new Uint8Array(16).fill(7)
  const header = [text('avro.schema'), text(schemaText), text('avro.codec'), text(codec)]
  return concatBytes([
    utf8Encode('Obj\u0001'),
    long(2),
    ...header,
    long(0),
    sync,
    long(1),
    long(block.length),
    block,
    sync,
  ])
}

function schemaTextOf(bytes: Uint8Array): string {
  return readAvroContainer(bytes, { location: LOCATION }).metadata.get('avro.schema') ?? ''
}

function withBlock(bytes: Uint8Array, codec: string, block: Uint8Array): Uint8Array {
  return container(schemaTextOf(bytes), block, codec)
}

function withSchema(bytes: Uint8Array, change: (text: string) => string): Uint8Array {
  return container(change(schemaTextOf(bytes)), blockOf(bytes))
}

function crc(bytes: Uint8Array): Uint8Array {
  let sum = 0xffffffff
  for (const byte of bytes) {
    sum ^= byte
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0)
  }
  const out = new Uint8Array(4)
  new DataView(out.buffer).setUint32(0, (sum ^ 0xffffffff) >>> 0)
  return out
}

/** The last and only block of a zstd frame, uncompressed. */
function rawBlock(bytes: Uint8Array): Uint8Array {
  const header = 1 | (bytes.length << 3)
  return concatBytes([Uint8Array.of(header & 255, (header >> 8) & 255, header >> 16), bytes])
}
