import { describe, expect, it } from 'vitest'
import { isLakeError } from '../../src/base/errors.js'
import type { Schema } from '../../src/schema/types.js'
import { parseColumns, parsePartitionBy, parseSortBy } from '../../src/sql/ddl.js'

function refusal(run: () => unknown): { kind: string; position: unknown; near: unknown } {
  try {
    run()
  } catch (error) {
    if (isLakeError(error))
      return { kind: error.kind, position: error.context.position, near: error.context.near }
    throw error
  }
  throw new Error('nothing was thrown')
}

const wrong = (position: number, near: string) => ({ kind: 'invalid-argument', position, near })

const typeOf = (text: string): unknown => parseColumns(`c ${text}`)[0]?.type

describe('parseColumns', () => {
  it('reads columns with nullability and comments', () => {
    expect(
      parseColumns("id bigint not null, ts timestamptz comment 'it''s UTC', `a b` INT NULL comment ''"),
    ).toEqual([
      { id: 1, name: 'id', required: true, type: { kind: 'long' } },
      { id: 2, name: 'ts', required: false, type: { kind: 'timestamptz' }, doc: "it's UTC" },
      { id: 3, name: 'a b', required: false, type: { kind: 'int' }, doc: '' },
    ])
    expect(parseColumns("a int comment 'x' not null")[0]).toMatchObject({ required: true, doc: 'x' })
  })

  it('knows the types of Spark and of Iceberg', () => {
    const kinds = (names: string): unknown[] =>
      names.split(' ').map(name => (typeOf(name) as { kind: string }).kind)
    expect(kinds('boolean tinyint smallint int integer bigint long float real double')).toEqual(
      'boolean int int int int long long float float double'.split(' '),
    )
    expect(
      kinds('date time timestamp timestamp_ltz timestamptz timestamp_ntz timestamp_ns timestamptz_ns'),
    ).toEqual(
      'date time timestamptz timestamptz timestamptz timestamp timestamp_ns timestamptz_ns'.split(' '),
    )
    expect(kinds('string varchar(10) char(3) uuid binary variant unknown void geometry')).toEqual(
      'string string string uuid binary variant unknown unknown geometry'.split(' '),
    )
    expect(typeOf('decimal')).toEqual({ kind: 'decimal', precision: 10, scale: 0 })
    expect(typeOf('Decimal(38)')).toEqual({ kind: 'decimal', precision: 38, scale: 0 })
    expect(typeOf('numeric( 9 , 2 )')).toEqual({ kind: 'decimal', precision: 9, scale: 2 })
    expect(typeOf('fixed(16)')).toEqual({ kind: 'fixed', lengthBytes: 16 })
    expect(typeOf('fixed[16]')).toEqual({ kind: 'fixed', lengthBytes: 16 })
    expect(typeOf("geography('srid:4326', 'spherical')")).toEqual({
      kind: 'geography',
      crs: 'srid:4326',
      algorithm: 'spherical',
    })
  })

  it('reads nested types, and numbers fields level by level as a new table does', () => {
    expect(
      parseColumns(
        'm map<string, array<decimal(5,1)>>, s struct<a: int not null, b string comment "x">'.replaceAll(
          '"',
          "'",
        ),
      ),
    ).toEqual([
      {
        id: 1,
        name: 'm',
        required: false,
        type: {
          kind: 'map',
          keyId: 3,
          key: { kind: 'string' },
          valueId: 4,
          valueRequired: false,
          value: {
            kind: 'list',
            elementId: 5,
            elementRequired: false,
            element: { kind: 'decimal', precision: 5, scale: 1 },
          },
        },
      },
      {
        id: 2,
        name: 's',
        required: false,
        type: {
          kind: 'struct',
          fields: [
            { id: 6, name: 'a', required: true, type: { kind: 'int' } },
            { id: 7, name: 'b', required: false, type: { kind: 'string' }, doc: 'x' },
          ],
        },
      },
    ])
  })

  it('takes keywords as column names', () => {
    expect(
      parseColumns('date date, map map<int,int>, struct int, comment string, timestamp timestamp').map(
        field => field.name,
      ),
    ).toEqual(['date', 'map', 'struct', 'comment', 'timestamp'])
  })

  it('points at what it does not understand', () => {
    expect(refusal(() => parseColumns(''))).toEqual(wrong(0, 'the end of the text'))
    expect(refusal(() => parseColumns('id'))).toEqual(wrong(2, 'the end of the text'))
    expect(refusal(() => parseColumns('id bigint,'))).toEqual(wrong(10, 'the end of the text'))
    expect(refusal(() => parseColumns('id bigint not nul'))).toEqual(wrong(14, 'nul'))
    expect(refusal(() => parseColumns('id bigint name string'))).toEqual(wrong(10, 'name string'))
    expect(refusal(() => parseColumns('id bigint, b blob'))).toEqual(wrong(13, 'blob'))
    expect(refusal(() => parseColumns('a array<int'))).toEqual(wrong(11, 'the end of the text'))
    expect(refusal(() => parseColumns('a array'))).toEqual(wrong(2, 'array'))
    expect(refusal(() => parseColumns('a map<int>'))).toEqual(wrong(9, '>'))
    expect(refusal(() => parseColumns('a struct<>'))).toEqual(wrong(8, '<>'))
    expect(refusal(() => parseColumns('a decimal(39)'))).toEqual(wrong(2, 'decimal(39)'))
    expect(refusal(() => parseColumns('a decimal(5,6)'))).toEqual(wrong(2, 'decimal(5,6)'))
    expect(refusal(() => parseColumns('a decimal(1.5)'))).toEqual(wrong(2, 'decimal(1.5)'))
    expect(refusal(() => parseColumns('a int(4)'))).toEqual(wrong(2, 'int(4)'))
    expect(refusal(() => parseColumns('a fixed'))).toEqual(wrong(2, 'fixed'))
    expect(refusal(() => parseColumns('a fixed(0)'))).toEqual(wrong(2, 'fixed(0)'))
    expect(refusal(() => parseColumns('a int, b int, a string'))).toEqual(wrong(14, 'a string'))
    expect(refusal(() => parseColumns('s struct<x int, x int>'))).toEqual(wrong(16, 'x int>'))
    expect(refusal(() => parseColumns(`a ${'array<'.repeat(200)}int`))).toMatchObject({
      kind: 'invalid-argument',
    })
  })
})

