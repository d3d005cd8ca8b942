/**
 * Encoding of Avro records. avsc does the work; nothing else imports it, and it is loaded when something is first
 * written, since a process that only reads would wait for it. It decodes too, which judges our own decoders in the
 * tests (`avro-decoder.ts`, `avro-walk.ts`).
 *
 * - Names are not looked at: every field is handed to avsc under a name made of its field id (`fieldKey`), so a
 *   record comes out resolved by field id and whatever a writer called its fields.
 * - A long is exact: a bigint, or a number where the caller says that it is a count (checked to be safe).
 * - avsc trusts its input: a broken length or count makes it read on for ever. So bytes are walked once against
 *   the schema, with every length checked, before avsc sees them (`skipAvro`).
 */
import { createRequire } from 'node:module'
import type avsc from 'avsc'
import { asBuffer } from '../base/bytes.js'
import { errorText, LakeError } from '../base/errors.js'
import { type AvroRecord, fieldKey } from './avro-record.js'
import type { AvroField, AvroRecordType, AvroType } from './avro-schema.js'
import { skipAvro } from './avro-skip.js'

export interface AvroCodecOptions {
  /** Ids of fields whose longs are counts: plain numbers, also inside their lists and maps. Other longs are bigints. */
  readonly countIds?: ReadonlySet<number> | undefined
}

export interface AvroCodec {
  /**
   * The records of a block.
   * @throws corrupt when the bytes are not that many records
   */
  decode(block: Uint8Array, count: number): AvroRecord[]
  /** One record; every field has to be there, null for none. */
  encode(record: AvroRecord): Uint8Array
}

const LONG_MIN = -(2n ** 63n)
const LONG_MAX = 2n ** 63n - 1n

interface Library {
  readonly avsc: typeof avsc
  readonly exactLong: avsc.Type
}

const require = createRequire(import.meta.url)
let loaded: Library | undefined

function library(): Library {
  if (loaded !== undefined) return loaded
  const module: typeof avsc = require('avsc')
  loaded = { avsc: module, exactLong: exactLongOf(module) }
  return loaded
}

function exactLongOf({ types }: typeof avsc): avsc.Type {
  return types.LongType.__with({
    fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
    toBuffer: (value: bigint) => {
      const bytes = Buffer.alloc(8)
      bytes.writeBigInt64LE(value)
      return bytes
    },
    fromJSON: BigInt,
    toJSON: String,
    isValid: (value: unknown) => typeof value === 'bigint' && value >= LONG_MIN && value <= LONG_MAX,
    compare: (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0),
  })
}

/** A codec for the records of a schema. */
export function createAvroCodec(schema: AvroRecordType, options: AvroCodecOptions = {}): AvroCodec {
  const type = avscTypeOf(schema, options)
  return {
    decode: (block, count) => {
      checkBlock(schema, block, count)
      const buffer = asBuffer(block)
      const records = new Array<AvroRecord>(count)
      let at = 0
      try {
        for (let index = 0; index < count; index++) {
          const decoded = type.decode(buffer, at)
          records[index] = decoded.value
          at = decoded.offset
        }
      } catch (cause) {
        throw new LakeError('corrupt', 'an avro record does not decode', {
          context: { reason: errorText(cause) },
          cause,
        })
      }
      return records
    },
    encode: record => type.toBuffer(record),
  }
}

function checkBlock(type: AvroType, block: Uint8Array, count: number): void {
  const cursor = { bytes: block, at: 0 }
  for (let index = 0; index < count; index++) skipAvro(type, cursor)
  if (cursor.at !== block.length) throw new LakeError('corrupt', 'an avro block holds more than its records')
}

const TYPES_KEPT_MAX = 64
/**
 * By the schemas' text, the oldest first. Most files of a table have the same few schemas, and making avsc's types
 * (it compiles functions for each) costs more than encoding a small manifest with them.
 */
const typesKept = new Map<string, avsc.Type>()

function avscTypeOf(schema: AvroRecordType, options: AvroCodecOptions): avsc.Type {
  const text = JSON.stringify(avscSchema(schema, { ...options, path: 'r', fieldId: undefined }))
  const kept = typesKept.get(text)
  if (kept !== undefined) return kept
  const type = avscType(text)
  const [oldest] = typesKept.keys()
  if (oldest !== undefined && typesKept.size >= TYPES_KEPT_MAX) typesKept.delete(oldest)
  typesKept.set(text, type)
  return type
}

/** avsc changes the schema and the options that it is given, so both are made anew. */
function avscType(schemaText: string): avsc.Type {
  const { avsc, exactLong } = library()
  return avsc.Type.forSchema(JSON.parse(schemaText), {
    registry: { exact_long: exactLong },
    omitRecordMethods: true,
    wrapUnions: 'never',
  })
}

interface Place extends AvroCodecOptions {
  /** Names records and fixed types by where they stand, so that no name is used twice. */
  readonly path: string
  /** The nearest field above. */
  readonly fieldId: number | undefined
}

function avscSchema(type: AvroType, place: Place): avsc.schema.AvroSchema {
  switch (type.kind) {
    case 'long':
      return place.fieldId !== undefined && place.countIds?.has(place.fieldId) ? 'long' : 'exact_long'
    case 'fixed':
      // avsc demands a positive size.
      return type.sizeBytes === 0 ? 'null' : named({ type: 'fixed', name: place.path, size: type.sizeBytes })
    case 'enum':
      return named({ type: 'enum', name: place.path, symbols: type.symbols.map((_, index) => `s${index}`) })
    case 'array':
      return named({ type: 'array', items: avscSchema(type.items, { ...place, path: `${place.path}_a` }) })
    case 'map':
      return named({ type: 'map', values: avscSchema(type.values, { ...place, path: `${place.path}_m` }) })
    case 'union':
      return named(
        type.branches.map((branch, index) =>
          avscSchema(branch, { ...place, path: `${place.path}_u${index}` }),
        ),
      )
    case 'record':
      return named({
        type: 'record',
        name: place.path,
        fields: type.fields.map((field, index) => avscField(field, index, place)),
      })
    default:
      return type.kind
  }
}

function avscField(
  field: AvroField,
  index: number,
  place: Place,
): { name: string; type: avsc.schema.AvroSchema } {
  const name = field.id === undefined ? `x${index}` : fieldKey(field.id)
  const inner = { ...place, path: `${place.path}_${index}`, fieldId: field.id ?? place.fieldId }
  return { name, type: avscSchema(field.type, inner) }
}

/** avsc's typings ask for literal types that a schema made at run time does not have. */
function named(schema: object): avsc.schema.AvroSchema {
  return schema as avsc.schema.AvroSchema
}
