/** What a limit, of rows or of bytes, lets a scan read. */
import { describe, expect, it } from 'vitest'
import { bind } from '../../src/expression/bind.js'
import { gtEq } from '../../src/expression/expression.js'
import { meteredIO } from '../../src/io/metered.js'
import { planScan } from '../../src/reader/plan.js'
import { type ScanOptions, scanBatches } from '../../src/reader/scan.js'
import { estimatedBytes, scannedFieldIds } from '../../src/reader/scan-budget.js'
import { createMemoryTable, planOf, type TableScan } from '../reader/memory-table.js'
import { rejectionOf } from '../support/errors.js'

const FIELDS = [
  { id: 1, name: 'id', required: true, type: { kind: 'long' as const } },
  { id: 2, name: 'payload', required: true, type: { kind: 'fixed' as const, lengthBytes: 100 } },
]

/** Files of four row groups of 2000 rows and about 200 kB each. */
async function tableOf(files: number) {
  const table = createMemoryTable({ fields: FIELDS })
  let state = 7
  const payload = (): Uint8Array =>
    Uint8Array.from({ length: 100 }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return state >>> 24
    })
  const written = []
  for (let file = 0; file < files; file++) {
    const rows = Array.from({ length: 8000 }, (_, row) => [BigInt(8000 * file + row), payload()])
    written.push(
      await table.dataFile(`d${file}.parquet`, rows, {
        rowGroupRows: 2000,
        parquet: { dictionaryEnabled: false, pageRows: 500 },
      }),
    )
  }
  await table.commit(written)
  return { table, files: written }
}

async function measured(scan: TableScan, files = 3) {
  const { table, files: written } = await tableOf(files)
  const plan = await planOf(table, scan)
  const metered = meteredIO(table.io)
  let rows = 0
  for await (const batch of scanBatches(metered.io, plan, scan)) rows += batch.length
  const opened = new Set(metered.log.map(request => request.location))
  return {
    rows,
    opened: opened.size,
    readBytes: metered.counts.readBytes,
    requests: metered.counts.requests.read,
    written,
  }
}

describe('a limit of rows', () => {
  it('reads the footer and the pages of the first rows of one file', async () => {
    const { rows, opened, readBytes, requests } = await measured({ limit: 10 })
    expect({ rows, opened }).toEqual({ rows: 10, opened: 1 })
    expect(requests).toBeLessThanOrEqual(3)
    expect(readBytes).toBeLessThan(64 * 1024 + 80_000)
  })

  it('reads as many files as metadata says that it takes', async () => {
    const { rows, opened } = await measured({ limit: 8001 })
    expect({ rows, opened }).toEqual({ rows: 8001, opened: 2 })
  })

  it('takes files that the filter covers before those that it does not', async () => {
    const { table, files } = await tableOf(3)
    const filter = gtEq('id', 15_500n)
    const plan = await planOf(table, { filter })
    expect(plan.tasks.map(task => task.residual.op)).toEqual(['gt-eq', 'true'])
    const metered = meteredIO(table.io)
    for await (const batch of scanBatches(metered.io, plan, { limit: 5 })) expect(batch.length).toBe(5)
    expect(new Set(metered.log.map(request => request.location))).toEqual(new Set([files[2]?.location]))
  })

  it('asks for nothing behind the row group that has enough', async () => {
    const { rows, opened, requests, readBytes } = await measured({ filter: gtEq('id', 3n), limit: 20 }, 1)
    expect({ rows, opened }).toEqual({ rows: 20, opened: 1 })
    expect(requests).toBeLessThanOrEqual(3)
    expect(readBytes).toBeLessThan(300_000)
  })
})

describe('a limit of bytes', () => {
  const planned = async (
    maxScanBytes: number,
    scan: ScanOptions & { readonly select?: readonly string[] } = {},
  ) => {
    const { table } = await tableOf(2)
    const metered = meteredIO(table.io)
    const { snapshot, schema } = table
    const filter = bind(gtEq('id', 0n), schema)
    const fields = schema.fields.filter(field => scan.select?.includes(field.name) ?? true)
    const plan = await planScan(table, table.io, {
      snapshot,
      schema,
      filter,
      select: scan.select,
      statisticsOf: scannedFieldIds({ schema, fields, filter }),
    })
    const read = async () => {
      let rows = 0
      for await (const batch of scanBatches(metered.io, plan, { ...scan, maxScanBytes })) rows += batch.length
      return rows
    }
    return { plan, metered, read }
  }

  it('refuses a scan whose columns are larger, before a file is opened', async () => {
    const { plan, metered, read } = await planned(1_000_000)
    expect(estimatedBytes(plan)).toBeGreaterThan(1_600_000)
    const error = await rejectionOf(read())
    expect(error).toMatchObject({ kind: 'invalid-argument', context: { maxScanBytes: 1_000_000 } })
    expect(metered.counts.requests.read).toBe(0)
  })

  it('knows the sizes of columns, and lets a scan of a small one run', async () => {
    const { plan, read } = await planned(400_000, { select: ['id'] })
    expect(estimatedBytes(plan)).toBeLessThan(400_000)
    expect(await read()).toBe(16_000)
  })

  it('counts the part of a file that a limit of rows takes', async () => {
    const { read } = await planned(300_000, { limit: 100 })
    expect(await read()).toBe(100)
  })

  it('ends a scan that asks for more than was foreseen', async () => {
    const { plan, metered, read } = await planned(300_000, { select: ['id'] })
    for (const { entry } of plan.tasks) Object.assign(entry.file, { columnSizes: new Map([[1, 1]]) })
    Object.assign(plan, { fields: FIELDS, statisticsOf: new Set([1, 2]) })
    const error = await rejectionOf(read())
    expect(error).toMatchObject({
      kind: 'invalid-argument',
      message: 'the scan reads more bytes than allowed',
    })
    expect(metered.counts.readBytes).toBeLessThanOrEqual(300_000)
  })
})
