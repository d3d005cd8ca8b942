/**
 * Which rows of a Parquet file a task has to look at, level by level, each asked only about what the one before left:
 *
 *   row groups   positions deleted, statistics -> bloom filters
 *   pages        statistics of the page index
 *   row groups   dictionaries
 *
 * Bloom filters come before the page index, which they may save; dictionaries behind it, since a few pages cost less
 * than a dictionary. What is left out is proven to hold no row that is returned.
 */
import { type Bound, boundFields } from '../expression/bind.js'
import { mightMatch } from '../expression/statistics.js'
import type { ParquetRowGroup } from '../format/parquet/footer/footer.js'
import type { ChosenRows, ParquetFile } from '../format/parquet/read.js'
import type { GroupRows } from '../format/parquet/read-plan.js'
import type { PositionSet } from '../format/position-set.js'
import type { Schema } from '../schema/types.js'
import { prunedByBloomFilters, prunedByDictionaries } from './chunk-pruning.js'
import { storedStatistics } from './row-group-pruning.js'
import type { ScanCounters } from './scan-counters.js'

export interface ChooseRowsOptions {
  readonly filter: Bound
  /** The schema that the filter is bound to. */
  readonly schema: Schema
  /** Indexes of the file's columns that will be read. */
  readonly columns: readonly number[]
  /** Deleted positions, of whole row groups left out; absent where deleted rows are returned. */
  readonly deleted: PositionSet | undefined
  /** Of filters that leave rows nearly everywhere, no row group is without one: dictionaries are not asked then. */
  readonly isUnselective: boolean
  readonly counters: ScanCounters
}

/** @throws corrupt naming location and row group; unavailable */
export async function chooseRows(file: ParquetFile, options: ChooseRowsOptions): Promise<ChosenRows> {
  const { filter, columns, counters } = options
  const all = file.footer.rowGroups
  const statistics = storedStatistics({ schema: options.schema, stored: file.fields })
  const kept: GroupRows[] = []
  for (const [rowGroup, group] of all.entries()) {
    if (group.rowCount === 0) continue
    if (!isDeleted(group, options.deleted) && mightMatch(filter, statistics(group))) kept.push({ rowGroup })
    else counters.rowGroupsSkipped++
  }
  counters.rowGroups += kept.length
  if (filter.op === 'true' || columns.length === 0 || kept.length === 0) return { groups: kept }

  const pruning = {
    filter,
    columns,
    statisticsOf: (rowGroup: number) => statistics(all[rowGroup] ?? NO_COLUMNS),
  }
  const behindBlooms = await prunedByBloomFilters(file, kept, pruning)
  skip(counters, 'rowGroupsSkippedByBloom', kept.length - behindBlooms.length)
  const wanted = new Set(behindBlooms.map(group => group.rowGroup))
  const chosen = await file.choose({
    columns,
    keepRowGroup: rowGroup => wanted.has(rowGroup),
    pageFieldIds: [...boundFields(filter)],
    keepPage(rows) {
      const keep = mightMatch(filter, statistics(rows))
      if (!keep) counters.rowsSkippedByPage += rows.rowCount
      return keep
    },
  })
  if (options.isUnselective) return chosen
  const groups = await prunedByDictionaries(file, chosen.groups, pruning)
  skip(counters, 'rowGroupsSkippedByDictionary', chosen.groups.length - groups.length)
  return { groups, indexes: chosen.indexes }
}

const NO_COLUMNS: Pick<ParquetRowGroup, 'columns'> = { columns: new Map() }

function isDeleted(group: ParquetRowGroup, deleted: PositionSet | undefined): boolean {
  if (deleted === undefined || deleted.cardinality < group.rowCount) return false
  return deleted.selectLive(group.firstRow, group.rowCount).length === 0
}

function skip(
  counters: ScanCounters,
  level: 'rowGroupsSkippedByBloom' | 'rowGroupsSkippedByDictionary',
  count: number,
): void {
  counters[level] += count
  counters.rowGroupsSkipped += count
  counters.rowGroups -= count
}
