/** What operations in flight do about their files: when they take a lease, what their swaps say, and what they notice. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { utf8Encode } from '../../src/base/bytes.js'
import { LakeError } from '../../src/base/errors.js'
import { type Runtime, systemRuntime } from '../../src/base/runtime.js'
import type { Catalog, LoadedTable, SwapOptions } from '../../src/catalog/catalog.js'
import { openEmbeddedCatalog } from '../../src/catalog/embedded.js'
import { CLEANED_BEFORE, fenceFor } from '../../src/catalog/write-leases.js'
import { commitTables } from '../../src/commit/commit-loop.js'
import { type FileHold, holdFiles } from '../../src/commit/hold-lease.js'
import type { TableAction } from '../../src/commit/table-action.js'
import type { FileIO } from '../../src/io/file-io.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { meteredIO } from '../../src/io/metered.js'
import { connect } from '../../src/lake/connect.js'
import type { Lake } from '../../src/lake/lake.js'
import { appendTo, committed, createTable, ORDERS, setProperties } from '../contract/catalog.js'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
const UUID = '01900000-0000-7000-8000-000000000001'
const OTHER = '01900000-0000-7000-8000-000000000002'

let nowMs: number
const runtime: Runtime = { ...systemRuntime, nowMs: () => nowMs }

describe('an operation in flight', () => {
  let io: FileIO
  let catalog: Catalog
  let sent: SwapOptions[]
  let table: LoadedTable
  let hold: FileHold
  beforeEach(async () => {
    nowMs = Date.UTC(2026, 0, 1)
    io = createMemoryIO({ runtime })
    catalog = await openEmbeddedCatalog({ path: ':memory:', warehouse: 'memory://lake', io, runtime })
    await catalog.createNamespace(['shop'])
    table = await createTable(catalog, ORDERS)
    sent = []
    hold = holdFiles({ catalog, identifier: ORDERS, io, runtime })
  })
  afterEach(() => catalog.close())

  const watched = (): Catalog => ({
    ...catalog,
    commit: (changes, options = {}) => {
      sent.push({ leases: options.leases, sinceMs: options.sinceMs })
      return catalog.commit(changes, options)
    },
  })
  const data = (name: string): string => `${table.metadata.location}/data/${name}`
  const write = (name: string, through: FileIO = hold.io): Promise<void> =>
    through.write(data(name), utf8Encode(name))
  const standing = async (): Promise<readonly string[]> => [
    ...((await catalog.writeLeases?.standing(table.metadata.tableUuid ?? '')) ?? []),
  ]
  const append: TableAction = async base => {
    const { updates, requirements } = appendTo(base, 7n)
    return { updates, requirements, written: [] }
  }
  const commit = (over: Catalog = watched(), action: TableAction = append) =>
    commitTables(over, [{ identifier: ORDERS, action, files: hold }], { io: hold.io, runtime })
  async function clean(olderThanMs: number): Promise<void> {
    const now = await catalog.loadTable(ORDERS)
    const fence = { [CLEANED_BEFORE]: fenceFor(now.metadata, { olderThanMs, nowMs }) }
    committed(await catalog.commit([setProperties(now, fence)]))
    await catalog.writeLeases?.standing(table.metadata.tableUuid ?? '')
  }

  it('leaves no lease behind when not all of them could be had', async () => {
    let opened = 0
    const leases = catalog.writeLeases!
    const flaky: Catalog = {
      ...catalog,
      writeLeases: {
        ...leases,
        open: async operation => {
          if (++opened === 2) throw new LakeError('unavailable', 'not now')
          return leases.open(operation)
        },
      },
    }
    hold = holdFiles({ catalog: flaky, identifier: ORDERS, io, runtime })
    await write(`a-${UUID}.parquet`)
    await write(`b-${OTHER}.parquet`)
    nowMs += MINUTE_MS
    await write(`c-${UUID}.parquet`)
    expect(opened).toBe(2)
    await hold.end()
    expect(await standing()).toEqual([])
  })

  it('that is quick asks for nothing, and says when it began', async () => {
    const metered = meteredIO(io)
    hold = holdFiles({ catalog, identifier: ORDERS, io: metered.io, runtime })
    const sinceMs = nowMs
    await write(`a-${UUID}.parquet`)
    nowMs += MINUTE_MS - 1
    await write(`b-${UUID}.parquet`)
    expect(await standing()).toEqual([])
    await commit()
    expect(sent).toEqual([{ leases: [], sinceMs }])
    expect(metered.counts.requests).toMatchObject({ write: 2, read: 0, stat: 0 })
  })

  it('that goes on takes a lease for what its files are named by, and gives it up at its end', async () => {
    await write(`a-${UUID}.parquet`)
    const writer = await hold.io.openWriter(data(`b-${OTHER}.parquet`))
    nowMs += MINUTE_MS
    await writer.write(utf8Encode('x'))
    expect(new Set(await standing())).toEqual(new Set([UUID, OTHER]))
    for (let hour = 0; hour < 48; hour++) {
      nowMs += 60 * MINUTE_MS
      await hold.io.read(table.metadataLocation)
    }
    await writer.close()
    await clean(nowMs - DAY_MS)
    expect(new Set(await standing())).toEqual(new Set([UUID, OTHER]))
    await commit()
    expect(sent[0]?.leases?.map(lease => lease.operationUuid)).toEqual([UUID, OTHER])
    expect(sent[0]?.sinceMs).toBeUndefined()
    await hold.end()
    expect(await standing()).toEqual([])
  })

  it('that was frozen while others cleaned is refused at once, and its files are deleted', async () => {
    await write(`a-${UUID}.parquet`)
    nowMs += 3 * DAY_MS
    await clean(nowMs - DAY_MS)
    const action: TableAction = async base => ({
      ...appendTo(base, 7n),
      written: [data(`a-${UUID}.parquet`)],
    })
    await expect(commit(watched(), action)).rejects.toMatchObject({ kind: 'conflict' })
    expect(sent).toEqual([])
    await expect(io.stat(data(`a-${UUID}.parquet`))).rejects.toMatchObject({ kind: 'not-found' })
  })

  it('that was frozen within the commit is refused by the catalog, and not tried again', async () => {
    await write(`a-${UUID}.parquet`)
    let attempts = 0
    const freezing: Catalog = {
      ...watched(),
      async commit(changes, options) {
        attempts++
        nowMs += 3 * DAY_MS
        await clean(nowMs - DAY_MS)
        return catalog.commit(changes, options)
      },
    }
    await expect(commit(freezing)).rejects.toMatchObject({ kind: 'conflict' })
    expect(attempts).toBe(1)
    expect((await catalog.loadTable(ORDERS)).metadata.snapshots).toEqual([])
  })

  it('that was frozen with its lease is refused when a cleaner ended it, and lands when none came', async () => {
    await write(`a-${UUID}.parquet`)
    nowMs += MINUTE_MS
    await write(`b-${UUID}.parquet`)
    nowMs += 3 * DAY_MS
    const lucky = holdFiles({ catalog, identifier: ORDERS, io, runtime })
    await write(`c-${OTHER}.parquet`, lucky.io)
    await clean(nowMs - DAY_MS)
    await expect(commit()).rejects.toMatchObject({ kind: 'conflict' })
    const target = { identifier: ORDERS, action: append, files: lucky }
    const { changed } = await commitTables(catalog, [target], { io: lucky.io, runtime })
    expect(changed).toEqual([true])
  })

  it('finds a fence that was set before it came to ask, and stops writing', async () => {
    await write(`a-${UUID}.parquet`)
    nowMs += 3 * DAY_MS
    await clean(nowMs - DAY_MS)
    await expect(write(`b-${UUID}.parquet`)).rejects.toMatchObject({ kind: 'conflict' })
    expect(await standing()).toEqual([])
  })

  it('goes on without a lease while none is to be had, and takes one later', async () => {
    let isDown = true
    const down = (): Promise<never> => Promise.reject(new LakeError('unavailable', 'the catalog is down'))
    const failing: Catalog = {
      ...catalog,
      loadTable: (...args) => (isDown ? down() : catalog.loadTable(...args)),
    }
    hold = holdFiles({ catalog: failing, identifier: ORDERS, io, runtime })
    await write(`a-${UUID}.parquet`)
    nowMs += MINUTE_MS
    await write(`b-${UUID}.parquet`)
    expect(await standing()).toEqual([])
    isDown = false
    await write(`c-${UUID}.parquet`)
    expect(await standing()).toEqual([])
    nowMs += MINUTE_MS
    await write(`d-${UUID}.parquet`)
    expect(await standing()).toEqual([UUID])
    await hold.end()
  })

  describe('where there are no leases', () => {
    const without = (): Catalog => ({ ...watched(), writeLeases: undefined })
    beforeEach(() => {
      hold = holdFiles({ catalog: without(), identifier: ORDERS, io, runtime })
    })

    it('looks for each of its files before a late swap, and lands', async () => {
      const metered = meteredIO(io)
      hold = holdFiles({ catalog: without(), identifier: ORDERS, io: metered.io, runtime })
      for (const name of ['a', 'b', 'c']) await write(`${name}-${UUID}.parquet`)
      await hold.io.delete([data(`c-${UUID}.parquet`)])
      nowMs += DAY_MS
      await commit(without())
      expect(metered.counts.requests.stat).toBe(2)
    })

    for (const gone of ['a', 'b'])
      it(`is refused when one is gone: ${gone}`, async () => {
        for (const name of ['a', 'b']) await write(`${name}-${UUID}.parquet`)
        nowMs += DAY_MS
        await io.delete([data(`${gone}-${UUID}.parquet`)])
        await expect(commit(without())).rejects.toMatchObject({
          kind: 'conflict',
          context: { location: data(`${gone}-${UUID}.parquet`) },
        })
        expect(sent).toEqual([])
      })

    it('is refused when a file that only its action wrote is gone', async () => {
      const action: TableAction = async base => {
        await io.write(data('m0'), utf8Encode('m'))
        nowMs += DAY_MS
        await io.delete([data('m0')])
        return { ...appendTo(base, 7n), written: [data('m0')] }
      }
      const plain = commitTables(without(), [{ identifier: ORDERS, action }], { io, runtime })
      await expect(plain).rejects.toMatchObject({ kind: 'conflict' })
    })
  })
})

describe('a lake', () => {
  let folder: string
  let lake: Lake
  beforeEach(async () => {
    nowMs = Date.UTC(2026, 0, 1)
    folder = await mkdtemp(join(tmpdir(), 'serac-hold-'))
    lake = await connect({ warehouse: folder, fsync: false, runtime })
    await lake.createNamespace('shop')
  })
  afterEach(async () => {
    await lake.close()
    await rm(folder, { recursive: true, force: true })
  })
  const filesOf = async (part: string): Promise<readonly string[]> => {
    const found = await readdir(join(folder, 'shop', 'orders', part), { recursive: true })
    return found.filter(name => name.includes('.')).map(name => name.slice(name.lastIndexOf('/') + 1))
  }

  for (const mode of ['merge-on-read', 'copy-on-write'])
    for (const formatVersion of [2, 3] as const)
      it(`names every file by its operation: v${formatVersion}, ${mode}`, async () => {
        const properties = Object.fromEntries(
          ['delete', 'update', 'merge'].map(operation => [`write.${operation}.mode`, mode]),
        )
        const table = await lake.createTable('shop.orders', 'id bigint not null, region string', {
          keys: ['id'],
          partitionBy: ['region'],
          formatVersion,
          properties,
        })
        const rows = (from: number) => [0, 1, 2].map(n => ({ id: from + n, region: n === 0 ? 'eu' : 'us' }))
        await table.append(rows(0))
        await table.append(rows(10))
        await table.upsert(rows(1), {})
        await table.delete('id = 2')
        await table.update({ set: "region = 'asia'", where: 'id = 10' })
        await table.overwrite(rows(20), { where: 'id = 1' })
        await lake.transaction(['shop.orders'], async tx => {
          await tx.table().append(rows(30))
          await tx.table().delete('id = 30')
        })
        await table.compact({ rewriteAll: true })
        const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/
        const names = [...(await filesOf('data')), ...(await filesOf('metadata'))]
        expect(names.length).toBeGreaterThan(20)
        const nameless = names.filter(name => !uuid.test(name) && !/^\d{5}-.*\.metadata\.json$/.test(name))
        expect(nameless).toEqual([])
      })

  it('holds a lease while a long write goes on, for its files and manifests, and none behind it', async () => {
    const properties = {
      'write.target-file-size-bytes': '20000',
      'write.parquet.row-group-size-bytes': '20000',
    }
    const table = await lake.createTable('shop.orders', 'id bigint', { properties })
    const other = await openEmbeddedCatalog({
      path: join(folder, 'catalog.db'),
      warehouse: `file://${folder}`,
      io: createMemoryIO(),
      runtime,
    })
    const { metadata } = await lake.context.catalog.loadTable(ORDERS)
    const standing = async (): Promise<number> =>
      (await other.writeLeases?.standing(metadata.tableUuid ?? ''))?.size ?? -1
    const seen: number[] = []
    async function* slowly(): AsyncGenerator<{ id: number }> {
      for (let id = 0; id < 60_000; id++) {
        yield { id }
        if (id % 10_000 !== 0) continue
        seen.push(await standing())
        nowMs += 45_000
      }
    }
    await table.append(slowly())
    expect(seen[0]).toBe(0)
    expect(seen.at(-1)).toBe(1)
    expect(await standing()).toBe(0)
    expect(await table.scan().count()).toBe(60_000)
    await other.close()
  })
})
