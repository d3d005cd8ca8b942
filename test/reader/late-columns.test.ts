/** Columns read late: which bytes that saves, and when it is not done. */
import { describe, expect, it } from 'vitest'
import { batchRows } from '../../src/batch/values.js'
import { eq, gtEq, notNull } from '../../src/expression/expression.js'
import { meteredIO } from '../../src/io/metered.js'
import { nearRanges } from '../../src/reader/late-columns.js'
import { scanBatches } from '../../src/reader/scan.js'
import { newScanCounters } from '../../src/reader/scan-counters.js'
import { createSelectivity } from '../../src/reader/selectivity.js'
import type { Value } from '../../src/schema/types.js'
import { createMemoryTable, planOf, type TableScan } from './memory-table.js'

const ROWS = 20_000

/** Two row groups; the payload is large, does not compress, and has pages of 1000 rows. */
async function wideTable() {
  const table = createMemoryTable({
    fields: [
      { id: 1, name: 'k', required: true, type: { kind: 'int' } },
      { id: 2, name: 'payload', required: false, type: { kind: 'fixed', lengthBytes: 200 } },
    ],
  })
  let state = 1
  const payload = (): Uint8Array =>
    Uint8Array.from({ length: 200 }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return state >>> 24
    })
  const rows = Array.from({ length: ROWS }, (_, row) => [(row * 7919) % ROWS, payload()])
  const parquet = { pageRows: 1000, dictionaryEnabled: false }
  await table.commit([await table.dataFile('d.parquet', rows, { rowGroupRows: ROWS / 2, parquet })])
  return table
}

async function measured(table: Awaited<ReturnType<typeof wideTable>>, scan: TableScan) {
  const metered = meteredIO(table.io)
  const counters = newScanCounters()
  let rows = 0
  for await (const batch of scanBatches(metered.io, await planOf(table, scan), { ...scan, counters }))
    rows += batch.length
  return { rows, counters, readBytes: metered.counts.readBytes }
}

describe('columns that the filter does not need', () => {
  it('are read for the pages that hold a row, where that pays', async () => {
    const table = await wideTable()
    const whole = await measured(table, { filter: eq('k', 77), lateColumns: 'never' })
    const late = await measured(table, { filter: eq('k', 77) })
    expect([whole.rows, late.rows]).toEqual([1, 1])
    expect(late.counters).toMatchObject({ rowGroupsLate: 2, rowsReadLate: 1 })
    expect(late.readBytes).toBeLessThan(whole.readBytes / 5)
  })

  it('are read at once as soon as the filter proves to leave rows everywhere', async () => {
    const table = await wideTable()
    const { rows, counters } = await measured(table, { filter: gtEq('k', 10) })
    expect(rows).toBe(ROWS - 10)
    expect(counters.rowGroupsLate).toBe(1)
    expect(counters.rowsReadLate).toBeGreaterThan(ROWS / 2 - 50)
  })

  it('are read in several steps where the columns of the filter take much memory', async () => {
    const table = createMemoryTable({
      fields: [
        { id: 1, name: 'text', required: false, type: { kind: 'string' } },
        { id: 2, name: 'v', required: true, type: { kind: 'int' } },
      ],
    })
    const rows = Array.from({ length: ROWS }, (_, row) => [`${row} ${'-'.repeat(1500)}`, row])
    await table.commit([await table.dataFile('d.parquet', rows, { parquet: { dictionaryEnabled: false } })])
    const counters = newScanCounters()
    const scan: TableScan = { filter: notNull('text'), lateColumns: 'always', batchRows: 500, counters }
    // Statistics prove that no row is null: the filter is put back.
    const plan = await planOf(table, scan)
    const tasks = plan.tasks.map(task => ({ ...task, residual: plan.filter }))
    const values: Value[] = []
    let readAtFirst = 0
    for await (const batch of scanBatches(table.io, { ...plan, tasks }, scan)) {
      readAtFirst ||= counters.rowsRead
      for (const [text, value] of batchRows(batch)) {
        expect(String(text).startsWith(`${value} `)).toBe(true)
        values.push(value ?? null)
      }
    }
    expect(values).toEqual(rows.map(([, value]) => value))
    expect(readAtFirst).toBeLessThan(ROWS)
    expect(counters).toMatchObject({ rowGroupsLate: 1, rowsRead: ROWS })
  })

  it('are read at once when they are small', async () => {
    const table = createMemoryTable({
      fields: [
        { id: 1, name: 'k', required: true, type: { kind: 'int' } },
        { id: 2, name: 'v', required: true, type: { kind: 'int' } },
      ],
    })
    const rows = Array.from({ length: 100 }, (_, row) => [row, row])
    await table.commit([await table.dataFile('d.parquet', rows)])
    const counters = newScanCounters()
    const plan = await planOf(table, { filter: eq('k', 7) })
    for await (const batch of scanBatches(table.io, plan, { counters })) expect(batch.length).toBe(1)
    expect(counters.rowGroupsLate).toBe(0)
  })
})

describe('ranges of rows', () => {
  it('join rows that are near', () => {
    expect([...nearRanges(Uint32Array.of(5, 6, 8, 30, 100, 101))]).toEqual([5, 31, 100, 102])
    expect([...nearRanges(new Uint32Array(0))]).toEqual([])
  })
})

describe('selectivity', () => {
  it('is low when nearly every stretch of rows has one that is left', () => {
    const everywhere = createSelectivity()
    const clustered = createSelectivity()
    expect(everywhere.isLow()).toBe(false)
    for (let window = 0; window < 4; window++) {
      everywhere.see(
        65_536,
        Uint32Array.from({ length: 64 }, (_, at) => at * 1024),
      )
      clustered.see(
        65_536,
        Uint32Array.from({ length: 64 }, (_, at) => at),
      )
    }
    expect(everywhere.isLow()).toBe(true)
    expect(clustered.isLow()).toBe(false)
    clustered.see(8 * 65_536, undefined)
    expect(clustered.isLow()).toBe(true)
  })
})
