import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { columnScalar, type Scalar, scalarOf } from '../../src/expression/scalar.js'
import type { Field, Value } from '../../src/schema/types.js'
import {
  type ChangeRowsOptions,
  changeRowsAction,
  type RowChangeResult,
} from '../../src/writer/change-rows.js'
import type { RowChange } from '../../src/writer/row-change.js'
import { commitRaced, createTestTable, orphans, refusal, sorted, type TestTable } from './test-lake.js'

const FIELDS: readonly Field[] = [
  { id: 1, name: 'id', required: true, type: { kind: 'long' } },
  { id: 2, name: 'part', required: false, type: { kind: 'int' } },
  { id: 3, name: 'value', required: false, type: { kind: 'int' } },
]
const PARTITIONED = [{ sourceId: 2, name: 'part', transform: { kind: 'identity' } }] as const

type Mode = 'copy-on-write' | 'merge-on-read'
type Row = readonly [id: bigint, part: number | null, value: number | null]

interface Kind {
  readonly formatVersion: 2 | 3
  readonly mode: Mode
  readonly partitioned: boolean
}

const KINDS: readonly Kind[] = ([2, 3] as const).flatMap(formatVersion =>
  (['copy-on-write', 'merge-on-read'] as const).flatMap(mode =>
    [false, true].map(partitioned => ({ formatVersion, mode, partitioned })),
  ),
)

function tableOf({ formatVersion, mode, partitioned }: Kind, more: Readonly<Record<string, string>> = {}) {
  const properties = { 'write.delete.mode': mode, 'write.update.mode': mode, ...more }
  const partitionFields = partitioned ? PARTITIONED : []
  return createTestTable({ fields: FIELDS, formatVersion, partitionFields, properties })
}

const column = columnScalar
const compare = (left: Scalar, op: 'eq' | 'lt' | 'gt-eq', right: Scalar): Scalar => ({
  kind: 'compare',
  op,
  left,
  right,
})
const sum = (left: Scalar, right: Scalar): Scalar => ({ kind: 'arithmetic', op: '+', left, right })
const rest = (left: Scalar, divisor: number): Scalar => ({
  kind: 'arithmetic',
  op: '%',
  left,
  right: scalarOf(divisor),
})

function change(table: TestTable, made: RowChange, options: Partial<ChangeRowsOptions> = {}) {
  return table.commit(changeRowsAction(table.io, made, { runtime: table.runtime, ...options }))
}

/** A condition and what it says of a row: true, or not. */
interface Condition {
  readonly scalar: Scalar
  readonly holds: (row: Row) => boolean
}

const conditions: fc.Arbitrary<Condition> = fc.oneof(
  fc.integer({ min: 0, max: 40 }).map(
    (from): Condition => ({
      scalar: compare(column('id'), 'gt-eq', scalarOf(from)),
      holds: ([id]) => id >= BigInt(from),
    }),
  ),
  fc.integer({ min: 0, max: 3 }).map(
    (part): Condition => ({
      scalar: compare(column('part'), 'eq', scalarOf(part)),
      holds: row => row[1] === part,
    }),
  ),
  fc.tuple(fc.integer({ min: 2, max: 5 }), fc.integer({ min: 0, max: 30 })).map(
    ([divisor, below]): Condition => ({
      scalar: {
        kind: 'and',
        children: [
          compare(rest(column('value'), divisor), 'eq', scalarOf(1)),
          compare(column('id'), 'lt', scalarOf(below)),
        ],
      },
      holds: ([id, , value]) => value !== null && value % divisor === 1 && id < BigInt(below),
    }),
  ),
  fc.integer({ min: 0, max: 60 }).map(
    (limit): Condition => ({
      scalar: compare(sum(column('part'), column('value')), 'lt', scalarOf(limit)),
      holds: ([, part, value]) => part !== null && value !== null && part + value < limit,
    }),
  ),
)

type Step =
  | { readonly kind: 'append'; readonly rows: readonly (readonly [number | null, number | null])[] }
  | { readonly kind: 'delete'; readonly where: Condition }
  | { readonly kind: 'update'; readonly where: Condition; readonly by: number }
  | { readonly kind: 'move'; readonly where: Condition; readonly to: number }

