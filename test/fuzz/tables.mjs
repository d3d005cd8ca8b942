/** Reads broken metadata, manifests, Avro data and Puffin files, many of them; README.md beside this file says how. */
import { deflateRawSync, gzipSync } from 'node:zlib'
import { stringifyJson } from '../../dist/base/json.js'
import { readAvroContainer } from '../../dist/format/avro-container.js'
import { openAvroData } from '../../dist/format/avro-data/avro-file.js'
import { parseDeletionVector } from '../../dist/format/deletion-vector.js'
import { parsePuffin, puffinBlobBytes } from '../../dist/format/puffin.js'
import { parseRoaring, serializeRoaring } from '../../dist/format/roaring.js'
import { createMemoryIO } from '../../dist/io/memory.js'
import { parseManifestList } from '../../dist/manifest/manifest-list-read.js'
import { parseManifest } from '../../dist/manifest/manifest-read.js'
import { currentSchema } from '../../dist/metadata/lookup.js'
import { readTableMetadata } from '../../dist/metadata/metadata-file.js'
import { parseTableMetadata, serializeTableMetadata } from '../../dist/metadata/table-metadata-json.js'
import * as avro from './avro-file.mjs'
import { runFuzz } from './harness.mjs'
import { brokenBytes, brokenJson } from './mutate.mjs'
import * as puffin from './puffin-file.mjs'
import { tableBases } from './table-bases.mjs'

const LOCATION = 'memory://fuzz'
/** Rows after which a file that claims very many has said enough. */
const ROWS_MAX = 200_000

// ---- breaking

/** Blocks that are much larger when they are unpacked. */
const ZEROS = [10, 1e5, 1.5e6].map(length => new Uint8Array(deflateRawSync(Buffer.alloc(length))))
const textBytes = json => new Uint8Array(Buffer.from(stringifyJson(json)))
const times = (random, count, change, value) => {
  let changed = value
  for (let left = 1 + random.below(count); left > 0; left--) changed = change(random, changed)
  return changed
}

/** Text with one value of it wrapped many times over: parsers must not follow it down without a limit. */
function nested(random, text) {
  const depth = random.pick([50, 500, 5000, 100_000])
  const [open, close] = random.pick([
    ['[', ']'],
    ['{"type":', '}'],
  ])
  const at = text.indexOf(random.pick(['"', '[', '{']), random.below(text.length))
  return `${text.slice(0, at)}${open.repeat(depth)}1${close.repeat(random.chance(0.8) ? depth : 0)}${text.slice(at)}`
}

