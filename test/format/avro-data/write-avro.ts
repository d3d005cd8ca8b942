/**
 * Avro data files for tests, encoded by avsc: what serac reads is judged by somebody else's encoder. Where Iceberg
 * or Avro leave a choice (order of a union, form of a map, uuid as text), it is made by the field id, so that random
 * fields meet all of them.
 */
import { crc32, deflateRawSync } from 'node:zlib'
import avsc from 'avsc'
import { snappyCompress } from 'hysnappy'
import { concatBytes, utf8Encode } from '../../../src/base/bytes.js'
import { compressZstd } from '../../../src/format/compression/zstd.js'
import type { Field, Type, Value } from '../../../src/schema/types.js'
import { formatUuid } from '../../../src/schema/uuid-text.js'

export type AvroCodec = 'null' | 'deflate' | 'snappy' | 'zstandard'

export interface AvroFileParts {
  /** The schema as it stands in the header. */
  readonly schema: unknown
  /** Encoded rows, block by block. */
  readonly blocks: readonly { readonly count: number; readonly bytes: Uint8Array }[]
  readonly codec?: string
}

export const SYNC: Uint8Array = Uint8Array.from({ length: 16 }, (_, at) => 200 - at)

/** A zigzag varint. */
export function encodeLong(value: bigint | number): Uint8Array {
  const long = BigInt(value)
  let rest = BigInt.asUintN(64, (long << 1n) ^ (long >> 63n))
  const bytes: number[] = []
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  bytes.push(Number(rest))
  return Uint8Array.from(bytes)
}

/** Bytes behind their length. */
export function encodeBytes(bytes: Uint8Array): Uint8Array {
  return concatBytes([encodeLong(bytes.length), bytes])
}

export function encodeText(text: string): Uint8Array {
  return encodeBytes(utf8Encode(text))
}

/** A container file of encoded rows. */
export function containerOf({ schema, blocks, codec = 'null' }: AvroFileParts): Uint8Array {
  const header = [
    Uint8Array.of(0x4f, 0x62, 0x6a, 1),
    encodeLong(2),
    encodeText('avro.schema'),
    encodeText(JSON.stringify(schema)),
    encodeText('avro.codec'),
    encodeText(codec),
    encodeLong(0),
    SYNC,
  ]
  const packed = blocks.flatMap(({ count, bytes }) => {
    const block = pack(codec, bytes)
    return [encodeLong(count), encodeLong(block.length), block, SYNC]
  })
  return concatBytes([...header, ...packed])
}

function pack(codec: string, bytes: Uint8Array): Uint8Array {
  switch (codec) {
    case 'deflate':
      return deflateRawSync(bytes)
    case 'zstandard':
      return compressZstd(bytes, 3)
    case 'snappy': {
      const checksum = Buffer.alloc(4)
      checksum.writeUInt32BE(crc32(bytes))
      return concatBytes([snappyCompress(bytes), checksum])
    }
    default:
      return bytes
  }
}

export interface WriteAvroOptions {
  readonly codec?: AvroCodec
  /** Rows of each block; the last may have fewer. Default: all. */
  readonly blockRows?: number
  /** Leaves the field ids out. */
  readonly isBare?: boolean
}

/** A data file of rows. */
export function avroFile(
  fields: readonly Field[],
  rows: readonly (readonly Value[])[],
  options: WriteAvroOptions = {},
): Uint8Array {
  const root = recordStorage(fields, 'table')
  const type = avsc.Type.forSchema(root.bare as avsc.schema.AvroSchema, {
    registry: { exact_long: exactLong },
    wrapUnions: 'never',
  })
  const blockRows = options.blockRows ?? Math.max(1, rows.length)
  const blocks = []
  for (let from = 0; from < rows.length; from += blockRows) {
    const part = rows.slice(from, from + blockRows)
    blocks.push({ count: part.length, bytes: concatBytes(part.map(row => type.toBuffer(root.encode(row)))) })
  }
  const schema = options.isBare ? withoutIds(root.schema) : root.schema
  return containerOf({ schema, blocks, codec: options.codec ?? 'null' })
}

const exactLong = avsc.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64LE(value)
    return bytes
  },
  fromJSON: BigInt,
  toJSON: String,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0),
})

function withoutIds(schema: unknown): unknown {
  return JSON.parse(
    JSON.stringify(schema, (key, value) => (/^(field|element|key|value)-id$/.test(key) ? undefined : value)),
  )
}

/** How a type is stored. */
interface Storage {
  /** As in the header. */
  readonly schema: unknown
  /** For avsc: without logical types, longs as bigints. */
  readonly bare: unknown
  /** A value as avsc wants it; never a null. */
  encode(value: Value): unknown
}

/** Distinguishes the names of fixed types and records. */
let names = 0

function recordStorage(fields: readonly Field[], name: string): Storage {
  const parts = fields.map(field => slotStorage(field, field.id))
  return {
    schema: {
      type: 'record',
      name,
      fields: fields.map((field, at) => ({
        name: field.name,
        type: parts[at]!.schema,
        'field-id': field.id,
      })),
    },
    bare: {
      type: 'record',
      name: `${name}_${names++}`,
      fields: fields.map((field, at) => ({ name: field.name, type: parts[at]!.bare })),
    },
    encode: value => {
      const members = value as readonly Value[]
      return Object.fromEntries(fields.map((field, at) => [field.name, parts[at]!.encode(members[at]!)]))
    },
  }
}

