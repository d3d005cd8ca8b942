/** Types beyond the plain ones, and what a file does not say itself: fallback ids, partition values, odd transforms. */
import { describe, expect, it } from 'vitest'
import { isLakeError } from '../../src/base/errors.js'
import { eq, gt, isNan, isNull, notNull, startsWith } from '../../src/expression/expression.js'
import type { PartitionField, PartitionSpec, Transform } from '../../src/schema/partition-spec.js'
import type { Field, Type, Value } from '../../src/schema/types.js'
import { encodeVariant, plainStyle } from '../format/variant-tree.js'
import { type Golden, goldenFolders, openGolden, readGolden, scanRows, sortedRows } from './golden.js'
import { createMemoryTable, planOf, rowsOf } from './memory-table.js'

const ID: Field = { id: 1, name: 'id', required: true, type: { kind: 'int' } }
const NAME: Field = { id: 2, name: 'name', required: false, type: { kind: 'string' } }

function optional(id: number, name: string, type: Type): Field {
  return { id, name, required: false, type }
}

function identity(sourceId: number, fieldId: number, name: string): PartitionField {
  return { sourceId, fieldId, name, transform: { kind: 'identity' } }
}

describe('variants and shapes', () => {
  const variant = (value: string): Uint8Array =>
    Uint8Array.from(encodeVariant({ type: 'string', value }, plainStyle()))
  const wkb = Uint8Array.from(Buffer.from('010100000000000000000000000000000000000000', 'hex'))
  const inList: Type = { kind: 'list', elementId: 6, elementRequired: false, element: { kind: 'variant' } }
  const fields = [
    ID,
    optional(3, 'v', { kind: 'variant' }),
    optional(4, 'g', { kind: 'geometry', crs: 'srid:3857' }),
    optional(5, 'vs', inList),
    optional(7, 'p', { kind: 'geography' }),
  ]
  const rows: Value[][] = [
    [1, variant('a'), wkb, [variant('b'), null], null],
    [2, null, null, null, wkb],
  ]

  it('are read at any depth', async () => {
    const table = createMemoryTable({ fields, formatVersion: 3 })
    await table.commit([await table.dataFile('d.parquet', rows)])
    expect(await rowsOf(table)).toEqual(rows)
  })

  it('are filtered by null and not null alone', async () => {
    const table = createMemoryTable({ fields, formatVersion: 3 })
    await table.commit([await table.dataFile('d.parquet', rows)])
    const select = ['id']
    expect(await rowsOf(table, { select, filter: isNull('v') })).toEqual([[2]])
    expect(await rowsOf(table, { select, filter: notNull('g') })).toEqual([[1]])
    for (const column of ['v', 'g', 'p'])
      for (const filter of [eq(column, 'x'), gt(column, 1), startsWith(column, 'x'), isNan(column)])
        await expect(rowsOf(table, { filter })).rejects.toMatchObject({
          kind: 'invalid-argument',
          context: { column },
        })
  })

  it('are read from groups without an annotation', async () => {
    const parts: Type = {
      kind: 'struct',
      fields: [optional(-1, 'metadata', { kind: 'binary' }), optional(-1, 'value', { kind: 'binary' })],
    }
    const table = createMemoryTable({ fields: [ID, optional(3, 'v', { kind: 'variant' })], formatVersion: 3 })
    const stored = [
      [1, [Uint8Array.of(1, 0, 0), Uint8Array.of(5, 97)]],
      [2, null],
    ] as const
    await table.commit([
      await table.dataFile('old.parquet', stored, { fields: [ID, optional(3, 'v', parts)], bare: true }),
    ])
    expect(await rowsOf(table)).toEqual([
      [1, Uint8Array.of(1, 0, 0, 5, 97)],
      [2, null],
    ])
  })
})

