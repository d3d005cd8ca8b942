/** What becomes of changes of the DynamoDB catalog whose requests or answers are lost, late, doubled or refused for now. */
import { beforeEach, describe, expect, it } from 'vitest'
import { type Runtime, systemRuntime } from '../../src/base/runtime.js'
import type { Catalog, CommitOutcome, LoadedTable, TableCommit } from '../../src/catalog/catalog.js'
import { createDynamoDbCatalog } from '../../src/catalog/dynamodb.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { writeTableMetadata } from '../../src/metadata/metadata-file.js'
import {
  appendTo,
  committed,
  createTable,
  creation,
  ITEMS,
  metadataFiles,
  ORDERS,
  setProperties,
} from '../contract/catalog.js'
import { type FaultyItems, faultyItems, type WriteFault } from './faulty-items.js'
import { createMemoryItems, type MemoryItems } from './memory-items.js'

/** Waits take no time. */
const runtime: Runtime = { ...systemRuntime, sleep: async () => {} }
const io = createMemoryIO()

let items: MemoryItems
let faulty: FaultyItems
/** Faults of the next writes, in turn. */
let faults: WriteFault[]
let catalog: Catalog
/** Another client, without faults. */
let other: Catalog
let table: LoadedTable

beforeEach(async () => {
  items = createMemoryItems({ runtime })
  faults = []
  faulty = faultyItems(items, () => faults.shift())
  const warehouse = `memory:/${systemRuntime.uuid()}`
  catalog = createDynamoDbCatalog(faulty, { warehouse, io, runtime })
  other = createDynamoDbCatalog(items, { warehouse, io, runtime })
  await other.createNamespace(['shop'], { owner: 'ann' })
  await other.createNamespace(['empty'])
  table = await createTable(other, ORDERS)
})

/** As the commit loop does it. */
async function commitAndSettle(changes: readonly TableCommit[]): Promise<CommitOutcome> {
  let outcome = await catalog.commit(changes)
  for (let looks = 0; outcome.status === 'unknown' && looks < 5; looks++)
    outcome = await catalog.settle(outcome.attempt)
  return outcome
}

interface Change {
  readonly name: string
  readonly run: () => Promise<unknown>
  readonly isDone: () => Promise<boolean>
}

const CHANGES: readonly Change[] = [
  {
    name: 'making a namespace',
    run: () => catalog.createNamespace(['new'], { a: '1' }),
    isDone: async () => (await other.loadNamespace(['new']).catch(() => undefined))?.a === '1',
  },
  {
    name: 'dropping a namespace',
    run: () => catalog.dropNamespace(['empty']),
    isDone: async () => (await other.listNamespaces()).length === 1,
  },
  {
    name: 'changing properties of a namespace',
    run: () => catalog.updateNamespace(['shop'], { removals: ['owner'], updates: { b: '2' } }),
    isDone: async () => {
      const { owner, b } = await other.loadNamespace(['shop'])
      return owner === undefined && b === '2'
    },
  },
  {
    name: 'dropping a table',
    run: () => catalog.dropTable(ORDERS),
    isDone: async () => !(await other.tableExists(ORDERS)),
  },
  {
    name: 'renaming a table',
    run: () => catalog.renameTable(ORDERS, ITEMS),
    isDone: async () => !(await other.tableExists(ORDERS)) && (await other.tableExists(ITEMS)),
  },
  {
    name: 'registering a table',
    run: () => catalog.registerTable(ITEMS, table.metadataLocation),
    isDone: () => other.tableExists(ITEMS),
  },
  {
    name: 'registering over a table',
    run: async () => {
      const location = `${table.metadata.location}/elsewhere.metadata.json`
      await writeTableMetadata(io, table.metadata, { location })
      await catalog.registerTable(ORDERS, location, { overwrite: true })
    },
    isDone: async () => (await other.loadTable(ORDERS)).metadataLocation !== table.metadataLocation,
  },
  {
    name: 'unregistering a table',
    run: async () => expect(await catalog.unregisterTable?.(ORDERS)).toEqual(table),
    isDone: async () => !(await other.tableExists(ORDERS)),
  },
  {
    name: 'creating a table',
    run: async () => committed(await commitAndSettle([await creation(catalog, ITEMS)])),
    isDone: () => other.tableExists(ITEMS),
  },
  {
    name: 'changing a table',
    run: async () => committed(await commitAndSettle([appendTo(table, 1n)])),
    isDone: async () => (await other.loadTable(ORDERS)).metadata.snapshots.length === 1,
  },
  {
    name: 'changing one table and creating another',
    run: async () => committed(await commitAndSettle([appendTo(table, 1n), await creation(catalog, ITEMS)])),
    isDone: async () =>
      (await other.tableExists(ITEMS)) && (await other.loadTable(ORDERS)).metadata.snapshots.length === 1,
  },
]

