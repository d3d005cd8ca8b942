/** Transactions over one table and several: all or nothing, seen by nobody before, and as if done where they land. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { failingCatalog } from '../../src/catalog/failing.js'
import { type Lake, openLake, type Table, type TransactionTable } from '../../src/index.js'
import { type MemoryLake, openMemoryLake, rowsOf } from './memory-lake.js'

let opened: MemoryLake
let lake: Lake
beforeEach(async () => {
  opened = await openMemoryLake()
  lake = opened.lake
})
afterEach(() => opened.close())

async function table(
  name: string,
  properties: Record<string, string> = {},
  formatVersion: 2 | 3 = 2,
): Promise<Table> {
  return lake.createTable(name, 'id bigint not null, v string', { keys: ['id'], properties, formatVersion })
}

const rows = async (of: { scan: Table['scan'] }): Promise<unknown[]> =>
  (await rowsOf(of.scan())).map(({ id, v }) => [id, v])

async function files(): Promise<string[]> {
  const found: string[] = []
  for await (const { location } of lake.context.io.list('memory:/lake/')) found.push(location)
  return found.sort()
}

/** The lake, whose first commit waits until somebody else has done something. */
function racing(meanwhile: () => Promise<unknown>): Lake {
  let isFirst = true
  const catalog = failingCatalog(lake.context.catalog, async ({ verb, phase }) => {
    if (verb !== 'commit' || phase !== 'before' || !isFirst) return undefined
    isFirst = false
    await meanwhile()
    return undefined
  })
  return openLake({ ...lake.context, catalog })
}

