/** A table read by its metadata file alone. */
import type { FileIO } from '../io/file-io.js'
import { relocatedIO } from '../io/relocated.js'
import { openStaticTable } from '../reader/static-table.js'
import { openScan, type Scan, type ScanRequest } from './scan.js'

export interface StaticTable {
  scan(request?: ScanRequest): Scan
}

export function openStatic(
  io: FileIO,
  metadataLocation: string,
  relocate: { readonly from: string; readonly to: string } | undefined,
): StaticTable {
  const storage = relocate === undefined ? io : relocatedIO(io, relocate)
  return {
    scan: (request = {}) =>
      openScan(storage, request, () =>
        openStaticTable(storage, metadataLocation, { signal: request.signal }),
      ),
  }
}
