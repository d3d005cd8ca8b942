/** Incremental append scans: the rows that appends of a range added, whatever became of them. */
import { describe, expect, it } from 'vitest'
import { batchRows } from '../../src/batch/values.js'
import { bind } from '../../src/expression/bind.js'
import { eq, gtEq } from '../../src/expression/expression.js'
import { compactTable } from '../../src/maintenance/compact.js'
import { currentSchema, currentSnapshot, snapshotById } from '../../src/metadata/lookup.js'
import { type AppendScanOptions, planAppends } from '../../src/reader/append-scan.js'
import { scanBatches } from '../../src/reader/scan.js'
import type { Field, Value } from '../../src/schema/types.js'
import { createTestTable, refusal, sorted, type TestTable } from '../writer/test-lake.js'
import { historyOf, rewriteRows } from './changelog-table.js'

const FIELDS: readonly Field[] = [
  { id: 1, name: 'id', required: false, type: { kind: 'long' } },
  { id: 2, name: 'v', required: false, type: { kind: 'string' } },
]
const row = (id: number): Value[] => [BigInt(id), `v${id}`]

type Options = Partial<Omit<AppendScanOptions, 'to'>> & {
  readonly to?: bigint | undefined
  readonly expired?: number
}

async function planOf(table: TestTable, options: Options = {}) {
  const loaded = (await table.load()).metadata
  const metadata = { ...loaded, snapshots: loaded.snapshots.slice(options.expired ?? 0) }
  const to = options.to === undefined ? currentSnapshot(metadata) : snapshotById(metadata, options.to)
  return planAppends({ metadata }, table.io, {
    from: undefined,
    schema: currentSchema(metadata),
    ...options,
    to,
  })
}

async function appendedRows(table: TestTable, options: Options = {}): Promise<Value[][]> {
  const rows: Value[][] = []
  for await (const batch of scanBatches(table.io, await planOf(table, options)))
    rows.push(...batchRows(batch))
  return rows
}

async function history(table: TestTable) {
  return historyOf((await table.load()).metadata).map(({ snapshotId }) => snapshotId)
}

describe.each([2, 3] as const)('the appends of a v%i table', formatVersion => {
  const written = async (): Promise<TestTable> => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await table.append([row(0), row(1)])
    await table.append([row(2)])
    await table.delete(eq('id', 1))
    await table.upsert([row(2), row(3)], ['id'])
    await table.append([row(4)])
    return table
  }

  it('are the rows that append snapshots added, in their order, deleted since or not', async () => {
    expect(await appendedRows(await written())).toEqual([0, 1, 2, 4].map(row))
  })

  it('are those after the first snapshot, up to and with the last', async () => {
    const table = await written()
    const ids = await history(table)
    expect(await appendedRows(table, { from: ids[0] })).toEqual([2, 4].map(row))
    expect(await appendedRows(table, { from: ids[0], to: ids[3] })).toEqual([2].map(row))
    expect(await appendedRows(table, { from: ids[4] })).toEqual([])
  })

  it('stay the same when the table is compacted and rewritten', async () => {
    const table = await written()
    await rewriteRows(table, each => each, { more: [row(9)] })
    await table.append([row(5)])
    const { catalog, identifier, io, runtime } = table
    await compactTable(catalog, identifier, { io, runtime, minInputFiles: 2 })
    expect(await appendedRows(table)).toEqual([0, 1, 2, 4, 5].map(row))
  })

  it('can be filtered, and files that cannot match are not read', async () => {
    const table = await written()
    const { metadata } = await table.load()
    const filter = bind(gtEq('id', 2), currentSchema(metadata))
    const plan = await planOf(table, { filter, select: ['v', '_pos'] })
    expect(plan.report).toMatchObject({ dataFiles: 3, dataFilesSkippedByBounds: 1 })
    expect(sorted(await appendedRows(table, { filter, select: ['v', '_pos'] }))).toEqual(
      sorted([
        ['v2', 0n],
        ['v4', 0n],
      ]),
    )
  })

  it('need the snapshots of the range only, not the one before', async () => {
    const table = await written()
    const ids = await history(table)
    expect(await appendedRows(table, { from: ids[1], expired: 2 })).toEqual([4].map(row))
    expect(await refusal(appendedRows(table, { from: ids[0], expired: 2 }))).toMatchObject({
      kind: 'not-found',
      context: { oldestUsableId: ids[2] },
    })
  })
})
