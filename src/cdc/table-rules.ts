/**
 * How the changes of one source table become rows of the table that follows it: option names and meanings of AUTO CDC
 * (APPLY CHANGES), with serac's own beside them. One home for what `--config` says of each table and flags say of one.
 */
import type { SourceTable } from './change-event.js'

export interface TableRules {
  /** Key columns, whatever the feed says. */
  readonly keys?: readonly string[] | undefined
  /** Source column, or expression over columns, whose value orders the changes of a key; default the feed's order. */
  readonly sequenceBy?: string | undefined
  /** Condition (the grammar of `--where`) on a change's row that makes it a delete. */
  readonly applyAsDeletes?: string | undefined
  /** Condition on a change's row that makes it a truncate of the table; only of SCD type 1. */
  readonly applyAsTruncates?: string | undefined
  /** A null in an update leaves the cell as it is: of all columns, or of those named. */
  readonly ignoreNullUpdates?: boolean | readonly string[] | undefined
  /** Source columns that the table takes; default all. */
  readonly columnList?: readonly string[] | undefined
  /** Source columns that the table does not take. */
  readonly exceptColumnList?: readonly string[] | undefined
  /** 1 holds the last state of each key, 2 every version with `__START_AT` and `__END_AT`. Default 1. */
  readonly storedAsScdType?: 1 | 2 | undefined
  /** Columns whose change makes a new version; others are changed in place. Default all. */
  readonly trackHistoryColumnList?: readonly string[] | undefined
  readonly trackHistoryExceptColumnList?: readonly string[] | undefined
  /** A deleted row stays, with `__deleted` true and `__deleted_at`. */
  readonly softDelete?: boolean | undefined
  /** Every event goes to `<table>__history` too. */
  readonly history?: boolean | undefined
  /** Whether a key is unique in the table, or in each partition of it. Default `table`. */
  readonly uniqueness?: 'table' | 'partition' | undefined
  /** What becomes of a change that does not fit the table. Default `fail`. */
  readonly onDrift?: 'fail' | 'quarantine' | undefined
  /** What becomes of a record that cannot be read. Default `quarantine`. */
  readonly onPoison?: 'fail' | 'quarantine' | undefined
  /** Records in quarantine, of one run and table, that stop the feed; default 1,000. */
  readonly quarantineLimit?: number | undefined
  /** Milliseconds that a deleted key is remembered for late changes; default two days. Only with `sequenceBy`. */
  readonly tombstoneRetentionMs?: number | undefined
  /** Of a table made from the feed: partition transforms, as `--partition-by` takes them. */
  readonly partitionBy?: string | undefined
  /** Of a table made from the feed: Iceberg types by column, instead of what the feed's types map to. */
  readonly columnTypes?: Readonly<Record<string, string>> | undefined
  /** Of a table made from the feed. */
  readonly properties?: Readonly<Record<string, string>> | undefined
}

/** Rules by source table. */
export type RulesOf = (source: SourceTable) => TableRules

export const NO_RULES: TableRules = {}
