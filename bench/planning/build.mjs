// A table of which only the metadata is there: data files are named and described, and none is written. 16 columns
// with statistics, partitioned by day. `spread`: every manifest has files of every day, so that no manifest is
// skipped and each entry has to be looked at; `clustered`: a manifest has the days of its own.
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const DAYS = 1000
export const FIRST_DAY = 19_000
export const ROWS_PER_FILE = 1000
const FILES_PER_MANIFEST = 10_000

const COLUMNS = [
  ['id', 'long'],
  ['customer_id', 'long'],
  ['status', 'string'],
  ['price', 'double'],
  ['quantity', 'int'],
  ['order_date', 'date'],
  ['ship_date', 'date'],
  ['updated_at', 'timestamp'],
  ['tax', 'double'],
  ['discount', 'double'],
  ['ship_mode', 'string'],
  ['return_flag', 'string'],
  ['supplier_id', 'long'],
  ['part_id', 'long'],
  ['comment', 'string'],
  ['is_open', 'boolean'],
]

export function metadataPath(folder, { files, layout }) {
  return join(folder, `planning-${layout}-${files}`, 'metadata', 'v1.metadata.json')
}

/** Builds the table unless it is there; the path of its metadata file. */
export async function buildTable(folder, table) {
  const path = metadataPath(folder, table)
  if (existsSync(path)) return path
  const target = join(folder, `planning-${table.layout}-${table.files}`)
  const draft = `${target}.draft`
  rmSync(draft, { recursive: true, force: true })
  mkdirSync(join(draft, 'metadata'), { recursive: true })
  await writeTable(draft, target, table)
  renameSync(draft, target)
  return path
}

async function writeTable(draft, target, { files, layout, dist }) {
  const module = name => import(join(dist, name))
  const { writeManifest } = await module('manifest/manifest-write.js')
  const { writeManifestList } = await module('manifest/manifest-list-write.js')
  const { createMemoryIO } = await module('io/memory.js')
  const { applyUpdates } = await module('metadata/apply-update.js')
  const { newTableUpdates } = await module('metadata/new-table.js')
  const { serializeTableMetadata } = await module('metadata/table-metadata-json.js')

  const location = `file://${target}`
  const schema = {
    schemaId: 0,
    fields: COLUMNS.map(([name, kind], index) => ({ id: index + 1, name, required: false, type: { kind } })),
    identifierFieldIds: [],
  }
  const partitionFields = [{ sourceId: 6, name: 'order_date', transform: { kind: 'identity' } }]
  const empty = applyUpdates(
    undefined,
    newTableUpdates({
      schema,
      partitionFields,
      location,
      uuid: '9c12d441-03fe-4693-9a96-a0705ddf69c1',
    }),
    { nowMs: 1_700_000_000_000 },
  )
  const snapshotId = 4_611_686_018_427_387_905n
  const memory = createMemoryIO()
  const save = async name => {
    const where = `${location}/metadata/${name}`
    writeFileSync(join(draft, 'metadata', name), await memory.read(where))
    await memory.delete([where])
    return where
  }
  const manifests = []
  for (let from = 0; from < files; from += FILES_PER_MANIFEST) {
    const name = `m${from / FILES_PER_MANIFEST}.avro`
    const entries = []
    for (let index = from; index < Math.min(files, from + FILES_PER_MANIFEST); index++)
      entries.push({ status: 'added', file: dataFile(index, { files, layout, location }) })
    const where = `${location}/metadata/${name}`
    manifests.push(
      await writeManifest(memory, where, {
        entries,
        spec: empty.partitionSpecs[0],
        schema: empty.schemas[0],
        content: 'data',
        formatVersion: 2,
        snapshotId,
      }),
    )
    await save(name)
  }
  const manifestList = `${location}/metadata/snap.avro`
  await writeManifestList(memory, manifestList, manifests, {
    formatVersion: 2,
    snapshotId,
    parentSnapshotId: undefined,
    sequenceNumber: 1n,
  })
  await save('snap.avro')
  const snapshot = {
    snapshotId,
    sequenceNumber: 1n,
    timestampMs: 1_700_000_000_001,
    manifestList,
    operation: 'append',
    summary: {},
    schemaId: 0,
  }
  const metadata = applyUpdates(
    empty,
    [
      { action: 'add-snapshot', snapshot },
      { action: 'set-snapshot-ref', refName: 'main', ref: { type: 'branch', snapshotId } },
    ],
    { nowMs: 1_700_000_000_001 },
  )
  writeFileSync(join(draft, 'metadata', 'v1.metadata.json'), serializeTableMetadata(metadata))
}

