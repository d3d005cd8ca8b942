/** `serac namespace`, `serac table`, `serac snapshots`. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect } from '../../src/index.js'
import { seracError, seracOk } from '../support/cli.js'

let cwd: string
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'serac-tables-'))
})
afterEach(async () => {
  await rm(cwd, { recursive: true, force: true })
})

const run = (...args: string[]): Promise<string> => seracOk(args, { cwd })
const json = async (...args: string[]) => JSON.parse(await seracOk([...args, '--json'], { cwd }))
const refused = (...args: string[]) => seracError(args, { cwd })

describe('namespaces', () => {
  it('are created with properties, listed, shown and dropped', async () => {
    expect(await json('namespace', 'list')).toEqual([])
    expect(await run('namespace', 'create', 'shop', '--property', 'owner=me', '--property', 'x=a=b')).toBe(
      'created namespace shop\n',
    )
    expect(await json('namespace', 'create', 'shop.inner')).toEqual({ created: 'shop.inner' })
    expect(await json('namespace', 'list')).toEqual(['shop'])
    expect(await json('namespace', 'list', 'shop')).toEqual(['shop.inner'])
    expect(await run('namespace', 'list')).toBe('namespace\n---------\nshop\n')
    expect(await json('namespace', 'show', 'shop')).toMatchObject({
      namespace: 'shop',
      properties: { owner: 'me', x: 'a=b' },
    })
    expect(await json('namespace', 'drop', 'shop.inner')).toEqual({ dropped: 'shop.inner' })
    await run('namespace', 'drop', 'shop')
    expect(await json('namespace', 'list')).toEqual([])
  })

  it('that are there, missing or full are refused', async () => {
    await run('namespace', 'create', 'shop')
    expect(await refused('namespace', 'create', 'shop')).toMatchObject({ kind: 'already-exists' })
    expect(await refused('namespace', 'show', 'nowhere')).toMatchObject({
      kind: 'not-found',
      context: { namespace: 'nowhere' },
    })
    expect(await refused('namespace', 'drop', 'nowhere')).toMatchObject({ kind: 'not-found' })
    await run('table', 'create', 'shop.t', 'id int')
    expect(await refused('namespace', 'drop', 'shop')).toMatchObject({ kind: 'conflict' })
    expect(await refused('table', 'list', 'nowhere')).toMatchObject({ kind: 'not-found' })
  })
})

describe('tables', () => {
  it('are created from DDL with partitions, order, keys, version and properties', async () => {
    const created = await json(
      ...['table', 'create', 'shop.orders'],
      "id bigint not null comment 'the key', ts timestamptz, tags array<string>, price decimal(10,2)",
      ...['--partition-by', 'days(ts), bucket(16, id)', '--sort-by', 'ts desc nulls last', '--keys', 'id'],
      ...['--format-version', '3', '--property', 'owner=me', '--property', 'write.format.default=parquet'],
    )
    expect(created).toMatchObject({
      name: 'shop.orders',
      location: `file://${cwd}/lake/shop/orders`,
      metadataLocation: expect.stringMatching(
        /\/shop\/orders\/metadata\/00000-[-0-9a-f]{36}\.metadata\.json$/,
      ),
      formatVersion: 3,
      uuid: expect.stringMatching(/^[-0-9a-f]{36}$/),
      columns: [
        { id: 1, name: 'id', type: 'long', required: true, doc: 'the key' },
        { id: 2, name: 'ts', type: 'timestamptz', required: false },
        { id: 3, name: 'tags', type: 'list<string>', required: false },
        { id: 4, name: 'price', type: 'decimal(10, 2)', required: false },
      ],
      partitionBy: ['day(ts)', 'bucket[16](id)'],
      sortBy: ['ts desc nulls-last'],
      keys: ['id'],
      properties: {
        owner: 'me',
        'write.format.default': 'parquet',
        'write.delete.mode': 'merge-on-read',
        'write.update.mode': 'merge-on-read',
        'write.merge.mode': 'merge-on-read',
        'write.delete.granularity': 'file',
      },
    })
    expect(await json('table', 'show', 'shop.orders')).toEqual(created)
    const shown = await run('table', 'show', 'shop.orders')
    for (const part of [created.metadataLocation, created.uuid, 'format version   3', '1  id  long not null'])
      expect(shown).toContain(part)
  })

  it('have format version 2 unless asked, and a location if asked', async () => {
    const created = await json('table', 'create', 'shop.t', 'id int', '--location', `file://${cwd}/elsewhere`)
    expect(created).toMatchObject({ formatVersion: 2, location: `file://${cwd}/elsewhere`, keys: [] })
  })

  it('are dropped with their files by --purge, which can be tried out', async () => {
    await run('table', 'create', 'shop.p', 'id int')
    const listed = await json('table', 'drop', 'shop.p', '--purge', '--dry-run')
    expect(listed).toMatchObject({
      dropped: null,
      dryRun: true,
      files: [expect.stringContaining('metadata')],
    })
    expect(await json('table', 'list', 'shop')).toEqual(['shop.p'])
    expect(await refused('table', 'drop', 'shop.p', '--dry-run')).toMatchObject({ kind: 'invalid-argument' })
    expect(await run('table', 'drop', 'shop.p', '--purge')).toBe('dropped shop.p, deleted 1 files\n')
    expect(await json('table', 'list', 'shop')).toEqual([])
  })

  it('are listed, renamed and dropped; their files stay', async () => {
    await run('table', 'create', 'shop.a', 'id int')
    await run('table', 'create', 'shop.b', 'id int')
    await run('namespace', 'create', 'other')
    expect(await json('table', 'list', 'shop')).toEqual(['shop.a', 'shop.b'])
    const { metadataLocation } = await json('table', 'show', 'shop.a')
    expect(await json('table', 'rename', 'shop.a', 'other.c')).toEqual({ renamed: 'shop.a', to: 'other.c' })
    expect(await json('table', 'show', 'other.c')).toMatchObject({ metadataLocation })
    expect(await run('table', 'drop', 'other.c')).toBe('dropped other.c; its files stay\n')
    expect(await json('table', 'list', 'shop')).toEqual(['shop.b'])
    expect(await run('scan', metadataLocation, '--count')).toBe('0\n')
  })

  it('that are there, missing, or badly described are refused', async () => {
    await run('table', 'create', 'shop.t', 'id int')
    const { metadataLocation } = await json('table', 'show', 'shop.t')
    expect(await refused('table', 'create', 'shop.t', 'id int')).toMatchObject({ kind: 'already-exists' })
    expect(await refused('table', 'show', 'shop.none')).toMatchObject({
      kind: 'not-found',
      context: { table: 'shop.none' },
    })
    expect(await refused('table', 'drop', 'shop.none')).toMatchObject({ kind: 'not-found' })
    expect(await refused('table', 'rename', 'shop.none', 'shop.x')).toMatchObject({ kind: 'not-found' })
    expect(await refused('table', 'create', 'bare', 'id int')).toMatchObject({ kind: 'invalid-argument' })
    expect(await refused('table', 'create', 'shop.x', 'id wrong')).toMatchObject({
      kind: 'invalid-argument',
      context: { position: 3 },
    })
    expect(await refused('table', 'create', 'shop.x', 'id int,')).toMatchObject({ kind: 'invalid-argument' })
    expect(await refused('table', 'create', 'shop.x', 'id int, id int')).toMatchObject({
      kind: 'invalid-argument',
    })
    expect(await refused('table', 'create', 'shop.x', 'id int', '--keys', 'nope')).toMatchObject({
      kind: 'invalid-argument',
      context: { column: 'nope' },
    })
    expect(await refused('table', 'create', 'shop.x', 'id int', '--partition-by', 'days(id)')).toMatchObject({
      kind: 'invalid-argument',
    })
    expect(await refused('table', 'create', 'shop.x', 'id int', '--sort-by', 'nope')).toMatchObject({
      kind: 'invalid-argument',
    })
    expect(await json('table', 'list', 'shop')).toEqual(['shop.t'])
    expect(await json('table', 'show', 'shop.t')).toMatchObject({ metadataLocation })
  })
})

describe('snapshots', () => {
  it('are listed oldest first, with their parents, counts and refs', async () => {
    await run('table', 'create', 'shop.t', 'id int')
    expect(await json('snapshots', 'shop.t')).toEqual([])
    await using lake = await connect({ baseFolder: cwd })
    const table = lake.table('shop.t')
    await table.append([{ id: 1 }, { id: 2 }], { summary: { job: 'nightly' } })
    await table.append([{ id: 3 }])
    const [first, second] = await table.snapshots()
    const text = await run('snapshots', 'shop.t', '--json')
    expect(text).toContain(`"snapshotId": ${first?.snapshotId}`)
    expect(text).toContain(`"parentSnapshotId": ${first?.snapshotId}`)
    expect(JSON.parse(text)).toMatchObject([
      { sequenceNumber: 1, operation: 'append', refs: [], summary: { 'added-records': '2', job: 'nightly' } },
      { sequenceNumber: 2, operation: 'append', refs: ['main'], timestampMs: second?.timestampMs },
    ])
    const lines = (await run('snapshots', 'shop.t')).trimEnd().split('\n')
    expect(lines[0]).toMatch(/^ *snapshot +time +operation +added rows +deleted rows/)
    expect(lines[3]).toMatch(new RegExp(`^ *${second?.snapshotId} .* append .* main$`))
    expect(await refused('snapshots', 'shop.none')).toMatchObject({ kind: 'not-found' })
  })
})
