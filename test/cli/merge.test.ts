/** `serac merge`: what it changes and reports. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { seracError, seracOk } from '../support/cli.js'

let cwd: string
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'serac-merge-'))
})
afterEach(async () => {
  await rm(cwd, { recursive: true, force: true })
})

const run = (...args: string[]): Promise<string> => seracOk(args, { cwd })
const json = async (...args: string[]) => JSON.parse(await seracOk([...args, '--json'], { cwd }))
const rows = async (...args: string[]): Promise<readonly unknown[]> =>
  (await run('scan', 'shop.t', ...args, '--json'))
    .split('\n')
    .filter(line => line !== '')
    .sort()
    .map(line => JSON.parse(line))

async function file(name: string, text: string): Promise<string> {
  await writeFile(join(cwd, name), text)
  return name
}

describe('serac merge', () => {
  it('updates, deletes and inserts as its clauses say', async () => {
    await run('table', 'create', 'shop.t', 'id bigint not null, v string', '--keys', 'id')
    await run(
      'ingest',
      'shop.t',
      await file('a.jsonl', '{"id":1,"v":"a"}\n{"id":2,"v":"b"}\n{"id":3,"v":"c"}\n'),
    )
    const feed = await file('feed.csv', 'id;v;op\n1;A;U\n2;;D\n4;d;U\n')
    const clauses = [
      ...['--when', "when matched and s.op = 'D' then delete"],
      ...['--when', 'when matched then update set v = s.v'],
      ...['--when', 'when not matched then insert (id, v) values (s.id, s.v)'],
    ]
    const merge = ['merge', 'shop.t', feed, '--delimiter', ';', '--on', 't.id = s.id', ...clauses]
    expect(await json(...merge, '--dry-run')).toMatchObject({ dryRun: true, changed: true, rowsUpdated: 1 })
    expect(await json(...merge, '--branch', 'audit')).toMatchObject({
      changed: true,
      rowsInserted: 1,
      rowsUpdated: 1,
      rowsDeleted: 1,
    })
    expect(await rows('--as-of', 'audit')).toEqual([
      { id: 1, v: 'A' },
      { id: 3, v: 'c' },
      { id: 4, v: 'd' },
    ])
    expect(await rows()).toHaveLength(3)
    expect(await run(...merge)).toMatch(/^snapshot \d+: .*\n1 rows inserted, 1 updated, 1 deleted\n$/)
    expect(await rows()).toEqual(await rows('--as-of', 'audit'))
  })

  it('upserts by keys when no clause is given', async () => {
    await run('table', 'create', 'shop.t', 'id bigint not null, v string', '--keys', 'id')
    const feed = await file('a.jsonl', '{"id":1,"v":"a"}\n{"id":2,"v":"b"}\n')
    expect(await json('merge', 'shop.t', feed)).toMatchObject({ rowsInserted: 2, rowsUpdated: 0 })
    expect(await json('merge', 'shop.t', feed, '--keys', 'v')).toMatchObject({ rowsUpdated: 2 })
    expect(await run('merge', 'shop.t', feed, '--when', 'when not matched then insert *')).toBe(
      'nothing to change\n',
    )
  })

  it('says in one line what is wrong', async () => {
    await run('table', 'create', 'shop.t', 'id bigint not null, v string')
    const feed = await file('a.jsonl', '{"id":1,"v":"a"}\n{"id":1,"v":"b"}\n')
    const refused = (...args: string[]) => seracError(['merge', 'shop.t', feed, ...args], { cwd })
    expect(await refused()).toMatchObject({ kind: 'invalid-argument' })
    expect(await refused('--on', 't.id =')).toMatchObject({ kind: 'invalid-argument' })
    expect(await refused('--keys', 'id')).toMatchObject({
      kind: 'invalid-argument',
      message: 'two rows of the source have the same key',
    })
    expect(await refused('--keys', 'id', '--when', 'when matched then')).toMatchObject({
      kind: 'invalid-argument',
    })
  })
})
