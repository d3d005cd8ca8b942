// The orders table of the benchmarks: 16 columns, rows that depend on their number alone. A batch is columns in
// typed arrays, so making rows costs little beside writing them.

const SHIP_MODES = ['AIR', 'FOB', 'MAIL', 'RAIL', 'REG AIR', 'SHIP', 'TRUCK']
const FLAGS = ['A', 'N', 'R']
const STATUS = ['F', 'O']
const WORDS =
  'carefully final deposits sleep quickly across the furious accounts requests wake slyly ironic'.split(' ')
const BATCH_ROWS = 100_000

export const ORDERS_DDL = `id bigint not null, customer_id bigint, part_id bigint, line_number int,
  quantity decimal(15,2), price decimal(15,2), discount decimal(15,2), tax decimal(15,2),
  status string, return_flag string, ship_mode string, order_date date, ship_date date,
  updated_at timestamptz, weight double, comment string`

/** Rows `from` to `to`, or every `step`-th of them; `version` changes all but the id. */
export function* orders(fields, { from = 0, to, step = 1, version = 0 }) {
  for (let first = from; first < to; first += BATCH_ROWS * step) {
    const length = Math.min(BATCH_ROWS, Math.ceil((to - first) / step))
    yield { length, fields, columns: columnsOf(length, row => first + row * step, version) }
  }
}

function columnsOf(length, idOf, version) {
  const mixed = new Uint32Array(length)
  for (let row = 0; row < length; row++) mixed[row] = mix(idOf(row) * 7 + version * 13)
  const longs = of => fixed(length, BigInt64Array, row => BigInt(of(row)))
  const ints = of => fixed(length, Int32Array, of)
  return [
    longs(idOf),
    longs(row => mixed[row] % 150_000),
    longs(row => mix(mixed[row]) % 200_000),
    ints(row => (mixed[row] % 7) + 1),
    ...[5_000, 10_000_000, 11, 9].map((bound, salt) =>
      decimals(length, row => mix(mixed[row] + salt) % bound),
    ),
    ...[STATUS, FLAGS, SHIP_MODES].map((words, salt) =>
      texts(length, row => words[mix(mixed[row] + 31 + salt) % words.length]),
    ),
    ints(row => 8035 + (mixed[row] % 2500)),
    ints(row => 8065 + (mixed[row] % 2500)),
    longs(row => 694_224_000_000_000 + (mixed[row] % 200_000_000) * 1_000_000),
    fixed(length, Float64Array, row => mixed[row] / 1000),
    texts(length, row => {
      const word = mixed[row]
      return `${WORDS[word % 13]} ${WORDS[(word >>> 8) % 13]} ${WORDS[(word >>> 16) % 13]} ${word % 1000}`
    }),
  ]
}

function mix(value) {
  let x = value >>> 0
  x = Math.imul(x ^ (x >>> 16), 0x45d9f3b)
  x = Math.imul(x ^ (x >>> 16), 0x45d9f3b)
  return (x ^ (x >>> 16)) >>> 0
}

function fixed(length, ArrayType, of) {
  const values = new ArrayType(length)
  for (let row = 0; row < length; row++) values[row] = of(row)
  return { layout: 'fixed-width', length, values }
}

function decimals(length, of) {
  const words = new BigInt64Array(length * 2)
  for (let row = 0; row < length; row++) words[2 * row] = BigInt(of(row))
  return { layout: 'decimal', length, words }
}

function texts(length, of) {
  const parts = new Array(length)
  const offsets = new Int32Array(length + 1)
  let end = 0
  for (let row = 0; row < length; row++) {
    const bytes = of(row)
    parts[row] = bytes
    end += bytes.length
    offsets[row + 1] = end
  }
  return { layout: 'var-bytes', length, offsets, bytes: Buffer.from(parts.join(''), 'latin1') }
}
