/** Random histories: the changelog is what comparing all rows of consecutive snapshots says, over every range and mode. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Expression, eq, gt, isNan, isNull, or } from '../../src/expression/expression.js'
import { compactTable } from '../../src/maintenance/compact.js'
import type { Value } from '../../src/schema/types.js'
import { createTestTable, type TestTable, type TestTableOptions } from '../writer/test-lake.js'
import {
  applied,
  type Change,
  changesByDiff,
  changesOf,
  deleteByKey,
  historyOf,
  replaceVector,
  rewriteRows,
  rowsAt,
  textsOf,
  without,
} from './changelog-table.js'

const KEY = { id: 1, name: 'k', required: false, type: { kind: 'string' } } as const
const FIELDS = [
  KEY,
  { id: 2, name: 'n', required: false, type: { kind: 'int' } },
  { id: 3, name: 'x', required: false, type: { kind: 'double' } },
] as const

type Row = readonly [k: string | null, n: number | null, x: number]
type Operation =
  | { readonly verb: 'append' | 'upsert'; readonly rows: readonly Row[] }
  | { readonly verb: 'delete'; readonly limit: number }
  | {
      readonly verb: 'rewrite'
      readonly limit: number
      readonly rows: readonly Row[]
      readonly forgetful: boolean
    }
  | {
      readonly verb: 'delete-by-key'
      readonly keys: readonly (string | null)[]
      readonly rows: readonly Row[]
    }
  | { readonly verb: 'replace-vector'; readonly positions: readonly number[] }
  | { readonly verb: 'compact' }

const key = fc.option(fc.constantFrom('a', 'b', 'c', 'é😀', ''), { nil: null })
const row: fc.Arbitrary<Row> = fc.tuple(
  key,
  fc.option(fc.integer({ min: -2, max: 2 }), { nil: null }),
  fc.constantFrom(0, -0, Number.NaN, 1.5),
)
const rows = (minLength: number) => fc.array(row, { minLength, maxLength: 6 })
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ verb: fc.constant('append' as const), rows: rows(1) }),
  fc.record({ verb: fc.constant('upsert' as const), rows: rows(1) }),
  fc.record({ verb: fc.constant('delete' as const), limit: fc.integer({ min: -2, max: 1 }) }),
  fc.record({
    verb: fc.constant('rewrite' as const),
    limit: fc.integer({ min: -2, max: 2 }),
    rows: rows(0),
    forgetful: fc.boolean(),
  }),
  fc.record({
    verb: fc.constant('delete-by-key' as const),
    keys: fc.array(key, { minLength: 1, maxLength: 2 }),
    rows: rows(0),
  }),
  fc.record({
    verb: fc.constant('replace-vector' as const),
    positions: fc.array(fc.nat(3), { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ verb: fc.constant('compact' as const) }),
)

const FILTERS: readonly {
  readonly filter: Expression
  readonly takes: (k: Value, n: Value, x: Value) => boolean
}[] = [
  { filter: gt('n', 0), takes: (_, n) => typeof n === 'number' && n > 0 },
  { filter: isNull('n'), takes: (_, n) => n === null },
  { filter: eq('k', 'a'), takes: k => k === 'a' },
  { filter: isNan('x'), takes: (_, __, x) => Number.isNaN(x) },
  { filter: or(eq('x', 0), eq('k', 'b')), takes: (k, _, x) => x === 0 || k === 'b' },
]

const layouts: readonly (readonly [string, Partial<TestTableOptions>])[] = [
  ['unpartitioned', {}],
  [
    'partitioned',
    { partitionFields: [{ sourceId: 1, name: 'k_bucket', transform: { kind: 'bucket', count: 2 } }] },
  ],
]

describe.each([2, 3] as const)('the changelog of a v%i table', formatVersion => {
  it.each(layouts)('that is %s is what comparing its snapshots says', async (layout, options) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(operation, { minLength: 2, maxLength: 6 }),
        fc.nat(5),
        fc.constantFrom(...FILTERS),
        async (operations, start, filter) => {
          const table = await createTestTable({ fields: FIELDS, formatVersion, ...options })
          for (const step of operations) await apply(table, step, layout)
          const { metadata } = await table.load()
          const history = historyOf(metadata)
          await checkRange(table, undefined)
          const from = history[start % Math.max(1, history.length)]?.snapshotId
          await checkRange(table, from)
          await checkFilter(table, undefined, filter)
          await checkFilter(table, from, filter)
        },
      ),
      { numRuns: 20 },
    )
  })
})

async function apply(table: TestTable, step: Operation, layout: string): Promise<void> {
  const { metadata } = await table.load()
  switch (step.verb) {
    case 'append':
      await table.append(step.rows)
      return
    case 'upsert':
      await table.upsert([...new Map(step.rows.map(each => [each[0], each])).values()], ['k'])
      return
    case 'delete':
      await table.delete(gt('n', step.limit))
      return
    case 'rewrite':
      await rewriteRows(table, changeAbove(step.limit), { more: step.rows, forgetful: step.forgetful })
      return
    case 'delete-by-key':
      if (layout === 'unpartitioned') await deleteByKey(table, KEY, step.keys, step.rows)
      return
    case 'replace-vector': {
      const [task] = await table.tasks()
      const positions = step.positions.filter(position => position < (task?.entry.file.recordCount ?? 0))
      if (metadata.formatVersion >= 3 && task !== undefined && positions.length > 0)
        await replaceVector(table, task, [...new Set(positions)])
      return
    }
    default:
      await compactTable(table.catalog, table.identifier, {
        io: table.io,
        runtime: table.runtime,
        minInputFiles: 2,
      })
  }
}

/** Rows above the limit go, those at it change, the others stay. */
function changeAbove(limit: number): (row: readonly Value[]) => readonly Value[] | undefined {
  return row => {
    const n = row[1]
    if (typeof n !== 'number' || n < limit) return row
    return n === limit ? [row[0] ?? null, n, 7] : undefined
  }
}

