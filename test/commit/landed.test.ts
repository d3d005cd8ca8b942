/** A catalog that takes a commit, loses its answer, and calls it refused when asked: the history tells what is true. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { Catalog, LoadedTable } from '../../src/catalog/catalog.js'
import { alterTableAction } from '../../src/commit/alter-table.js'
import { cherryPickAction } from '../../src/commit/cherry-pick.js'
import type { TableAction } from '../../src/commit/commit-loop.js'
import { hasLanded } from '../../src/commit/landed.js'
import { fastForwardAction, rollbackAction, setBranchAction } from '../../src/commit/move-branch.js'
import { createRefAction, dropRefAction } from '../../src/commit/ref-actions.js'
import { WAP_ID } from '../../src/commit/wap.js'
import type { TableMetadata } from '../../src/metadata/table-metadata.js'
import {
  commit,
  commitFiles,
  createTable,
  createWorld,
  dataFile,
  fileAction,
  ORDERS,
  type World,
} from '../snapshot/world.js'

let world: World
beforeEach(async () => {
  world = await createWorld()
  await createTable(world, { properties: { 'write.wap.enabled': 'true' } })
})

const current = (): Promise<LoadedTable> => world.catalog.loadTable(ORDERS)
const append = async (name: string, ref?: string): Promise<LoadedTable> =>
  commitFiles(world, { addedDataFiles: [await dataFile(world, name)] }, ref === undefined ? {} : { ref })

/** The first commit lands; whoever asks is told that it was refused, after `meanwhile` went on from there. */
function liar(meanwhile: () => Promise<unknown> = async () => undefined): Catalog {
  let isFirst = true
  return {
    ...world.catalog,
    async commit(changes, options) {
      const outcome = await world.catalog.commit(changes, options)
      if (!isFirst || outcome.status !== 'committed') return outcome
      isFirst = false
      return { status: 'unknown', attempt: { changes }, cause: new Error('the answer was lost') }
    },
    async settle() {
      await meanwhile()
      return { status: 'conflict', identifier: ORDERS, reason: 'the table was changed meanwhile' }
    },
  }
}

interface Case {
  readonly name: string
  /** Makes what the action needs, and the action. */
  readonly prepare: () => Promise<TableAction>
  /** True of the table when the action was done, whatever came behind it. */
  readonly isDone: (metadata: TableMetadata) => boolean
}

const ids: bigint[] = []
const remember = async (...made: readonly Promise<LoadedTable>[]): Promise<void> => {
  ids.length = 0
  for (const each of made) {
    const { metadata } = await each
    ids.push(metadata.snapshots.at(-1)?.snapshotId ?? -1n)
  }
}
const isOnMain = (metadata: TableMetadata, id: bigint | undefined): boolean =>
  metadata.snapshotLog.some(entry => entry.snapshotId === id)

const CASES: readonly Case[] = [
  {
    name: 'an append',
    prepare: async () => fileAction(world, { addedDataFiles: [await dataFile(world, 'mine')] }),
    isDone: metadata =>
      metadata.snapshots.filter(({ summary }) => summary['added-data-files'] === '1').length > 0,
  },
  {
    name: 'a rollback',
    prepare: async () => {
      await remember(append('a'))
      await append('b')
      return rollbackAction({ to: { snapshotId: ids[0] ?? -1n } })
    },
    isDone: metadata => metadata.snapshotLog.filter(entry => entry.snapshotId === ids[0]).length === 2,
  },
  {
    name: 'a fast-forward',
    prepare: async () => {
      await append('a')
      await remember(append('b', 'audit'))
      return fastForwardAction({ branch: 'main', to: 'audit' })
    },
    isDone: metadata => isOnMain(metadata, ids[0]),
  },
  {
    name: 'setting a branch',
    prepare: async () => {
      await remember(append('a'))
      await append('b')
      return setBranchAction({ branch: 'old', to: { snapshotId: ids[0] ?? -1n } })
    },
    isDone: metadata => metadata.refs.old?.snapshotId === ids[0],
  },
  {
    name: 'publishing what was staged on the head',
    prepare: async () => {
      await append('a')
      const staged = await commitFiles(
        world,
        { addedDataFiles: [await dataFile(world, 's')] },
        { ref: 'stage', summary: { [WAP_ID]: 'w1' } },
      )
      await remember(Promise.resolve(staged))
      return cherryPickAction(world.io, { wapId: 'w1' }, { runtime: world.runtime })
    },
    isDone: metadata => isOnMain(metadata, ids[0]),
  },
  {
    name: 'a branch',
    prepare: async () => {
      await append('a')
      return createRefAction({ type: 'branch', name: 'made' })
    },
    isDone: metadata => metadata.refs.made !== undefined,
  },
  {
    name: 'dropping a tag',
    prepare: async () => {
      await append('a')
      await commit(world, [{ identifier: ORDERS, action: createRefAction({ type: 'tag', name: 'gone' }) }])
      return dropRefAction({ type: 'tag', name: 'gone' })
    },
    isDone: metadata => metadata.refs.gone === undefined,
  },
  {
    name: 'a new column',
    prepare: async () =>
      alterTableAction({
        changes: [{ kind: 'add-column', name: 'note', type: { kind: 'string' } }],
        runtime: world.runtime,
      }),
    isDone: metadata => metadata.schemas.at(-1)?.fields.some(field => field.name === 'note') === true,
  },
]

