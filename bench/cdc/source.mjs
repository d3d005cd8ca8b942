// A database for bench/cdc.mjs: tables of orders, and changes of them at random keys. A row depends on its key and its
// version alone, so the database is an array of versions, and any copy of it can be checked.

export const COLUMNS = [
  { name: 'id', type: { kind: 'long' }, declared: 'bigint' },
  { name: 'customer', type: { kind: 'int' }, declared: 'integer' },
  { name: 'amount', type: { kind: 'decimal', precision: 12, scale: 2 }, declared: 'numeric(12,2)' },
  { name: 'status', type: { kind: 'string' }, declared: 'text' },
  { name: 'note', type: { kind: 'string' }, declared: 'text' },
  { name: 'updated_at', type: { kind: 'timestamptz' }, declared: 'timestamp with time zone' },
]
export const DDL = `id bigint not null, customer int, amount decimal(12,2), status string, note string,
  updated_at timestamptz`

export const INSERT = 0
export const UPDATE = 1
export const DELETE = 2
/** Changes of a source transaction. */
export const TRANSACTION_ROWS = 25

const STATUS = ['new', 'paid', 'sent', 'done']

export const customerOf = (id, version) => (id * 31 + version) % 100_003
export const unscaledOf = (id, version) => (id * 7919 + version * 104_729) % 1_000_000_000
export const statusOf = (id, version) => STATUS[(id + version) % 4]
export const noteOf = (id, version) => `order ${id} of ${customerOf(id, version)}, version ${version}`
export const microsOf = (id, version) => 1_700_000_000_000_000 + version * 1_000_000 + (id % 1_000_000)

/** `tables` tables of `rows` rows each, with ids from 1 and version 1. */
export function createSource({ tables, rows, seed }) {
  const random = randomOf(seed)
  const states = Array.from({ length: tables }, () => newState(rows))
  return {
    states,
    /** The next changes, in transactions of `TRANSACTION_ROWS`. */
    change(count) {
      const changes = {
        tables: new Uint8Array(count),
        kinds: new Uint8Array(count),
        ids: new Int32Array(count),
        versions: new Int32Array(count),
      }
      for (let at = 0; at < count; at++) changeOne(changes, { at, states, random })
      return changes
    },
  }
}

function newState(rows) {
  const versions = new Int32Array(rows + 1).fill(1)
  versions[0] = 0
  return {
    versions,
    live: Int32Array.from({ length: rows }, (_, at) => at + 1),
    liveCount: rows,
    nextId: rows + 1,
  }
}

/** 20 % insert, 60 % update, 20 % delete, at keys of equal chances. */
function changeOne(changes, { at, states, random }) {
  const table = random() % states.length
  const state = states[table]
  const chance = random() % 100
  const kind = chance < 20 || state.liveCount === 0 ? INSERT : chance < 80 ? UPDATE : DELETE
  const place = kind === INSERT ? state.liveCount : random() % state.liveCount
  if (kind === INSERT) {
    state.live = grown(state.live, place)
    state.versions = grown(state.versions, state.nextId)
    state.live[place] = state.nextId++
    state.liveCount++
  }
  const id = state.live[place]
  const version = kind === DELETE ? 0 : state.versions[id] + 1
  state.versions[id] = version
  if (kind === DELETE) state.live[place] = state.live[--state.liveCount]
  changes.tables[at] = table
  changes.kinds[at] = kind
  changes.ids[at] = id
  changes.versions[at] = version
}

function grown(array, at) {
  if (at < array.length) return array
  const larger = new Int32Array(array.length * 2 + 16)
  larger.set(array)
  return larger
}

function randomOf(seed) {
  let state = seed | 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}

/** Columns of rows given by ids and versions; where `version` is 0 there is nothing but an id, or nothing at all. */
export function columnsOf(ids, versions, { withIds = true } = {}) {
  const length = ids.length
  const isRow = row => versions[row] > 0
  const long = of => {
    const values = new BigInt64Array(length)
    const words = new Int32Array(values.buffer)
    for (let row = 0; row < length; row++) {
      const value = of(row)
      words[2 * row] = value | 0
      words[2 * row + 1] = Math.floor(value / 2 ** 32)
    }
    return { layout: 'fixed-width', length, values }
  }
  const customers = Int32Array.from({ length }, (_, row) => customerOf(ids[row], versions[row]))
  const words = new BigInt64Array(2 * length)
  for (let row = 0; row < length; row++) words[2 * row] = BigInt(unscaledOf(ids[row], versions[row]))
  return [
    long(row => (withIds || isRow(row) ? ids[row] : 0)),
    { layout: 'fixed-width', length, values: customers },
    { layout: 'decimal', length, words },
    texts(length, row => (isRow(row) ? statusOf(ids[row], versions[row]) : '')),
    texts(length, row => (isRow(row) ? noteOf(ids[row], versions[row]) : '')),
    long(row => microsOf(ids[row], versions[row])),
  ]
}

const encoder = new TextEncoder()

function texts(length, of) {
  const offsets = new Int32Array(length + 1)
  let bytes = new Uint8Array(length * 48 + 64)
  let end = 0
  for (let row = 0; row < length; row++) {
    if (end + 256 > bytes.length) {
      const larger = new Uint8Array(bytes.length * 2)
      larger.set(bytes)
      bytes = larger
    }
    end += encoder.encodeInto(of(row), bytes.subarray(end)).written
    offsets[row + 1] = end
  }
  return { layout: 'var-bytes', length, offsets, bytes: bytes.subarray(0, end) }
}

/** Compares a table's rows with the database. */
export async function checkTable(table, { versions, liveCount }) {
  const decoder = new TextDecoder()
  let count = 0
  for await (const { length, columns } of table.scan().batches()) {
    count += length
    const [ids, customers, amounts, , notes, times] = columns.map(plain)
    for (let row = 0; row < length; row++) {
      const id = Number(ids.values[row])
      const version = versions[id] ?? 0
      const note = decoder.decode(notes.bytes.subarray(notes.offsets[row], notes.offsets[row + 1]))
      const isRight =
        version > 0 &&
        customers.values[row] === customerOf(id, version) &&
        Number(amounts.words[2 * row]) === unscaledOf(id, version) &&
        note === noteOf(id, version) &&
        Number(times.values[row]) === microsOf(id, version)
      if (!isRight) throw new Error(`${table.name}: row ${id} is not that of the database: ${note}`)
    }
  }
  if (count !== liveCount) throw new Error(`${table.name} has ${count} rows, the database ${liveCount}`)
}

function plain(vector) {
  if (vector.layout !== 'dictionary') return vector
  const { codes, dictionary, length } = vector
  if (dictionary.layout === 'var-bytes') {
    const at = row =>
      dictionary.bytes.subarray(dictionary.offsets[codes[row]], dictionary.offsets[codes[row] + 1])
    const offsets = new Int32Array(length + 1)
    for (let row = 0; row < length; row++) offsets[row + 1] = offsets[row] + at(row).length
    const bytes = new Uint8Array(offsets[length])
    for (let row = 0; row < length; row++) bytes.set(at(row), offsets[row])
    return { layout: 'var-bytes', length, offsets, bytes }
  }
  if (dictionary.layout === 'decimal') {
    const words = new BigInt64Array(length * 2)
    for (let row = 0; row < length; row++) words[2 * row] = dictionary.words[2 * codes[row]]
    return { layout: 'decimal', length, words }
  }
  return {
    ...dictionary,
    length,
    values: dictionary.values.constructor.from(codes, code => dictionary.values[code]),
  }
}
