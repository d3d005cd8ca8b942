/** Write leases of the embedded catalog: the contract, and what the file looks like to others. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemRuntime } from '../../src/base/runtime.js'
import type { Catalog } from '../../src/catalog/catalog.js'
import { openEmbeddedCatalog } from '../../src/catalog/embedded.js'
import { isFenced } from '../../src/catalog/write-leases.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { appendTo, committed, createTable, ORDERS } from '../contract/catalog.js'
import { describeWriteLeases } from '../contract/write-leases.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serac-leases-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describeWriteLeases('embedded', async runtime => {
  const io = createMemoryIO({ runtime })
  const opened: Catalog[] = []
  const open = async (): Promise<Catalog> => {
    const path = join(folder, 'catalog.db')
    const catalog = await openEmbeddedCatalog({ path, warehouse: 'memory://lake', io, runtime })
    opened.push(catalog)
    return catalog
  }
  const close = async (): Promise<void> => {
    for (const catalog of opened) await catalog.close()
  }
  return { catalog: await open(), io, another: open, close }
})

describe('the file of an embedded catalog', () => {
  it('has a table of leases from the first one on', async () => {
    const path = join(folder, 'catalog.db')
    const tables = (): unknown => {
      const database = new DatabaseSync(path)
      const names = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all()
      database.close()
      return names.map(row => (row as { readonly name: string }).name).sort()
    }
    const io = createMemoryIO()
    const options = { path, warehouse: 'memory://lake', io, runtime: systemRuntime }
    const catalog = await openEmbeddedCatalog(options)
    await catalog.createNamespace(['shop'])
    const table = await createTable(catalog, ORDERS)
    committed(await catalog.commit([appendTo(table, 1n)]))
    expect(await catalog.writeLeases?.standing('none')).toEqual(new Set())
    expect(tables()).toEqual(['iceberg_namespace_properties', 'iceberg_tables'])
    await catalog.writeLeases?.open({ tableUuid: 'a', operationUuid: 'b' })
    expect(tables()).toEqual(['iceberg_namespace_properties', 'iceberg_tables', 'serac_write_leases'])
    await catalog.close()
    const again = await openEmbeddedCatalog(options)
    expect(await again.writeLeases?.standing('a')).toEqual(new Set())
    await again.close()
  })
})

describe('a fence', () => {
  it("that is no time is in nobody's way", async () => {
    const catalog = await openEmbeddedCatalog({
      path: ':memory:',
      warehouse: 'memory://lake',
      io: createMemoryIO(),
      runtime: systemRuntime,
    })
    await catalog.createNamespace(['shop'])
    const { metadata } = await createTable(catalog, ORDERS)
    const fenced = (text: string): boolean =>
      isFenced({ ...metadata, properties: { 'serac.cleaned-before-ms': text } }, 5_000)
    for (const text of ['', 'soon', '-1', '1e9', ' 9000000']) expect(fenced(text)).toBe(false)
    expect(fenced('9000000')).toBe(true)
    expect(isFenced(metadata, 0)).toBe(false)
    await catalog.close()
  })
})
