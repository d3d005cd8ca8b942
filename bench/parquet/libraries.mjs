// The JavaScript peers of bench/parquet.mjs: parquet-wasm, hyparquet with hyparquet-writer, icebird. They are loaded
// from the folder that bench/setup.sh fills.
import { openAsBlob, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { addBytes, addDecimals, addValues, createCheck } from '../shared/checks.mjs'
import { fetchFile } from '../shared/fetch-file.mjs'
import { answer, measure, readJob, usedBytes } from '../shared/measure.mjs'
import { addColumn, checkOfRows, TYPES } from '../shared/value-checks.mjs'

const job = readJob()
const require = createRequire(join(job.peers, 'npm', 'package.json'))
const load = file => import(pathToFileURL(join(job.peers, 'npm/node_modules', file)).href)
const versionOf = name =>
  JSON.parse(readFileSync(join(job.peers, 'npm/node_modules', name, 'package.json'), 'utf8')).version

// parquet-wasm: Arrow record batches over IPC, a stream both ways, with dictionaries as it makes them by default.

async function parquetWasm() {
  const version = versionOf('parquet-wasm')
  const wasm = require('parquet-wasm/node')
  const arrow = require('apache-arrow')
  if (job.task === 'write') await writeWithWasm({ wasm, arrow, version })
  else await readWithWasm({ wasm, arrow, version })
}

async function* arrowTables({ wasm, arrow }, { path, columns }) {
  const file = await wasm.ParquetFile.fromFile(await openAsBlob(path))
  const stream = await file.stream({ batchSize: 65_536, ...(columns === undefined ? {} : { columns }) })
  for await (const batch of stream) yield arrow.tableFromIPC(batch.intoIPCStream())
  file.free()
}

async function writeWithWasm({ wasm, arrow, version }) {
  const tables = arrow
    .tableFromIPC(readFileSync(`${job.source}.arrow`))
    .batches.map(batch => new arrow.Table([batch]))
  const codecs = { zstd: 'ZSTD', snappy: 'SNAPPY', gzip: 'GZIP', uncompressed: 'UNCOMPRESSED' }
  const properties = () =>
    new wasm.WriterPropertiesBuilder()
      .setCompression(wasm.Compression[codecs[job.codec]])
      .setWriterVersion(job.pageVersion === 2 ? wasm.WriterVersion.V2 : wasm.WriterVersion.V1)
      .setMaxRowGroupSize(262_144)
      .build()
  await measure({
    heldBytes: arrowBytes(tables),
    prepare: () => rmSync(job.out, { force: true }),
    run: async () => {
      const batches = new ReadableStream({
        pull(controller) {
          const table = tables[this.next++]
          if (table === undefined) return controller.close()
          const held = wasm.Table.fromIPCStream(arrow.tableToIPC(table, 'stream'))
          for (const batch of held.recordBatches()) controller.enqueue(batch)
          held.free()
        },
        next: 0,
      })
      const out = await open(job.out, 'w')
      for await (const bytes of await wasm.transformParquetStream(batches, properties()))
        await out.write(bytes)
      if (job.fsync) await out.sync()
      await out.close()
    },
    inspect: () => ({
      version,
      rows: tables.reduce((sum, table) => sum + table.numRows, 0),
      bytes: statSync(job.out).size,
      codec: job.codec,
      level: 1,
      pageVersion: job.pageVersion,
      notes: 'Arrow batches through IPC, row groups of 262144; its zstd is level 1 always',
    }),
  })
}

async function readWithWasm(libraries) {
  const { version } = libraries
  const request = { path: job.file, columns: job.columns }
  await measureReading(
    { version, notes: 'Arrow batches through IPC' },
    {
      chunks: take => forEach(arrowTables(libraries, request), take),
      rowsOf: table => table.numRows,
      bytesOf: arrowBytes,
      check: addArrow,
    },
  )
}

async function forEach(stream, take) {
  for await (const item of stream) take(item)
}

function arrowBytes(tables) {
  const batches = tables.flatMap(table => table.batches)
  return batches.reduce((sum, batch) => sum + batch.data.byteLength, 0)
}

function addArrow(check, table) {
  check.rows += table.numRows
  for (const { data } of table.batches) {
    for (const [at, { name }] of table.schema.fields.entries()) addArrowData(check, name, data.children[at])
  }
}

function addArrowData(check, name, { length, offset, values, valueOffsets, stride }) {
  if (valueOffsets !== undefined)
    addBytes(check, name, values.subarray(valueOffsets[0], valueOffsets[length]))
  else if (stride === 4) addDecimals(check, name, values.subarray(0, 4 * length))
  else if (offset !== 0) throw new Error('a sliced Arrow column')
  else addValues(check, name, plainWords(values, length))
}

/** Dates and timestamps come as pairs of 32-bit words or as they are. */
function plainWords(values, length) {
  return values.length === length ? values : new BigInt64Array(values.buffer, values.byteOffset, length)
}

// hyparquet: column chunks as arrays of JavaScript values; hyparquet-writer: the same the other way.

const RAW = { dateFromDays: days => days, timestampFromMicroseconds: micros => micros }

async function hyparquet() {
  if (job.task === 'write') await writeWithHyparquet()
  else await readWithHyparquet()
}

async function hyparquetReader() {
  const { asyncBufferFromFile, parquetRead } = await load('hyparquet/src/node.js')
  const { compressors } = await load('hyparquet-compressors/src/index.js')
  return async ({ path, columns, onChunk }) => {
    const file = await asyncBufferFromFile(path)
    await parquetRead({
      file,
      compressors,
      parsers: RAW,
      onChunk,
      ...(columns === undefined ? {} : { columns }),
    })
  }
}

async function readWithHyparquet() {
  const read = await hyparquetReader()
  const first = job.columns?.[0] ?? 'id'
  await measureReading(
    {
      version: versionOf('hyparquet'),
      notes: 'arrays of JavaScript values by column; hyparquet-compressors',
    },
    {
      chunks: take => read({ path: job.file, columns: job.columns, onChunk: take }),
      rowsOf: chunk => (chunk.columnName === first ? chunk.columnData.length : 0),
      check: (check, { columnName, columnData }) => {
        if (columnName === first) check.rows += columnData.length
        addColumn(check, columnName, columnData)
      },
    },
  )
}

async function writeWithHyparquet() {
  const columns = {}
  const read = await hyparquetReader()
  const before = usedBytes()
  await read({
    path: job.source,
    onChunk: ({ columnName, columnData, rowStart }) => {
      columns[columnName] ??= []
      for (let row = 0; row < columnData.length; row++) columns[columnName][rowStart + row] = columnData[row]
    },
  })
  const columnData = Object.keys(TYPES).map(name => ({ name, data: writable(name, columns[name]) }))
  const heldBytes = usedBytes() - before
  const { fileWriter, parquetWrite } = await load('hyparquet-writer/src/node.js')
  const zstd = require('@bokuweb/zstd-wasm')
  await zstd.init()
  const codec = job.codec.toUpperCase()
  const compressors = codec === 'ZSTD' ? { ZSTD: bytes => zstd.compress(bytes, job.level) } : {}
  await measure({
    heldBytes,
    prepare: () => rmSync(job.out, { force: true }),
    run: async () => {
      const writer = fileWriter(job.out)
      await parquetWrite({ writer, columnData, schema: hyparquetSchema(), codec, compressors })
      if (job.fsync) await syncFile(job.out)
    },
    inspect: () => ({
      version: versionOf('hyparquet-writer'),
      rows: columnData[0].data.length,
      bytes: statSync(job.out).size,
      codec: job.codec,
      level: job.level,
      pageVersion: 2,
      notes: 'hyparquet-writer: typed arrays and arrays of strings; zstd of @bokuweb/zstd-wasm',
    }),
  })
}

async function syncFile(path) {
  const file = await open(path, 'r+')
  await file.sync()
  await file.close()
}

function writable(name, values) {
  switch (TYPES[name]) {
    case 'INT32':
    case 'DATE':
      return Int32Array.from(values)
    case 'DOUBLE':
      return Float64Array.from(values)
    case 'DECIMAL':
      return BigInt64Array.from(values, value => BigInt(Math.round(value * 100)))
    case 'UTF8':
      return values
    default:
      return BigInt64Array.from(values)
  }
}

function hyparquetSchema() {
  const elements = {
    INT64: { type: 'INT64' },
    INT32: { type: 'INT32' },
    DECIMAL: { type: 'INT64', converted_type: 'DECIMAL', precision: 15, scale: 2 },
    UTF8: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
    DATE: { type: 'INT32', converted_type: 'DATE' },
    TIMESTAMP: { type: 'INT64', logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' } },
    DOUBLE: { type: 'DOUBLE' },
  }
  const fields = Object.entries(TYPES).map(([name, type], at) => ({
    name,
    field_id: at + 1,
    repetition_type: name === 'id' ? 'REQUIRED' : 'OPTIONAL',
    ...elements[type],
  }))
  return [{ name: 'table', num_children: fields.length }, ...fields]
}

// icebird: an Iceberg table (serac's) as row objects. The npm release reads over HTTP only, so `fetch` is taught the
// file system; it has no call to write a file.

async function icebird() {
  const version = versionOf('icebird')
  if (job.task === 'write') {
    return answer({ version, seconds: null, notes: 'cannot: the npm release has no call that writes rows' })
  }
  globalThis.fetch = fetchFile
  const { icebergRead } = await load('icebird/src/index.js')
  const tableUrl = `file://${job.table}`
  const metadataFileName = readdirSync(join(job.table, 'metadata'))
    .filter(name => name.endsWith('.metadata.json'))
    .sort()
    .at(-1)
  const before = usedBytes()
  await measure({
    run: () => icebergRead({ tableUrl, metadataFileName, rowEnd: job.rows }),
    inspect: rows => {
      const heldBytes = usedBytes() - before
      const check = checkOfRows(rows, job.columns)
      return {
        version,
        rows: rows.length,
        check,
        heldBytes,
        notes: 'row objects, all columns; fetch reads local files',
      }
    },
  })
}

/** Both ways to read: `chunks` calls back with parts; they are kept or dropped. */
async function measureReading(facts, { chunks, rowsOf, bytesOf, check: addTo }) {
  const before = usedBytes()
  let check
  await measure({
    run: async () => {
      const parts = []
      let rows = 0
      const first = check === undefined
      check ??= createCheck()
      await chunks(part => {
        rows += rowsOf(part)
        if (job.mode === 'table') parts.push(part)
        else if (first) addTo(check, part)
      })
      return { parts, rows, first }
    },
    inspect: ({ parts, rows, first }) => {
      if (first) for (const part of parts) addTo(check, part)
      const heldBytes = job.mode === 'table' ? (bytesOf?.(parts) ?? usedBytes() - before) : 0
      return { ...facts, rows, check, heldBytes, parts: parts.length }
    },
  })
}

await { 'parquet-wasm': parquetWasm, hyparquet, icebird }[job.engine]()
