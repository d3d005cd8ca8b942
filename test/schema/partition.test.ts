import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkSortOrder } from '../../src/schema/check-sort-order.js'
import {
  checkPartitionSpec,
  isUnpartitioned,
  partitionField,
  partitionKey,
  partitionPath,
  partitionType,
  unifiedPartitionType,
  unifiedTuple,
} from '../../src/schema/partition.js'
import type { PartitionField, PartitionSpec, Transform } from '../../src/schema/partition-spec.js'
import { parseDate, parseTime, parseTimestamp } from '../../src/schema/time.js'
import { parseTransform } from '../../src/schema/transform.js'
import { parseType } from '../../src/schema/type-text.js'
import type { Field, Schema, Type, Value } from '../../src/schema/types.js'
import { parseUuid } from '../../src/schema/uuid-text.js'
import { equalValues } from '../../src/schema/value.js'
import { anyValueOrNull, primitiveType } from './arbitrary.js'

function column(id: number, name: string, type: string): Field {
  return { id, name, required: false, type: parseType(type) }
}
function schemaOf(...fields: Field[]): Schema {
  return { schemaId: 0, fields, identifierFieldIds: [] }
}
function specOf(...fields: [sourceId: number, name: string, transform: string][]): PartitionSpec {
  return {
    specId: 1,
    fields: fields.map(([sourceId, name, transform], at) => ({
      sourceId,
      name,
      fieldId: 1000 + at,
      transform: parseTransform(transform),
    })),
  }
}
function pathOf(type: string, transform: string, value: Value | undefined): string {
  expect(value).toBeDefined()
  return partitionPath(specOf([1, 'p', transform]), schemaOf(column(1, 'c', type)), [value ?? null])
}

describe('the type of a tuple', () => {
  it('has the ids and names of the partition fields and the types of the transforms', () => {
    const schema = schemaOf(column(1, 'id', 'long'), column(2, 'ts', 'timestamptz'), column(3, 's', 'string'))
    const spec = specOf([1, 'b', 'bucket[4]'], [2, 'd', 'day'], [3, 's3', 'truncate[3]'], [1, 'v', 'void'])
    expect(partitionType(spec, schema).fields).toEqual([
      { id: 1000, name: 'b', required: false, type: { kind: 'int' } },
      { id: 1001, name: 'd', required: false, type: { kind: 'date' } },
      { id: 1002, name: 's3', required: false, type: { kind: 'string' } },
      { id: 1003, name: 'v', required: false, type: { kind: 'long' } },
    ])
  })

  it('keeps the place of a field whose column was dropped, and finds its type in an older schema', () => {
    const spec = specOf([9, 'gone', 'identity'], [9, 'gone_day', 'day'])
    const now = schemaOf(column(1, 'id', 'long'))
    const then = schemaOf(column(9, 'gone', 'timestamp'))
    expect(partitionType(spec, now).fields.map(field => field.type.kind)).toEqual(['unknown', 'date'])
    expect(partitionType(spec, [now, then]).fields.map(field => field.type.kind)).toEqual([
      'timestamp',
      'date',
    ])
  })

  it('is unpartitioned without fields, or with void ones only', () => {
    expect(isUnpartitioned(specOf())).toBe(true)
    expect(isUnpartitioned(specOf([1, 'a', 'void'], [2, 'b', 'void']))).toBe(true)
    expect(isUnpartitioned(specOf([1, 'a', 'void'], [2, 'b', 'identity']))).toBe(false)
  })
})

