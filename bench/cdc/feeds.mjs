// The changes of bench/cdc.mjs as feeds: lines of Debezium, and blocks as a reader in bytes would make them. Each stops
// the clock while it makes them.
import {
  COLUMNS,
  columnsOf,
  customerOf,
  DELETE,
  INSERT,
  microsOf,
  noteOf,
  statusOf,
  TRANSACTION_ROWS,
  UPDATE,
  unscaledOf,
} from './source.mjs'

const LINES_MAX = 2_000
const BLOCK_ROWS = 10_000

export const tableName = table => `orders_${table}`

/** Debezium's envelope with keys and transaction records, without schemas. */
export async function* debeziumLines(source, { commits, rows, clock }) {
  let number = 0
  let lsn = 1000
  for (let commit = 0; commit < commits; commit++) {
    const changes = clock.stopFor(() => source.change(rows))
    for (let from = 0; from < rows; from += LINES_MAX) {
      const lines = clock.stopFor(() => {
        const texts = []
        for (let at = from; at < Math.min(from + LINES_MAX, rows); at++) {
          const id = `${Math.floor(at / TRANSACTION_ROWS) + commit * rows}:${lsn}`
          if (at % TRANSACTION_ROWS === 0) texts.push(mark('BEGIN', id))
          texts.push(changeLine(changes, { at, lsn, id }))
          lsn += 8
          if ((at + 1) % TRANSACTION_ROWS === 0 || at + 1 === rows) texts.push(mark('END', id))
        }
        return texts
      })
      for (const text of lines) yield { number: ++number, text }
    }
  }
}

function mark(status, id) {
  return JSON.stringify({ topic: 'pg.transaction', key: { id }, value: { status, id, event_count: null } })
}

function changeLine({ tables, kinds, ids, versions }, { at, lsn, id: transaction }) {
  const id = ids[at]
  const version = versions[at]
  const kind = kinds[at]
  const name = tableName(tables[at])
  const after =
    kind === DELETE
      ? 'null'
      : `{"id":${id},"customer":${customerOf(id, version)},"amount":"${(unscaledOf(id, version) / 100).toFixed(2)}","status":"${statusOf(id, version)}","note":"${noteOf(id, version)}","updated_at":"${instant(microsOf(id, version))}"}`
  const before =
    kind === DELETE
      ? `{"id":${id},"customer":0,"amount":"0","status":"","note":"","updated_at":null}`
      : 'null'
  const op = kind === INSERT ? 'c' : kind === UPDATE ? 'u' : 'd'
  return `{"topic":"pg.public.${name}","key":{"id":${id}},"value":{"before":${before},"after":${after},"source":{"version":"3.0.0.Final","connector":"postgresql","name":"pg","ts_ms":1700000000000,"snapshot":"false","db":"shop","sequence":"[\\"${lsn}\\",\\"${lsn}\\"]","schema":"public","table":"${name}","txId":${transaction.split(':')[0]},"lsn":${lsn},"xmin":null},"transaction":{"id":"${transaction}","total_order":1,"data_collection_order":1},"op":"${op}","ts_ms":1700000000123}}`
}

function instant(micros) {
  const seconds = new Date(Math.floor(micros / 1000)).toISOString().slice(0, 19)
  return `${seconds}.${String(micros % 1_000_000).padStart(6, '0')}Z`
}

/** Batches of blocks, a block for each table. */
export async function* feedBatches(source, { commits, rows, clock }) {
  const columns = COLUMNS.map(({ name, type }) => ({ name, type }))
  const keyImage = [columns[0]]
  let position = 1000n
  let line = 0
  for (let commit = 0; commit < commits; commit++) {
    const changes = clock.stopFor(() => source.change(rows))
    for (let from = 0; from < rows; from += BLOCK_ROWS) {
      const to = Math.min(from + BLOCK_ROWS, rows)
      yield clock.stopFor(() => {
        const batch = batchOf(changes, { from, to, line, position, columns, keyImage })
        line += to - from
        position += BigInt(batch.transactions.length) * 64n
        return batch
      })
    }
  }
}

function batchOf(changes, { from, to, line, position, columns, keyImage }) {
  const count = Math.ceil((to - from) / TRANSACTION_ROWS)
  const transactions = Array.from({ length: count }, (_, at) => ({
    position: { kind: 'lsn', lsn: position + BigInt(at) * 64n },
    lastLine: Math.min(line + (at + 1) * TRANSACTION_ROWS, line + to - from),
    events: Math.min(TRANSACTION_ROWS, to - from - at * TRANSACTION_ROWS),
    source: 'pg/shop',
  }))
  const byTable = new Map()
  for (let at = from; at < to; at++) {
    const table = changes.tables[at]
    const places = byTable.get(table)
    if (places === undefined) byTable.set(table, [at])
    else places.push(at)
  }
  const blocks = [...byTable].map(([table, places]) => {
    const ids = Int32Array.from(places, at => changes.ids[at])
    const versions = Int32Array.from(places, at => changes.versions[at])
    const kinds = Uint8Array.from(places, at => changes.kinds[at])
    const gone = places.flatMap((at, row) => (kinds[row] === DELETE ? [changes.ids[at]] : []))
    let old = 0
    return {
      table: { schema: 'public', name: tableName(table) },
      keyColumns: ['id'],
      isWhole: true,
      kinds,
      lines: Float64Array.from(places, at => line + at - from + 1),
      transactions: Uint32Array.from(places, at => Math.floor((at - from) / TRANSACTION_ROWS)),
      rows: image(columns, columnsOf(ids, versions)),
      old: image(keyImage, [columnsOf(Int32Array.from(gone), new Int32Array(gone.length))[0]]),
      oldRows: Int32Array.from(kinds, kind => (kind === DELETE ? old++ : -1)),
    }
  })
  return { transactions, blocks, marks: [] }
}

function image(columns, vectors) {
  return { columns, vectors, unchanged: [], unrepresentable: [] }
}
