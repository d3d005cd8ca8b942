import {
  Field as ArrowField,
  Schema as ArrowSchema,
  Dictionary,
  FixedSizeList,
  Float16,
  Int8,
  Int32,
  Int64,
  LargeUtf8,
  List,
  makeData,
  makeVector,
  type RecordBatch,
  Table,
  TimeMillisecond,
  TimestampMillisecond,
  TimestampNanosecond,
  tableFromArrays,
  tableFromIPC,
  tableToIPC,
  Uint32,
  Uint64,
  Union,
  Utf8,
  vectorFromArray,
} from 'apache-arrow'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ColumnBatch, Vector } from '../../src/batch/column-batch.js'
import { sliceBatch } from '../../src/batch/take.js'
import { batchRows } from '../../src/batch/values.js'
import { batchOf } from '../../src/batch/vector-builder.js'
import {
  batchesFromIpc,
  batchesOfArrow,
  batchFromArrow,
  batchToArrow,
  fieldsFromArrow,
  tableOfBatches,
} from '../../src/format/arrow.js'
import { isArrow } from '../../src/format/arrow-kinds.js'
import { batchesToIpc } from '../../src/format/arrow-out.js'
import type { Field, Type, Value } from '../../src/schema/types.js'
import { dictionaryOf } from '../batch/encode.js'
import { arbitraryRows } from './arbitrary-rows.js'
import { EVERY_TYPE, EVERY_TYPE_ROWS } from './every-type.js'
import { encodeVariant, plainStyle } from './variant-tree.js'

/** One record batch of columns by name. */
function recordOf(columns: Record<string, ReturnType<typeof makeVector>>): RecordBatch {
  return new Table(columns).batches[0] as RecordBatch
}

const typeOf = (vector: ReturnType<typeof makeVector>): Type | undefined =>
  fieldsFromArrow(recordOf({ c: vector }).schema)[0]?.type

const valuesOf = (vector: ReturnType<typeof makeVector>, fields?: readonly Field[]): unknown[] =>
  batchRows(batchFromArrow(recordOf({ c: vector }), fields)).map(row => row[0])

/** Plain arrays, which compare equal to what is read. */
function bytesOnly(value: Value): Value {
  if (value instanceof Uint8Array) return Uint8Array.from(value)
  return Array.isArray(value) ? value.map(bytesOnly) : value
}

const named = (type: Type, required = false): Field => ({ id: 1, name: 'c', required, type })

