import { beforeEach, describe, expect, it } from 'vitest'
import type { LoadedTable } from '../../src/catalog/catalog.js'
import type { ManifestEntry } from '../../src/manifest/content-file.js'
import { currentSnapshot } from '../../src/metadata/lookup.js'
import { diffFiles } from '../../src/snapshot/changes.js'
import { bareName, commitFiles, createTable, createWorld, dataFile, type World } from './world.js'

let world: World
beforeEach(async () => {
  world = await createWorld()
})

describe('diffFiles', () => {
  it('is exact by state, also across a rollback', async () => {
    await createTable(world)
    const [a, b, c] = [await dataFile(world, 'a'), await dataFile(world, 'b'), await dataFile(world, 'c')]
    const first = await commitFiles(world, { addedDataFiles: [a, b] })
    const second = await commitFiles(world, { removedFiles: [a], addedDataFiles: [c] })
    const names = (entries: readonly ManifestEntry[]): string[] =>
      entries.map(entry => bareName(entry.file.location)).sort()
    const diff = (from: LoadedTable, to: LoadedTable) =>
      diffFiles(
        world.io,
        {
          before: currentSnapshot(from.metadata),
          after: currentSnapshot(to.metadata),
          metadata: second.metadata,
        },
        { content: 'data' },
      )
    const forth = await diff(first, second)
    expect([names(forth.added), names(forth.removed)]).toEqual([['c'], ['a']])
    const back = await diff(second, first)
    expect([names(back.added), names(back.removed)]).toEqual([['a'], ['c']])
  })
})
