import { describe, expect, it } from 'vitest'
import { eq, gt, gtEq, isNull, lt } from '../../src/expression/expression.js'
import { meteredIO } from '../../src/io/metered.js'
import type { PositionDeleteFile } from '../../src/manifest/content-file.js'
import { currentSnapshot } from '../../src/metadata/lookup.js'
import { DELETE_FILE_PATH_FIELD, DELETE_POSITION_FIELD } from '../../src/schema/reserved-fields.js'
import type { Field, Value } from '../../src/schema/types.js'
import { parseValue } from '../../src/schema/value.js'
import type { RowChangeResult } from '../../src/writer/change-rows.js'
import {
  commitRaced,
  createTestTable,
  deleteRowsAction,
  orphans,
  refusal,
  sorted,
  type TestTable,
} from './test-lake.js'

const FIELDS: readonly Field[] = [
  { id: 1, name: 'id', required: true, type: { kind: 'long' } },
  { id: 2, name: 'name', required: false, type: { kind: 'string' } },
]

async function deletesOf(table: TestTable): Promise<PositionDeleteFile[]> {
  return (await table.tasks()).flatMap(({ deletes }) =>
    [deletes.vector, ...deletes.positionDeletes].flatMap(entry => (entry === undefined ? [] : [entry.file])),
  )
}

describe.each([2, 3] as const)('a delete on a v%i table', formatVersion => {
  it('drops files that match as a whole without reading them', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await table.append([
      [1n, 'a'],
      [2n, 'b'],
    ])
    await table.append([
      [3n, 'c'],
      [4n, 'd'],
    ])
    let result: RowChangeResult | undefined
    const { io, counts } = meteredIO(table.io)
    const locations = await table.dataFiles()
    await table.commit(deleteRowsAction(io, gtEq('id', 3), { ...table, onResult: told => (result = told) }))
    expect(await table.rows()).toHaveLength(2)
    expect(result).toEqual({ changedRows: 2, droppedFiles: 1, rewrittenFiles: 0, rewrittenBytes: 0 })
    expect(currentSnapshot((await table.load()).metadata)?.operation).toBe('delete')
    expect(locations).toHaveLength(2)
    // One list, one manifest a file and what the new manifests cost; neither data file.
    expect(counts.requests.read).toBeLessThanOrEqual(6)
  })

  it('deletes the matching rows of other files by position', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await table.append(
      Array.from({ length: 100 }, (_, row): Value[] => [BigInt(row), row % 2 ? 'odd' : null]),
    )
    await table.delete(isNull('name'))
    await table.delete(gt('id', 89))
    const rows = await table.rows(['id'])
    expect(rows).toHaveLength(45)
    const deletes = await deletesOf(table)
    expect(deletes.map(file => [file.content, file.format, file.recordCount])).toEqual([
      ['position-deletes', formatVersion === 3 ? 'puffin' : 'parquet', 55],
    ])
  })

  it('says that nothing changed when nothing matches', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await table.append([
      [1n, 'a'],
      [5n, 'b'],
    ])
    expect((await table.delete(eq('id', 3))).changed).toEqual([false])
    expect((await table.delete(eq('id', 1))).changed).toEqual([true])
    expect((await table.delete(eq('id', 1))).changed).toEqual([false])
  })

  it('reaches rows that were appended and spares rows that were changed while it ran', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await table.append([
      [1n, 'a'],
      [2n, 'b'],
      [9n, 'z'],
    ])
    await commitRaced(table, deleteRowsAction(table.io, lt('id', 5), table), () =>
      table.append([
        [3n, 'new'],
        [8n, 'kept'],
      ]),
    )
    expect(sorted(await table.rows())).toEqual(
      sorted([
        [9n, 'z'],
        [8n, 'kept'],
      ]),
    )
    await commitRaced(table, deleteRowsAction(table.io, eq('name', 'z'), table), () =>
      table.upsert([[9n, 'changed']], ['id']),
    )
    expect(sorted(await table.rows())).toEqual(
      sorted([
        [9n, 'changed'],
        [8n, 'kept'],
      ]),
    )
    expect(await orphans(table)).toEqual([])
  })

  it('is refused for filters that do not fit', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    expect(await refusal(table.delete(eq('nope', 1)))).toMatchObject({ kind: 'invalid-argument' })
  })
})

describe('a position delete file', () => {
  it('names its data file by reference and by whole, equal bounds', async () => {
    const partitionFields = [{ sourceId: 2, name: 'name', transform: { kind: 'identity' } }] as const
    const table = await createTestTable({ fields: FIELDS, formatVersion: 2, partitionFields })
    await table.append([
      [1n, 'a'],
      [2n, 'a'],
      [3n, 'b'],
    ])
    await table.delete(eq('id', 1))
    const [file] = await deletesOf(table)
    const bound = (bounds: ReadonlyMap<number, Uint8Array> | undefined, field: Field) =>
      parseValue(field.type as { kind: 'string' | 'long' }, bounds?.get(field.id) ?? new Uint8Array())
    const data = file?.referencedDataFile
    expect(data).toMatch(/\/data\/name=a\/00000-0-/)
    expect(file?.location).toMatch(/\/data\/name=a\/.*-deletes\.parquet$/)
    expect(bound(file?.lowerBounds, DELETE_FILE_PATH_FIELD)).toBe(data)
    expect(bound(file?.upperBounds, DELETE_FILE_PATH_FIELD)).toBe(data)
    expect(bound(file?.upperBounds, DELETE_POSITION_FIELD)).toBe(0n)
    expect(file?.partition).toEqual(['a'])
  })
})

describe('deletion vectors', () => {
  it('of one commit share a Puffin file and take in older position deletes after an upgrade', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion: 2 })
    await table.append([
      [1n, 'a'],
      [2n, 'b'],
      [3n, 'c'],
    ])
    await table.append([
      [1n, 'd'],
      [2n, 'e'],
      [3n, 'f'],
    ])
    await table.delete(eq('id', 1))
    const { identifier, catalog } = table
    await catalog.commit([
      { identifier, requirements: [], updates: [{ action: 'upgrade-format-version', formatVersion: 3 }] },
    ])
    await table.delete(eq('id', 2))
    const deletes = await deletesOf(table)
    expect(deletes.map(file => [file.format, file.recordCount])).toEqual([
      ['puffin', 2],
      ['puffin', 2],
    ])
    expect(new Set(deletes.map(file => file.location)).size).toBe(1)
    expect(sorted(await table.rows())).toEqual(
      sorted([
        [3n, 'c'],
        [3n, 'f'],
      ]),
    )
    const summary = currentSnapshot((await table.load()).metadata)?.summary
    expect(summary?.['removed-position-delete-files']).toBe('2')
    expect(summary?.['total-delete-files']).toBe('2')
  })
})