const schema: Schema = {
  schemaId: 0,
  identifierFieldIds: [],
  fields: parseColumns(
    'id bigint, ts timestamptz, region string, s struct<a: int, d: date>, tags array<string>, x double, days date',
  ),
}
const idOf = (name: string): number => schema.fields.find(field => field.name === name)?.id ?? -1
const structId = (name: string): number => {
  const type = schema.fields.find(field => field.name === 's')?.type
  return (type?.kind === 'struct' && type.fields.find(field => field.name === name)?.id) || -1
}

describe('parsePartitionBy', () => {
  it('reads the transforms, and names fields as Iceberg does', () => {
    expect(parsePartitionBy('days(ts), bucket(16, id), truncate(4, region), s.a', schema)).toEqual([
      { sourceId: idOf('ts'), fieldId: 1000, name: 'ts_day', transform: { kind: 'day' } },
      { sourceId: idOf('id'), fieldId: 1001, name: 'id_bucket', transform: { kind: 'bucket', count: 16 } },
      {
        sourceId: idOf('region'),
        fieldId: 1002,
        name: 'region_trunc',
        transform: { kind: 'truncate', width: 4 },
      },
      { sourceId: structId('a'), fieldId: 1003, name: 's.a', transform: { kind: 'identity' } },
    ])
  })

  it('takes the names of Spark and of Iceberg in any letter case', () => {
    const kinds = [
      'years',
      'Year',
      'months',
      'month',
      'DAYS',
      'day',
      'date',
      'hours',
      'hour',
      'date_hour',
      'identity',
    ].map(name => parsePartitionBy(`${name}(ts)`, schema)[0]?.transform.kind)
    expect(kinds).toEqual([
      'year',
      'year',
      'month',
      'month',
      'day',
      'day',
      'day',
      'hour',
      'hour',
      'hour',
      'identity',
    ])
    expect(parsePartitionBy('truncate(region, 2)', schema)[0]?.transform).toEqual({
      kind: 'truncate',
      width: 2,
    })
    expect(parsePartitionBy('days', schema)[0]).toMatchObject({
      sourceId: idOf('days'),
      transform: { kind: 'identity' },
    })
  })

  it('points at columns and transforms that do not fit', () => {
    expect(refusal(() => parsePartitionBy('days(nope)', schema))).toEqual(wrong(5, 'nope)'))
    expect(refusal(() => parsePartitionBy('region, weeks(ts)', schema))).toEqual(wrong(8, 'weeks(ts)'))
    expect(refusal(() => parsePartitionBy('days(region)', schema))).toEqual(wrong(0, 'days(region)'))
    expect(refusal(() => parsePartitionBy('bucket(4, x)', schema))).toEqual(wrong(0, 'bucket(4, x)'))
    expect(refusal(() => parsePartitionBy('bucket(0, id)', schema))).toEqual(wrong(7, '0, id)'))
    expect(refusal(() => parsePartitionBy('truncate(1.5, id)', schema))).toEqual(wrong(9, '1.5, id)'))
    expect(refusal(() => parsePartitionBy('bucket(id)', schema))).toEqual(wrong(0, 'bucket(id)'))
    expect(refusal(() => parsePartitionBy('days(ts, 4)', schema))).toEqual(wrong(0, 'days(ts, 4)'))
    expect(refusal(() => parsePartitionBy('days(hours(ts))', schema))).toEqual(wrong(5, 'hours(ts))'))
    expect(refusal(() => parsePartitionBy('tags', schema))).toEqual(wrong(0, 'tags'))
    expect(refusal(() => parsePartitionBy('tags.element', schema))).toEqual(wrong(0, 'tags.element'))
    expect(refusal(() => parsePartitionBy('5', schema))).toEqual(wrong(0, '5'))
    expect(refusal(() => parsePartitionBy('id desc', schema))).toEqual(wrong(3, 'desc'))
  })

  it('refuses redundant fields', () => {
    expect(refusal(() => parsePartitionBy('days(ts), hours(ts)', schema)).kind).toBe('invalid-argument')
    expect(refusal(() => parsePartitionBy('id, id', schema)).kind).toBe('invalid-argument')
  })
})

