/**
 * Writes a large table with the compiled engine and reads it again, on as many workers as SERAC_WORKER_THREADS says.
 * Prints as JSON how: the digest of the file's statistics and of the rows read, whichever thread decoded them.
 */
import { createHash } from 'node:crypto'
import { plainVector } from '../../dist/batch/take.js'
import { openParquet } from '../../dist/format/parquet/read.js'
import { openParquetWriter } from '../../dist/format/parquet/write.js'
import { createMemoryIO } from '../../dist/io/memory.js'

const LOCATION = 'memory://f.parquet'
const ROWS = 400_000
const WORDS = ['alpha', 'beta', 'gamma', 'delta', 'ünï', '']

const field = (id, name, type, required = false) => ({ id, name, required, type })
const FIELDS = [
  field(1, 'id', { kind: 'long' }, true),
  field(2, 'price', { kind: 'decimal', precision: 15, scale: 2 }),
  field(3, 'word', { kind: 'string' }),
  field(4, 'text', { kind: 'string' }, true),
  field(5, 'weight', { kind: 'double' }, true),
  field(6, 'tags', { kind: 'list', elementId: 7, elementRequired: true, element: { kind: 'int' } }, true),
]

function table() {
  const id = BigInt64Array.from({ length: ROWS }, (_, row) => BigInt(row) * 7919n)
  const words = new BigInt64Array(2 * ROWS)
  const validity = new Uint8Array(ROWS >> 3).fill(0b1110_1111)
  const codes = Int32Array.from({ length: ROWS }, (_, row) => (row * 31) % WORDS.length)
  const texts = Array.from(
    { length: ROWS },
    (_, row) => `row ${row} ${WORDS[row % 6]} ${(row * 2_654_435_761) % 100_003}`,
  )
  for (let row = 0; row < ROWS; row++) words[2 * row] = BigInt((row * 7919) % 1_000_000)
  return {
    length: ROWS,
    fields: FIELDS,
    columns: [
      { layout: 'fixed-width', length: ROWS, values: id },
      { layout: 'decimal', length: ROWS, validity, words },
      { layout: 'dictionary', length: ROWS, codes, dictionary: strings(WORDS) },
      strings(texts),
      {
        layout: 'fixed-width',
        length: ROWS,
        values: Float64Array.from(id, value => Math.sqrt(Number(value))),
      },
      {
        layout: 'list',
        length: ROWS,
        offsets: Int32Array.from({ length: ROWS + 1 }, (_, row) => 2 * row),
        element: {
          layout: 'fixed-width',
          length: 2 * ROWS,
          values: Int32Array.from({ length: 2 * ROWS }, (_, at) => at % 777),
        },
      },
    ],
  }
}

function strings(texts) {
  const parts = texts.map(text => Buffer.from(text))
  const offsets = new Int32Array(texts.length + 1)
  for (const [at, part] of parts.entries()) offsets[at + 1] = offsets[at] + part.length
  return { layout: 'var-bytes', length: texts.length, offsets, bytes: new Uint8Array(Buffer.concat(parts)) }
}

/** Values only, in the order of rows: how vectors are cut and coded is not looked at. */
function addTo(hash, vector, from = 0, to = vector.length) {
  const plain = plainVector(vector)
  for (let row = from; row < to; row++) {
    const present = plain.validity === undefined || (plain.validity[row >> 3] >> (row & 7)) & 1
    if (!present) hash.push('null')
    else if (plain.layout === 'fixed-width') hash.push(plain.values[row])
    else if (plain.layout === 'decimal') hash.push(plain.words[2 * row])
    else if (plain.layout === 'var-bytes') {
      hash.push(
        Buffer.from(plain.bytes.subarray(plain.offsets[row], plain.offsets[row + 1])).toString('latin1'),
      )
    } else addTo(hash, plain.element, plain.offsets[row], plain.offsets[row + 1])
  }
}

const io = createMemoryIO()
const writer = await openParquetWriter(io, LOCATION, { fields: FIELDS, codec: 'zstd', rowGroupRows: 150_000 })
await writer.write(table())
const { sizeBytes, rowCount, columns } = await writer.close()
const file = await openParquet(io, LOCATION)
const digest = createHash('sha256')
let rows = 0
for await (const { firstRow, batch } of file.read({ columns: [0, 1, 2, 3, 4, 5] })) {
  if (firstRow !== rows) throw new Error('rows are out of order')
  rows += batch.length
  for (const vector of batch.columns) {
    const values = []
    addTo(values, vector)
    digest.update(values.join(','))
  }
}
const statistics = [...columns].map(([id, { valueCount, nullCount, lower, upper }]) => [
  id,
  valueCount,
  nullCount,
  `${lower}`,
  `${upper}`,
])
console.log(
  JSON.stringify({
    version: process.version,
    rowCount,
    rows,
    isLarge: sizeBytes > 2 ** 21,
    statistics,
    digest: digest.digest('hex'),
  }),
)
