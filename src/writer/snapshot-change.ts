/**
 * The last step of every write: file changes become a snapshot and a table change for the commit loop. One
 * `SnapshotChanges` serves all attempts of one operation: snapshot id and file names stay, manifests are reused.
 */
import type { Runtime } from '../base/runtime.js'
import type { LoadedTable } from '../catalog/catalog.js'
import type { ActionAttempt, TableChange } from '../commit/commit-loop.js'
import type { FileIO } from '../io/file-io.js'
import { currentSnapshot, refByName, refSnapshot } from '../metadata/lookup.js'
import { MAIN_BRANCH, type Snapshot, type TableMetadata } from '../metadata/table-metadata.js'
import { createProduceCache, type FileChanges, operationOf, produceSnapshot } from '../snapshot/produce.js'
import { newSnapshotId } from '../snapshot/snapshot-id.js'

export interface WriteOptions {
  readonly runtime: Runtime
  /** Branch to write; made from main when it is missing. Default main. */
  readonly ref?: string | undefined
  /** Part of the name of every file written; default a new uuid. */
  readonly operationUuid?: string | undefined
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
  readonly changes: Omit<FileChanges, 'operation'> & { readonly operation?: FileChanges['operation'] }
  /** Data and delete files that the attempts of this operation wrote and this change refers to. */
  readonly written: readonly string[]
}

export function snapshotChanges(io: FileIO, options: WriteOptions): SnapshotChanges {
  const { runtime } = options
  const ref = options.ref ?? MAIN_BRANCH
  const operationUuid = options.operationUuid ?? runtime.orderedUuid()
  const cache = createProduceCache()
  let snapshotId: bigint | undefined
  return {
    operationUuid,
    headOf: metadata =>
      refByName(metadata, ref) === undefined ? currentSnapshot(metadata) : refSnapshot(metadata, ref),
    async produce(base, attempt, { changes, written }) {
      snapshotId ??= newSnapshotId(base.metadata, runtime)
      const produced = await produceSnapshot(base, io, {
        changes: { ...changes, operation: changes.operation ?? operationOf(changes) },
        ref,
        snapshotId,
        operationUuid,
        attempt: attempt.number,
        summary: options.summary,
        runtime,
        cache,
        signal: attempt.signal,
      })
      const { updates, requirements } = produced
      return { updates, requirements, written: [...produced.written, ...written] }
    },
  }
}