describe('batches and arrow', () => {
  it('convert every type both ways, field ids at every depth', () => {
    const batch = batchOf(EVERY_TYPE, EVERY_TYPE_ROWS)
    const record = batchToArrow(batch)
    expect(batchRows(batchFromArrow(record, EVERY_TYPE))).toEqual(EVERY_TYPE_ROWS)
    const ids = record.schema.fields.map(field => field.metadata.get('PARQUET:field_id'))
    expect(ids).toEqual(EVERY_TYPE.map(field => String(field.id)))
    const derived = fieldsFromArrow(record.schema)
    expect(derived.map(field => field.id)).toEqual(EVERY_TYPE.map(field => field.id))
    expect(derived[19]?.type).toEqual(EVERY_TYPE[19]?.type)
    expect(derived[20]?.type).toEqual(EVERY_TYPE[20]?.type)
  })

  it('survive an IPC stream, whatever the rows, slices included', () => {
    fc.assert(
      fc.property(arbitraryRows(20), fc.nat(20), fc.nat(20), ({ fields, rows }, a, b) => {
        const from = Math.min(a, b, rows.length)
        const to = Math.min(Math.max(a, b), rows.length)
        const batch = sliceBatch(batchOf(fields, rows), from, to)
        const read = batchesFromIpc(batchesToIpc(fields, [batch]), fields)
        expect(read.flatMap(batchRows)).toEqual(rows.slice(from, to))
      }),
      { numRuns: 60 },
    )
  })

  it('are the same bytes from the bundle of the package as from the copy that users import', () => {
    const variants = EVERY_TYPE.filter(field => field.type.kind !== 'unknown')
    for (const fields of [EVERY_TYPE, variants, []]) {
      const rows = EVERY_TYPE_ROWS.map(row => fields.map(field => row[EVERY_TYPE.indexOf(field)] as Value))
      const batches = fields.length === 0 ? [] : [batchOf(fields, rows), batchOf(fields, [])]
      const table = tableOfBatches(fields, batches)
      expect(table).toBeInstanceOf(Table)
      expect(batchesToIpc(fields, batches)).toEqual(tableToIPC(table, 'stream'))
    }
  })

  it('share memory instead of copying', () => {
    const batch = batchOf([named({ kind: 'long' })], [[1n], [2n]])
    const data = batchToArrow(batch).data.children[0]
    const column = batch.columns[0]
    expect(column?.layout === 'fixed-width' && data?.values.buffer === column.values.buffer).toBe(true)
  })

  it('make tables that arrow readers understand', () => {
    const fields: Field[] = [
      { id: 1, name: 'id', required: true, type: { kind: 'long' } },
      { id: 2, name: 's', required: false, type: { kind: 'string' } },
    ]
    const rows = [
      [1n, 'a'],
      [2n, null],
    ]
    const table = tableOfBatches(fields, [batchOf(fields, rows), batchOf(fields, rows)])
    expect(table.numRows).toBe(4)
    expect(table.get(3)?.toJSON()).toEqual({ id: 2n, s: null })
    expect(tableOfBatches(fields, []).schema.names).toEqual(['id', 's'])
    expect(isArrow(table)).toBe(true)
    expect(isArrow([{ id: 1 }])).toBe(false)
  })

  it('hand out variants as the extension that arrow has for them, and take them back', () => {
    const variant = (value: string): Uint8Array => encodeVariant({ type: 'string', value }, plainStyle())
    const list: Type = { kind: 'list', elementId: 3, elementRequired: false, element: { kind: 'variant' } }
    const fields = [named({ kind: 'variant' }), { ...named(list), id: 2, name: 'l' }]
    const rows = [
      [variant('a'), [variant('b'), null]],
      [null, null],
      [variant('a'.repeat(100)), []],
    ].map(row => row.map(bytesOnly))
    const batch = batchOf(fields, rows)
    const codes = Int32Array.of(2, 1, 0)
    const behind = { layout: 'dictionary', length: 3, codes, dictionary: batch.columns[0]! } as const
    for (const [columns, order] of [
      [batch.columns, [0, 1, 2]],
      [
        [behind, batch.columns[1]!],
        [2, 1, 0],
      ],
    ] as const) {
      const table = tableFromIPC(batchesToIpc(fields, [{ ...batch, columns }]))
      const [field] = table.schema.fields
      expect(field?.metadata.get('ARROW:extension:name')).toBe('arrow.parquet.variant')
      expect(String(field?.type)).toBe('Struct<{metadata:Binary, value:Binary}>')
      expect(table.schema.fields[1]?.type.children[0].metadata.get('ARROW:extension:name')).toBe(
        'arrow.parquet.variant',
      )
      expect(table.getChildAt(0)?.get(1)).toBeNull()
      const derived = fieldsFromArrow(table.schema)
      expect(derived.map(each => each.type)).toEqual(fields.map(each => each.type))
      const again = table.batches.flatMap(each => batchRows(batchFromArrow(each, derived)))
      expect(again.map(row => row[0])).toEqual(order.map(row => rows[row]?.[0]))
      expect(again.map(row => row[1])).toEqual(rows.map(row => row[1]))
    }
    const none = batchToArrow({
      length: 2,
      fields: [named({ kind: 'variant' })],
      columns: [{ layout: 'null', length: 2 }],
    })
    expect(batchRows(batchFromArrow(none, [named({ kind: 'variant' })]))).toEqual([[null], [null]])
  })

  it('hand out shapes as geoarrow knows them', () => {
    const metadataOf = (type: Type): unknown => {
      const [field] = batchToArrow(batchOf([named(type)], [[Uint8Array.of(1)]])).schema.fields
      expect(field?.metadata.get('ARROW:extension:name')).toBe('geoarrow.wkb')
      return JSON.parse(field?.metadata.get('ARROW:extension:metadata') ?? '')
    }
    expect(metadataOf({ kind: 'geometry' })).toEqual({ crs: 'OGC:CRS84', crs_type: 'authority_code' })
    expect(metadataOf({ kind: 'geometry', crs: 'srid:4326' })).toEqual({ crs: '4326', crs_type: 'srid' })
    expect(metadataOf({ kind: 'geometry', crs: 'projjson:p' })).toEqual({ crs: 'projjson:p' })
    expect(metadataOf({ kind: 'geography', algorithm: 'karney' })).toMatchObject({ edges: 'karney' })
    expect(metadataOf({ kind: 'geography' })).toMatchObject({ edges: 'spherical' })
  })

  it('make one table and one stream of batches that store a column in different ways', () => {
    const fields = [
      named({ kind: 'string' }),
      { ...named({ kind: 'string' }), id: 2, name: 'd' },
      {
        ...named({ kind: 'list', elementId: 4, elementRequired: false, element: { kind: 'string' } }),
        id: 3,
        name: 'l',
      },
      { ...named({ kind: 'int' }), id: 5, name: 'n' },
    ]
    const rows = [
      [
        ['a', 'x', ['p'], 1],
        [null, null, null, null],
      ],
      [
        ['b', 'y', ['q', null], null],
        ['a', 'x', [], null],
      ],
      [['c', 'x', ['r'], 3]],
    ]
    const [first, second, third] = rows.map(part => batchOf(fields, part)) as [
      ColumnBatch,
      ColumnBatch,
      ColumnBatch,
    ]
    const [mixed, encoded, list, missing] = second.columns as [Vector, Vector, Vector, Vector]
    const element = list.layout === 'list' ? dictionaryOf(list.element) : list
    const batches: ColumnBatch[] = [
      { ...first, columns: [first.columns[0]!, dictionaryOf(first.columns[1]!), ...first.columns.slice(2)] },
      {
        ...second,
        columns: [
          dictionaryOf(mixed),
          dictionaryOf(encoded),
          { ...list, element } as Vector,
          { layout: 'null', length: missing.length },
        ],
      },
      { ...third, columns: [third.columns[0]!, dictionaryOf(third.columns[1]!), ...third.columns.slice(2)] },
    ]
    const table = tableOfBatches(fields, batches)
    expect(table.schema.fields.map(field => String(field.type))).toEqual([
      'Utf8',
      'Dictionary<Int32, Utf8>',
      'List<Utf8>',
      'Int32',
    ])
    for (const each of [table, tableFromIPC(batchesToIpc(fields, batches))])
      expect(each.batches.flatMap(batch => batchRows(batchFromArrow(batch, fields)))).toEqual(rows.flat())
  })

  it('read arrays that arrow sliced', () => {
    const whole = tableFromArrays({ i: Int32Array.from({ length: 50 }, (_, at) => at) })
    const mixed = new Table({
      i: whole.getChild('i') ?? vectorFromArray([]),
      s: vectorFromArray(
        Array.from({ length: 50 }, (_, at) => (at % 3 === 0 ? null : `s${at}`)),
        new Utf8(),
      ),
      b: vectorFromArray(Array.from({ length: 50 }, (_, at) => (at % 5 === 0 ? null : at % 2 === 0))),
      l: vectorFromArray(
        Array.from({ length: 50 }, (_, at) => (at % 4 === 0 ? null : [at, null])),
        new List(new ArrowField('element', new Int32(), true)),
      ),
    })
    const slice = mixed.slice(13, 40)
    const rows = slice.batches.flatMap(batch => batchRows(batchFromArrow(batch)))
    expect(rows).toHaveLength(27)
    for (const [at, row] of rows.entries()) {
      const n = at + 13
      expect(row).toEqual([
        n,
        n % 3 === 0 ? null : `s${n}`,
        n % 5 === 0 ? null : n % 2 === 0,
        n % 4 === 0 ? null : [n, null],
      ])
    }
  })

  it('bring narrow, unsigned and half numbers to iceberg types', () => {
    expect(typeOf(vectorFromArray([1], new Int8()))).toEqual({ kind: 'int' })
    expect(valuesOf(vectorFromArray([-128, null, 127], new Int8()))).toEqual([-128, null, 127])
    expect(valuesOf(vectorFromArray([4294967295], new Uint32()))).toEqual([4294967295n])
    expect(valuesOf(vectorFromArray([2n ** 63n - 1n], new Uint64()))).toEqual([2n ** 63n - 1n])
    expect(() => valuesOf(vectorFromArray([2n ** 63n], new Uint64()))).toThrow('too large')
    expect(valuesOf(vectorFromArray([1.5, -0.25, 65504], new Float16()))).toEqual([1.5, -0.25, 65504])
  })

  it('bring other units to micros, and refuse to lose nanos', () => {
    expect(valuesOf(vectorFromArray([1, 86_399_999], new TimeMillisecond()))).toEqual([
      1000n,
      86_399_999_000n,
    ])
    const millis = makeVector(
      makeData({
        type: new TimestampMillisecond(null),
        data: BigInt64Array.of(-1n, 5n),
        length: 2,
        nullCount: 0,
      }),
    )
    expect(valuesOf(millis)).toEqual([-1000n, 5000n])
    const nanos = (...values: bigint[]) =>
      makeVector(
        makeData({
          type: new TimestampNanosecond(null),
          data: BigInt64Array.from(values),
          length: values.length,
          nullCount: 0,
        }),
      )
    expect(typeOf(nanos(1n))).toEqual({ kind: 'timestamp_ns' })
    expect(valuesOf(nanos(-2000n, 1000n), [named({ kind: 'timestamp' })])).toEqual([-2n, 1n])
    expect(() => valuesOf(nanos(1500n), [named({ kind: 'timestamp' })])).toThrow('finer')
  })

  it('read dictionaries as dictionaries, large strings and lists of fixed length', () => {
    const words = vectorFromArray(['a', 'b', 'a', null], new Dictionary(new Utf8(), new Int8()))
    const batch = batchFromArrow(recordOf({ c: words }))
    expect(batch.columns[0]?.layout).toBe('dictionary')
    expect(batchRows(batch)).toEqual([['a'], ['b'], ['a'], [null]])
    expect(valuesOf(vectorFromArray(['x', null, 'yz'], new LargeUtf8()))).toEqual(['x', null, 'yz'])
    const pairs = new FixedSizeList(2, new ArrowField('element', new Int32(), true))
    expect(valuesOf(vectorFromArray([[1, 2], null, [3, 4]], pairs))).toEqual([[1, 2], null, [3, 4]])
  })

  it('refuse arrow types that iceberg has no type for', () => {
    const type = new Union(0, [0], [new ArrowField('a', new Int32())])
    const schema = new ArrowSchema([new ArrowField('u', type)])
    expect(() => fieldsFromArrow(schema)).toThrow('no type')
  })

  it('say corrupt of bytes that are no arrow stream', () => {
    expect(() => batchesFromIpc(new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8, 9]))).toThrowError(
      expect.objectContaining({ kind: 'corrupt' }),
    )
  })
})

describe('arrow rows from outside', () => {
  const fields: Field[] = [{ id: 10, name: 'id', required: true, type: { kind: 'long' } }]

  it('become batches of the fields that the caller finds for theirs', () => {
    const record = recordOf({ id: vectorFromArray([1n, 2n], new Int64()) })
    const given: string[] = []
    const batches = batchesOfArrow(record, theirs => {
      given.push(...theirs.map(field => field.name))
      return fields
    })
    expect(given).toEqual(['id'])
    expect(batches[0]?.fields).toEqual(fields)
    expect(batches.flatMap(batchRows)).toEqual([[1n], [2n]])
  })

  it('may come from another copy of the package', () => {
    const table = tableFromIPC(tableToIPC(new Table({ id: vectorFromArray([5n], new Int64()) }), 'stream'))
    expect(batchesOfArrow(table, () => fields).flatMap(batchRows)).toEqual([[5n]])
  })
})
