import { describe, expect, it } from 'vitest'
import { LakeError } from '../../src/base/errors.js'
import { batchOf } from '../../src/batch/vector-builder.js'
import { alterTableAction } from '../../src/commit/alter-table.js'
import { eq } from '../../src/expression/expression.js'
import { failingIO } from '../../src/io/failing.js'
import { compactTable } from '../../src/maintenance/compact.js'
import { currentSchema } from '../../src/metadata/lookup.js'
import type { Field, Value } from '../../src/schema/types.js'
import { type KeyedChanges, upsertChanges } from '../../src/writer/keyed-changes.js'
import { type KeyedWriteResult, keyedWriteAction } from '../../src/writer/keyed-write.js'
import {
  commitRaced,
  createTestTable,
  orphans,
  type Rows,
  refusal,
  sorted,
  type TestTable,
} from './test-lake.js'

const FIELDS: readonly Field[] = [
  { id: 1, name: 'id', required: true, type: { kind: 'long' } },
  { id: 2, name: 'name', required: false, type: { kind: 'string' } },
  { id: 3, name: 'big', required: false, type: { kind: 'string' } },
]
const KEYS: readonly Field[] = [FIELDS[0]!]

/** Keys of ids, and rows to insert. */
function changesOf(ids: readonly bigint[], rows: Rows, more: Partial<KeyedChanges> = {}): KeyedChanges {
  return {
    keyFieldIds: [1],
    keys: batchOf(
      KEYS,
      ids.map(id => [id]),
    ),
    rows: batchOf(FIELDS, rows),
    ...more,
  }
}

async function upsertOf(table: TestTable, rows: Rows): Promise<KeyedChanges> {
  const schema = currentSchema((await table.load()).metadata)
  return upsertChanges(table.batch(rows), { schema, keys: ['id'] })
}

