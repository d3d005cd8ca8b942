/**
 * What an identity of format version 1 of wal2json is, of a table for which the feed shows no primary key: the whole old row
 * under REPLICA IDENTITY FULL, without the columns that were null, or the columns of an index (REPLICA IDENTITY USING INDEX).
 * Nothing in a change says which, and they have to be applied otherwise. What tells them apart:
 *
 * - an index always has the same columns, a whole row has others when other columns are null;
 * - a column that was null in some row is in no index;
 * - a row that the feed showed before had exactly what the identity has, or it had more;
 * - columns that the identity lacks were never seen as null: then they were hardly null here.
 *
 * In doubt it is the whole row, which no row of the table matches if that is wrong: the columns of an index that is none
 * would match too many. A table is watched until it is decided, and no more than its last rows are remembered.
 */
import { equalBytes } from '../../base/bytes.js'
import type { Cell, SourceColumn } from '../change-event.js'

/** Cells by column: a row, or what an identity has of one. */
export interface PartialRow {
  readonly shape: { readonly columns: readonly SourceColumn[] }
  readonly cells: readonly Cell[]
}

export interface IdentityWatch {
  /** Set once the table has shown that its identities are whole rows. */
  readonly isSurelyWhole: boolean
  inserted(row: PartialRow): void
  /** Whether the identity of an update or a delete is the whole old row; `columns` are those of the table, if known. */
  isWhole(
    identity: PartialRow,
    after: PartialRow | undefined,
    columns: readonly SourceColumn[] | undefined,
  ): boolean
}

const ROWS_MAX = 1000
/** After as many rows without a null, a column is supposed to have none. */
const ROWS_ENOUGH = 8

export function createIdentityWatch(): IdentityWatch {
  let rows: PartialRow[] = []
  const everNull = new Set<string>()
  let rowsSeen = 0
  /** The columns of identities that did not have all. */
  let partial: string | undefined
  let sawAll = false
  let decided: 'whole' | 'index' | undefined

  const decide = (what: 'whole' | 'index'): boolean => {
    decided = what
    rows = []
    return what === 'whole'
  }
  const noteNulls = (row: PartialRow): void => {
    rowsSeen += 1
    for (const [index, { name }] of row.shape.columns.entries()) {
      if (row.cells[index] === null) everNull.add(name)
    }
  }
  const remember = (row: PartialRow): void => {
    if (decided !== undefined || sawAll) return
    if (rows.length >= ROWS_MAX) rows = rows.slice(ROWS_MAX / 2)
    rows.push(row)
  }
  const judge = (identity: PartialRow, columns: readonly SourceColumn[] | undefined): boolean => {
    const names = new Set(identity.shape.columns.map(({ name }) => name))
    const others = (columns ?? []).filter(({ name }) => !names.has(name))
    if (columns !== undefined && others.length === 0) {
      sawAll = true
      return partial === undefined || decide('whole')
    }
    const signature = [...names].join('\u0000')
    const hasNulls = identity.shape.columns.some(({ name }) => everNull.has(name))
    if (sawAll || hasNulls || signature === '' || (partial !== undefined && partial !== signature)) {
      return decide('whole')
    }
    partial = signature
    if (decided !== undefined) return decided === 'whole'
    const found = rows.filter(row => agrees(row, identity))
    const exact = found.findLast(row => hasNoMore(row, names))
    const last = exact ?? found.at(-1)
    if (last !== undefined) {
      rows.splice(rows.indexOf(last), 1)
      return exact !== undefined || decide('index')
    }
    // The columns that would have been null for the first time. An update may well change one of them.
    const suspects = others.filter(({ name }) => !everNull.has(name)).length
    const suspectsMax = rowsSeen >= ROWS_ENOUGH ? 0 : 1
    return suspects <= suspectsMax || rowsSeen === 0 || decide('index')
  }
  return {
    get isSurelyWhole() {
      return decided === 'whole'
    },
    inserted(row) {
      noteNulls(row)
      remember(row)
    },
    isWhole(identity, after, columns) {
      if (after !== undefined) noteNulls(after)
      const found = judge(identity, columns)
      if (after !== undefined) remember(after)
      return found
    },
  }
}

/** The row has what the identity has. */
function agrees(row: PartialRow, identity: PartialRow): boolean {
  return identity.shape.columns.every(({ name }, index) => {
    const place = row.shape.columns.findIndex(column => column.name === name)
    return place >= 0 && isSame(row.cells[place], identity.cells[index])
  })
}

/** All other columns of the row are null. */
function hasNoMore(row: PartialRow, names: ReadonlySet<string>): boolean {
  return row.shape.columns.every(({ name }, index) => names.has(name) || row.cells[index] === null)
}

function isSame(a: Cell | undefined, b: Cell | undefined): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return equalBytes(a, b)
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => isSame(item as Cell, b[index] as Cell))
  }
  return Object.is(a, b)
}
