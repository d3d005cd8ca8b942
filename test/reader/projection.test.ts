import { describe, expect, it } from 'vitest'
import { eq, isNull } from '../../src/expression/expression.js'
import { transformValue } from '../../src/schema/transform.js'
import type { Field, Value } from '../../src/schema/types.js'
import { createMemoryTable, rowsOf } from './memory-table.js'

const ID: Field = { id: 1, name: 'id', required: true, type: { kind: 'int' } }
const NAME: Field = { id: 2, name: 'name', required: false, type: { kind: 'string' } }

describe('projection', () => {
  it('reads files by field id: renamed, promoted, moved, dropped and re-added columns', async () => {
    const table = createMemoryTable({ fields: [ID, NAME] })
    await table.commit([
      await table.dataFile('old.parquet', [
        [1, 'a'],
        [2, null],
      ]),
    ])
    const fields: Field[] = [
      { id: 3, name: 'name', required: false, type: { kind: 'string' } },
      { ...NAME, name: 'label' },
      { ...ID, type: { kind: 'long' } },
    ]
    const base = table.metadata.schemas[0]!
    table.alter({ schemas: [base, { ...base, schemaId: 1, fields }], currentSchemaId: 1 })
    await table.commit([await table.dataFile('new.parquet', [['x', 'b', 3n]])])
    expect(await rowsOf(table)).toEqual([
      [null, 'a', 1n],
      [null, null, 2n],
      ['x', 'b', 3n],
    ])
    expect(await rowsOf(table, { filter: eq('id', 2), select: ['id'] })).toEqual([[2n]])
    expect(await rowsOf(table, { filter: isNull('name'), select: ['id'] })).toEqual([[1n], [2n]])
  })

  it('fills missing columns with the initial default, also for filters', async () => {
    const table = createMemoryTable({ fields: [ID], formatVersion: 3 })
    await table.commit([await table.dataFile('old.parquet', [[1]])])
    const given: Field = {
      id: 5,
      name: 'given',
      required: true,
      type: { kind: 'string' },
      initialDefault: 'start',
      writeDefault: 'later',
    }
    const base = table.metadata.schemas[0]!
    table.alter({ schemas: [base, { ...base, schemaId: 1, fields: [ID, given] }], currentSchemaId: 1 })
    await table.commit([await table.dataFile('new.parquet', [[2, 'own']])])
    expect(await rowsOf(table)).toEqual([
      [1, 'start'],
      [2, 'own'],
    ])
    expect(await rowsOf(table, { filter: eq('given', 'start'), select: ['id'] })).toEqual([[1]])
  })

  it('refuses a missing required column without a default', async () => {
    const table = createMemoryTable({ fields: [NAME] })
    await table.commit([await table.dataFile('old.parquet', [['a']])])
    const base = table.metadata.schemas[0]!
    table.alter({ schemas: [base, { ...base, schemaId: 1, fields: [NAME, ID] }], currentSchemaId: 1 })
    await expect(rowsOf(table)).rejects.toMatchObject({ kind: 'corrupt' })
  })

  it('takes a column that the file lacks from an identity partition, promoted too, and from no other', async () => {
    const bucketOf42 = transformValue({ kind: 'bucket', count: 4 }, { kind: 'int' }, 42)
    const bucketed: Field = { id: 4, name: 'b', required: false, type: { kind: 'int' } }
    const table = createMemoryTable({
      fields: [ID, NAME, bucketed],
      specs: [
        {
          specId: 0,
          fields: [
            { sourceId: 1, fieldId: 1000, name: 'id_bucket', transform: { kind: 'bucket', count: 4 } },
            { sourceId: 1, fieldId: 1001, name: 'id', transform: { kind: 'identity' } },
            { sourceId: 4, fieldId: 1002, name: 'b_bucket', transform: { kind: 'bucket', count: 4 } },
          ],
        },
      ],
    })
    await table.commit([
      await table.dataFile('d.parquet', [['a'], ['b']], { fields: [NAME], partition: [bucketOf42, 42, 1] }),
    ])
    const expected: Value[][] = [
      [42, 'a', null],
      [42, 'b', null],
    ]
    expect(await rowsOf(table)).toEqual(expected)
    expect(await rowsOf(table, { filter: eq('id', 42) })).toEqual(expected)
    expect(await rowsOf(table, { filter: eq('id', 41) })).toEqual([])
    const base = table.metadata.schemas[0]!
    const fields = [{ ...ID, type: { kind: 'long' as const } }, NAME]
    table.alter({ schemas: [base, { ...base, schemaId: 1, fields }], currentSchemaId: 1 })
    expect(await rowsOf(table)).toEqual([
      [42n, 'a'],
      [42n, 'b'],
    ])
  })

  it('reads an older snapshot with its own schema', async () => {
    const table = createMemoryTable({ fields: [ID, NAME] })
    await table.commit([await table.dataFile('old.parquet', [[1, 'a']])])
    const first = table.snapshot!
    const base = table.metadata.schemas[0]!
    table.alter({ schemas: [base, { ...base, schemaId: 1, fields: [ID] }], currentSchemaId: 1 })
    await table.commit([await table.dataFile('new.parquet', [[2]])])
    expect(await rowsOf(table)).toEqual([[1], [2]])
    expect(await rowsOf(table, { snapshot: first, schema: base })).toEqual([[1, 'a']])
  })
})

