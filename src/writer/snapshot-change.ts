/**
 * The last step of every write: file changes become a snapshot and a table change for the commit loop. One
 * `SnapshotChanges` serves all attempts of one operation: snapshot id and file names stay, manifests are reused.
 */
import type { Runtime } from '../base/runtime.js'
import type { LoadedTable } from '../catalog/catalog.js'
import type { ActionAttempt, TableChange } from '../commit/commit-loop.js'
import { streamUpdatesForMove } from '../commit/stream-position.js'
import { checkStaging, stagedUpdates, WAP_ID } from '../commit/wap.js'
import type { FileIO } from '../io/file-io.js'
import { currentSnapshot, refByName, refSnapshot } from '../metadata/lookup.js'
import { MAIN_BRANCH, type Snapshot, type TableMetadata } from '../metadata/table-metadata.js'
import type { TableRequirement, TableUpdate } from '../metadata/table-update.js'
import { createProduceCache, type FileChanges, operationOf, produceSnapshot } from '../snapshot/produce.js'
import { newSnapshotId } from '../snapshot/snapshot-id.js'

export interface WriteOptions {
  readonly runtime: Runtime
  /** Branch to write; made from main when it is missing. Default main. */
  readonly ref?: string | undefined
  /** Stages the snapshot under this id: it is added to the table, and no branch is moved. */
  readonly wapId?: string | undefined
  /** Part of the name of every file written; default a new uuid. */
  readonly operationUuid?: string | undefined
  /** Small manifests are not merged, whatever the table's properties say: the commit costs as little as it can. */
  readonly fast?: boolean | undefined
  /** Add an empty snapshot when nothing changes, for what goes with the commit; default false. */
  readonly keepEmpty?: boolean | undefined
  /** Further entries of the snapshot's summary. */
  readonly summary?: Readonly<Record<string, string>> | undefined
}

export interface SnapshotChanges {
  readonly operationUuid: string
  /** The snapshot whose rows a write on the base sees. */
  headOf(metadata: TableMetadata): Snapshot | undefined
  /** Writes the manifests. @throws as `produceSnapshot` */
  produce(base: LoadedTable, attempt: ActionAttempt, change: ChangedFiles): Promise<TableChange>
}

export interface ChangedFiles {
  readonly changes: Omit<FileChanges, 'operation'> & {
    readonly operation?: FileChanges['operation'] | undefined
  }
  /** Data and delete files that the attempts of this operation wrote and this change refers to. */
  readonly written: readonly string[]
}

export function snapshotChanges(io: FileIO, options: WriteOptions): SnapshotChanges {
  const { runtime, wapId } = options
  const ref = options.ref ?? MAIN_BRANCH
  const summary = wapId === undefined ? options.summary : { ...options.summary, [WAP_ID]: wapId }
  const operationUuid = options.operationUuid ?? runtime.orderedUuid()
  const cache = createProduceCache()
  let snapshotId: bigint | undefined
  return {
    operationUuid,
    headOf: metadata => headOf(metadata, ref),
    async produce(base, attempt, { changes, written }) {
      if (wapId !== undefined) checkStaging(base.metadata, wapId)
      snapshotId ??= newSnapshotId(base.metadata, runtime)
      const produced = await produceSnapshot(base, io, {
        changes: { ...changes, operation: changes.operation ?? operationOf(changes) },
        ref,
        snapshotId,
        operationUuid,
        attempt: attempt.number,
        summary,
        runtime,
        cache,
        fast: options.fast,
        signal: attempt.signal,
      })
      const requirements = [...produced.requirements, ...schemaRequirement(base.metadata, changes)]
      const updates =
        wapId === undefined
          ? [...produced.updates, ...streamsOfNewBranch(base.metadata, ref)]
          : stagedUpdates(produced.updates)
      return { updates, requirements, written: [...produced.written, ...written] }
    },
  }
}

/**
 * New rows fit the schema that they were made for. A change of it moves no branch, so the swap would not notice that a
 * column has become required meanwhile.
 */
function schemaRequirement(
  { currentSchemaId }: TableMetadata,
  { addedDataFiles, operation }: ChangedFiles['changes'],
): readonly TableRequirement[] {
  if (addedDataFiles.length === 0 || operation === 'replace') return []
  return [{ type: 'assert-current-schema-id', currentSchemaId }]
}

/** The snapshot whose rows a write on the branch sees: a branch that is missing begins where main stands. */
export function headOf(metadata: TableMetadata, ref: string = MAIN_BRANCH): Snapshot | undefined {
  return refByName(metadata, ref) === undefined ? currentSnapshot(metadata) : refSnapshot(metadata, ref)
}

/** A branch that the write makes begins where main stands, streams too. */
function streamsOfNewBranch(metadata: TableMetadata, ref: string): readonly TableUpdate[] {
  const { currentSnapshotId: snapshotId } = metadata
  if (ref === MAIN_BRANCH || snapshotId === undefined || refByName(metadata, ref) !== undefined) return []
  return streamUpdatesForMove(metadata, { ref, snapshotId })
}
