import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../src/base/json.js'
import {
  parsePartitionFields,
  parsePartitionSpec,
  serializePartitionFields,
  serializePartitionSpec,
} from '../../src/schema/partition-spec-json.js'
import { parseSortOrder, serializeSortOrder } from '../../src/schema/sort-order-json.js'

const SPEC: JsonObject = {
  'spec-id': 4,
  fields: [
    { name: 'ts_day', transform: 'day', 'source-id': 3, 'field-id': 1000 },
    { name: 'id_bucket', transform: 'bucket[16]', 'source-id': 1, 'field-id': 1002 },
    { name: 'odd', transform: 'hilbert[3]', 'source-id': 1, 'field-id': 1003 },
  ],
}
const ORDER: JsonObject = {
  'order-id': 2,
  fields: [
    { transform: 'identity', 'source-id': 3, direction: 'asc', 'null-order': 'nulls-first' },
    { transform: 'truncate[4]', 'source-id': 1, direction: 'desc', 'null-order': 'nulls-last' },
  ],
}

describe('partition specs as JSON', () => {
  it('writes back what it read, unknown transforms too', () => {
    expect(serializePartitionSpec(parsePartitionSpec(SPEC))).toEqual(SPEC)
    expect(serializePartitionFields(parsePartitionFields(SPEC.fields ?? null))).toEqual(SPEC.fields)
  })

  it('numbers the fields of v1 by position', () => {
    const fields = parsePartitionFields([
      { name: 'a', transform: 'identity', 'source-id': 1 },
      { name: 'b', transform: 'void', 'source-id': 2 },
    ])
    expect(fields.map(field => field.fieldId)).toEqual([1000, 1001])
  })

  it('takes one source column as a list', () => {
    const field = { name: 'a', transform: 'identity', 'field-id': 1000 }
    const [parsed] = parsePartitionFields([{ ...field, 'source-ids': [7] }])
    expect(parsed).toEqual({ name: 'a', fieldId: 1000, sourceId: 7, transform: { kind: 'identity' } })
    for (const sources of [[], ['7'], null, [1.5]])
      expect(() => parsePartitionFields([{ ...field, 'source-ids': sources }])).toThrow(
        expect.objectContaining({ kind: 'corrupt' }),
      )
  })

  it('keeps a transform of several columns as one that is not known, and writes it back', () => {
    const field = { name: 'a', transform: 'bucket[4]', 'source-ids': [7, 8], 'field-id': 1000 }
    const [parsed] = parsePartitionFields([{ ...field, 'source-id': 7 }])
    expect(parsed).toMatchObject({
      sourceId: 7,
      sourceIds: [7, 8],
      transform: { kind: 'unsupported', text: 'bucket[4]' },
    })
    expect(serializePartitionFields(parsePartitionFields([field]))).toEqual([field])
    const sorted = {
      transform: 'zorder',
      'source-ids': [1, 2],
      direction: 'asc',
      'null-order': 'nulls-first',
    }
    const order = { 'order-id': 1, fields: [sorted] }
    expect(serializeSortOrder(parseSortOrder(order))).toEqual(order)
  })

  it('refuses JSON that is no spec', () => {
    const field = { name: 'a', transform: 'identity', 'source-id': 1 }
    const broken: JsonObject[] = [
      { fields: [field] },
      { 'spec-id': 0 },
      { 'spec-id': 0, fields: [{ ...field, name: 1 }] },
      { 'spec-id': 0, fields: [{ ...field, 'source-id': null }] },
      { 'spec-id': 0, fields: [{ ...field, transform: 3 }] },
    ]
    for (const json of broken)
      expect(() => parsePartitionSpec(json)).toThrow(expect.objectContaining({ kind: 'corrupt' }))
  })
})

describe('sort orders as JSON', () => {
  it('writes back what it read', () => {
    expect(serializeSortOrder(parseSortOrder(ORDER))).toEqual(ORDER)
  })

  it('does not mind upper case', () => {
    const upper = { transform: 'identity', 'source-id': 3, direction: 'ASC', 'null-order': 'NULLS-LAST' }
    const order = parseSortOrder({ 'order-id': 1, fields: [upper] })
    expect(order.fields[0]).toMatchObject({ direction: 'asc', nullOrder: 'nulls-last' })
  })

  it('refuses other directions', () => {
    const field = { transform: 'identity', 'source-id': 3, direction: 'up', 'null-order': 'nulls-last' }
    expect(() => parseSortOrder({ 'order-id': 1, fields: [field] })).toThrow(
      expect.objectContaining({ kind: 'corrupt' }),
    )
  })
})
