// Medians and ratios from results.jsonl: of each comparison its newest run, beside pyarrow on as many threads in that
// run. Figures of different runs are never compared.
import {
  cellText,
  goalText,
  newestGroups,
  printLines,
  runtimeText,
  secondsText,
  widthText,
} from '../shared/print-table.mjs'

const HEADINGS = (
  'engine|threads|runtime|codec|pages|median s|min s|cpu s|of pyarrow|goal|peak MB|over MB|held MB|MB|load|' +
  'runs|commit'
).split('|')

export function printSummary({ results }) {
  for (const { name, run, lines } of newestGroups(results, { prefix: 'parquet-', groupOf })) {
    console.log(`\n${name} (${run})`)
    const base = new Map()
    for (const line of lines) if (line.engine === 'pyarrow') base.set(line.threads, line)
    printLines(lines, HEADINGS, line => cellsOf(line, base.get(line.threads)))
  }
}

function groupOf({ workload, mode, file, columns, table, tableRows, nodes, fsync }) {
  const reading = mode === undefined ? '' : ` to ${mode}, file of ${file}`
  const chosen = columns === undefined ? '' : `, ${columns.join(' ')}`
  return `${workload}${reading}${chosen}: ${table} x ${tableRows}, ${nodes.join(' ')}${fsync ? ', fsync' : ''}`
}

function cellsOf(row, base) {
  const comparable =
    base !== undefined && row.seconds !== null && base.seconds !== null && row.rows === base.rows
  const ratio = comparable ? row.seconds / base.seconds : undefined
  return [
    row.engine,
    widthText(row),
    runtimeText(row),
    row.codec + cellText(row.level),
    `v${row.pageVersion}`,
    secondsText(row.seconds),
    secondsText(row.minSeconds),
    secondsText(row.cpuSeconds),
    ratio === undefined ? '-' : ratio.toFixed(2),
    goalText(row, ratio),
    cellText(row.peakMb),
    cellText(row.overMb),
    cellText(row.heldMb),
    row.bytes === undefined ? '-' : (row.bytes / 1e6).toFixed(0),
    cellText(row.load),
    cellText(row.runs),
    cellText(row.commit),
  ]
}
