// Commits from many writers over real servers, DynamoDB Local and versitygw, beside PyIceberg on the same servers:
//   bash test/services/setup.sh && bench/setup.sh && npm run build && node bench/commits.mjs [options]
//   node bench/commits.mjs --summary        the newest figures of results.jsonl
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { measureClients } from './commits/clients.mjs'
import { openPlaces } from './commits/places.mjs'
import { COMMON_OPTIONS, commonOptions, list } from './shared/options.mjs'
import { newestGroups, printLines } from './shared/print-table.mjs'
import { historyOf, lastOf, median, timesOf } from './shared/result-line.mjs'
import { measureGroups } from './shared/rounds.mjs'

const { values } = parseArgs({
  options: {
    ...COMMON_OPTIONS,
    rounds: { type: 'string', default: '1' },
    table: { type: 'string', default: 'gen' },
    threads: { type: 'string', default: '2' },
    engines: { type: 'string', default: 'serac-dynamodb,serac-rest,pyiceberg-rest,serac-sql,pyiceberg-sql' },
    writers: { type: 'string', default: '1,8,32' },
    tables: { type: 'string', default: '1,20' },
    seconds: { type: 'string', default: '15' },
    processes: { type: 'string', default: '2' },
    store: { type: 'string', default: 'versitygw' },
  },
})
const options = {
  ...commonOptions(values),
  writers: list(values.writers).map(Number),
  tables: list(values.tables).map(Number),
  seconds: Number(values.seconds),
  processes: Number(values.processes),
  store: values.store,
}

if (options.summary) printSummary()
else {
  const folder = join(options.folder, 'commits')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const places = await openPlaces({ ...options, folder })
  try {
    await measureGroups(groups(), {
      options,
      measureOne: variant => measureClients(variant, { places, options }),
      lineOf: resultLine,
      textOf: ({ engine }) => engine,
    })
  } finally {
    await places.close()
    rmSync(folder, { recursive: true, force: true })
  }
  if (options.results !== undefined) printSummary()
}

/** One comparison for each number of writers and of tables: all engines, by turns. */
function groups() {
  return options.tables.flatMap(tables =>
    options.writers.map(writers => ({
      name: 'commits',
      title: `${writers} writers on ${tables} tables`,
      variants: options.engines.map(engine => ({ engine, writers, tables })),
    })),
  )
}

function resultLine({ run, group, variant, samples }) {
  const { writers, tables, engine } = variant
  const middle = name => median(samples.flatMap(sample => sample[name] ?? [])) ?? undefined
  return {
    ...timesOf({ run, samples }),
    workload: group.name,
    engine,
    version: lastOf(samples).version ?? run.commit,
    writers,
    tables,
    processes: options.processes,
    store: options.store,
    commits: middle('commits'),
    perSecond: middle('perSecond'),
    p50Ms: middle('p50Ms'),
    p99Ms: middle('p99Ms'),
    refused: middle('refused'),
    fewest: middle('fewest'),
    most: middle('most'),
    longestMs: middle('longestMs'),
    ...historyOf({ options, run, samples }),
  }
}

function printSummary() {
  const nameOf = ({ writers, tables }) => `${writers} writers on ${tables} tables`
  for (const { name, run, lines } of newestGroups(options.results, { prefix: 'commits', groupOf: nameOf })) {
    console.log(`\n${name}, ${run}`)
    const headings = [
      'engine',
      'commits/s',
      'p50 ms',
      'p99 ms',
      'refused',
      'of a writer',
      'longest ms',
      'load',
    ]
    printLines(lines, headings, line => [
      line.engine,
      ...[
        line.perSecond,
        line.p50Ms,
        line.p99Ms,
        line.refused,
        line.fewest === undefined ? undefined : `${line.fewest} to ${line.most}`,
        line.longestMs,
        line.load,
      ].map(value => `${value ?? '-'}`),
    ])
  }
}
