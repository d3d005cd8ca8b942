import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { hexEncode } from '../../../src/base/bytes.js'
import { isLakeError, LakeError } from '../../../src/base/errors.js'
import { batchRows } from '../../../src/batch/values.js'
import { batchOf } from '../../../src/batch/vector-builder.js'
import { SPECULATIVE_TAIL_BYTES } from '../../../src/format/parquet/footer/footer.js'
import { openParquet, type ParquetReadOptions } from '../../../src/format/parquet/read.js'
import { openParquetWriter } from '../../../src/format/parquet/write.js'
import type { FileIO } from '../../../src/io/file-io.js'
import { createMemoryIO } from '../../../src/io/memory.js'
import { meteredIO } from '../../../src/io/metered.js'
import type { Field, Value } from '../../../src/schema/types.js'

const LOCATION = 'memory://t/f.parquet'
const GOLDEN = new URL('../../interop/parquet/', import.meta.url)

interface Expected {
  readonly rowCount: number
  readonly rowGroups: number
  readonly columns: readonly (readonly [number, string])[]
  /** [position, values] of some rows. */
  readonly rows: readonly (readonly [number, readonly unknown[]])[]
}
const expected: Record<string, Expected> = JSON.parse(readFileSync(new URL('expected.json', GOLDEN), 'utf8'))

async function stored(bytes: Uint8Array): Promise<FileIO> {
  const io = createMemoryIO()
  await io.write(LOCATION, bytes)
  return io
}

const golden = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, GOLDEN)))

/** Values as `expected.json` writes them. */
function plain(value: Value): unknown {
  if (typeof value === 'bigint') return `${value}`
  if (value instanceof Uint8Array) return hexEncode(value)
  if (Array.isArray(value)) return value.map(plain)
  if (Object.is(value, -0)) return '-0'
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value
}

async function readRows(io: FileIO, options: Partial<ParquetReadOptions> = {}): Promise<Value[][]> {
  const file = await openParquet(io, LOCATION)
  const rows: Value[][] = []
  const columns = file.fields.map((_, index) => index)
  for await (const { batch } of file.read({ columns, ...options })) rows.push(...batchRows(batch))
  return rows
}

describe('parquet files of Spark', () => {
  it.each(Object.entries(expected))('%s has the rows that pyarrow finds', async (name, wanted) => {
    const io = await stored(golden(name))
    const { fields, footer, rowCount } = await openParquet(io, LOCATION)
    expect(rowCount).toBe(wanted.rowCount)
    expect(footer.rowGroups).toHaveLength(wanted.rowGroups)
    expect(fields.map(field => [field.id, field.name])).toEqual(wanted.columns)
    const rows = await readRows(io)
    for (const [position, values] of wanted.rows) expect(rows[position]?.map(plain)).toEqual(values)
  })

  it('get the ids of a name mapping when they have none', async () => {
    const io = await stored(golden('spark-legacy-int96.parquet'))
    const ids: Record<string, number> = { id: 1, t: 2, l: 3, 'l.element': 4, 'm.key': 5, 'm.value': 6 }
    const file = await openParquet(io, LOCATION, { fieldIdOf: path => ids[path.join('.')] })
    expect(file.fields.map(field => field.id)).toEqual([1, 2, -1, -1, 3, -1])
    expect(file.fields[4]?.type).toMatchObject({ kind: 'list', elementId: 4 })
    expect(file.fields[5]?.type).toMatchObject({ kind: 'map', keyId: 5, valueId: 6 })
    expect([...(file.footer.rowGroups[0]?.columns.keys() ?? [])]).toEqual([1, 2, 4, 5, 6])
  })
})

const WIDE: readonly Field[] = Array.from({ length: 8 }, (_, at) => ({
  id: at + 1,
  name: `c${at}`,
  required: true,
  type: { kind: 'string' },
}))

/** 8 columns of text that does not compress, in row groups of 1000 rows. */
async function wideFile(rowGroups: number): Promise<{ io: FileIO; sizeBytes: number }> {
  const io = createMemoryIO()
  const writer = await openParquetWriter(io, LOCATION, {
    codec: 'uncompressed',
    fields: WIDE,
    rowGroupRows: 1000,
  })
  let seed = 1
  const text = (): string => {
    let word = ''
    for (let i = 0; i < 6; i++) {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
      word += seed.toString(36)
    }
    return word
  }
  for (let group = 0; group < rowGroups; group++) {
    const rows = Array.from({ length: 1000 }, () => WIDE.map(() => text()))
    await writer.write(batchOf(WIDE, rows))
  }
  const { sizeBytes } = await writer.close()
  return { io, sizeBytes }
}

