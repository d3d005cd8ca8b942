/** `serac branch|tag|rollback|cherry-pick|fast-forward|publish`, `table clone`, and writes that go to a branch. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { seracError, seracOk } from '../support/cli.js'

let cwd: string
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'serac-refs-'))
})
afterEach(async () => {
  await rm(cwd, { recursive: true, force: true })
})

const run = (...args: string[]): Promise<string> => seracOk(args, { cwd })
/** Snapshot ids as text: they are larger than a number holds. */
const json = async (...args: string[]) =>
  JSON.parse((await run(...args, '--json')).replace(/("\w*[sS]napshotId":\s*)(\d+)/g, '$1"$2"'))
const refused = (...args: string[]) => seracError(args, { cwd })
const ids = async (...args: string[]): Promise<readonly number[]> =>
  (await run('scan', 'shop.t', '--json', ...args))
    .split('\n')
    .filter(line => line !== '')
    .map(line => (JSON.parse(line) as { id: number }).id)
    .sort()

async function make(...options: string[]): Promise<void> {
  await run('table', 'create', 'shop.t', 'id bigint not null', ...options)
}

async function ingest(id: number, ...options: string[]): Promise<string> {
  await writeFile(join(cwd, `${id}.jsonl`), `{"id":${id}}\n`)
  return (await json('ingest', 'shop.t', `${id}.jsonl`, ...options)).snapshotId
}

describe('branches and tags', () => {
  it('are created, listed and dropped', async () => {
    await make()
    const first = await ingest(1)
    await ingest(2)
    expect(await run('tag', 'shop.t', 'create', 'v1', '--snapshot-id', first, '--retain', '30d')).toBe(
      `tag v1 is at snapshot ${first}\n`,
    )
    await run('branch', 'shop.t', 'create', 'audit', '--as-of', 'v1', '--retain-snapshots', '3')
    expect(await json('tag', 'shop.t', 'list')).toEqual([
      { name: 'v1', type: 'tag', snapshotId: first, maxRefAgeMs: 2_592_000_000 },
    ])
    expect(await json('branch', 'shop.t', 'list')).toMatchObject([
      { name: 'main' },
      { name: 'audit', snapshotId: first, minSnapshotsToKeep: 3 },
    ])
    expect(await run('branch', 'shop.t', 'list')).toContain('audit')
    expect(await ids('--as-of', 'v1')).toEqual([1])
    expect(await run('tag', 'shop.t', 'create', 'v1', '--replace')).toContain(`was at ${first}`)
    expect(await ids('--as-of', 'v1')).toEqual([1, 2])
    expect(await run('tag', 'shop.t', 'drop', 'v1')).toBe('dropped tag v1\n')
    expect(await json('branch', 'shop.t', 'drop', 'audit')).toMatchObject({ ref: 'audit', changed: true })
    expect(await json('tag', 'shop.t', 'list')).toEqual([])
  })

  it('say what is wrong', async () => {
    await make()
    await ingest(1)
    expect(await refused('tag', 'shop.t', 'paint', 'v1')).toMatchObject({ kind: 'invalid-argument' })
    expect(await refused('tag', 'shop.t', 'create')).toMatchObject({ kind: 'invalid-argument' })
    expect(await refused('tag', 'shop.t', 'drop', 'v1')).toMatchObject({ kind: 'not-found' })
    expect(await refused('branch', 'shop.t', 'drop', 'main')).toMatchObject({ kind: 'invalid-argument' })
    expect(await refused('tag', 'shop.t', 'create', 'x', '--retain', 'long')).toMatchObject({
      kind: 'invalid-argument',
    })
    expect(await refused('cherry-pick', 'shop.t', 'abc')).toMatchObject({ kind: 'invalid-argument' })
    expect(await refused('rollback', 'shop.t', '--to', '77')).toMatchObject({ kind: 'not-found' })
    expect(await refused('fast-forward', 'shop.t', 'main', 'x')).toMatchObject({ kind: 'not-found' })
  })
})