function dataFile(index, { files, layout, location }) {
  const day = FIRST_DAY + (layout === 'spread' ? index % DAYS : Math.floor((index * DAYS) / files))
  const noise = (index * 2_654_435_761) % 2 ** 32
  const counts = new Map()
  const sizes = new Map()
  const nulls = new Map()
  const nans = new Map()
  const lower = new Map()
  const upper = new Map()
  for (const [at, [, kind]] of COLUMNS.entries()) {
    const id = at + 1
    counts.set(id, ROWS_PER_FILE)
    nulls.set(id, id % 3 === 0 ? noise % 50 : 0)
    sizes.set(id, 1000 + ((noise >>> at) % 4000))
    if (kind === 'double') nans.set(id, 0)
    const [low, high] = boundsOf(id, kind, { index, day, noise })
    lower.set(id, low)
    upper.set(id, high)
  }
  return {
    content: 'data',
    location: `${location}/data/order_date=${day}/${String(index).padStart(7, '0')}-${noise.toString(16)}.parquet`,
    format: 'parquet',
    specId: 0,
    partition: [day],
    recordCount: ROWS_PER_FILE,
    fileSizeBytes: 60_000 + (noise % 9000),
    columnSizes: sizes,
    valueCounts: counts,
    nullValueCounts: nulls,
    nanValueCounts: nans,
    lowerBounds: lower,
    upperBounds: upper,
    splitOffsets: [4],
    sortOrderId: 0,
  }
}

function boundsOf(id, kind, { index, day, noise }) {
  const bytes = size => {
    const buffer = new Uint8Array(size)
    return [buffer, new DataView(buffer.buffer)]
  }
  const pair = (size, low, high) =>
    [low, high].map(set => {
      const [buffer, view] = bytes(size)
      set(view)
      return buffer
    })
  switch (kind) {
    case 'long': {
      const low = id === 1 ? index * ROWS_PER_FILE : noise
      const high = id === 1 ? low + ROWS_PER_FILE - 1 : low + 1_000_000
      return pair(
        8,
        view => view.setBigInt64(0, BigInt(low), true),
        view => view.setBigInt64(0, BigInt(high), true),
      )
    }
    case 'timestamp':
      return pair(
        8,
        view => view.setBigInt64(0, BigInt(day) * 86_400_000_000n, true),
        view => view.setBigInt64(0, BigInt(day) * 86_400_000_000n + BigInt(noise), true),
      )
    case 'double':
      return pair(
        8,
        view => view.setFloat64(0, (noise % 1000) / 7, true),
        view => view.setFloat64(0, 1e6 + noise / 3, true),
      )
    case 'int':
    case 'date': {
      const low = kind === 'date' ? day : noise % 50
      return pair(
        4,
        view => view.setInt32(0, low, true),
        view => view.setInt32(0, id === 6 ? low : low + 50, true),
      )
    }
    case 'boolean':
      return [Uint8Array.of(0), Uint8Array.of(1)]
    default: {
      const text = `${noise.toString(36)}-${(index % 97).toString(36)}`
      return [Buffer.from(`a${text}`), Buffer.from(`z${text}`)].map(buffer => new Uint8Array(buffer))
    }
  }
}
