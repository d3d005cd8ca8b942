/** Data and delete files on the wire: what Java writes is read, what is written comes back. */
import { describe, expect, it } from 'vitest'
import { LakeError } from '../../src/base/errors.js'
import { type JsonObject, parseJson, stringifyJson } from '../../src/base/json.js'
import { asObject } from '../../src/base/json-fields.js'
import type { ContentFile, DataFile } from '../../src/manifest/content-file.js'
import { createContentFileCodec } from '../../src/rest/content-file-json.js'
import type { PartitionField } from '../../src/schema/partition-spec.js'
import type { Schema } from '../../src/schema/types.js'
import { serializeValue } from '../../src/schema/value.js'

const SCHEMA: Schema = {
  schemaId: 1,
  fields: [
    { id: 1, name: 'id', required: true, type: { kind: 'long' } },
    { id: 2, name: 'name', required: false, type: { kind: 'string' } },
    { id: 3, name: 'at', required: false, type: { kind: 'timestamptz' } },
    { id: 4, name: 'ratio', required: false, type: { kind: 'double' } },
    { id: 5, name: 'raw', required: false, type: { kind: 'binary' } },
    { id: 6, name: 'price', required: false, type: { kind: 'decimal', precision: 9, scale: 2 } },
  ],
  identifierFieldIds: [],
}
/** Has a column that was dropped since. */
const OLD: Schema = {
  ...SCHEMA,
  schemaId: 0,
  fields: [...SCHEMA.fields, { id: 9, name: 'gone', required: false, type: { kind: 'int' } }],
}

function field(sourceId: number, fieldId: number, transform: PartitionField['transform']): PartitionField {
  return { sourceId, fieldId, name: `f${fieldId}`, transform }
}

const codec = createContentFileCodec({
  schemas: [OLD, SCHEMA],
  currentSchemaId: 1,
  partitionSpecs: [
    { specId: 0, fields: [] },
    {
      specId: 1,
      fields: [
        field(3, 1000, { kind: 'day' }),
        field(4, 1001, { kind: 'identity' }),
        field(5, 1002, { kind: 'identity' }),
        field(6, 1003, { kind: 'identity' }),
        field(9, 1004, { kind: 'identity' }),
        field(1, 1005, { kind: 'bucket', count: 8 }),
        field(77, 1006, { kind: 'identity' }),
      ],
    },
  ],
})

const long = (value: bigint): Uint8Array => serializeValue({ kind: 'long' }, value)

const DATA: DataFile = {
  content: 'data',
  location: 's3://b/t/data/a.parquet',
  format: 'parquet',
  specId: 1,
  partition: [19782, 1, Uint8Array.of(171, 205), 12_30n, 7, 3, null],
  recordCount: 100,
  fileSizeBytes: 5000,
  firstRowId: 2n ** 60n,
  keyMetadata: Uint8Array.of(222, 173),
  splitOffsets: [4, 2048],
  sortOrderId: 0,
  columnSizes: new Map([[1, 800]]),
  valueCounts: new Map([[1, 100]]),
  nullValueCounts: new Map([[1, 0]]),
  nanValueCounts: new Map([[4, 2]]),
  lowerBounds: new Map([[1, long(-5n)]]),
  upperBounds: new Map([[1, long(2n ** 62n)]]),
}
const UNPARTITIONED = { specId: 0, partition: [], recordCount: 3, fileSizeBytes: 60 }
const VECTOR: ContentFile = {
  ...UNPARTITIONED,
  content: 'position-deletes',
  location: 's3://b/t/data/d.puffin',
  format: 'puffin',
  referencedDataFile: DATA.location,
  contentOffset: 4,
  contentSizeBytes: 40,
}
const EQUALITY: ContentFile = {
  ...UNPARTITIONED,
  content: 'equality-deletes',
  location: 's3://b/t/data/e.avro',
  format: 'avro',
  equalityFieldIds: [1, 2],
}

/** Through text, as on the wire. */
function wire(json: JsonObject): JsonObject {
  return asObject(parseJson(stringifyJson(json)), 'wire')
}

function errorOf(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    return error instanceof LakeError ? { kind: error.kind, field: error.context.field } : error
  }
}

