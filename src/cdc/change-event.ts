/**
 * What every feed format becomes: source transactions of change events, in commit order.
 *
 * A column of a row has three states - a value, null, or *unchanged*: databases leave big values out of a
 * change that did not touch them. A column that a row does not name at all is unchanged in an update and null
 * in an insert.
 */
import type { LakeError } from '../base/errors.js'
import type { ExactJson } from '../base/json.js'
import type { Type, Value } from '../schema/types.js'
import type { FeedPosition } from './feed-position.js'

/** The value was not part of the change: take it from the row as it is. */
export const UNCHANGED: unique symbol = Symbol('unchanged')
/** A source value that Iceberg's type cannot hold, such as the date `infinity`. */
export const UNREPRESENTABLE: unique symbol = Symbol('unrepresentable')

export type Cell = Value | typeof UNCHANGED | typeof UNREPRESENTABLE

/** Turns a raw JSON value of the feed into a value of the column's type. @throws corrupt when it is malformed */
export type DecodeCell = (raw: ExactJson) => Value | typeof UNREPRESENTABLE

export interface SourceColumn {
  readonly name: string
  /** The Iceberg type that the source's type maps to; ids inside nested types are 0. */
  readonly type: Type
  /** What rows hold that were there before the column was added, where the feed says so. */
  readonly initialDefault?: Value | undefined
}

/** A row of the source, or a part of one. Formats reuse `columns` between rows of one shape. */
export interface SourceRow {
  readonly columns: readonly SourceColumn[]
  readonly cells: readonly Cell[]
  /** The row names every column that the source table had then: a column that it lacks was dropped. */
  readonly isWhole?: boolean | undefined
}

export interface SourceTable {
  /** The source's schema; empty where there are none. */
  readonly schema: string
  readonly name: string
  /** MySQL and MariaDB: the database, which is no part of the name of the table that follows. */
  readonly database?: string | undefined
}

/** A change of a row, or of a whole table. */
export type ChangeEvent = ReadableEvent | PoisonEvent

export type ReadableEvent =
  /** A row that is there from now on; an older row of its key is replaced whole. */
  | (ChangePlace & {
      readonly kind: 'insert'
      readonly row: SourceRow
      readonly keyColumns: readonly string[]
      /** Set when the row moved here from another key: that row, deleted before in this transaction, fills unchanged columns. */
      readonly movedFrom?: SourceRow
    })
  /** A changed row. `oldKey` is set when the key may differ; unchanged columns come from the row of the old key. */
  | (ChangePlace & {
      readonly kind: 'update'
      readonly row: SourceRow
      readonly keyColumns: readonly string[]
      readonly oldKey?: SourceRow
    })
  | (ChangePlace & {
      readonly kind: 'delete'
      readonly key: SourceRow
      readonly keyColumns: readonly string[]
    })
  | (ChangePlace & { readonly kind: 'truncate' })
  /** From here on the source table has these columns: a record of its own says so. */
  | (ChangePlace & {
      readonly kind: 'schema'
      readonly columns: readonly SourceColumn[]
      readonly keyColumns: readonly string[]
      /** New names by old ones. */
      readonly renamed?: ReadonlyMap<string, string> | undefined
    })

/** A change that cannot be read. It matters only if it is to be applied. */
export type PoisonEvent = ChangePlace & {
  readonly kind: 'poison'
  readonly error: LakeError
  /** The record as it stands in the feed. */
  readonly raw?: string | undefined
}

/** What was changed, and where the feed says so. */
export interface ChangePlace {
  readonly table: SourceTable
  /** Line of the feed, from 1. */
  readonly line: number
}

/** Events that the source committed together. */
export interface SourceTransaction {
  readonly position: FeedPosition
  /** Line of the feed's last record of this transaction, from 1. */
  readonly lastLine: number
  readonly events: readonly ChangeEvent[]
  /** When the source committed it, as the feed says, in ms since 1970. */
  readonly committedMs?: number | undefined
  /** Server and database that the feed names as its source. */
  readonly source?: string | undefined
}

/** What a format needs of its surroundings. */
export interface FeedContext {
  /** Column types by source table, for formats that carry none. */
  readonly typesOf: (table: SourceTable) => readonly DeclaredColumn[] | undefined
  /** Columns of the table that follows the source table, where it is there: for formats that carry no types. */
  readonly columnsOf?: ((table: SourceTable) => Promise<readonly SourceColumn[] | undefined>) | undefined
  /** Key columns that the user named, whatever the feed says. */
  readonly keys?: readonly string[] | undefined
  /**
   * Key columns by source table, which win over the feed's: it may show those of another index. None at all where rows are
   * told apart by all of their columns, for a key that is checked only at the end of a transaction.
   */
  readonly keysOf?: ((table: SourceTable) => readonly string[] | undefined) | undefined
  /** How Debezium wrote bytes, where no schema says so: `hex` looks like base64, the default. */
  readonly binaryMode?: 'base64' | 'hex' | undefined
  /** Where the table that follows the source table stands, where it is there: for formats that look for what is new. */
  readonly standsAt?: ((table: SourceTable) => Promise<FeedPosition | undefined>) | undefined
  /** Inclusive: where to stop, for formats that can tell before they have read it. */
  readonly until?: FeedPosition | undefined
  /** Called with what the user should know. */
  readonly onWarning?: ((message: string) => void) | undefined
  /** Called for each record that carries no change: messages, heartbeats. */
  readonly onIgnored: (what: string) => void
}

/** A column as `--types` declares it. */
export interface DeclaredColumn {
  readonly name: string
  /** The source's type, as the database prints it. */
  readonly type: string
}
