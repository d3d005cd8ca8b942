/**
 * A merge against the schemas of its two sides: the condition taken apart into equal keys, what concerns one side
 * alone and a rest, and each clause with its columns found and its values cast to those of the table.
 *
 *   on t.id = s.id and t.region = 'eu' and s.op <> 'X' and t.at < s.at
 *      `- key ---'     `- target ----'     `- source -'    `- residual'
 *
 * In text the table is `t` and the source `s`. A clause of rows that match sees both; one of rows that the table lacks
 * the source alone; one of rows that the source lacks the table alone.
 */
import {
  BOUND_FALSE,
  BOUND_TRUE,
  type Bound,
  bind,
  bothOf,
  boundColumns,
  eitherOf,
} from '../../expression/bind.js'
import type { Assignment, MergeClause } from '../../expression/merge-clause.js'
import {
  assignAll,
  type BoundAssignment,
  bindAssignments,
  bindInsert,
} from '../../expression/scalar/assign.js'
import { bindCondition, type Relations, scalarColumns } from '../../expression/scalar/bind.js'
import type { BoundScalar } from '../../expression/scalar/bound.js'
import {
  type JoinKey,
  type MergeRelations,
  SOURCE,
  splitCondition,
  splitJoin,
  TARGET,
} from '../../expression/scalar/condition.js'
import { evaluateCondition } from '../../expression/scalar/evaluate.js'
import type { BindScalarOptions } from '../../expression/scalar/scope.js'
import { columnNames } from '../../expression/scalar/written-columns.js'
import { allOfScalars, conjunctsOf, type Scalar } from '../../expression/scalar.js'
import type { Field, Schema } from '../../schema/types.js'

/** A merge as it is written. */
export interface MergeRequest {
  /** Which row of the source a row of the table matches. */
  readonly on: Scalar
  readonly clauses: readonly MergeClause[]
}

/** What becomes of rows of the table. */
export interface BoundChange {
  /** Absent: always. */
  readonly condition: BoundScalar | undefined
  /** The new values; undefined: the row is deleted. */
  readonly assignments: readonly BoundAssignment[] | undefined
}

export interface BoundInsert {
  /** Over the source, as relation 0; so are the values. */
  readonly condition: BoundScalar | undefined
  /** One a column of the table, in their order. */
  readonly values: readonly BoundAssignment[]
}

export interface BoundMerge {
  readonly keys: readonly JoinKey[]
  /** What must be true of a row of the table, and of one of the source, to match at all. */
  readonly targetFilter: Bound
  readonly sourceFilter: Bound
  /** What must be true of pairs with equal keys; target is relation 0, source 1. */
  readonly residual: BoundScalar | undefined
  readonly matched: readonly BoundChange[]
  readonly notMatched: readonly BoundInsert[]
  /** Of rows that no row of the source matches; over the target alone. */
  readonly notMatchedBySource: readonly BoundChange[]
  /** True of every row that may match, and of every row that a clause on unmatched rows may change. */
  readonly scanFilter: Bound
  /** Columns of the table that tell what becomes of a row. */
  readonly decidingFields: readonly Field[]
}

const TARGET_ALIAS = 't'
const SOURCE_ALIAS = 's'

/**
 * @param source the columns of the source, whose ids are their own
 * @throws invalid-argument for a condition or a clause that does not fit the two sides
 */
export function bindMerge(
  { on, clauses }: MergeRequest,
  schema: Schema,
  options: BindScalarOptions & { readonly source: readonly Field[] },
): BoundMerge {
  const target = { alias: TARGET_ALIAS, fields: schema.fields }
  const source = { alias: SOURCE_ALIAS, fields: options.source }
  const sides: MergeRelations = { target, source }
  const { never, rest } = withoutConstants(on, options)
  const join = splitJoin(rest, sides, options)
  const targetFilter = never ? BOUND_FALSE : bind(join.target, target, options)
  const parts: Omit<BoundMerge, 'decidingFields'> = {
    keys: join.keys,
    targetFilter,
    sourceFilter: bind(join.source, source, options),
    residual: join.residual,
    matched: clauses.flatMap(clause =>
      clause.when === 'matched' ? bindChange(clause, [target, source], sides, options) : [],
    ),
    notMatched: clauses.flatMap(clause =>
      clause.when === 'not-matched' ? bindNotMatched(clause, sides, options) : [],
    ),
    notMatchedBySource: clauses.flatMap(clause =>
      clause.when === 'not-matched-by-source' ? bindChange(clause, target, sides, options) : [],
    ),
    scanFilter: eitherOf(targetFilter, changedAlone(clauses, sides, options)),
  }
  const deciding = decidingColumns(parts)
  return { ...parts, decidingFields: schema.fields.filter(field => deciding.has(field.id)) }
}

