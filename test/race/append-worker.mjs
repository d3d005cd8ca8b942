/**
 * One writer of the append race, a process of its own on the built package:
 * node append-worker.mjs <folder of the lake> <table> <name of the writer> <appends>
 */
import process from 'node:process'
import { connect } from '../../dist/index.js'

const [, , baseFolder, table, writer, appends] = process.argv
const lake = await connect({ baseFolder })
try {
  for (let n = 0; n < Number(appends); n++) await lake.table(table).append([{ writer, n }])
} finally {
  await lake.close()
}
