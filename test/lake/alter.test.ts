/** Tables that change while they have rows: `Table.alter`, `Table.upgrade`, `Lake.registerTable`, tables made new. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Table } from '../../src/index.js'
import { describeTable } from '../../src/index.js'
import { rejectionOf } from '../support/errors.js'
import { type MemoryLake, openMemoryLake, rowsOf } from './memory-lake.js'

let world: MemoryLake
beforeEach(async () => {
  world = await openMemoryLake()
})
afterEach(() => world.close())

describe('a table with rows', () => {
  it('is read through every change of its columns', async () => {
    const table = await world.lake.createTable(
      'n.t',
      'id bigint not null, v string, place struct<x: int, y: float>',
      {
        formatVersion: 3,
      },
    )
    await table.append([{ id: 1, v: 'a', place: { x: 1, y: 0.5 } }])
    const report = await table.alter(
      "rename column v to text; alter column place.x type bigint first; drop column place.y; add column place.z int default 9; add column n int default 7 comment 'seven' after id; alter column n set default 8",
    )
    expect(report).toMatchObject({ changed: true, schemaId: 1, specId: 0, attempts: 1 })
    await table.append([{ id: 2, text: 'b', place: { x: 2, z: 1 } }])
    expect(await rowsOf(table.scan())).toEqual([
      { id: 1, n: 7, text: 'a', place: { x: 1, z: 9 } },
      { id: 2, n: 8, text: 'b', place: { x: 2, z: 1 } },
    ])
    const [first] = await table.snapshots()
    expect(await rowsOf(table.at(first?.snapshotId ?? 0n).scan())).toEqual([
      { id: 1, v: 'a', place: { x: 1, y: 0.5 } },
    ])
    expect(await table.alter('alter column n set default 8')).toMatchObject({ changed: false, schemaId: 1 })
  })

  it('goes on in a new partition spec, and prunes files of both', async () => {
    const table = await world.lake.createTable('n.t', 'id bigint, region string', { partitionBy: ['region'] })
    await table.append([
      { id: 1, region: 'eu' },
      { id: 2, region: 'us' },
    ])
    await table.alter('replace partition field region with bucket(4, id) as shard')
    await table.append([
      { id: 3, region: 'eu' },
      { id: 4, region: 'us' },
    ])
    expect(await rowsOf(table.scan({ where: "region = 'eu'" }))).toEqual([
      { id: 1, region: 'eu' },
      { id: 3, region: 'eu' },
    ])
    await table.upsert([{ id: 1, region: 'asia' }], { keys: ['id'] })
    await table.alter('drop partition field shard; drop column region')
    await table.append([{ id: 5 }])
    expect(await rowsOf(table.scan())).toEqual([1, 2, 3, 4, 5].map(id => ({ id })))
    expect(describeTable(await table.load()).partitionBy).toEqual([])
  })

  it('has a column required when no row of any branch holds a null, and only then', async () => {
    const table = await world.lake.createTable('n.t', 'id bigint, s struct<x: int>, l array<int>')
    await table.append([
      { id: 1, s: { x: 1 }, l: [1] },
      { id: 2, s: null, l: null },
    ])
    const refused = await rejectionOf(table.alter('alter column s set not null'))
    expect(refused).toMatchObject({ kind: 'invalid-argument', context: { column: 's', branch: 'main' } })
    // A field of a struct that is not there is no null of its own.
    expect(
      await table.alter('alter column s.x set not null; alter column l.element set not null'),
    ).toMatchObject({
      changed: true,
    })
    expect(await table.alter('alter column id set not null; set identifier fields id')).toMatchObject({
      changed: true,
    })
    await table.delete('id = 2')
    expect(await table.alter('alter column s set not null')).toMatchObject({ changed: true })
    expect((await rejectionOf(table.append([{ id: null, s: { x: 1 } }])))?.kind).toBe('invalid-argument')
    await table.append([{ id: 3, s: { x: 4 } }])
    await table.createBranch('side')
    await table.append([{ id: 4, s: { x: 4 } }], { branch: 'side' })
    expect((await rejectionOf(table.alter('alter column l set not null')))?.context.column).toBe('l')
    await table.delete('id >= 3')
    expect((await rejectionOf(table.alter('alter column l set not null')))?.context.branch).toBe('side')
  })

  it('of deleted nulls may have the column required: deletes count', async () => {
    const table = await world.lake.createTable('n.t', 'id bigint, v string')
    await table.append([{ id: 1, v: 'a' }, { id: 2 }])
    await table.delete('v is null')
    expect(await table.alter('alter column v set not null')).toMatchObject({ changed: true })
    expect(await rowsOf(table.scan())).toEqual([{ id: 1, v: 'a' }])
  })

  it('keeps its rows and position deletes through an upgrade', async () => {
    const table = await world.lake.createTable('n.t', 'id bigint not null, v string', { keys: ['id'] })
    await table.append([1, 2, 3, 4].map(id => ({ id, v: 'a' })))
    await table.delete('id = 2')
    expect(await table.upgrade(3)).toMatchObject({ changed: true, formatVersion: 3 })
    expect(await table.upgrade(3)).toMatchObject({ changed: false })
    expect(await rowsOf(table.scan())).toHaveLength(3)
    await table.upsert([{ id: 3, v: 'b' }])
    await table.delete('id = 4')
    expect(await rowsOf(table.scan())).toEqual([
      { id: 1, v: 'a' },
      { id: 3, v: 'b' },
    ])
    expect((await rejectionOf(table.upgrade(2)))?.kind).toBe('invalid-argument')
  })
})

describe('changes at the same time', () => {
  it('are both made: the one that loses is worked out again', async () => {
    const table = await world.lake.createTable('n.t', 'id bigint')
    await table.append([{ id: 1 }])
    await Promise.all([
      table.alter('add column a int'),
      table.alter('add column b int'),
      table.append([{ id: 2 }]),
      table.alter("set tblproperties ('k' = 'v')"),
    ])
    const { metadata } = await table.load()
    const fields = (await table.schema()).fields
    expect(fields.map(field => field.name).sort()).toEqual(['a', 'b', 'id'])
    expect(new Set(fields.map(field => field.id)).size).toBe(3)
    expect(metadata.properties.k).toBe('v')
    expect(await rowsOf(table.scan({ select: ['id'] }))).toEqual([{ id: 1 }, { id: 2 }])
  })
})

describe('a table that is made new', () => {
  it('has no rows, new columns, and its history behind it', async () => {
    const table = await world.lake.createTable('n.t', 'id bigint, old string', { orReplace: true })
    await table.append([{ id: 1, old: 'a' }])
    const [first] = await table.snapshots()
    await world.lake.createTable('n.t', 'fresh int, id bigint', {
      orReplace: true,
      partitionBy: ['bucket(2, id)'],
    })
    expect(await rowsOf(table.scan())).toEqual([])
    await table.append([{ id: 2, fresh: 3 }])
    expect(await rowsOf(table.scan())).toEqual([{ fresh: 3, id: 2 }])
    expect(await rowsOf(table.at(first?.snapshotId ?? 0n).scan())).toEqual([{ id: 1, old: 'a' }])
    expect((await table.schema()).fields.map(({ id, name }) => `${id} ${name}`)).toEqual(['3 fresh', '1 id'])
    expect((await table.snapshots()).length).toBe(2)
  })
})

describe('a table that is registered', () => {
  it('is the one of the metadata file, under a second name', async () => {
    const table = await world.lake.createTable('n.t', 'id bigint')
    await table.append([{ id: 1 }])
    const { metadataLocation } = await table.load()
    await world.lake.dropTable('n.t')
    const again = await world.lake.registerTable('m.again', metadataLocation)
    await again.append([{ id: 2 }])
    expect(await rowsOf(again.scan())).toEqual([{ id: 1 }, { id: 2 }])
    const twice = world.lake.registerTable('m.again', metadataLocation)
    expect((await rejectionOf(twice))?.kind).toBe('already-exists')
    const nothing = world.lake.registerTable('m.nothing', 'memory:/lake/nothing.metadata.json')
    expect((await rejectionOf(nothing))?.kind).toBe('not-found')
  })
})

describe('a table of version 1 that Spark wrote', () => {
  const GOLDEN = join(import.meta.dirname, '../interop/spark')

  /** Puts the golden table where its metadata says it is, and names it. */
  async function golden(name: string): Promise<Table> {
    const { io } = world.lake.context
    const metadataFiles: string[] = []
    for (const entry of await readdir(join(GOLDEN, name), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const path = join(entry.parentPath, entry.name)
      const location = `file:/warehouse/golden/${path.slice(GOLDEN.length + 1)}`
      await io.write(location, await readFile(path))
      if (location.endsWith('.metadata.json')) metadataFiles.push(location)
    }
    return world.lake.registerTable(`golden.${name}`, metadataFiles.sort().at(-1) ?? '')
  }

  it.each([
    'v1_plain',
    'partition_evolution_v1',
    'void_v1_dropped_field',
  ])('is evolved, upgraded step by step and written: %s', async name => {
    const table = await golden(name)
    const before = await rowsOf(table.scan())
    const { fields } = await table.schema()
    const column = fields[0]?.name ?? ''
    const optional = fields
      .filter(field => field.required)
      .map(field => `alter column ${field.name} drop not null`)
    await table.alter(['add column extra string', ...optional].join(';'))
    expect((await rejectionOf(table.append([{ extra: 'x' }])))?.kind).toBe('unsupported')
    await table.upgrade(2)
    await table.alter(`add partition field bucket(2, ${column}) as fresh`)
    await table.append([{ extra: 'two' }])
    await table.upgrade(3)
    await table.append([{ extra: 'three' }])
    const rows = await rowsOf(table.scan())
    expect(rows.length).toBe(before.length + 2)
    expect(rows.filter(row => row.extra === null)).toEqual(before.map(row => ({ ...row, extra: null })))
    const { metadata } = await table.load()
    const ids = metadata.partitionSpecs.map(spec => spec.fields.map(field => field.fieldId))
    for (const list of ids) expect(new Set(list).size).toBe(list.length)
  })
})