describe('the type of the tuples of all specs', () => {
  const schema = schemaOf(column(1, 'id', 'long'), column(2, 'ts', 'timestamptz'), column(3, 's', 'string'))
  const spec = (specId: number, ...fields: [number, number, string, string][]): PartitionSpec => ({
    specId,
    fields: fields.map(([fieldId, sourceId, name, transform]) => ({
      fieldId,
      sourceId,
      name,
      transform: parseTransform(transform),
    })),
  })

  it('has every field once, in the order of the ids, under its newest name', () => {
    const specs = [
      spec(0, [1000, 2, 'ts_day', 'day']),
      spec(2, [1002, 3, 's', 'identity'], [1001, 1, 'shard', 'bucket[2]']),
      spec(1, [1000, 2, 'day', 'day'], [1001, 1, 'b', 'bucket[2]']),
    ]
    expect(unifiedPartitionType(specs, schema).fields).toEqual([
      { id: 1000, name: 'day', required: false, type: { kind: 'date' } },
      { id: 1001, name: 'shard', required: false, type: { kind: 'int' } },
      { id: 1002, name: 's', required: false, type: { kind: 'string' } },
    ])
    expect(unifiedPartitionType([], schema).fields).toEqual([])
    expect(partitionField(specs, schema)).toMatchObject({ id: 2 ** 31 - 6, name: '_partition' })
  })

  it('keeps the type that a field had before it became void, whatever came first', () => {
    const was = spec(0, [1000, 2, 'd', 'day'])
    const is = spec(1, [1000, 2, 'd2', 'void'])
    for (const specs of [
      [was, is],
      [is, was],
    ]) {
      const [field] = unifiedPartitionType(specs, schema).fields
      expect(field).toMatchObject({ name: 'd2', type: { kind: 'date' } })
    }
    expect(unifiedPartitionType([is], schema).fields[0]?.type).toEqual({ kind: 'timestamptz' })
  })

  it('leaves out fields of columns that are gone, as Java does', () => {
    const specs = [spec(0, [1000, 9, 'gone', 'identity'], [1001, 3, 's', 'identity'])]
    expect(unifiedPartitionType(specs, schema).fields.map(field => field.id)).toEqual([1001])
  })

  it('refuses one id for two fields, and transforms that are not known', () => {
    const clash = [spec(0, [1000, 1, 'a', 'identity']), spec(1, [1000, 3, 'b', 'identity'])]
    expect(() => unifiedPartitionType(clash, schema)).toThrow(expect.objectContaining({ kind: 'corrupt' }))
    const odd = [spec(0, [1000, 1, 'a', 'hilbert[2]'])]
    expect(() => unifiedPartitionType(odd, schema)).toThrow(expect.objectContaining({ kind: 'unsupported' }))
  })

  it('takes tuples of each spec, with nulls for what the spec lacks', () => {
    const older = spec(0, [1001, 1, 'b', 'bucket[2]'], [1000, 3, 's', 'identity'])
    const newer = spec(1, [1002, 2, 'd', 'day'])
    const type = unifiedPartitionType([older, newer], schema)
    expect(unifiedTuple(type, older, [1, 'x'])).toEqual(['x', 1, null])
    expect(unifiedTuple(type, newer, [19_000])).toEqual([null, null, 19_000])
    expect(unifiedTuple(type, newer, [])).toEqual([null, null, null])
  })
})