describe('parseSortBy', () => {
  it('reads directions and the place of nulls, with the defaults of Iceberg', () => {
    const identity = { kind: 'identity' }
    expect(
      parseSortBy('ts, id desc, region desc nulls first, x asc nulls last, bucket(16, id)', schema),
    ).toEqual([
      { sourceId: idOf('ts'), transform: identity, direction: 'asc', nullOrder: 'nulls-first' },
      { sourceId: idOf('id'), transform: identity, direction: 'desc', nullOrder: 'nulls-last' },
      { sourceId: idOf('region'), transform: identity, direction: 'desc', nullOrder: 'nulls-first' },
      { sourceId: idOf('x'), transform: identity, direction: 'asc', nullOrder: 'nulls-last' },
      {
        sourceId: idOf('id'),
        transform: { kind: 'bucket', count: 16 },
        direction: 'asc',
        nullOrder: 'nulls-first',
      },
    ])
  })

  it('points at what it does not understand', () => {
    expect(refusal(() => parseSortBy('ts nulls', schema))).toEqual(wrong(8, 'the end of the text'))
    expect(refusal(() => parseSortBy('ts down', schema))).toEqual(wrong(3, 'down'))
    expect(refusal(() => parseSortBy('ts, nope desc', schema))).toEqual(wrong(4, 'nope desc'))
    expect(refusal(() => parseSortBy('s', schema))).toEqual(wrong(0, 's'))
  })
})
