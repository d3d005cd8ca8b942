/** Tables that the command line reads by where they lie: no catalog is opened, and none is made. */
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect } from '../../src/index.js'
import { seracError, seracOk } from '../support/cli.js'

let cwd: string
let table: string
beforeAll(async () => {
  const home = await mkdtemp(join(tmpdir(), 'serac-static-cli-'))
  cwd = `${home}/work`
  await mkdir(cwd)
  await using lake = await connect({ baseFolder: home, fsync: false })
  const orders = await lake.createTable('shop.orders', 'id bigint, v string')
  await orders.append([{ id: 1, v: 'a' }])
  await orders.append([{ id: 2, v: 'b' }])
  table = `${home}/lake/shop/orders`
  await cp(table, `${cwd}/orders`, { recursive: true })
  const [file = ''] = (await readdir(`${table}/data`)).sort()
  await cp(`${table}/data/${file}`, `${cwd}/one.parquet`)
})
afterAll(async () => {
  await rm(join(cwd, '..'), { recursive: true, force: true })
})

const count = (...args: readonly string[]): Promise<string> => seracOk(['scan', ...args, '--count'], { cwd })

describe('a table by its location', () => {
  it('is a folder, a metadata file or a single file, and leaves no lake behind', async () => {
    const [newest = ''] = (await readdir(`${cwd}/orders/metadata`)).filter(name => name.startsWith('00002-'))
    for (const name of [
      table,
      `file://${table}`,
      'orders',
      './orders',
      'orders/',
      `orders/metadata/${newest}`,
    ])
      expect(await count(name)).toBe('2\n')
    for (const name of ['one.parquet', './one.parquet', `${cwd}/one.parquet`])
      expect(await count(name)).toBe('1\n')
    expect(existsSync(`${cwd}/lake`)).toBe(false)
  })

  it('is described, and its snapshots listed', async () => {
    const shown = JSON.parse(await seracOk(['table', 'show', 'orders', '--json'], { cwd }))
    expect(shown).toMatchObject({ formatVersion: 2, columns: [{ name: 'id' }, { name: 'v' }] })
    expect(shown.name).toBe(shown.metadataLocation)
    expect(JSON.parse(await seracOk(['snapshots', './orders', '--json'], { cwd }))).toHaveLength(2)
    expect(JSON.parse(await seracOk(['snapshots', 'one.parquet', '--json'], { cwd }))).toHaveLength(1)
  })

  it('is read where it was moved to, root by root', async () => {
    const hidden = `${table}-hidden`
    await rename(table, hidden)
    try {
      const moved = ['--relocate', `${table}=orders`]
      expect(await count('orders', ...moved)).toBe('2\n')
      const lines = await seracOk(['scan', 'orders', '--json', ...moved], { cwd })
      expect(lines.split('\n').filter(line => line !== '')).toHaveLength(2)
      const roots = [
        '--relocate',
        `${table}/metadata=${cwd}/orders/metadata`,
        '--relocate',
        `${table}/data=${hidden}/data`,
      ]
      expect(await seracOk(['scan', 'orders', '--json', ...roots], { cwd })).toBe(lines)
      expect((await seracError(['scan', 'orders', '--json'], { cwd })).kind).toBe('not-found')
    } finally {
      await rename(hidden, table)
    }
  })

  it('that is nowhere, or moved without a place, is an error by name', async () => {
    expect(await seracError(['scan', './nothing'], { cwd })).toMatchObject({
      kind: 'not-found',
      context: { location: `${cwd}/./nothing` },
    })
    expect((await seracError(['scan', 'orders', '--relocate', 'nonsense'], { cwd })).kind).toBe(
      'invalid-argument',
    )
    expect((await seracError(['scan', 'shop.orders', '--relocate', 'a=b'], { cwd })).kind).toBe(
      'invalid-argument',
    )
  })

  it('is looked for in the catalog when its name is one of the catalog', async () => {
    expect((await seracError(['scan', 'nothing'], { cwd })).kind).toBe('invalid-argument')
    expect((await seracError(['scan', 'shop.parquet'], { cwd })).kind).toBe('not-found')
  })
})