describe('partition folders', () => {
  it('are named as Java names them', () => {
    const timestamp = parseTimestamp('2024-02-29T12:34:56', { zone: 'none', unit: 'micros' })
    const paths: [string, string, Value | undefined, string][] = [
      ['int', 'identity', -5, 'p=-5'],
      ['int', 'bucket[4]', 3, 'p=3'],
      ['string', 'identity', 'a/b c=d%e&f?#', 'p=a%2Fb+c%3Dd%25e%26f%3F%23'],
      ['string', 'identity', '日本語', 'p=%E6%97%A5%E6%9C%AC%E8%AA%9E'],
      ['string', 'identity', '😀', 'p=%F0%9F%98%80'],
      ['string', 'identity', "a-b_c.d*e!'()~", 'p=a-b_c.d*e%21%27%28%29%7E'],
      ['string', 'identity', '', 'p='],
      ['string', 'identity', null, 'p=null'],
      ['string', 'identity', 'null', 'p=null'],
      ['boolean', 'identity', true, 'p=true'],
      ['date', 'identity', parseDate('2024-02-29'), 'p=2024-02-29'],
      ['date', 'day', parseDate('1583-01-01'), 'p=1583-01-01'],
      ['date', 'month', -1, 'p=1969-12'],
      ['date', 'year', -2, 'p=1968'],
      ['date', 'year', -1970, 'p=0000'],
      ['timestamp', 'hour', -1, 'p=1969-12-31-23'],
      ['timestamp', 'hour', 24, 'p=1970-01-02-00'],
      ['timestamp', 'identity', -1n, 'p=1969-12-31T23%3A59%3A59.999999'],
      ['timestamp', 'identity', timestamp, 'p=2024-02-29T12%3A34%3A56'],
      ['timestamptz', 'identity', timestamp, 'p=2024-02-29T12%3A34%3A56%2B00%3A00'],
      ['timestamp', 'identity', 100_000n, 'p=1970-01-01T00%3A00%3A00.1'],
      ['timestamp_ns', 'identity', 1n, 'p=1970-01-01T00%3A00%3A00.000000001'],
      ['time', 'identity', parseTime('12:34:56.000001'), 'p=12%3A34%3A56.000001'],
      ['time', 'identity', parseTime('10:00'), 'p=10%3A00%3A00'],
      ['decimal(9, 2)', 'identity', 1000n, 'p=10.00'],
      ['decimal(20, 11)', 'identity', 0n, 'p=0E-11'],
      ['decimal(20, 10)', 'identity', -1000n, 'p=-1.000E-7'],
      ['decimal(20, 10)', 'identity', -12345n, 'p=-0.0000012345'],
      ['decimal(9, 8)', 'truncate[30]', 30n, 'p=3.0E-7'],
      [
        'uuid',
        'identity',
        parseUuid('F79C3E09-677c-4bbd-a479-3f349cb785e7'),
        'p=f79c3e09-677c-4bbd-a479-3f349cb785e7',
      ],
      ['fixed[4]', 'identity', Uint8Array.of(0, 255, 16, 171), 'p=AP8Qqw%3D%3D'],
      ['binary', 'truncate[2]', Uint8Array.of(255), 'p=%2Fw%3D%3D'],
      ['double', 'identity', -1.5, 'p=-1.5'],
      ['double', 'identity', 1, 'p=1.0'],
      ['double', 'identity', 1e300, 'p=1.0E300'],
      ['double', 'identity', 1.25e-7, 'p=1.25E-7'],
      ['double', 'identity', 0.001, 'p=0.001'],
      ['double', 'identity', 1e7, 'p=1.0E7'],
      ['double', 'identity', 9999999, 'p=9999999.0'],
      ['double', 'identity', -0, 'p=-0.0'],
      ['double', 'identity', Number.NaN, 'p=NaN'],
      ['double', 'identity', Number.NEGATIVE_INFINITY, 'p=-Infinity'],
      ['float', 'identity', Math.fround(0.1), 'p=0.1'],
      ['float', 'identity', Math.fround(1e10), 'p=1.0E10'],
      ['float', 'identity', Math.fround(123.456), 'p=123.456'],
    ]
    for (const [type, transform, value, path] of paths) {
      expect([type, pathOf(type, transform, value)]).toEqual([type, path])
    }
  })

  it('nest in the order of the spec, void fields as null, and escape names too', () => {
    const schema = schemaOf(column(1, 'a', 'int'), column(2, 'b', 'string'))
    const spec = specOf([1, 'a b', 'identity'], [2, 'v', 'void'], [2, 'b', 'identity'])
    expect(partitionPath(spec, schema, [1, 'x', 'y'])).toBe('a+b=1/v=null/b=y')
    expect(partitionPath(specOf(), schema, [])).toBe('')
  })
})

describe('partition keys', () => {
  it('are equal exactly when the tuples are', () => {
    const pairs = fc.array(primitiveType, { minLength: 1, maxLength: 3 }).chain(types => {
      const tuple = fc.tuple(...types.map(type => anyValueOrNull(type)))
      return fc.record({ types: fc.constant(types), a: tuple, b: tuple })
    })
    fc.assert(
      fc.property(pairs, ({ types, a, b }) => {
        const equal = types.every((type, at) => equalValues(type, a[at] ?? null, b[at] ?? null))
        expect(partitionKey(types, a) === partitionKey(types, b)).toBe(equal)
        expect(partitionKey(types, a)).toBe(partitionKey(types, [...a]))
      }),
    )
  })

  it('keep apart what looks alike', () => {
    const text: Type = { kind: 'string' }
    const key = (...tuple: Value[]): string =>
      partitionKey(
        tuple.map(() => text),
        tuple,
      )
    expect(new Set([key(null), key('null'), key('n'), key('')]).size).toBe(4)
    expect(key('a,b', 'c')).not.toBe(key('a', 'b,c'))
    expect(key('a","b')).not.toBe(key('a', 'b'))
    const double: Type = { kind: 'double' }
    expect(partitionKey([double], [-0])).not.toBe(partitionKey([double], [0]))
    expect(partitionKey([double], [Number.NaN])).toBe(partitionKey([double], [Number.NaN]))
  })
})

