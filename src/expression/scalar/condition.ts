/**
 * Conditions taken apart, so that as much as possible is decided before rows are read.
 *
 *   region = 'eu' and amount + tax > limit
 *   `- pushed -'      `---- residual ----'
 *
 * Pushed parts prune partitions, files and pages and are evaluated by the scan; the residual sees only the rows
 * that they kept. A row counts when both are true, which is when all conjuncts are. A merge condition has more
 * parts: pairs of values that must be equal, and what concerns one side only.
 */
import { bind } from '../bind.js'
import { allOf, type Expression } from '../expression.js'
import { allOfScalars, conjunctsOf, type Scalar } from '../scalar.js'
import { bindCondition, bindScalar, predicateScope } from './bind.js'
import type { BoundScalar } from './bound.js'
import { castToCommon } from './cast-scalar.js'
import { compareScalars } from './comparison.js'
import { type PredicateScope, predicateOf } from './predicate-of.js'
import { printScalar } from './print.js'
import { type BindScalarOptions, locateColumn, type Relation } from './scope.js'
import { columnNames } from './written-columns.js'

export interface SplitCondition {
  /** True wherever the condition is: what a scan may prune by and must filter by. Columns without alias. */
  readonly pushed: Expression
  /** What remains to be true of the rows that `pushed` keeps. */
  readonly residual: BoundScalar | undefined
}

/**
 * A condition on one relation as a predicate and a rest.
 * @throws invalid-argument as `bindCondition`
 */
export function splitCondition(
  condition: Scalar,
  relation: Relation,
  options: BindScalarOptions = {},
): SplitCondition {
  const scope = predicateScope(relation, options)
  const { pushed, rest } = takePredicates(conjunctsOf(condition), scope, 0)
  bind(pushed, relation, options)
  return { pushed, residual: residualOf(rest, [relation], options) }
}

interface Taken {
  readonly pushed: Expression
  readonly rest: readonly Scalar[]
}

/** The conjuncts that are predicates of a relation. */
function takePredicates(conjuncts: readonly Scalar[], scope: PredicateScope, relation: number): Taken {
  const pushed: Expression[] = []
  const rest: Scalar[] = []
  for (const conjunct of conjuncts) {
    const predicate = predicateOf(conjunct, scope)
    if (predicate !== undefined && (predicate.relation ?? relation) === relation)
      pushed.push(predicate.expression)
    else rest.push(conjunct)
  }
  return { pushed: allOf(pushed), rest }
}

function residualOf(
  rest: readonly Scalar[],
  relations: readonly Relation[],
  options: BindScalarOptions,
): BoundScalar | undefined {
  return rest.length === 0 ? undefined : bindCondition(allOfScalars(rest), relations, options)
}

/** The relations of a merge: what is changed, and what it is changed by. */
export interface MergeRelations {
  readonly target: Relation
  readonly source: Relation
}

export const TARGET = 0
export const SOURCE = 1

/** Two values that must be equal, of one type; each is bound to its relation alone, as relation 0. */
export interface JoinKey {
  readonly target: BoundScalar
  readonly source: BoundScalar
  /** Whether null equals null. */
  readonly nullsEqual: boolean
}

export interface SplitJoin {
  readonly keys: readonly JoinKey[]
  /** What must be true of the target's rows alone, and of the source's. */
  readonly target: Expression
  readonly source: Expression
  /** What must be true of pairs with equal keys; target is relation 0, source 1. */
  readonly residual: BoundScalar | undefined
}

/**
 * The condition of a merge as equal keys, a predicate on each side, and a rest.
 * @throws invalid-argument as `bindCondition`
 */
export function splitJoin(
  condition: Scalar,
  { target, source }: MergeRelations,
  options: BindScalarOptions = {},
): SplitJoin {
  const relations = [target, source]
  const scope = predicateScope(relations, options)
  const ofTarget = takePredicates(conjunctsOf(condition), scope, TARGET)
  const ofSource = takePredicates(ofTarget.rest, scope, SOURCE)
  const keys: JoinKey[] = []
  const rest: Scalar[] = []
  for (const conjunct of ofSource.rest) {
    const key = joinKey(conjunct, scope)
    if (key === undefined) rest.push(conjunct)
    else keys.push(key)
  }
  bind(ofTarget.pushed, target, options)
  bind(ofSource.pushed, source, options)
  return {
    keys,
    target: ofTarget.pushed,
    source: ofSource.pushed,
    residual: residualOf(rest, relations, options),
  }
}

/** `target side = source side`, in either order. */
function joinKey(conjunct: Scalar, scope: PredicateScope): JoinKey | undefined {
  const equal = conjunct.kind === 'same' || (conjunct.kind === 'compare' && conjunct.op === 'eq')
  if (!equal) return undefined
  const sides = [conjunct.left, conjunct.right]
  const target = sides.find(side => onlyRelation(side, scope) === TARGET)
  const source = sides.find(side => onlyRelation(side, scope) === SOURCE)
  if (target === undefined || source === undefined) return undefined
  const bound = [boundAlone(target, TARGET, scope), boundAlone(source, SOURCE, scope)] as const
  const text = printScalar(conjunct)
  compareScalars('eq', bound, text)
  const [targetKey, sourceKey] = castToCommon(bound, text)
  if (targetKey === undefined || sourceKey === undefined || isRounded(bound, targetKey)) return undefined
  return { target: targetKey, source: sourceKey, nullsEqual: conjunct.kind === 'same' }
}

/** The relation of all columns of a scalar; undefined when it has none, or columns of several. */
function onlyRelation(scalar: Scalar, scope: PredicateScope): number | undefined {
  const relations = new Set(columnNames(scalar).map(name => locateColumn(name, scope).relation))
  return relations.size === 1 ? [...relations][0] : undefined
}

function boundAlone(side: Scalar, relation: number, scope: PredicateScope): BoundScalar {
  return bindScalar(side, scope.relations[relation] ?? { fields: [] }, scope)
}

/** Decimals that no common type holds exactly are compared as they are, so they are no keys. */
function isRounded(sides: readonly BoundScalar[], { type }: BoundScalar): boolean {
  return (
    type.kind === 'decimal' &&
    sides.some(side => side.type.kind === 'decimal' && side.type.scale > type.scale)
  )
}
