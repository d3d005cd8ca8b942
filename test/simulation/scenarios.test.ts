/**
 * Counterexamples that others have published, step by step through the real code. The simulation meets such interleavings by
 * chance; here they are named.
 *
 * apache/iceberg#10720 (found by model checking): under serializable isolation, copy-on-write, a delete and a compaction plan
 * on one snapshot; the delete lands, then the compaction, whose new files still hold the deleted rows.
 */
import { describe, expect, it } from 'vitest'
import { ltEq } from '../../src/expression/expression.js'
import { compactTable } from '../../src/maintenance/compact.js'
import type { Field } from '../../src/schema/types.js'
import {
  commitRaced,
  createTestTable,
  deleteRowsAction,
  racingCatalog,
  type TestTable,
} from '../writer/test-lake.js'

const FIELDS: readonly Field[] = [{ id: 1, name: 'id', required: false, type: { kind: 'int' } }]

const CASES = ['copy-on-write', 'merge-on-read'].flatMap(mode =>
  ['serializable', 'snapshot'].map(isolation => ({ mode, isolation })),
)

async function tableOfTwoFiles({ mode, isolation }: (typeof CASES)[number]): Promise<TestTable> {
  const table = await createTestTable({
    fields: FIELDS,
    properties: { 'write.delete.mode': mode, 'write.delete.isolation-level': isolation },
  })
  await table.append([[1], [2], [3]])
  await table.append([[4], [5], [6]])
  return table
}

const idsOf = async (table: TestTable): Promise<number[]> =>
  (await table.rows()).map(([id]) => Number(id)).sort()

describe.each(CASES)('a delete ($mode, $isolation) and a compaction of the same files', given => {
  it('delete the rows when the compaction lands last (apache/iceberg#10720)', async () => {
    const table = await tableOfTwoFiles(given)
    const catalog = racingCatalog(table, () => table.delete(ltEq('id', 4)))
    const { io, runtime } = table
    const report = await compactTable(catalog, table.identifier, { io, runtime, rewriteAll: true })
    expect(report.groups.committed).toBe(0)
    expect(await idsOf(table)).toEqual([5, 6])
  })

  it('delete the rows when the delete lands last', async () => {
    const table = await tableOfTwoFiles(given)
    const { io, runtime, identifier, catalog } = table
    const action = deleteRowsAction(io, ltEq('id', 4), { runtime })
    await commitRaced(table, action, () =>
      compactTable(catalog, identifier, { io, runtime, rewriteAll: true }),
    )
    // With isolation `snapshot` files that came meanwhile are left alone, but those of a compaction hold the same rows.
    expect(await idsOf(table)).toEqual([5, 6])
  })
})
