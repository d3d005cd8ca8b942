/** Rows of a changelog, matched and netted: many at once, against a model that counts them. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ColumnBatch } from '../../src/batch/column-batch.js'
import { batchRows } from '../../src/batch/values.js'
import { batchOf } from '../../src/batch/vector-builder.js'
import {
  CHANGE_FIELDS,
  createNetRows,
  labelRows,
  pairRows,
  type RowIdentity,
  withoutCarriedOver,
} from '../../src/reader/changelog-rows.js'
import type { Field } from '../../src/schema/types.js'

const FIELDS: readonly Field[] = [
  { id: 1, name: 'k', required: false, type: { kind: 'int' } },
  { id: 2, name: 'v', required: false, type: { kind: 'string' } },
]
type Row = readonly [k: number | null, v: string]

const batch = (rows: readonly Row[]): ColumnBatch => batchOf(FIELDS, rows)
async function* streamOf(batches: readonly ColumnBatch[]): AsyncGenerator<ColumnBatch> {
  yield* batches
}
const identityOn = (columns: number, rest: Partial<RowIdentity> = {}): RowIdentity => ({
  vectors: rows => rows.columns.slice(0, columns),
  types: FIELDS.slice(0, columns).map(field => field.type),
  nullable: true,
  unchanged: true,
  isLineage: false,
  ...rest,
})
const row = fc.tuple(fc.option(fc.integer({ min: 0, max: 2 }), { nil: null }), fc.constantFrom('a', 'b'))
const texts = (rows: readonly (readonly unknown[])[]): string[] =>
  rows.map(each => JSON.stringify(each)).sort()
const counted = (rows: readonly string[], by: 1 | -1, into: Map<string, number>): void => {
  for (const each of rows) into.set(each, (into.get(each) ?? 0) + by)
}
const repeated = (counts: ReadonlyMap<string, number>, sign: 1 | -1): string[] =>
  [...counts].flatMap(([each, count]) => Array.from({ length: Math.max(0, count * sign) }, () => each)).sort()

describe('rows that were carried over', () => {
  it('leave what two lists of rows differ by, however the inserted ones are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1 }),
        fc.array(fc.array(row)),
        async (deleted, inserted) => {
          const rest = await withoutCarriedOver(batch(deleted), streamOf(inserted.map(batch)), identityOn(2))
          const counts = new Map<string, number>()
          counted(texts(inserted.flat()), 1, counts)
          counted(texts(deleted), -1, counts)
          expect(texts(batchRows(rest.inserted))).toEqual(repeated(counts, 1))
          expect(texts(batchRows(rest.deleted))).toEqual(repeated(counts, -1))
        },
      ),
    )
  })
})

describe('rows that are paired', () => {
  it('are each in one pair, with equal keys, or in none', () => {
    fc.assert(
      fc.property(fc.array(row), fc.array(row), fc.boolean(), (deleted, inserted, nullable) => {
        const delta = { deleted: batch(deleted), inserted: batch(inserted) }
        const pairs = pairRows(delta, [identityOn(1, { unchanged: false, nullable })])
        expect([...pairs.deleted, ...pairs.before].sort((a, b) => a - b)).toEqual([...deleted.keys()])
        expect([...pairs.inserted, ...pairs.after].sort((a, b) => a - b)).toEqual([...inserted.keys()])
        for (const [at, before] of pairs.before.entries())
          expect(deleted[before]?.[0]).toBe(inserted[pairs.after[at] ?? -1]?.[0])
        const left = new Set([...pairs.deleted].map(at => deleted[at]?.[0]))
        for (const at of pairs.inserted) {
          const key = inserted[at]?.[0]
          expect(left.has(key) && (nullable || key !== null)).toBe(false)
        }
      }),
    )
  })
})

describe('net changes', () => {
  it('are collapsed while many more rows come than are left', () => {
    const fields = [...FIELDS, ...CHANGE_FIELDS]
    const net = createNetRows(fields)
    const rows = Array.from({ length: 40_000 }, (_, k): Row => [k, 'x'])
    for (let ordinal = 0; ordinal < 6; ordinal++) {
      const label = { columns: FIELDS.length, ordinal, snapshotId: BigInt(ordinal) }
      net.add(labelRows(batch(rows), ordinal % 2 === 0 ? 'INSERT' : 'DELETE', label))
      net.add(labelRows(batch([[-1, `kept ${ordinal}`]]), 'INSERT', label))
    }
    expect(batchRows(net.finish())).toEqual(
      Array.from({ length: 6 }, (_, ordinal) => [-1, `kept ${ordinal}`, 'INSERT', ordinal, BigInt(ordinal)]),
    )
  })

  it('keep the snapshot of the row that is left of several', () => {
    const net = createNetRows([...FIELDS, ...CHANGE_FIELDS])
    const add = (ordinal: number, type: 'INSERT' | 'DELETE', count: number): void =>
      net.add(
        labelRows(batch(Array.from({ length: count }, (): Row => [1, 'x'])), type, {
          columns: FIELDS.length,
          ordinal,
          snapshotId: 0n,
        }),
      )
    add(0, 'INSERT', 1)
    add(1, 'INSERT', 2)
    add(2, 'DELETE', 1)
    add(3, 'DELETE', 1)
    expect(batchRows(net.finish()).map(values => values.slice(2, 4))).toEqual([['INSERT', 0]])
  })
})
