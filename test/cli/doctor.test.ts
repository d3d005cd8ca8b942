/** `serac doctor`: a lake whose catalog file was lost. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { serac, seracOk } from '../support/cli.js'

let cwd: string
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'serac-doctor-'))
})
afterEach(() => rm(cwd, { recursive: true, force: true }))

async function ingest(lines: string): Promise<void> {
  await writeFile(join(cwd, 'orders.jsonl'), lines)
  await seracOk(['ingest', 'shop.orders', 'orders.jsonl'], { cwd })
}

const json = async (...args: string[]) => JSON.parse(await seracOk([...args, '--json'], { cwd }))

it('finds the tables again after the catalog file was lost', async () => {
  await ingest('{"id":1}\n{"id":2}\n')
  expect(await json('doctor')).toEqual([{ table: 'shop.orders' }])
  await rm(join(cwd, 'lake', 'catalog.db'))
  expect(await json('table', 'list')).toEqual([])
  expect(await json('doctor', '--rebuild-catalog', '--dry-run')).toMatchObject([{ status: 'registered' }])
  expect(await json('table', 'list')).toEqual([])
  expect(await json('doctor', '--rebuild-catalog')).toMatchObject([
    { table: 'shop.orders', status: 'registered' },
  ])
  expect(await json('scan', 'shop.orders', '--count')).toEqual({ count: 2 })
})

it('says with its exit code that a table cannot be read', async () => {
  await ingest('{"id":1}\n')
  const { metadataLocation } = await json('table', 'show', 'shop.orders')
  await rm(metadataLocation.replace('file://', ''))
  const result = await serac(['doctor', '--json'], { cwd })
  expect(result.exitCode).toBe(1)
  expect(JSON.parse(result.stdout)[0].problem).toContain('not-found')
  expect(result.stderr).toContain('serac: corrupt: some tables cannot be read')
})
