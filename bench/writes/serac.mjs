// serac as one of the engines of bench/writes.mjs; also makes the table that it changes, and rows of orders.mjs.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ORDERS_DDL, orders } from '../orders.mjs'
import { batchesBytes, ownBatch } from '../shared/checks.mjs'
import { answer, measure, readJob } from '../shared/measure.mjs'
import { latencies, timed } from './latencies.mjs'
import { dataFilesIn, resetWork } from './work-folder.mjs'

const NAME = 'bench.orders'

const job = readJob()
const load = path => import(pathToFileURL(join(job.dist, path)).href)
const { connect, staticTable } = await load('index.js')
let lake

await { base, changes, append, upsert, delete: deleteRows, commits, grouped }[job.task]()
await lake?.close()

// ---- what it works on

/** New versions of rows, with ids as far from each other as can be. */
async function changes() {
  const { createLocalIO } = await load('io/local.js')
  const { systemRuntime } = await load('base/runtime.js')
  const { openParquetWriter } = await load('format/parquet/write.js')
  const { fields, out, total, count } = job
  const io = createLocalIO({ runtime: systemRuntime, fsync: false })
  const writer = await openParquetWriter(io, out, { fields, codec: 'zstd' })
  for (const batch of orders(fields, { to: total, step: Math.floor(total / count), version: 1 })) {
    await writer.write(batch)
  }
  await writer.close()
  answer({})
}

/** The table that is changed: an append for each of its files. */
async function base() {
  const table = await open({ create: true })
  let part = []
  let rows = 0
  const flush = async () => {
    await table.append(part)
    part = []
    rows = 0
  }
  for await (const batch of sourceBatches()) {
    part.push(batch)
    rows += batch.length
    if (rows >= job.total / job.files) await flush()
  }
  if (rows > 0) await flush()
  answer({ files: dataFilesIn(job.work).length })
}

async function* sourceBatches() {
  const { createLocalIO } = await load('io/local.js')
  const { systemRuntime } = await load('base/runtime.js')
  const { openParquet } = await load('format/parquet/read.js')
  const file = await openParquet(createLocalIO({ runtime: systemRuntime }), job.source)
  for await (const { batch } of file.read({ columns: file.fields.map((_, at) => at) })) {
    yield { ...batch, fields: job.fields }
  }
}

async function open({ create, ...options }) {
  resetWork(job)
  lake = await connect({ warehouse: job.work, fsync: job.fsync, ...options })
  if (!create) return lake.table(NAME)
  const { formatVersion, mode } = job
  const modes = ['delete', 'update', 'merge'].map(operation => [`write.${operation}.mode`, mode])
  const properties = mode === undefined ? {} : Object.fromEntries(modes)
  return lake.createTable(NAME, ORDERS_DDL, { keys: ['id'], formatVersion, properties })
}

/** The rows in memory, each vector with memory of its own, as after a read or from a generator. */
async function heldRows() {
  const { batchesFromIpc } = await load('format/arrow.js')
  return batchesFromIpc(readFileSync(`${job.source}.arrow`), job.fields).map(ownBatch)
}

// ---- work

async function append() {
  const rows = await heldRows()
  await measureWrite(table => table.append(rows), {
    create: true,
    rows: job.total,
    heldBytes: batchesBytes(rows),
    notes: 'rows held as plain vectors; workers share the columns',
  })
}

async function upsert() {
  const rows = await heldRows()
  await measureWrite(table => table.upsert(rows), {
    rows: job.count,
    heldBytes: batchesBytes(rows),
    notes: 'rows held as plain vectors, no key index',
  })
}

async function deleteRows() {
  const { divisor, rest } = job.deleted
  await measureWrite(table => table.delete(`id % ${divisor} = ${rest}`), {
    rows: job.total / divisor,
    notes: `delete where id % ${divisor} = ${rest}`,
  })
}

async function commits() {
  const rows = await heldRows()
  await measureWrite(
    async table => {
      const times = []
      for (let commit = 0; commit < job.commits; commit++) times.push(await timed(() => table.append(rows)))
      return { latencies: latencies(times) }
    },
    { create: true, rows: job.commits, notes: 'one row held as a batch, embedded catalog' },
  )
}

/** Callers in one process, each with one row after another; each is answered when its row is durable. */
async function grouped() {
  const rows = []
  for await (const row of staticTable(job.source).scan().rows()) rows.push(row)
  await measureWrite(
    async table => {
      const caller = async () => {
        const times = []
        for (let call = 0; call < job.calls / job.callers; call++) {
          times.push(await timed(() => table.append(rows)))
        }
        return times
      }
      const times = await Promise.all(Array.from({ length: job.callers }, caller))
      return { latencies: latencies(times.flat()) }
    },
    {
      create: true,
      groupCommit: { lingerMsMax: job.lingerMs },
      rows: job.calls,
      notes: `${job.callers} callers, a row object a call, groups wait up to ${job.lingerMs} ms`,
    },
  )
}

/** Each run on a table as it was made; what it is afterwards is off the clock. */
async function measureWrite(run, { create = false, groupCommit, rows, heldBytes, notes }) {
  let table
  await measure({
    heldBytes,
    longSeconds: job.longSeconds,
    prepare: async () => {
      await lake?.close()
      table = await open({ create, groupCommit })
    },
    run: () => run(table),
    inspect: async ({ latencies: measured }) => {
      const { metadata, metadataLocation } = await table.load()
      const snapshots = metadata.snapshots.length
      return {
        rows,
        snapshots,
        ...measured,
        notes,
        table: { kind: 'iceberg', metadata: metadataLocation.replace(/^file:\/\//, '') },
      }
    },
  })
}
