import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes } from '../../../src/base/bytes.js'
import { isLakeError } from '../../../src/base/errors.js'
import type { ColumnBatch } from '../../../src/batch/column-batch.js'
import { checkLayout } from '../../../src/batch/layout.js'
import { batchRows } from '../../../src/batch/values.js'
import { type AvroReadOptions, openAvroData } from '../../../src/format/avro-data/avro-file.js'
import { rangesOfRows } from '../../../src/format/parquet/row-ranges.js'
import { createMemoryIO } from '../../../src/io/memory.js'
import { meteredIO } from '../../../src/io/metered.js'
import type { Field, Type, Value } from '../../../src/schema/types.js'
import { arbitraryRows } from '../arbitrary-rows.js'
import { EVERY_TYPE, EVERY_TYPE_ROWS } from '../every-type.js'
import { type AvroCodec, avroFile, containerOf, encodeBytes, encodeLong, encodeText } from './write-avro.js'

const LOCATION = 'memory://lake/data.avro'
const CODECS: readonly AvroCodec[] = ['null', 'deflate', 'snappy', 'zstandard']

async function open(bytes: Uint8Array, options: Parameters<typeof openAvroData>[2] = {}) {
  const io = createMemoryIO()
  await io.write(LOCATION, bytes)
  return openAvroData(io, LOCATION, options)
}

interface ReadRows {
  readonly fields: readonly Field[]
  readonly rows: Value[][]
  readonly lengths: number[]
  readonly positions: number[]
}

async function read(
  bytes: Uint8Array,
  options: Partial<AvroReadOptions> & {
    readonly fieldIdOf?: (path: readonly string[]) => number | undefined
  } = {},
): Promise<ReadRows> {
  const file = await open(bytes, { fieldIdOf: options.fieldIdOf })
  const columns = options.columns ?? file.fields.map((_, index) => index)
  const result: ReadRows = { fields: file.fields, rows: [], lengths: [], positions: [] }
  for await (const { firstRow, batch, rows } of file.read({ ...options, columns })) {
    checkBatch(batch)
    result.rows.push(...batchRows(batch))
    result.lengths.push(batch.length)
    for (let row = 0; row < batch.length; row++) result.positions.push(firstRow + (rows?.[row] ?? row))
  }
  return result
}

/** Vectors are of their types and as long as they say. */
function checkBatch(batch: ColumnBatch): void {
  expect(batch.columns.length).toBe(batch.fields.length)
  for (const [at, vector] of batch.columns.entries()) {
    expect(vector.length).toBe(batch.length)
    checkLayout(vector, batch.fields[at]!.type)
  }
}

/** Avro's own maps have no order that the encoder keeps. */
function sorted(type: Type, value: Value): Value {
  if (value === null) return null
  switch (type.kind) {
    case 'struct':
      return type.fields.map((field, at) => sorted(field.type, (value as readonly Value[])[at]!))
    case 'list':
      return (value as readonly Value[]).map(item => sorted(type.element, item))
    case 'map':
      return (value as readonly (readonly [string, Value])[])
        .map(([key, item]): [string, Value] => [key, sorted(type.value, item)])
        .sort(([a], [b]) => (a < b ? -1 : 1))
    default:
      return value
  }
}

function sortedRows(fields: readonly Field[], rows: readonly (readonly Value[])[]): Value[][] {
  return rows.map(row => row.map((value, at) => sorted(fields[at]!.type, value)))
}

const everyRow = (count: number): number[] => Array.from({ length: count }, (_, row) => row)