describe('a bad job', () => {
  it('is rolled back, done again on a branch, and let through', async () => {
    await make()
    await ingest(1)
    const good = await ingest(2)
    await run('delete', 'shop.t', '--where', 'true')
    expect(await ids()).toEqual([])
    expect(await json('rollback', 'shop.t', '--to', good)).toMatchObject({ ref: 'main', snapshotId: good })
    await ingest(3, '--branch', 'rerun')
    await run('delete', 'shop.t', '--where', 'id = 1', '--branch', 'rerun')
    expect([await ids(), await ids('--as-of', 'rerun')]).toEqual([
      [1, 2],
      [2, 3],
    ])
    await run('fast-forward', 'shop.t', 'main', 'rerun')
    expect(await ids()).toEqual([2, 3])
    expect(await run('rollback', 'shop.t', '--to', 'rerun')).toMatch(
      /^branch main is at snapshot \d+ already\n$/,
    )
  })

  it('is rolled back to a time', async () => {
    await make()
    await ingest(1)
    await new Promise(resolve => setTimeout(resolve, 5))
    const time = new Date().toISOString()
    await new Promise(resolve => setTimeout(resolve, 5))
    await ingest(2)
    await run('rollback', 'shop.t', '--to', time)
    expect(await ids()).toEqual([1])
  })
})

describe('staged writes', () => {
  it('are published, and picked by their id', async () => {
    await make('--property', 'write.wap.enabled=true')
    await ingest(1)
    const staged = await ingest(2, '--wap-id', 'job-1')
    await ingest(3, '--wap-id', 'job-2')
    expect(await ids()).toEqual([1])
    expect(await ids('--as-of', staged)).toEqual([1, 2])
    await run('publish', 'shop.t', 'job-2')
    expect(await ids()).toEqual([1, 3])
    await run('cherry-pick', 'shop.t', staged)
    expect(await ids()).toEqual([1, 2, 3])
    expect(await refused('publish', 'shop.t', 'job-1')).toMatchObject({ kind: 'already-exists' })
  })
})

describe('a feed', () => {
  it('is applied to a branch, goes on there, and is let through with its position', async () => {
    const at = (action: 'B' | 'C', lsn: string) => ({ action, xid: 1, lsn, nextlsn: lsn })
    const insert = (id: number) => ({
      action: 'I',
      schema: 'public',
      table: 't',
      columns: [{ name: 'id', type: 'integer', value: id }],
      pk: [{ name: 'id', type: 'integer' }],
    })
    const records = [at('B', '0/10'), insert(1), at('C', '0/20'), at('B', '0/30'), insert(2), at('C', '0/40')]
    await writeFile(join(cwd, 'feed.jsonl'), records.map(record => `${JSON.stringify(record)}\n`).join(''))
    const apply = (...options: string[]) =>
      json('cdc', 'feed.jsonl', '--format', 'wal2json', '--namespace', 'shop', ...options)
    expect(await apply('--until', '0/20')).toMatchObject({ commits: 1, events: 1 })
    expect(await apply('--branch', 'audit')).toMatchObject({ commits: 1 })
    expect([await ids(), await ids('--as-of', 'audit')]).toEqual([[1], [1, 2]])
    expect(await apply('--branch', 'audit')).toMatchObject({ commits: 0 })
    await run('fast-forward', 'shop.t', 'main', 'audit')
    expect(await apply()).toMatchObject({ commits: 0 })
    expect(await ids()).toEqual([1, 2])
  })
})

describe('table clone', () => {
  it('makes a table that goes on by itself', async () => {
    await make()
    const first = await ingest(1)
    await ingest(2)
    expect(await run('table', 'clone', 'shop.t', 'copies.t', '--as-of', first)).toMatch(
      /^cloned shop\.t to copies\.t\n/,
    )
    expect((await run('scan', 'copies.t', '--count')).trim()).toBe('1')
    expect(await json('table', 'show', 'copies.t')).toMatchObject({ currentSnapshotId: first })
    await run('ingest', 'copies.t', '2.jsonl')
    await run('table', 'drop', 'copies.t')
    expect(await json('tag', 'shop.t', 'list')).toEqual([])
    expect(await ids()).toEqual([1, 2])
  })
})
