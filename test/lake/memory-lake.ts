/** A lake over memory storage, its catalog in a folder of its own. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Runtime, systemRuntime } from '../../src/base/runtime.js'
import { openEmbeddedCatalog } from '../../src/catalog/embedded.js'
import { type Lake, type OutputRow, openLake, type Scan } from '../../src/index.js'
import { createMemoryIO } from '../../src/io/memory.js'

export interface MemoryLake {
  readonly lake: Lake
  /** Where readers leave their leases. */
  readonly leaseFolder: string
  close(): Promise<void>
}

export async function openMemoryLake(runtime: Runtime = systemRuntime): Promise<MemoryLake> {
  const folder = await mkdtemp(join(tmpdir(), 'serac-lake-'))
  const io = createMemoryIO()
  const path = join(folder, 'catalog.db')
  const catalog = await openEmbeddedCatalog({ path, warehouse: 'memory:/lake', io, runtime })
  const lake = openLake({ catalog, io, runtime })
  return {
    lake,
    leaseFolder: `${path}-readers`,
    async close() {
      await lake.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The rows of a scan, in the order of their text. */
export async function rowsOf(scan: Scan): Promise<readonly OutputRow[]> {
  const rows: OutputRow[] = []
  for await (const row of scan.rows({ long: 'number' })) rows.push(row)
  const texts = new Map(rows.map(row => [row, JSON.stringify(row)]))
  return rows.sort((a, b) => ((texts.get(a) ?? '') < (texts.get(b) ?? '') ? -1 : 1))
}
