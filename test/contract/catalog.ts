/**
 * One suite for every catalog. A catalog that cannot do something says so in `skip`, with the reason.
 */
import { afterAll, afterEach, it as always, beforeEach, describe, expect } from 'vitest'
import { LakeError } from '../../src/base/errors.js'
import { systemRuntime } from '../../src/base/runtime.js'
import type {
  Catalog,
  CommitOutcome,
  LoadedTable,
  TableCommit,
  TableIdentifier,
} from '../../src/catalog/catalog.js'
import type { FileIO } from '../../src/io/file-io.js'
import { newTableUpdates } from '../../src/metadata/new-table.js'
import type { Snapshot, TableMetadata } from '../../src/metadata/table-metadata.js'
import type { TableRequirement, TableUpdate } from '../../src/metadata/table-update.js'
import type { Schema } from '../../src/schema/types.js'

export interface CatalogUnderTest {
  readonly catalog: Catalog
  readonly io: FileIO
  /** Another client of the same catalog. */
  another(): Promise<Catalog>
  close(): Promise<void>
}

export interface CatalogSuiteOptions {
  /** Tests that do not apply, by the key of the feature, with the reason. */
  readonly skip?: Readonly<Partial<Record<'multi-table' | 'nested-namespaces', string>>>
  /** Single tests that do not apply, by their names, with the reason: what a server of others does otherwise. */
  readonly without?: Readonly<Record<string, string>>
  /** The property of a namespace that says where its tables go; default `location`. */
  readonly locationProperty?: string
}

const SCHEMA: Schema = {
  schemaId: 0,
  fields: [
    { id: 1, name: 'id', required: true, type: { kind: 'long' } },
    { id: 2, name: 'region', required: false, type: { kind: 'string' } },
  ],
  identifierFieldIds: [1],
}

export const ORDERS: TableIdentifier = { namespace: ['shop'], name: 'orders' }
export const ITEMS: TableIdentifier = { namespace: ['shop'], name: 'items' }

/** A commit that creates a table at the catalog's default location. */
export async function creation(catalog: Catalog, identifier: TableIdentifier): Promise<TableCommit> {
  const location = await catalog.defaultTableLocation(identifier)
  const updates = newTableUpdates({ schema: SCHEMA, location, uuid: systemRuntime.uuid() })
  return { identifier, requirements: [{ type: 'assert-create' }], updates }
}

export function committed(outcome: CommitOutcome): readonly LoadedTable[] {
  if (outcome.status !== 'committed')
    throw new LakeError('conflict', `the commit was not done: ${outcome.status}`)
  return outcome.tables
}

export async function createTable(catalog: Catalog, identifier: TableIdentifier): Promise<LoadedTable> {
  const [table] = committed(await catalog.commit([await creation(catalog, identifier)]))
  return table!
}

/** An empty append: what every writer's commit looks like to a catalog. */
export function appendTo(base: LoadedTable, snapshotId: bigint): TableCommit {
  const { metadata, identifier } = base
  const snapshot: Snapshot = {
    snapshotId,
    ...(metadata.currentSnapshotId === undefined ? {} : { parentSnapshotId: metadata.currentSnapshotId }),
    sequenceNumber: metadata.lastSequenceNumber + 1n,
    timestampMs: Math.max(systemRuntime.nowMs(), metadata.lastUpdatedMs),
    manifestList: `${metadata.location}/metadata/snap-${snapshotId}.avro`,
    operation: 'append',
    summary: {},
    schemaId: metadata.currentSchemaId,
  }
  return {
    identifier,
    base,
    requirements: [sameUuid(metadata), mainIsAt(metadata)],
    updates: [
      { action: 'add-snapshot', snapshot },
      { action: 'set-snapshot-ref', refName: 'main', ref: { type: 'branch', snapshotId } },
    ],
  }
}

export function sameUuid(metadata: TableMetadata): TableRequirement {
  return { type: 'assert-table-uuid', uuid: metadata.tableUuid ?? '' }
}

function mainIsAt(metadata: TableMetadata): TableRequirement {
  return { type: 'assert-ref-snapshot-id', ref: 'main', snapshotId: metadata.currentSnapshotId }
}

export function setProperties(base: LoadedTable, updates: Readonly<Record<string, string>>): TableCommit {
  const update: TableUpdate = { action: 'set-properties', updates }
  return { identifier: base.identifier, base, requirements: [sameUuid(base.metadata)], updates: [update] }
}