describe('identity partition values', () => {
  const city = (required: boolean): Field => ({ id: 4, name: 'city', required, type: { kind: 'string' } })
  const at = optional(5, 'at', { kind: 'timestamp' })
  const place = (...fields: Field[]): Field => optional(3, 'place', { kind: 'struct', fields })
  const spec: PartitionSpec = {
    specId: 0,
    fields: [identity(4, 1000, 'place.city'), identity(5, 1001, 'place.at')],
  }

  it('fill fields of structs that the file lacks, in present structs only', async () => {
    const n = optional(6, 'n', { kind: 'int' })
    const table = createMemoryTable({
      fields: [ID, place(city(true), n, at)],
      specs: [spec],
      formatVersion: 3,
    })
    await table.commit([
      await table.dataFile(
        'd.parquet',
        [
          [1, [7]],
          [2, null],
        ],
        {
          fields: [ID, place(n)],
          partition: ['Oslo', 86_400_000_000n],
          bare: true,
        },
      ),
    ])
    const expected: Value[][] = [
      [1, ['Oslo', 7, 86_400_000_000n]],
      [2, null],
    ]
    expect(await rowsOf(table)).toEqual(expected)
    expect(await rowsOf(table, { filter: eq('place.n', 7), select: ['id'] })).toEqual([[1]])
  })

  it('do not make a struct that the file lacks', async () => {
    const table = createMemoryTable({ fields: [ID, place(city(false))], specs: [spec] })
    await table.commit([
      await table.dataFile('d.parquet', [[1]], { fields: [ID], partition: ['Oslo', null], bare: true }),
    ])
    expect(await rowsOf(table)).toEqual([[1, null]])
  })

  it('that were written as dates serve a column that became a timestamp', async () => {
    const day = optional(2, 'day', { kind: 'date' })
    const table = createMemoryTable({
      fields: [ID, day],
      specs: [{ specId: 0, fields: [identity(2, 1000, 'day')] }],
      formatVersion: 3,
    })
    await table.commit([await table.dataFile('d.parquet', [[1]], { fields: [ID], partition: [1] })])
    const base = table.metadata.schemas[0]!
    for (const [kind, value] of [
      ['timestamp', 86_400_000_000n],
      ['timestamp_ns', 86_400_000_000_000n],
    ] as const) {
      const fields = [ID, { ...day, type: { kind } }]
      table.alter({ schemas: [base, { ...base, schemaId: 1, fields }], currentSchemaId: 1 })
      expect(await rowsOf(table)).toEqual([[1, value]])
    }
  })
})

describe('files without field ids and without a name mapping', () => {
  const bare = (field: Field): Field => ({ ...field, id: -1 })

  it('are read by the position of their columns, whatever their names', async () => {
    const table = createMemoryTable({
      fields: [{ ...NAME, id: 3 }, ID, optional(9, 'later', { kind: 'int' })],
    })
    const fields = [bare({ ...ID, name: 'x' }), bare(optional(0, 'y', { kind: 'date' })), bare(NAME)]
    await table.commit([await table.dataFile('d.parquet', [[1, 5, 'a']], { fields, bare: true })])
    expect(await rowsOf(table)).toEqual([['a', 1, null]])
    expect(await rowsOf(table, { filter: eq('id', 1), select: ['name'] })).toEqual([['a']])
    expect(await rowsOf(table, { filter: eq('id', 2), select: ['name'] })).toEqual([])
  })

  it('keep lists and maps, but not the fields of structs, as Java does', async () => {
    const element: Type = { kind: 'list', elementId: 11, elementRequired: false, element: { kind: 'int' } }
    const struct: Type = { kind: 'struct', fields: [optional(12, 'x', { kind: 'int' })] }
    const table = createMemoryTable({ fields: [optional(1, 'l', element), optional(2, 's', struct)] })
    const fields = [
      optional(-1, 'l', { ...element, elementId: -1 }),
      optional(-1, 's', { kind: 'struct', fields: [optional(-1, 'x', { kind: 'int' })] }),
    ]
    await table.commit([
      await table.dataFile(
        'd.parquet',
        [
          [[1, 2], [3]],
          [null, null],
        ],
        { fields, bare: true },
      ),
    ])
    expect(await rowsOf(table)).toEqual([
      [[1, 2], [null]],
      [null, null],
    ])
  })

  const imported = goldenFolders().find(({ name }) => name === 'imported_legacy_parquet')
  it.runIf(imported)('of another engine are read as with the mapping that its import made', async () => {
    const golden = readGolden(imported!.folder)
    const { metadata, ...table } = await openGolden(golden, imported!.folder)
    const { 'schema.name-mapping.default': mapping, ...properties } = metadata.properties
    expect(mapping).toBeDefined()
    const unmapped = { ...table, metadata: { ...metadata, properties } }
    expect(await scanRows(unmapped)).toEqual(sortedRows(golden.current?.rows ?? []))
  })
})

interface MetadataTables {
  readonly files?: readonly { readonly file_path: string; readonly partition?: unknown }[]
}

/** The metadata tables have longs as numbers and leave out zones, rows do not. */
function plainText(json: unknown): string {
  return JSON.stringify(json, (_, value) => {
    if (typeof value === 'number') return String(value)
    return typeof value === 'string' ? value.replace(/\+00:00$/, '') : value
  })
}

