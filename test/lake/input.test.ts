import {
  Field as ArrowField,
  Schema as ArrowSchema,
  type Data,
  FixedSizeBinary,
  Int8,
  Int64,
  makeData,
  RecordBatch,
  Struct,
  TimestampMillisecond,
  TimestampNanosecond,
  Utf8,
} from 'apache-arrow'
import { describe, expect, it } from 'vitest'
import type { ColumnBatch } from '../../src/batch/column-batch.js'
import { rowAt } from '../../src/batch/values.js'
import { batchOf } from '../../src/batch/vector-builder.js'
import { batchToArrow, tableOfBatches } from '../../src/format/arrow.js'
import { collectBatch, inputBatches, type RowsInput } from '../../src/lake/input.js'
import { batchOfRows } from '../../src/lake/rows-in.js'
import type { Field, Schema } from '../../src/schema/types.js'
import { parseColumns } from '../../src/sql/ddl.js'
import { rejectionOf } from '../support/errors.js'
import { everyColumn } from '../support/every-column.js'

const schemaOf = (ddl: string): Schema => ({ schemaId: 0, fields: parseColumns(ddl), identifierFieldIds: [] })
const rowsOf = (batch: ColumnBatch): unknown[][] =>
  Array.from({ length: batch.length }, (_, row) => [...rowAt(batch, row)])

async function taken(ddl: string, rows: RowsInput): Promise<unknown[][]> {
  const schema = schemaOf(ddl)
  const all: unknown[][] = []
  for await (const batch of inputBatches(schema, rows)) {
    expect(batch.fields).toBe(schema.fields)
    all.push(...rowsOf(batch))
  }
  return all
}

const refusal = (ddl: string, rows: unknown) => rejectionOf(taken(ddl, rows as RowsInput))

/** A batch of one column, whose field id means nothing here. */
const column = (name: string, type: Field['type'], values: readonly unknown[]): ColumnBatch =>
  batchOf(
    [{ id: 77, name, required: false, type }],
    values.map(value => [value as never]),
  )

describe('rows for a table', () => {
  const wanted = [
    [1, 'a'],
    [2, null],
  ]
  const objects = [{ id: 1, name: 'a' }, { id: 2 }]
  const ddl = 'id int not null, name string'

  it('come as objects, in any iterable', async () => {
    expect(await taken(ddl, objects)).toEqual(wanted)
    expect(await taken(ddl, new Set(objects))).toEqual(wanted)
    const later = async function* () {
      yield* objects
    }
    expect(await taken(ddl, later())).toEqual(wanted)
  })

  it('come as column batches and Arrow, alone or among objects', async () => {
    const batch = batchOfRows(parseColumns(ddl), objects)
    const record = batchToArrow(batch)
    const table = tableOfBatches(batch.fields, [batch])
    for (const rows of [batch, [batch], record, [record], table, [table]]) {
      expect(await taken(ddl, rows)).toEqual(wanted)
    }
    expect(await taken(ddl, [{ id: 0 }, batch, { id: 3 }, table])).toEqual([
      [0, null],
      ...wanted,
      [3, null],
      ...wanted,
    ])
  })

  it('come back from Arrow as they were, in every type', async () => {
    for (const formatVersion of [2, 3] as const) {
      const schema = schemaOf(everyColumn(formatVersion))
      const nulls = Object.fromEntries(schema.fields.map(field => [field.name, null]))
      const batch = batchOfRows(schema.fields, [
        { ...nulls, id: 1n, u: 'f79c3e09-677c-4bbd-a479-3f349cb785e7' },
      ])
      const again = await collectBatch(schema, tableOfBatches(schema.fields, [batch]))
      expect(rowsOf(again)).toEqual(rowsOf(batch))
    }
  })

  it('hold variants as Arrow and batches have them, or as what is in them, and shapes as bytes', async () => {
    const variant = Uint8Array.of(1, 0, 0, 12, 7)
    const fields = parseColumns('v variant, g geometry')
    const batch = batchOf(fields, [
      [variant, Uint8Array.of(1)],
      [null, null],
    ])
    for (const rows of [batch, tableOfBatches(fields, [batch])])
      expect(await taken('v variant, g geometry', rows)).toEqual(rowsOf(batch))
    expect(await taken('g geometry', [{ g: Uint8Array.of(1) }])).toEqual([[Uint8Array.of(1)]])
    expect(await taken('v variant', [{ v: 7 }, { v: null }])).toEqual([[variant], [null]])
    expect(await refusal('v variant', [{ v: new Set() }])).toMatchObject({ kind: 'invalid-argument' })
  })

  it('that are many objects come in batches', async () => {
    const many = Array.from({ length: 20_000 }, (_, id) => ({ id }))
    const lengths: number[] = []
    for await (const batch of inputBatches(schemaOf('id int'), many)) lengths.push(batch.length)
    expect(lengths).toEqual([8192, 8192, 3616])
  })

  it.each([
    ['one object', { id: 1 }],
    ['text', 'ab'],
    ['nothing', null],
    ['a number', 5],
  ])('are not %s', async (_, rows) => {
    expect((await refusal(ddl, rows))?.kind).toBe('invalid-argument')
  })

  it.each([
    ['a number', 5],
    ['null', null],
    ['an array', [1]],
    ['a Map', new Map([['id', 1]])],
    ['a date', new Date(0)],
  ])('contain no %s', async (_, row) => {
    expect(await refusal(ddl, [{ id: 1 }, row])).toMatchObject({
      kind: 'invalid-argument',
      context: { row: 1 },
    })
  })
})

