/**
 * One column of one row group from the bytes of its pages to a vector. Pure and synchronous: a job is plain data
 * that may cross to a worker, and so is the result.
 *
 *   job -> per leaf: pages -> levels + stored values (decode-pages) -> values of the type (logical-values)
 *       -> the leaves put together by their levels (assemble) -> vector
 */
import { errorText, LakeError } from '../../../base/errors.js'
import type { Vector } from '../../../batch/column-batch.js'
import { hasLayoutOf } from '../../../batch/layout.js'
import type { Type } from '../../../schema/types.js'
import type { ColumnNode } from '../footer/schema.js'
import { countRows } from '../row-ranges.js'
import { type AssembledLeaf, assembleColumn } from './assemble.js'
import { decodeLeaf, type LeafJob } from './decode-pages.js'
import { logicalValues } from './logical-values.js'

export type { LeafJob } from './decode-pages.js'
export type { PageSpan } from './list-pages.js'

/** A column to decode; plain data. */
export interface ColumnJob {
  /** The file, for errors. */
  readonly location: string
  /** Its index, for errors. */
  readonly rowGroup: number
  /** The name of the top-level column, for errors. */
  readonly column: string
  readonly node: ColumnNode
  /** The type of the root column; the vector has its layout. */
  readonly type: Type
  /** The leaves of the root, in order: `node` says them by their place here. */
  readonly leaves: readonly LeafJob[]
  /** Rows of the row group. */
  readonly groupRows: number
  /**
   * Rows of the row group to decode: ascending, disjoint pairs `from, to` (exclusive), not empty; absent stands for
   * all. The spans cover them.
   */
  readonly rows?: Uint32Array | undefined
  /** The most bytes that a leaf may decode to; more is `unsupported`. Default 1 GiB. */
  readonly decodedBytesMax?: number | undefined
}

const DECODED_BYTES_MAX_DEFAULT = 2 ** 30

/**
 * Decodes the wanted rows of a column.
 * @throws corrupt when the bytes are not what they should be, unsupported for what is legal Parquet and not built;
 *   both name location, row group and column
 */
export function decodeColumn(job: ColumnJob): Vector {
  const { location, rowGroup, column } = job
  try {
    const leaves = job.leaves.map(leaf => decodedLeaf(job, leaf))
    const rowCount = job.rows === undefined ? job.groupRows : countRows(job.rows)
    const vector = assembleColumn(job.node, leaves, rowCount)
    if (!hasLayoutOf(vector, job.type)) throw new TypeError('the column does not have the layout of its type')
    return vector
  } catch (cause) {
    const place = { location, rowGroup, column }
    if (cause instanceof LakeError) {
      throw new LakeError(cause.kind, cause.message, { context: { ...place, ...cause.context }, cause })
    }
    const context = { ...place, reason: errorText(cause) }
    throw new LakeError('corrupt', 'the rows of the parquet file cannot be decoded', { context, cause })
  }
}

function decodedLeaf(job: ColumnJob, leaf: LeafJob): AssembledLeaf {
  const { groupRows, rows, decodedBytesMax = DECODED_BYTES_MAX_DEFAULT } = job
  const { values, ...entries } = decodeLeaf(leaf, { groupRows, rows, decodedBytesMax })
  const { maxRepetition } = leaf.leaf
  return { entries, maxRepetition, values: logicalValues(values, leaf.leaf), bytesMax: decodedBytesMax }
}
