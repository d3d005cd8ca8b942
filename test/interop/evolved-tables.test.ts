/**
 * Tables that serac evolved, read by other engines: renamed, moved, promoted, dropped and added columns, nested ones
 * too, several partition specs, upgraded versions, tables made new, and files of others that were taken in.
 */
import { cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, type Lake, type Table } from '../../src/index.js'
import {
  askAll,
  type JudgeAnswer,
  type JudgeName,
  type JudgeRequest,
  judgeIsHere,
  sortedRows,
  sparkCatalog,
} from '../judges/judge.js'
import { canonicalRows } from '../support/canonical.js'

const JUDGES = (['pyiceberg', 'duckdb', 'spark'] as const).filter(judgeIsHere)

let cwd: string
let lake: Lake
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'serac-evolved-'))
  lake = await connect({ baseFolder: cwd, fsync: false })
})
afterAll(async () => {
  await lake.close()
  await rm(cwd, { recursive: true, force: true })
})

const MAKERS: Readonly<Record<string, () => Promise<Table>>> = {
  async columns() {
    const table = await lake.createTable(
      'evolved.columns',
      'id bigint not null, gone string, n int, f float, price decimal(9, 2), place struct<x: int, y: int>',
      { keys: ['id'], partitionBy: ['bucket(3, id)'], sortBy: ['n'] },
    )
    const rows = (from: number, more: object): object[] =>
      [0, 1, 2, 3].map(at => ({ id: from + at, n: at, f: at / 2, price: `${at}.25`, ...more }))
    await table.append(rows(0, { gone: 'x', place: { x: 1, y: 2 } }) as never)
    await table.alter(
      'drop column gone; rename column n to count; alter column count type bigint first; alter column f type double; alter column price type decimal(12, 2)',
    )
    await table.alter('rename column place.x to east; add column place.z int first; drop column place.y')
    await table.append([{ id: 4, count: 10n, f: 0.1, price: '1000.00', place: { z: 1, east: 2 } }])
    await table.alter("add column gone int comment 'another one' after id; write ordered by id desc")
    await table.upsert([
      { id: 1, gone: 5, count: 1 },
      { id: 9, gone: 6 },
    ])
    await table.delete('id = 2')
    return table
  },
  async specs() {
    const table = await lake.createTable('evolved.specs', 'id bigint, region string, day date', {
      partitionBy: ['region'],
    })
    const rows = (from: number): object[] =>
      [0, 1, 2].map(at => ({ id: from + at, region: at === 0 ? null : `r${at}`, day: `2026-01-0${at + 1}` }))
    await table.append(rows(0) as never)
    await table.alter('add partition field months(day)')
    await table.append(rows(3) as never)
    await table.alter('drop partition field region; rename column region to area')
    await table.append([{ id: 6, area: 'r1', day: '2026-03-01' }])
    await table.alter('add partition field area; drop partition field months(day)')
    await table.append([{ id: 7, area: 'r2', day: null }])
    await table.delete('id = 4')
    return table
  },
  async upgraded() {
    const table = await lake.createTable('evolved.upgraded', 'id bigint not null, v string', { keys: ['id'] })
    await table.append([0, 1, 2, 3].map(id => ({ id, v: 'a' })))
    await table.delete('id = 1')
    await table.upgrade(3)
    await table.upsert([{ id: 2, v: 'b' }])
    return table
  },
  async replaced() {
    const table = await lake.createTable('evolved.replaced', 'id bigint, v string', { partitionBy: ['v'] })
    await table.append([{ id: 1, v: 'a' }])
    await lake.createTable('evolved.replaced', 'v string, fresh int, id string', { orReplace: true })
    await table.append([{ id: 'one', v: 'b', fresh: 1 }])
    return table
  },
  async taken() {
    const source = await lake.createTable('evolved.source', 'id bigint, name string')
    await source.append([{ id: 1, name: 'a' }, { id: 2 }])
    const table = await lake.createTable('evolved.taken', 'id bigint, name string, region string', {
      partitionBy: ['region'],
    })
    const data = join(cwd, 'lake/evolved/source/data')
    const folder = join(cwd, 'hive/region=eu west')
    await mkdir(folder, { recursive: true })
    for (const name of await readdir(data)) await cp(join(data, name), join(folder, name))
    await table.addFiles([join(cwd, 'hive')])
    await table.append([{ id: 3, name: 'c', region: 'us' }])
    return table
  },
}