const FAULTS: readonly { readonly name: string; readonly of: readonly WriteFault[] }[] = [
  { name: 'the answer is lost', of: ['lose-answer'] },
  { name: 'the request is lost', of: ['lose-request'] },
  { name: 'request and then answer are lost', of: ['lose-request', 'lose-answer'] },
  { name: 'every answer is lost for a while', of: ['lose-answer', 'lose-answer', 'lose-answer'] },
  { name: 'it arrives twice', of: ['twice'] },
  { name: 'the items are busy', of: ['busy', 'busy', 'busy'] },
  { name: 'the items are busy once the answer was lost', of: ['lose-answer', 'busy'] },
  { name: 'it arrives late, when it was done already', of: ['late'] },
]

for (const change of CHANGES)
  describe(change.name, () => {
    for (const fault of FAULTS)
      it(`is done, and once, when ${fault.name}`, async () => {
        faults = [...fault.of]
        await change.run()
        expect(await change.isDone()).toBe(true)
        const before = items.all()
        await faulty.deliverLate()
        expect(items.all()).toEqual(before)
      })

    it('is certainly not done when the items stay busy', async () => {
      const before = items.all()
      faults = Array.from({ length: 100 }, () => 'busy')
      await expect(change.run()).rejects.toMatchObject({ kind: 'unavailable' })
      expect(items.all()).toEqual(before)
    })
  })

describe('a commit whose answer was lost', () => {
  it('is committed although others have gone on from it', async () => {
    faults = ['lose-answer']
    const outcome = await catalog.commit([appendTo(table, 1n)])
    expect(outcome.status).toBe('unknown')
    committed(await other.commit([appendTo(await other.loadTable(ORDERS), 2n)]))
    if (outcome.status !== 'unknown') return
    expect((await catalog.settle(outcome.attempt)).status).toBe('committed')
  })

  it('whose request never arrived is a conflict when others were faster, and never lands', async () => {
    faults = ['late']
    const outcome = await catalog.commit([appendTo(table, 1n)])
    committed(await other.commit([appendTo(table, 2n)]))
    if (outcome.status !== 'unknown') throw new Error('the outcome is known')
    expect((await catalog.settle(outcome.attempt)).status).toBe('conflict')
    expect(await faulty.deliverLate()).toMatchObject([{ status: 'refused' }])
    expect((await other.loadTable(ORDERS)).metadata.currentSnapshotId).toBe(2n)
  })

  it('of several tables is committed when one of them was changed by others since', async () => {
    const items2 = await createTable(other, ITEMS)
    faults = ['lose-answer']
    const outcome = await catalog.commit([appendTo(table, 1n), appendTo(items2, 2n)])
    committed(await other.commit([appendTo(await other.loadTable(ORDERS), 3n)]))
    if (outcome.status !== 'unknown') throw new Error('the outcome is known')
    expect((await catalog.settle(outcome.attempt)).status).toBe('committed')
    expect((await other.loadTable(ITEMS)).metadata.currentSnapshotId).toBe(2n)
  })

  it('whose request comes a second time behind the commit of somebody else is committed, and keeps its file', async () => {
    for (const change of [appendTo(table, 1n), setProperties(table, { a: '1' })]) {
      let sent = 0
      const twice = createDynamoDbCatalog(
        {
          ...items,
          async write(writes, options) {
            if (sent++ > 0) return items.write(writes, options)
            await items.write(writes, options)
            const now = await other.loadTable(ORDERS)
            committed(await other.commit([appendTo(now, BigInt(10 + now.metadata.snapshots.length))]))
            return items.write(writes, options)
          },
        },
        { io, runtime },
      )
      const [made] = committed(await twice.commit([change]))
      const { metadata } = await other.loadTable(ORDERS)
      expect(metadata.metadataLog.at(-1)?.metadataFile).toBe(made?.metadataLocation)
      expect(await metadataFiles(io, table)).toContain(made?.metadataLocation)
      expect(sent).toBe(1)
    }
  })

  it('sends the identical request again', async () => {
    faults = ['lose-request', 'lose-request']
    await commitAndSettle([appendTo(table, 1n)])
    expect(new Set(faulty.sent).size).toBe(1)
    expect(faulty.sent.length).toBe(3)
  })

  it('deletes no file while it is not known', async () => {
    faults = ['lose-request']
    await catalog.commit([appendTo(table, 1n)])
    expect(await metadataFiles(io, table)).toHaveLength(2)
  })
})

