/** What operations decide on, for the check that nobody changed it: see `based-action.ts`. */
import { currentSchema } from '../metadata/lookup.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import type { TouchedRows } from './based-action.js'
import { createKeyPruner } from './key-pruning.js'
import type { KeyedChanges } from './keyed-changes.js'
import { keysFor } from './keyed-write.js'
import { type BindRowChangeOptions, bindRowChange, type RowChange } from './row-change.js'

type TouchedOf = (metadata: TableMetadata) => TouchedRows

/** The rows that a condition is true of, or those of partitions. @throws invalid-argument as `bindRowChange` */
export function rowsOfChange(change: RowChange, options: BindRowChangeOptions): TouchedOf {
  return metadata => {
    const { filter, partitions } = bindRowChange(change, currentSchema(metadata), options)
    return { filter, keepPartition: partitions && (file => partitions.holds(file) !== false) }
  }
}

/** The rows that have one of the keys. @throws invalid-argument when the keys do not fit the schema */
export function rowsOfKeys(changes: KeyedChanges): TouchedOf {
  return metadata => {
    const schema = currentSchema(metadata)
    return createKeyPruner(keysFor(changes, schema), metadata, schema)
  }
}
