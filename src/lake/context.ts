/** What every handle of a lake shares. */
import type { Runtime } from '../base/runtime.js'
import type { Catalog } from '../catalog/catalog.js'
import type { CommitEvent, CommitResult } from '../commit/commit-loop.js'
import type { FileHold } from '../commit/hold-lease.js'
import type { CommitTarget } from '../commit/table-action.js'
import type { FileIO } from '../io/file-io.js'
import type { SnapshotSelector } from '../snapshot/resolve.js'

/** How appends of one process to one branch share commits. */
export interface GroupCommitOptions {
  /** How long the first of a group waits for others, in milliseconds. */
  readonly lingerMsMax: number
  /** Rows that fill a group: it waits for no others then. Default 100,000. */
  readonly rowsMax?: number | undefined
}

/** What handles tell the transaction that they belong to. */
export interface TransactionHooks {
  /** Takes a change instead of a catalog; the result shows the table as the transaction sees it. */
  record(target: CommitTarget, call: TransactionCall): Promise<CommitResult>
  /** Rows of the table are about to be read. */
  read(selector: SnapshotSelector): void
}

export interface TransactionCall {
  readonly signal?: AbortSignal | undefined
  /** The branch whose rows decide what changes. */
  readonly readsRef?: string | undefined
}

export interface LakeContext {
  readonly catalog: Catalog
  readonly io: FileIO
  readonly runtime: Runtime
  /** Location that new tables go below; undefined where the catalog keeps that to itself. */
  readonly warehouse?: string | undefined
  /** Folder for what does not fit into memory; default the system's folder for temporary files. */
  readonly spillFolder?: string | undefined
  /** Appends are grouped like this; default each has a commit of its own. */
  readonly groupCommit?: GroupCommitOptions | undefined
  /** Nothing is committed: a write says what it would do. `io` keeps nothing then. */
  readonly dryRun?: boolean | undefined
  /** Who writes, and by which job, where a write does not say it. */
  readonly actor?: string | undefined
  readonly job?: string | undefined
  /** Age of a write's first file, in milliseconds, from which on it holds a lease; default 60,000. */
  readonly leaseAfterMs?: number | undefined
  /** Of one write: what it has in flight. `io` is that of the hold then. */
  readonly files?: FileHold | undefined
  /** Of handles inside of a transaction. */
  readonly transaction?: TransactionHooks | undefined
  /** What happens inside commits: conflicts, retries, unknown outcomes. */
  readonly onCommitEvent?: ((event: CommitEvent) => void) | undefined
}
