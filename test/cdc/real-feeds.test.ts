/**
 * Real captured feeds of PostgreSQL, applied by the command, give exactly the source's tables at its checkpoints.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeSourceTables } from '../support/cdc-lake.js'
import { seracOk } from '../support/cli.js'
import { argumentsOf, debezium, debeziumWithSchemas, wal2json } from '../support/feeds.js'
import { keyedTables, type Loss, scannedRows, wantedRows } from '../support/source-state.js'

let cwd: string
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'serac-feed-'))
})
afterEach(async () => {
  await rm(cwd, { recursive: true, force: true })
})

const feeds = [wal2json, debezium, debeziumWithSchemas].map(feed => ({
  ...feed,
  args: argumentsOf(feed),
  prepare: feed.needsTables ? makeSourceTables : undefined,
}))

describe.each(feeds)('$name', ({ args, losses, until, prepare }) => {
  for (const formatVersion of [2, 3] as const) {
    it(`gives the source's tables at checkpoints 1, 2 and 3, format version ${formatVersion}`, async () => {
      await prepare?.(cwd, formatVersion)
      for (const checkpoint of [1, 2, 3]) {
        const version = ['--format-version', String(formatVersion)]
        await seracOk(['cdc', ...args, ...version, '--until', until(checkpoint), '--commit-rows', '300'], {
          cwd,
        })
        await expectSourceState(checkpoint, losses)
      }
    })
  }

  it('changes nothing when it is applied a second time', async () => {
    await prepare?.(cwd, 2)
    const command = ['cdc', ...args, '--until', until(2), '--json']
    await seracOk(command, { cwd })
    const before = await metadataLocations()
    const report = JSON.parse(await seracOk(command, { cwd }))
    expect(report.commits).toBe(0)
    expect(await metadataLocations()).toEqual(before)
    await expectSourceState(2, losses)
  })

  // A feed without a snapshot cannot be applied onto later rows: big values that it leaves out would be missed.
  it.runIf(prepare === undefined)(
    'is applied again when it is told that the tables stand at the start',
    async () => {
      const command = ['cdc', ...args, '--until', until(2), '--json']
      await seracOk(command, { cwd })
      const report = JSON.parse(await seracOk([...command, '--reset-position', '0/0'], { cwd }))
      expect(report.commits).toBe(1)
      await expectSourceState(2, losses)
      expect(JSON.parse(await seracOk(command, { cwd })).commits).toBe(0)
    },
  )

  it('gives the same tables whatever the size of the commits', async () => {
    await prepare?.(cwd, 2)
    for (const [checkpoint, rows] of [
      [1, '20'],
      [2, '1000000'],
    ] as const) {
      await seracOk(['cdc', ...args, '--until', until(checkpoint), '--commit-rows', rows], { cwd })
      await expectSourceState(checkpoint, losses)
    }
  })
})

async function expectSourceState(checkpoint: number, losses: readonly Loss[]): Promise<void> {
  for (const table of keyedTables(checkpoint)) {
    const printed = await seracOk(['scan', `shop.${table}`, '--json'], { cwd })
    expect(scannedRows(printed, { checkpoint, table, losses }), `${table} at ${checkpoint}`).toEqual(
      wantedRows(checkpoint, table, losses),
    )
  }
}

async function metadataLocations(): Promise<readonly string[]> {
  const shown = keyedTables(2).map(table => seracOk(['table', 'show', `shop.${table}`, '--json'], { cwd }))
  return (await Promise.all(shown)).map(text => JSON.parse(text).metadataLocation)
}