describe('a transaction', () => {
  it('changes several tables at once, and nobody sees it before', async () => {
    const a = await table('s.a')
    const b = await table('s.b')
    await b.append([{ id: 1, v: 'x' }])
    const report = await lake.transaction(['s.a', 's.b'], async tx => {
      await tx.table('s.a').append([{ id: 7, v: 'new' }])
      await tx.table('s.b').update({ set: { v: 'y' } })
      expect(await rows(a)).toEqual([])
      expect(await rows(b)).toEqual([[1, 'x']])
      return 42
    })
    expect(report).toMatchObject({ value: 42, changed: true, attempts: 1 })
    expect(report.tables.map(({ name, changed }) => [name, changed])).toEqual([
      ['s.a', true],
      ['s.b', true],
    ])
    expect(await rows(a)).toEqual([[7, 'new']])
    expect(await rows(b)).toEqual([[1, 'y']])
    expect(report.tables[0]?.snapshotIds).toEqual((await a.snapshots()).map(each => each.snapshotId))
    expect(report.tables[0]?.metadataLocation).toBe((await a.load()).metadataLocation)
  })

  it('sees what it did, in rows, columns, refs and metadata tables', async () => {
    const a = await table('s.a')
    await a.append([{ id: 1, v: 'x' }])
    await a.transaction(async tx => {
      const inside = tx.table()
      await inside.upsert([
        { id: 1, v: 'y' },
        { id: 2, v: 'z' },
      ])
      expect(await rows(inside)).toEqual([
        [1, 'y'],
        [2, 'z'],
      ])
      await inside.alter('add column n int')
      await inside.append([{ id: 3, v: 'w', n: 5 }])
      await inside.createTag('before')
      await inside.delete('n = 5')
      expect(await inside.scan({ asOf: 'before' }).count()).toBe(3)
      expect(await inside.scan().count()).toBe(2)
      expect(await counted(inside.inspect('snapshots').rows())).toBe(4)
      const first = (await a.snapshots())[0]?.snapshotId
      expect(await counted(inside.changes({ from: first }).rows())).toBe(5)
    })
    const { metadata } = await a.load()
    expect(metadata.metadataLog).toHaveLength(2)
    expect(metadata.snapshots.map(({ sequenceNumber }) => sequenceNumber)).toEqual([1n, 2n, 3n, 4n])
    // States on the way were never current.
    expect(metadata.snapshotLog.map(({ snapshotId }) => snapshotId)).toEqual([
      metadata.snapshots[0]?.snapshotId,
      metadata.currentSnapshotId,
    ])
    expect(await a.scan({ asOf: 'before' }).count()).toBe(3)
    expect((await a.schema()).fields.map(field => field.name)).toEqual(['id', 'v', 'n'])
  })

  it('leaves nothing when its work fails', async () => {
    const a = await table('s.a')
    await table('s.b')
    await a.append([{ id: 1, v: 'x' }])
    const before = await files()
    const work = lake.transaction(['s.a', 's.b'], async tx => {
      await tx.table('s.a').append([{ id: 2, v: 'y' }])
      await tx.table('s.a').update({ set: { v: 'z' }, where: 'id = 1' })
      await tx.table('s.b').upsert([{ id: 3, v: 'w' }])
      throw new Error('changed my mind')
    })
    await expect(work).rejects.toThrow('changed my mind')
    expect(await files()).toEqual(before)
    expect(await rows(a)).toEqual([[1, 'x']])
  })

  it('goes on behind an operation that failed', async () => {
    const a = await table('s.a')
    await a.transaction(async tx => {
      const inside = tx.table('s.a')
      await inside.append([{ id: 1, v: 'x' }])
      await expect(inside.append([{ id: 'no' }])).rejects.toMatchObject({ kind: 'invalid-argument' })
      await expect(inside.update({ set: { nothing: '1' } })).rejects.toMatchObject({
        kind: 'invalid-argument',
      })
      await inside.append([{ id: 2, v: 'y' }])
    })
    expect(await rows(a)).toEqual([
      [1, 'x'],
      [2, 'y'],
    ])
  })

  it('of nothing commits nothing', async () => {
    const a = await table('s.a')
    const before = (await a.load()).metadataLocation
    expect(await a.transaction(async () => 1)).toMatchObject({ value: 1, changed: false, attempts: 0 })
    const read = await a.transaction(async tx => rows(tx.table()))
    expect(read).toMatchObject({ value: [], changed: false })
    expect((await a.load()).metadataLocation).toBe(before)
  })

  it('does operations that were begun together one after the other', async () => {
    const a = await table('s.a')
    await a.transaction(async tx => {
      await Promise.all([1, 2, 3, 4].map(id => tx.table().append([{ id, v: 'x' }])))
    })
    expect(await a.scan().count()).toBe(4)
    expect(await a.snapshots()).toHaveLength(4)
  })

  it('is refused when an operation was not awaited, and no handle works behind its end', async () => {
    const a = await table('s.a')
    const before = await files()
    let kept: TransactionTable | undefined
    const careless = a.transaction(async tx => {
      kept = tx.table()
      void tx.table().append([{ id: 1, v: 'x' }])
    })
    await expect(careless).rejects.toMatchObject({
      kind: 'invalid-argument',
      message: 'an operation of the transaction was not awaited',
    })
    expect(() => kept?.append([{ id: 1, v: 'x' }])).toThrow('the transaction has ended')
    expect(await files()).toEqual(before)
  })

  it('names its tables, each once, and works on no others', async () => {
    await table('s.a')
    await table('s.b')
    const nothing = async (): Promise<void> => undefined
    await expect(lake.transaction([], nothing)).rejects.toMatchObject({ kind: 'invalid-argument' })
    await expect(lake.transaction(['s.a', 's.a'], nothing)).rejects.toMatchObject({
      kind: 'invalid-argument',
    })
    await expect(lake.transaction(['s.a', 's.none'], nothing)).rejects.toMatchObject({ kind: 'not-found' })
    const other = lake.transaction(['s.a'], async tx => tx.table('s.b').append([]))
    await expect(other).rejects.toMatchObject({ kind: 'invalid-argument', context: { table: 's.b' } })
  })

  it('over several tables is refused at once where the catalog cannot commit them', async () => {
    await table('s.a')
    await table('s.b')
    const poor = openLake({ ...lake.context, catalog: { ...lake.context.catalog, multiTable: false } })
    let ran = false
    const work = async (): Promise<void> => {
      ran = true
    }
    await expect(poor.transaction(['s.a', 's.b'], work)).rejects.toMatchObject({ kind: 'unsupported' })
    expect(ran).toBe(false)
    await poor.transaction(['s.a'], tx => tx.table().append([{ id: 1, v: 'x' }]))
    expect(await lake.table('s.a').scan().count()).toBe(1)
  })

  it('says who did it in every snapshot', async () => {
    const a = await table('s.a')
    const options = { actor: 'ann', job: 'j1', inputs: { 's.raw': 77n } }
    await a.transaction(async tx => {
      await tx.table().append([{ id: 1, v: 'x' }])
      await tx.table().append([{ id: 2, v: 'x' }], { actor: 'bob' })
    }, options)
    const said = (await a.snapshots()).map(({ summary }) => [
      summary['serac.actor'],
      summary['serac.job'],
      summary['serac.input.s.raw'],
    ])
    expect(said).toEqual([
      ['ann', 'j1', '77'],
      ['bob', 'j1', '77'],
    ])
  })
})

