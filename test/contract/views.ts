/** One suite for the views of every catalog. */
import { afterEach, beforeEach, describe, expect } from 'vitest'
import { LakeError } from '../../src/base/errors.js'
import { systemRuntime } from '../../src/base/runtime.js'
import type { Catalog, TableIdentifier } from '../../src/catalog/catalog.js'
import type { CatalogViews, LoadedView, ViewCommit, ViewOutcome } from '../../src/catalog/views.js'
import type { FileIO } from '../../src/io/file-io.js'
import { newViewUpdates, replaceViewUpdates } from '../../src/metadata/view-definition.js'
import type { ViewUpdate, ViewVersion } from '../../src/metadata/view-metadata.js'
import type { Schema } from '../../src/schema/types.js'
import {
  type CatalogSuiteOptions,
  type CatalogUnderTest,
  createTable,
  creation,
  ITEMS,
  itWithout,
  ORDERS,
} from './catalog.js'

export const TOTALS: TableIdentifier = { namespace: ['shop'], name: 'totals' }
const SUMS: TableIdentifier = { namespace: ['shop'], name: 'sums' }

const SCHEMA: Schema = {
  schemaId: 0,
  fields: [{ id: 1, name: 'total', required: false, type: { kind: 'long' } }],
  identifierFieldIds: [],
}

function versionOf(
  sql: string,
  dialects: readonly string[] = ['spark'],
): Omit<ViewVersion, 'versionId' | 'schemaId'> {
  return {
    timestampMs: 1_700_000_000_000,
    summary: { 'engine-name': 'test' },
    representations: dialects.map(dialect => ({ kind: 'sql', sql, dialect })),
    defaultNamespace: ['shop'],
  }
}

async function viewCreation(catalog: Catalog, identifier: TableIdentifier): Promise<ViewCommit> {
  const location = await catalog.defaultTableLocation(identifier)
  const uuid = systemRuntime.uuid()
  const version = versionOf('SELECT count(*) FROM orders')
  const properties = { comment: 'all of them' }
  const updates = newViewUpdates({ uuid, location, schema: SCHEMA, version, properties })
  return { identifier, requirements: [{ type: 'assert-create' }], updates }
}

export function landed(outcome: ViewOutcome): LoadedView {
  if (outcome.status !== 'committed') throw new LakeError('conflict', `not committed: ${outcome.status}`)
  return outcome.view
}

export function viewsOf(catalog: Catalog): CatalogViews {
  if (catalog.views === undefined) throw new LakeError('unsupported', 'the catalog has no views')
  return catalog.views
}

export async function createView(catalog: Catalog, identifier: TableIdentifier): Promise<LoadedView> {
  return landed(await viewsOf(catalog).commit(await viewCreation(catalog, identifier)))
}

export function replacing({ identifier, metadata }: LoadedView, sql: string): ViewCommit {
  const updates = replaceViewUpdates({ schema: SCHEMA, version: versionOf(sql) })
  return { identifier, requirements: [{ type: 'assert-view-uuid', uuid: metadata.viewUuid }], updates }
}

function changing({ identifier }: LoadedView, update: ViewUpdate): ViewCommit {
  return { identifier, requirements: [], updates: [update] }
}

function sqlOf({ metadata }: LoadedView): string {
  const current = metadata.versions.find(({ versionId }) => versionId === metadata.currentVersionId)
  const [representation] = current?.representations ?? []
  return representation?.kind === 'sql' ? representation.sql : 'none'
}

async function metadataFiles(io: FileIO, { metadata }: LoadedView): Promise<readonly string[]> {
  const files: string[] = []
  for await (const file of io.list(`${metadata.location}/metadata/`)) files.push(file.location)
  return files
}

async function kindOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'nothing was thrown'
  } catch (error) {
    return error instanceof LakeError ? error.kind : `not a LakeError: ${error}`
  }
}

