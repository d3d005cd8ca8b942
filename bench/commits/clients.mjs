// One measurement: writers, spread over some processes, append small batches for a while. What they say was committed is
// what the tables hold, or the sample is a failure.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { isSerac } from '../shared/rounds.mjs'

/** Rows of an append. */
const ROWS = 10
const WARM_SECONDS = 3

let measurements = 0

export async function measureClients({ engine, writers, tables: count }, { places, options }) {
  const { owner, client } = places.of(engine)
  const namespace = `bench${measurements++}`
  const tables = Array.from({ length: count }, (_, at) => `${namespace}.t${at}`)
  for (const name of tables)
    await owner.createTable(name, 'id bigint, v string', { formatVersion: 2, properties: PROPERTIES })
  const processes = Math.min(options.processes, writers)
  const children = Array.from({ length: processes }, (_, process) =>
    startClient(engine, options, {
      client,
      rows: ROWS,
      writers: Array.from({ length: writers }, (_, writer) => ({
        writer,
        table: tables[writer % count],
      })).filter(({ writer }) => writer % processes === process),
      warmSeconds: WARM_SECONDS,
      seconds: options.seconds,
    }),
  )
  const answers = await Promise.all(children.map(answerOf))
  await checkTables(owner, tables, answers)
  const latencies = answers.flatMap(({ latenciesMs }) => latenciesMs).sort((a, b) => a - b)
  const writersOf = answers.flatMap(({ perWriter }) => perWriter)
  const inTime = answers.reduce((sum, answer) => sum + answer.inTime, 0)
  return {
    seconds: options.seconds,
    version: answers[0].version,
    commits: inTime,
    perSecond: Number((inTime / options.seconds).toFixed(1)),
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    refused: answers.reduce((sum, { refused }) => sum + refused, 0),
    fewest: Math.min(...writersOf.map(({ commits }) => commits)),
    most: Math.max(...writersOf.map(({ commits }) => commits)),
    longestMs: Number(Math.max(...writersOf.map(({ longestMs }) => longestMs)).toFixed(0)),
    peakMb: 0,
    cpuSeconds: answers.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
    runtime: answers[0].runtime,
  }
}

/** Contention is what is measured: nobody gives up early. */
const PROPERTIES = {
  'commit.retry.num-retries': '100',
  'commit.retry.min-wait-ms': '20',
  'commit.retry.max-wait-ms': '2000',
}

function startClient(engine, { python, dist }, work) {
  const [command, script] = isSerac(engine)
    ? [process.execPath, 'serac-client.mjs']
    : [python, 'pyiceberg_client.py']
  const given = JSON.stringify({ ...work, dist })
  return spawn(command, [join(import.meta.dirname, script), given], { stdio: ['ignore', 'pipe', 'pipe'] })
}

/** @throws with what it said last */
async function answerOf(child) {
  const said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'])
    child[name].on('data', chunk => {
      said[name] += chunk
    })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(said.stderr.slice(-1000))
  return JSON.parse(said.stdout)
}

async function checkTables(owner, tables, answers) {
  let found = 0
  for (const name of tables) found += Number(await owner.table(name).scan().count())
  const acknowledged = ROWS * answers.reduce((sum, answer) => sum + answer.acknowledged, 0)
  const doubted = ROWS * answers.reduce((sum, answer) => sum + answer.doubted, 0)
  if (found < acknowledged || found > acknowledged + doubted)
    throw new Error(`${found} rows for ${acknowledged} acknowledged ones, ${doubted} in doubt`)
}

function quantile(sorted, share) {
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
  return value === undefined ? undefined : Number(value.toFixed(1))
}
