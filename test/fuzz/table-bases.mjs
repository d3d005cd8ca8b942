/** Well-formed files of golden tables to start from: metadata, manifest lists, manifests, Avro data, Puffin files, bitmaps. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseJson } from '../../dist/base/json.js'
import { systemRuntime } from '../../dist/base/runtime.js'
import { PositionSet } from '../../dist/format/position-set.js'
import { serializeRoaring } from '../../dist/format/roaring.js'
import { createLocalIO } from '../../dist/io/local.js'
import { relocatedIO } from '../../dist/io/relocated.js'
import { readManifestList } from '../../dist/manifest/manifest-list-read.js'
import { readTableMetadata } from '../../dist/metadata/metadata-file.js'
import * as avro from './avro-file.mjs'
import * as puffin from './puffin-file.mjs'
import { createRandom } from './random.mjs'

const GOLDEN = fileURLToPath(new URL('../interop/spark/', import.meta.url))
const BYTES_MAX = 40_000
/** Files of one kind at most: enough to meet everything, few enough that each is met often. */
const FILES_MAX = 24

/** Bases by kind. */
export async function tableBases() {
  const bases = { metadata: [], manifest: [], list: [], data: [], puffin: [], bitmap: bitmaps() }
  const add = (kind, base) => {
    if (bases[kind].length < FILES_MAX) bases[kind].push({ kind, ...base })
  }
  const tables = readdirSync(GOLDEN).filter(name => existsSync(`${GOLDEN}${name}/expected.json`))
  for (const name of tables.sort()) {
    const folder = `${GOLDEN}${name}`
    const { location, metadata: current } = JSON.parse(readFileSync(`${folder}/expected.json`, 'utf8'))
    const io = relocatedIO(createLocalIO({ runtime: systemRuntime }), { from: location, to: folder })
    const bytesOf = async place => {
      const bytes = await io.read(place)
      return bytes.length <= BYTES_MAX ? new Uint8Array(bytes) : undefined
    }
    const metadata = await readTableMetadata(io, `${location}/${current}`)
    const text = await bytesOf(`${location}/${current}`)
    if (text?.[0] === 0x7b) add('metadata', { name, json: parseJson(Buffer.from(text).toString()) })
    const snapshot = metadata.snapshots.at(-1)
    if (snapshot?.manifestList === undefined) continue
    const list = await bytesOf(snapshot.manifestList)
    if (list !== undefined) add('list', { name, parts: avro.takeApart(list) })
    for (const manifest of (await readManifestList(io, snapshot)).slice(-2)) {
      const bytes = await bytesOf(manifest.location)
      if (bytes !== undefined) add('manifest', { name, parts: avro.takeApart(bytes), manifest, metadata })
    }
    for (const place of filesOf(folder)) {
      const bytes = new Uint8Array(readFileSync(place))
      if (bytes.length > BYTES_MAX) continue
      if (place.endsWith('.avro')) add('data', { name, parts: avro.takeApart(bytes) })
      if (/\.(puffin|stats)$/.test(place) && Buffer.from(bytes.subarray(0, 4)).toString() === 'PFA1')
        add('puffin', { name, parts: puffin.takeApart(bytes) })
    }
  }
  return bases
}

/** Data, delete and Puffin files of a table. */
function filesOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => `${entry.parentPath}/${entry.name}`)
    .filter(place => (!place.includes('/metadata/') || /\.stats$/.test(place)) && !place.endsWith('.orc'))
    .sort()
}

/** Bitmaps with array, bitmap and run containers, under one and two keys. */
function bitmaps() {
  const random = createRandom(20_261_121)
  const kinds = {
    sparse: () => Array.from({ length: 50 }, () => random.below(400_000)),
    dense: () => Array.from({ length: 9000 }, (_, at) => at * 7),
    runs: () => Array.from({ length: 3000 }, (_, at) => at + Math.floor(at / 500) * 70_000),
    far: () => [1, 2, 3, 2 ** 32 + 5, 2 ** 32 + 70_000, 2 ** 33],
    none: () => [],
  }
  return Object.entries(kinds).map(([name, positions]) => {
    const set = new PositionSet()
    for (const position of positions()) set.add(position)
    return { kind: 'bitmap', name, bytes: serializeRoaring(set) }
  })
}
