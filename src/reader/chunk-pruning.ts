/**
 * Pruning row groups by what their column chunks say beside statistics, where that costs less than what it may save:
 *
 *   bloom filter   `=` and `in`: none of the values was ever put in
 *   dictionary     every page is coded by it, and the test is true for none of its values
 *
 * A row group is left out when the tests that some row might pass cannot make the filter true. A value is looked up in
 * the form that the file stores: a column may have been promoted since.
 * @see https://github.com/apache/parquet-format/blob/master/BloomFilter.md
 */
import type { ColumnBatch, Vector } from '../batch/column-batch.js'
import { promoteVector } from '../batch/project-batch.js'
import { type Bound, type BoundLeaf, boundLeaves } from '../expression/bind.js'
import { evaluate } from '../expression/evaluate.js'
import { leafMightMatch, mightMatchLeaves, type StatisticsOf } from '../expression/statistics.js'
import { bloomFilterBytesOf, type ChunkPlace, dictionaryBytesOf } from '../format/parquet/chunk-filters.js'
import { type BloomFilter, bloomFormsOf, mightContain } from '../format/parquet/footer/bloom-filter.js'
import type { LeafColumn } from '../format/parquet/footer/schema.js'
import type { ParquetFile } from '../format/parquet/read.js'
import { type GroupRows, leavesOf } from '../format/parquet/read-plan.js'
import { countRows } from '../format/parquet/row-ranges.js'
import { canPromote } from '../schema/promotion.js'
import { samePrimitive } from '../schema/type-text.js'
import { isPrimitive, type PrimitiveType, type Value } from '../schema/types.js'
import { demotedValue } from './stored-value.js'

export interface ChunkPruningOptions {
  readonly filter: Bound
  /** What is known of a row group by its statistics. */
  readonly statisticsOf: (rowGroup: number) => StatisticsOf
  /** Indexes of the file's columns that will be read: what skipping a row group saves. */
  readonly columns: readonly number[]
}

/** A look-up of more values than this is not worth its probes. */
const BLOOM_VALUES_MAX = 1000
/** Bytes fetched to look are at most this share of those that may be saved. */
const COST_SHARE_MAX = 0.25
/** Row groups are looked at together up to so many bytes. */
const PORTION_BYTES: number = 4 * 1024 * 1024

/** The row groups that their bloom filters do not exclude. @throws unavailable */
export function prunedByBloomFilters(
  file: ParquetFile,
  groups: readonly GroupRows[],
  options: ChunkPruningOptions,
): Promise<readonly GroupRows[]> {
  return prunedBy(file, groups, options, bloomFilters(file))
}

/** The row groups that their dictionaries do not exclude. @throws unavailable */
export function prunedByDictionaries(
  file: ParquetFile,
  groups: readonly GroupRows[],
  options: ChunkPruningOptions,
): Promise<readonly GroupRows[]> {
  return prunedBy(file, groups, options, dictionaries(file))
}

/** One kind of thing that a chunk may have. */
interface ChunkLevel<T> {
  /** Whether it can answer the test at all. */
  answers(leaf: BoundLeaf): boolean
  /** Bytes to fetch; undefined when the chunk has none. */
  bytesOf(place: ChunkPlace): number | undefined
  read(places: readonly ChunkPlace[]): Promise<readonly (T | undefined)[]>
  /** False only when the test is true for no value of the chunk. */
  mightMatch(leaf: BoundLeaf, column: LeafColumn, found: T): boolean
}

function bloomFilters(file: ParquetFile): ChunkLevel<BloomFilter> {
  return {
    answers: leaf => leaf.op === 'eq' || (leaf.op === 'in' && leaf.values.length <= BLOOM_VALUES_MAX),
    bytesOf: place => bloomFilterBytesOf(file.footer, place),
    read: places => file.bloomFilters(places),
    mightMatch(leaf, column, filter) {
      if (leaf.op === 'eq') return mightHold(filter, column, leaf)
      if (leaf.op !== 'in') return true
      return leaf.values.some(value => mightHold(filter, column, { value, type: leaf.type }))
    },
  }
}

function mightHold(
  filter: BloomFilter,
  column: LeafColumn,
  wanted: { readonly value: Value; readonly type: PrimitiveType },
): boolean {
  const stored = demotedValue(wanted.value, { from: column.type, to: wanted.type })
  if (stored === undefined) return false
  const forms = bloomFormsOf(column, stored)
  return forms === undefined || forms.some(bytes => mightContain(filter, bytes))
}

/**
 * Nulls are in no dictionary, and `not nan` is true for them. A range that the bounds do not exclude has the least or
 * the greatest value, which is in the dictionary.
 */
const DICTIONARY_TESTS: ReadonlySet<BoundLeaf['op']> = new Set([
  'eq',
  'not-eq',
  'in',
  'not-in',
  'starts-with',
  'not-starts-with',
  'is-nan',
])

function dictionaries(file: ParquetFile): ChunkLevel<Vector> {
  return {
    answers: leaf => DICTIONARY_TESTS.has(leaf.op),
    bytesOf: place => dictionaryBytesOf(file.footer, place),
    read: places => file.dictionaries(places),
    mightMatch(leaf, column, dictionary) {
      return (
        evaluate({ ...leaf, idPath: [leaf.fieldId] }, dictionaryBatch(leaf, column, dictionary)).length > 0
      )
    },
  }
}