describe('checkPartitionSpec', () => {
  const struct: Field = {
    id: 5,
    name: 'st',
    required: true,
    type: { kind: 'struct', fields: [column(6, 'x', 'int')] },
  }
  const list: Field = {
    id: 7,
    name: 'l',
    required: false,
    type: { kind: 'list', elementId: 8, elementRequired: true, element: { kind: 'int' } },
  }
  const schema = schemaOf(
    column(1, 'id', 'long'),
    column(2, 'ts', 'timestamp'),
    column(3, 'name', 'string'),
    column(4, 'd', 'double'),
    struct,
    list,
  )
  const refused = (spec: PartitionSpec, kind = 'invalid-argument'): void => {
    expect(() => checkPartitionSpec(spec, schema)).toThrow(expect.objectContaining({ kind }))
  }
  const withTransform = (transform: Transform): PartitionSpec => {
    const field: PartitionField = { sourceId: 1, fieldId: 1000, name: 'p', transform }
    return { specId: 0, fields: [field] }
  }

  it('accepts sound specs', () => {
    checkPartitionSpec(specOf(), schema)
    checkPartitionSpec(
      specOf([1, 'b', 'bucket[4]'], [2, 'ts_day', 'day'], [3, 'name', 'identity'], [6, 'x', 'identity']),
      schema,
    )
    checkPartitionSpec(specOf([1, 'b4', 'bucket[4]'], [1, 'b8', 'bucket[8]'], [1, 'id', 'identity']), schema)
    checkPartitionSpec(specOf([99, 'gone', 'void']), schema)
  })

  it('refuses parameters out of range and transforms that do not apply', () => {
    refused(withTransform({ kind: 'bucket', count: 0 }))
    refused(withTransform({ kind: 'truncate', width: 0 }))
    refused(withTransform({ kind: 'truncate', width: 1.5 }))
    refused(specOf([4, 'p', 'bucket[4]']))
    refused(specOf([1, 'p', 'day']))
    refused(specOf([5, 'p', 'identity']))
    refused(specOf([8, 'p', 'identity']))
    refused(specOf([99, 'p', 'identity']))
  })

  it('refuses names and ids used twice and names of other columns', () => {
    refused(specOf([1, 'p', 'identity'], [3, 'p', 'identity']))
    refused(specOf([1, 'name', 'identity']))
    refused(specOf([3, 'name', 'truncate[3]']))
    refused(specOf([3, '', 'identity']))
    const [a, b] = specOf([1, 'a', 'identity'], [3, 'b', 'identity']).fields
    refused({ specId: 0, fields: [a!, { ...b!, fieldId: a!.fieldId }] })
  })

  it('refuses two time transforms, and one transform twice, on one column', () => {
    refused(specOf([2, 'y', 'year'], [2, 'h', 'hour']))
    refused(specOf([1, 'a', 'bucket[4]'], [1, 'b', 'bucket[4]']))
  })

  it('says that an unknown transform is not supported', () => {
    refused(specOf([1, 'p', 'zorder']), 'unsupported')
  })

  it('has a twin for sort orders', () => {
    const order = (sourceId: number, transform: string): void =>
      checkSortOrder(
        {
          orderId: 1,
          fields: [
            { sourceId, transform: parseTransform(transform), direction: 'asc', nullOrder: 'nulls-first' },
          ],
        },
        schema,
      )
    order(1, 'identity')
    order(6, 'bucket[3]')
    expect(() => order(8, 'identity')).toThrow(expect.objectContaining({ kind: 'invalid-argument' }))
    expect(() => order(5, 'identity')).toThrow(expect.objectContaining({ kind: 'invalid-argument' }))
    expect(() => order(99, 'identity')).toThrow(expect.objectContaining({ kind: 'invalid-argument' }))
    expect(() => order(1, 'zorder')).toThrow(expect.objectContaining({ kind: 'unsupported' }))
  })
})
