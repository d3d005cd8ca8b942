/** What `Table.overwrite` does: rows are written, then one commit takes the old ones away and brings them in. */
import { LakeError } from '../base/errors.js'
import type { ColumnBatch } from '../batch/column-batch.js'
import type { TableIdentifier } from '../catalog/catalog.js'
import { bindCondition } from '../expression/scalar/bind.js'
import { evaluateCondition } from '../expression/scalar/evaluate.js'
import type { Scalar } from '../expression/scalar.js'
import { currentSchema } from '../metadata/lookup.js'
import { checkWritable } from '../metadata/new-table.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { discardFiles } from '../writer/append.js'
import { basisSnapshot } from '../writer/based-action.js'
import { overwriteAction, type Replaced } from '../writer/overwrite.js'
import { bindRowChange } from '../writer/row-change.js'
import { headOf } from '../writer/snapshot-change.js'
import type { LakeContext } from './context.js'
import {
  type BasedWriteOptions,
  type BegunWrite,
  type Condition,
  commitOne,
  conditionOf,
  type RowsToWrite,
  type WriteReport,
  writing,
} from './table-writes.js'
import { writeRowsFor } from './write-rows.js'

export interface OverwriteOptions extends BasedWriteOptions {
  /** The rows that go. Default: every row. */
  readonly where?: Condition | undefined
  /**
   * Instead of `where`: the rows of the partitions that the given rows are in go; without given rows nothing does. In a
   * table without partitions that is every row. Default false.
   */
  readonly partitions?: boolean | undefined
  /** Refuses a given row that `where` is not true of. Default false. */
  readonly validateRows?: boolean | undefined
}

/** @throws as `Table.overwrite` */
export function overwrite(
  context: LakeContext,
  identifier: TableIdentifier,
  given: RowsToWrite & { readonly options: OverwriteOptions },
): Promise<WriteReport> {
  return writing(context, identifier, { ...given, write: begun => overwriteIn(begun, given) })
}

async function overwriteIn(
  { context, identifier, base, destination }: BegunWrite,
  given: RowsToWrite & { readonly options: OverwriteOptions },
): Promise<WriteReport> {
  const { io, runtime, spillFolder } = context
  const { options } = given
  const { summary, fast, basedOn, signal } = options
  const { metadata } = base
  checkWritable(metadata)
  // What is current now is what the caller may have looked at.
  const basis = basedOn === undefined ? headOf(metadata, destination.ref) : basisSnapshot(metadata, basedOn)
  const schema = currentSchema(metadata)
  const nowMicros = BigInt(runtime.nowMs()) * 1000n
  const replaced = await replacedBy(options)
  const check = rowCheck(metadata, { replaced, nowMicros, isStrict: options.validateRows === true })
  const operationUuid = runtime.orderedUuid()
  const write = { rows: given.rows, operationUuid, check, signal }
  const made = await writeRowsFor(context, base, write, async files => {
    const terms = { runtime, operationUuid, summary, fast, spillFolder, nowMicros, ...destination }
    const action = overwriteAction(io, { replaced, files, schema, basis }, terms)
    return { files, action: given.around === undefined ? action : await given.around(action) }
  })
  const discard = (): Promise<void> => discardFiles(io, made.files)
  return commitOne(context, { identifier, base, action: made.action, discard }, { ...destination, signal })
}

async function replacedBy({ where, partitions }: OverwriteOptions): Promise<Replaced> {
  if (where === undefined) return { kind: partitions === true ? 'partitions' : 'all' }
  if (partitions === true) {
    throw new LakeError('invalid-argument', 'an overwrite replaces by condition or by partition, not both')
  }
  const { parseScalar } = await import('../sql/scalar.js')
  return { kind: 'condition', where: conditionOf(where, parseScalar) }
}

interface RowCheck {
  readonly replaced: Replaced
  readonly nowMicros: bigint
  readonly isStrict: boolean
}

/** Tells at once of a condition that does not fit the table, and of rows that it is not true of if that is asked. */
function rowCheck(
  metadata: TableMetadata,
  { replaced, nowMicros, isStrict }: RowCheck,
): ((batch: ColumnBatch) => void) | undefined {
  if (replaced.kind !== 'condition') return undefined
  const schema = currentSchema(metadata)
  bindRowChange({ kind: 'delete', where: replaced.where }, schema, { nowMicros })
  return isStrict ? strictCheck(replaced.where, metadata, nowMicros) : undefined
}

function strictCheck(
  where: Scalar,
  metadata: TableMetadata,
  nowMicros: bigint,
): (batch: ColumnBatch) => void {
  const bound = bindCondition(where, currentSchema(metadata), { nowMicros })
  let firstRow = 0
  return batch => {
    const rows = evaluateCondition(bound, batch)
    if (rows.length < batch.length) {
      const missing = rows.findIndex((row, index) => row !== index)
      throw new LakeError('invalid-argument', 'a row is not among those that the overwrite replaces', {
        context: { row: firstRow + (missing < 0 ? rows.length : missing) },
      })
    }
    firstRow += batch.length
  }
}
