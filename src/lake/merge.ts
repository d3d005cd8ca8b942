/** What `Table.merge` does: the source is read into memory, its clauses are parsed, then one commit. */
import { LakeError } from '../base/errors.js'
import type { TableIdentifier } from '../catalog/catalog.js'
import { allOfScalars, columnScalar, type Scalar } from '../expression/scalar.js'
import { currentSchema } from '../metadata/lookup.js'
import { checkWritable } from '../metadata/new-table.js'
import type { Schema } from '../schema/types.js'
import type { MergeClauseInput } from '../sql/merge.js'
import type { MergeRequest } from '../writer/merge/bind-merge.js'
import { type MergeResult, mergeRowsAction, rowsOfMerge } from '../writer/merge-rows.js'
import { holdingFiles } from './commit.js'
import type { LakeContext } from './context.js'
import { type MergeSource, readMergeSource } from './merge-source.js'
import {
  type BasedWriteOptions,
  basedIfAsked,
  type Condition,
  commitOne,
  conditionOf,
  destinationOf,
  keysOf,
  replayOf,
  type WriteReport,
} from './table-writes.js'

export interface MergeOptions extends BasedWriteOptions {
  /**
   * Which row of the source, `s`, a row of the table, `t`, matches: `t.id = s.id and t.region = 'eu'`. Default: the
   * columns of `keys` are equal.
   */
  readonly on?: Condition | undefined
  /** Columns of both sides that identify a row, instead of `on`; default: the table's identifier fields. */
  readonly keys?: readonly string[] | undefined
  /**
   * What becomes of the rows: clauses in Spark's words, one or more a text, or as data. Of those on a row the first whose
   * condition is true acts. Default: `when matched then update set * when not matched then insert *`.
   */
  readonly when?: MergeClauseInput | readonly MergeClauseInput[] | undefined
}

/** What a merge did. */
export interface MergeReport extends WriteReport {
  /** Rows of the source that were added. 0 of a step of `once` that had landed before, as the next two. */
  readonly rowsInserted: number
  /** Rows of the table that a clause gave new values, be they the old ones. */
  readonly rowsUpdated: number
  readonly rowsDeleted: number
}

const DEFAULT_CLAUSES = 'when matched then update set * when not matched then insert *'

/** @throws as `Table.merge` */
export function merge(
  context: LakeContext,
  identifier: TableIdentifier,
  given: { readonly source: MergeSource; readonly options: MergeOptions },
): Promise<MergeReport> {
  return holdingFiles(context, identifier, held => mergeHeld(held, identifier, given))
}

async function mergeHeld(
  context: LakeContext,
  identifier: TableIdentifier,
  given: { readonly source: MergeSource; readonly options: MergeOptions },
): Promise<MergeReport> {
  const { catalog, io, runtime, spillFolder } = context
  const { options } = given
  const { summary, fast, basedOn, signal } = options
  const base = await catalog.loadTable(identifier, { signal })
  const { metadata } = base
  checkWritable(metadata)
  const destination = destinationOf(metadata, options)
  const replay = replayOf(base, destination)
  if (replay !== undefined) return reportOf(replay, undefined)
  const schema = currentSchema(metadata)
  const request = await requestOf(options, schema)
  const source = await readMergeSource(io, given.source, { schema, signal })
  // One time for the whole statement, however often it is tried.
  const nowMicros = BigInt(runtime.nowMs()) * 1000n
  let result: MergeResult | undefined
  const onResult = (told: MergeResult): void => {
    result = told
  }
  const terms = { runtime, summary, fast, spillFolder, nowMicros, onResult, ...destination }
  const inner = mergeRowsAction(io, { source, request }, terms)
  const action = basedIfAsked(context, inner, {
    base,
    basedOn,
    operation: 'merge',
    ref: destination.ref,
    touched: rowsOfMerge({ source, request }, { nowMicros }),
  })
  const report = await commitOne(context, { identifier, base, action }, { ...destination, signal })
  return reportOf(report, report.changed ? result : undefined)
}

function reportOf(report: WriteReport, result: MergeResult | undefined): MergeReport {
  const { insertedRows = 0, updatedRows = 0, deletedRows = 0 } = result ?? {}
  return { ...report, rowsInserted: insertedRows, rowsUpdated: updatedRows, rowsDeleted: deletedRows }
}

async function requestOf({ on, keys, when }: MergeOptions, schema: Schema): Promise<MergeRequest> {
  if (on !== undefined && keys !== undefined) {
    throw new LakeError('invalid-argument', 'rows match by a condition or by keys, not both', {
      context: { keys },
    })
  }
  const { parseMergeClauses } = await import('../sql/merge.js')
  const { parseScalar } = await import('../sql/scalar.js')
  return {
    on: on === undefined ? equalKeys(keysOf(schema, keys)) : conditionOf(on, parseScalar),
    clauses: parseMergeClauses(when ?? DEFAULT_CLAUSES),
  }
}

function equalKeys(keys: readonly string[]): Scalar {
  return allOfScalars(
    keys.map(key => ({
      kind: 'compare',
      op: 'eq',
      left: columnScalar(`t.${key}`),
      right: columnScalar(`s.${key}`),
    })),
  )
}