const BREAKS = {
  metadata: {
    bytes: (random, { json }) => brokenBytes(random, textBytes(json)),
    value: (random, { json }) => textBytes(times(random, 3, brokenJson, json)),
    nesting: (random, { json }) => new Uint8Array(Buffer.from(nested(random, stringifyJson(json)))),
    gzip: (random, { json }) => {
      const packed = new Uint8Array(gzipSync(stringifyJson(json)))
      return random.chance(0.5)
        ? brokenBytes(random, packed)
        : new Uint8Array(gzipSync(brokenBytes(random, textBytes(json))))
    },
  },
  avro: {
    bytes: (random, { parts }) => brokenBytes(random, avro.putTogether(parts)),
    schema: (random, { parts }) => {
      const header = new Map(parts.header)
      const schema = JSON.parse(header.get('avro.schema'))
      header.set('avro.schema', stringifyJson(times(random, 3, brokenJson, schema)))
      return avro.putTogether({ ...parts, header })
    },
    header: (random, { parts }) => {
      const header = new Map(parts.header)
      const key = random.pick([...header.keys()])
      const text = header.get(key)
      const isJson = /^[[{]/.test(text)
      if (random.chance(0.2)) header.delete(key)
      else if (isJson && random.chance(0.1)) header.set(key, nested(random, text))
      else if (isJson) header.set(key, stringifyJson(brokenJson(random, JSON.parse(text))))
      else
        header.set(key, random.pick(['', '0', '1', '3', '-1', '99', 'bzip2', 'deletes', 'data', `${text}x`]))
      return avro.putTogether({ ...parts, header })
    },
    body: (random, { parts }) =>
      avro.putTogether({
        ...parts,
        blocks: withOne(random, parts.blocks, block => ({
          ...block,
          body: times(random, 3, brokenBytes, block.body),
        })),
      }),
    counts: (random, { parts }) => {
      const number = () => random.pick([0, -1, 1, 1000, 2 ** 31, 2 ** 40, 2 ** 53])
      if (random.chance(0.3)) return avro.putTogether(parts, { lengths: () => number() })
      const blocks = withOne(random, parts.blocks, block => ({ ...block, count: number() }))
      return avro.putTogether({ ...parts, blocks })
    },
    codec: (random, { parts }) => {
      const header = new Map(parts.header).set('avro.codec', 'deflate')
      const blocks = [{ count: random.pick([1, 1e6, 1e9]), body: random.pick(ZEROS) }]
      return avro.putTogether({ ...parts, header, blocks, codec: 'null' })
    },
  },
  puffin: {
    bytes: (random, { parts }) => brokenBytes(random, puffin.putTogether(parts)),
    footer: (random, { parts }) =>
      puffin.putTogether(
        { ...parts, footer: times(random, 2, brokenJson, parts.footer) },
        random.chance(0.7),
      ),
    blob: (random, { parts }) =>
      puffin.putTogether({
        ...parts,
        blobs: withOne(random, parts.blobs, blob => brokenVector(random, blob)),
      }),
    nesting: (random, { parts }) => {
      const whole = puffin.putTogether(parts)
      const deep = nested(random, stringifyJson(parts.footer))
      const trailer = Buffer.alloc(8)
      trailer.writeUInt32LE(Buffer.byteLength(deep))
      return new Uint8Array(
        Buffer.concat([
          whole.subarray(0, 4),
          Buffer.from('PFA1'),
          Buffer.from(deep),
          trailer,
          Buffer.from('PFA1'),
        ]),
      )
    },
  },
  bitmap: {
    bytes: (random, { bytes }) => puffin.framed(times(random, 2, brokenBytes, bytes)),
    claims: (random, { bytes }) => {
      const copy = Uint8Array.from(bytes)
      const view = new DataView(copy.buffer)
      const at = random.below(Math.max(1, Math.min(copy.length - 4, 40)))
      view.setUint32(
        at,
        random.pick([0, 1, 12346, 12347, 0xffff303b, 65_535, 65_536, 2 ** 31, 0xffffffff]),
        true,
      )
      return puffin.framed(copy)
    },
    runs: random => puffin.framed(manyRuns(random)),
  },
}

function withOne(random, list, change) {
  if (list.length === 0) return list
  const at = random.below(list.length)
  return list.map((item, index) => (index === at ? change(item) : item))
}

/** A vector whose bitmap is broken and whose checksum is right, most of the time. */
function brokenVector(random, blob) {
  if (blob.length < 12 || random.chance(0.2)) return brokenBytes(random, blob)
  return puffin.framed(times(random, 2, brokenBytes, puffin.unframed(blob)))
}

/** Few bytes that stand for very many positions: containers of one full run each. */
function manyRuns(random) {
  const containers = 1 + random.pick([10, 1000, 20_000])
  const flags = Math.ceil(containers / 8)
  const bytes = Buffer.alloc(8 + 4 + 4 + flags + containers * (4 + 4 + 6))
  let at = bytes.writeUInt32LE(random.pick([1, 1, 2]), 0) + 4
  at = bytes.writeUInt32LE(0, at)
  at = bytes.writeUInt32LE(12_347 + (containers - 1) * 65_536, at)
  bytes.fill(0xff, at, at + flags)
  at += flags
  for (let high = 0; high < containers; high++) {
    at = bytes.writeUInt16LE(high, at)
    at = bytes.writeUInt16LE(0xffff, at)
  }
  at += containers * 4
  const end = random.pick([0, 5000, 0xffff])
  for (let high = 0; high < containers; high++) {
    at = bytes.writeUInt16LE(1, at)
    at = bytes.writeUInt16LE(0, at)
    at = bytes.writeUInt16LE(end, at)
  }
  return new Uint8Array(bytes)
}

const BREAKS_OF = {
  metadata: BREAKS.metadata,
  list: BREAKS.avro,
  manifest: BREAKS.avro,
  data: BREAKS.avro,
  puffin: BREAKS.puffin,
  bitmap: BREAKS.bitmap,
}
/** Breaks that are rare, for they cost much and say little each time. */
const RARE = new Set(['nesting', 'codec', 'runs'])

function breakOne(random, base) {
  const breaks = BREAKS_OF[base.kind]
  const names = Object.keys(breaks).filter(name => !RARE.has(name) || random.chance(0.05))
  const name = random.pick(names)
  return { kind: `${base.kind} ${name}`, bytes: breaks[name](random, base) }
}

// ---- reading

const READS = {
  async metadata({ bytes, past }) {
    const io = createMemoryIO()
    await io.write(LOCATION, bytes)
    if (isJson(bytes)) past()
    const table = await readTableMetadata(io, LOCATION)
    past()
    for (const list of [table.snapshots, table.snapshotLog, table.metadataLog, table.statistics]) {
      for (const item of list) if (item === undefined) throw new Error('a list with holes')
    }
    currentSchema(table)
    parseTableMetadata(serializeTableMetadata(table))
  },
  async list({ bytes, past }) {
    readAvroContainer(bytes, { location: LOCATION })
    past()
    parseManifestList(bytes, { location: LOCATION })
  },
  async manifest({ bytes, base, random, past }) {
    readAvroContainer(bytes, { location: LOCATION })
    past()
    const { metadata, manifest } = base
    const options = {
      specs: metadata.partitionSpecs,
      schemas: metadata.schemas,
      schema: currentSchema(metadata),
    }
    const withStatistics = random.pick([true, false, new Set([1, 2])])
    parseManifest(bytes, manifest, { ...options, withStatistics })
  },
  async data({ bytes, random, past }) {
    const io = createMemoryIO()
    await io.write(LOCATION, bytes)
    const file = await openAvroData(io, LOCATION)
    past()
    const all = file.fields.map((_, at) => at)
    const columns = random.chance(0.1) ? [] : all.filter(() => random.chance(0.8))
    let rows = 0
    for await (const { batch } of file.read({ columns })) {
      rows += batch.length
      if (rows > ROWS_MAX) return
    }
  },
  async puffin({ bytes, past }) {
    const file = parsePuffin(bytes, { location: LOCATION })
    past()
    for (const blob of file.blobs) {
      const content = puffinBlobBytes(bytes, blob, { location: LOCATION })
      if (blob.type === 'deletion-vector-v1') useVector(content)
    }
  },
  async bitmap({ bytes, past }) {
    past()
    useVector(bytes)
  },
}

function useVector(bytes) {
  const set = parseDeletionVector(bytes, { location: LOCATION })
  // Written, a bitmap has a part for every key up to the largest.
  if (set.cardinality > 100_000 || (set.toArray().at(-1) ?? 0) > 2 ** 40) return
  const again = parseRoaring(serializeRoaring(set))
  if (again.cardinality !== set.cardinality) throw new Error('a bitmap that changes when it is written')
}

function isJson(bytes) {
  try {
    JSON.parse(Buffer.from(bytes).toString())
    return true
  } catch {
    return false
  }
}

const WHOLE = {
  metadata: base => textBytes(base.json),
  list: base => avro.putTogether(base.parts),
  manifest: base => avro.putTogether(base.parts),
  data: base => avro.putTogether(base.parts),
  puffin: base => puffin.putTogether(base.parts),
  bitmap: base => puffin.framed(base.bytes),
}

const bases = await tableBases()
// Kinds are met equally often, however many files there are of each.
const kinds = Object.values(bases).filter(list => list.length > 0)
const most = Math.max(...kinds.map(list => list.length))
await runFuzz({
  bases: kinds.flatMap(list => Array.from({ length: most }, (_, at) => list[at % list.length])),
  break: breakOne,
  whole: base => WHOLE[base.kind](base),
  read: given => READS[given.base.kind](given),
  covered:
    /^(format\/avro|format\/puffin|format\/roaring|format\/deletion-vector|manifest\/(manifest-(list-)?read|entry-)|metadata\/(table-metadata|snapshot|statistics|metadata-file)|schema\/.*-json)/,
})
