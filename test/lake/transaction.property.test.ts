/**
 * Whatever a transaction does, and whatever others commit before it lands: the table is as if it had been done behind
 * them, every snapshot is whole, and no file is left that nothing names. `SERAC_RUNS` asks for more cases.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { failingCatalog } from '../../src/catalog/failing.js'
import { type Lake, openLake, type Table, type TransactionTable } from '../../src/index.js'
import { openMemoryLake } from './memory-lake.js'

const RUNS = Number(process.env.SERAC_RUNS ?? 8)

type Row = readonly [id: number, v: string]
type Step =
  | { readonly kind: 'append' | 'upsert'; readonly ids: readonly number[]; readonly v: string }
  | { readonly kind: 'delete' | 'update'; readonly rest: number; readonly v: string }
  | { readonly kind: 'add-column' | 'property' | 'branch'; readonly v: string }

const letter = fc.constantFrom('a', 'b', 'c')
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('append' as const, 'upsert' as const),
      ids: fc.uniqueArray(fc.integer({ min: 0, max: 8 }), { minLength: 1, maxLength: 4 }),
      v: letter,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('delete' as const, 'update' as const),
      rest: fc.integer({ min: 0, max: 2 }),
      v: letter,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('add-column' as const, 'property' as const, 'branch' as const),
      v: letter,
    }),
  },
)

/** What the step makes of the rows. */
function applied(rows: readonly Row[], one: Step): readonly Row[] {
  switch (one.kind) {
    case 'append':
      return [...rows, ...one.ids.map((id): Row => [id, one.v])]
    case 'upsert':
      return [...rows.filter(([id]) => !one.ids.includes(id)), ...one.ids.map((id): Row => [id, one.v])]
    case 'delete':
      return rows.filter(([id]) => id % 3 !== one.rest)
    case 'update':
      return rows.map(([id, v]): Row => [id, id % 3 === one.rest ? `${v}${one.v}` : v])
    default:
      return rows
  }
}

let names = 0

async function run(on: TransactionTable, one: Step): Promise<void> {
  switch (one.kind) {
    case 'append':
      await on.append(one.ids.map(id => ({ id, v: one.v })))
      return
    case 'upsert':
      await on.upsert(
        one.ids.map(id => ({ id, v: one.v })),
        { keys: ['id'] },
      )
      return
    case 'delete':
      await on.delete(`id % 3 = ${one.rest}`)
      return
    case 'update':
      await on.update({ set: `v = concat(v, '${one.v}')`, where: `id % 3 = ${one.rest}` })
      return
    case 'add-column':
      await on.alter(`add column c${names++} int`)
      return
    case 'property':
      await on.alter(`set tblproperties ('p${names++}' = '${one.v}')`)
      return
    case 'branch':
      await on.append([{ id: 100, v: one.v }], { branch: `b${names++}` })
      return
  }
}

async function rowsOf(table: TransactionTable): Promise<readonly string[]> {
  const found: string[] = []
  for await (const { id, v } of table.scan().rows({ long: 'number' })) found.push(`${id} ${v}`)
  return found.sort()
}

async function checkWhole(lake: Lake, table: Table): Promise<void> {
  const { metadata, metadataLocation } = await table.load()
  const numberOf = new Map(metadata.snapshots.map(each => [each.snapshotId, each.sequenceNumber]))
  const reached = new Set([metadataLocation, ...metadata.metadataLog.map(entry => entry.metadataFile)])
  for (const { manifestList, snapshotId, summary } of metadata.snapshots) {
    reached.add(manifestList ?? '')
    expect(await table.scan({ asOf: snapshotId }).count()).toBeGreaterThanOrEqual(0)
    let liveRows = 0
    for await (const entry of table.inspect('entries', { asOf: snapshotId }).rows({ long: 'bigint' })) {
      if (entry.status === 2) continue
      expect(entry.sequence_number).toBe(numberOf.get(entry.snapshot_id as bigint))
      const file = entry.data_file as { readonly content: number; readonly record_count: bigint }
      if (file.content === 0) liveRows += Number(file.record_count)
    }
    expect(summary['total-records']).toBe(String(liveRows))
  }
  for await (const row of table.inspect('all_manifests').rows()) reached.add(String(row.path))
  for await (const row of table.inspect('all_entries').rows())
    reached.add(String((row.data_file as Record<string, unknown>).file_path))
  for await (const { location } of lake.context.io.list('memory:/lake/s/t/'))
    expect(reached).toContain(location)
  if (metadata.formatVersion < 3) return
  const ids: unknown[] = []
  for await (const row of table.scan({ select: ['_row_id'] }).rows()) ids.push(row._row_id)
  expect(new Set(ids).size).toBe(ids.length)
}

const CASES = ([2, 3] as const).flatMap(version =>
  (['copy-on-write', 'merge-on-read'] as const).map(mode => ({ version, mode })),
)

describe('transactions', () => {
  it.each(CASES)('are as if done where they land: v$version, $mode', async ({ version, mode }) => {
    const steps = fc.array(step, { minLength: 1, maxLength: 5 })
    const others = fc.array(step, { maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(others, others, steps, fc.boolean(), async (before, meanwhile, within, merging) => {
        const { lake, close } = await openMemoryLake()
        try {
          const properties = {
            'write.delete.mode': mode,
            'write.update.mode': mode,
            'write.merge.mode': mode,
            'commit.manifest.min-count-to-merge': merging ? '2' : '100',
          }
          const table = await lake.createTable('s.t', 'id bigint, v string', {
            formatVersion: version,
            properties,
          })
          for (const one of before) await run(table, one)
          let isFirst = true
          const catalog = failingCatalog(lake.context.catalog, async ({ verb, phase }) => {
            if (verb !== 'commit' || phase !== 'before' || !isFirst) return undefined
            isFirst = false
            for (const one of meanwhile) await run(table, one)
            return undefined
          })
          const raced = openLake({
            ...lake.context,
            catalog,
            runtime: { ...lake.context.runtime, sleep: async () => {} },
          })
          let seen = before.reduce(applied, [])
          await raced.table('s.t').transaction(async tx => {
            for (const one of within) {
              await run(tx.table(), one)
              seen = applied(seen, one)
              // What is read has to be true still at the end: nobody looks where others come between.
              if (meanwhile.length === 0) expect(await rowsOf(tx.table())).toEqual(texts(seen))
            }
          })
          expect(await rowsOf(table)).toEqual(texts([...before, ...meanwhile, ...within].reduce(applied, [])))
          await checkWhole(lake, table)
        } finally {
          await close()
        }
      }),
      { numRuns: RUNS },
    )
  }, 600_000)
})

function texts(rows: readonly Row[]): readonly string[] {
  return rows.map(([id, v]) => `${id} ${v}`).sort()
}
