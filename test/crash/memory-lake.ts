/** Lakes in memory that can be copied: every run of a crash test starts from the same one. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Catalog } from '../../src/catalog/catalog.js'
import { openEmbeddedCatalog } from '../../src/catalog/embedded.js'
import { type Lake, openLake } from '../../src/index.js'
import type { FileIO } from '../../src/io/file-io.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { seededRuntime, type TestRuntime } from '../snapshot/world.js'

const WAREHOUSE = 'memory://test/lake'

/** Storage and database, nobody's connection. */
export interface ClosedLake {
  readonly io: FileIO
  readonly databasePath: string
}

/** A process's view: its connection, its clock and its chance. */
export interface OpenedLake {
  readonly lake: Lake
  readonly catalog: Catalog
  readonly runtime: TestRuntime
}

export function newClosedLake(folder: string): ClosedLake {
  return { io: createMemoryIO(), databasePath: join(folder, `${nextNumber()}.db`) }
}

/** The lake as a new process sees it, over a layer if need be; the same seed gives the same file names and ids. */
export async function openAs(closed: ClosedLake, seed: number, layer?: FileIO): Promise<OpenedLake> {
  const runtime = seededRuntime(seed)
  const io = layer ?? closed.io
  const path = closed.databasePath
  const catalog = await openEmbeddedCatalog({ path, warehouse: WAREHOUSE, io, runtime })
  return { catalog, runtime, lake: openLake({ catalog, io, runtime }) }
}

/** A copy of a lake whose connections are all closed. */
export async function copyOf(closed: ClosedLake, folder: string): Promise<ClosedLake> {
  const copy = newClosedLake(folder)
  for await (const { location } of closed.io.list(WAREHOUSE)) {
    await copy.io.write(location, await closed.io.read(location))
  }
  await writeFile(copy.databasePath, await readFile(closed.databasePath))
  return copy
}

let number = 0
function nextNumber(): number {
  number += 1
  return number
}
