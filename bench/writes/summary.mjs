// Medians, ratios and goals: of each comparison its newest run, beside the fastest peer that did as much in that run.
// Figures of different runs are never compared.
import {
  cellText,
  groupsOf,
  newestGroups,
  printLines,
  runtimeText,
  secondsText,
  widthText,
} from '../shared/print-table.mjs'
import { isSerac } from '../shared/rounds.mjs'
import { goalTexts } from './goals.mjs'

const HEADINGS =
  'engine|style|fsync|threads|runtime|median s|min s|first s|cpu s|of best peer|per s|p50 ms|p99 ms|snapshots|peak MB|over MB|held MB|written MB|rows|load|runs|commit'.split(
    '|',
  )

export function printSummary({ results }) {
  for (const group of newestGroups(results, { prefix: 'write-', groupOf })) printGroup(group)
}

/** The lines of one run. */
export function printTables(lines) {
  for (const group of groupsOf(lines, groupOf)) printGroup(group)
}

function groupOf({ workload, table, tableRows, nodes }) {
  return `${workload}: ${table} x ${tableRows}, ${nodes.join(' ')}`
}

function printGroup({ name, run, lines }) {
  console.log(`\n${name} (${run})`)
  const used = HEADINGS.map((_, at) => lines.some(line => cellsOf(line, lines)[at] !== '-'))
  const chosen = cells => cells.filter((_, at) => used[at])
  printLines(lines, chosen(HEADINGS), line => chosen(cellsOf(line, lines)))
  for (const text of goalTexts(lines)) console.log(text)
}

function cellsOf(line, lines) {
  const best = bestPeer(lines, line.rows)
  const ratio = best === undefined || line.seconds === null ? undefined : line.seconds / best.seconds
  return [
    line.engine,
    cellText(line.style),
    line.fsync === undefined ? '-' : line.fsync ? 'on' : 'off',
    widthText(line),
    runtimeText(line),
    secondsText(line.seconds),
    secondsText(line.minSeconds),
    line.warm === false ? 'same' : secondsText(line.firstSeconds),
    secondsText(line.cpuSeconds),
    ratio === undefined ? '-' : ratio.toFixed(3),
    cellText(line.perSecond),
    cellText(line.p50Ms),
    cellText(line.p99Ms),
    line.p50Ms === undefined ? '-' : cellText(line.snapshots),
    cellText(line.peakMb),
    cellText(line.overMb),
    cellText(line.heldMb),
    line.writtenBytes === undefined ? '-' : (line.writtenBytes / 1e6).toFixed(1),
    cellText(line.rows),
    cellText(line.load),
    cellText(line.runs),
    cellText(line.commit),
  ]
}

function bestPeer(lines, rows) {
  const peers = lines.filter(line => !isSerac(line.engine) && line.seconds !== null && line.rows === rows)
  return peers.toSorted((a, b) => a.seconds - b.seconds)[0]
}
