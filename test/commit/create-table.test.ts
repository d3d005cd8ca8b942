/** Creating a table when answers of the catalog are lost. */
import { expect, it } from 'vitest'
import { LakeError } from '../../src/base/errors.js'
import type { Catalog } from '../../src/catalog/catalog.js'
import { failingCatalog } from '../../src/catalog/failing.js'
import { createTable } from '../../src/commit/create-table.js'
import { createWorld, ORDERS, type World } from '../snapshot/world.js'

const make = (world: World, catalog: Catalog) =>
  createTable(catalog, {
    identifier: ORDERS,
    schema: {
      fields: [{ id: 1, name: 'id', required: true, type: { kind: 'long' } }],
      identifierFieldIds: [],
    },
    uuid: world.runtime.uuid(),
  })

const down = new LakeError('unavailable', 'the catalog is down')

it('a table whose answer is lost is found by its uuid, although nobody settles it', async () => {
  const world = await createWorld()
  const lossy = failingCatalog(world.catalog, ({ verb, phase }) => {
    if (verb === 'commit') return phase === 'after' ? 'lost' : undefined
    return verb === 'settle' ? down : undefined
  })
  expect(await make(world, lossy)).toEqual(await world.catalog.loadTable(ORDERS))
})

it('a table that nobody can look for may be there', async () => {
  const world = await createWorld()
  const lossy = failingCatalog(world.catalog, ({ verb, phase }) => {
    if (verb === 'commit') return phase === 'after' ? 'lost' : undefined
    return verb === 'settle' || verb === 'loadTable' ? down : undefined
  })
  await expect(make(world, lossy)).rejects.toMatchObject({ kind: 'commit-state-unknown' })
  expect(await world.catalog.tableExists(ORDERS)).toBe(true)
})
