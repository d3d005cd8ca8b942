/** Partition specs and sort orders that this version does not understand: a table keeps them, and is only read. */
import { describe, expect, it } from 'vitest'
import { type JsonObject, parseJson, stringifyJson } from '../../src/base/json.js'
import { checkWritable } from '../../src/metadata/new-table.js'
import { parseTableMetadata, serializeTableMetadata } from '../../src/metadata/table-metadata-json.js'

const SCHEMA: JsonObject = {
  type: 'struct',
  'schema-id': 0,
  fields: [
    { id: 1, name: 'x', required: true, type: 'long' },
    { id: 2, name: 'y', required: false, type: 'string' },
    { id: 3, name: 'g', required: false, type: 'geometry(srid:4326)' },
    { id: 4, name: 'v', required: false, type: 'variant' },
  ],
}

function metadataWith(fields: readonly JsonObject[], sorted: readonly JsonObject[] = []): JsonObject {
  return {
    'format-version': 3,
    'table-uuid': '9c12d441-03fe-4693-9a96-a0705ddf69c1',
    location: 's3://bucket/orders',
    'last-sequence-number': 0,
    'last-updated-ms': 1_602_638_573_590,
    'last-column-id': 4,
    'current-schema-id': 0,
    schemas: [SCHEMA],
    'default-spec-id': 1,
    'partition-specs': [
      { 'spec-id': 0, fields: [] },
      { 'spec-id': 1, fields },
    ],
    'last-partition-id': 1000,
    'default-sort-order-id': 1,
    'sort-orders': [
      { 'order-id': 0, fields: [] },
      { 'order-id': 1, fields: sorted },
    ],
    'next-row-id': 0,
  }
}

const ODD: JsonObject = { name: 'p', transform: 'hilbert[2]', 'source-id': 1, 'field-id': 1000 }
const MANY: JsonObject = { name: 'p', transform: 'bucket[4]', 'source-ids': [1, 2], 'field-id': 1000 }
const MANY_SORTED: JsonObject = {
  transform: 'zorder',
  'source-ids': [1, 2],
  direction: 'asc',
  'null-order': 'nulls-first',
}

describe('a table with a transform that is not known, or one of several columns', () => {
  it.each([ODD, MANY])('keeps it as it is: %j', field => {
    const json = metadataWith([field], [MANY_SORTED])
    const metadata = parseTableMetadata(stringifyJson(json))
    expect(parseJson(serializeTableMetadata(metadata))).toMatchObject({
      'partition-specs': json['partition-specs'],
      'sort-orders': json['sort-orders'],
      schemas: [SCHEMA],
    })
  })

  it.each([ODD, MANY])('is not written: %j', field => {
    const metadata = parseTableMetadata(stringifyJson(metadataWith([field])))
    expect(() => checkWritable(metadata)).toThrow(expect.objectContaining({ kind: 'unsupported' }))
  })

  it('is written when only an old spec has it', () => {
    const metadata = parseTableMetadata(stringifyJson({ ...metadataWith([MANY]), 'default-spec-id': 0 }))
    expect(() => checkWritable(metadata)).not.toThrow()
  })
})
