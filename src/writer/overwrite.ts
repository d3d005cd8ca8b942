/**
 * Overwriting: rows go and given rows come, in one snapshot.
 *
 *   all           every row goes, by metadata alone
 *   by condition  the rows that it is true of go: whole files by metadata, others in the mode of `write.delete.mode`
 *   by partition  the rows of the partitions that the given rows are in go
 *
 * An overwrite holds to the snapshot that it was decided on: when what it replaces has changed since, it is refused, since
 * rows that its caller never saw would be lost. Other changes of the table are no matter.
 */
import type { TableAction } from '../commit/table-action.js'
import { BOUND_TRUE } from '../expression/bind.js'
import type { Scalar } from '../expression/scalar.js'
import type { FileIO } from '../io/file-io.js'
import type { DataFile } from '../manifest/content-file.js'
import { checkWritable } from '../metadata/new-table.js'
import type { Snapshot, SnapshotOperation, TableMetadata } from '../metadata/table-metadata.js'
import type { Schema } from '../schema/types.js'
import { checkFilesFit } from './append.js'
import { basedAction, type TouchedRows } from './based-action.js'
import { type ChangeRowsOptions, changeRowsAction } from './change-rows.js'
import { commonSpec } from './overwrite-partitions.js'
import type { RowChange } from './row-change.js'
import { snapshotChanges } from './snapshot-change.js'
import { rowsOfChange } from './touched-rows.js'

/** The rows that go. */
export type Replaced =
  | { readonly kind: 'all' }
  | { readonly kind: 'condition'; readonly where: Scalar }
  /** Those of the given rows' partitions; of a table without partitions, all. Without given rows none. */
  | { readonly kind: 'partitions' }

export interface Overwrite {
  readonly replaced: Replaced
  /** The given rows, all of one spec. They are the caller's to delete when the commit fails, as those of an append. */
  readonly files: readonly DataFile[]
  /** The schema that they were written with. */
  readonly schema: Schema
  /** What the overwrite was decided on; undefined: the table had no snapshot. */
  readonly basis: Snapshot | undefined
}

/** Summary entry of Iceberg: whole partitions were replaced, so that the snapshot can be picked onto another history. */
const REPLACE_PARTITIONS = { 'replace-partitions': 'true' } as const

/**
 * Replaces rows by the files' rows; `unchanged` when nothing goes and nothing comes.
 * @throws from the action: conflict when what is replaced has changed since the basis, or the files do not fit any more;
 * invalid-argument for a condition that does not fit the schema; corrupt, not-found, denied, unavailable, aborted
 */
export function overwriteAction(io: FileIO, overwrite: Overwrite, options: ChangeRowsOptions): TableAction {
  const { replaced, files, basis, schema } = overwrite
  if (replaced.kind === 'partitions' && files.length === 0) return async () => 'unchanged'
  const operation = replaced.kind === 'partitions' ? 'overwrite-partitions' : 'overwrite-filter'
  const summary =
    replaced.kind === 'partitions' ? { ...options.summary, ...REPLACE_PARTITIONS } : options.summary
  const replacing = replacingAction(io, overwrite, { ...options, summary })
  const checked: TableAction = (base, attempt) => {
    checkWritable(base.metadata)
    checkFilesFit(base.metadata, files, schema)
    return replacing(base, attempt)
  }
  return basedAction(io, checked, {
    operation,
    ref: options.ref,
    snapshot: basis,
    touched: metadata => touchedRows(metadata, overwrite, options),
  })
}

/** The change that takes the rows away; undefined: all of them go. */
function removalOf(metadata: TableMetadata, { replaced, files }: Overwrite): RowChange | undefined {
  switch (replaced.kind) {
    case 'all':
      return undefined
    case 'condition':
      return { kind: 'delete', where: replaced.where }
    default: {
      const spec = commonSpec(metadata, files)
      return spec && { kind: 'delete', partitions: { files, spec } }
    }
  }
}

function replacingAction(io: FileIO, overwrite: Overwrite, options: ChangeRowsOptions): TableAction {
  const { files } = overwrite
  const every = replaceAllAction(io, files, options)
  let some: TableAction | undefined
  return (base, attempt) => {
    const removal = removalOf(base.metadata, overwrite)
    if (removal === undefined) return every(base, attempt)
    // What is replaced is decided on the base, whichever isolation holds.
    some ??= changeRowsAction(io, removal, { ...options, addedDataFiles: files, isolation: 'serializable' })
    return some(base, attempt)
  }
}

function replaceAllAction(io: FileIO, files: readonly DataFile[], options: ChangeRowsOptions): TableAction {
  const snapshots = snapshotChanges(io, options)
  return async (base, attempt) => {
    const head = snapshots.headOf(base.metadata)
    const isEmpty = head === undefined || head.summary['total-data-files'] === '0'
    if (isEmpty && files.length === 0 && !options.keepEmpty) return 'unchanged'
    const operation: SnapshotOperation = files.length === 0 ? 'delete' : 'overwrite'
    const changes = {
      addedDataFiles: files,
      addedDeleteFiles: [],
      removedFiles: [],
      removeAll: true,
      operation,
    }
    return snapshots.produce(base, attempt, { changes, written: [] })
  }
}

function touchedRows(metadata: TableMetadata, overwrite: Overwrite, options: ChangeRowsOptions): TouchedRows {
  const removal = removalOf(metadata, overwrite)
  return removal === undefined ? { filter: BOUND_TRUE } : rowsOfChange(removal, options)(metadata)
}
