/**
 * One of the eight writers, a process of its own on the built package. Its journal says, before and behind every step,
 * what it does and under which uuids it writes, so that whoever finds a file knows whose it is:
 *
 *   node race-writer.mjs <folder of the lake> <writer> <generation> <journal> <until: ms since 1970> <commits at most>
 */
import { appendFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { connect, isLakeError, systemRuntime } from '../../dist/index.js'
import { doStep, OVER_FILE, TABLE } from './race-steps.mjs'

const [, , baseFolder, writer, generation, journal, untilMs, commitsMax] = process.argv
const note = entry => appendFileSync(journal, `${JSON.stringify({ ...entry, at: Date.now() })}\n`)
const noted = uuid => {
  note({ uuid })
  return uuid
}
const runtime = {
  ...systemRuntime,
  uuid: () => noted(systemRuntime.uuid()),
  orderedUuid: () => noted(systemRuntime.orderedUuid()),
}
const lake = await connect({ baseFolder, runtime, fsync: process.env.RACE_FSYNC !== 'off' })
const table = lake.table(TABLE)
let commits = 0
note({ up: true })
try {
  for (let number = 0; Date.now() < Number(untilMs) && commits < Number(commitsMax); number++) {
    const name = `${writer}.${generation}.${number}`
    note({ begin: name })
    const fate = await fateOf(name)
    note({ end: name, fate })
    if (fate === 'committed') commits++
    if (fate !== 'unchanged') continue
    if (existsSync(join(baseFolder, OVER_FILE))) break
    // Whoever has nothing to do lets the others go on.
    await systemRuntime.sleep(100)
  }
} finally {
  await lake.close()
}

async function fateOf(name) {
  try {
    return (await doStep(table, name)) ? 'committed' : 'unchanged'
  } catch (error) {
    if (isLakeError(error, 'conflict')) return 'refused'
    if (isLakeError(error, 'commit-state-unknown')) return 'unknown'
    note({ failed: name, error: `${error?.stack} ${JSON.stringify(error?.context)} ${error?.cause?.stack}` })
    return 'failed'
  }
}
