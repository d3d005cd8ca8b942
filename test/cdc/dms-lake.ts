/** A lake, and the folder of a DMS target beside it. */

import type { DeclaredTable } from '../../src/cdc.js'
import {
  type ApplyDmsOptions,
  applyDms,
  type DmsSettings,
  type FeedReport,
  parsePosition,
} from '../../src/cdc.js'
import type { FileIO, Lake, OutputRow } from '../../src/index.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { openMemoryLake } from '../lake/memory-lake.js'

export const CUSTOMERS: ReadonlyMap<string, DeclaredTable> = new Map([
  [
    'customers',
    {
      columns: [
        { name: 'id', type: 'bigint' },
        { name: 'name', type: 'text' },
        { name: 'phone', type: 'text' },
      ],
      keyColumns: ['id'],
    },
  ],
])

export interface DmsLake {
  readonly lake: Lake
  readonly io: FileIO
  readonly warnings: string[]
  /** Writes files below the root; text, or bytes. */
  put(files: Readonly<Record<string, string | Uint8Array>>): Promise<void>
  remove(...paths: readonly string[]): Promise<void>
  /** Applies the root, to namespace `shop`, with the types of `customers` unless told otherwise. */
  apply(options?: DmsApply): Promise<FeedReport>
  /** Rows as arrays, in the order of their first column. */
  rows(table?: string): Promise<readonly unknown[][]>
  close(): Promise<void>
}

export type DmsApply = Partial<Omit<ApplyDmsOptions, 'until' | 'resetPosition'>> & {
  readonly settings?: DmsSettings
  readonly until?: string
  readonly resetPosition?: string
  readonly locations?: readonly string[]
}

export const ROOT = 'memory:/feed'

export async function openDmsLake(): Promise<DmsLake> {
  const { lake, close } = await openMemoryLake()
  const io = createMemoryIO()
  const warnings: string[] = []
  return {
    lake,
    io,
    warnings,
    async put(files) {
      for (const [path, content] of Object.entries(files)) {
        await io.delete([`${ROOT}/${path}`])
        await io.write(`${ROOT}/${path}`, typeof content === 'string' ? Buffer.from(content) : content)
      }
    },
    async remove(...paths) {
      await io.delete(paths.map(path => `${ROOT}/${path}`))
    },
    apply({ settings, until, resetPosition, locations = [ROOT], ...options } = {}) {
      return applyDms(
        { io, locations, settings },
        {
          ...lake.context,
          target: { namespace: ['shop'] },
          types: CUSTOMERS,
          onWarning: message => warnings.push(message),
          ...options,
          until: until === undefined ? undefined : parsePosition(until),
          resetPosition: resetPosition === undefined ? undefined : parsePosition(resetPosition),
        },
      )
    },
    async rows(table = 'customers') {
      const rows: OutputRow[] = []
      for await (const row of lake.table(`shop.${table}`).scan().rows({ long: 'number' })) rows.push(row)
      const first = (row: OutputRow): string => String(Object.values(row)[0]).padStart(20)
      return rows.sort((a, b) => (first(a) < first(b) ? -1 : 1)).map(row => Object.values(row))
    },
    close,
  }
}
