/** Clones whose registration fails in ways that leave it open whether the catalog has them. */
import { expect, it } from 'vitest'
import { LakeError } from '../../src/base/errors.js'
import type { Catalog } from '../../src/catalog/catalog.js'
import { cloneTable } from '../../src/commit/clone-table.js'
import {
  commitFiles,
  createTable,
  createWorld,
  dataFile,
  locations,
  ORDERS,
  type World,
} from '../snapshot/world.js'

const COPY = { namespace: ['shop'], name: 'copy' }

async function worldWithTable(): Promise<World> {
  const world = await createWorld()
  await createTable(world)
  await commitFiles(world, { addedDataFiles: [await dataFile(world, 'a')] })
  return world
}

const cloneOver = (world: World, catalog: Catalog) =>
  cloneTable(catalog, { from: ORDERS, to: COPY }, { io: world.io, runtime: world.runtime })

it('a clone that was registered is there, although the answer cannot be read', async () => {
  const world = await worldWithTable()
  const made = await cloneOver(world, {
    ...world.catalog,
    registerTable: async (identifier, location, options) => {
      await world.catalog.registerTable(identifier, location, options)
      throw new LakeError('corrupt', 'the answer of the catalog server is no table')
    },
  })
  expect(await world.catalog.loadTable(COPY)).toEqual(made)
  expect(await locations(world.io)).toContain(made.metadataLocation)
})

it('a clone of which nobody can tell whether it is there keeps its files', async () => {
  const world = await worldWithTable()
  let asked = false
  const clone = cloneOver(world, {
    ...world.catalog,
    registerTable: async (identifier, location, options) => {
      asked = true
      await world.catalog.registerTable(identifier, location, options)
      throw new LakeError('corrupt', 'the answer of the catalog server is no table')
    },
    loadTable: async (identifier, options) => {
      if (asked) throw new LakeError('unavailable', 'the catalog server is down')
      return world.catalog.loadTable(identifier, options)
    },
  })
  await expect(clone).rejects.toMatchObject({ kind: 'commit-state-unknown' })
  const { metadataLocation } = await world.catalog.loadTable(COPY)
  expect(await locations(world.io)).toContain(metadataLocation)
})

it('a clone that was refused leaves nothing', async () => {
  const world = await worldWithTable()
  const before = await locations(world.io)
  const clone = cloneOver(world, {
    ...world.catalog,
    registerTable: async () => {
      throw new LakeError('denied', 'no')
    },
  })
  await expect(clone).rejects.toMatchObject({ kind: 'denied' })
  const left = (await locations(world.io)).filter(location => !before.includes(location))
  expect(left.filter(location => location.includes('/copy/'))).toEqual([])
})