describe('requests of a parquet read', () => {
  it('are one for a small file, footer and all columns included', async () => {
    const bytes = golden('spark-types.parquet')
    const { io, counts, log } = meteredIO(await stored(bytes))
    const file = await openParquet(io, LOCATION, { sizeBytes: bytes.length })
    for await (const { batch } of file.read({ columns: [0, 1, 2] })) expect(batch.length).toBeGreaterThan(0)
    expect(log).toEqual([
      { verb: 'read', location: LOCATION, range: { offset: 0, lengthBytes: bytes.length } },
    ])
    expect(counts.readBytes).toBe(bytes.length)
  })

  it('ask for the size only when it is not known', async () => {
    const { io, counts } = meteredIO(await stored(golden('spark-types.parquet')))
    await openParquet(io, LOCATION)
    expect(counts.requests).toMatchObject({ stat: 1, read: 1 })
  })

  it('fetch the wanted columns only, and the tail once', async () => {
    const { io: inner, sizeBytes } = await wideFile(3)
    const { io, counts, log, reset } = meteredIO(inner)
    const file = await openParquet(io, LOCATION, { sizeBytes })
    expect(counts.requests.read).toBe(1)
    expect(counts.readBytes).toBe(SPECULATIVE_TAIL_BYTES)
    reset()
    let rows = 0
    for await (const { batch } of file.read({ columns: [2] })) rows += batch.length
    expect(rows).toBe(3000)
    const columnBytes = file.footer.rowGroups.reduce(
      (sum, g) => sum + (g.columns.get(3)?.columnSizeBytes ?? 0),
      0,
    )
    expect(counts.readBytes).toBe(columnBytes)
    expect(counts.requests.read).toBe(3)
    expect(log.every(({ range }) => (range?.offset ?? 0) < file.footer.tail.offset)).toBe(true)
  })

  it('take neighbouring columns together', async () => {
    const { io: inner, sizeBytes } = await wideFile(3)
    const { io, counts, reset } = meteredIO(inner)
    const file = await openParquet(io, LOCATION, { sizeBytes })
    reset()
    for await (const { batch } of file.read({ columns: [3, 0, 1, 2], keepRowGroup: index => index === 1 })) {
      expect(batch.fields.map(field => field.name)).toEqual(['c3', 'c0', 'c1', 'c2'])
    }
    expect(counts.requests.read).toBe(1)
  })

  it('are none for row groups that are not kept, and none when no column is wanted', async () => {
    const { io: inner, sizeBytes } = await wideFile(3)
    const { io, counts, reset } = meteredIO(inner)
    const file = await openParquet(io, LOCATION, { sizeBytes })
    reset()
    const positions: [number, number][] = []
    for await (const { firstRow, batch } of file.read({ columns: [], batchRows: 700 })) {
      positions.push([firstRow, batch.length])
    }
    for await (const _ of file.read({ columns: [0], keepRowGroup: () => false })) expect.unreachable()
    expect(counts.requests.read).toBe(0)
    expect(positions.slice(0, 4)).toEqual([
      [0, 700],
      [700, 300],
      [1000, 700],
      [1700, 300],
    ])
  })

  it('stop when the reader goes away', async () => {
    const { io: inner, sizeBytes } = await wideFile(3)
    const { io, counts, reset } = meteredIO(inner)
    const file = await openParquet(io, LOCATION, { sizeBytes })
    reset()
    for await (const _ of file.read({ columns: [0] })) break
    expect(counts.requests.read).toBeLessThanOrEqual(3)
  })

  it('are two for a footer that is longer than the speculation', async () => {
    const fields = Array.from(
      { length: 700 },
      (_, at): Field => ({
        id: at + 1,
        name: `a_rather_long_column_name_to_fill_the_footer_${at}`,
        required: false,
        type: { kind: 'long' },
      }),
    )
    const inner = createMemoryIO()
    const writer = await openParquetWriter(inner, LOCATION, { codec: 'zstd', fields })
    await writer.write(batchOf(fields, [fields.map((_, at) => BigInt(at))]))
    const { sizeBytes } = await writer.close()
    const { io, counts } = meteredIO(inner)
    const file = await openParquet(io, LOCATION, { sizeBytes })
    expect(counts.requests.read).toBe(2)
    expect(file.fields).toHaveLength(700)
  })
})