describe('a namespace', () => {
  it('that was dropped does not come back when its creation arrives late', async () => {
    faults = ['late']
    await catalog.createNamespace(['new'])
    await other.dropNamespace(['new'])
    expect(await faulty.deliverLate()).toEqual([{ status: 'done' }])
    expect(await other.listNamespaces()).not.toContainEqual(['new'])
  })
})

describe('a table', () => {
  it('that another program made without a version, and dropped meanwhile, does not come back by a commit', async () => {
    const key = { identifier: 'shop.orders', namespace: 'shop' }
    const found = items.all().find(item => item.identifier === key.identifier)
    const { v: _, ...bare } = found!
    items.plant({ ...bare, ...key })
    const overtaken = createDynamoDbCatalog(
      faultyItems(items, async () => {
        await items.write([{ kind: 'delete', key }])
        return undefined
      }),
      { io, runtime },
    )
    await expect(overtaken.commit([appendTo(table, 1n)])).rejects.toMatchObject({ kind: 'not-found' })
    expect(items.all().some(item => item.identifier === key.identifier)).toBe(false)
    items.plant({ ...bare, ...key })
    committed(await catalog.commit([appendTo(table, 1n)]))
    items.plant({ ...bare, ...key })
    await catalog.dropTable(ORDERS)
    expect(await other.tableExists(ORDERS)).toBe(false)
  })

  it('that was dropped does not come back when its creation arrives late', async () => {
    faults = ['late']
    committed(await commitAndSettle([await creation(catalog, ITEMS)]))
    await other.dropTable(ITEMS)
    expect(await faulty.deliverLate()).toEqual([{ status: 'done' }])
    expect(await other.tableExists(ITEMS)).toBe(false)
  })

  it('is made in a namespace whose dropper died', async () => {
    const marked = items.all().find(item => item.namespace === 'shop' && item.identifier === 'NAMESPACE')
    items.plant({ ...marked!, dropping: 'somebody' })
    await createTable(catalog, ITEMS)
    expect(items.all().some(item => item.dropping !== undefined)).toBe(false)
    items.plant({ ...marked!, dropping: 'somebody' })
    await catalog.dropTable(ITEMS)
    await catalog.dropTable(ORDERS)
    await catalog.dropNamespace(['shop'])
    expect(await catalog.listNamespaces()).toEqual([['empty']])
  })

  it('that others are changing all the time is not dropped, and the attempts end', async () => {
    const busy = createDynamoDbCatalog(
      faultyItems(items, async (_, n) => {
        committed(await other.commit([appendTo(await other.loadTable(ORDERS), BigInt(n + 1))]))
        return undefined
      }),
      { io, runtime },
    )
    await expect(busy.dropTable(ORDERS)).rejects.toMatchObject({ kind: 'conflict' })
  })

  it('that was changed meanwhile is dropped and renamed all the same', async () => {
    let n = 0n
    const interrupted = createDynamoDbCatalog(
      faultyItems(items, async (_, sent) => {
        if (sent % 2 === 0) committed(await other.commit([appendTo(await other.loadTable(ORDERS), ++n)]))
        return undefined
      }),
      { io, runtime },
    )
    await interrupted.renameTable(ORDERS, ITEMS)
    expect((await other.loadTable(ITEMS)).metadata.currentSnapshotId).toBe(1n)
  })
})

