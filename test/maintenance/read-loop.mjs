/**
 * A reader of the looping readers, a process of its own on the built package:
 * node read-loop.mjs <folder of the lake> <table> <rows> <file that ends it>
 * Prints the versions that it saw.
 */
import { existsSync } from 'node:fs'
import process from 'node:process'
import { connect } from '../../dist/index.js'

const [, , baseFolder, table, rows, stop] = process.argv
const lake = await connect({ baseFolder })
const seen = []
try {
  do {
    const parts = new Set()
    const versions = new Set()
    for await (const row of lake.table(table).scan({ concurrency: 2 }).rows()) {
      parts.add(row.part)
      versions.add(row.version)
    }
    if (parts.size !== Number(rows) || versions.size !== 1)
      throw new Error(`${parts.size} rows of versions ${[...versions]}`)
    seen.push(...versions)
  } while (!existsSync(stop))
} finally {
  await lake.close()
}
process.stdout.write(JSON.stringify(seen))