/** A value that may be null, as a union in either order. */
function slotStorage(slot: { readonly required: boolean; readonly type: Type }, id: number): Storage {
  const storage = storageOf(slot.type, id)
  if (slot.required || slot.type.kind === 'unknown') return storage
  const union = (type: unknown): unknown[] => (id % 3 === 0 ? [type, 'null'] : ['null', type])
  return {
    schema: union(storage.schema),
    bare: union(storage.bare),
    encode: value => (value === null ? null : storage.encode(value)),
  }
}

function plain(schema: unknown, bare: unknown = schema, encode: Storage['encode'] = value => value): Storage {
  return { schema, bare, encode }
}

const buffer = (value: Value): Buffer => Buffer.from(value as Uint8Array)

function storageOf(type: Type, id: number): Storage {
  const isEven = id % 2 === 0
  const name = `n${names++}`
  switch (type.kind) {
    case 'boolean':
    case 'int':
    case 'float':
    case 'double':
    case 'string':
      return plain(type.kind)
    case 'long':
      return plain('long', 'exact_long')
    case 'date':
      return plain({ type: 'int', logicalType: 'date' }, 'int')
    case 'time':
      return plain({ type: 'long', logicalType: 'time-micros' }, 'exact_long')
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return plain(timestampSchema(type.kind, isEven), 'exact_long')
    case 'uuid':
      if (isEven)
        return plain({ type: 'string', logicalType: 'uuid' }, 'string', value => formatUuid(buffer(value)))
      return plain(
        { type: 'fixed', name, size: 16, logicalType: 'uuid' },
        { type: 'fixed', name, size: 16 },
        buffer,
      )
    case 'fixed':
      return plain(
        { type: 'fixed', name, size: type.lengthBytes },
        { type: 'fixed', name, size: type.lengthBytes },
        buffer,
      )
    case 'binary':
    case 'geometry':
    case 'geography':
      return plain('bytes', 'bytes', buffer)
    case 'unknown':
      return plain('null')
    case 'decimal':
      return decimalStorage(type, id)
    case 'struct':
      return recordStorage(type.fields, name)
    case 'list': {
      const element = slotStorage({ required: type.elementRequired, type: type.element }, type.elementId)
      return {
        schema: { type: 'array', items: element.schema, 'element-id': type.elementId },
        bare: { type: 'array', items: element.bare },
        encode: value => (value as readonly Value[]).map(element.encode),
      }
    }
    case 'map':
      return isEven && type.key.kind === 'string' ? nativeMapStorage(type) : pairsStorage(type, name)
    case 'variant':
      throw new Error('variants are encoded by their test')
    default:
      throw new Error(`no storage for ${JSON.stringify(type)}`)
  }
}

function timestampSchema(kind: string, isLocal: boolean): unknown {
  const unit = kind.endsWith('_ns') ? 'nanos' : 'micros'
  const isZoned = kind.startsWith('timestamptz')
  if (!isZoned && isLocal) return { type: 'long', logicalType: `local-timestamp-${unit}` }
  return { type: 'long', logicalType: `timestamp-${unit}`, 'adjust-to-utc': isZoned }
}

function decimalStorage(type: Extract<Type, { kind: 'decimal' }>, id: number): Storage {
  const { precision, scale } = type
  const logical = { logicalType: 'decimal', precision, scale }
  if (id % 2 === 0)
    return plain({ type: 'bytes', ...logical }, 'bytes', value => bigEndian(value as bigint, undefined))
  // Wider than need be: 16 bytes hold 38 digits.
  const size = 16 + (id % 5)
  const fixed = { type: 'fixed', name: `n${names++}`, size }
  return plain({ ...fixed, ...logical }, fixed, value => bigEndian(value as bigint, size))
}

/** Two's complement of a width, or of as many bytes as it takes. */
function bigEndian(value: bigint, width: number | undefined): Buffer {
  let size = width ?? 1
  while (width === undefined && BigInt.asIntN(8 * size, value) !== value) size++
  return Buffer.from(
    Array.from({ length: size }, (_, at) => Number((value >> BigInt(8 * (size - 1 - at))) & 255n)),
  )
}

function nativeMapStorage(type: Extract<Type, { kind: 'map' }>): Storage {
  const value = slotStorage({ required: type.valueRequired, type: type.value }, type.valueId)
  return {
    schema: { type: 'map', values: value.schema, 'key-id': type.keyId, 'value-id': type.valueId },
    bare: { type: 'map', values: value.bare },
    encode: entries =>
      Object.fromEntries(
        (entries as readonly (readonly [string, Value])[]).map(([key, item]) => [key, value.encode(item)]),
      ),
  }
}

function pairsStorage(type: Extract<Type, { kind: 'map' }>, name: string): Storage {
  const pair = recordStorage(
    [
      { id: type.keyId, name: 'key', required: true, type: type.key },
      { id: type.valueId, name: 'value', required: type.valueRequired, type: type.value },
    ],
    name,
  )
  return {
    schema: { type: 'array', items: pair.schema, logicalType: 'map' },
    bare: { type: 'array', items: pair.bare },
    encode: entries => (entries as readonly Value[]).map(pair.encode),
  }
}