describe('a content file', () => {
  it.each([
    ['of data', DATA],
    ['of a deletion vector', VECTOR],
    ['of equality deletes', EQUALITY],
    ['of nulls', { ...DATA, partition: [null, null, null, null, null, null, null] }],
  ])('%s comes back as it was', (_name, file) => {
    expect(codec.parse(wire(codec.serialize(file)))).toEqual(file)
  })

  it('is written as Java writes it', () => {
    const text = stringifyJson(codec.serialize(DATA))
    expect(text).toContain('"partition":["2024-02-29",1.0,"ABCD","12.30",7,3,null]')
    expect(text).toContain('"first-row-id":1152921504606846976')
    expect(codec.serialize(DATA)).toMatchObject({
      content: 'data',
      'file-format': 'parquet',
      'key-metadata': 'DEAD',
      'lower-bounds': { keys: [1], values: ['FBFFFFFFFFFFFFFF'] },
      'value-counts': { keys: [1], values: [100] },
    })
  })

  it('has the statistics that are asked for; deletes have none', () => {
    const some = codec.serialize(DATA, { statisticsOf: new Set([4]) })
    expect(some).toMatchObject({
      'nan-value-counts': { keys: [4], values: [2] },
      'lower-bounds': { keys: [], values: [] },
    })
    expect(codec.serialize({ ...VECTOR, valueCounts: new Map([[1, 1]]) })).toEqual(codec.serialize(VECTOR))
  })

  it('is read as Java wrote it before: in capitals, with a partition by field id', () => {
    const json = {
      ...wire(codec.serialize(DATA)),
      content: 'DATA',
      'file-format': 'PARQUET',
      partition: { 1000: '2024-02-29', 1001: 1.5, 1005: 3 },
    }
    expect(codec.parse(json)).toMatchObject({
      format: 'parquet',
      partition: [19782, 1.5, null, null, null, 3, null],
    })
    const old = { ...wire(codec.serialize(VECTOR)), content: 'POSITION_DELETES', partition: {} }
    expect(codec.parse(old)).toEqual(VECTOR)
  })

  it('has bounds as plain values, where they cannot be anything else', () => {
    const json = {
      ...wire(codec.serialize(DATA)),
      'lower-bounds': {
        keys: [1, 2, 3, 4, 5, 6, 88],
        values: [-5, 'cafe', '2024-02-29T00:00:00+00:00', 1.5, 'CAFE', '12', 1],
      },
      'upper-bounds': { keys: [1, 3, 4], values: ['FF', 'yesterday', { a: 1 }] },
    }
    const { lowerBounds, upperBounds } = codec.parse(json)
    expect(lowerBounds).toEqual(
      new Map([
        [1, long(-5n)],
        [3, long(1_709_164_800_000_000n)],
        [4, serializeValue({ kind: 'double' }, 1.5)],
        [5, Uint8Array.of(202, 254)],
      ]),
    )
    expect(upperBounds).toEqual(new Map())
  })

  it.each<[string, JsonObject, string]>([
    ['an unknown spec', { 'spec-id': 9 }, 'spec-id'],
    ['an unknown kind', { content: 'index' }, 'content'],
    ['an unknown format', { 'file-format': 'vortex' }, 'file-format'],
    ['a negative count', { 'record-count': -1 }, 'record-count'],
    ['no size', { 'file-size-in-bytes': null }, 'file-size-in-bytes'],
    ['too few partition values', { partition: [1] }, 'partition'],
    ['no partition', { partition: null }, 'partition'],
    ['more keys than values', { 'value-counts': { keys: [1, 2], values: [1] } }, 'value-counts'],
    ['counts that are none', { 'value-counts': { keys: [1], values: ['1'] } }, 'value-counts'],
    ['key metadata that is no hex', { 'key-metadata': '?' }, 'key-metadata'],
    ['equality deletes of no column', { content: 'equality-deletes' }, 'equality-ids'],
  ])('with %s is refused', (_name, change, named) => {
    const json = { ...wire(codec.serialize(DATA)), ...change }
    expect(errorOf(() => codec.parse(json))).toEqual({ kind: 'corrupt', field: named })
  })

  it('of a spec that the table does not have is not written', () => {
    expect(errorOf(() => codec.serialize({ ...DATA, specId: 9 }))).toMatchObject({ kind: 'invalid-argument' })
  })
})
