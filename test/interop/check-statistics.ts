/** The statistics that an engine shows of a Parquet file against those that its rows have, by brute force. */
import { expect } from 'vitest'
import type { Type, Value } from '../../src/schema/types.js'
import type { JudgedColumn, JudgedRowGroup, JudgeName } from '../judges/judge.js'
import { rowPrinter } from './canonical-rows.js'
import { compareValues, type LeafRows, storedText, summaryOf } from './expected-statistics.js'

/** Texts and bytes up to here are never cut in statistics. */
const UNCUT_BYTES = 16

/** Fails the test unless each row group of the engine's answer says of each leaf what the rows say. */
export function checkStatistics(
  judge: JudgeName,
  leaves: readonly LeafRows[],
  rowGroups: readonly JudgedRowGroup[],
): void {
  let from = 0
  for (const group of rowGroups) {
    const to = from + group.rows
    expect(group.columns.map(column => column.path)).toEqual(leaves.map(leaf => leaf.path))
    for (const [at, leaf] of leaves.entries()) {
      checkColumn(judge, leaf, { column: group.columns[at]!, from, to })
    }
    from = to
  }
  expect(leaves.map(leaf => leaf.rows.length)).toEqual(leaves.map(() => from))
}

interface Place {
  readonly column: JudgedColumn
  readonly from: number
  readonly to: number
}

function checkColumn(judge: JudgeName, leaf: LeafRows, { column, from, to }: Place): void {
  const where = `${leaf.path} of rows ${from} to ${to}`
  const { valueCount, nullCount, min, max } = summaryOf(leaf, { from, to })
  expect([column.valueCount, column.nullCount], where).toEqual([valueCount, nullCount])
  // DuckDB shows nanoseconds as microseconds.
  if (judge === 'duckdb' && leaf.type.kind === 'timestamptz_ns') return
  const text = judge === 'duckdb' ? (value: Value) => canonicalText(leaf, value) : storedText
  checkBound('min', { where, leaf, wanted: min, stated: column.min, text })
  checkBound('max', { where, leaf, wanted: max, stated: column.max, text })
  if (judge === 'spark') expect(column.pages, where).toBeDefined()
  for (const [at, page] of (column.pages ?? []).entries()) {
    const rows = { from: from + page.firstRow, to: from + (column.pages?.[at + 1]?.firstRow ?? to - from) }
    const wanted = summaryOf(leaf, rows)
    const place = `${where}, page ${at}`
    expect(page.nullCount, place).toBe(wanted.nullCount)
    checkBound('min', { where: place, leaf, wanted: wanted.min, stated: page.min, text })
    checkBound('max', { where: place, leaf, wanted: wanted.max, stated: page.max, text })
  }
}

function canonicalText(leaf: LeafRows, value: Value): string {
  const field = { id: leaf.fieldId, name: leaf.path, required: false, type: leaf.type }
  return rowPrinter([field])([value]).slice(1, -1)
}

interface Bound {
  readonly where: string
  readonly leaf: LeafRows
  readonly wanted: Value | undefined
  readonly stated: string | undefined
  readonly text: (value: Value) => string
}

function checkBound(side: 'min' | 'max', { where, leaf, wanted, stated, text }: Bound): void {
  const name = `${side} of ${where}`
  if (wanted === undefined || stated === undefined) expect(stated, name).toBe(wanted)
  else if (isFloat(leaf.type)) expect(numberOf(stated), name).toBe((wanted as number) + 0)
  else if (stated !== text(wanted)) {
    // A long text may be cut, and then errs to the outside.
    expect([name, leaf.type.kind, text(wanted).length > UNCUT_BYTES]).toEqual([
      name,
      expect.stringMatching(/string|binary|fixed/),
      true,
    ])
    expect(Math.sign(compareValues(stated, text(wanted))), name).toBe(side === 'min' ? -1 : 1)
  }
}

export const isFloat = (type: Type): boolean => type.kind === 'float' || type.kind === 'double'

/** Of a text that may be quoted; minus zero is zero. */
const numberOf = (text: string): number => Number(text.replaceAll('"', '')) + 0