describe('an avro data file', () => {
  it('gives back random rows of random types, whatever columns, blocks and codec', async () => {
    const cases = fc.record({
      data: arbitraryRows(30),
      codec: fc.constantFrom(...CODECS),
      blockRows: fc.integer({ min: 1, max: 20 }),
      batchRows: fc.integer({ min: 1, max: 40 }),
      order: fc.shuffledSubarray([0, 1, 2, 3], { minLength: 1 }),
    })
    await fc.assert(
      fc.asyncProperty(
        cases,
        async ({ data: { fields, rows }, codec, blockRows, batchRows: most, order }) => {
          const bytes = avroFile(fields, rows, { codec, blockRows })
          const columns = order.filter(index => index < fields.length)
          if (columns.length === 0) return
          const found = await read(bytes, { columns, batchRows: most })
          expect(found.fields).toEqual(fields)
          const wanted = columns.map(index => fields[index]!)
          const expected = rows.map(row => columns.map(index => row[index]!))
          expect(sortedRows(wanted, found.rows)).toEqual(sortedRows(wanted, expected))
          expect(found.positions).toEqual(everyRow(rows.length))
          expect(Math.max(0, ...found.lengths)).toBeLessThanOrEqual(most)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('gives back the edges of every type', async () => {
    for (const codec of CODECS) {
      const found = await read(avroFile(EVERY_TYPE, EVERY_TYPE_ROWS, { codec, blockRows: 2 }))
      expect(found.fields).toEqual(EVERY_TYPE)
      expect(sortedRows(EVERY_TYPE, found.rows)).toEqual(sortedRows(EVERY_TYPE, EVERY_TYPE_ROWS))
    }
  })

  it('gives batches of the right lengths without columns, from the counts of the blocks', async () => {
    const { fields, rows } = longs(1000)
    for (const codec of CODECS) {
      const found = await read(avroFile(fields, rows, { codec, blockRows: 37 }), {
        columns: [],
        batchRows: 300,
      })
      expect(found.lengths).toEqual([300, 300, 300, 100])
      expect(found.positions).toEqual(everyRow(1000))
    }
  })

  it('gives the selected rows with their positions', async () => {
    const { fields, rows } = longs(100)
    const wanted = [3, 4, 5, 30, 31, 77]
    const selection = rangesOfRows(wanted)
    const bytes = avroFile(fields, rows, { blockRows: 9 })
    const found = await read(bytes, { selection, batchRows: 20 })
    expect(found.rows).toEqual(wanted.map(row => rows[row]))
    expect(found.positions).toEqual(wanted)
    expect((await read(bytes, { selection, columns: [] })).positions).toEqual(wanted)
  })

  it('reads a file of several ranges, and one range ahead', async () => {
    const fields: Field[] = [
      { id: 1, name: 'id', required: true, type: { kind: 'long' } },
      { id: 2, name: 'x', required: false, type: { kind: 'binary' } },
    ]
    // A block of 6 MB is longer than a range.
    const small = Uint8Array.from({ length: 1000 }, (_, at) => at * 7)
    const rows: Value[][] = Array.from({ length: 14_000 }, (_, row) => [
      BigInt(row),
      row % 9 === 0 ? null : small,
    ])
    rows.splice(7000, 0, [7n, new Uint8Array(6_000_000).fill(3)])
    const bytes = avroFile(fields, rows, { blockRows: 60 })
    const metered = meteredIO(createMemoryIO())
    await metered.io.write(LOCATION, bytes)
    for (const sizeBytes of [undefined, bytes.length, 1000, bytes.length * 2]) {
      metered.reset()
      const file = await openAvroData(metered.io, LOCATION, { sizeBytes })
      const lengths: number[] = []
      let sum = 0n
      let width = 0
      for await (const { batch } of file.read({ columns: [0, 1] })) {
        lengths.push(batch.length)
        const [ids, bytesColumn] = batch.columns
        if (ids?.layout !== 'fixed-width' || bytesColumn?.layout !== 'var-bytes') throw new Error('layout')
        for (const id of ids.values as BigInt64Array) sum += id
        width += bytesColumn.offsets[batch.length]!
      }
      expect(lengths.reduce((a, b) => a + b, 0)).toBe(rows.length)
      expect(sum).toBe(BigInt((14_000 * 13_999) / 2 + 7))
      expect(width).toBe(6_000_000 + rows.filter(row => row[1] === small).length * 1000)
      expect(metered.counts.readBytes).toBe(bytes.length)
      expect(metered.counts.requests.stat).toBe(0)
    }
  })

  it('reads a small file with one request, and none more for a second read', async () => {
    const { fields, rows } = longs(100)
    const bytes = avroFile(fields, rows)
    const metered = meteredIO(createMemoryIO())
    await metered.io.write(LOCATION, bytes)
    const file = await openAvroData(metered.io, LOCATION, { sizeBytes: bytes.length })
    for (const columns of [[0], []])
      for await (const { batch } of file.read({ columns })) expect(batch.length).toBe(100)
    expect(metered.counts.requests.read).toBe(1)
  })

  it('loses no row when the stated size is wrong', async () => {
    const { fields, rows } = longs(500)
    const bytes = avroFile(fields, rows, { blockRows: 50 })
    for (const sizeBytes of [0, 1, 100, bytes.length - 1, bytes.length + 1, bytes.length * 3]) {
      const file = await open(bytes, { sizeBytes })
      let count = 0
      for await (const { batch } of file.read({ columns: [0] })) count += batch.length
      expect(count).toBe(500)
    }
  })

  it('can be left in the middle', async () => {
    const { fields, rows } = longs(500)
    const file = await open(avroFile(fields, rows, { blockRows: 50 }))
    for await (const { batch } of file.read({ columns: [0], batchRows: 10 })) {
      expect(batch.length).toBe(10)
      break
    }
  })

  it('ends with aborted when the signal fires', async () => {
    const { fields, rows } = longs(500)
    const controller = new AbortController()
    const file = await open(avroFile(fields, rows, { blockRows: 50 }), { signal: controller.signal })
    const all = async () => {
      for await (const _ of file.read({ columns: [0], batchRows: 50 })) controller.abort()
    }
    await expect(all()).rejects.toMatchObject({ kind: 'aborted' })
  })
})

describe('the schema of an avro data file', () => {
  const oneRow = (type: unknown, bytes: Uint8Array): Uint8Array =>
    containerOf({
      schema: { type: 'record', name: 't', fields: [{ name: 'c', type, 'field-id': 1 }] },
      blocks: [{ count: 1, bytes }],
    })

  it('reads what other systems store otherwise', async () => {
    const cases: readonly (readonly [unknown, Uint8Array, Type['kind'], Value])[] = [
      [{ type: 'int', logicalType: 'time-millis' }, encodeLong(86_399_999), 'time', 86_399_999_000n],
      [{ type: 'long', logicalType: 'timestamp-millis' }, encodeLong(-1), 'timestamp', -1000n],
      [
        { type: 'long', logicalType: 'timestamp-millis', 'adjust-to-utc': true },
        encodeLong(5n),
        'timestamptz',
        5000n,
      ],
      [{ type: 'long', logicalType: 'local-timestamp-millis' }, encodeLong(3), 'timestamp', 3000n],
      [{ type: 'long', logicalType: 'local-timestamp-nanos' }, encodeLong(3), 'timestamp_ns', 3n],
      [{ type: 'enum', name: 'e', symbols: ['RED', 'GREEN'] }, encodeLong(1), 'string', 'GREEN'],
      // Logical types that do not fit what they stand on mean nothing.
      [{ type: 'int', logicalType: 'timestamp-micros' }, encodeLong(4), 'int', 4],
      [{ type: 'long', logicalType: 'of-my-own' }, encodeLong(4), 'long', 4n],
      [
        { type: 'fixed', name: 'f', size: 2, logicalType: 'uuid' },
        Uint8Array.of(1, 2),
        'fixed',
        Uint8Array.of(1, 2),
      ],
      [
        { type: 'bytes', logicalType: 'decimal', precision: 50 },
        encodeBytes(Uint8Array.of(1)),
        'binary',
        Uint8Array.of(1),
      ],
      [['string'], concatBytes([encodeLong(0), encodeText('a')]), 'string', 'a'],
      ['null', Uint8Array.of(), 'unknown', null],
      [['null'], encodeLong(0), 'unknown', null],
    ]
    for (const [type, bytes, kind, value] of cases) {
      const found = await read(oneRow(type, bytes))
      expect(found.fields[0]!.type.kind).toBe(kind)
      expect(found.rows).toEqual([[value]])
    }
  })

  it('takes ids of files without any from the name mapping', async () => {
    const schema = {
      type: 'record',
      name: 't',
      fields: [
        { name: 'a', type: 'int' },
        { name: 'l', type: { type: 'array', items: ['null', 'string'] } },
        {
          name: 'm',
          type: { type: 'map', values: { type: 'record', name: 'r', fields: [{ name: 'x', type: 'int' }] } },
        },
      ],
    }
    const paths: string[] = []
    const file = await open(containerOf({ schema, blocks: [] }), {
      fieldIdOf: path => {
        paths.push(path.join('.'))
        return path.at(-1) === 'a' ? undefined : paths.length
      },
    })
    expect(file.fields.map(field => field.id)).toEqual([-1, 2, 4])
    expect([...new Set(paths)].sort()).toEqual(['a', 'l', 'l.element', 'm', 'm.key', 'm.value', 'm.value.x'])
  })

  it('does not look up ids that are missing in a file with ids', async () => {
    const schema = {
      type: 'record',
      name: 't',
      fields: [
        { name: 'a', type: 'int', 'field-id': 4 },
        { name: 'b', type: 'int' },
      ],
    }
    const file = await open(containerOf({ schema, blocks: [] }), { fieldIdOf: () => 9 })
    expect(file.fields.map(field => field.id)).toEqual([4, -1])
  })

  it('reads variants, metadata before value, and refuses broken ones', async () => {
    const parts = (names: readonly string[]) => ({
      type: 'record',
      name: 'v',
      logicalType: 'variant',
      fields: names.map(name => ({ name, type: 'bytes' })),
    })
    const metadata = Uint8Array.of(0x01, 0, 0)
    const value = Uint8Array.of(0x0c, 42)
    const together = concatBytes([metadata, value])
    const stored = [encodeBytes(metadata), encodeBytes(value)]
    const present = encodeLong(1)
    const type = ['null', parts(['metadata', 'value'])]
    const found = await read(oneRow(type, concatBytes([present, ...stored])))
    expect(found.fields[0]!.type).toEqual({ kind: 'variant' })
    expect(found.rows).toEqual([[together]])
    expect((await read(oneRow(type, encodeLong(0)))).rows).toEqual([[null]])
    const turned = oneRow(parts(['value', 'metadata']), concatBytes([...stored].reverse()))
    expect((await read(turned)).rows).toEqual([[together]])
    const broken = concatBytes([present, encodeBytes(metadata), encodeBytes(Uint8Array.of(0x0c))])
    await expect(read(oneRow(type, broken))).rejects.toMatchObject({ kind: 'corrupt' })
  })

  it('refuses unions of several types when they are read, not when they are passed over', async () => {
    const schema = {
      type: 'record',
      name: 't',
      fields: [
        { name: 'u', type: ['null', 'int', 'string'], 'field-id': 1 },
        { name: 'x', type: 'int', 'field-id': 2 },
      ],
    }
    const row = concatBytes([encodeLong(2), encodeText('a'), encodeLong(7)])
    const bytes = containerOf({ schema, blocks: [{ count: 1, bytes: row }] })
    expect((await read(bytes, { columns: [1] })).rows).toEqual([[7]])
    await expect(read(bytes, { columns: [0] })).rejects.toMatchObject({
      kind: 'unsupported',
      context: { location: LOCATION, column: 'u' },
    })
  })

  it('reads and passes over lists in several blocks, with and without their sizes', async () => {
    const schema = {
      type: 'record',
      name: 't',
      fields: [
        { name: 'l', type: { type: 'array', items: 'int', 'element-id': 3 }, 'field-id': 1 },
        { name: 'x', type: 'int', 'field-id': 2 },
      ],
    }
    const row = concatBytes([
      ...[encodeLong(2), encodeLong(10), encodeLong(11)],
      ...[encodeLong(-3), encodeLong(3), encodeLong(12), encodeLong(13), encodeLong(14)],
      encodeLong(0),
      encodeLong(99),
    ])
    const bytes = containerOf({ schema, blocks: [{ count: 1, bytes: row }] })
    expect((await read(bytes)).rows).toEqual([[[10, 11, 12, 13, 14], 99]])
    expect((await read(bytes, { columns: [1] })).rows).toEqual([[99]])
  })
})

describe('a broken avro data file', () => {
  const schema = {
    type: 'record',
    name: 't',
    fields: [{ name: 'c', type: ['null', 'string'], 'field-id': 1 }],
  }
  const row = concatBytes([encodeLong(1), encodeText('hello')])
  const block = { count: 2, bytes: concatBytes([row, row]) }
  const whole = containerOf({ schema, blocks: [block, block] })
  const corrupt = { kind: 'corrupt', context: expect.objectContaining({ location: LOCATION }) }

  it('is corrupt with its location', async () => {
    const cases: Uint8Array[] = [
      new Uint8Array(0),
      Uint8Array.of(1, 2, 3, 4, 5),
      whole.subarray(0, 40),
      whole.subarray(0, whole.length - 1),
      whole.subarray(0, whole.length - 30),
      concatBytes([whole, Uint8Array.of(2)]),
      containerOf({ schema, blocks: [{ ...block, count: 1 }] }),
      containerOf({ schema, blocks: [{ ...block, count: 3 }] }),
      containerOf({ schema, blocks: [{ ...block, count: 2 ** 40 }] }),
      containerOf({ schema, blocks: [{ ...block, count: -2 }] }),
      containerOf({ schema: 'int', blocks: [] }),
      containerOf({ schema: { type: 'nothing' }, blocks: [] }),
    ]
    for (const bytes of cases) await expect(read(bytes)).rejects.toMatchObject(corrupt)
    await expect(read(containerOf({ schema, blocks: [block], codec: 'bzip2' }))).rejects.toMatchObject({
      kind: 'unsupported',
      context: { location: LOCATION, codec: 'bzip2' },
    })
  })

  it('does not let counts without bytes run on', async () => {
    const nothing = { type: 'record', name: 't', fields: [{ name: 'n', type: 'null', 'field-id': 1 }] }
    const rows = containerOf({ schema: nothing, blocks: [{ count: 2 ** 45, bytes: new Uint8Array(0) }] })
    await expect(read(rows)).rejects.toMatchObject(corrupt)
    await expect(read(rows, { columns: [] })).rejects.toMatchObject(corrupt)
    const list = {
      type: 'record',
      name: 't',
      fields: [{ name: 'l', type: { type: 'array', items: 'null' }, 'field-id': 1 }],
    }
    const items = concatBytes([encodeLong(2 ** 45), encodeLong(0)])
    const lists = containerOf({ schema: list, blocks: [{ count: 1, bytes: items }] })
    await expect(read(lists)).rejects.toMatchObject(corrupt)
  })

  it('ends batches early when nulls of wide values take much memory', async () => {
    const wide = {
      type: 'record',
      name: 't',
      fields: [{ name: 'f', type: ['null', { type: 'fixed', name: 'x', size: 1_000_000 }], 'field-id': 1 }],
    }
    const count = 80
    const found = await open(containerOf({ schema: wide, blocks: [{ count, bytes: new Uint8Array(count) }] }))
    const lengths: number[] = []
    for await (const { batch } of found.read({ columns: [0] })) lengths.push(batch.length)
    expect(lengths.reduce((a, b) => a + b, 0)).toBe(count)
    expect(Math.max(...lengths)).toBeLessThan(count)
  })

  it('ends in rows, corrupt or unsupported whatever byte is wrong', async () => {
    const seeds = EVERY_TYPE_ROWS.length
    const good = CODECS.map(codec => avroFile(EVERY_TYPE, EVERY_TYPE_ROWS, { codec, blockRows: seeds }))
    const change = fc.record({
      file: fc.nat({ max: CODECS.length - 1 }),
      changes: fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat({ max: 255 })), {
        minLength: 1,
        maxLength: 3,
      }),
      isCut: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(change, async ({ file, changes, isCut }) => {
        const bytes = good[file]!.slice()
        for (const [where, value] of changes) bytes[Math.floor(where * (bytes.length - 1))] = value
        const end = isCut ? Math.floor(changes[0]![0] * bytes.length) : bytes.length
        try {
          await read(bytes.subarray(0, end))
        } catch (error) {
          if (!isLakeError(error, 'corrupt') && !isLakeError(error, 'unsupported')) throw error
          expect(error.context).toHaveProperty('location', LOCATION)
        }
      }),
      { numRuns: 1000 },
    )
  })
})

function longs(count: number): { readonly fields: Field[]; readonly rows: Value[][] } {
  return {
    fields: [{ id: 1, name: 'id', required: true, type: { kind: 'long' } }],
    rows: Array.from({ length: count }, (_, row) => [BigInt(row) * 1_000_003n]),
  }
}