describe('row positions', () => {
  it('are those of the file when row groups are skipped and batches are short', async () => {
    const io = await stored(golden('spark-row-groups.parquet'))
    const all = await readRows(io)
    const file = await openParquet(io, LOCATION)
    let seen = 0
    const keepRowGroup = (index: number): boolean => index % 3 === 1
    for await (const { firstRow, batch } of file.read({ columns: [0, 2], keepRowGroup, batchRows: 7 })) {
      const wanted = all.slice(firstRow, firstRow + batch.length).map(row => [row[0], row[2]])
      expect(batchRows(batch)).toEqual(wanted)
      expect(batch.length).toBeLessThanOrEqual(7)
      seen += batch.length
    }
    expect(seen).toBe(300)
  })

  it('may be read by two readers of one file at once', async () => {
    const io = await stored(golden('spark-row-groups.parquet'))
    const [a, b] = await Promise.all([readRows(io), readRows(io, { batchRows: 11 })])
    expect(a).toEqual(b)
  })
})

describe('parquet files that are broken', () => {
  const whole = golden('spark-nested.parquet')

  async function outcome(bytes: Uint8Array, sizeBytes?: number): Promise<Value[][] | LakeError> {
    const io = await stored(bytes)
    try {
      const file = await openParquet(io, LOCATION, { sizeBytes })
      const rows: Value[][] = []
      const columns = file.fields.map((_, index) => index)
      for await (const { batch } of file.read({ columns })) rows.push(...batchRows(batch))
      for (const group of file.footer.rowGroups) expect(group.columns).toBeDefined()
      return rows
    } catch (error) {
      if (isLakeError(error)) return error
      throw error
    }
  }

  it('are corrupt when cut anywhere, with the location', async () => {
    for (let length = 0; length < whole.length; length += 13) {
      expect(await outcome(whole.subarray(0, length))).toMatchObject({
        kind: 'corrupt',
        context: { location: LOCATION },
      })
    }
  })

  it('are corrupt when shorter or longer than the manifest says', async () => {
    expect(await outcome(whole, whole.length + 10)).toMatchObject({ kind: 'corrupt' })
    expect(await outcome(whole, whole.length - 10)).toMatchObject({ kind: 'corrupt' })
  })

  it('are never read as something worse than an error, whichever bits flip', async () => {
    const clean = await outcome(whole)
    expect(clean).toHaveLength(4)
    let seed = 42
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
      return seed % below
    }
    let corrupt = 0
    for (let run = 0; run < 600; run++) {
      const bytes = whole.slice()
      for (let flips = 1 + random(3); flips > 0; flips--) {
        const at = random(bytes.length)
        bytes[at] = (bytes[at] as number) ^ (1 << random(8))
      }
      const result = await outcome(bytes)
      if (!(result instanceof LakeError)) continue
      expect(['corrupt', 'unsupported']).toContain(result.kind)
      expect(result.context).toMatchObject({ location: LOCATION })
      corrupt += 1
    }
    expect(corrupt).toBeGreaterThan(100)
    // The engine still works after its panics.
    expect(await outcome(whole)).toEqual(clean)
  })

  it('name the row group whose rows cannot be decoded', async () => {
    const bytes = golden('spark-row-groups.parquet')
    const { footer } = await openParquet(await stored(bytes), LOCATION)
    const chunk = footer.metadata.rowGroups[2]?.columns[0]
    bytes.fill(0xff, chunk?.dataPageOffset, (chunk?.dataPageOffset ?? 0) + 20)
    const io = await stored(bytes)
    await expect(readRows(io, { keepRowGroup: index => index > 0 })).rejects.toMatchObject({
      kind: 'corrupt',
      context: { location: LOCATION, rowGroup: 2 },
    })
    expect(await readRows(io, { keepRowGroup: index => index < 2 })).toHaveLength(100)
  })

  it('are unsupported when encrypted, and not parquet when they end otherwise', async () => {
    const encrypted = whole.slice()
    encrypted.set(Buffer.from('PARE'), whole.length - 4)
    expect(await outcome(encrypted)).toMatchObject({ kind: 'unsupported' })
    expect(await outcome(Buffer.from('id,name\n1,a\n'))).toMatchObject({ kind: 'corrupt' })
  })

  it('do not hide errors of storage', async () => {
    await expect(openParquet(createMemoryIO(), LOCATION)).rejects.toMatchObject({ kind: 'not-found' })
  })

  it('stop with aborted when the signal fires between batches', async () => {
    const abort = new AbortController()
    const io = await stored(golden('spark-row-groups.parquet'))
    const file = await openParquet(io, LOCATION, { signal: abort.signal })
    const reading = async (): Promise<void> => {
      for await (const _ of file.read({ columns: [0], batchRows: 10 })) abort.abort()
    }
    await expect(reading()).rejects.toMatchObject({ kind: 'aborted' })
  })

  it('refuse a column that they do not have', async () => {
    await expect(readRows(await stored(whole), { columns: [99] })).rejects.toMatchObject({
      kind: 'invalid-argument',
    })
  })
})
