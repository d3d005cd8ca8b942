/**
 * Our vectors as Apache Arrow's: they have its layout, so most buffers cross without a copy.
 *
 * A field id becomes the metadata `PARQUET:field_id`, at every depth, which is where Parquet writers and readers look
 * for it; variants and shapes become extension types. Which copy of the package makes the objects is the caller's
 * choice: what is handed out is made by the copy that a user's own import finds (`arrow.ts`); where only bytes leave,
 * the package's own bundle will do, one file in place of a hundred, which loads in a fifth of the time and can be
 * required when the first bytes are asked for.
 */
import { createRequire } from 'node:module'
import type {
  Field as ArrowField,
  Schema as ArrowSchema,
  Vector as ArrowVector,
  Binary,
  Data,
  DataType,
  Decimal,
  Dictionary,
  Int32,
  RecordBatch,
  Struct,
} from 'apache-arrow'
import { unreachable } from '../base/assert.js'
import { LakeError } from '../base/errors.js'
import type { Bitmap, ColumnBatch, DictionaryVector, Vector } from '../batch/column-batch.js'
import { withSharedDictionaries } from '../batch/shared-dictionaries.js'
import { nullVectorOf, plainVector } from '../batch/take.js'
import type { Field, Type } from '../schema/types.js'
import { extensionMetadata, FIELD_ID_KEY } from './arrow-extensions.js'
import { splitVariantVector } from './parquet/variant/variant.js'

/** A copy of the package. */
export type ArrowLibrary = typeof import('apache-arrow')

/** The Arrow schema of Iceberg fields. */
export function arrowSchema(fields: readonly Field[], arrow: ArrowLibrary): ArrowSchema {
  return new arrow.Schema(fieldsOf(fields, arrow))
}

function fieldsOf(fields: readonly Field[], arrow: ArrowLibrary): ArrowField[] {
  return fields.map(field => arrowField(field, arrow))
}

function arrowField(field: Field, arrow: ArrowLibrary): ArrowField {
  const metadata = new Map([[FIELD_ID_KEY, String(field.id)], ...extensionMetadata(field.type)])
  return new arrow.Field(field.name, arrowType(field.type, arrow), !field.required, metadata)
}

function arrowType(type: Type, arrow: ArrowLibrary): DataType {
  switch (type.kind) {
    case 'boolean':
      return new arrow.Bool()
    case 'int':
      return new arrow.Int32()
    case 'long':
      return new arrow.Int64()
    case 'float':
      return new arrow.Float32()
    case 'double':
      return new arrow.Float64()
    case 'decimal':
      return new arrow.Decimal(type.scale, type.precision, 128)
    case 'date':
      return new arrow.DateDay()
    case 'time':
      return new arrow.TimeMicrosecond()
    case 'timestamp':
      return new arrow.TimestampMicrosecond(null)
    case 'timestamptz':
      return new arrow.TimestampMicrosecond('UTC')
    case 'timestamp_ns':
      return new arrow.TimestampNanosecond(null)
    case 'timestamptz_ns':
      return new arrow.TimestampNanosecond('UTC')
    case 'string':
      return new arrow.Utf8()
    case 'uuid':
      return new arrow.FixedSizeBinary(16)
    case 'fixed':
      return new arrow.FixedSizeBinary(type.lengthBytes)
    case 'binary':
    case 'geometry':
    case 'geography':
      return new arrow.Binary()
    case 'variant':
      return structOf(
        ['metadata', 'value'].map(part => new arrow.Field(part, new arrow.Binary(), false)),
        arrow,
      )
    case 'unknown':
      return new arrow.Null()
    case 'list':
      return new arrow.List(arrowField(elementOf(type), arrow))
    case 'map':
      return new arrow.Map_(
        new arrow.Field('key_value', structOf(fieldsOf(entriesOf(type), arrow), arrow), false),
      )
    case 'struct':
      return structOf(fieldsOf(type.fields, arrow), arrow)
    default:
      return unreachable(type)
  }
}

type KeyValueStruct = Struct<{ key: DataType; value: DataType }>

function structOf(fields: readonly ArrowField[], arrow: ArrowLibrary): KeyValueStruct {
  // The package's types want the children's names; ours are data.
  return new arrow.Struct([...fields] as never)
}