describe('columns for a table', () => {
  it('are found by name at every depth, whatever their ids and their order', async () => {
    const inner: Field[] = [
      { id: 5, name: 'b', required: false, type: { kind: 'int' } },
      { id: 6, name: 'a', required: false, type: { kind: 'int' } },
    ]
    const given = batchOf(
      [
        { id: 2, name: 's', required: false, type: { kind: 'struct', fields: inner } },
        { id: 1, name: 'id', required: false, type: { kind: 'int' } },
      ],
      [[[20, 10], 1]],
    )
    expect(await taken('id int, s struct<a: int, b: int, c: int>, more string', given)).toEqual([
      [1, [10, 20, null], null],
    ])
  })

  it('are widened to the types of the table', async () => {
    expect(await taken('x long', column('x', { kind: 'int' }, [1]))).toEqual([[1n]])
    expect(await taken('x double', column('x', { kind: 'float' }, [0.5]))).toEqual([[0.5]])
    const narrow = { kind: 'decimal', precision: 5, scale: 2 } as const
    expect(await taken('x decimal(9, 2)', column('x', narrow, [150n]))).toEqual([[150n]])
  })

  it('take the write default when they are missing', async () => {
    const fields: Field[] = [
      { id: 1, name: 'id', required: true, type: { kind: 'int' } },
      { id: 2, name: 'x', required: true, type: { kind: 'int' }, initialDefault: 1, writeDefault: 2 },
    ]
    const schema: Schema = { schemaId: 0, fields, identifierFieldIds: [] }
    const batch = batchOf([fields[0]!], [[5]])
    for (const rows of [batch, tableOfBatches(batch.fields, [batch])]) {
      expect(rowsOf(await collectBatch(schema, rows))).toEqual([[5, 2]])
    }
  })

  it.each([
    ['that the table lacks', 'id int', column('x', { kind: 'int' }, [1]), { column: 'x' }],
    [
      'of another type',
      'x int',
      column('x', { kind: 'long' }, [1n]),
      { column: 'x', from: 'long', to: 'int' },
    ],
    ['of another shape', 'x int', column('x', { kind: 'struct', fields: [] }, [[]]), { column: 'x' }],
    [
      'that are finer than the table',
      'x timestamp_ntz',
      column('x', { kind: 'timestamp_ns' }, [1n]),
      { column: 'x' },
    ],
    [
      'with a field that the table lacks',
      'x struct<a: int>',
      column(
        'x',
        { kind: 'struct', fields: [{ id: 9, name: 'b', required: false, type: { kind: 'int' } }] },
        [[1]],
      ),
      { column: 'x.b' },
    ],
    ['too few', 'x int, y int not null', column('x', { kind: 'int' }, [1]), { column: 'y' }],
  ])('%s are refused', async (_, ddl, rows, context) => {
    expect(await refusal(ddl, rows)).toMatchObject({ kind: 'invalid-argument', context })
    expect(await refusal(ddl, tableOfBatches(rows.fields, [rows]))).toMatchObject(
      ddl.includes('timestamp') ? {} : { kind: 'invalid-argument', context },
    )
  })

  it('given twice are refused', async () => {
    const batch = column('x', { kind: 'int' }, [1])
    const twice = {
      ...batch,
      fields: [...batch.fields, ...batch.fields],
      columns: [...batch.columns, ...batch.columns],
    }
    expect(await refusal('x int', twice)).toMatchObject({
      kind: 'invalid-argument',
      context: { column: 'x' },
    })
  })

  it('with a null in a required column name it and the row, counted over all that was given', async () => {
    const batch = column('x', { kind: 'int' }, [1, null])
    for (const part of [batch, tableOfBatches(batch.fields, [batch])]) {
      expect(await refusal('x int not null', [{ x: 1 }, part])).toMatchObject({
        kind: 'invalid-argument',
        context: { column: 'x', row: 2 },
      })
    }
  })
})

