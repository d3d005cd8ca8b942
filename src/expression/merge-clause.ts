/**
 * The clauses of a merge as they are written: which rows each is about, what else must be true of them, and what
 * becomes of them. Of the clauses of one kind the first whose condition is true acts.
 */
import type { Scalar } from './scalar.js'

/** `column = value`; the column is dotted for a field of a struct. */
export interface Assignment {
  readonly column: string
  readonly value: Scalar
}

/** `set *`: every column of the target takes the source's of the same name. */
export type UpdateAction = { readonly kind: 'update'; readonly set: readonly Assignment[] | 'all' }
/** `insert *`, or `insert (columns) values (..)`; columns that are not named get their default. */
export type InsertAction = { readonly kind: 'insert'; readonly values: readonly Assignment[] | 'all' }
export type DeleteAction = { readonly kind: 'delete' }

export interface MatchedClause {
  readonly when: 'matched'
  /** Over target and source. */
  readonly condition?: Scalar | undefined
  readonly action: UpdateAction | DeleteAction
}
export interface NotMatchedClause {
  readonly when: 'not-matched'
  /** Over the source. */
  readonly condition?: Scalar | undefined
  readonly action: InsertAction
}
export interface NotMatchedBySourceClause {
  readonly when: 'not-matched-by-source'
  /** Over the target. */
  readonly condition?: Scalar | undefined
  readonly action: UpdateAction | DeleteAction
}
export type MergeClause = MatchedClause | NotMatchedClause | NotMatchedBySourceClause
