// Makes the demo's feed out of the captured PostgreSQL feed in test/fixtures/cdc: the tables accounts and
// customers up to checkpoint 3, and the source's true rows there in the command line's JSON form.
// Run it from the project's root: node demo/make.mjs
import { readFileSync, writeFileSync } from 'node:fs'
import { gunzipSync, gzipSync } from 'node:zlib'

const TABLES = ['accounts', 'customers']
const CHECKPOINT = 3
const fixtures = 'test/fixtures/cdc'
const folder = `${fixtures}/checkpoints/${CHECKPOINT}`
const linesOf = path =>
  gunzipSync(readFileSync(path))
    .toString()
    .split('\n')
    .filter(line => line !== '')

const checkpoints = readFileSync(`${fixtures}/checkpoints.jsonl`, 'utf8')
  .trim()
  .split('\n')
  .map(line => JSON.parse(line))
const lsn = checkpoints.find(entry => entry.checkpoint === CHECKPOINT).lsn.split('/')
const end = (BigInt(`0x${lsn[0]}`) << 32n) | BigInt(`0x${lsn[1]}`)

const feed = []
for (const line of linesOf(`${fixtures}/postgres-debezium/debezium.jsonl.gz`)) {
  const { topic, value } = JSON.parse(line)
  const table = topic.split('.').at(-1)
  if (topic !== 'pg.transaction' && !TABLES.includes(table)) continue
  // As text: JSON.parse would round the 64-bit keys.
  feed.push(line.replace(/"__debezium\.context\.[^"]*":"[^"]*",?/g, '').replace(/,\}/g, '}'))
  if (topic === 'pg.transaction' && value.status === 'END' && BigInt(value.id.split(':')[1]) === end) break
}
writeFileSync('demo/feed.jsonl.gz', gzipSync(`${feed.join('\n')}\n`, { level: 9 }))

const meta = JSON.parse(readFileSync(`${folder}/meta.json`, 'utf8'))
const types = Object.fromEntries(TABLES.map(table => [table, meta.tables[table]]))
writeFileSync('demo/types.json', `${JSON.stringify({ tables: types }, null, 1)}\n`)

// bigint: a bare number; instants end in +00:00; all other values of these tables print alike.
const cell = (type, value) => {
  if (value === null) return 'null'
  if (type === 'bigint') return value
  return JSON.stringify(type === 'timestamp with time zone' ? value.replace(/Z$/, '+00:00') : value)
}
for (const table of TABLES) {
  const { columns } = meta.tables[table]
  const rows = linesOf(`${folder}/${table}.jsonl.gz`).map(line => {
    const row = JSON.parse(line)
    return `{${columns.map(({ name, type }) => `${JSON.stringify(name)}:${cell(type, row[name])}`).join(',')}}`
  })
  writeFileSync(`demo/expected-${table}.jsonl`, `${rows.join('\n')}\n`)
}
console.log(`${feed.length} records`)
