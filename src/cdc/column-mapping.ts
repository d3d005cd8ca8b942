/**
 * From the columns of a source table to those of the table that follows it. Names and types are resolved once a shape,
 * and values widened a column at a time.
 */
import { LakeError } from '../base/errors.js'
import type { Vector } from '../batch/column-batch.js'
import { promoteVector } from '../batch/project-batch.js'
import { canPromote } from '../schema/promotion.js'
import { printType } from '../schema/type-text.js'
import { type Field, isPrimitive, type Schema, type Type } from '../schema/types.js'
import type { SourceColumn } from './change-event.js'

export interface MappingOptions {
  readonly schema: Schema
  /** Name of the table, for messages. */
  readonly table: string
}

/** Finds the source's column for each column of a table. */
export interface ColumnMapper {
  /**
   * The index of the source's column for each column of the schema, -1 where there is none.
   * @throws unsupported for a column that the table lacks or has with another type
   */
  indexes(columns: readonly SourceColumn[]): Int32Array
}

export function createColumnMapper(options: MappingOptions): ColumnMapper {
  const { fields } = options.schema
  const byName = new Map(fields.map((field, index) => [field.name, index]))
  const known = new WeakMap<readonly SourceColumn[], Int32Array>()
  return {
    indexes(columns) {
      let indexes = known.get(columns)
      if (indexes === undefined) {
        indexes = new Int32Array(fields.length).fill(-1)
        for (const [at, column] of columns.entries()) {
          const index = byName.get(column.name)
          const field = index === undefined ? undefined : fields[index]
          if (index === undefined || field === undefined) throw missingColumn(column, options)
          checkFits(column, field, options)
          indexes[index] = at
        }
        known.set(columns, indexes)
      }
      return indexes
    },
  }
}

function missingColumn(column: SourceColumn, { table }: MappingOptions): LakeError {
  return new LakeError('unsupported', 'the feed has a column that the table lacks', {
    context: { table, column: column.name, type: printType(column.type) },
  })
}

function checkFits(column: SourceColumn, field: Field, { table }: MappingOptions): void {
  if (sameShape(column.type, field.type) || canPromote(column.type, field.type)) return
  throw new LakeError('unsupported', 'the feed has a column whose type does not fit the table', {
    context: {
      table,
      column: column.name,
      feedType: printType(column.type),
      tableType: printType(field.type),
    },
  })
}

/** A column of the source in the type of the table's, which it fits. */
export function widenVector(vector: Vector, from: Type, to: Type): Vector {
  if (sameShape(from, to) || !isPrimitive(from) || !isPrimitive(to)) return vector
  return promoteVector(vector, from, to)
}

/** Equal but for the ids inside nested types. */
function sameShape(a: Type, b: Type): boolean {
  if (a.kind === 'list' && b.kind === 'list') return sameShape(a.element, b.element)
  if (a.kind === 'decimal' && b.kind === 'decimal') return a.scale === b.scale && a.precision <= b.precision
  if (a.kind === 'fixed' && b.kind === 'fixed') return a.lengthBytes === b.lengthBytes
  return a.kind === b.kind && a.kind !== 'struct' && a.kind !== 'map'
}
