/** Moving a table of a lake to another root. */
import type { LoadedTable } from '../catalog/catalog.js'
import { type RewritePathReport, rewriteTablePath } from '../maintenance/rewrite-path.js'
import type { LakeContext } from './context.js'

export interface RewriteTablePathOptions {
  /** The root that every file of the table is below; default the table's location. */
  readonly from?: string | undefined
  /** The root that takes its place. */
  readonly to: string
  /**
   * What is written again waits here, with a list of what is to be copied; without it everything is written and copied to
   * its place now.
   */
  readonly staging?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** @throws as `StaticTable.rewritePath` */
export function rewritePathIn(
  { io, runtime }: Pick<LakeContext, 'io' | 'runtime'>,
  table: Pick<LoadedTable, 'metadata' | 'metadataLocation'>,
  options: RewriteTablePathOptions,
): Promise<RewritePathReport> {
  return rewriteTablePath(table, { ...options, from: options.from ?? table.metadata.location, io, runtime })
}