const nullable = (max: number): fc.Arbitrary<number | null> =>
  fc.option(fc.integer({ min: 0, max }), { freq: 8 })
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('append' as const),
      rows: fc.array(fc.tuple(nullable(3), nullable(50)), { minLength: 1, maxLength: 15 }),
    }),
    fc.record({ kind: fc.constant('delete' as const), where: conditions }),
    fc.record({
      kind: fc.constant('update' as const),
      where: conditions,
      by: fc.integer({ min: 1, max: 9 }),
    }),
    fc.record({ kind: fc.constant('move' as const), where: conditions, to: fc.integer({ min: 0, max: 3 }) }),
  ),
  { minLength: 2, maxLength: 8 },
)

/** The rows after a step, and the ids of those that it changed. */
function applied(
  rows: readonly Row[],
  step: Step,
): { readonly rows: readonly Row[]; readonly changed: Set<bigint> } {
  if (step.kind === 'append') {
    const first = BigInt(rows.reduce((max, [id]) => Math.max(max, Number(id)), -1) + 1)
    const added = step.rows.map((row, at): Row => [first + BigInt(at), ...row])
    return { rows: [...rows, ...added], changed: new Set(added.map(([id]) => id)) }
  }
  const { holds } = step.where
  const changed = new Set(rows.filter(holds).map(([id]) => id))
  if (step.kind === 'delete') return { rows: rows.filter(row => !holds(row)), changed }
  const after = (row: Row): Row => {
    if (!holds(row)) return row
    const [id, part, value] = row
    return step.kind === 'move' ? [id, step.to, value] : [id, part, value === null ? null : value + step.by]
  }
  return { rows: rows.map(after), changed }
}

async function run(table: TestTable, step: Step, before: readonly Row[], after: readonly Row[]) {
  if (step.kind === 'append') return table.append(after.slice(before.length))
  if (step.kind === 'delete') return change(table, { kind: 'delete', where: step.where.scalar })
  const set =
    step.kind === 'move'
      ? [{ column: 'part', value: scalarOf(step.to) }]
      : [{ column: 'value', value: sum(column('value'), scalarOf(step.by)) }]
  return change(table, { kind: 'update', where: step.where.scalar, set })
}

type Lineage = ReadonlyMap<bigint, { readonly rowId: Value; readonly changedAt: Value }>

async function lineageOf(table: TestTable): Promise<Lineage> {
  const rows = await table.rows(['id', '_row_id', '_last_updated_sequence_number'])
  return new Map(
    rows.map(([id, rowId, changedAt]) => [
      id as bigint,
      { rowId: rowId ?? null, changedAt: changedAt ?? null },
    ]),
  )
}