describe('metadata columns', () => {
  const threeRows: Value[][] = [
    [1, 'a'],
    [2, 'b'],
    [3, 'c'],
  ]

  it('say where a row is, in absolute positions', async () => {
    const table = createMemoryTable({ fields: [ID, NAME] })
    const file = await table.dataFile('d.parquet', threeRows, { rowGroupRows: 1 })
    await table.commit([file])
    expect(await rowsOf(table, { select: ['_pos', 'id', '_file', '_spec_id'], filter: eq('id', 3) })).toEqual(
      [[2n, 3, file.location, 0]],
    )
    expect(await rowsOf(table, { select: ['_pos'] })).toEqual([[0n], [1n], [2n]])
  })

  it('return deleted rows marked when asked whether rows are deleted', async () => {
    const table = createMemoryTable({ fields: [ID, NAME] })
    const file = await table.dataFile('d.parquet', threeRows)
    await table.commit([file])
    await table.commit([
      await table.positionDeletes('p.parquet', [[file.location, 0n]]),
      await table.equalityDeletes('e.parquet', [['c']], { fields: [NAME] }),
    ])
    expect(await rowsOf(table, { select: ['id', '_deleted'] })).toEqual([
      [1, true],
      [2, false],
      [3, true],
    ])
    expect(await rowsOf(table, { select: ['_deleted'], filter: eq('id', 3) })).toEqual([[true]])
    expect(await rowsOf(table, { select: ['id'] })).toEqual([[2]])
  })

  it('inherit row lineage from the file unless it is stored', async () => {
    const table = createMemoryTable({ fields: [ID, NAME], formatVersion: 3 })
    await table.commit([await table.dataFile('d1.parquet', threeRows)])
    const rowId: Field = { id: 2_147_483_540, name: '_row_id', required: false, type: { kind: 'long' } }
    const updated: Field = {
      id: 2_147_483_539,
      name: '_last_updated_sequence_number',
      required: false,
      type: { kind: 'long' },
    }
    await table.commit([
      await table.dataFile(
        'd2.parquet',
        [
          [4, 'd', 1n, 1n],
          [5, 'e', null, null],
        ],
        { fields: [ID, NAME, rowId, updated] },
      ),
    ])
    const select = ['id', '_row_id', '_last_updated_sequence_number']
    expect(await rowsOf(table, { select })).toEqual([
      [1, 0n, 1n],
      [2, 1n, 1n],
      [3, 2n, 1n],
      [4, 1n, 1n],
      [5, 4n, 2n],
    ])
    expect(await rowsOf(table, { select, filter: eq('id', 5) })).toEqual([[5, 4n, 2n]])
  })

  it('have no lineage in a table that never had any', async () => {
    const table = createMemoryTable({ fields: [ID, NAME] })
    await table.commit([await table.dataFile('d.parquet', threeRows)])
    const select = ['_row_id', '_last_updated_sequence_number']
    expect(await rowsOf(table, { select, limit: 1 })).toEqual([[null, null]])
  })
})
