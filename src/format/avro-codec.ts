/**
 * Encoding and decoding of Avro records. avsc does the work; nothing else imports it.
 *
 * - Names are not looked at: every field is handed to avsc under a name made of its field id (`fieldKey`), so a
 *   record comes out resolved by field id and whatever a writer called its fields.
 * - A long is exact: a bigint, or a number where the caller says that it is a count (checked to be safe).
 * - avsc trusts its input: a broken length or count makes it read on for ever. So bytes are walked once against
 *   the schema, with every length checked, before avsc sees them (`skipAvro`).
 */
import avsc from 'avsc'
import { asBuffer } from '../base/bytes.js'
import { errorText, LakeError } from '../base/errors.js'
import { type AvroField, type AvroRecordType, type AvroType, withPrefixedFixed } from './avro-schema.js'
import { skipAvro } from './avro-skip.js'

/** A decoded record: values by `fieldKey`. */
export type AvroRecord = { readonly [key: string]: unknown }

/** The property of a decoded record that holds the field of that id. */
export function fieldKey(id: number): string {
  return `f${id}`
}

export interface AvroCodecOptions {
  /** Ids of fields whose longs are counts: plain numbers, also inside their lists and maps. Other longs are bigints. */
  readonly countIds?: ReadonlySet<number> | undefined
  /** Ids of fields that are passed over and absent from the decoded record. */
  readonly skipIds?: ReadonlySet<number> | undefined
  /** Plain fixed values are stored with a length before them, see `withPrefixedFixed`. */
  readonly prefixedFixed?: boolean | undefined
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

const exactLong = avsc.types.LongType.__with({
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

/** A codec for the records of a schema. */
export function createAvroCodec(schema: AvroRecordType, options: AvroCodecOptions = {}): AvroCodec {
  const type = options.prefixedFixed ? withPrefixedFixed(schema) : schema
  const { writer, reader, resolver } = avscTypes(type, options)
  return {
    decode: (block, count) => {
      checkBlock(type, block, count)
      const buffer = asBuffer(block)
      const records = new Array<AvroRecord>(count)
      let at = 0
      try {
        for (let index = 0; index < count; index++) {
          const decoded = reader.decode(buffer, at, resolver)
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
    encode: record => writer.toBuffer(record),
  }
}

function checkBlock(type: AvroType, block: Uint8Array, count: number): void {
  const cursor = { bytes: block, at: 0 }
  for (let index = 0; index < count; index++) skipAvro(type, cursor)
  if (cursor.at !== block.length) throw new LakeError('corrupt', 'an avro block holds more than its records')
}

/** What avsc makes of a schema. */
interface AvscTypes {
  readonly writer: avsc.Type
  readonly reader: avsc.Type
  /** Undefined when the reader reads all that the writer wrote. */
  readonly resolver: object | undefined
}

const TYPES_KEPT_MAX = 64
/**
 * By the schemas' text, the oldest first. Most files of a table have the same few schemas, and making avsc's types
 * (it compiles functions for each) costs more than decoding a small manifest with them.
 */
const typesKept = new Map<string, AvscTypes>()

function avscTypes(type: AvroRecordType, options: AvroCodecOptions): AvscTypes {
  const { countIds, skipIds } = options
  const written = JSON.stringify(rootSchema(type, { countIds }))
  const isPartial = skipIds !== undefined && skipIds.size > 0
  const read = isPartial ? JSON.stringify(rootSchema(type, options)) : undefined
  const key = `${written}\n${read ?? ''}`
  const kept = typesKept.get(key)
  if (kept !== undefined) return kept
  const writer = avscType(written)
  const reader = read === undefined ? writer : avscType(read)
  const resolver = reader === writer ? undefined : reader.createResolver(writer)
  const [oldest] = typesKept.keys()
  if (oldest !== undefined && typesKept.size >= TYPES_KEPT_MAX) typesKept.delete(oldest)
  const types = { writer, reader, resolver }
  typesKept.set(key, types)
  return types
}

function rootSchema(type: AvroRecordType, options: AvroCodecOptions): avsc.schema.AvroSchema {
  return avscSchema(type, { ...options, path: 'r', fieldId: undefined })
}

/** avsc changes the schema and the options that it is given, so both are made anew. */
function avscType(schemaText: string): avsc.Type {
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
        fields: type.fields.flatMap((field, index) => avscField(field, index, place)),
      })
    default:
      return type.kind
  }
}

function avscField(
  field: AvroField,
  index: number,
  place: Place,
): { name: string; type: avsc.schema.AvroSchema }[] {
  if (field.id !== undefined && place.skipIds?.has(field.id)) return []
  const name = field.id === undefined ? `x${index}` : fieldKey(field.id)
  const inner = { ...place, path: `${place.path}_${index}`, fieldId: field.id ?? place.fieldId }
  return [{ name, type: avscSchema(field.type, inner) }]
}

/** avsc's typings ask for literal types that a schema made at run time does not have. */
function named(schema: object): avsc.schema.AvroSchema {
  return schema as avsc.schema.AvroSchema
}