describe('a change of the catalog whose outcome nobody can tell', () => {
  it('is said to be unknown when answers stay away', async () => {
    faults = Array.from({ length: 100 }, () => 'lose-request')
    const unknown = { kind: 'commit-state-unknown' }
    await expect(catalog.dropTable(ORDERS)).rejects.toMatchObject(unknown)
    await expect(catalog.createNamespace(['new'])).rejects.toMatchObject(unknown)
  })

  it('is said to be unknown when others changed the item behind it', async () => {
    const update = { removals: [], updates: { team: 'a' } }
    const racing = createDynamoDbCatalog(
      faultyItems(items, async (_, sent) => {
        if (sent === 0) return 'lose-answer'
        await other.updateNamespace(['shop'], { removals: [], updates: { team: 'b' } })
        return undefined
      }),
      { io, runtime },
    )
    await expect(racing.updateNamespace(['shop'], update)).rejects.toMatchObject({
      kind: 'commit-state-unknown',
    })
  })

  it('stays unknown when the caller aborts', async () => {
    const abort = new AbortController()
    const aborting = createDynamoDbCatalog(
      faultyItems(items, () => {
        abort.abort()
        return 'lose-request'
      }),
      { io, runtime: systemRuntime },
    )
    await expect(aborting.dropTable(ORDERS, { signal: abort.signal })).rejects.toMatchObject({
      kind: 'commit-state-unknown',
    })
  })
})

describe('a table that is unregistered', () => {
  it('is not found when others dropped it meanwhile, maybe after a commit that nobody told of', async () => {
    const between = faultyItems(items, async () => {
      committed(await other.commit([appendTo(table, 1n)]))
      await other.dropTable(ORDERS)
      return undefined
    })
    const warehouse = table.metadata.location
    const late = createDynamoDbCatalog(between, { warehouse, io, runtime })
    await expect(late.unregisterTable?.(ORDERS)).rejects.toMatchObject({ kind: 'not-found' })
  })

  it('is given with the commit that came in between', async () => {
    let isFirst = true
    const between = faultyItems(items, async () => {
      if (isFirst) committed(await other.commit([appendTo(table, 1n)]))
      isFirst = false
      return undefined
    })
    const late = createDynamoDbCatalog(between, { warehouse: table.metadata.location, io, runtime })
    expect((await late.unregisterTable?.(ORDERS))?.metadata.currentSnapshotId).toBe(1n)
    expect(await other.tableExists(ORDERS)).toBe(false)
  })
})

it('a table that is registered over takes no swap that was on its way', async () => {
  const { metadataLocation } = await createTable(other, ITEMS)
  faults = ['late']
  const outcome = await catalog.commit([appendTo(table, 1n)])
  expect(outcome.status).toBe('unknown')
  await other.registerTable(ORDERS, metadataLocation, { overwrite: true })
  expect(await faulty.deliverLate()).toMatchObject([{ status: 'refused' }])
  expect((await other.loadTable(ORDERS)).metadataLocation).toBe(metadataLocation)
})
