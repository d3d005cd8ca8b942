// serac as one of the engines of bench/parquet.mjs; also makes the source file and the table that icebird reads.
import { readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ORDERS_DDL, orders } from '../orders.mjs'
import { addBatch, batchesBytes, createCheck, ownBatch } from '../shared/checks.mjs'
import { answer, measure, readJob } from '../shared/measure.mjs'
import { measureBatches } from '../shared/reading.mjs'

const job = readJob()
const load = path => import(pathToFileURL(join(job.dist, path)).href)
const { createLocalIO } = await load('io/local.js')
const { systemRuntime } = await load('base/runtime.js')
const { openParquet } = await load('format/parquet/read.js')
const { openParquetWriter } = await load('format/parquet/write.js')
const io = createLocalIO({ runtime: systemRuntime, fsync: job.fsync })
const engine = job.implementation === undefined ? {} : { engine: job.implementation }

await { fields, source, table, write, read }[job.task]()

/** The fields of the orders table. */
async function fields() {
  const { connect } = await load('index.js')
  const warehouse = join(job.folder, 'fields')
  const lake = await connect({ warehouse })
  const made = await (await lake.createTable('bench.orders', ORDERS_DDL)).schema()
  await lake.close()
  rmSync(warehouse, { recursive: true })
  answer({ fields: made.fields })
}

/** Writes the generated rows to a file, and says what they add up to. */
async function source() {
  const writer = await openParquetWriter(io, job.out, { fields: job.fields, codec: 'zstd' })
  const check = createCheck()
  for (const batch of orders(job.fields, { to: job.rows })) {
    addBatch(check, batch)
    await writer.write(batch)
  }
  await writer.close()
  answer({ check })
}

/** An Iceberg table of the rows. */
async function table() {
  const { connect } = await load('index.js')
  const lake = await connect({ warehouse: job.out })
  const made = await lake.createTable('bench.orders', ORDERS_DDL)
  await made.append(await heldRows())
  await lake.close()
  answer({})
}

/** The rows in memory, each vector with memory of its own, as after a read or from a generator. */
async function heldRows() {
  const { batchesFromIpc } = await load('format/arrow.js')
  return batchesFromIpc(readFileSync(`${job.source}.arrow`), job.fields).map(ownBatch)
}

async function write() {
  const rows = await heldRows()
  const { codec, fields, level, pageVersion } = job
  await measure({
    heldBytes: batchesBytes(rows),
    prepare: () => rmSync(job.out, { force: true }),
    run: async () => {
      const writer = await openParquetWriter(io, job.out, { fields, codec, level, pageVersion, ...engine })
      for (const batch of rows) await writer.write(batch)
      return writer.close()
    },
    inspect: ({ rowCount }) => ({ rows: rowCount, bytes: statSync(job.out).size, ...settings() }),
  })
}

function settings() {
  const { codec, level, pageVersion } = job
  return {
    codec,
    level,
    pageVersion,
    notes: 'held as plain vectors; one file, page index and exact statistics',
  }
}

async function read() {
  const each = async take => {
    const file = await openParquet(io, job.file, engine)
    const columns = file.fields.flatMap((field, at) =>
      (job.columns?.includes(field.name) ?? true) ? [at] : [],
    )
    for await (const { batch } of file.read({ columns, ...engine })) take(batch)
  }
  await measureBatches(each, { mode: job.mode })
}
