// What summaries print: lines of results in groups, as tables.
import { readFileSync } from 'node:fs'

const NOISE = 1.1

/** Of each comparison (`groupOf` gives its name) of these workloads the lines of its newest run. */
export function newestGroups(results, { prefix, groupOf }) {
  const lines = readFileSync(results, 'utf8')
    .trim()
    .split('\n')
    .map(text => JSON.parse(text))
    .filter(({ workload, samples }) => workload.startsWith(prefix) && samples !== undefined)
  return [...groupBy(lines, groupOf)].map(([name, all]) => {
    const { run } = all.at(-1)
    return { name, run, lines: all.filter(line => line.run === run) }
  })
}

function groupBy(items, keyOf) {
  const groups = new Map()
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item])
  return groups
}

/** Of each comparison of these lines its lines. */
export function groupsOf(lines, groupOf) {
  return [...groupBy(lines, groupOf)].map(([name, all]) => ({ name, run: all.at(-1).run, lines: all }))
}

/** The fastest first; below, what failed or cannot. */
export function printLines(lines, headings, cellsOf) {
  const cells = lines
    .toSorted((a, b) => (a.seconds ?? Number.POSITIVE_INFINITY) - (b.seconds ?? Number.POSITIVE_INFINITY))
    .map(cellsOf)
  const widths = headings.map((heading, at) => Math.max(heading.length, ...cells.map(row => row[at].length)))
  for (const row of [headings, ...cells]) {
    console.log(
      row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]) : cell.padStart(widths[at]))).join('  '),
    )
  }
  for (const { engine, seconds, notes, failures = [] } of lines) {
    if (failures.length > 0) console.log(`  ${engine}, ${failures.length} failed: ${failures[0]}`)
    else if (seconds === null) console.log(`  ${engine}: ${notes}`)
  }
}

export function cellText(value) {
  return value === undefined || value === null ? '-' : String(value)
}

export function secondsText(value) {
  return typeof value === 'number' ? value.toFixed(3) : '-'
}

export function widthText({ workers, threads }) {
  return workers === undefined ? cellText(threads) : workers === 0 ? 'inline' : `${workers} workers`
}

export function runtimeText({ machine }) {
  return machine.split(', ').at(-1).replace('node v', 'node ')
}

/** Nothing is said when others kept the processors busy: a run of its own makes a load of about their number. */
export function goalText({ engine, machine, load }, ratio) {
  if (!engine.startsWith('serac') || ratio === undefined) return ''
  if (load > Number.parseInt(machine, 10) + 1) return 'machine busy'
  return ratio <= 1 ? 'met' : ratio <= NOISE ? 'within noise' : 'missed'
}
