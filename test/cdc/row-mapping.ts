/**
 * From a source row to the columns of the table that follows it. Names and types are resolved once for each
 * shape of row, not for each row.
 */
import { LakeError } from '../../src/base/errors.js'
import {
  type Cell,
  type SourceColumn,
  type SourceRow,
  UNCHANGED,
  UNREPRESENTABLE,
} from '../../src/cdc/change-event.js'
import { canPromote, promoteValue } from '../../src/schema/promotion.js'
import { printType } from '../../src/schema/type-text.js'
import type { Field, Schema, Type, Value } from '../../src/schema/types.js'
import type { RowCell } from './table-changes.js'

export interface RowMapper {
  /** Cells in the order of the table's columns; undefined where the row leaves a column as it is or does not name it. */
  cells(row: SourceRow): RowCell[]
  /** The values of the key's columns. @throws corrupt when one is missing or cannot be held */
  key(row: SourceRow): readonly Value[]
}

export interface MappingOptions {
  readonly schema: Schema
  readonly keyIndexes: readonly number[]
  /** Name of the table, for messages. */
  readonly table: string
  /** Called for each cell that Iceberg's type cannot hold; the cell becomes null unless this throws. */
  readonly onUnrepresentable: (column: string) => void
}

interface ColumnMapping {
  readonly field: Field
  readonly index: number
  readonly promote: ((value: Value) => Value) | undefined
}

export function createRowMapper(options: MappingOptions): RowMapper {
  const { schema } = options
  const byName = new Map(schema.fields.map((field, index) => [field.name, index]))
  const known = new WeakMap<readonly SourceColumn[], readonly ColumnMapping[]>()
  const keyFields = new Set(options.keyIndexes)

  const mappingsOf = (columns: readonly SourceColumn[]): readonly ColumnMapping[] => {
    let mappings = known.get(columns)
    if (mappings === undefined) {
      mappings = columns.map(column => mapColumn(column, { ...options, byName }))
      known.set(columns, mappings)
    }
    return mappings
  }
  const held = (cell: Cell, mapping: ColumnMapping): RowCell => {
    if (cell === UNCHANGED) return undefined
    if (cell === UNREPRESENTABLE) {
      if (keyFields.has(mapping.index)) throw keyError(options, mapping.field)
      options.onUnrepresentable(mapping.field.name)
      return null
    }
    return cell === null || mapping.promote === undefined ? cell : mapping.promote(cell)
  }
  return {
    cells(row) {
      const mapped = new Array<RowCell>(schema.fields.length).fill(undefined)
      for (const [at, mapping] of mappingsOf(row.columns).entries()) {
        mapped[mapping.index] = held(row.cells[at] ?? null, mapping)
      }
      return mapped
    },
    key(row) {
      const key = new Map<number, Value>()
      for (const [at, mapping] of mappingsOf(row.columns).entries()) {
        if (!keyFields.has(mapping.index)) continue
        const value = held(row.cells[at] ?? null, mapping)
        if (value !== undefined) key.set(mapping.index, value)
      }
      return options.keyIndexes.map(index => {
        const value = key.get(index)
        const field = schema.fields[index]
        if (value === undefined && field !== undefined) throw keyError(options, field)
        return value ?? null
      })
    },
  }
}

function mapColumn(
  column: SourceColumn,
  options: MappingOptions & { readonly byName: ReadonlyMap<string, number> },
): ColumnMapping {
  const index = options.byName.get(column.name)
  const field = index === undefined ? undefined : options.schema.fields[index]
  if (index === undefined || field === undefined) {
    throw new LakeError('unsupported', 'the feed has a column that the table lacks', {
      context: { table: options.table, column: column.name, type: printType(column.type) },
    })
  }
  if (sameShape(column.type, field.type)) return { field, index, promote: undefined }
  const { type } = field
  if (canPromote(column.type, type))
    return { field, index, promote: value => promoteValue(column.type, type, value) }
  throw new LakeError('unsupported', 'the feed has a column whose type does not fit the table', {
    context: {
      table: options.table,
      column: column.name,
      feedType: printType(column.type),
      tableType: printType(type),
    },
  })
}

/** Equal but for the ids inside nested types. */
function sameShape(a: Type, b: Type): boolean {
  if (a.kind === 'list' && b.kind === 'list') return sameShape(a.element, b.element)
  if (a.kind === 'decimal' && b.kind === 'decimal') return a.scale === b.scale && a.precision <= b.precision
  if (a.kind === 'fixed' && b.kind === 'fixed') return a.lengthBytes === b.lengthBytes
  return a.kind === b.kind && a.kind !== 'struct' && a.kind !== 'map'
}

function keyError(options: MappingOptions, field: Field): LakeError {
  return new LakeError('corrupt', 'a change does not say which row it is about', {
    context: { table: options.table, column: field.name },
  })
}