describe.each([2, 3] as const)('a keyed write on a v%i table', formatVersion => {
  it('deletes, replaces and inserts by key, and says what it did', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await table.append([
      [1n, 'a', null],
      [2n, 'b', null],
      [3n, 'c', null],
    ])
    let result: KeyedWriteResult | undefined
    const changes = changesOf(
      [1n, 2n, 9n],
      [
        [2n, 'B', null],
        [9n, 'new', null],
      ],
    )
    await table.commit(
      keyedWriteAction(table.io, changes, { runtime: table.runtime, onResult: told => (result = told) }),
    )
    expect(sorted(await table.rows())).toEqual(
      sorted([
        [2n, 'B', null],
        [3n, 'c', null],
        [9n, 'new', null],
      ]),
    )
    expect(result).toEqual({ insertedRows: 1, updatedRows: 1, deletedKeys: 1, missingCells: 0 })
  })

  it('removes every row of a key that appends have repeated', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await table.append([
      [1n, 'a', null],
      [1n, 'b', null],
    ])
    await table.append([[1n, 'c', null]])
    await table.upsert([[1n, 'only', null]], ['id'])
    expect(await table.rows()).toEqual([[1n, 'only', null]])
  })

  it('drops a data file whose last row goes, with its deletes', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await table.append([
      [1n, 'a', null],
      [2n, 'b', null],
    ])
    await table.upsert([[1n, 'A', null]], ['id'])
    await table.upsert([[2n, 'B', null]], ['id'])
    const tasks = await table.tasks()
    expect(tasks).toHaveLength(2)
    expect(
      tasks.every(({ deletes }) => deletes.vector === undefined && deletes.positionDeletes.length === 0),
    ).toBe(true)
  })

  it('leaves at most one delete for a data file', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await table.append(Array.from({ length: 10 }, (_, row): Value[] => [BigInt(row), 'x', null]))
    for (const id of [3n, 4n, 5n]) await table.commit(keyedWriteAction(table.io, changesOf([id], []), table))
    const [task] = await table.tasks()
    const deletes = [task?.deletes.vector, ...(task?.deletes.positionDeletes ?? [])].filter(
      each => each !== undefined,
    )
    expect(deletes.map(({ file }) => [file.format, file.recordCount, file.referencedDataFile])).toEqual([
      [formatVersion === 3 ? 'puffin' : 'parquet', 3, task?.entry.file.location],
    ])
    expect(await table.rows()).toHaveLength(7)
  })

  it('changes nothing when no key is there and no row comes', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await table.append([[1n, 'a', null]])
    const gone = changesOf([5n], [])
    expect((await table.commit(keyedWriteAction(table.io, gone, table))).changed).toEqual([false])
    const kept = await table.commit(keyedWriteAction(table.io, gone, { ...table, keepEmpty: true }))
    expect(kept.changed).toEqual([true])
  })

  it('keeps cells of the current row where it is told to', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await table.append([
      [1n, 'a', 'BIG-1'],
      [2n, 'b', 'BIG-2'],
    ])
    let result: KeyedWriteResult | undefined
    const changes = changesOf(
      [1n, 2n, 7n],
      [
        [1n, 'A', null],
        [20n, 'moved', null],
        [7n, 'new', null],
      ],
      {
        patches: {
          rows: Uint32Array.of(0, 1, 2),
          fieldIds: Int32Array.of(3, 3, 3),
          keyRows: Uint32Array.of(0, 1, 2),
        },
      },
    )
    await table.commit(keyedWriteAction(table.io, changes, { ...table, onResult: told => (result = told) }))
    expect(sorted(await table.rows())).toEqual(
      sorted([
        [1n, 'A', 'BIG-1'],
        [20n, 'moved', 'BIG-2'],
        [7n, 'new', null],
      ]),
    )
    expect(result?.missingCells).toBe(1)
  })

  it('truncates first when it is told to', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await table.append([
      [1n, 'a', null],
      [2n, 'b', null],
    ])
    await table.commit(
      keyedWriteAction(table.io, changesOf([], [[5n, 'e', null]], { truncate: true }), table),
    )
    expect(await table.rows()).toEqual([[5n, 'e', null]])
  })

  it('finds a key that another writer inserted meanwhile', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await table.append([[1n, 'a', null]])
    const action = keyedWriteAction(table.io, await upsertOf(table, [[2n, 'ours', null]]), table)
    const { attempts } = await commitRaced(table, action, () => table.upsert([[2n, 'theirs', null]], ['id']))
    expect(attempts).toBe(2)
    expect(sorted(await table.rows())).toEqual(
      sorted([
        [1n, 'a', null],
        [2n, 'ours', null],
      ]),
    )
  })

  it('leaves out a column that was dropped meanwhile, as an append does', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await table.append([[1n, 'a', null]])
    const action = keyedWriteAction(table.io, await upsertOf(table, [[1n, 'A', 'x']]), table)
    const changes = [{ kind: 'drop-column', column: 'big' } as const]
    await commitRaced(table, action, () => table.commit(alterTableAction({ ...table, changes })))
    expect(await table.rows()).toEqual([[1n, 'A']])
  })

  it('follows rows that a compaction moved meanwhile, and uses its data files again', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await table.append([[1n, 'a', null]])
    await table.append([[2n, 'b', null]])
    const action = keyedWriteAction(table.io, await upsertOf(table, [[2n, 'B', null]]), table)
    await commitRaced(table, action, () =>
      compactTable(table.catalog, table.identifier, { ...table, rewriteAll: true }),
    )
    expect(sorted(await table.rows())).toEqual(
      sorted([
        [1n, 'a', null],
        [2n, 'B', null],
      ]),
    )
    const ours = (await table.tasks())
      .map(task => task.entry.file.location)
      .filter(name => /\/00000-1-/.test(name))
    expect(ours).toHaveLength(1)
  })

  it('patches from the row that is current when it commits, and leaves no file of the lost attempt', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await table.append([
      [1n, 'a', 'old'],
      [2n, 'b', 'other'],
    ])
    const changes = changesOf([1n], [[1n, 'A', null]], {
      patches: { rows: Uint32Array.of(0), fieldIds: Int32Array.of(3), keyRows: Uint32Array.of(0) },
    })
    await commitRaced(table, keyedWriteAction(table.io, changes, table), () =>
      table.upsert([[1n, 'x', 'newer']], ['id']),
    )
    expect(sorted(await table.rows())).toEqual(
      sorted([
        [1n, 'A', 'newer'],
        [2n, 'b', 'other'],
      ]),
    )
    expect(await orphans(table)).toEqual([])
  })

  it('leaves table and storage as they were when any of its writes fails', async () => {
    const isOurs = (location: string): boolean => /\/(00000-1-|snap-)|-m\d+\.avro$/.test(location)
    for (let failAt = 0; ; failAt++) {
      let armed = false
      let count = 0
      const table = await createTestTable({
        fields: FIELDS,
        formatVersion,
        layer: io =>
          failingIO(io, ({ verb, location, phase }) => {
            const isWrite = ['write', 'openWriter', 'writer-write', 'writer-close'].includes(verb)
            if (!armed || phase !== 'before' || !isWrite || !isOurs(location)) return undefined
            return count++ === failAt ? new LakeError('unavailable', 'the disk is full') : undefined
          }),
      })
      const rows: Rows = [
        [1n, 'a', null],
        [2n, 'b', null],
      ]
      await table.append(rows)
      const before = await table.dataFiles()
      const action = keyedWriteAction(table.io, await upsertOf(table, [[2n, 'B', null]]), table)
      armed = true
      const { kind } = await refusal(table.commit(action))
      armed = false
      if (kind === undefined) {
        expect(failAt).toBeGreaterThan(4)
        return
      }
      expect(kind).toBe('unavailable')
      expect(await table.dataFiles()).toEqual(before)
      expect(sorted(await table.rows())).toEqual(sorted(rows))
    }
  })
})