describe('a transaction that lost a race', () => {
  const MODES = ['copy-on-write', 'merge-on-read'] as const
  const CASES = ([2, 3] as const).flatMap(version => MODES.map(mode => ({ version, mode })))

  it.each(CASES)('decides anew on what came meanwhile: v$version, $mode', async ({ version, mode }) => {
    const modes = { 'write.delete.mode': mode, 'write.update.mode': mode, 'write.merge.mode': mode }
    const a = await table('s.a', modes, version)
    await a.append([
      { id: 1, v: 'a' },
      { id: 2, v: 'a' },
      { id: 3, v: 'a' },
    ])
    const raced = racing(async () => {
      await a.append([
        { id: 4, v: 'b' },
        { id: 5, v: 'b' },
      ])
      await a.delete('id = 2')
    })
    let runs = 0
    const report = await raced.table('s.a').transaction(async tx => {
      runs += 1
      const inside = tx.table()
      await inside.append([
        { id: 6, v: 'c' },
        { id: 7, v: 'c' },
      ])
      await inside.update({ set: "v = concat(v, '!')", where: 'id >= 4' })
      await inside.delete('id = 6')
      await inside.upsert([
        { id: 7, v: 'd' },
        { id: 5, v: 'd' },
        { id: 8, v: 'd' },
      ])
      await inside.update({ set: "v = concat(v, '?')" })
    })
    expect(runs).toBe(1)
    expect(report.attempts).toBe(2)
    expect(await rows(a)).toEqual([
      [1, 'a?'],
      [3, 'a?'],
      [4, 'b!?'],
      [5, 'd?'],
      [7, 'd?'],
      [8, 'd?'],
    ])
    const { metadata } = await a.load()
    const numbers = metadata.snapshots.map(({ sequenceNumber }) => sequenceNumber)
    expect(numbers).toEqual(numbers.map((_, index) => BigInt(index + 1)))
    // Every snapshot of the transaction reads, and what is in the folder is reached.
    for (const { snapshotId } of metadata.snapshots) await a.scan({ asOf: snapshotId }).count()
    expect(await unreached(a)).toEqual([])
    if (version === 3) {
      const ids = await rowsOf(a.scan({ select: ['_row_id'] }))
      expect(new Set(ids.map(row => row._row_id)).size).toBe(6)
    }
  })

  it('takes manifests that were merged within it anew', async () => {
    const a = await table('s.a', {
      'commit.manifest.min-count-to-merge': '2',
      'write.update.mode': 'copy-on-write',
    })
    await a.append([{ id: 1, v: 'a' }])
    const raced = racing(() => a.append([{ id: 2, v: 'b' }]))
    await raced.table('s.a').transaction(async tx => {
      for (const id of [3, 4, 5]) await tx.table().append([{ id, v: 'c' }])
      await tx.table().update({ set: { v: 'd' }, where: 'id = 4' })
      await tx.table().append([{ id: 6, v: 'e' }])
    })
    expect(await rows(a)).toEqual([
      [1, 'a'],
      [2, 'b'],
      [3, 'c'],
      [4, 'd'],
      [5, 'c'],
      [6, 'e'],
    ])
    await checkSequenceNumbers(a)
    expect(await unreached(a)).toEqual([])
  })

  it('takes a manifest that it rewrote within it anew', async () => {
    const a = await lake.createTable('s.a', 'id bigint, v string', {
      partitionBy: ['v'],
      properties: { 'write.update.mode': 'copy-on-write' },
    })
    const raced = racing(() => a.append([{ id: 1, v: 'other' }]))
    await raced.table('s.a').transaction(async tx => {
      await tx.table().append([
        { id: 2, v: 'a' },
        { id: 3, v: 'b' },
      ])
      await tx.table().update({ set: 'id = 4', where: "v = 'a'" })
    })
    expect(await rows(a)).toEqual([
      [1, 'other'],
      [3, 'b'],
      [4, 'a'],
    ])
    await checkSequenceNumbers(a)
  })

  it('is refused when what it read is not true any more, and leaves nothing', async () => {
    const a = await table('s.a')
    const b = await table('s.b')
    await a.append([{ id: 1, v: 'x' }])
    let before: string[] = []
    const raced = racing(async () => {
      await a.append([{ id: 2, v: 'y' }])
      before = (await files()).filter(location => location.includes('/a/'))
    })
    const work = raced.transaction(['s.a', 's.b'], async tx => {
      const count = await tx.table('s.a').scan().count()
      await tx.table('s.b').append([{ id: count, v: 'count' }])
    })
    await expect(work).rejects.toMatchObject({
      kind: 'conflict',
      message: 'what the transaction has read is not true any more',
      context: { table: 's.a', ref: 'main' },
    })
    expect(await rows(b)).toEqual([])
    const now = await files()
    expect(now.filter(location => location.includes('/a/'))).toEqual(before)
    expect(now.filter(location => location.includes('/b/') && !location.endsWith('.json'))).toEqual([])
  })

  it('lands with isolation snapshot although what it read has changed', async () => {
    const a = await table('s.a')
    const b = await table('s.b')
    const raced = racing(() => a.append([{ id: 2, v: 'y' }]))
    const options = { isolation: 'snapshot' } as const
    await raced.transaction(
      ['s.a', 's.b'],
      async tx => {
        const count = await tx.table('s.a').scan().count()
        await tx.table('s.b').append([{ id: count, v: 'count' }])
      },
      options,
    )
    expect(await rows(b)).toEqual([[0, 'count']])
  })

  it('is not disturbed by a compaction, by another branch, and by what it did not read', async () => {
    const a = await table('s.a')
    const b = await table('s.b')
    for (const id of [1, 2, 3, 4, 5, 6]) await a.append([{ id, v: 'x' }])
    const raced = racing(async () => {
      expect((await a.compact({ minInputFiles: 2 })).status).toBe('done')
      await a.append([{ id: 9, v: 'z' }], { branch: 'audit' })
      await b.append([{ id: 8, v: 'z' }])
    })
    const report = await raced.transaction(['s.a', 's.b'], async tx => {
      const count = await tx.table('s.a').scan().count()
      await tx.table('s.b').append([{ id: count, v: 'count' }])
    })
    expect(report.attempts).toBe(2)
    expect(await rows(b)).toEqual([
      [6, 'count'],
      [8, 'z'],
    ])
  })

  it('holds to the rows by which an operation found nothing to do', async () => {
    const a = await table('s.a')
    const b = await table('s.b')
    const raced = racing(() => a.append([{ id: 1, v: 'doomed' }]))
    await raced.transaction(['s.a', 's.b'], async tx => {
      expect(await tx.table('s.a').delete("v = 'doomed'")).toMatchObject({ changed: false })
      await tx.table('s.b').append([{ id: 1, v: 'none is doomed' }])
    })
    expect(await rows(a)).toEqual([])
    expect(await rows(b)).toHaveLength(1)
  })

  it('lands once although its answer was lost', async () => {
    const a = await table('s.a')
    await table('s.b')
    for (const phase of ['before', 'after'] as const) {
      let isFirst = true
      const catalog = failingCatalog(lake.context.catalog, call => {
        if (call.verb !== 'commit' || call.phase !== phase || !isFirst) return undefined
        isFirst = false
        return 'lost'
      })
      const lossy = openLake({ ...lake.context, catalog })
      await lossy.transaction(['s.a', 's.b'], async tx => {
        await tx.table('s.a').append([{ id: 1, v: phase }])
        await tx.table('s.b').append([{ id: 1, v: phase }])
      })
    }
    expect(await rows(a)).toEqual([
      [1, 'after'],
      [1, 'before'],
    ])
    expect(await lake.table('s.b').scan().count()).toBe(2)
  })

  it('deletes nothing when it is not known whether it landed', async () => {
    const a = await table('s.a')
    const catalog = failingCatalog(lake.context.catalog, ({ verb, phase }) =>
      (verb === 'commit' && phase === 'after') || verb === 'settle' ? 'lost' : undefined,
    )
    const lossy = openLake({
      ...lake.context,
      catalog,
      runtime: { ...lake.context.runtime, sleep: async () => {} },
    })
    const work = lossy.transaction(['s.a'], tx => tx.table().append([{ id: 1, v: 'x' }]))
    await expect(work).rejects.toMatchObject({ kind: 'commit-state-unknown' })
    expect(await rows(a)).toEqual([[1, 'x']])
  })
})

