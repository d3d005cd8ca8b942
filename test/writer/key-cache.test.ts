import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { batchOf } from '../../src/batch/vector-builder.js'
import { type IoRequest, meteredIO } from '../../src/io/metered.js'
import { currentSchema, currentSnapshot } from '../../src/metadata/lookup.js'
import type { Field, Type, Value } from '../../src/schema/types.js'
import { createKeyCache, type KeyCache } from '../../src/writer/key-cache.js'
import { KeyIndex } from '../../src/writer/key-index.js'
import type { KeyLocations } from '../../src/writer/key-locations.js'
import { upsertChanges } from '../../src/writer/keyed-changes.js'
import { keyedWriteAction } from '../../src/writer/keyed-write.js'
import { resolveKeys } from '../../src/writer/resolve-keys.js'
import { createTestTable, type Rows, type TestTable } from './test-lake.js'

const ID: Field = { id: 1, name: 'id', required: false, type: { kind: 'long' } }
const FIELDS: readonly Field[] = [ID, { id: 2, name: 'v', required: false, type: { kind: 'string' } }]
const PROPERTIES = { 'write.merge.mode': 'merge-on-read' }
const LARGE = 2 ** 20

async function upsert(table: TestTable, rows: Rows, keyCache: KeyCache): Promise<void> {
  const base = await table.load()
  const changes = upsertChanges(table.batch(rows), { schema: currentSchema(base.metadata), keys: ['id'] })
  await table.commit(keyedWriteAction(table.io, changes, { runtime: table.runtime, keyCache }), base)
}

async function locate(table: TestTable, ids: readonly bigint[], keyCache?: KeyCache): Promise<KeyLocations> {
  const { metadata } = await table.load()
  const keys = batchOf(
    [ID],
    ids.map(id => [id]),
  )
  return resolveKeys({ metadata }, table.io, keys, {
    snapshot: currentSnapshot(metadata),
    schema: currentSchema(metadata),
    withRowIds: true,
    keyCache,
  })
}

/** Without what it cost to find them. */
function places({ tasks, keyRows, taskIndexes, positions, rowIds }: KeyLocations): unknown {
  return [...keyRows].map((key, match) => {
    const file = tasks[taskIndexes[match] ?? -1]?.entry.file.location
    return [key, file, positions[match], rowIds?.[match]]
  })
}

describe('keys kept between writes', () => {
  it.each([
    2, 3,
  ] as const)('spare the next write what was read before, format version %i', async formatVersion => {
    const seen: IoRequest[] = []
    const table = await createTestTable({
      fields: FIELDS,
      formatVersion,
      properties: PROPERTIES,
      layer: io => {
        const metered = meteredIO(io)
        return {
          ...metered.io,
          read: (location, options) => {
            seen.push({ verb: 'read', location })
            return metered.io.read(location, options)
          },
        }
      },
    })
    const keyCache = createKeyCache({ sizeBytesMax: LARGE })
    await table.append([0n, 1n, 2n, 3n].map(id => [id, 'old']))
    const readFiles = async (rows: Rows): Promise<number> => {
      seen.length = 0
      await upsert(table, rows, keyCache)
      const files = seen
        .map(request => request.location)
        .filter(location => /\.(parquet|puffin)$/.test(location))
      return new Set(files).size
    }
    expect(await readFiles([[1n, 'a']])).toBe(1)
    // One new data file each time; neither the first one nor any deletes.
    expect(
      await readFiles([
        [1n, 'b'],
        [2n, 'b'],
      ]),
    ).toBe(1)
    expect(
      await readFiles([
        [1n, 'c'],
        [9n, 'c'],
      ]),
    ).toBe(1)
    expect(await table.rows()).toHaveLength(5)
    expect((await table.rows()).filter(([, v]) => v === 'c')).toHaveLength(2)
  })

  it('say nothing of files and deletes that are not of the snapshot', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion: 3, properties: PROPERTIES })
    const keyCache = createKeyCache({ sizeBytesMax: LARGE })
    const ids = [0n, 1n, 2n, 3n, 4n]
    await table.append(ids.map(id => [id, 'first']))
    for (const id of ids) {
      await upsert(table, [[id, 'mine']], keyCache)
      await table.upsert([[(id + 1n) % 5n, 'of others']], ['id'])
      await table.append([[id, 'twice']])
      expect(places(await locate(table, ids, keyCache))).toEqual(places(await locate(table, ids)))
    }
  })

  it('fit into their budget, and what does not is read each time', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion: 3, properties: PROPERTIES })
    const keyCache = createKeyCache({ sizeBytesMax: 400 })
    const ids = Array.from({ length: 20 }, (_, id) => BigInt(id))
    await table.append(ids.slice(0, 3).map(id => [id, 'small']))
    await table.append(ids.slice(3).map(id => [id, 'large']))
    const found = await locate(table, ids, keyCache)
    expect(places(found)).toEqual(places(await locate(table, ids)))
    expect(found.filesRead).toBe(1)
  })
})

describe('an index of keys', () => {
  const long: Type = { kind: 'long' }
  const text: Type = { kind: 'string' }
  const cell = fc.record({ a: fc.option(fc.nat({ max: 5 })), b: fc.constantFrom('', 'x', 'y', null) })
  const files = fc.array(fc.array(cell, { maxLength: 6 }), { minLength: 1, maxLength: 6 })
  const rowsOf = (cells: readonly { a: number | null; b: string | null }[]): Value[][] =>
    cells.map(({ a, b }) => [a === null ? null : BigInt(a), b])
  const fields: readonly Field[] = [long, text].map((type, at) => ({
    id: at + 1,
    name: `k${at}`,
    required: false,
    type,
  }))

  const textOf = (key: readonly Value[]): string => key.map(value => `${typeof value} ${value}`).join()

  it('finds every row of the files asked for that has a key, whatever was forgotten before', () => {
    fc.assert(
      fc.property(files, files, fc.array(fc.boolean(), { maxLength: 6 }), (first, second, wanted) => {
        const index = new KeyIndex([long, text])
        const all = [...first, ...second].map(rowsOf)
        const add = (rows: readonly Value[][], file: number): void => {
          const { length, columns } = batchOf(fields, rows)
          index.add(`file ${file}`, { length, vectors: columns, rowIds: undefined, sizeBytes: 0 })
        }
        all.slice(0, first.length).forEach(add)
        const kept = first.map((_, file) => file).filter(file => file % 2 === 0)
        index.retain(new Set(kept.map(file => `file ${file}`)))
        for (const [at, rows] of all.slice(first.length).entries()) add(rows, first.length + at)
        const asked = [...kept, ...second.map((_, at) => first.length + at)].filter(
          file => wanted[file] !== false,
        )
        const isWanted = new Uint8Array(index.fileCount)
        const fileOf = new Map<number, number>()
        for (const file of asked) {
          const number = index.numberOf(`file ${file}`) ?? -1
          isWanted[number] = 1
          fileOf.set(number, file)
        }
        const keys = [...new Map(all.flat().map(key => [textOf(key), key])).values()]
        const matches = index.find(batchOf(fields, keys).columns, isWanted)
        const found = Array.from({ length: matches.count }, (_, at) =>
          [textOf(keys[matches.keyRows[at]!]!), fileOf.get(matches.files[at]!), matches.positions[at]].join(),
        )
        const expected = asked.flatMap(file =>
          (all[file] ?? []).map((key, position) => [textOf(key), file, position].join()),
        )
        expect(found.sort()).toEqual(expected.sort())
      }),
    )
  })
})