describe('row lineage of an upsert', () => {
  it('keeps the id of a replaced row and gives new rows new ids', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion: 3 })
    await table.append([
      [1n, 'a', null],
      [2n, 'b', null],
    ])
    await table.upsert(
      [
        [2n, 'B', null],
        [3n, 'c', null],
      ],
      ['id'],
    )
    const rows = await table.rows(['id', '_row_id', '_last_updated_sequence_number'])
    expect(sorted(rows)).toEqual(
      sorted([
        [1n, 0n, 1n],
        [2n, 1n, 2n],
        [3n, 3n, 2n],
      ]),
    )
  })

  it('never publishes the id of a row that died before the commit', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion: 3 })
    await table.append([
      [1n, 'a', null],
      [2n, 'b', null],
    ])
    const action = keyedWriteAction(table.io, await upsertOf(table, [[2n, 'ours', null]]), table)
    await commitRaced(table, action, async () => {
      await table.delete(eq('id', 2))
      await table.append([[2n, 'again', null]])
    })
    const rows = await table.rows(['id', 'name', '_row_id'])
    expect(sorted(rows)).toEqual(
      sorted([
        [1n, 'a', 0n],
        [2n, 'ours', 2n],
      ]),
    )
    expect(await orphans(table)).toEqual([])
  })
})

describe('an upsert', () => {
  it('refuses two rows with one key, naming it', async () => {
    const table = await createTestTable({ fields: FIELDS })
    const rows: Rows = [
      [1n, 'a', null],
      [2n, 'b', null],
      [1n, 'c', null],
    ]
    expect(await refusal(table.upsert(rows, ['id']))).toMatchObject({
      kind: 'invalid-argument',
      context: { key: '{"id":1}', rows: ['0', '2'] },
    })
  })

  it('refuses missing, repeated and no key columns', async () => {
    const table = await createTestTable({ fields: FIELDS })
    const row: Rows = [[1n, 'a', null]]
    expect(await refusal(table.upsert(row, ['nope']))).toMatchObject({ context: { column: 'nope' } })
    expect(await refusal(table.upsert(row, ['id', 'id']))).toMatchObject({ kind: 'invalid-argument' })
    expect(await refusal(table.upsert(row, []))).toMatchObject({ kind: 'invalid-argument' })
  })

  it('takes a null key as equal to a null key', async () => {
    const table = await createTestTable({ fields: FIELDS })
    await table.append([
      [1n, null, 'old'],
      [2n, 'x', 'kept'],
    ])
    await table.upsert([[1n, null, 'new']], ['id', 'name'])
    expect(sorted(await table.rows())).toEqual(
      sorted([
        [1n, null, 'new'],
        [2n, 'x', 'kept'],
      ]),
    )
  })

  it.each([
    2, 3,
  ] as const)('on a copy-on-write table of version %i rewrites the files of its keys', async formatVersion => {
    const table = await createTestTable({
      fields: FIELDS,
      formatVersion,
      properties: { 'write.merge.mode': 'copy-on-write' },
    })
    await table.append([
      [1n, 'a', null],
      [2n, 'b', null],
    ])
    await table.append([[3n, 'c', null]])
    const untouched = (await table.tasks()).find(({ entry }) => entry.file.recordCount === 1)?.entry.file
      .location
    await table.upsert(
      [
        [2n, 'changed', null],
        [4n, 'new', null],
      ],
      ['id'],
    )
    expect(sorted(await table.rows())).toEqual(
      sorted([
        [1n, 'a', null],
        [2n, 'changed', null],
        [3n, 'c', null],
        [4n, 'new', null],
      ]),
    )
    const tasks = await table.tasks()
    expect(tasks.flatMap(({ deletes }) => [deletes.vector, ...deletes.positionDeletes])).toEqual(
      tasks.map(() => undefined),
    )
    expect(tasks.map(task => task.entry.file.location)).toContain(untouched)
  })
})