/** The dictionary as rows of the one column that the test is about. */
function dictionaryBatch(leaf: BoundLeaf, column: LeafColumn, dictionary: Vector): ColumnBatch {
  const { type } = leaf
  const values =
    !isPrimitive(type) || samePrimitive(column.type, type)
      ? dictionary
      : promoteVector(dictionary, column.type, type)
  const field = { id: leaf.fieldId, name: leaf.path.at(-1) ?? '', required: false, type }
  return { length: dictionary.length, fields: [field], columns: [values] }
}

/** A row group, and the tests that are true for none of its rows as far as is known. */
interface Candidate {
  readonly group: GroupRows
  readonly impossible: Set<BoundLeaf>
  readonly questions: readonly Question[]
  readonly costBytes: number
}

/** A test that a chunk might answer. */
interface Question {
  readonly leaf: BoundLeaf
  readonly column: LeafColumn
  readonly place: ChunkPlace
}

async function prunedBy<T>(
  file: ParquetFile,
  groups: readonly GroupRows[],
  options: ChunkPruningOptions,
  level: ChunkLevel<T>,
): Promise<readonly GroupRows[]> {
  const columns = leafColumns(file, options.filter, level)
  if (columns.length === 0) return groups
  const candidates = groups.map(group => candidateOf(file, group, { options, tested: columns, level }))
  const dropped = new Set<GroupRows>()
  for (const portion of portions(candidates.filter(candidate => candidate.questions.length > 0))) {
    await ask(portion, level)
    for (const { group, impossible } of portion)
      if (!mightMatchLeaves(options.filter, leaf => !impossible.has(leaf))) dropped.add(group)
  }
  return groups.filter(group => !dropped.has(group))
}

/** Tests of the filter that the level answers, with the file's column that each is about. */
interface LeafPlace {
  readonly leaf: BoundLeaf
  readonly column: LeafColumn
  readonly index: number
}

function leafColumns<T>(file: ParquetFile, filter: Bound, level: ChunkLevel<T>): LeafPlace[] {
  const { leaves } = file.footer.schema
  return boundLeaves(filter).flatMap(leaf => {
    if (!level.answers(leaf)) return []
    const places = leaves.flatMap((column, index) => (column.fieldId === leaf.fieldId ? [index] : []))
    const [index] = places
    const column = index === undefined ? undefined : leaves[index]
    // Two columns of one id, or values of another kind than the table's: nobody can say what the filter means there.
    if (places.length > 1 || index === undefined || column === undefined || column.repeated) return []
    return isStoredAs(column.type, leaf) ? [{ leaf, column, index }] : []
  })
}

function isStoredAs(stored: PrimitiveType, { type }: BoundLeaf): boolean {
  return isPrimitive(type) && stored.kind !== 'unknown' && canPromote(stored, type)
}

function candidateOf<T>(
  file: ParquetFile,
  group: GroupRows,
  asked: {
    readonly options: ChunkPruningOptions
    readonly tested: readonly LeafPlace[]
    readonly level: ChunkLevel<T>
  },
): Candidate {
  const { options, tested, level } = asked
  const { filter } = options
  const statistics = options.statisticsOf(group.rowGroup)
  const impossible = new Set(boundLeaves(filter).filter(leaf => !leafMightMatch(leaf, statistics)))
  const questions: Question[] = []
  let costBytes = 0
  for (const { leaf, column, index } of tested) {
    const place = { rowGroup: group.rowGroup, leaf: index }
    const bytes = impossible.has(leaf) ? undefined : level.bytesOf(place)
    if (bytes === undefined) continue
    questions.push({ leaf, column, place })
    costBytes += bytes
  }
  const pays = costBytes <= COST_SHARE_MAX * savedBytes(file, group, tested, options)
  return { group, impossible, questions: pays ? questions : [], costBytes }
}

/** Compressed bytes that reading the group's rows takes, about. */
function savedBytes(
  file: ParquetFile,
  { rowGroup, rows }: GroupRows,
  tested: readonly LeafPlace[],
  { columns }: ChunkPruningOptions,
): number {
  const group = file.footer.metadata.rowGroups[rowGroup]
  if (group === undefined) return 0
  let bytes = 0
  for (const leaf of new Set([...leavesOf(file.footer, columns), ...tested.map(({ index }) => index)]))
    bytes += group.columns[leaf]?.compressedBytes ?? 0
  return rows === undefined ? bytes : (bytes * countRows(rows)) / Math.max(1, group.rowCount)
}

/** Candidates in order, joined until they have the bytes. */
function portions(candidates: readonly Candidate[]): Candidate[][] {
  const joined: Candidate[][] = []
  let bytes = 0
  for (const candidate of candidates) {
    const last = joined[joined.length - 1]
    if (last === undefined || bytes + candidate.costBytes > PORTION_BYTES) {
      joined.push([candidate])
      bytes = 0
    } else last.push(candidate)
    bytes += candidate.costBytes
  }
  return joined
}

/** Puts the tests that the chunks exclude among the impossible. */
async function ask<T>(candidates: readonly Candidate[], level: ChunkLevel<T>): Promise<void> {
  const places = new Map<string, ChunkPlace>()
  for (const { questions } of candidates) for (const { place } of questions) places.set(keyOf(place), place)
  const found = await level.read([...places.values()])
  const byPlace = new Map([...places.keys()].map((key, index) => [key, found[index]]))
  for (const { questions, impossible } of candidates) {
    for (const { leaf, column, place } of questions) {
      const answer = byPlace.get(keyOf(place))
      if (answer !== undefined && !level.mightMatch(leaf, column, answer)) impossible.add(leaf)
    }
  }
}

function keyOf({ rowGroup, leaf }: ChunkPlace): string {
  return `${rowGroup}/${leaf}`
}
