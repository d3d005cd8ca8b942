/** What a scan costs in requests and bytes; never in time. */
import { describe, expect, it } from 'vitest'
import { bind } from '../../src/expression/bind.js'
import { and, eq, gtEq, lt } from '../../src/expression/expression.js'
import { SPECULATIVE_TAIL_BYTES } from '../../src/format/parquet/footer/footer.js'
import { openParquet } from '../../src/format/parquet/read.js'
import { meteredIO } from '../../src/io/metered.js'
import { currentSchema } from '../../src/metadata/lookup.js'
import { writeTableMetadata } from '../../src/metadata/metadata-file.js'
import { countRows } from '../../src/reader/count.js'
import { planScan } from '../../src/reader/plan.js'
import { scanBatches } from '../../src/reader/scan.js'
import { openStaticTable } from '../../src/reader/static-table.js'
import { resolveSnapshot } from '../../src/snapshot/resolve.js'
import { createMemoryTable } from '../reader/memory-table.js'

const METADATA = 'memory://lake/t/metadata/v1.metadata.json'
const GROUP_ROWS = 2000

/** Text that does not compress, the same on every run. */
function noise(seed: number, length: number): string {
  let state = seed * 2_654_435_761 + 1
  let text = ''
  while (text.length < length) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    text += state.toString(36)
  }
  return text
}

/** One manifest, one file of three row groups; columns that are wanted lie far apart. */
async function bigTable() {
  const table = createMemoryTable({
    fields: [
      { id: 1, name: 'id', required: true, type: { kind: 'long' } },
      { id: 2, name: 'payload', required: false, type: { kind: 'string' } },
      { id: 3, name: 'score', required: false, type: { kind: 'int' } },
      { id: 4, name: 'more', required: false, type: { kind: 'string' } },
    ],
  })
  const rows = Array.from({ length: 3 * GROUP_ROWS }, (_, id) => [
    BigInt(id),
    noise(id, 100),
    id % 17,
    noise(-id - 1, 60),
  ])
  const file = await table.dataFile('d.parquet', rows, { rowGroupRows: GROUP_ROWS })
  await table.commit([file])
  await writeTableMetadata(table.io, table.metadata, { location: METADATA })
  const { footer } = await openParquet(table.io, file.location)
  const chunkBytes = (group: number, fieldIds: readonly number[]): number =>
    fieldIds.reduce((sum, id) => sum + footer.rowGroups[group]!.columns.get(id)!.columnSizeBytes, 0)
  return { table, file, chunkBytes }
}

async function openMetered(io: Parameters<typeof meteredIO>[0]) {
  const metered = meteredIO(io)
  const table = await openStaticTable(metered.io, METADATA)
  return { metered, table }
}

describe('a scan of a one-manifest table', () => {
  it('costs metadata, list, manifest, footer and the chunks of the needed columns', async () => {
    const { table: built, file, chunkBytes } = await bigTable()
    const { metered, table } = await openMetered(built.io)
    const { snapshot, schema } = resolveSnapshot(table.metadata, 'current')
    const filter = bind(and(gtEq('id', 2500n), lt('id', 2510n)), schema)
    const plan = await planScan(table, table.io, { snapshot, schema, filter, select: ['score'] })
    let rows = 0
    for await (const batch of scanBatches(table.io, plan)) rows += batch.length
    expect(rows).toBe(10)

    expect(metered.counts.requests).toMatchObject({ stat: 0, list: 0, read: 6 })
    const locations = metered.log.map(request => request.location)
    expect(locations.slice(0, 3)).toEqual([
      METADATA,
      snapshot!.manifestList,
      expect.stringMatching(/-data-0\.avro$/),
    ])
    const dataReads = metered.log.filter(request => request.location === file.location)
    expect(dataReads).toHaveLength(3)
    expect(dataReads[0]!.range!.lengthBytes).toBe(SPECULATIVE_TAIL_BYTES)
    const chunks = dataReads.slice(1).reduce((sum, request) => sum + request.range!.lengthBytes, 0)
    expect(chunks).toBe(chunkBytes(1, [1, 3]))
  })

  it('opens no data file that bounds exclude', async () => {
    const { table: built } = await bigTable()
    const { metered, table } = await openMetered(built.io)
    const { snapshot, schema } = resolveSnapshot(table.metadata, 'current')
    const filter = bind(eq('id', 9_999_999n), schema)
    const plan = await planScan(table, table.io, { snapshot, schema, filter })
    for await (const _ of scanBatches(table.io, plan)) expect.unreachable()
    expect(metered.counts.requests.read).toBe(3)
  })

  it('counts without opening a data file', async () => {
    const { table: built } = await bigTable()
    const { metered, table } = await openMetered(built.io)
    const { snapshot } = resolveSnapshot(table.metadata, 'current')
    const schema = currentSchema(table.metadata)
    const plan = await planScan(table, table.io, { snapshot, schema })
    expect((await countRows(table.io, plan)).rows).toBe(3 * GROUP_ROWS)
    expect(metered.counts.requests.read).toBe(3)
  })

  it('of no column and no filter reads the footer only', async () => {
    const { table: built } = await bigTable()
    const { metered, table } = await openMetered(built.io)
    const { snapshot, schema } = resolveSnapshot(table.metadata, 'current')
    const plan = await planScan(table, table.io, { snapshot, schema, select: ['_pos'] })
    let rows = 0
    for await (const batch of scanBatches(table.io, plan)) rows += batch.length
    expect(rows).toBe(3 * GROUP_ROWS)
    expect(metered.counts.requests.read).toBe(4)
  })

  it('with deletes reads each delete file once, whatever the number of data files', async () => {
    const table = createMemoryTable({
      fields: [{ id: 1, name: 'id', required: true, type: { kind: 'long' } }],
    })
    const files = []
    for (let part = 0; part < 5; part++)
      files.push(await table.dataFile(`d${part}.parquet`, [[BigInt(part)], [100n]]))
    await table.commit(files)
    await table.commit([
      await table.positionDeletes(
        'p.parquet',
        files.map(file => [file.location, 0n] as const),
      ),
      await table.equalityDeletes('e.parquet', [[100n], [-5n]], { fields: table.schema.fields }),
    ])
    const metered = meteredIO(table.io)
    const { snapshot, schema } = table
    const plan = await planScan(table, metered.io, { snapshot, schema })
    for await (const _ of scanBatches(metered.io, plan)) expect.unreachable()
    const reads = (end: string) => metered.log.filter(request => request.location.endsWith(end)).length
    expect(reads('/p.parquet')).toBe(1)
    expect(reads('/e.parquet')).toBe(1)
    expect(metered.log.filter(request => /\/d\d\.parquet$/.test(request.location))).toHaveLength(5)
  })
})
