// icebird as a peer of bench/writes.mjs: its source, since its npm releases write nothing. Its catalog is files, and a
// commit is the file that nobody else made; like its other users, who bring a store, the bench brings one for local
// files. It syncs nothing.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { measure, readJob, usedBytes } from '../shared/measure.mjs'
import { latencies, timed } from './latencies.mjs'
import { resetWork } from './work-folder.mjs'

const job = readJob()
const load = file => import(pathToFileURL(join(job.icebird, file)).href)
const { version } = JSON.parse(readFileSync(join(job.icebird, 'package.json'), 'utf8'))
const { fileCatalog, icebergAppend, icebergCreateTable, loadLatestFileCatalogMetadata } =
  await load('src/index.js')
const { asyncBufferFromFile, parquetReadObjects } = await load('../node_modules/hyparquet/src/node.js')
const { compressors } = await load('../node_modules/hyparquet-compressors/src/index.js')
const { ByteWriter } = await load('../node_modules/hyparquet-writer/src/index.js')

const pathOf = url => url.replace(/^file:\/\//, '')
const resolver = {
  reader: url => asyncBufferFromFile(pathOf(url)),
  writer: (url, options) => {
    const writer = new ByteWriter()
    writer.finish = () => save(pathOf(url), writer.getBytes(), options?.ifNoneMatch)
    return writer
  },
  deleter: async url => rmSync(pathOf(url), { force: true }),
}
const lister = async url => (existsSync(pathOf(url)) ? readdirSync(pathOf(url)) : [])
const catalog = fileCatalog({ resolver, lister, conditionalCommits: true })
const tableUrl = join(job.work, 'orders')

function save(path, bytes, ifNoneMatch) {
  mkdirSync(dirname(path), { recursive: true })
  try {
    writeFileSync(path, bytes, { flag: ifNoneMatch === undefined ? 'w' : 'wx' })
  } catch (error) {
    throw error.code === 'EEXIST' ? Object.assign(error, { status: 412 }) : error
  }
}

function typeText({ kind, precision, scale }) {
  return kind === 'decimal' ? `decimal(${precision}, ${scale})` : kind
}

const before = usedBytes()
const records = await parquetReadObjects({
  file: await asyncBufferFromFile(job.source),
  compressors,
  rowStart: 0,
  rowEnd: job.task === 'append' ? job.total : 1,
})
const heldBytes = usedBytes() - before
const appendRows = () => icebergAppend({ catalog, tableUrl, resolver, records })

async function append() {
  await appendRows()
  return { notes: `row objects, snappy: it refuses zstd; ${records.length} rows at most fit` }
}

async function commits() {
  const times = []
  for (let commit = 0; commit < job.commits; commit++) times.push(await timed(appendRows))
  return { ...latencies(times), notes: 'file catalog, conditional commits, a store that syncs nothing' }
}

await measure({
  heldBytes,
  longSeconds: job.longSeconds,
  prepare: async () => {
    resetWork(job)
    const fields = job.fields.map(({ id, name, type }) => ({
      id,
      name,
      type: typeText(type),
      required: false,
    }))
    await icebergCreateTable({ catalog, tableUrl, schema: { type: 'struct', 'schema-id': 0, fields } })
  },
  run: { append, commits }[job.task],
  inspect: async facts => {
    const { metadata, metadataFileName } = await loadLatestFileCatalogMetadata({ tableUrl, resolver, lister })
    return {
      version,
      rows: job.task === 'append' ? records.length : job.commits,
      snapshots: metadata.snapshots.length,
      table: { kind: 'iceberg', metadata: join(tableUrl, 'metadata', metadataFileName) },
      ...facts,
    }
  },
})
