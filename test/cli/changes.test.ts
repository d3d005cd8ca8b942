/** `serac changes`: the rows that changed between two snapshots, in every mode and form. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tableFromIPC } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli } from '../../src/cli/run.js'
import { connect } from '../../src/index.js'
import { seracError, seracOk } from '../support/cli.js'

let cwd: string
let ids: readonly bigint[]
let metadataLocation: string
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'serac-changes-'))
  await using lake = await connect({ baseFolder: cwd, fsync: false })
  const table = await lake.createTable('shop.orders', 'id bigint not null, v string', { keys: ['id'] })
  await table.append([
    { id: 1, v: 'a' },
    { id: 2, v: 'a' },
  ])
  await table.upsert([{ id: 2, v: 'b' }])
  await table.delete('id = 1')
  await table.upsert([{ id: 2, v: 'a' }])
  ids = (await table.snapshots()).map(snapshot => snapshot.snapshotId)
  metadataLocation = (await table.load()).metadataLocation
})
afterAll(async () => {
  await rm(cwd, { recursive: true, force: true })
})

const rows = (text: string): readonly string[] =>
  text
    .split('\n')
    .filter(line => line !== '')
    .map(line => {
      const change = JSON.parse(line) as Readonly<Record<string, unknown>>
      return `${change._change_ordinal} ${change._change_type} ${change.id} ${change.v}`
    })
const changes = async (...args: readonly string[]): Promise<readonly string[]> =>
  rows(await seracOk(['changes', 'shop.orders', '--json', ...args], { cwd }))

describe('serac changes', () => {
  it('prints every change of the table, or those of a range', async () => {
    expect(await changes()).toHaveLength(7)
    expect(await changes('--from', String(ids[0]), '--to', String(ids[2]))).toEqual([
      '0 DELETE 2 a',
      '0 INSERT 2 b',
      '1 DELETE 1 a',
    ])
  })

  it('pairs updates by the identifier fields, or by keys', async () => {
    const expected = ['0 UPDATE_BEFORE 2 b', '0 UPDATE_AFTER 2 a']
    expect(await changes('--from', String(ids[2]), '--mode', 'updates')).toEqual(expected)
    expect(await changes('--from', String(ids[2]), '--mode', 'updates', '--keys', 'id')).toEqual(expected)
  })

  it('collapses a range to what is left of it', async () => {
    expect(await changes('--from', String(ids[0]), '--mode', 'net')).toEqual(['1 DELETE 1 a'])
  })

  it('selects columns and filters rows; an update stays whole', async () => {
    const args = ['--from', String(ids[0]), '--where', "v = 'b'"]
    expect(await changes(...args)).toEqual(['0 INSERT 2 b', '2 DELETE 2 b'])
    expect(await changes(...args, '--mode', 'updates')).toEqual([
      '0 UPDATE_BEFORE 2 a',
      '0 UPDATE_AFTER 2 b',
      '2 UPDATE_BEFORE 2 b',
      '2 UPDATE_AFTER 2 a',
    ])
    const csv = ['changes', 'shop.orders', ...args, '--select', '_change_type,id', '--format', 'csv']
    expect(await seracOk(csv, { cwd })).toBe('_change_type,id\nINSERT,2\nDELETE,2\n')
    expect(await seracError(['changes', 'shop.orders', '--select', 'nope'], { cwd })).toMatchObject({
      kind: 'invalid-argument',
      context: { column: 'nope' },
    })
  })

  it('prints snapshot ids in full', async () => {
    const text = await seracOk(['changes', 'shop.orders', '--json', '--from', String(ids[2])], { cwd })
    for (const line of text.trim().split('\n')) expect(line).toContain(`"_commit_snapshot_id":${ids[3]}`)
  })

  it('prints a table, CSV and Arrow', async () => {
    const range = ['changes', 'shop.orders', '--from', String(ids[1]), '--to', String(ids[2])]
    expect((await seracOk(range, { cwd })).split('\n')[0]).toMatch(
      /^id +v +_change_type +_change_ordinal +_commit/,
    )
    expect(await seracOk([...range, '--format', 'csv'], { cwd })).toContain(`1,a,DELETE,0,${ids[2]}`)
    const bytes: Uint8Array[] = []
    const code = await runCli([...range, '--format', 'arrow'], {
      stdout: { write: part => bytes.push(Buffer.from(part)) > 0, once: () => undefined },
      stderr: { write: () => true, once: () => undefined },
      stdin: (async function* () {})(),
      cwd,
      environment: {},
      readFile: () => Promise.reject(Object.assign(new Error('none'), { code: 'ENOENT' })),
      writeFile: async () => undefined,
      signal: new AbortController().signal,
    })
    expect(code).toBe(0)
    const table = tableFromIPC(Buffer.concat(bytes))
    expect(table.schema.fields.map(field => field.name).slice(2)).toEqual([
      '_change_type',
      '_change_ordinal',
      '_commit_snapshot_id',
    ])
    expect(table.toArray().map(each => each?.toJSON())).toMatchObject([{ id: 1n, _change_type: 'DELETE' }])
  })

  it('reads a table by the location of its metadata', async () => {
    const text = await seracOk(['changes', metadataLocation, '--json', '--from', String(ids[2])], { cwd })
    expect(rows(text)).toEqual(['0 DELETE 2 b', '0 INSERT 2 a'])
  })

  it('says what is wrong with a range and a mode', async () => {
    expect(await seracError(['changes', 'shop.orders', '--from', '77'], { cwd })).toMatchObject({
      kind: 'not-found',
    })
    expect(
      await seracError(['changes', 'shop.orders', '--from', String(ids[2]), '--to', String(ids[0])], { cwd }),
    ).toMatchObject({ kind: 'invalid-argument' })
    expect(await seracError(['changes', 'shop.orders', '--mode', 'all'], { cwd })).toMatchObject({
      kind: 'invalid-argument',
      context: { given: 'all' },
    })
  })
})
