// Medians and ratios from results.jsonl: of each comparison its newest run, beside the fastest peer that gave the same
// rows in that run. Figures of different runs are never compared.
import {
  cellText,
  goalText,
  newestGroups,
  printLines,
  runtimeText,
  secondsText,
  widthText,
} from '../shared/print-table.mjs'
import { isSerac } from '../shared/rounds.mjs'

const HEADINGS =
  'engine|threads|runtime|median s|min s|first s|cpu s|of best peer|goal|peak MB|over MB|held MB|rows|read MB|load|runs|commit'.split(
    '|',
  )

export function printSummary({ results }) {
  for (const { name, run, lines } of newestGroups(results, { prefix: 'scan-', groupOf })) {
    console.log(`\n${name} (${run})`)
    printLines(lines, HEADINGS, line => cellsOf(line, bestPeer(lines, line.rows)))
  }
}

function groupOf({ workload, mode, columns, snapshots, tableBy, table, tableRows, nodes }) {
  const chosen = columns === undefined ? '' : `, ${columns.join(' ')}`
  const kept = snapshots === undefined ? '' : `, first of ${snapshots}`
  return `${workload} to ${mode}${chosen}${kept}, table of ${tableBy}: ${table} x ${tableRows}, ${nodes.join(' ')}`
}

function bestPeer(lines, rows) {
  const peers = lines.filter(line => !isSerac(line.engine) && line.seconds !== null && line.rows === rows)
  return peers.toSorted((a, b) => a.seconds - b.seconds)[0]
}

function cellsOf(row, best) {
  const ratio = best === undefined || row.seconds === null ? undefined : row.seconds / best.seconds
  return [
    row.engine,
    widthText(row),
    runtimeText(row),
    secondsText(row.seconds),
    secondsText(row.minSeconds),
    secondsText(row.firstSeconds),
    secondsText(row.cpuSeconds),
    ratio === undefined ? '-' : ratio.toFixed(2),
    goalText(row, ratio),
    cellText(row.peakMb),
    cellText(row.overMb),
    cellText(row.heldMb),
    cellText(row.rows),
    row.readBytes === undefined ? '-' : (row.readBytes / 1e6).toFixed(1),
    cellText(row.load),
    cellText(row.runs),
    cellText(row.commit),
  ]
}
