/** Golden items of Java's DynamoDbCatalog: serac opens them, and leaves the same items for the same statements. */
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemRuntime } from '../../src/base/runtime.js'
import type { TableIdentifier } from '../../src/catalog/catalog.js'
import { createDynamoDbCatalog } from '../../src/catalog/dynamodb.js'
import { itemOf } from '../../src/catalog/dynamodb-requests.js'
import type { StoredItem } from '../../src/catalog/dynamodb-store.js'
import { parseIdentifier } from '../../src/catalog/identifier.js'
import { createLocalIO } from '../../src/io/local.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { relocatedIO } from '../../src/io/relocated.js'
import { openLake } from '../../src/lake/lake.js'
import { createMemoryItems, type MemoryItems } from '../catalog/memory-items.js'
import { appendTo, committed, createTable } from '../contract/catalog.js'

const FOLDER = join(import.meta.dirname, 'dynamodb')
const WAREHOUSE = 'file:/warehouse/dynamodb'

interface Golden {
  readonly stages: readonly {
    readonly stage: string
    readonly items: readonly Record<string, AttributeValue>[]
  }[]
}

const golden = JSON.parse(await readFile(join(FOLDER, 'items.json'), 'utf8')) as Golden

function itemsOf(stage: number): readonly StoredItem[] {
  const items = golden.stages.at(stage)?.items ?? []
  return items.map(attributes => itemOf(attributes) as StoredItem)
}

/** What differs from run to run is told apart only by whether it differs. */
function comparable(items: readonly StoredItem[]): readonly unknown[] {
  const lines = items.map(item => {
    const { v, created_at: created, updated_at: updated, ...others } = item
    const text = JSON.stringify(others, Object.keys(others).sort())
    const isNew = created === updated ? 'new' : 'changed'
    const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g
    return `${text.replace(uuid, '<uuid>')} ${isNew} ${String(v).replace(uuid, '<uuid>')}`
  })
  return lines.sort()
}

describe("the items of Java's DynamoDbCatalog", () => {
  it('are those that serac leaves, stage by stage', async () => {
    let nowMs = 1_795_249_819_692
    const runtime = { ...systemRuntime, nowMs: () => nowMs++ }
    const items = createMemoryItems({ runtime })
    const catalog = createDynamoDbCatalog(items, { warehouse: WAREHOUSE, io: createMemoryIO(), runtime })
    const append = async (name: string, id: bigint): Promise<void> => {
      committed(await catalog.commit([appendTo(await catalog.loadTable(parseIdentifier(name)), id)]))
    }
    const create = (name: string) => createTable(catalog, parseIdentifier(name))
    const change = (updates: Readonly<Record<string, string>>) =>
      catalog.updateNamespace(['db'], { removals: [], updates })
    const owner = 'golden'
    const steps: readonly (() => Promise<unknown>)[] = [
      () =>
        catalog.createNamespace(['db'], {
          team: 'lake',
          owner,
          comment: 'golden',
          location: `${WAREHOUSE}/elsewhere`,
        }),
      async () => {
        await catalog.createNamespace(['plain'], { owner })
        await catalog.createNamespace(['plain', 'inner'], { owner })
      },
      () => create('plain.t'),
      () => append('plain.t', 1n),
      () => append('plain.t', 2n),
      async () => {
        await create('db.orders')
        await append('db.orders', 3n)
      },
      () => create('plain.inner.deep'),
      () => catalog.renameTable(parseIdentifier('plain.t'), parseIdentifier('plain.renamed')),
      () => change({ team: 'core', added: '1' }),
      async () => {
        await change({ default_location: `${WAREHOUSE}/default-place` })
        await create('db.placed')
      },
      () => catalog.dropTable(parseIdentifier('db.placed')),
      () => catalog.dropTable(parseIdentifier('db.orders')),
      () => catalog.dropNamespace(['db']),
      async () => {},
    ]
    expect(steps).toHaveLength(golden.stages.length)
    for (const [stage, step] of steps.entries()) {
      await step()
      expect(comparable(items.all()), golden.stages[stage]?.stage).toEqual(comparable(itemsOf(stage)))
    }
  })

  describe('at the end', () => {
    let folder: string
    let items: MemoryItems
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'serac-golden-'))
      await cp(join(FOLDER, 'warehouse'), folder, { recursive: true })
      items = createMemoryItems({ runtime: systemRuntime })
      for (const item of itemsOf(-1)) items.plant(item)
    })
    afterEach(() => rm(folder, { recursive: true, force: true }))

    it('are listed, read and committed to', async () => {
      const runtime = systemRuntime
      const io = relocatedIO(createLocalIO({ runtime, fsync: false }), { from: WAREHOUSE, to: folder })
      const catalog = createDynamoDbCatalog(items, { warehouse: WAREHOUSE, io, runtime })
      const renamed: TableIdentifier = { namespace: ['plain'], name: 'renamed' }
      expect(await catalog.listNamespaces()).toEqual([['plain']])
      expect(await catalog.listNamespaces(['plain'])).toEqual([['plain', 'inner']])
      expect(await catalog.listTables(['plain'])).toEqual([renamed])
      expect(await catalog.loadNamespace(['plain'])).toEqual({ owner: 'golden' })
      await using lake = openLake({ catalog, io, runtime, warehouse: WAREHOUSE })
      const rows = async (): Promise<readonly unknown[]> => {
        const found: unknown[] = []
        for await (const { id, v } of lake.table('plain.renamed').scan().rows()) found.push([id, v])
        return found.sort()
      }
      const three = [
        [1n, 'a'],
        [2n, 'b'],
        [3n, 'c'],
      ]
      expect(await rows()).toEqual(three)
      const before = items.all().find(item => item.identifier === 'plain.renamed')
      await lake.table('plain.renamed').append([{ id: 4, v: 'd' }])
      expect(await rows()).toEqual([...three, [4n, 'd']])
      const after = items.all().find(item => item.identifier === 'plain.renamed')
      expect(after?.['p.previous_metadata_location']).toBe(before?.['p.metadata_location'])
      expect(after?.created_at).toBe(before?.created_at)
    })
  })
})