/** What a table should be: columns by an identity of their own, rows by column. */
interface ModelColumn {
  readonly uid: number
  name: string
  type: 'int' | 'bigint' | 'float' | 'double' | 'string'
}
type ModelValue = number | string | null

class Model {
  columns: ModelColumn[] = []
  rows: { id: number; values: Map<number, ModelValue> }[] = []
  partitions: string[] = []
  next = 1

  expected(): readonly Record<string, ModelValue>[] {
    return this.rows
      .map(({ id, values }) =>
        Object.fromEntries([
          ['id', id] as const,
          ...this.columns.map(({ uid, name }) => [name, values.get(uid) ?? null] as const),
        ]),
      )
      .sort((a, b) => Number(a.id) - Number(b.id))
  }
}

const PROMOTED: Partial<Record<ModelColumn['type'], ModelColumn['type']>> = { int: 'bigint', float: 'double' }

/** One step of a random evolution: what it does is decided by two numbers. */
async function step(table: Table, model: Model, kind: number, seed: number): Promise<void> {
  const column = model.columns[seed % Math.max(1, model.columns.length)]
  const fresh = `c${model.next}`
  switch (kind) {
    case 0: {
      const rows = [0, 1, 2].map(at => {
        const id = model.next++
        const values = new Map<number, ModelValue>()
        for (const { uid, type } of model.columns) {
          const number = (seed + at) % 5
          values.set(uid, number === 0 ? null : type === 'string' ? `v${number}` : number)
        }
        return { id, values }
      })
      model.rows.push(...rows)
      await table.append(
        rows.map(({ id, values }) =>
          Object.fromEntries([
            ['id', id],
            ...model.columns.map(({ uid, name }) => [name, values.get(uid) ?? null] as const),
          ]),
        ),
      )
      return
    }
    case 1: {
      const type = (['int', 'float', 'string'] as const)[seed % 3] ?? 'int'
      const added: ModelColumn = { uid: model.next++, name: fresh, type }
      const withDefault = seed % 2 === 0
      const value = type === 'string' ? "'d'" : '4'
      const place = seed % 4 < 2 ? 'after id' : ''
      await table.alter(`add column ${fresh} ${type} ${withDefault ? `default ${value}` : ''} ${place}`)
      if (withDefault) for (const { values } of model.rows) values.set(added.uid, type === 'string' ? 'd' : 4)
      if (place === '') model.columns.push(added)
      else model.columns.unshift(added)
      return
    }
    case 2:
      if (column === undefined) return
      model.next++
      await table.alter(`rename column ${column.name} to ${fresh}`)
      column.name = fresh
      return
    case 3: {
      if (column === undefined || model.partitions.some(term => term.includes(`${column.uid}!`))) return
      await table.alter(`drop column ${column.name}`)
      model.columns = model.columns.filter(each => each !== column)
      return
    }
    case 4: {
      const type = column === undefined ? undefined : PROMOTED[column.type]
      if (column === undefined || type === undefined) return
      await table.alter(`alter column ${column.name} type ${type}`)
      column.type = type
      return
    }
    case 5: {
      if (column === undefined) return
      await table.alter(`alter column ${column.name} first`)
      await table.alter('alter column id first')
      model.columns = [column, ...model.columns.filter(each => each !== column)]
      return
    }
    case 6: {
      const key = `${column?.uid}!`
      if (column === undefined || column.type === 'float' || column.type === 'double') return
      if (model.partitions.includes(key)) {
        await table.alter(`drop partition field p${column.uid}`)
        model.partitions = model.partitions.filter(each => each !== key)
        return
      }
      const term = seed % 2 === 0 ? column.name : `bucket(3, ${column.name})`
      await table.alter(`add partition field ${term} as p${column.uid}`)
      model.partitions.push(key)
      return
    }
    default: {
      const id = model.rows[seed % Math.max(1, model.rows.length)]?.id
      if (id === undefined) return
      await table.delete(`id = ${id}`)
      model.rows = model.rows.filter(row => row.id !== id)
    }
  }
}

describe('random evolutions', () => {
  it('leave every row as it was written, in the columns that there are', { timeout: 60_000 }, async () => {
    let tables = 0
    const steps = fc.array(fc.tuple(fc.nat({ max: 8 }), fc.nat({ max: 1000 })), {
      minLength: 4,
      maxLength: 14,
    })
    await fc.assert(
      fc.asyncProperty(steps, async taken => {
        const table = await world.lake.createTable(`n.random${tables++}`, 'id bigint not null', {
          formatVersion: 3,
        })
        const model = new Model()
        for (const [kind, seed] of taken) {
          // Rows are written twice as often as anything else is done.
          await step(table, model, kind === 8 ? 0 : kind, seed)
          const rows = await rowsOf(table.scan())
          expect([...rows].sort((a, b) => Number(a.id) - Number(b.id))).toEqual(model.expected())
        }
        const wanted = model.expected().filter(row => Number(row.id) % 2 === 0)
        const ids = wanted.map(row => row.id)
        if (ids.length === 0) return
        const found = await rowsOf(table.scan({ where: `id in (${ids.join(', ')})` }))
        expect([...found].sort((a, b) => Number(a.id) - Number(b.id))).toEqual(wanted)
      }),
      { numRuns: 25 },
    )
  })
})
