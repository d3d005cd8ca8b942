/**
 * One writer of the append race, a process of its own on the built package:
 * node append-worker.mjs <folder of the lake> <table> <name of the writer> <appends> [<pause between two, in ms>]
 */
import process from 'node:process'
import { setTimeout as wait } from 'node:timers/promises'
import { connect } from '../../dist/index.js'

const [, , baseFolder, table, writer, appends, pauseMs] = process.argv
const lake = await connect({ baseFolder })
try {
  for (let n = 0; n < Number(appends); n++) {
    await lake.table(table).append([{ writer, n }])
    if (pauseMs !== undefined) await wait(Number(pauseMs))
  }
} finally {
  await lake.close()
}
