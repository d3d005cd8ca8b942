/** Names with dots in the embedded catalog: levels are escaped in its rows, names of tables are not. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemRuntime } from '../../src/base/runtime.js'
import type { Catalog } from '../../src/catalog/catalog.js'
import { openEmbeddedCatalog } from '../../src/catalog/embedded.js'
import { levelOfKey, namespaceKey } from '../../src/catalog/embedded-rows.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { appendTo, committed, createTable } from '../contract/catalog.js'

let folder: string
let catalog: Catalog
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serac-dots-'))
  catalog = await openEmbeddedCatalog({
    path: join(folder, 'catalog.db'),
    warehouse: 'memory:/lake',
    io: createMemoryIO(),
    runtime: systemRuntime,
  })
})
afterEach(async () => {
  await catalog.close()
  await rm(folder, { recursive: true, force: true })
})

/** What other programs see of the file. */
function stored(): unknown {
  const db = new DatabaseSync(join(folder, 'catalog.db'))
  const rows = db.prepare('SELECT table_namespace, table_name FROM iceberg_tables ORDER BY 1, 2').all()
  db.close()
  return rows.map(row => Object.values(row as object))
}

describe('names with dots', () => {
  it('are those of other namespaces and tables than their parts', async () => {
    for (const namespace of [['a'], ['a', 'b'], ['a.b'], ['a.b', 'c.d']])
      await catalog.createNamespace(namespace)
    const tables = [
      { namespace: ['a'], name: 'b.t' },
      { namespace: ['a', 'b'], name: 't' },
      { namespace: ['a.b'], name: 't' },
      { namespace: ['a.b', 'c.d'], name: 't.u' },
    ]
    const made = []
    for (const identifier of tables) made.push(await createTable(catalog, identifier))
    expect(new Set(made.map(table => table.metadata.location)).size).toBe(4)
    for (const [index, identifier] of tables.entries()) {
      expect(await catalog.loadTable(identifier)).toEqual(made[index])
      expect(await catalog.listTables(identifier.namespace)).toEqual([identifier])
    }
    expect(new Set((await catalog.listNamespaces()).map(String))).toEqual(new Set(['a', 'a.b']))
    expect(await catalog.listNamespaces(['a'])).toEqual([['a', 'b']])
    expect(await catalog.listNamespaces(['a.b'])).toEqual([['a.b', 'c.d']])
    for (const table of made) committed(await catalog.commit([appendTo(table, 1n)]))
    expect(stored()).toEqual([
      ['a', 'b.t'],
      ['a%2Eb', 't'],
      ['a%2Eb.c%2Ed', 't.u'],
      ['a.b', 't'],
    ])
  })

  it('are dropped and renamed by themselves', async () => {
    await catalog.createNamespace(['a', 'b'])
    await catalog.createNamespace(['a.b'])
    await createTable(catalog, { namespace: ['a.b'], name: 't' })
    await catalog.renameTable({ namespace: ['a.b'], name: 't' }, { namespace: ['a', 'b'], name: 'x.y' })
    await catalog.dropNamespace(['a.b'])
    expect(await catalog.listTables(['a', 'b'])).toEqual([{ namespace: ['a', 'b'], name: 'x.y' }])
    expect(await catalog.listNamespaces()).toEqual([['a']])
  })

  it('that are nothing but dots lead to no other folder', async () => {
    await catalog.createNamespace(['..'])
    for (const name of ['.', '..', '...']) {
      const location = await catalog.defaultTableLocation({ namespace: ['..'], name })
      expect(new URL(location).pathname).toBe(location.replace('memory:', ''))
      expect(location.startsWith('memory:/lake/')).toBe(true)
    }
  })

  it('are stored so that names without dots stay as they are', () => {
    expect(namespaceKey(['shop', 'eu'])).toBe('shop.eu')
    expect(namespaceKey(['100%', '%20', '%2'])).toBe('100%.%20.%2')
    const level = fc.string({
      unit: fc.constantFrom('%', '2', '5', 'E', '.', 'a'),
      minLength: 1,
      maxLength: 9,
    })
    fc.assert(
      fc.property(fc.array(level, { minLength: 1, maxLength: 3 }), namespace => {
        expect(namespaceKey(namespace).split('.').map(levelOfKey)).toEqual(namespace)
      }),
      { numRuns: 1000 },
    )
  })
})
