/** `serac table alter|upgrade|register|add-files`. */
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect } from '../../src/index.js'
import { seracError, seracOk } from '../support/cli.js'

let cwd: string
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'serac-alter-'))
})
afterEach(async () => {
  await rm(cwd, { recursive: true, force: true })
})

const run = (...args: string[]): Promise<string> => seracOk(args, { cwd })
const json = async (...args: string[]) => JSON.parse(await seracOk([...args, '--json'], { cwd }))
const refused = (...args: string[]) => seracError(args, { cwd })
const columns = async (): Promise<readonly string[]> =>
  (await json('table', 'show', 'shop.t')).columns.map(
    (column: { name: string; type: string }) => `${column.name} ${column.type}`,
  )

async function fill(): Promise<void> {
  await using lake = await connect({ baseFolder: cwd, fsync: false })
  await lake.table('shop.t').append([{ id: 1, v: 'a' }])
}

describe('serac table alter', () => {
  it('takes one clause as words, or several as phrases, with properties in the same commit', async () => {
    await run('table', 'create', 'shop.t', 'id bigint, v string')
    expect(await run('table', 'alter', 'shop.t', 'add', 'column', 'x', 'int', 'first')).toBe(
      'changed: format version 2, schema 1, partition spec 0, sort order 0\n',
    )
    const report = await json(
      ...['table', 'alter', 'shop.t', 'rename column v to text', 'add partition field bucket(4, id)'],
      ...['--set', "owner=it's me", '--unset', 'write.merge.mode'],
    )
    expect(report).toMatchObject({ changed: true, schemaId: 2, specId: 1, attempts: 1 })
    expect(await columns()).toEqual(['x int', 'id long', 'text string'])
    const shown = await json('table', 'show', 'shop.t')
    expect(shown.properties.owner).toBe("it's me")
    expect(shown.properties).not.toHaveProperty(['write.merge.mode'])
    expect(shown.partitionBy).toEqual(['bucket[4](id)'])
    expect(await run('table', 'alter', 'shop.t', '--set', "owner=it's me")).toBe('nothing to change\n')
  })

  it('refuses with the place in the text, and what a change is not', async () => {
    await run('table', 'create', 'shop.t', 'id bigint, v string')
    expect(await refused('table', 'alter', 'shop.t')).toMatchObject({ kind: 'invalid-argument' })
    expect(await refused('table', 'alter', 'shop.t', 'add column x nothing')).toMatchObject({
      kind: 'invalid-argument',
      context: { position: 13 },
    })
    expect(await refused('table', 'alter', 'shop.t', 'alter column id type int')).toMatchObject({
      context: { column: 'id', from: 'long', to: 'int' },
    })
    await fill()
    await run('table', 'alter', 'shop.t', 'add column x int')
    expect(await refused('table', 'alter', 'shop.t', 'alter column x set not null')).toMatchObject({
      context: { column: 'x', branch: 'main' },
    })
    expect(await refused('table', 'alter', 'shop.none', 'drop column v')).toMatchObject({ kind: 'not-found' })
  })
})

describe('serac table upgrade, register and create --or-replace', () => {
  it('change the version, the catalog, and the table', async () => {
    await run('table', 'create', 'shop.t', 'id bigint, v string')
    await fill()
    expect(await json('table', 'upgrade', 'shop.t', '--format-version', '3')).toMatchObject({
      formatVersion: 3,
    })
    expect(await refused('table', 'upgrade', 'shop.t', '--format-version', '4')).toMatchObject({
      kind: 'invalid-argument',
    })
    const { metadataLocation } = await json('table', 'show', 'shop.t')
    await run('table', 'drop', 'shop.t')
    const path = metadataLocation.replace('file://', '')
    expect(await json('table', 'register', 'other.t', path)).toEqual({
      registered: 'other.t',
      metadataLocation,
    })
    expect(await run('scan', 'other.t', '--count')).toContain('1')
    await run('table', 'create', 'other.t', 'id bigint', '--or-replace')
    expect(await run('scan', 'other.t', '--count')).toContain('0')
    expect(await json('snapshots', 'other.t')).toHaveLength(1)
    expect(await refused('table', 'register', 'other.t', path)).toMatchObject({ kind: 'already-exists' })
    await run('table', 'register', 'other.t', path, '--overwrite')
    expect(await run('scan', 'other.t', '--count')).toContain('1')
  })
})

describe('serac table add-files', () => {
  it('lists what does not fit, and takes what does', async () => {
    await run('table', 'create', 'shop.t', 'id bigint, v string')
    await fill()
    const data = join(cwd, 'lake/shop/t/data')
    const [name] = await readdir(data)
    await cp(join(data, name ?? ''), join(cwd, 'in/one.parquet'))
    await run('table', 'create', 'shop.same', 'id bigint, v string')
    await run('table', 'create', 'shop.other', 'v int, id bigint')
    expect(await run('table', 'add-files', 'shop.other', 'in', '--dry-run')).toMatch(
      /^would add 1 files, 1 rows\nconflict file:\/\/.*one\.parquet: v: .*\(file long, table int\)\n/,
    )
    expect(await refused('table', 'add-files', 'shop.other', 'in')).toMatchObject({
      kind: 'invalid-argument',
    })
    expect(await run('table', 'add-files', 'shop.same', 'in')).toBe('added 1 files, 1 rows\n')
    expect(await run('scan', 'shop.same', '--format', 'jsonl')).toBe('{"id":1,"v":"a"}\n')
    expect(await refused('table', 'add-files', 'shop.same', 'in/one.parquet')).toMatchObject({
      kind: 'already-exists',
    })
  })
})
