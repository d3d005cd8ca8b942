/**
 * Four processes of three engines append to one embedded table at the same time: two of serac, PyIceberg through its SQL
 * catalog, Spark through Java's JDBC catalog. Every append is a snapshot of its own, none is lost, and each engine reads them all.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect, type Lake, type Table } from '../../src/index.js'
import {
  type JudgeSession,
  judgeIsHere,
  openJudge,
  pythonOf,
  sortedRows,
  sparkCatalog,
} from '../judges/judge.js'

const run = promisify(execFile)
const RACE = join(import.meta.dirname, '../race')
const TABLE = 'mixed.appends'
const APPENDS = 25
/** Between two appends of serac and of PyIceberg, which are quicker than Spark: the race is to last as long as Spark takes. */
const PAUSE_MS = 150
const WRITERS = ['serac-1', 'serac-2', 'pyiceberg', 'spark']

let cwd: string
let lake: Lake
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'serac-mixed-'))
  lake = await connect({ baseFolder: cwd })
})
afterEach(async () => {
  await lake.close()
  await rm(cwd, { recursive: true, force: true })
})

describe.runIf(judgeIsHere('pyiceberg') && judgeIsHere('spark'))('writers of three engines at once', () => {
  it('lose no append: a hundred snapshots in one line', { timeout: 600_000 }, async () => {
    expect(existsSync(join(import.meta.dirname, '../../dist/index.js')), 'npm run build').toBe(true)
    await using spark = openJudge('spark')
    const table = await lake.createTable(TABLE, 'writer string, n bigint', {
      properties: { 'commit.retry.num-retries': '50', 'commit.retry.max-wait-ms': '2000' },
    })
    // Spark is up before the race begins.
    await spark.tell(['read', TABLE, ...sparkCatalog(folder())])
    await Promise.all([
      sparkWriter(spark),
      pyIcebergWriter('pyiceberg'),
      seracWriter('serac-1'),
      seracWriter('serac-2'),
    ])

    const writers = await writersInOrder(table)
    for (const writer of WRITERS) expect(writers.filter(each => each === writer)).toHaveLength(APPENDS)
    expect(turns(writers), 'the writers took turns').toBeGreaterThan(2 * WRITERS.length)

    const wanted = WRITERS.flatMap(writer =>
      Array.from({ length: APPENDS }, (_, n) => JSON.stringify([writer, `${n}`])),
    ).sort()
    const rows: string[] = []
    for await (const { writer, n } of table.scan().rows()) rows.push(JSON.stringify([writer, `${n}`]))
    expect(rows.sort()).toEqual(wanted)
    expect(sortedRows(await spark.tell(['read', TABLE, ...sparkCatalog(folder())]))).toEqual(wanted)
  })
})

const folder = (): string => join(cwd, 'lake')

/** Who wrote each snapshot of main, oldest first; sequence numbers count them without a gap. */
async function writersInOrder(table: Table): Promise<readonly unknown[]> {
  const { metadata } = await table.load()
  const byId = new Map(metadata.snapshots.map(snapshot => [snapshot.snapshotId, snapshot]))
  const writers: unknown[] = []
  const sequenceNumbers: bigint[] = []
  let at = byId.get(metadata.currentSnapshotId ?? -1n)
  while (at !== undefined) {
    const { snapshotId, parentSnapshotId } = at
    sequenceNumbers.unshift(at.sequenceNumber)
    for await (const { writer } of table.appends({ from: parentSnapshotId, to: snapshotId }).rows())
      writers.unshift(writer)
    at = byId.get(parentSnapshotId ?? -1n)
  }
  const count = WRITERS.length * APPENDS
  expect(metadata.snapshots).toHaveLength(count)
  expect(sequenceNumbers).toEqual(Array.from({ length: count }, (_, index) => BigInt(index + 1)))
  return writers
}

/** How often another writer than before committed. */
function turns(writers: readonly unknown[]): number {
  return writers.filter((writer, at) => at > 0 && writer !== writers[at - 1]).length
}

function seracWriter(writer: string): Promise<unknown> {
  const args = [join(RACE, 'append-worker.mjs'), cwd, TABLE, writer, `${APPENDS}`, `${PAUSE_MS}`]
  return run(process.execPath, args)
}

function pyIcebergWriter(writer: string): Promise<unknown> {
  return run(pythonOf('pyiceberg'), [
    join(RACE, 'append_worker.py'),
    `sqlite:///${folder()}/catalog.db`,
    `file://${folder()}`,
    TABLE,
    writer,
    `${APPENDS}`,
    `${PAUSE_MS}`,
  ])
}

/** One statement for each append, and each is a commit. */
async function sparkWriter(spark: JudgeSession): Promise<void> {
  for (let n = 0; n < APPENDS; n++) {
    const statements = [`INSERT INTO {t} VALUES ('spark', ${n}L)`]
    await spark.tell(['sql', TABLE, ...sparkCatalog(folder()), '-'], { statements })
  }
}
