/** `serac ingest`, `delete`, `cdc`, `compact`, `expire`: what each changes and reports. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect } from '../../src/index.js'
import { serac, seracError, seracOk } from '../support/cli.js'

let cwd: string
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'serac-write-'))
})
afterEach(async () => {
  await rm(cwd, { recursive: true, force: true })
})

const run = (...args: string[]): Promise<string> => seracOk(args, { cwd })
const json = async (...args: string[]) => JSON.parse(await seracOk([...args, '--json'], { cwd }))
const refused = (...args: string[]) => seracError(args, { cwd })
const rows = async (table: string): Promise<readonly unknown[]> =>
  (await run('scan', table, '--json'))
    .split('\n')
    .filter(line => line !== '')
    .sort()
    .map(line => JSON.parse(line))

async function file(name: string, lines: readonly unknown[]): Promise<string> {
  await writeFile(join(cwd, name), lines.map(line => `${JSON.stringify(line)}\n`).join(''))
  return name
}

describe('ingest', () => {
  it('appends the rows of several files in one commit', async () => {
    await run('table', 'create', 'shop.t', 'id bigint not null, v string')
    const a = await file('a.jsonl', [{ id: 1, v: 'x' }, { id: 2 }])
    const b = await file('b.ndjson', [{ v: 'y', id: 3 }])
    const report = await json('ingest', 'shop.t', a, join(cwd, b))
    expect(report).toMatchObject({ changed: true, attempts: 1, summary: { 'added-records': '3' } })
    expect(await rows('shop.t')).toEqual([
      { id: 1, v: 'x' },
      { id: 2, v: null },
      { id: 3, v: 'y' },
    ])
    expect(await json('snapshots', 'shop.t')).toHaveLength(1)
    expect(await run('ingest', 'shop.t', a)).toMatch(/^snapshot \d+: added 2 rows, 1 data file, /)
  })

  it('makes the table from a Parquet file when it is missing', async () => {
    await run('table', 'create', 'shop.source', 'id bigint not null, price decimal(9,2), tags array<string>')
    await run(
      'ingest',
      'shop.source',
      await file('s.jsonl', [{ id: 1, price: '1.50', tags: ['a'] }, { id: 2 }]),
    )
    const data = join(cwd, 'lake/shop/source/data')
    const [name = ''] = await readdir(data)
    await run('ingest', 'fresh.copy', join(data, name))
    expect(await rows('fresh.copy')).toEqual(await rows('shop.source'))
    expect(await json('table', 'show', 'fresh.copy')).toMatchObject({
      columns: [{ name: 'id', type: 'long' }, { name: 'price', type: 'decimal(9, 2)' }, { name: 'tags' }],
    })
    await run('ingest', 'fresh.copy', join(data, name))
    expect(await rows('fresh.copy')).toHaveLength(4)
  })

  it('upserts by the keys of the table, or by others', async () => {
    await run('table', 'create', 'shop.t', 'id bigint not null, code string, v int', '--keys', 'id')
    await run(
      'ingest',
      'shop.t',
      await file('a.jsonl', [
        { id: 1, code: 'a', v: 1 },
        { id: 2, code: 'b', v: 1 },
      ]),
    )
    const report = await json(
      'ingest',
      'shop.t',
      await file('b.jsonl', [
        { id: 2, code: 'b', v: 2 },
        { id: 3, v: 2 },
      ]),
      '--mode',
      'upsert',
    )
    expect(report).toMatchObject({ changed: true, summary: { 'added-records': '2' } })
    await run(
      'ingest',
      'shop.t',
      await file('c.jsonl', [{ id: 9, code: 'a', v: 3 }]),
      '--mode',
      'upsert',
      '--keys',
      'code',
    )
    expect(await rows('shop.t')).toEqual([
      { id: 2, code: 'b', v: 2 },
      { id: 3, code: null, v: 2 },
      { id: 9, code: 'a', v: 3 },
    ])
  })

  it('refuses what it cannot take', async () => {
    await run('table', 'create', 'shop.t', 'id bigint not null')
    expect(await refused('ingest', 'shop.t', await file('a.xlsx', []))).toMatchObject({ kind: 'unsupported' })
    const good = await file('a.jsonl', [{ id: 1 }])
    expect(await refused('ingest', 'shop.t', good, '--mode', 'replace')).toMatchObject({
      kind: 'invalid-argument',
    })
    expect(await refused('ingest', 'shop.t', good, '--mode', 'upsert')).toMatchObject({
      kind: 'invalid-argument',
    })
    expect(await json('snapshots', 'shop.t')).toEqual([])
  })
})

describe('delete', () => {
  it('deletes the rows for which the filter is true, and says so', async () => {
    await run('table', 'create', 'shop.t', 'id bigint not null, v string')
    await run('ingest', 'shop.t', await file('a.jsonl', [{ id: 1, v: 'x' }, { id: 2 }, { id: 3, v: 'y' }]))
    const report = await json('delete', 'shop.t', '--where', "v = 'x'")
    expect(report).toMatchObject({ changed: true, summary: { 'added-position-deletes': '1' } })
    expect(await rows('shop.t')).toEqual([
      { id: 2, v: null },
      { id: 3, v: 'y' },
    ])
    expect(await run('delete', 'shop.t', '--where', 'id = 2', '--dry-run')).toMatch(
      /^dry run: added 1 delete file, .*; removed 1 row, /,
    )
    expect(await run('delete', 'shop.t', '--where', 'id = 99')).toBe('nothing to change\n')
    expect(await json('delete', 'shop.t', '--where', 'id = 99')).toMatchObject({ changed: false })
    expect(await json('snapshots', 'shop.t')).toHaveLength(2)
  })

  it('rewrites the files of copy-on-write tables', async () => {
    await run('table', 'create', 'shop.t', 'id int', '--property', 'write.delete.mode=copy-on-write')
    await run('ingest', 'shop.t', await file('a.jsonl', [{ id: 1 }, { id: 2 }]))
    const { summary } = await json('delete', 'shop.t', '--where', 'id + 1 = 2')
    expect(summary).toMatchObject({ 'added-data-files': '1', 'deleted-data-files': '1' })
    expect(await rows('shop.t')).toEqual([{ id: 2 }])
  })
})

describe('serac update', () => {
  it('gives the rows that match new values', async () => {
    await run('table', 'create', 'shop.t', 'id bigint not null, price decimal(10,2), region string')
    const prices = [
      { id: 1, price: '10.00', region: 'eu' },
      { id: 2, price: '20.00', region: 'us' },
    ]
    await run('ingest', 'shop.t', await file('a.jsonl', prices))
    await run(
      'update',
      'shop.t',
      '--set',
      'price = price * 2, region = upper(region)',
      '--where',
      'price / 2 < 8',
    )
    expect(await rows('shop.t')).toEqual([
      { id: 1, price: '20.00', region: 'EU' },
      { id: 2, price: '20.00', region: 'us' },
    ])
    expect(await run('update', 'shop.t', '--set', 'id = 0', '--where', 'id = 99')).toBe('nothing to change\n')
  })

  it('is refused for what does not fit, and the table stays', async () => {
    await run('table', 'create', 'shop.t', 'id bigint not null, n int')
    await run('ingest', 'shop.t', await file('a.jsonl', [{ id: 1, n: 0 }]))
    for (const set of ['nope = 1', "n = 'x'", 'n = 1 / n', 'id = null', 'n ='])
      expect(await refused('update', 'shop.t', '--set', set), set).toMatchObject({ kind: 'invalid-argument' })
    expect(await json('snapshots', 'shop.t')).toHaveLength(1)
  })
})

const column = (name: string, type: string, value: unknown) => ({ name, type, value })
const begin = (xid: number, at: string) => ({ action: 'B', xid, lsn: at, nextlsn: at })
const commit = (xid: number, at: string) => ({ action: 'C', xid, lsn: at, nextlsn: at })
const identity = (id: number) => [column('id', 'integer', id)]
const insert = (table: string, id: number, v: string | null) => ({
  action: 'I',
  schema: 'public',
  table,
  columns: [column('id', 'integer', id), column('v', 'text', v)],
  pk: [{ name: 'id', type: 'integer' }],
})
const remove = (table: string, id: number) => ({
  action: 'D',
  schema: 'public',
  table,
  identity: identity(id),
})
const FEED = [
  begin(1, '0/10'),
  insert('items', 1, 'a'),
  insert('items', 2, 'b'),
  commit(1, '0/20'),
  begin(2, '0/30'),
  remove('items', 1),
  insert('items', 3, null),
  commit(2, '0/40'),
]

describe('cdc', () => {
  it('applies a feed from a file, gzip or standard input, and the same feed changes nothing again', async () => {
    const feed = await file('feed.jsonl', FEED)
    await writeFile(join(cwd, 'feed.jsonl.gz'), gzipSync(FEED.map(line => JSON.stringify(line)).join('\n')))
    const report = await json('cdc', feed, '--format', 'wal2json', '--namespace', 'shop')
    expect(report).toMatchObject({
      position: '0/40',
      transactions: 2,
      events: 4,
      commits: 1,
      tables: { 'shop.items': { inserts: 3, updates: 0, deletes: 1, truncates: 0 } },
    })
    const wanted = [
      { id: 2, v: 'b' },
      { id: 3, v: null },
    ]
    expect(await rows('shop.items')).toEqual(wanted)
    const { metadataLocation } = await json('table', 'show', 'shop.items')
    expect(await json('cdc', 'feed.jsonl.gz', '--format', 'wal2json', '--namespace', 'shop')).toMatchObject({
      commits: 0,
    })
    const stdin = FEED.map(line => JSON.stringify(line)).join('\n')
    const { stdout } = await serac(['cdc', '-', '--format', 'wal2json', '--namespace', 'shop'], {
      cwd,
      stdin,
    })
    expect(stdout).toContain('0 commits')
    expect(await json('table', 'show', 'shop.items')).toMatchObject({ metadataLocation })
    expect(await rows('shop.items')).toEqual(wanted)
  })

  it('stops at --until, and goes on from there', async () => {
    const feed = await file('feed.jsonl', FEED)
    const command = ['cdc', feed, '--format', 'wal2json', '--namespace', 'shop']
    expect(await json(...command, '--until', '0/20')).toMatchObject({ position: '0/20', transactions: 1 })
    expect(await rows('shop.items')).toHaveLength(2)
    await run(...command, '--commit-rows', '1')
    expect(await rows('shop.items')).toEqual([
      { id: 2, v: 'b' },
      { id: 3, v: null },
    ])
    expect(await json('snapshots', 'shop.items')).toHaveLength(2)
  })

  it('follows one table with --table, its key given where the feed has none', async () => {
    const feed = await file(
      'feed.jsonl',
      FEED.filter(line => line.action !== 'D').map(line => ({ ...line, pk: undefined })),
    )
    const keyless = await serac(['cdc', feed, '--format', 'wal2json', '--namespace', 'none'], { cwd })
    expect(keyless.exitCode).toBe(0)
    expect(keyless.stderr).toBe(
      'serac: warning: public.items has no key and is skipped; name one with --keys\n',
    )
    const report = await json('cdc', feed, '--format', 'wal2json', '--table', 'shop.mine', '--keys', 'id')
    expect(report).toMatchObject({ tables: { 'shop.mine': { inserts: 3 } } })
    expect(await rows('shop.mine')).toHaveLength(3)
  })

  it('shows its progress on a terminal, and wipes it', async () => {
    const feed = await file('feed.jsonl', FEED)
    const args = ['cdc', feed, '--format', 'wal2json', '--namespace', 'shop']
    const { stderr } = await serac(args, { cwd, isTTY: true })
    expect(stderr).toContain('4 changes')
    expect(stderr.endsWith('\r\u001b[K')).toBe(true)
  })
})

describe('maintenance', () => {
  async function manyFiles(): Promise<void> {
    await run('table', 'create', 'shop.t', 'id bigint not null', '--keys', 'id')
    await using lake = await connect({ baseFolder: cwd })
    for (let id = 0; id < 6; id++) await lake.table('shop.t').append([{ id }])
    await lake.table('shop.t').delete('id = 0')
  }
  const parquetFiles = async (): Promise<number> => (await readdir(join(cwd, 'lake/shop/t/data'))).length

  it('compact rewrites small files; --dry-run only says so', async () => {
    await manyFiles()
    const before = await json('table', 'show', 'shop.t')
    expect(await json('compact', 'shop.t', '--dry-run')).toMatchObject({ dryRun: true })
    expect(await json('table', 'show', 'shop.t')).toEqual(before)
    const report = await json('compact', 'shop.t', '--min-input-files', '2')
    expect(report).toMatchObject({ rewrittenFiles: 5, addedFiles: 1, dryRun: false })
    const snapshots = await json('snapshots', 'shop.t')
    expect(snapshots.at(-1)).toMatchObject({ operation: 'replace', summary: { 'total-data-files': '1' } })
    expect(await rows('shop.t')).toEqual([1, 2, 3, 4, 5].map(id => ({ id })))
    expect(await run('compact', 'shop.t')).toMatch(/: 0$/m)
  })

  it('expire removes old snapshots and their files; --dry-run only says so', async () => {
    await manyFiles()
    await run('compact', 'shop.t', '--rewrite-all')
    const files = await parquetFiles()
    const dry = await json('expire', 'shop.t', '--older-than', '0s', '--retain-last', '2', '--dry-run')
    expect(await parquetFiles()).toBe(files)
    const report = await json('expire', 'shop.t', '--older-than', '0s', '--retain-last', '2')
    expect(report.snapshotIds).toEqual(dry.snapshotIds)
    expect(await json('snapshots', 'shop.t')).toHaveLength(2)
    await run('expire', 'shop.t', '--older-than', '0s')
    expect(await json('snapshots', 'shop.t')).toHaveLength(1)
    expect(await parquetFiles()).toBe(1)
    expect(await rows('shop.t')).toHaveLength(5)
  })

  it('expire keeps what is younger than 5 days unless told, and wants a real age', async () => {
    await manyFiles()
    expect(await json('expire', 'shop.t')).toMatchObject({ snapshotIds: [] })
    expect(await json('expire', 'shop.t', '--older-than', '2024-01-01T00:00:00Z')).toMatchObject({
      snapshotIds: [],
    })
    expect(await refused('expire', 'shop.t', '--older-than', 'soon')).toMatchObject({
      kind: 'invalid-argument',
      context: { given: 'soon' },
    })
    expect(await refused('expire', 'shop.none')).toMatchObject({ kind: 'not-found' })
    expect(await refused('compact', 'shop.none')).toMatchObject({ kind: 'not-found' })
  })
})
