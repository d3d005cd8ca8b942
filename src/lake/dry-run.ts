/** Trying a write out: everything is computed as for a commit, nothing is kept, and no catalog is asked to commit. */
import type { LoadedTable } from '../catalog/catalog.js'
import type { TableAction } from '../commit/table-action.js'
import { discardingIO } from '../io/discarding.js'
import type { Snapshot } from '../metadata/table-metadata.js'
import type { LakeContext } from './context.js'

export interface DryRunOptions {
  /** Writes nothing and commits nothing: the report says what the write would do to the table as it is now. Default false. */
  readonly dryRun?: boolean | undefined
}

/** The context that a write works in: of a dry run one whose files go nowhere. */
export function contextFor(context: LakeContext, { dryRun }: DryRunOptions): LakeContext {
  return dryRun === true ? { ...context, dryRun, io: discardingIO(context.io) } : context
}

/** The last snapshot that the action would add to the table; undefined when it would change nothing. */
export async function tryOut(
  base: LoadedTable,
  action: TableAction,
  signal: AbortSignal | undefined,
): Promise<Snapshot | undefined> {
  const change = await action(base, { number: 1, signal })
  if (change === 'unchanged') return undefined
  const added = change.updates.filter(update => update.action === 'add-snapshot')
  return added[added.length - 1]?.snapshot
}
