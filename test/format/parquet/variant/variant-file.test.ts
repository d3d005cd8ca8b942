import fc from 'fast-check'
import { parquetMetadataAsync } from 'hyparquet'
import { describe, expect, it } from 'vitest'
import { batchRows } from '../../../../src/batch/values.js'
import { batchOf } from '../../../../src/batch/vector-builder.js'
import { openParquet } from '../../../../src/format/parquet/read.js'
import { openParquetWriter, type ParquetWriteOptions } from '../../../../src/format/parquet/write.js'
import type { FileIO } from '../../../../src/io/file-io.js'
import { createMemoryIO } from '../../../../src/io/memory.js'
import type { Field, Type, Value } from '../../../../src/schema/types.js'
import { arbitraryStyle, arbitraryTree, encodeVariant, namesOf, plainStyle } from '../../variant-tree.js'

const LOCATION = 'memory://t/f.parquet'
const VARIANT: Type = { kind: 'variant' }

async function write(
  io: FileIO,
  fields: readonly Field[],
  rows: readonly (readonly Value[])[],
  options: Partial<ParquetWriteOptions> = {},
): Promise<void> {
  const writer = await openParquetWriter(io, LOCATION, { codec: 'zstd', fields, ...options })
  await writer.write(batchOf(fields, rows))
  await writer.close()
}

async function readRows(io: FileIO): Promise<Value[][]> {
  const file = await openParquet(io, LOCATION)
  const rows: Value[][] = []
  const columns = file.fields.map((_, index) => index)
  for await (const { batch } of file.read({ columns })) rows.push(...batchRows(batch))
  return rows
}

const arbitraryVariant: fc.Arbitrary<Uint8Array> = fc
  .tuple(arbitraryTree, arbitraryStyle)
  .map(([tree, style]) => Uint8Array.from(encodeVariant(tree, { ...style, names: namesOf(tree) })))

/** Variants everywhere that a type may stand. */
const FIELDS: readonly Field[] = [
  { id: 1, name: 'required', required: true, type: VARIANT },
  { id: 2, name: 'optional', required: false, type: VARIANT },
  {
    id: 3,
    name: 'inside',
    required: false,
    type: { kind: 'struct', fields: [{ id: 4, name: 'v', required: false, type: VARIANT }] },
  },
  {
    id: 5,
    name: 'listed',
    required: false,
    type: { kind: 'list', elementId: 6, elementRequired: false, element: VARIANT },
  },
  {
    id: 7,
    name: 'mapped',
    required: false,
    type: {
      kind: 'map',
      keyId: 8,
      key: { kind: 'string' },
      valueId: 9,
      valueRequired: false,
      value: VARIANT,
    },
  },
]
const maybe = fc.option(arbitraryVariant)
const arbitraryRow: fc.Arbitrary<Value[]> = fc.tuple(
  arbitraryVariant,
  maybe,
  fc.option(fc.tuple(maybe)),
  fc.option(fc.array(maybe, { maxLength: 3 })),
  fc.option(fc.array(maybe, { maxLength: 2 }).map(values => values.map((value, at) => [`k${at}`, value]))),
)

describe('variants in a parquet file', () => {
  it('are read as they were written, wherever they stand', async () => {
    const options = fc.record({
      pageVersion: fc.constantFrom<1 | 2>(1, 2),
      dictionaryEnabled: fc.boolean(),
      rowGroupRows: fc.integer({ min: 1, max: 9 }),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(arbitraryRow, { minLength: 1, maxLength: 12 }),
        options,
        async (rows, each) => {
          const io = createMemoryIO()
          await write(io, FIELDS, rows, each)
          expect((await openParquet(io, LOCATION)).fields).toEqual(FIELDS)
          expect(await readRows(io)).toEqual(rows)
        },
      ),
      { numRuns: 25 },
    )
  })

  it('are groups of required binaries without field ids, annotated with version 1', async () => {
    const io = createMemoryIO()
    const variant = Uint8Array.from(encodeVariant({ type: 'null' }, plainStyle()))
    await write(io, [FIELDS[1]!], [[variant], [null]])
    const bytes = await io.read(LOCATION)
    const { schema } = await parquetMetadataAsync(Uint8Array.from(bytes).buffer)
    expect(schema.slice(1)).toEqual([
      expect.objectContaining({
        name: 'optional',
        field_id: 2,
        num_children: 2,
        repetition_type: 'OPTIONAL',
        logical_type: expect.objectContaining({ type: 'VARIANT' }),
      }),
      { name: 'metadata', type: 'BYTE_ARRAY', repetition_type: 'REQUIRED' },
      { name: 'value', type: 'BYTE_ARRAY', repetition_type: 'REQUIRED' },
    ])
  })

  it('that are none are refused before anything of their row group is written', async () => {
    const rows = [[Uint8Array.of(1, 0, 0)]]
    await expect(write(createMemoryIO(), [FIELDS[0]!], rows)).rejects.toMatchObject({
      kind: 'invalid-argument',
    })
  })
})