describe.each(KINDS)('rows of a version $formatVersion table, $mode, partitioned: $partitioned', kind => {
  it('are after every step what a model says, and keep their lineage', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async sequence => {
        const table = await tableOf(kind)
        let rows: readonly Row[] = []
        let lineage: Lineage = new Map()
        for (const step of sequence) {
          const next = applied(rows, step)
          await run(table, step, rows, next.rows)
          expect(sorted(await table.rows())).toEqual(sorted(next.rows))
          rows = next.rows
          if (kind.formatVersion < 3) continue
          const now = await lineageOf(table)
          expect(new Set([...now.values()].map(({ rowId }) => rowId)).size).toBe(rows.length)
          for (const [id, was] of lineage) {
            const is = now.get(id)
            if (is === undefined) continue
            expect(is.rowId).toBe(was.rowId)
            if (!next.changed.has(id)) expect(is.changedAt).toBe(was.changedAt)
            else expect(is.changedAt).toBeGreaterThan(was.changedAt as bigint)
          }
          lineage = now
        }
        expect(await orphans(table)).toEqual([])
      }),
      { numRuns: 12 },
    )
  })

  it('are changed as if the change had begun after a commit that came first', async () => {
    const table = await tableOf(kind)
    await table.append([
      [1n, 0, 10],
      [2n, 0, 20],
      [3n, 1, 30],
    ])
    const set = [{ column: 'value', value: sum(column('value'), scalarOf(100)) }]
    const where = compare(column('value'), 'lt', scalarOf(25))
    const action = changeRowsAction(table.io, { kind: 'update', where, set }, { runtime: table.runtime })
    await commitRaced(table, action, async () => {
      await table.append([[4n, 1, 5]])
      await change(table, {
        kind: 'delete',
        where: compare(column('id'), 'eq', scalarOf(2)),
      })
    })
    expect(sorted(await table.rows())).toEqual(
      sorted([
        [1n, 0, 110],
        [3n, 1, 30],
        [4n, 1, 105],
      ]),
    )
  })

  it('that came meanwhile are left alone with isolation snapshot', async () => {
    const table = await tableOf(kind, { 'write.update.isolation-level': 'snapshot' })
    await table.append([[1n, 0, 10]])
    const set = [{ column: 'value', value: scalarOf(0) }]
    const action = changeRowsAction(table.io, { kind: 'update', set }, { runtime: table.runtime })
    await commitRaced(table, action, () => table.append([[2n, 0, 20]]))
    expect(sorted(await table.rows())).toEqual(
      sorted([
        [1n, 0, 0],
        [2n, 0, 20],
      ]),
    )
    expect(await orphans(table)).toEqual([])
  })
})

describe('a change of rows', () => {
  it('copy-on-write rewrites the files that hold a matching row and no others', async () => {
    const table = await tableOf({ formatVersion: 2, mode: 'copy-on-write', partitioned: false })
    for (const first of [0, 10, 20]) await table.append([0, 1, 2].map(at => [BigInt(first + at), at, at]))
    const before = (await table.tasks()).map(task => task.entry.file.location)
    let result: RowChangeResult | undefined
    const where = compare(column('id'), 'eq', sum(column('value'), scalarOf(10)))
    await change(table, { kind: 'delete', where }, { onResult: told => (result = told) })
    expect(result).toMatchObject({ changedRows: 3, droppedFiles: 0, rewrittenFiles: 1 })
    const after = (await table.tasks()).map(task => task.entry.file.location)
    expect(after).toHaveLength(2)
    expect(before).toEqual(expect.arrayContaining(after))
  })

  it.each([
    'copy-on-write',
    'merge-on-read',
  ] as const)('%s deletes what needs no data file of a table whose data format cannot be written', async mode => {
    const table = await tableOf({ formatVersion: 2, mode, partitioned: false })
    await table.append([[1n, 0, 1]])
    const { metadata } = await table.load()
    const updates = [{ action: 'set-properties', updates: { 'write.format.default': 'orc' } }] as const
    const requirements = [{ type: 'assert-table-uuid', uuid: metadata.tableUuid ?? '' }] as const
    await table.catalog.commit([{ identifier: table.identifier, updates, requirements }])
    const nothing = compare(rest(column('value'), 7), 'eq', scalarOf(5))
    expect((await change(table, { kind: 'delete', where: nothing })).changed).toEqual([false])
    await change(table, { kind: 'delete', where: compare(column('id'), 'eq', scalarOf(1)) })
    expect(await table.rows()).toEqual([])
  })

  it('that cannot be computed leaves the table and its folder as they were', async () => {
    const table = await tableOf({ formatVersion: 3, mode: 'merge-on-read', partitioned: false })
    await table.append([
      [1n, 0, 1],
      [2n, 0, 0],
    ])
    const before = await table.dataFiles()
    const value: Scalar = { kind: 'arithmetic', op: '%', left: scalarOf(1), right: column('value') }
    const failed = await refusal(change(table, { kind: 'update', set: [{ column: 'part', value }] }))
    expect(failed).toMatchObject({ kind: 'invalid-argument' })
    expect(
      await refusal(change(table, { kind: 'update', set: [{ column: 'id', value: scalarOf(null) }] })),
    ).toMatchObject({ kind: 'invalid-argument' })
    expect(await table.dataFiles()).toEqual(before)
  })
})
