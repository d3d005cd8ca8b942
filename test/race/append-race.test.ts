/** Processes that append to one table at the same time: serac's, and PyIceberg's beside them where it is there. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect, type Lake } from '../../src/index.js'
import { judgeIsHere, pythonOf } from '../judges/judge.js'

const run = promisify(execFile)
const WRITERS = ['a', 'b', 'c', 'd']
const APPENDS = 25
const TABLE = 'race.appends'
/** Outside of CI nobody sleeps long after a lost race, so that the test is short. */
const patience = process.env.CI === 'true' ? {} : { 'commit.retry.max-wait-ms': '2000' }

let cwd: string
let lake: Lake
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'serac-race-'))
  lake = await connect({ baseFolder: cwd })
})
afterEach(async () => {
  await lake.close()
  await rm(cwd, { recursive: true, force: true })
})

describe('processes that append at the same time', () => {
  const withPyIceberg = judgeIsHere('pyiceberg')
  const others = withPyIceberg ? ['pyiceberg'] : []

  it(`lose and double nothing: four of serac${withPyIceberg ? ' beside PyIceberg' : ''}`, async () => {
    expect(existsSync(join(import.meta.dirname, '../../dist/index.js')), 'npm run build').toBe(true)
    const table = await lake.createTable(TABLE, 'writer string, n bigint', {
      properties: { 'commit.retry.num-retries': '20', ...patience },
    })
    await Promise.all([...WRITERS.map(seracWriter), ...others.map(pyIcebergWriter)])

    const writers = [...WRITERS, ...others]
    const { metadata } = await table.load()
    expect(metadata.snapshots).toHaveLength(writers.length * APPENDS)
    expect(metadata.snapshots.map(snapshot => Number(snapshot.sequenceNumber)).sort((a, b) => a - b)).toEqual(
      Array.from({ length: writers.length * APPENDS }, (_, index) => index + 1),
    )
    const byId = new Map(metadata.snapshots.map(snapshot => [snapshot.snapshotId, snapshot]))
    const chain: bigint[] = []
    for (let id = metadata.currentSnapshotId; id !== undefined; id = byId.get(id)?.parentSnapshotId)
      chain.push(byId.get(id)!.sequenceNumber)
    expect(chain).toEqual(metadata.snapshots.map(snapshot => snapshot.sequenceNumber).reverse())

    const rows: string[] = []
    for await (const { writer, n } of table.scan().rows()) rows.push(`${writer}:${n}`)
    const wanted = writers.flatMap(writer => Array.from({ length: APPENDS }, (_, n) => `${writer}:${n}`))
    expect(rows.sort()).toEqual(wanted.sort())
  })
})

function seracWriter(writer: string): Promise<unknown> {
  const worker = join(import.meta.dirname, 'append-worker.mjs')
  return run(process.execPath, [worker, cwd, TABLE, writer, String(APPENDS)])
}

function pyIcebergWriter(writer: string): Promise<unknown> {
  const folder = join(cwd, 'lake')
  return run(pythonOf('pyiceberg'), [
    join(import.meta.dirname, 'append_worker.py'),
    `sqlite:///${folder}/catalog.db`,
    `file://${folder}`,
    TABLE,
    writer,
    String(APPENDS),
  ])
}
