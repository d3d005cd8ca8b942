/** Deletes as other engines write them, under the deletes that serac adds. */
import { describe, expect, it } from 'vitest'
import { eq, gtEq } from '../../src/expression/expression.js'
import { PositionSet } from '../../src/format/position-set.js'
import { currentSchema } from '../../src/metadata/lookup.js'
import type { Value } from '../../src/schema/types.js'
import { writeDeletionVectors } from '../../src/writer/deletion-vector-writer.js'
import { fileNaming } from '../../src/writer/file-location.js'
import { writePositionDeletes } from '../../src/writer/position-delete-writer.js'
import { snapshotChanges } from '../../src/writer/snapshot-change.js'
import { commitRaced, createTestTable, deleteRowsAction, sorted, type TestTable } from './test-lake.js'

const FIELDS = [
  { id: 1, name: 'id', required: false, type: { kind: 'long' } },
  { id: 2, name: 'v', required: false, type: { kind: 'string' } },
] as const

function rowsOf(...ids: readonly number[]): Value[][] {
  return ids.map(id => [BigInt(id), `v${id}`])
}

/** Commits a delete of the table's only data file, at any positions. */
async function deletePositions(table: TestTable, positions: readonly number[]): Promise<void> {
  const { metadata } = await table.load()
  const [task] = await table.tasks()
  if (task === undefined) throw new Error('the table has no data file')
  const set = new PositionSet()
  for (const position of positions) set.add(position)
  const naming = fileNaming(metadata, { operationUuid: table.runtime.orderedUuid() })
  const write = metadata.formatVersion >= 3 ? writeDeletionVectors : writePositionDeletes
  const options = { metadata, schema: currentSchema(metadata), naming }
  const files = await write(table.io, [{ task, positions: set }], options)
  const changes = { addedDataFiles: [], addedDeleteFiles: files, removedFiles: [] }
  const snapshots = snapshotChanges(table.io, table)
  await table.commit((base, attempt) => snapshots.produce(base, attempt, { changes, written: [] }))
}

describe.each([
  2, 3,
] as const)('a v%i data file with deleted positions beyond its last row', formatVersion => {
  it('keeps its live rows when as many positions are deleted as it has rows', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await table.append(rowsOf(1, 2, 3))
    await deletePositions(table, [7, 1000])
    expect(await table.rows()).toHaveLength(3)
    await table.delete(eq('id', 1))
    expect(sorted(await table.rows())).toEqual(sorted(rowsOf(2, 3)))
    await table.upsert([[2n, 'new']], ['id'])
    expect(sorted(await table.rows())).toEqual(sorted([[2n, 'new'], ...rowsOf(3)]))
    await table.delete(eq('id', 3))
    expect(sorted(await table.rows())).toEqual(sorted([[2n, 'new']]))
    expect(await table.tasks()).toHaveLength(1)
  })
})

describe('a table upgraded to v3', () => {
  it('keeps the row ids that another commit gave it, in a retry of a delete planned before', async () => {
    const table = await createTestTable({
      fields: FIELDS,
      formatVersion: 2,
      partitionFields: [{ sourceId: 1, name: 'id', transform: { kind: 'identity' } }],
    })
    await table.append(rowsOf(10, 11, 20, 21))
    const { catalog, identifier } = table
    const upgrade = { action: 'upgrade-format-version', formatVersion: 3 } as const
    await catalog.commit([{ identifier, requirements: [], updates: [upgrade] }])
    let numbered: Value[][] = []
    await commitRaced(table, deleteRowsAction(table.io, gtEq('id', 20), table), async () => {
      await table.append(rowsOf(5))
      numbered = await table.rows(['id', '_row_id'])
    })
    expect(numbered.map(([, rowId]) => rowId)).not.toContain(null)
    const kept = numbered.filter(([id]) => Number(id) < 20)
    expect(sorted(await table.rows(['id', '_row_id']))).toEqual(sorted(kept))
  })
})
