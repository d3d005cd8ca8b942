/**
 * A writer of `kill.test.ts`, a process of its own on the built package, in a lake behind fault proxies:
 *
 *   node kill-writer.mjs <JSON: { engine, connect, writer, journal, steps, tables, keyed }>
 *
 * Its steps follow from its number. The journal says what was begun and what was acknowledged; a step that was begun and not
 * acknowledged - its process was killed, its answer lost, its commit refused - is asked for again, under the same token.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { stepOf } from './kill-steps.mjs'

const { engine, connect: connectOptions, writer, journal, steps, tables, keyed } = JSON.parse(process.argv[2])
const { connect, isLakeError } = await import(pathToFileURL(`${engine}/index.js`).href)
/** Failures of one step, one behind the other: the faults are rare, so these are not chance any more. */
const FAILURES_MAX = 40

const note = entry => appendFileSync(journal, `${JSON.stringify(entry)}\n`)
// A line that was cut off by a kill stays on a line of its own.
if (existsSync(journal)) appendFileSync(journal, '\n')
const lake = await connect(connectOptions)
for (let number = acknowledged(); number < steps; number++) {
  const step = stepOf({ writer, number, tables, keyed })
  for (let failures = 0; ; failures++) {
    note({ begin: step.name })
    const fate = await fateOf(step)
    note({ end: step.name, ...fate })
    if (fate.fate === 'committed' || fate.fate === 'replayed') break
    if (failures === FAILURES_MAX) throw new Error(`${step.name} failed for the last time: ${fate.error}`)
    await wait(20)
  }
}
await lake.close()

/** Steps are done in turn, so their number says which is next. */
function acknowledged() {
  if (!existsSync(journal)) return 0
  const lines = readFileSync(journal, 'utf8').split('\n')
  return lines.filter(line => /"fate":"(committed|replayed)"}$/.test(line)).length
}

async function fateOf(step) {
  try {
    return { fate: (await doStep(step)).replayed ? 'replayed' : 'committed' }
  } catch (error) {
    const kind = isLakeError(error) ? error.kind : 'no kind'
    const text = `${error?.message} ${JSON.stringify(error?.context)}; ${error?.cause?.message ?? ''}`
    return { fate: 'failed', kind, error: text }
  }
}

function doStep({ verb, name, number, tables, rows }) {
  const [table] = tables
  const once = { stream: `${verb}-${writer}`, token: name, position: number }
  switch (verb) {
    case 'append':
      return lake.table(table).append(rows, { once })
    case 'upsert':
      return lake.table(table).upsert(rows, { once })
    case 'together':
      return lake.transaction(tables, tx => Promise.all(tables.map(each => tx.table(each).append(rows))), {
        once,
      })
  }
}