/** How many files there are under a table's location. */
export async function metadataFiles(io: FileIO, table: LoadedTable): Promise<readonly string[]> {
  const files: string[] = []
  for await (const file of io.list(`${table.metadata.location}/metadata/`)) files.push(file.location)
  return files.filter(file => file.endsWith('.metadata.json')).sort()
}

async function kindOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'nothing was thrown'
  } catch (error) {
    return error instanceof LakeError ? error.kind : `not a LakeError: ${error}`
  }
}

type Test = (name: string, body: () => Promise<unknown>) => void

/** Tests by name but for some, which are shown as skipped; each of these has to be there. */
export function itWithout(
  reasons: Readonly<Record<string, string>>,
): Test & { skipIf(condition: unknown): Test } {
  const unseen = new Set(Object.keys(reasons))
  const it: Test = (name, body) => {
    unseen.delete(name)
    always.skipIf(Object.hasOwn(reasons, name))(name, body)
  }
  afterAll(() => expect([...unseen], 'tests to leave out that are not there').toEqual([]))
  return Object.assign(it, { skipIf: (condition: unknown) => (condition ? always.skip : it) })
}

export function describeCatalog(
  name: string,
  open: () => Promise<CatalogUnderTest>,
  options: CatalogSuiteOptions = {},
): void {
  describe(`the catalog contract: ${name}`, () => {
    const it = itWithout(options.without ?? {})
    let world: CatalogUnderTest
    let catalog: Catalog
    beforeEach(async () => {
      world = await open()
      catalog = world.catalog
    })
    afterEach(() => world.close())

    describe('namespaces', () => {
      it('are made, listed, read and dropped', async () => {
        await catalog.createNamespace(['shop'], { owner: 'ann' })
        await catalog.createNamespace(['hr'])
        expect(await catalog.listNamespaces()).toEqual(expect.arrayContaining([['hr'], ['shop']]))
        expect(await catalog.loadNamespace(['shop'])).toMatchObject({ owner: 'ann' })
        expect(Object.keys(await catalog.loadNamespace(['hr']))).not.toContain('exists')
        await catalog.dropNamespace(['shop'])
        expect(await catalog.listNamespaces()).toEqual([['hr']])
      })

      it('cannot be made twice, and a missing one is not found', async () => {
        await catalog.createNamespace(['shop'])
        expect(await kindOf(catalog.createNamespace(['shop']))).toBe('already-exists')
        expect(await kindOf(catalog.loadNamespace(['none']))).toBe('not-found')
        expect(await kindOf(catalog.dropNamespace(['none']))).toBe('not-found')
        expect(await kindOf(catalog.listTables(['none']))).toBe('not-found')
        const change = { removals: [], updates: { a: '1' } }
        expect(await kindOf(catalog.updateNamespace(['none'], change))).toBe('not-found')
      })

      it('change their properties; a key cannot be removed and set at once; missing removals are no error', async () => {
        await catalog.createNamespace(['shop'], { owner: 'ann', old: '1' })
        await catalog.updateNamespace(['shop'], {
          removals: ['old', 'never'],
          updates: { owner: 'bob', new: '2' },
        })
        const properties = await catalog.loadNamespace(['shop'])
        expect(properties).toMatchObject({ owner: 'bob', new: '2' })
        expect(Object.keys(properties)).not.toContain('old')
        const contradiction = { removals: ['owner'], updates: { owner: 'eve' } }
        expect(await kindOf(catalog.updateNamespace(['shop'], contradiction))).toBe('invalid-argument')
      })

      it('stay when their last property is removed', async () => {
        await catalog.createNamespace(['shop'], { owner: 'ann' })
        await catalog.updateNamespace(['shop'], { removals: ['owner', 'exists'], updates: {} })
        expect(await catalog.listNamespaces()).toEqual([['shop']])
      })

      it('are not dropped while they hold a table', async () => {
        await catalog.createNamespace(['shop'])
        await createTable(catalog, ORDERS)
        expect(await kindOf(catalog.dropNamespace(['shop']))).toBe('conflict')
        await catalog.dropTable(ORDERS)
        await catalog.dropNamespace(['shop'])
        expect(await catalog.listNamespaces()).toEqual([])
      })

      it.skipIf(options.skip?.['nested-namespaces'])(
        'nest; siblings with one prefix stay apart',
        async () => {
          for (const namespace of [['a'], ['a', 'b'], ['a', 'b', 'c'], ['ab'], ['a_'], ['A', 'b']])
            await catalog.createNamespace(namespace)
          expect(await catalog.listNamespaces(['a'])).toEqual([['a', 'b']])
          expect(await catalog.listNamespaces(['a', 'b'])).toEqual([['a', 'b', 'c']])
          expect(await catalog.listNamespaces(['a_'])).toEqual([])
          expect(new Set((await catalog.listNamespaces()).map(String))).toEqual(
            new Set(['A', 'a', 'a_', 'ab']),
          )
          expect(await kindOf(catalog.dropNamespace(['a', 'b']))).toBe('conflict')
          expect(await kindOf(catalog.listNamespaces(['none']))).toBe('not-found')
          await catalog.dropNamespace(['a_'])
        },
      )
    })

    describe('tables', () => {
      beforeEach(() => catalog.createNamespace(['shop']))

      it('are created, listed, loaded and dropped', async () => {
        expect(await catalog.tableExists(ORDERS)).toBe(false)
        const table = await createTable(catalog, ORDERS)
        expect(await catalog.tableExists(ORDERS)).toBe(true)
        expect(await catalog.listTables(['shop'])).toEqual([ORDERS])
        const loaded = await (await world.another()).loadTable(ORDERS)
        expect(loaded).toEqual(table)
        expect(loaded.metadata.schemas[0]?.fields.map(field => field.name)).toEqual(['id', 'region'])
        await catalog.dropTable(ORDERS)
        expect(await catalog.listTables(['shop'])).toEqual([])
        expect(await kindOf(catalog.loadTable(ORDERS))).toBe('not-found')
        expect(await kindOf(catalog.dropTable(ORDERS))).toBe('not-found')
      })

      it('are not created twice: the second creator gets a conflict and leaves no file', async () => {
        const late = await creation(catalog, ORDERS)
        const table = await createTable(catalog, ORDERS)
        const outcome = await catalog.commit([late])
        expect(outcome).toMatchObject({ status: 'conflict', requirement: { type: 'assert-create' } })
        expect(await metadataFiles(world.io, table)).toEqual([table.metadataLocation])
      })

      it('need a namespace', async () => {
        const commit = await creation(catalog, { namespace: ['none'], name: 't' })
        expect(await kindOf(catalog.commit([commit]))).toBe('not-found')
      })

      it('have names with spaces, slashes and letters of any script', async () => {
        for (const name of ['two words', 'a/b', 'größe 😀', "it's", '100%', '_a', 'A']) {
          const identifier = { namespace: ['shop'], name }
          const table = await createTable(catalog, identifier)
          expect(await (await world.another()).loadTable(identifier)).toEqual(table)
        }
        expect((await catalog.listTables(['shop'])).length).toBe(7)
      })

      it('are renamed, into another namespace too, and keep their history', async () => {
        await catalog.createNamespace(['archive'])
        const table = await createTable(catalog, ORDERS)
        const moved = { namespace: ['archive'], name: 'old orders' }
        await catalog.renameTable(ORDERS, moved)
        expect(await catalog.tableExists(ORDERS)).toBe(false)
        const loaded = await catalog.loadTable(moved)
        expect(loaded.metadataLocation).toBe(table.metadataLocation)
        committed(await catalog.commit([appendTo(loaded, 1n)]))
      })

      it('are not renamed onto another table, out of nothing, or into a missing namespace', async () => {
        await createTable(catalog, ORDERS)
        await createTable(catalog, ITEMS)
        expect(await kindOf(catalog.renameTable(ORDERS, ITEMS))).toBe('already-exists')
        expect(await kindOf(catalog.renameTable(ORDERS, { namespace: ['none'], name: 'x' }))).toBe(
          'not-found',
        )
        const missing = { namespace: ['shop'], name: 'missing' }
        expect(await kindOf(catalog.renameTable(missing, { namespace: ['shop'], name: 'x' }))).toBe(
          'not-found',
        )
      })

      it('get a folder of their own by default, also where a renamed table left its files', async () => {
        const first = await createTable(catalog, ORDERS)
        await catalog.renameTable(ORDERS, ITEMS)
        const second = await createTable(catalog, ORDERS)
        expect(second.metadata.location).not.toBe(first.metadata.location)
        expect(second.metadata.location.startsWith(`${first.metadata.location}/`)).toBe(false)
        expect((await catalog.loadTable(ITEMS)).metadata).toEqual(first.metadata)
      })

      it('live where the namespace says', async () => {
        const location = 'file:///elsewhere/shop'
        const updates = { [options.locationProperty ?? 'location']: location }
        await catalog.updateNamespace(['shop'], { removals: [], updates })
        expect(await catalog.defaultTableLocation(ORDERS)).toBe(`${location}/orders`)
      })

      it('are registered from a metadata file, and not over another table', async () => {
        const table = await createTable(catalog, ORDERS)
        await catalog.dropTable(ORDERS)
        expect(await catalog.registerTable(ORDERS, table.metadataLocation)).toEqual(table)
        expect(await catalog.loadTable(ORDERS)).toEqual(table)
        expect(await kindOf(catalog.registerTable(ORDERS, table.metadataLocation))).toBe('already-exists')
        const missing = `${table.metadata.location}/metadata/none.metadata.json`
        expect(await kindOf(catalog.registerTable(ITEMS, missing))).toBe('not-found')
        expect(await catalog.tableExists(ITEMS)).toBe(false)
      })

      it('give way to other metadata that is registered over them; their files stay, their commits lose', async () => {
        const orders = await createTable(catalog, ORDERS)
        const items = await createTable(catalog, ITEMS)
        const other = await world.another()
        const stale = await other.loadTable(ORDERS)
        const set = await catalog.registerTable(ORDERS, items.metadataLocation, { overwrite: true })
        expect(set).toEqual({ ...items, identifier: ORDERS })
        expect(await kindOf(other.registerTable(ORDERS, orders.metadataLocation))).toBe('already-exists')
        expect(await other.commit([appendTo(stale, 1n)])).toMatchObject({ status: 'conflict' })
        expect(await (await world.another()).loadTable(ORDERS)).toEqual(set)
        const missing = `${orders.metadata.location}/metadata/none.metadata.json`
        expect(await kindOf(catalog.registerTable(ORDERS, missing, { overwrite: true }))).toBe('not-found')
        // Back again: it is the table that it was.
        await other.registerTable(ORDERS, orders.metadataLocation, { overwrite: true })
        expect(await catalog.loadTable(ORDERS)).toEqual(orders)
        committed(await catalog.commit([appendTo(stale, 1n)]))
        expect(await catalog.loadTable(ITEMS)).toEqual(items)
      })

      it('are made by registering over nothing, in a namespace that is there', async () => {
        const orders = await createTable(catalog, ORDERS)
        const register = (identifier: TableIdentifier): Promise<LoadedTable> =>
          catalog.registerTable(identifier, orders.metadataLocation, { overwrite: true })
        expect(await register(ITEMS)).toEqual({ ...orders, identifier: ITEMS })
        expect(await kindOf(register({ namespace: ['none'], name: 'orders' }))).toBe('not-found')
        expect(await catalog.listTables(['shop'])).toEqual(expect.arrayContaining([ITEMS, ORDERS]))
      })

      it('that are registered over while others write them hold nothing of the writers', async () => {
        const orders = await createTable(catalog, ORDERS)
        const items = await createTable(catalog, ITEMS)
        const writers = await Promise.all([world.another(), world.another(), world.another()])
        const appends = writers.map(async (writer, index) => {
          const statuses: string[] = []
          let base = orders
          for (let turn = 0; turn < 4; turn++) {
            const outcome = await writer.commit([appendTo(base, BigInt(10 * index + turn + 1))])
            statuses.push(outcome.status)
            base = await writer.loadTable(ORDERS)
            if (base.metadata.tableUuid !== orders.metadata.tableUuid) break
          }
          return statuses
        })
        const set = await catalog.registerTable(ORDERS, items.metadataLocation, { overwrite: true })
        await Promise.all(appends)
        expect(await (await world.another()).loadTable(ORDERS)).toEqual(set)
      })

      it('are unregistered with their last state, from which they go on elsewhere', async () => {
        const orders = await createTable(catalog, ORDERS)
        committed(await (await world.another()).commit([appendTo(orders, 1n)]))
        const last = await catalog.unregisterTable?.(ORDERS)
        expect(last?.metadata.currentSnapshotId).toBe(1n)
        expect(await catalog.tableExists(ORDERS)).toBe(false)
        expect(await catalog.commit([appendTo(last!, 2n)]).catch(error => error)).not.toMatchObject({
          status: 'committed',
        })
        expect(await kindOf(catalog.unregisterTable!(ORDERS))).toBe('not-found')
        const again = await catalog.registerTable(ITEMS, last!.metadataLocation)
        expect(again.metadata).toEqual(last?.metadata)
        committed(await catalog.commit([appendTo(again, 2n)]))
      })

      it('that are unregistered while others write them have every commit that landed', async () => {
        const orders = await createTable(catalog, ORDERS)
        const writers = await Promise.all([world.another(), world.another()])
        const landed: bigint[] = []
        const appends = writers.map(async (writer, index) => {
          let base: LoadedTable | undefined = orders
          for (let turn = 0; turn < 5 && base !== undefined; turn++) {
            const id = BigInt(10 * index + turn + 1)
            const outcome = await writer.commit([appendTo(base, id)]).catch(() => undefined)
            if (outcome?.status === 'committed') landed.push(id)
            base = await writer.loadTable(ORDERS).catch(() => undefined)
          }
        })
        const last = await catalog.unregisterTable!(ORDERS)
        await Promise.all(appends)
        const ids = last.metadata.snapshots.map(snapshot => snapshot.snapshotId)
        expect([...ids].sort()).toEqual([...landed].sort())
        expect(await catalog.tableExists(ORDERS)).toBe(false)
      })

      it('whose metadata file is gone are not found, but listed and droppable', async () => {
        const table = await createTable(catalog, ORDERS)
        await world.io.delete([table.metadataLocation])
        expect(await kindOf((await world.another()).loadTable(ORDERS))).toBe('not-found')
        expect(await catalog.listTables(['shop'])).toEqual([ORDERS])
        await catalog.dropTable(ORDERS)
        expect(await catalog.tableExists(ORDERS)).toBe(false)
      })
    })

    describe('commits', () => {
      let base: LoadedTable
      beforeEach(async () => {
        await catalog.createNamespace(['shop'])
        base = await createTable(catalog, ORDERS)
      })

      it('swap the metadata file and log the old one', async () => {
        const [next] = committed(await catalog.commit([appendTo(base, 7n)]))
        expect(next?.metadata.currentSnapshotId).toBe(7n)
        expect(next?.metadata.metadataLog.map(entry => entry.metadataFile)).toEqual([base.metadataLocation])
        expect(await (await world.another()).loadTable(ORDERS)).toEqual(next)
        expect(await metadataFiles(world.io, base)).toEqual(
          [base.metadataLocation, next?.metadataLocation].sort(),
        )
      })

      it('keep 63-bit snapshot ids exact', async () => {
        const id = 9_223_372_036_854_775_807n
        committed(await catalog.commit([appendTo(base, id)]))
        expect((await (await world.another()).loadTable(ORDERS)).metadata.currentSnapshotId).toBe(id)
      })

      it('of an old base are a conflict that names the requirement, and leave no file', async () => {
        committed(await catalog.commit([appendTo(base, 1n)]))
        const before = await metadataFiles(world.io, base)
        const outcome = await catalog.commit([appendTo(base, 2n)])
        expect(outcome).toMatchObject({
          status: 'conflict',
          identifier: ORDERS,
          requirement: { type: 'assert-ref-snapshot-id', ref: 'main' },
        })
        expect(await metadataFiles(world.io, base)).toEqual(before)
      })

      it('whose requirements still hold land on a moved base', async () => {
        committed(await catalog.commit([appendTo(base, 1n)]))
        const [next] = committed(await catalog.commit([setProperties(base, { owner: 'ann' })]))
        expect(next?.metadata.currentSnapshotId).toBe(1n)
        expect(next?.metadata.properties.owner).toBe('ann')
      })

      it('with a stale sequence number are a conflict although the ref still matches', async () => {
        const commit = appendTo(base, 1n)
        const toBranch: TableCommit = {
          ...commit,
          updates: [
            commit.updates[0]!,
            { action: 'set-snapshot-ref', refName: 'b', ref: { type: 'branch', snapshotId: 1n } },
          ],
        }
        committed(await catalog.commit([toBranch]))
        expect(await catalog.commit([appendTo(base, 2n)])).toMatchObject({ status: 'conflict' })
      })

      it('to a table that is gone are not found', async () => {
        await catalog.dropTable(ORDERS)
        expect(await kindOf(catalog.commit([appendTo(base, 1n)]))).toBe('not-found')
      })

      it('to another table under the same name are a conflict', async () => {
        await catalog.dropTable(ORDERS)
        await createTable(catalog, ORDERS)
        expect(await catalog.commit([appendTo(base, 1n)])).toMatchObject({
          status: 'conflict',
          requirement: { type: 'assert-table-uuid' },
        })
      })

      it('that change nothing write nothing', async () => {
        const [same] = committed(await catalog.commit([setProperties(base, {})]))
        expect(same?.metadataLocation).toBe(base.metadataLocation)
        expect(await metadataFiles(world.io, base)).toEqual([base.metadataLocation])
      })

      it('delete what fell off the metadata log when the table says so', async () => {
        const limits = {
          'write.metadata.previous-versions-max': '2',
          'write.metadata.delete-after-commit.enabled': 'true',
        }
        let [table] = committed(await catalog.commit([setProperties(base, limits)]))
        for (const id of [1n, 2n, 3n]) [table] = committed(await catalog.commit([appendTo(table!, id)]))
        const log = table!.metadata.metadataLog.map(entry => entry.metadataFile)
        expect(log.length).toBe(2)
        expect(await metadataFiles(world.io, base)).toEqual([...log, table!.metadataLocation].sort())
      })

      it('of many writers at once all land, one after the other', async () => {
        const clients = [catalog, await world.another(), await world.another()]
        const land = async (client: Catalog, writer: number): Promise<void> => {
          for (let done = 0; done < 5; ) {
            const id = BigInt(1 + writer * 5 + done)
            const outcome = await client.commit([appendTo(await client.loadTable(ORDERS), id)])
            if (outcome.status === 'committed') done++
          }
        }
        await Promise.all(clients.map(land))
        const { metadata } = await catalog.loadTable(ORDERS)
        expect(metadata.snapshots.map(snapshot => snapshot.sequenceNumber)).toEqual(
          Array.from({ length: 15 }, (_, index) => BigInt(index + 1)),
        )
        expect(await metadataFiles(world.io, base)).toHaveLength(16)
      })

      it('can be aborted before they begin', async () => {
        const signal = AbortSignal.abort()
        expect(await kindOf(catalog.commit([appendTo(base, 1n)], { signal }))).toBe('aborted')
        expect(await metadataFiles(world.io, base)).toEqual([base.metadataLocation])
      })
    })

    const several = (): void => {
      const twoTables = async (): Promise<{ orders: LoadedTable; items: LoadedTable }> => {
        await catalog.createNamespace(['shop'])
        return { orders: await createTable(catalog, ORDERS), items: await createTable(catalog, ITEMS) }
      }

      it('land together', async () => {
        const { orders, items } = await twoTables()
        const tables = committed(await catalog.commit([appendTo(orders, 1n), appendTo(items, 2n)]))
        expect(tables.map(table => table.metadata.currentSnapshotId)).toEqual([1n, 2n])
        expect(await catalog.loadTable(ITEMS)).toEqual(tables[1])
      })

      it('land not at all when one requirement fails', async () => {
        const { orders, items } = await twoTables()
        committed(await catalog.commit([appendTo(items, 1n)]))
        const outcome = await catalog.commit([appendTo(orders, 2n), appendTo(items, 3n)])
        expect(outcome).toMatchObject({ status: 'conflict', identifier: ITEMS })
        expect(await catalog.loadTable(ORDERS)).toEqual(orders)
        expect(await metadataFiles(world.io, orders)).toEqual([orders.metadataLocation])
      })

      it('create one table and change another', async () => {
        const { items } = await twoTables()
        const fresh = { namespace: ['shop'], name: 'fresh' }
        const tables = committed(await catalog.commit([await creation(catalog, fresh), appendTo(items, 3n)]))
        expect(tables.map(table => table.identifier.name)).toEqual(['fresh', 'items'])
      })

      it('check a table without changing it', async () => {
        const { orders, items } = await twoTables()
        const check: TableCommit = { ...appendTo(items, 1n), updates: [] }
        committed(await catalog.commit([appendTo(orders, 2n), check]))
        expect(await catalog.loadTable(ITEMS)).toEqual(items)
        committed(await catalog.commit([appendTo(items, 1n)]))
        const now = await catalog.loadTable(ORDERS)
        expect(await catalog.commit([appendTo(now, 3n), check])).toMatchObject({ status: 'conflict' })
      })

      it('do not name a table twice', async () => {
        const { orders } = await twoTables()
        const twice = [appendTo(orders, 1n), appendTo(orders, 2n)]
        expect(await kindOf(catalog.commit(twice))).toBe('invalid-argument')
      })
    }
    if (options.skip?.['multi-table'] === undefined) describe('commits of several tables', several)
  })
}
