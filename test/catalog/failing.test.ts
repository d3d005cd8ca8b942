/** The failing layer: an ordinary catalog as long as nothing fails, and honest about what it lost. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LakeError } from '../../src/base/errors.js'
import { systemRuntime as runtime } from '../../src/base/runtime.js'
import type { Catalog, CommitOutcome } from '../../src/catalog/catalog.js'
import { openEmbeddedCatalog } from '../../src/catalog/embedded.js'
import { type CatalogFailure, failingCatalog } from '../../src/catalog/failing.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { appendTo, committed, createTable, describeCatalog, ORDERS } from '../contract/catalog.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serac-failing-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describeCatalog('failing, when nothing fails', async () => {
  const io = createMemoryIO()
  const opened: Catalog[] = []
  const open = async (): Promise<Catalog> => {
    const options = { path: join(folder, 'catalog.db'), warehouse: folder, io, runtime }
    const catalog = failingCatalog(await openEmbeddedCatalog(options), () => undefined)
    opened.push(catalog)
    return catalog
  }
  const close = async (): Promise<void> => {
    for (const catalog of opened) await catalog.close()
  }
  return { catalog: await open(), io, another: open, close }
})

describe('the failing catalog', () => {
  let inner: Catalog
  let catalog: Catalog
  let failures: { before?: CatalogFailure; after?: CatalogFailure }
  beforeEach(async () => {
    const io = createMemoryIO()
    inner = await openEmbeddedCatalog({ path: join(folder, 'catalog.db'), warehouse: folder, io, runtime })
    failures = {}
    catalog = failingCatalog(inner, ({ verb, phase }) => {
      if (verb !== 'commit' && verb !== 'settle') return undefined
      const failure = failures[phase]
      failures = { ...failures, [phase]: undefined }
      return failure
    })
    await inner.createNamespace(['shop'])
  })
  afterEach(() => inner.close())

  async function attemptOf(
    commit: Promise<CommitOutcome>,
  ): Promise<Extract<CommitOutcome, { status: 'unknown' }>> {
    const outcome = await commit
    if (outcome.status !== 'unknown') throw new Error(`expected an unknown outcome, got ${outcome.status}`)
    return outcome
  }

  it('throws before a request without sending it, and after it when it took effect', async () => {
    const base = await createTable(inner, ORDERS)
    failures = { before: new LakeError('unavailable', 'down') }
    await expect(catalog.commit([appendTo(base, 1n)])).rejects.toMatchObject({ kind: 'unavailable' })
    expect(await inner.loadTable(ORDERS)).toEqual(base)
    failures = { after: new LakeError('unavailable', 'down') }
    await expect(catalog.commit([appendTo(base, 1n)])).rejects.toMatchObject({ kind: 'unavailable' })
    expect((await inner.loadTable(ORDERS)).metadata.currentSnapshotId).toBe(1n)
  })

  it('loses a request, which settling sends', async () => {
    const base = await createTable(inner, ORDERS)
    failures = { before: 'lost' }
    const { attempt } = await attemptOf(catalog.commit([appendTo(base, 1n)]))
    expect(await inner.loadTable(ORDERS)).toEqual(base)
    committed(await catalog.settle(attempt))
    expect((await inner.loadTable(ORDERS)).metadata.currentSnapshotId).toBe(1n)
  })

  it('loses an answer, which settling finds, also when it is lost again', async () => {
    const base = await createTable(inner, ORDERS)
    failures = { after: 'lost' }
    const first = await attemptOf(catalog.commit([appendTo(base, 1n)]))
    failures = { before: 'lost' }
    const second = await attemptOf(catalog.settle(first.attempt))
    const [table] = committed(await catalog.settle(second.attempt))
    expect(await inner.loadTable(ORDERS)).toEqual(table)
    expect(table?.metadata.snapshots).toHaveLength(1)
  })

  it('loses a request that someone overtakes: settling finds the conflict', async () => {
    const base = await createTable(inner, ORDERS)
    failures = { before: 'lost' }
    const { attempt } = await attemptOf(catalog.commit([appendTo(base, 1n)]))
    committed(await inner.commit([appendTo(base, 2n)]))
    expect(await catalog.settle(attempt)).toMatchObject({ status: 'conflict' })
  })
})