async function checkRange(table: TestTable, from: bigint | undefined): Promise<void> {
  const { metadata } = await table.load()
  const before = await rowsAt(table, from)
  const after = await rowsAt(table, metadata.currentSnapshotId)

  const raw = await changesOf(table, { from })
  expect(textsOf(raw)).toEqual(await changesByDiff(table, { from }))
  expect(raw.some(({ type }) => type.startsWith('UPDATE'))).toBe(false)
  expect(applied(before, raw)).toEqual(after)

  const net = await changesOf(table, { from, mode: 'net' })
  expect(rowsOfSign(net, 'DELETE')).toEqual(without(before, after))
  expect(rowsOfSign(net, 'INSERT')).toEqual(without(after, before))

  for (const keys of metadata.formatVersion >= 3 ? [undefined, ['k']] : [['k']]) {
    const paired = await changesOf(table, { from, mode: 'updates', ...(keys === undefined ? {} : { keys }) })
    expect(applied(before, paired)).toEqual(after)
    // By row id, a row may have become what another was: two changes that cancel out when rows alone are compared.
    if (keys === undefined) expect(withoutOpposites(paired)).toEqual(textsOf(raw))
    else expect(textsOf(paired)).toEqual(textsOf(raw))
    checkPairs(paired, keys !== undefined)
  }
}

/** A filter takes changes away and makes no others, and of an update both rows or none. */
async function checkFilter(
  table: TestTable,
  from: bigint | undefined,
  { filter, takes }: (typeof FILTERS)[number],
): Promise<void> {
  const takesChange = ({ row: [k = null, n = null, x = null] }: Change): boolean => takes(k, n, x)
  for (const mode of ['raw', 'net'] as const) {
    const all = await changesOf(table, { from, mode })
    expect(textsOf(await changesOf(table, { from, mode, filter }))).toEqual(textsOf(all.filter(takesChange)))
  }
  const updates = { from, mode: 'updates', keys: ['k'] } as const
  const all = await changesOf(table, updates)
  const kept = all.filter((change, at) => {
    const other = change.type === 'UPDATE_BEFORE' ? at + 1 : change.type === 'UPDATE_AFTER' ? at - 1 : at
    return takesChange(change) || takesChange(all[other] as Change)
  })
  expect(await changesOf(table, { ...updates, filter })).toEqual(kept)
}

/** The changes that are left when equal rows cancel out within a snapshot. */
function withoutOpposites(changes: readonly Change[]): string[] {
  const opposite = (text: string): string => text.replace(/ [DI] /, sign => (sign === ' D ' ? ' I ' : ' D '))
  const texts = textsOf(changes)
  return without(texts, texts.map(opposite))
}

function rowsOfSign(changes: readonly Change[], type: 'DELETE' | 'INSERT'): string[] {
  return textsOf(
    changes.filter(change => change.type === type).map(each => ({ ...each, ordinal: 0, snapshotId: 0n })),
  )
    .map(text => text.slice('0 0 D '.length))
    .sort()
}

/** Each before is followed by its after; by keys, nothing that could be paired is left. */
function checkPairs(changes: readonly Change[], byKey: boolean): void {
  for (const [at, change] of changes.entries()) {
    const next = changes[at + 1]
    if (change.type === 'UPDATE_BEFORE')
      expect(next).toMatchObject({ type: 'UPDATE_AFTER', ordinal: change.ordinal })
    if (change.type === 'UPDATE_AFTER') expect(changes[at - 1]?.type).toBe('UPDATE_BEFORE')
    if (change.type === 'UPDATE_BEFORE' && byKey) expect(next?.row[0]).toEqual(change.row[0])
  }
  if (!byKey) return
  const keysOf = (type: string): Set<string> =>
    new Set(changes.filter(each => each.type === type).map(({ row, ordinal }) => `${ordinal} ${row[0]}`))
  const inserted = keysOf('INSERT')
  expect([...keysOf('DELETE')].filter(each => inserted.has(each))).toEqual([])
}