describe('a transaction that is done once', () => {
  it('does not run again', async () => {
    const a = await table('s.a')
    await table('s.b')
    let runs = 0
    const day = () =>
      lake.transaction(
        ['s.a', 's.b'],
        async tx => {
          runs += 1
          await tx.table('s.b').append([{ id: 1, v: 'x' }])
          return 'done'
        },
        { once: { stream: 'nightly', token: 'monday' } },
      )
    const first = await day()
    expect(first).toMatchObject({ value: 'done', changed: true })
    expect(await day()).toMatchObject({
      value: undefined,
      changed: false,
      replayed: true,
      tables: [{ name: 's.a', snapshotIds: first.tables[0]?.snapshotIds }, { name: 's.b' }],
    })
    expect(runs).toBe(1)
    expect(await lake.table('s.b').scan().count()).toBe(1)
    expect(await a.snapshots()).toHaveLength(1)
  })

  it('lands once when two do it at the same time, and the other leaves nothing', async () => {
    await table('s.a')
    const b = await table('s.b')
    const c = await table('s.c')
    const once = { stream: 'nightly', token: 'monday' }
    const raced = racing(() =>
      lake.transaction(['s.a', 's.b'], tx => tx.table('s.b').append([{ id: 1, v: 'x' }]), { once }),
    )
    const late = await raced.transaction(['s.a', 's.c'], tx => tx.table('s.c').append([{ id: 1, v: 'x' }]), {
      once,
    })
    expect(late).toMatchObject({ replayed: true, changed: false })
    expect(await b.scan().count()).toBe(1)
    expect(await c.scan().count()).toBe(0)
    for (const each of ['s.a', 's.b', 's.c']) expect(await unreached(lake.table(each))).toEqual([])
  })

  it('holds operations that are steps of their own', async () => {
    const a = await table('s.a')
    const write = { once: { stream: 'rows', token: '1' } }
    await a.append([{ id: 1, v: 'x' }], write)
    await a.transaction(async tx => {
      expect(await tx.table().append([{ id: 1, v: 'x' }], write)).toMatchObject({ replayed: true })
      await tx.table().append([{ id: 2, v: 'x' }], { once: { stream: 'rows', token: '2' } })
      expect(
        await tx.table().append([{ id: 2, v: 'x' }], { once: { stream: 'rows', token: '2' } }),
      ).toMatchObject({
        replayed: true,
      })
    })
    expect(await a.scan().count()).toBe(2)
  })
})

