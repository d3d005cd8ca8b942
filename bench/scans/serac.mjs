// serac as one of the engines of bench/scans.mjs; also makes its tables.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ORDERS_DDL } from '../orders.mjs'
import { ownBatch } from '../shared/checks.mjs'
import { answer, measure, readJob } from '../shared/measure.mjs'
import { measureBatches } from '../shared/reading.mjs'
import { whereOf } from './workloads.mjs'

const job = readJob()
const load = path => import(pathToFileURL(join(job.dist, path)).href)
const { connect, staticTable } = await load('index.js')

await { table, history, scan }[job.task]()

/** All rows in one commit. */
async function table() {
  await withTable(async made => {
    await made.append(await heldRows())
  })
}

/** Many rows in one commit, then one row in each: as many snapshots as asked for. */
async function history() {
  await withTable(async made => {
    const rows = await heldRows()
    const first = await made.append(sliceRows(rows, 0, job.firstRows))
    for (let row = 0; row < job.snapshots - 1; row++) await made.append(sliceRows(rows, row, row + 1))
    return { firstSnapshotId: String(first.snapshotId ?? (await made.snapshots())[0].snapshotId) }
  })
}

async function withTable(fill) {
  const lake = await connect({ warehouse: job.out })
  const made = await lake.createTable('bench.orders', ORDERS_DDL)
  const facts = await fill(made)
  const { metadataLocation } = await made.load()
  await lake.close()
  answer({ metadata: metadataLocation.replace(/^file:\/\//, ''), ...dataFiles(), ...facts })
}

function dataFiles() {
  const found = readdirSync(job.out, { recursive: true, withFileTypes: true }).filter(
    entry => entry.isFile() && entry.name.endsWith('.parquet'),
  )
  const bytes = found.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0)
  return { files: found.length, bytes }
}

async function heldRows() {
  const { batchesFromIpc } = await load('format/arrow.js')
  return batchesFromIpc(readFileSync(`${job.source}.arrow`), job.fields).map(ownBatch)
}

/** Rows `from` to `to` of batches of plain vectors. */
function sliceRows(batches, from, to) {
  const parts = []
  let start = 0
  for (const batch of batches) {
    const begin = Math.max(from - start, 0)
    const end = Math.min(to - start, batch.length)
    if (begin < end) {
      const columns = batch.columns.map(vector => sliceVector(vector, begin, end))
      parts.push({ length: end - begin, fields: batch.fields, columns })
    }
    start += batch.length
  }
  return parts
}

function sliceVector(vector, from, to) {
  const common = { layout: vector.layout, length: to - from }
  switch (vector.layout) {
    case 'fixed-width':
      return { ...common, values: vector.values.subarray(from, to) }
    case 'decimal':
      return { ...common, words: vector.words.subarray(2 * from, 2 * to) }
    case 'var-bytes':
      return { ...common, offsets: vector.offsets.subarray(from, to + 1), bytes: vector.bytes }
    default:
      throw new Error(`no slice of ${vector.layout}`)
  }
}

/** The table is opened by its metadata file in every run, inside the clock. */
async function scan() {
  const { columns, filter, metadata, mode, repeats, snapshotId } = job
  const request = {
    ...(columns === undefined ? {} : { select: columns }),
    ...(filter === undefined ? {} : { where: whereOf(filter, 'date ') }),
    ...(snapshotId === undefined ? {} : { asOf: BigInt(snapshotId) }),
  }
  let last
  const open = () => {
    last = staticTable(metadata).scan(request)
    return last
  }
  const facts = async () => {
    const execution = (await last.report?.())?.execution
    return { requests: execution?.requests, readBytes: execution?.readBytes }
  }
  if (mode === 'count') await measureCount(open, { repeats, facts })
  else {
    const each = async take => {
      for await (const batch of open().batches()) take(batch)
    }
    await measureBatches(each, { mode, repeats, facts })
  }
}

function measureCount(open, { repeats, facts }) {
  return measure({
    repeats,
    run: () => open().count(),
    inspect: async rows => ({ rows, check: { rows, columns: {} }, ...(await facts()) }),
  })
}