describe('a commit that landed, and that its catalog calls refused', () => {
  it.each(CASES)('is acknowledged and not repeated: $name', async ({ prepare, isDone }) => {
    const action = await prepare()
    const before = (await current()).metadata
    const result = await commit({ ...world, catalog: liar() }, [{ identifier: ORDERS, action }])
    expect(result).toMatchObject({ attempts: 1, changed: [true] })
    const { metadata } = await current()
    expect(isDone(metadata)).toBe(true)
    expect(metadata.metadataLog.length - before.metadataLog.length).toBe(1)
  })

  it.each(CASES)('does not undo what came behind it: $name', async ({ prepare, isDone }) => {
    const action = await prepare()
    let behind: LoadedTable | undefined
    const meanwhile = async (): Promise<void> => {
      behind = await append('behind')
    }
    const result = await commit({ ...world, catalog: liar(meanwhile) }, [{ identifier: ORDERS, action }])
    expect(result).toMatchObject({ attempts: 1, changed: [true] })
    const { metadata, metadataLocation } = await current()
    expect(metadataLocation).toBe(behind?.metadataLocation)
    expect(isDone(metadata)).toBe(true)
  })
})

describe('the history of a table', () => {
  const rollback = async (): Promise<{ base: LoadedTable; action: TableAction }> => {
    await remember(append('a'))
    const base = await append('b')
    return { base, action: rollbackAction({ to: { snapshotId: ids[0] ?? -1n } }) }
  }
  const sentOf = async (base: LoadedTable, action: TableAction) => {
    const change = await action(base, { number: 1 })
    if (change === 'unchanged') throw new Error('nothing to send')
    return [{ identifier: ORDERS, base, updates: change.updates, requirements: change.requirements }]
  }

  it('shows nothing of a commit that never arrived', async () => {
    const { base, action } = await rollback()
    const commits = await sentOf(base, action)
    expect(await hasLanded({ commits }, [await current()], world)).toBe(false)
    await append('c')
    expect(await hasLanded({ commits }, [await current()], world)).toBe(false)
  })

  it('shows by its metadata file a commit that the catalog moved to a newer base', async () => {
    const { base, action } = await rollback()
    const commits = await sentOf(base, action)
    await commit(world, [{ identifier: ORDERS, action: createRefAction({ type: 'tag', name: 't' }) }])
    const outcome = await world.catalog.commit(commits)
    if (outcome.status !== 'committed') throw new Error('the commit was refused')
    await append('d')
    const metadataLocations = outcome.tables.map(table => table.metadataLocation)
    expect(await hasLanded({ commits, metadataLocations }, [await current()], world)).toBe(true)
    // Without the name of the file, by the step that it is.
    expect(await hasLanded({ commits }, [await current()], world)).toBe(true)
  })

  it('says nothing when it does not reach back, or its files are gone', async () => {
    const { base, action } = await rollback()
    const commits = await sentOf(base, action)
    const [landed] = (await commit(world, [{ identifier: ORDERS, action }])).tables
    await append('e')
    const now = await current()
    await world.io.delete([landed?.metadataLocation ?? ''])
    expect(await hasLanded({ commits }, [now], world)).toBe(false)
    const { metadata } = now
    expect(
      await hasLanded({ commits }, [{ ...now, metadata: { ...metadata, metadataLog: [] } }], world),
    ).toBe(false)
  })
})