function elementOf(type: Type & { kind: 'list' }): Field {
  return { id: type.elementId, name: 'element', required: type.elementRequired, type: type.element }
}

function entriesOf(type: Type & { kind: 'map' }): [Field, Field] {
  return [
    { id: type.keyId, name: 'key', required: true, type: type.key },
    { id: type.valueId, name: 'value', required: type.valueRequired, type: type.value },
  ]
}

/** The batches as Arrow's, over the same memory: dictionary vectors become dictionary columns. */
export function recordsOf(
  fields: readonly Field[],
  batches: readonly ColumnBatch[],
  arrow: ArrowLibrary,
): RecordBatch[] {
  const dictionaries: ArrowDictionaries = new Map()
  return withSharedDictionaries(fields, batches).map(batch => recordOf(batch, { arrow, dictionaries }))
}

/** Dictionaries by our vectors: batches that share one share it in Arrow too, where it has an identity. */
type ArrowDictionaries = Map<Vector, { readonly type: Dictionary; readonly vector: ArrowVector }>

/** What makes the objects, and the dictionaries that it made. */
interface ArrowMaking {
  readonly arrow: ArrowLibrary
  readonly dictionaries: ArrowDictionaries
}

function recordOf(batch: ColumnBatch, making: ArrowMaking): RecordBatch {
  const { arrow } = making
  const children = batch.fields.map((field, index) => {
    const vector = batch.columns[index] as Vector
    const isEncoded = vector.layout === 'dictionary' && field.type.kind !== 'variant'
    return isEncoded ? dictionaryData(vector, field.type, making) : dataOf(vector, field.type, arrow)
  })
  const schema = new arrow.Schema(typedFields(batch.fields, children, arrow))
  const type = structOf(schema.fields, arrow)
  return new arrow.RecordBatch(schema, arrow.makeData({ type, length: batch.length, nullCount: 0, children }))
}

/** The fields with the types that their data has: dictionaries and what stands for them are in no Iceberg type. */
function typedFields(fields: readonly Field[], data: readonly Data[], arrow: ArrowLibrary): ArrowField[] {
  return fields.map((field, index) => arrowField(field, arrow).clone({ type: (data[index] as Data).type }))
}

/** The batches, which have the same fields, as one Arrow IPC stream. */
export function batchesToIpc(fields: readonly Field[], batches: readonly ColumnBatch[]): Uint8Array {
  const arrow = arrowBundle()
  const records = recordsOf(fields, batches, arrow)
  const schema = records[0]?.schema ?? arrowSchema(fields, arrow)
  return arrow.tableToIPC(new arrow.Table(schema, records), 'stream')
}

/** The package as the one file that it brings. The first call takes milliseconds, and is the only one that loads. */
function arrowBundle(): ArrowLibrary {
  return createRequire(import.meta.url)('apache-arrow/Arrow.esnext.min') as ArrowLibrary
}

function dataOf(vector: Vector, type: Type, arrow: ArrowLibrary): Data {
  if (type.kind === 'variant') return variantData(vector, type, arrow)
  const { length } = vector
  const nullBitmap = vector.layout === 'null' ? undefined : vector.validity
  const base = nullBitmap === undefined ? { length, nullCount: 0 } : { length, nullBitmap }
  switch (vector.layout) {
    case 'null':
      return arrow.makeData({ type: new arrow.Null(), length })
    case 'fixed-width':
      return arrow.makeData({
        ...base,
        type: arrowType(type, arrow) as Int32,
        data: vector.values as Int32Array,
      })
    case 'decimal':
      return arrow.makeData({
        ...base,
        type: arrowType(type, arrow) as Decimal,
        data: halfWords(vector.words, length),
      })
    case 'boolean':
      return arrow.makeData({ ...base, type: new arrow.Bool(), data: vector.bits })
    case 'fixed-bytes':
      return arrow.makeData({
        ...base,
        type: new arrow.FixedSizeBinary(vector.widthBytes),
        data: vector.bytes,
      })
    case 'var-bytes': {
      const valueOffsets = vector.offsets.subarray(0, length + 1)
      return arrow.makeData({
        ...base,
        type: arrowType(type, arrow) as Binary,
        valueOffsets,
        data: vector.bytes,
      })
    }
    case 'dictionary':
      return dictionaryData(vector, type, { arrow, dictionaries: new Map() })
    case 'list':
    case 'map':
    case 'struct':
      return nestedDataOf(vector, type, { base, arrow })
    default:
      return unreachable(vector)
  }
}