/** An entry's sequence number is that of the snapshot that added it. */
async function checkSequenceNumbers(of: Table): Promise<void> {
  const { metadata } = await of.load()
  const numberOf = new Map(metadata.snapshots.map(each => [each.snapshotId, each.sequenceNumber]))
  for (const { snapshotId } of metadata.snapshots)
    for await (const entry of of.inspect('entries', { asOf: snapshotId }).rows())
      if (entry.status !== 2) expect(entry.sequence_number).toBe(numberOf.get(entry.snapshot_id as bigint))
}

async function counted(of: AsyncIterable<unknown>): Promise<number> {
  let count = 0
  for await (const _ of of) count += 1
  return count
}

/** Files of the table that none of its snapshots, and no metadata log, names. */
async function unreached(of: Table): Promise<string[]> {
  const { metadata, metadataLocation } = await of.load()
  const reached = new Set([metadataLocation, ...metadata.metadataLog.map(entry => entry.metadataFile)])
  for (const { manifestList } of metadata.snapshots) reached.add(manifestList ?? '')
  for await (const row of of.inspect('all_manifests').rows()) reached.add(String(row.path))
  for await (const row of of.inspect('all_entries').rows())
    reached.add(String((row.data_file as Record<string, unknown>).file_path))
  const folder = metadata.location
  return (await files()).filter(location => location.startsWith(folder) && !reached.has(location))
}