describe('an Arrow record batch made by others', () => {
  const record = (data: Data): RecordBatch => {
    const fields = [new ArrowField('x', data.type)]
    const type = new Struct(fields)
    return new RecordBatch(
      new ArrowSchema(fields),
      makeData({ type, length: 1, nullCount: 0, children: [data] }),
    )
  }
  const longs = (type: Int64 | TimestampMillisecond | TimestampNanosecond, value: bigint): RecordBatch =>
    record(makeData({ type: type as Int64, length: 1, nullCount: 0, data: BigInt64Array.of(value) }))

  it('is read in the types of the table: small integers, units of time, uuids', async () => {
    const byte = makeData({ type: new Int8(), length: 1, nullCount: 0, data: Int8Array.of(-1) })
    expect(await taken('x int', record(byte))).toEqual([[-1]])
    expect(await taken('x long', record(byte))).toEqual([[-1n]])
    expect(await taken('x timestamp_ntz', longs(new TimestampMillisecond(), 5n))).toEqual([[5000n]])
    expect(await taken('x timestamp_ntz', longs(new TimestampNanosecond(), 5000n))).toEqual([[5n]])
    expect(await taken('x timestamp_ns', longs(new TimestampNanosecond(), 5001n))).toEqual([[5001n]])
    expect(await taken('x timestamp_ns', longs(new TimestampMillisecond(), 5n))).toEqual([[5_000_000n]])
    const bytes = new Uint8Array(16).fill(7)
    const uuid = makeData({ type: new FixedSizeBinary(16), length: 1, nullCount: 0, data: bytes })
    expect(await taken('x uuid', record(uuid))).toEqual([[bytes]])
  })

  it('is refused where a value would be changed', async () => {
    const text = new Utf8()
    const letters = makeData({
      type: text,
      length: 1,
      nullCount: 0,
      valueOffsets: Int32Array.of(0, 1),
      data: Uint8Array.of(49),
    })
    for (const [ddl, rows] of [
      ['x timestamp_ntz', longs(new TimestampNanosecond(), 5001n)],
      ['x timestamp_ntz', longs(new TimestampNanosecond('UTC'), 5n)],
      ['x timestamptz', longs(new TimestampMillisecond(), 5n)],
      ['x int', longs(new Int64(), 1n)],
      ['x int', record(letters)],
    ] as const) {
      expect((await refusal(ddl, rows))?.kind, ddl).toBe('invalid-argument')
    }
  })
})
