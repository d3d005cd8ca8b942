// Medians and ratios from results.jsonl: of each comparison its newest run, beside pyarrow on as many threads in that
// run. Figures of different runs are never compared.
import { readFileSync } from 'node:fs'

const NOISE = 1.1

export function printSummary({ results }) {
  const lines = readFileSync(results, 'utf8')
    .trim()
    .split('\n')
    .map(text => JSON.parse(text))
  const measured = lines.filter(line => line.samples !== undefined)
  for (const [group, all] of groupBy(measured, groupOf)) {
    const { run } = all.at(-1)
    console.log(`\n${group} (${run})`)
    printTable(all.filter(line => line.run === run))
  }
}

function groupBy(items, keyOf) {
  const groups = new Map()
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item])
  return groups
}

function groupOf({ workload, mode, file, columns, table, tableRows, nodes, fsync }) {
  const reading = mode === undefined ? '' : ` to ${mode}, file of ${file}`
  const chosen = columns === undefined ? '' : `, ${columns.join(' ')}`
  return `${workload}${reading}${chosen}: ${table} x ${tableRows}, ${nodes.join(' ')}${fsync ? ', fsync' : ''}`
}

const HEADINGS = (
  'engine|threads|runtime|codec|pages|median s|min s|cpu s|of pyarrow|goal|peak MB|over MB|held MB|MB|load|' +
  'runs|commit'
).split('|')

function printTable(rows) {
  const base = new Map()
  for (const row of rows) if (row.engine === 'pyarrow') base.set(row.threads, row)
  const cells = rows
    .toSorted((a, b) => (a.seconds ?? Number.POSITIVE_INFINITY) - (b.seconds ?? Number.POSITIVE_INFINITY))
    .map(row => cellsOf(row, base.get(row.threads)))
  const widths = HEADINGS.map((heading, at) => Math.max(heading.length, ...cells.map(row => row[at].length)))
  for (const row of [HEADINGS, ...cells]) {
    console.log(
      row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]) : cell.padStart(widths[at]))).join('  '),
    )
  }
  for (const { engine, seconds, notes, failures = [] } of rows) {
    if (failures.length > 0) console.log(`  ${engine}, ${failures.length} failed: ${failures[0]}`)
    else if (seconds === null) console.log(`  ${engine}: ${notes}`)
  }
}

function cellsOf(row, base) {
  const text = value => (value === undefined || value === null ? '-' : String(value))
  const seconds = value => (typeof value === 'number' ? value.toFixed(3) : '-')
  const comparable =
    base !== undefined && row.seconds !== null && base.seconds !== null && row.rows === base.rows
  const ratio = comparable ? row.seconds / base.seconds : undefined
  return [
    row.engine,
    row.workers === undefined ? text(row.threads) : row.workers === 0 ? 'inline' : `${row.workers} workers`,
    row.machine.split(', ').at(-1).replace('node v', 'node '),
    row.codec + text(row.level),
    `v${row.pageVersion}`,
    seconds(row.seconds),
    seconds(row.minSeconds),
    seconds(row.cpuSeconds),
    ratio === undefined ? '-' : ratio.toFixed(2),
    goalText(row, ratio),
    text(row.peakMb),
    text(row.overMb),
    text(row.heldMb),
    row.bytes === undefined ? '-' : (row.bytes / 1e6).toFixed(0),
    text(row.load),
    text(row.runs),
    text(row.commit),
  ]
}

/** Nothing is said when others kept the processors busy: a run of its own makes a load of about their number. */
function goalText({ engine, machine, load }, ratio) {
  if (!engine.startsWith('serac') || ratio === undefined) return ''
  if (load > Number.parseInt(machine, 10) + 1) return 'machine busy'
  return ratio <= 1 ? 'met' : ratio <= NOISE ? 'within noise' : 'missed'
}