/** `1 = 0` is how a merge that only inserts is written: parts of a condition without columns are decided at once. */
function withoutConstants(
  on: Scalar,
  options: BindScalarOptions,
): { readonly never: boolean; readonly rest: Scalar } {
  const conjuncts = conjunctsOf(on)
  const isConstant = (conjunct: Scalar): boolean => columnNames(conjunct).length === 0
  const never = conjuncts
    .filter(isConstant)
    .some(conjunct => evaluateCondition(bindCondition(conjunct, [], options), []).length === 0)
  return { never, rest: allOfScalars(conjuncts.filter(conjunct => !isConstant(conjunct))) }
}

function bindChange(
  { condition, action }: Exclude<MergeClause, { when: 'not-matched' }>,
  relations: Relations,
  sides: MergeRelations,
  options: BindScalarOptions,
): BoundChange {
  const { target } = sides
  const set = action.kind === 'delete' ? undefined : assignmentsOf(action.set, { ...sides, options })
  return {
    condition: condition && bindCondition(condition, relations, options),
    assignments: set && bindAssignments(set, { ...options, target, relations }),
  }
}

function bindNotMatched(
  { condition, action }: Extract<MergeClause, { when: 'not-matched' }>,
  sides: MergeRelations,
  options: BindScalarOptions,
): BoundInsert {
  const { target, source } = sides
  const values = assignmentsOf(action.values, { ...sides, options })
  return {
    condition: condition && bindCondition(condition, source, options),
    values: bindInsert(values, { ...options, target, relations: source }),
  }
}

function assignmentsOf(
  given: readonly Assignment[] | 'all',
  { target, source, options }: MergeRelations & { readonly options: BindScalarOptions },
): readonly Assignment[] {
  return given === 'all' ? assignAll(target, source, options) : given
}

/** True of every row that a clause on rows without match may change. */
function changedAlone(
  clauses: readonly MergeClause[],
  { target }: MergeRelations,
  options: BindScalarOptions,
): Bound {
  let changed: Bound = BOUND_FALSE
  for (const { when, condition } of clauses) {
    if (when !== 'not-matched-by-source') continue
    const pushed =
      condition === undefined
        ? BOUND_TRUE
        : bind(splitCondition(condition, target, options).pushed, target, options)
    changed = eitherOf(changed, pushed)
  }
  return changed
}

function decidingColumns(merge: Omit<BoundMerge, 'decidingFields'>): ReadonlySet<number> {
  const { keys, targetFilter, residual, matched, notMatchedBySource } = merge
  const scalars = [
    ...keys.map(key => key.target),
    residual,
    ...[...matched, ...notMatchedBySource].map(({ condition }) => condition),
  ]
  const ids = new Set<number>()
  for (const scalar of scalars) {
    if (scalar !== undefined) for (const id of scalarColumns(scalar, TARGET)) ids.add(id)
  }
  // A scan of more rows than may match leaves it to the merge which do.
  if (notMatchedBySource.length > 0) for (const id of boundColumns(targetFilter)) ids.add(id)
  return ids
}

/** What a scan for a merge without clauses on unmatched rows may filter by, beside the range of the keys. */
export function scanFilterOf(merge: BoundMerge, keyFilter: Bound): Bound {
  return merge.notMatchedBySource.length > 0 ? merge.scanFilter : bothOf(merge.targetFilter, keyFilter)
}

/** The columns of the table that the changed rows take over or are computed from. */
export function keptFields({ assignments = [] }: BoundChange, schema: Schema): readonly Field[] {
  const assigned = new Set(assignments.map(({ field }) => field.id))
  const looked = new Set(assignments.flatMap(({ value }) => [...scalarColumns(value, TARGET)]))
  return schema.fields.filter(({ id }) => !assigned.has(id) || looked.has(id))
}

/** Ids of the columns of the source that scalars over both sides look at. */
export function sourceColumns(scalars: readonly (BoundScalar | undefined)[]): ReadonlySet<number> {
  return new Set(scalars.flatMap(scalar => (scalar === undefined ? [] : [...scalarColumns(scalar, SOURCE)])))
}
