/** Well-formed files to start from: every type, encoding, codec and page version that is written here, and Spark's. */
import { readdirSync, readFileSync } from 'node:fs'
import { batchOf } from '../../dist/batch/vector-builder.js'
import { openParquetWriter } from '../../dist/format/parquet/write.js'
import { createMemoryIO } from '../../dist/io/memory.js'
import { createRandom } from './random.mjs'

const text = random => Array.from({ length: random.below(12) }, () => random.pick([...'abcü€𝄞 '])).join('')
const long = random => random.pick([0n, -1n, 2n ** 63n - 1n, -(2n ** 63n), BigInt(random.below(1000))])

/** Types, and a value of each. */
const COLUMNS = [
  [{ kind: 'boolean' }, random => random.chance(0.5)],
  [{ kind: 'int' }, random => random.below(50) - 25],
  [{ kind: 'long' }, long],
  [{ kind: 'float' }, random => Math.fround(random.next())],
  [{ kind: 'double' }, random => random.pick([random.next(), Number.NaN, -0, Number.POSITIVE_INFINITY])],
  [{ kind: 'decimal', precision: 9, scale: 2 }, random => BigInt(random.below(9999)) - 5000n],
  [{ kind: 'decimal', precision: 18, scale: 2 }, random => BigInt(random.below(9999)) * 10_000_000n],
  [{ kind: 'decimal', precision: 38, scale: 2 }, random => BigInt(random.below(9999)) * 10n ** 30n],
  [{ kind: 'date' }, random => random.below(20_000)],
  [{ kind: 'timestamptz' }, random => BigInt(random.below(1_000_000))],
  [{ kind: 'string' }, text],
  [{ kind: 'binary' }, random => random.bytes(random.below(9))],
  [{ kind: 'fixed', lengthBytes: 5 }, random => random.bytes(5)],
  [{ kind: 'uuid' }, random => random.bytes(16)],
]

/** Schemas of a few columns each; `nested` adds lists, maps and structs of them. */
function tableOf(random, nested) {
  const picked = Array.from({ length: 4 }, () => random.pick(COLUMNS))
  const maybe = value => (random.chance(0.2) ? null : value(random))
  const flat = picked.map(([type, value], at) => [
    { id: at + 1, name: `c${at}`, required: false, type },
    () => maybe(value),
  ])
  if (!nested) return flat
  const [element, value] = random.pick(COLUMNS)
  const items = () => Array.from({ length: random.below(4) }, () => maybe(value))
  const list = { kind: 'list', elementId: 11, elementRequired: false, element }
  const map = {
    kind: 'map',
    keyId: 13,
    key: { kind: 'string' },
    valueId: 14,
    valueRequired: false,
    value: element,
  }
  const field = (id, name, type) => ({ id, name, required: false, type })
  const struct = {
    kind: 'struct',
    fields: [field(16, 'x', element), field(17, 'l', { ...list, elementId: 18 })],
  }
  return [
    ...flat.slice(0, 2),
    [field(10, 'list', list), () => maybe(items)],
    [field(12, 'map', map), () => maybe(() => items().map((item, at) => [`k${at}`, item]))],
    [field(15, 'struct', struct), () => maybe(() => [maybe(value), maybe(items)])],
  ]
}

async function write(random, options, nested) {
  const columns = tableOf(random, nested)
  const fields = columns.map(([field]) => field)
  const rows = Array.from({ length: 60 }, () => columns.map(([, value]) => value()))
  const io = createMemoryIO()
  const writer = await openParquetWriter(io, 'memory://f', {
    fields,
    rowGroupRows: 40,
    pageRows: 15,
    ...options,
  })
  await writer.write(batchOf(fields, rows))
  await writer.close()
  return io.read('memory://f')
}

/** Named files; the same ones every time. */
export async function baseFiles() {
  const files = []
  const random = createRandom(20_261_121)
  for (const codec of ['uncompressed', 'zstd', 'snappy', 'gzip', 'lz4_raw', 'brotli']) {
    for (const pageVersion of [1, 2]) {
      for (const dictionaryEnabled of [true, false]) {
        for (const nested of [false, true]) {
          const bloomFilters = new Map([[1, { fpp: 0.1, maxBytes: 64 }]])
          const options = {
            codec,
            pageVersion,
            dictionaryEnabled,
            bloomFilters,
            pageChecksum: random.chance(0.5),
          }
          const name = `${codec} v${pageVersion}${dictionaryEnabled ? ' dictionary' : ''}${nested ? ' nested' : ''}`
          files.push({ name, bytes: await write(random, options, nested) })
        }
      }
    }
  }
  const golden = new URL('../interop/parquet/', import.meta.url)
  for (const name of readdirSync(golden).filter(name => name.endsWith('.parquet'))) {
    const bytes = new Uint8Array(readFileSync(new URL(name, golden)))
    if (bytes.length < 100_000) files.push({ name, bytes })
  }
  return files
}
