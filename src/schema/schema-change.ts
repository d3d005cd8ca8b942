/** Changes of a schema, as plain data; `evolve-schema.ts` applies them. Columns are named with dots: `a.b`, `tags.element.x`. */
import type { Field, Type, Value } from './types.js'

/** A default: the value, or what makes it once the type of the column is known. */
export type DefaultInput = Value | ((type: Type) => Value)

/** First of its struct, or beside a column of the same struct, which is named alone or by its whole name. */
export type ColumnPosition = 'first' | { readonly before: string } | { readonly after: string }

export type SchemaChange =
  | AddColumn
  | { readonly kind: 'drop-column'; readonly column: string; readonly ifExists?: boolean | undefined }
  | { readonly kind: 'rename-column'; readonly column: string; readonly to: string }
  | { readonly kind: 'change-type'; readonly column: string; readonly type: Type }
  | { readonly kind: 'set-required' | 'set-optional'; readonly column: string }
  /** `doc` undefined: none. */
  | { readonly kind: 'set-doc'; readonly column: string; readonly doc: string | undefined }
  /** What new rows take that do not give the column; undefined: null. The rows that are there do not change. */
  | { readonly kind: 'set-default'; readonly column: string; readonly value: DefaultInput | undefined }
  | { readonly kind: 'move-column'; readonly column: string; readonly to: ColumnPosition }
  | { readonly kind: 'set-identifier-fields'; readonly columns: readonly string[] }
  | { readonly kind: 'add-identifier-fields' | 'drop-identifier-fields'; readonly columns: readonly string[] }
  /** Adds the columns that are missing, widens the others, drops nothing: `unionByName`. */
  | { readonly kind: 'union-by-name'; readonly fields: readonly Field[] }

export interface AddColumn {
  readonly kind: 'add-column'
  /** The struct to add to; a list or map stands for its element or value. Absent: the table. */
  readonly parent?: string | undefined
  /** One name: dots in it do not part it. */
  readonly name: string
  /** Ids inside are assigned afresh. */
  readonly type: Type
  readonly required?: boolean | undefined
  readonly doc?: string | undefined
  /** What rows have that were written before (format version 3). */
  readonly initialDefault?: DefaultInput | undefined
  /** What new rows take that do not give the column; as `initialDefault` unless given. */
  readonly writeDefault?: DefaultInput | undefined
  readonly position?: ColumnPosition | undefined
  readonly ifNotExists?: boolean | undefined
}
