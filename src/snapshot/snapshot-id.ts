/** Snapshot ids, drawn as Java draws them: the two halves of a random uuid folded into 63 bits. */
import type { Runtime } from '../base/runtime.js'
import { snapshotById } from '../metadata/lookup.js'
import type { TableMetadata } from '../metadata/table-metadata.js'

const MASK_63_BITS = (1n << 63n) - 1n

/** A positive 63-bit id that no snapshot of the table has. */
export function newSnapshotId(metadata: TableMetadata, runtime: Runtime): bigint {
  for (;;) {
    const id = foldUuid(runtime.uuid())
    if (id !== 0n && snapshotById(metadata, id) === undefined) return id
  }
}

function foldUuid(uuid: string): bigint {
  const digits = uuid.replaceAll('-', '')
  return (BigInt(`0x${digits.slice(0, 16)}`) ^ BigInt(`0x${digits.slice(16, 32)}`)) & MASK_63_BITS
}