describe.skipIf(JUDGES.length === 0)('tables that serac evolved', () => {
  it('are read alike by other engines', { timeout: 120_000 }, async () => {
    const tables = new Map<string, Table>()
    for (const [name, make] of Object.entries(MAKERS)) tables.set(name, await make())
    for (const judge of JUDGES) {
      const answers = await askAll(
        judge,
        await Promise.all([...tables.values()].map(table => requestFor(judge, table))),
      )
      for (const [index, [name, table]] of [...tables].entries()) {
        const own = await canonicalRows(table.scan())
        const answer = answers[index] as JudgeAnswer
        expect(sortedRows(answer), `${judge} ${name}`).toEqual(own.rows)
        expect(answer.fields, `${judge} ${name}`).toEqual(own.fields)
      }
    }
  })
})

describe.skipIf(!judgeIsHere('pyiceberg'))('a table that serac and PyIceberg evolve in turn', () => {
  it('keeps the ids of both apart', { timeout: 120_000 }, async () => {
    const table = await lake.createTable('evolved.turns', 'id bigint, a string')
    await table.append([{ id: 1, a: 'x' }])
    await table.alter('add column b int; add partition field bucket(2, id) as shard')
    const alter = {
      actions: [
        ['add_column', 'c', 'long'],
        ['rename_column', 'a', 'text'],
        ['promote_column', 'b', 'long'],
      ],
    }
    const read = { args: ['read', 'evolved.turns', ...catalogOptions()] }
    const answers = await askAll('pyiceberg', [
      { args: ['alter', 'evolved.turns', '-', ...catalogOptions()], input: alter },
      {
        args: ['append', 'evolved.turns', '-', ...catalogOptions()],
        input: { rows: [{ id: '2', text: 'y', b: '3', c: '4' }] },
      },
    ])
    expect(answers.map(answer => answer.error)).toEqual([undefined, undefined])
    await table.alter(
      'drop column b; rename column text to a; add column b string first; drop partition field shard',
    )
    await table.append([{ b: 'new', id: 3, a: 'z', c: 5 }])
    const [answer] = await askAll('pyiceberg', [read])
    expect((await canonicalRows(table.scan())).rows).toEqual(
      [
        [null, '1', 'x', null],
        [null, '2', 'y', '4'],
        ['new', '3', 'z', '5'],
      ]
        .map(row => JSON.stringify(row))
        .sort(),
    )
    expect(sortedRows(answer as JudgeAnswer)).toEqual((await canonicalRows(table.scan())).rows)
    const ids = (await table.schema()).fields.map(field => field.id)
    expect(new Set(ids).size).toBe(4)
    expect(ids).not.toContain(3)
  })
})

function catalogOptions(): readonly string[] {
  const folder = join(cwd, 'lake')
  return ['-p', 'type=sql', '-p', `uri=sqlite:///${folder}/catalog.db`, '-p', `warehouse=file://${folder}`]
}

async function requestFor(judge: JudgeName, table: Table): Promise<JudgeRequest> {
  switch (judge) {
    case 'pyiceberg':
      return { args: ['read', table.name, ...catalogOptions()] }
    case 'duckdb':
      return { args: ['read', (await table.load()).metadataLocation] }
    case 'spark':
      return { args: ['read', table.name, ...sparkCatalog(join(cwd, 'lake'))] }
  }
}
