/** `serac ingest --mode overwrite`, and writes that are based on a snapshot. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { seracError, seracOk } from '../support/cli.js'

let cwd: string
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'serac-overwrite-'))
  await run('table', 'create', 'shop.t', 'id bigint not null, part string', '--partition-by', 'part')
  await run('ingest', 'shop.t', await file('start.jsonl', [at(1, 'a'), at(2, 'a'), at(3, 'b')]))
})
afterEach(async () => {
  await rm(cwd, { recursive: true, force: true })
})

const at = (id: number, part: string) => ({ id, part })
const run = (...args: string[]): Promise<string> => seracOk(args, { cwd })
const overwrite = (...args: string[]): Promise<string> =>
  run('ingest', 'shop.t', '--mode', 'overwrite', ...args)
const refused = (...args: string[]) => seracError(['ingest', 'shop.t', ...args], { cwd })
const rows = async (): Promise<readonly string[]> =>
  (await run('scan', 'shop.t', '--json'))
    .split('\n')
    .filter(line => line !== '')
    .sort()
const texts = (...given: readonly object[]): readonly string[] => given.map(row => JSON.stringify(row)).sort()

async function file(name: string, lines: readonly unknown[]): Promise<string> {
  await writeFile(join(cwd, name), lines.map(line => `${JSON.stringify(line)}\n`).join(''))
  return name
}

it('replaces every row, those of a filter, or the partitions of the given rows', async () => {
  const given = await file('given.jsonl', [at(9, 'a')])
  await overwrite(given, '--where', 'id = 1')
  expect(await rows()).toEqual(texts(at(2, 'a'), at(9, 'a'), at(3, 'b')))
  await overwrite(given, '--partitions')
  expect(await rows()).toEqual(texts(at(9, 'a'), at(3, 'b')))
  expect(await overwrite(given)).toMatch(
    /^snapshot \d+: added 1 row, 1 data file, .*; removed 2 rows, 2 data files, /,
  )
  expect(await rows()).toEqual(texts(at(9, 'a')))
})

it('says in a dry run what it would replace', async () => {
  const given = await file('given.jsonl', [at(9, 'a')])
  expect(await overwrite(given, '--partitions', '--dry-run')).toMatch(
    /^dry run: added 1 row, .*removed 2 rows, /,
  )
  expect(await rows()).toHaveLength(3)
})

it('refuses what goes with another mode, and modes that are none', async () => {
  const given = await file('given.jsonl', [at(9, 'a')])
  expect(await refused(given, '--where', 'id = 1')).toMatchObject({ kind: 'invalid-argument' })
  expect(await refused(given, '--mode', 'upsert', '--keys', 'id', '--partitions')).toMatchObject({
    kind: 'invalid-argument',
  })
  expect(await refused(given, '--mode', 'overwrite', '--partitions', '--where', 'id = 1')).toMatchObject({
    kind: 'invalid-argument',
  })
  expect((await refused(given, '--mode', 'replace')).message).toMatch(/append, upsert or overwrite/)
  expect(await rows()).toHaveLength(3)
})

it('refuses a write when what it touches changed after the snapshot that it is based on', async () => {
  // As text: the id is longer than what a number holds.
  const [, snapshotId = ''] = /"snapshotId":\s*(\d+)/.exec(await run('snapshots', 'shop.t', '--json')) ?? []
  const basis = ['--based-on', snapshotId]
  const given = await file('given.jsonl', [at(9, 'a')])
  await run('ingest', 'shop.t', given)
  expect(await refused(given, '--mode', 'overwrite', '--partitions', ...basis)).toMatchObject({
    kind: 'conflict',
    context: { rule: 'overwrite-partitions, data-added', partition: 'part=a' },
  })
  const where = (part: string) => ['delete', 'shop.t', '--where', `part = '${part}'`, ...basis]
  expect(await seracError(where('a'), { cwd })).toMatchObject({ kind: 'conflict' })
  await run(...where('b'))
  expect(await rows()).toEqual(texts(at(1, 'a'), at(2, 'a'), at(9, 'a')))
})
