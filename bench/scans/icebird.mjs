// icebird as a peer of bench/scans.mjs: row objects, by the position of rows. It is loaded from the folder that
// bench/setup.sh fills.
import { readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { fetchFile } from '../shared/fetch-file.mjs'
import { measure, readJob, usedBytes } from '../shared/measure.mjs'
import { checkOfRows } from '../shared/value-checks.mjs'

const job = readJob()
const home = join(job.peers, 'npm/node_modules/icebird')
const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'))
const { icebergRead } = await import(pathToFileURL(join(home, 'src/index.js')).href)
globalThis.fetch = fetchFile

const { metadata, repeats, rowEnd, rowStart } = job
const request = { tableUrl: `file://${dirname(dirname(metadata))}`, metadataFileName: basename(metadata) }
const before = usedBytes()
await measure({
  repeats,
  run: () => icebergRead({ ...request, rowStart, rowEnd }),
  inspect: rows => ({
    version,
    rows: rows.length,
    heldBytes: usedBytes() - before,
    check: checkOfRows(rows),
    notes: `row objects of rows ${rowStart} to ${rowEnd}, all columns: it has no filter; fetch reads local files`,
  }),
})
