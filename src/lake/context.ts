/** What every handle of a lake shares. */
import type { Runtime } from '../base/runtime.js'
import type { Catalog } from '../catalog/catalog.js'
import type { CommitEvent } from '../commit/commit-loop.js'
import type { FileIO } from '../io/file-io.js'

export interface LakeContext {
  readonly catalog: Catalog
  readonly io: FileIO
  readonly runtime: Runtime
  /** Folder for what does not fit into memory; default the system's folder for temporary files. */
  readonly spillFolder?: string | undefined
  /** What happens inside commits: conflicts, retries, unknown outcomes. */
  readonly onCommitEvent?: ((event: CommitEvent) => void) | undefined
}