export function describeViews(
  name: string,
  open: () => Promise<CatalogUnderTest>,
  options: Pick<CatalogSuiteOptions, 'without'> = {},
): void {
  describe(`the contract of views: ${name}`, () => {
    const it = itWithout(options.without ?? {})
    let world: CatalogUnderTest
    let catalog: Catalog
    let views: CatalogViews
    beforeEach(async () => {
      world = await open()
      catalog = world.catalog
      views = viewsOf(catalog)
      await catalog.createNamespace(['shop'])
    })
    afterEach(() => world.close())

    it('are made, listed, loaded and dropped, and other clients see them', async () => {
      expect(await views.list(['shop'])).toEqual([])
      const view = await createView(catalog, TOTALS)
      expect(view.metadata).toMatchObject({ currentVersionId: 1, properties: { comment: 'all of them' } })
      const other = viewsOf(await world.another())
      expect(await other.list(['shop'])).toEqual([TOTALS])
      expect(await other.exists(TOTALS)).toBe(true)
      expect(await other.load(TOTALS)).toEqual(view)
      await other.drop(TOTALS)
      expect(await views.exists(TOTALS)).toBe(false)
      expect(await views.list(['shop'])).toEqual([])
      expect(await kindOf(views.load(TOTALS))).toBe('not-found')
      expect(await kindOf(views.drop(TOTALS))).toBe('not-found')
    })

    it('need a namespace', async () => {
      const nowhere = { namespace: ['none'], name: 'totals' }
      expect(await kindOf(createView(catalog, nowhere))).toBe('not-found')
      expect(await kindOf(views.list(['none']))).toBe('not-found')
    })

    it('keep their namespace from being dropped', async () => {
      await createView(catalog, TOTALS)
      expect(await kindOf(catalog.dropNamespace(['shop']))).toBe('conflict')
      await views.drop(TOTALS)
      await catalog.dropNamespace(['shop'])
    })

    it('are not made twice, and leave no file behind', async () => {
      const view = await createView(catalog, TOTALS)
      const again = await views.commit({
        ...(await viewCreation(catalog, TOTALS)),
        updates: newViewUpdates({
          uuid: systemRuntime.uuid(),
          location: view.metadata.location,
          schema: SCHEMA,
          version: versionOf('SELECT 2'),
        }),
      })
      expect(again).toMatchObject({ status: 'conflict', requirement: { type: 'assert-create' } })
      expect(await views.load(TOTALS)).toEqual(view)
      expect(await metadataFiles(world.io, view)).toHaveLength(1)
    })

    it('get another definition, and their history tells', async () => {
      const first = await createView(catalog, TOTALS)
      const second = landed(await views.commit(replacing(first, 'SELECT 2')))
      expect(sqlOf(second)).toBe('SELECT 2')
      expect(second.metadata.versions.map(version => version.versionId)).toEqual([1, 2])
      expect(second.metadata.versionLog.map(entry => entry.versionId)).toEqual([1, 2])
      expect(second.metadataLocation).not.toBe(first.metadataLocation)
      expect(await views.load(TOTALS)).toEqual(second)
    })

    it('that would stay as they are cost no file', async () => {
      const view = await createView(catalog, TOTALS)
      const same = landed(await views.commit(replacing(view, 'SELECT count(*) FROM orders')))
      expect(same.metadataLocation).toBe(view.metadataLocation)
      expect(await metadataFiles(world.io, view)).toHaveLength(1)
    })

    it('are not changed when they are others by now, or gone', async () => {
      const view = await createView(catalog, TOTALS)
      await views.drop(TOTALS)
      expect(await kindOf(views.commit(replacing(view, 'SELECT 2')))).toBe('not-found')
      const next = await createView(catalog, TOTALS)
      const outcome = await views.commit(replacing(view, 'SELECT 2'))
      expect(outcome).toMatchObject({ status: 'conflict', requirement: { type: 'assert-view-uuid' } })
      expect(await views.load(TOTALS)).toEqual(next)
    })

    it('do not lose a dialect by mistake', async () => {
      const view = await createView(catalog, TOTALS)
      const version = versionOf('SELECT 1', ['trino'])
      const change = { ...replacing(view, ''), updates: replaceViewUpdates({ schema: SCHEMA, version }) }
      expect(await kindOf(views.commit(change))).toBe('invalid-argument')
      expect(await metadataFiles(world.io, view)).toHaveLength(1)
    })

    it("and tables do not take each other's names", async () => {
      const view = await createView(catalog, TOTALS)
      const table = await createTable(catalog, ORDERS)
      expect(await views.list(['shop'])).toEqual([TOTALS])
      expect(await catalog.listTables(['shop'])).toEqual([ORDERS])
      expect([await views.exists(ORDERS), await catalog.tableExists(TOTALS)]).toEqual([false, false])
      expect(await kindOf(views.load(ORDERS))).toBe('not-found')
      expect(await kindOf(catalog.loadTable(TOTALS))).toBe('not-found')
      expect(await kindOf(views.drop(ORDERS))).toBe('not-found')
      expect(await kindOf(catalog.dropTable(TOTALS))).toBe('not-found')

      const viewOverTable = await views.commit(await viewCreation(catalog, ORDERS))
      expect(viewOverTable).toMatchObject({ status: 'conflict', requirement: { type: 'assert-create' } })
      const tableOverView = await catalog.commit([await creation(catalog, TOTALS)])
      expect(tableOverView).toMatchObject({ status: 'conflict', requirement: { type: 'assert-create' } })
      expect(await kindOf(views.commit(replacing({ ...view, identifier: ORDERS }, 'SELECT 2')))).toBe(
        'not-found',
      )

      expect(await kindOf(views.rename(TOTALS, ORDERS))).toBe('already-exists')
      expect(await kindOf(views.rename(ORDERS, ITEMS))).toBe('not-found')
      expect(await kindOf(catalog.renameTable(ORDERS, TOTALS))).toBe('already-exists')
      expect(await kindOf(catalog.renameTable(TOTALS, ITEMS))).toBe('not-found')
      expect(await kindOf(views.register(ORDERS, view.metadataLocation))).toBe('already-exists')
      expect(await kindOf(catalog.registerTable(TOTALS, table.metadataLocation))).toBe('already-exists')
      // Java's server registers over nothing.
      expect(['already-exists', 'unsupported']).toContain(
        await kindOf(catalog.registerTable(TOTALS, table.metadataLocation, { overwrite: true })),
      )
      expect(await kindOf(catalog.unregisterTable?.(TOTALS) ?? catalog.dropTable(TOTALS))).toBe('not-found')
      expect([await views.load(TOTALS), await catalog.loadTable(ORDERS)]).toEqual([view, table])
    })

    it('are renamed', async () => {
      const view = await createView(catalog, TOTALS)
      await catalog.createNamespace(['hr'])
      const moved = { namespace: ['hr'], name: 'sums' }
      await views.rename(TOTALS, moved)
      expect(await views.list(['shop'])).toEqual([])
      expect(await views.load(moved)).toEqual({ ...view, identifier: moved })
      landed(await views.commit(replacing({ ...view, identifier: moved }, 'SELECT 2')))
      expect(await kindOf(views.rename(TOTALS, SUMS))).toBe('not-found')
      expect(await kindOf(views.rename(moved, { namespace: ['none'], name: 'sums' }))).toBe('not-found')
      await createView(catalog, SUMS)
      expect(await kindOf(views.rename(moved, SUMS))).toBe('already-exists')
    })

    it('are registered from a metadata file', async () => {
      const view = await createView(catalog, TOTALS)
      await views.drop(TOTALS)
      const registered = await views.register(SUMS, view.metadataLocation)
      expect(registered).toEqual({ ...view, identifier: SUMS })
      expect(await views.load(SUMS)).toEqual(registered)
      expect(await kindOf(views.register(SUMS, view.metadataLocation))).toBe('already-exists')
      const missing = `${view.metadata.location}/metadata/none.metadata.json`
      expect(await kindOf(views.register(TOTALS, missing))).toBe('not-found')
      const table = await createTable(catalog, ORDERS)
      expect(await kindOf(views.register(TOTALS, table.metadataLocation))).toBe('corrupt')
      expect(await views.exists(TOTALS)).toBe(false)
    })

    it('of writers at once all land; of creators at once one wins', async () => {
      const [ours, theirs] = [catalog, await world.another()]
      const created = await Promise.all(
        [ours, theirs, ours, theirs].map(async each =>
          viewsOf(each).commit(await viewCreation(each, TOTALS)),
        ),
      )
      expect(created.map(outcome => outcome.status).sort()).toEqual([
        'committed',
        'conflict',
        'conflict',
        'conflict',
      ])
      const view = await views.load(TOTALS)
      const names = ['a', 'b', 'c', 'd']
      const outcomes = await Promise.all(
        names.map((name, index) =>
          viewsOf(index % 2 === 0 ? ours : theirs).commit(
            changing(view, { action: 'set-properties', updates: { [name]: '1' } }),
          ),
        ),
      )
      const told = names.filter((_, index) => outcomes[index]?.status === 'committed')
      const { metadata } = await views.load(TOTALS)
      expect(Object.keys(metadata.properties)).toEqual(expect.arrayContaining(told))
      expect(outcomes.every(({ status }) => status !== 'unknown')).toBe(true)
      expect(await metadataFiles(world.io, view)).toHaveLength(1 + told.length)
    })
  })
}