/** The rows of a table whose files are of a format that is not read. */
function refused(error: unknown): string[] {
  if (isLakeError(error, 'unsupported')) return []
  throw error
}

describe('the column _partition', () => {
  const select = ['id', '_partition']

  it('has the fields of all specs, null where the spec of the file has none', async () => {
    const table = createMemoryTable({
      fields: [ID, NAME],
      specs: [
        { specId: 0, fields: [identity(2, 1000, 'name')] },
        {
          specId: 1,
          fields: [{ sourceId: 1, fieldId: 1001, name: 'shard', transform: { kind: 'bucket', count: 4 } }],
        },
        { specId: 2, fields: [] },
      ],
    })
    await table.commit([
      await table.dataFile(
        '0.parquet',
        [
          [1, 'a'],
          [2, 'a'],
        ],
        { specId: 0, partition: ['a'] },
      ),
      await table.dataFile('1.parquet', [[3, 'b']], { specId: 1, partition: [2] }),
      await table.dataFile('2.parquet', [[4, 'c']], { specId: 2 }),
    ])
    const { fields } = await planOf(table, { select })
    expect(fields[1]).toMatchObject({
      id: 2 ** 31 - 6,
      type: {
        kind: 'struct',
        fields: [
          { id: 1000, name: 'name' },
          { id: 1001, name: 'shard' },
        ],
      },
    })
    expect((await rowsOf(table, { select })).sort((a, b) => Number(a[0]) - Number(b[0]))).toEqual([
      [1, ['a', null]],
      [2, ['a', null]],
      [3, [null, 2]],
      [4, [null, null]],
    ])
    expect(await rowsOf(table, { select: ['_partition'], filter: eq('id', 2) })).toEqual([[['a', null]]])
  })

  it('is what the tables of another engine say of their files', async () => {
    let compared = 0
    for (const { folder } of goldenFolders()) {
      const golden = readGolden(folder) as Golden & { readonly metadataTables?: MetadataTables }
      const files = golden.metadataTables?.files?.filter(file => file.partition !== undefined) ?? []
      if (files.length === 0) continue
      const known = new Set(files.map(file => plainText([file.file_path, file.partition])))
      const table = await openGolden(golden, folder)
      const rows = await scanRows(table, { select: ['_file', '_partition'] }).catch(refused)
      const found = new Set(rows.map(row => plainText(JSON.parse(row))))
      expect([...found].filter(row => !known.has(row))).toEqual([])
      compared += rows.length
    }
    expect(compared).toBeGreaterThan(50)
  })

  it('is null in a table that never was partitioned', async () => {
    const table = createMemoryTable({ fields: [ID, NAME] })
    await table.commit([await table.dataFile('d.parquet', [[1, 'a']])])
    expect(await rowsOf(table, { select })).toEqual([[1, null]])
  })

  it('is hidden by a column of its name', async () => {
    const table = createMemoryTable({ fields: [ID, { ...NAME, name: '_partition' }] })
    await table.commit([await table.dataFile('d.parquet', [[1, 'a']])])
    expect(await rowsOf(table, { select })).toEqual([[1, 'a']])
  })
})

describe('transforms that are not known', () => {
  const transform: Transform = { kind: 'unsupported', text: 'hilbert[2]' }
  const specs: readonly (readonly [string, PartitionField])[] = [
    ['of one column', { sourceId: 2, fieldId: 1000, name: 'p', transform }],
    [
      'of several columns',
      {
        sourceId: 2,
        sourceIds: [2, 1],
        fieldId: 1000,
        name: 'p',
        transform: { kind: 'unsupported', text: 'identity' },
      },
    ],
  ]

  it.each(specs)('%s prune nothing and stand in for nothing', async (_, field) => {
    const table = createMemoryTable({ fields: [ID, NAME], specs: [{ specId: 0, fields: [field] }] })
    await table.commit([
      await table.dataFile('0.parquet', [[1, 'a']], { partition: ['zz'], bare: true }),
      await table.dataFile('1.parquet', [[2]], { fields: [ID], partition: ['a'], bare: true }),
    ])
    expect(await rowsOf(table, { filter: eq('name', 'a') })).toEqual([[1, 'a']])
    expect(await rowsOf(table, { filter: isNull('name') })).toEqual([[2, null]])
    expect((await planOf(table, { filter: eq('name', 'a') })).tasks).toHaveLength(2)
    await expect(rowsOf(table, { select: ['_partition'] })).rejects.toMatchObject({ kind: 'unsupported' })
  })
})
