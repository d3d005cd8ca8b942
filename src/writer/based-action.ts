/**
 * An operation that holds to a snapshot: before each attempt it is checked that nobody changed what it decided on, by the
 * rules of `snapshot/validate.ts`.
 */
import { LakeError } from '../base/errors.js'
import type { TableAction } from '../commit/table-action.js'
import type { Bound } from '../expression/bind.js'
import { mightMatch } from '../expression/statistics.js'
import type { FileIO } from '../io/file-io.js'
import { statisticsOf } from '../manifest/bounds.js'
import type { ContentFile, DataFile } from '../manifest/content-file.js'
import { dataFileOf } from '../manifest/delete-index.js'
import { currentSchema, snapshotById } from '../metadata/lookup.js'
import { isolationLevel, type RowLevelOperation } from '../metadata/properties.js'
import type { Snapshot, TableMetadata } from '../metadata/table-metadata.js'
import { planScan } from '../reader/plan.js'
import { createPruner } from '../reader/prune.js'
import { isSameState } from '../snapshot/changes.js'
import { type ConflictOperation, checkConflicts } from '../snapshot/validate.js'
import type { ConflictScope } from '../snapshot/validate-changes.js'
import { headOf } from './snapshot-change.js'

/** The rows that an operation decided on, as a base's schema knows them. When in doubt a file holds some. */
export interface TouchedRows {
  /** Bound to the base's current schema. */
  readonly filter: Bound
  /** False when no row of the file's partition is touched, or deleted by it. */
  readonly keepPartition?: ((file: ContentFile) => boolean) | undefined
  /** False when the data file holds none of the rows. */
  readonly keepFile?: ((file: DataFile) => boolean) | undefined
}

export interface Basis {
  readonly operation: Extract<
    ConflictOperation,
    'overwrite-filter' | 'overwrite-partitions' | RowLevelOperation | 'upsert'
  >
  /** The branch that is written. */
  readonly ref: string | undefined
  /** What was decided on; undefined: the table had no snapshot. */
  readonly snapshot: Snapshot | undefined
  touched(metadata: TableMetadata): TouchedRows
}

/**
 * The snapshot that a caller decided on.
 * @throws conflict when the table does not have it any more: what changed since cannot be told
 */
export function basisSnapshot(metadata: TableMetadata, basedOn: bigint): Snapshot {
  const snapshot = snapshotById(metadata, basedOn)
  if (snapshot !== undefined) return snapshot
  throw new LakeError('conflict', 'the table does not have the snapshot that the write is based on', {
    context: { basedOn },
  })
}

/** @throws from the action: conflict when what was decided on has changed; and what the inner action throws */
export function basedAction(io: FileIO, inner: TableAction, basis: Basis): TableAction {
  const { operation, ref, snapshot: before } = basis
  return async (base, attempt) => {
    const { metadata } = base
    const { signal } = attempt
    const after = headOf(metadata, ref)
    if (!isSameState({ before, after })) {
      await checkConflicts(io, operation, {
        states: { before, after, metadata },
        scope: scopeOf(io, basis.touched(metadata), { metadata, before, signal }),
        isolation: isolationLevel(metadata, PROPERTY_OF[operation]),
        signal,
      })
    }
    return inner(base, attempt)
  }
}

/** Whose `write.*.isolation-level` holds. Iceberg has none for overwrites, which are deletes with new rows. */
const PROPERTY_OF: Readonly<Record<Basis['operation'], RowLevelOperation>> = {
  'overwrite-filter': 'delete',
  'overwrite-partitions': 'delete',
  delete: 'delete',
  update: 'update',
  merge: 'merge',
  upsert: 'merge',
}

interface BeforeState {
  readonly metadata: TableMetadata
  readonly before: Snapshot | undefined
  readonly signal: AbortSignal | undefined
}

function scopeOf(io: FileIO, touched: TouchedRows, state: BeforeState): ConflictScope {
  const { metadata } = state
  const { filter, keepPartition, keepFile } = touched
  const schema = currentSchema(metadata)
  const pruner = createPruner(filter, metadata, schema)
  const inPartition = (file: ContentFile): boolean =>
    pruner.selectorOf(file.specId).keepPartition(file.partition) && (keepPartition?.(file) ?? true)
  let decidedOn: Promise<ReadonlySet<string>> | undefined
  return {
    mightBeIn: manifest => pruner.keepManifest(manifest),
    hasData: file =>
      inPartition(file) && mightMatch(filter, statisticsOf(file, schema)) && (keepFile?.(file) ?? true),
    async reaches(file) {
      if (!inPartition(file)) return false
      const dataFile = dataFileOf(file)
      if (dataFile === undefined) return true
      decidedOn ??= plannedFiles(io, touched, state)
      return (await decidedOn).has(dataFile)
    },
  }
}

/** The data files that the operation decided on: deletes of others are no matter. */
async function plannedFiles(
  io: FileIO,
  { filter, keepPartition, keepFile }: TouchedRows,
  { metadata, before, signal }: BeforeState,
): Promise<ReadonlySet<string>> {
  const schema = currentSchema(metadata)
  const plan = await planScan({ metadata }, io, { snapshot: before, schema, filter, signal })
  const files = plan.tasks
    .map(task => task.entry.file)
    .filter(file => (keepPartition?.(file) ?? true) && (keepFile?.(file) ?? true))
  return new Set(files.map(file => file.location))
}