function dictionaryData(vector: DictionaryVector, type: Type, { arrow, dictionaries }: ArrowMaking): Data {
  const { length, validity, codes, dictionary } = vector
  let shared = dictionaries.get(dictionary)
  if (shared === undefined) {
    const entries = dataOf(dictionary, type, arrow)
    shared = {
      type: new arrow.Dictionary(entries.type, new arrow.Int32()),
      vector: arrow.makeVector(entries),
    }
    dictionaries.set(dictionary, shared)
  }
  const base = validity === undefined ? { length, nullCount: 0 } : { length, nullBitmap: validity }
  return arrow.makeData({
    ...base,
    type: shared.type,
    data: codes.subarray(0, length),
    dictionary: shared.vector,
  })
}

/** Never a dictionary: the storage of the extension is its struct. */
function variantData(vector: Vector, type: Type, arrow: ArrowLibrary): Data {
  const { length } = vector
  const variants = vector.layout === 'null' ? nullVectorOf(type, length) : plainVector(vector)
  if (variants.layout !== 'var-bytes') throw misshapen(vector, type)
  const { metadata, value } = splitVariantVector(variants)
  const children = [metadata, value].map(part =>
    dataOf({ ...part, validity: undefined }, { kind: 'binary' }, arrow),
  )
  const nullBitmap = variants.validity
  const base = nullBitmap === undefined ? { length, nullCount: 0 } : { length, nullBitmap }
  return arrow.makeData({ ...base, type: arrowType(type, arrow) as KeyValueStruct, children })
}

type NestedVector = Vector & { layout: 'list' | 'map' | 'struct' }

/** What is the same in the data of every type: rows and nulls. */
type DataBase = { readonly length: number; readonly nullBitmap?: Bitmap }

interface NestedMaking {
  readonly base: DataBase
  readonly arrow: ArrowLibrary
}

function nestedDataOf(vector: NestedVector, type: Type, making: NestedMaking): Data {
  const { base, arrow } = making
  if (vector.layout === 'list' && type.kind === 'list') {
    const child = dataOf(vector.element, type.element, arrow)
    const element = arrowField(elementOf(type), arrow).clone({ type: child.type })
    return arrow.makeData({ ...base, type: new arrow.List(element), valueOffsets: vector.offsets, child })
  }
  if (vector.layout === 'map' && type.kind === 'map') {
    const [key, value] = entriesOf(type)
    const entries = structData(
      [key, value],
      [dataOf(vector.keys, type.key, arrow), dataOf(vector.values, type.value, arrow)],
      { base: { length: Math.min(vector.keys.length, vector.values.length) }, arrow },
    )
    const entry = new arrow.Field('key_value', entries.type, false)
    return arrow.makeData({
      ...base,
      type: new arrow.Map_(entry),
      valueOffsets: vector.offsets,
      child: entries,
    })
  }
  if (vector.layout === 'struct' && type.kind === 'struct') {
    const children = type.fields.map((field, index) =>
      dataOf(vector.children[index] as Vector, field.type, arrow),
    )
    return structData(type.fields, children, making)
  }
  throw misshapen(vector, type)
}

function misshapen(vector: Vector, type: Type): LakeError {
  return new LakeError('invalid-argument', 'a column does not have the layout of its type', {
    context: { layout: vector.layout, type: type.kind },
  })
}

function structData(
  fields: readonly Field[],
  children: Data[],
  { base, arrow }: NestedMaking,
): Data<KeyValueStruct> {
  return arrow.makeData({ ...base, type: structOf(typedFields(fields, children, arrow), arrow), children })
}

/** Arrow's decimals are views of 32-bit words, four a value. */
function halfWords(words: BigInt64Array, length: number): Uint32Array {
  return new Uint32Array(words.buffer, words.byteOffset, length * 4)
}
