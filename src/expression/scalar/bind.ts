/**
 * Binding: a written scalar against the columns of one relation or two. Names become field ids, every node gets
 * its type and whether it can be null, casts are put where types differ, and conditions on one column become
 * predicates (`predicate-of.ts`). Literals have their own type, and take that of a column only in predicates.
 */
import { unreachable } from '../../base/assert.js'
import { LakeError } from '../../base/errors.js'
import { valueAt } from '../../batch/values.js'
import { floorDivide, MICROS_PER_DAY } from '../../schema/time.js'
import { printType } from '../../schema/type-text.js'
import { isPrimitive } from '../../schema/types.js'
import { type Bound, bind, boundColumns, boundLeaves, isTrue } from '../bind.js'
import { type Literal, not } from '../expression.js'
import type { ArithmeticScalar, CaseScalar, IntervalScalar, Scalar } from '../scalar.js'
import { addInterval, arithmeticScalar, negateScalar } from './arithmetic-types.js'
import { BOOLEAN, type BoundScalar, childScalars } from './bound.js'
import { castScalar, castToCommon, typeError } from './cast-scalar.js'
import { compareScalars } from './comparison.js'
import { evaluateScalar } from './evaluate.js'
import { bindCall } from './functions.js'
import { type PredicateScope, partsOfExpression, predicateOf } from './predicate-of.js'
import { printScalar } from './print.js'
import { type BindScalarOptions, locateColumn, type Relation, type Scope } from './scope.js'
import { isFloating, typedLiteral } from './types.js'
import { columnNames } from './written-columns.js'

/** A relation alone, or several: the place of each is where evaluation expects its batch. */
export type Relations = Relation | readonly Relation[]

/**
 * The scalar over the relations' field ids.
 * @throws invalid-argument for an unknown or ambiguous column, an unknown function, or types that do not go
 * together; the context has the text of the `expression`
 */
export function bindScalar(
  scalar: Scalar,
  relations: Relations,
  options: BindScalarOptions = {},
): BoundScalar {
  return bindNode(scalar, predicateScope(relations, options))
}

/**
 * A scalar that is a condition.
 * @throws as `bindScalar`; invalid-argument when it is no boolean
 */
export function bindCondition(
  scalar: Scalar,
  relations: Relations,
  options: BindScalarOptions = {},
): BoundScalar {
  return conditionNode(scalar, predicateScope(relations, options))
}

/** A scope that can tell constants. */
export function predicateScope(relations: Relations, options: BindScalarOptions): PredicateScope {
  const list = 'fields' in relations ? [relations] : relations
  const scope: Scope = { ...options, relations: list }
  return { ...scope, constantOf: scalar => constantOf(scalar, options) }
}

/** The literal of a scalar without columns, unless it is null or an error. */
function constantOf(scalar: Scalar, options: BindScalarOptions): Literal | undefined {
  if (scalar.kind === 'literal') return scalar.literal ?? undefined
  if (columnNames(scalar).length > 0) return undefined
  try {
    const bound = bindScalar(scalar, [], options)
    const value = valueAt(evaluateScalar(bound, []), bound.type, 0)
    return value === null || !isPrimitive(bound.type) ? undefined : { kind: 'typed', type: bound.type, value }
  } catch (error) {
    // What is wrong with it is said where it is bound or computed.
    if (error instanceof LakeError) return undefined
    throw error
  }
}

function bindNode(scalar: Scalar, scope: PredicateScope): BoundScalar {
  switch (scalar.kind) {
    case 'column': {
      const { relation, column } = locateColumn(scalar.name, scope)
      const { fieldId, idPath, path, type, required } = column
      return { kind: 'column', relation, fieldId, idPath, path, type, required }
    }
    case 'literal': {
      const { type, value } = typedLiteral(scalar.literal)
      return { kind: 'literal', type, value, required: value !== null }
    }
    case 'interval':
      throw typeError('an interval can only be added to a date or a timestamp', printScalar(scalar), [])
    case 'arithmetic':
      return bindArithmetic(scalar, scope)
    case 'negate':
      return negateScalar(bindNode(scalar.operand, scope), printScalar(scalar))
    case 'call':
      return bindFunction(scalar, scope)
    case 'cast':
      return castScalar(bindNode(scalar.operand, scope), scalar.type, printScalar(scalar))
    case 'case':
      return bindCase(scalar, scope)
    default:
      return bindTest(scalar, scope)
  }
}

function bindArithmetic(scalar: ArithmeticScalar, scope: PredicateScope): BoundScalar {
  const { op, left, right } = scalar
  const text = printScalar(scalar)
  if (right.kind === 'interval' && (op === '+' || op === '-')) {
    return addInterval(bindNode(left, scope), op === '+' ? right : opposite(right), text)
  }
  if (left.kind === 'interval' && op === '+') return addInterval(bindNode(right, scope), left, text)
  return arithmeticScalar(op, [bindNode(left, scope), bindNode(right, scope)], text)
}

function opposite({ months, micros }: IntervalScalar): IntervalScalar {
  return { kind: 'interval', months: 0 - months, micros: -micros }
}

function bindFunction(scalar: Extract<Scalar, { kind: 'call' }>, scope: PredicateScope): BoundScalar {
  const { name, args } = scalar
  if (args.length === 0 && (name === 'current_timestamp' || name === 'now')) {
    return { kind: 'literal', type: { kind: 'timestamptz' }, value: nowOf(scope, name), required: true }
  }
  if (args.length === 0 && name === 'current_date') {
    const value = Number(floorDivide(nowOf(scope, name), MICROS_PER_DAY))
    return { kind: 'literal', type: { kind: 'date' }, value, required: true }
  }
  const predicate = bindPredicate(scalar, scope)
  if (predicate !== undefined) return predicate
  // The condition of an `if` is one: its parts may be predicates.
  const bound = args.map((arg, at) =>
    name === 'if' && at === 0 ? conditionNode(arg, scope) : bindNode(arg, scope),
  )
  return bindCall(name, bound, printScalar(scalar))
}

function nowOf({ nowMicros }: PredicateScope, name: string): bigint {
  if (nowMicros !== undefined) return nowMicros
  throw new LakeError('invalid-argument', 'the function has no value here', { context: { function: name } })
}

function bindCase(scalar: CaseScalar, scope: PredicateScope): BoundScalar {
  const whens = scalar.branches.map(({ when }) => conditionNode(when, scope))
  const values = scalar.branches.map(({ result }) => bindNode(result, scope))
  const all = scalar.otherwise === undefined ? values : [...values, bindNode(scalar.otherwise, scope)]
  const cast = castToCommon(all, printScalar(scalar))
  const branches = whens.map((when, at) => ({ when, result: cast[at] as BoundScalar }))
  const type = cast[0]?.type ?? { kind: 'unknown' }
  const required = scalar.otherwise !== undefined && cast.every(each => each.required)
  return { kind: 'case', branches, otherwise: cast[whens.length], type, required }
}

// Conditions

function conditionNode(scalar: Scalar, scope: PredicateScope): BoundScalar {
  const bound = bindPredicate(scalar, scope) ?? bindNode(scalar, scope)
  if (bound.type.kind === 'boolean') return bound
  if (bound.type.kind === 'unknown') return castScalar(bound, BOOLEAN, printScalar(scalar))
  throw new LakeError('invalid-argument', 'a condition is needed', {
    context: { expression: printScalar(scalar), type: printType(bound.type) },
  })
}

/** The condition as a predicate of one relation; undefined when it is none. */
function bindPredicate(scalar: Scalar, scope: PredicateScope): BoundScalar | undefined {
  const predicate = predicateOf(scalar, scope)
  if (predicate === undefined) return undefined
  const { relation = 0, expression } = predicate
  const schema = scope.relations[relation] ?? { fields: [] }
  const whenTrue = bind(expression, schema, scope)
  if (predicate.relation === undefined) {
    return { kind: 'literal', type: BOOLEAN, value: isTrue(whenTrue), required: true }
  }
  const whenFalse = bind(not(expression), schema, scope)
  return {
    kind: 'predicate',
    relation,
    whenTrue,
    whenFalse,
    type: BOOLEAN,
    required: isNeverUnknown(whenTrue),
  }
}

/** Made of tests for null and nan alone. */
function isNeverUnknown(bound: Bound): boolean {
  return boundLeaves(bound).every(({ op }) => DECIDED.has(op))
}

const DECIDED: ReadonlySet<Bound['op']> = new Set<Bound['op']>(['is-null', 'not-null', 'is-nan', 'not-nan'])

type TestScalar = Extract<
  Scalar,
  { kind: 'and' | 'or' | 'not' | 'is-null' | 'is-nan' | 'compare' | 'same' | 'in' | 'like' | 'predicate' }
>

function bindTest(scalar: TestScalar, scope: PredicateScope): BoundScalar {
  const predicate = bindPredicate(scalar, scope)
  if (predicate !== undefined) return predicate
  switch (scalar.kind) {
    case 'predicate':
      return bindTest(partsOfExpression(scalar.expression) as TestScalar, scope)
    case 'and':
    case 'or':
      return logicNode(
        scalar.kind,
        scalar.children.map(child => conditionNode(child, scope)),
      )
    case 'not':
      return logicNode('not', [conditionNode(scalar.operand, scope)])
    case 'is-null':
      return { kind: 'is-null', operand: bindNode(scalar.operand, scope), type: BOOLEAN, required: true }
    case 'is-nan':
      return nanNode(bindNode(scalar.operand, scope), printScalar(scalar))
    case 'compare':
    case 'same': {
      const sides = [bindNode(scalar.left, scope), bindNode(scalar.right, scope)] as const
      return compareScalars(scalar.kind === 'same' ? 'same' : scalar.op, sides, printScalar(scalar))
    }
    case 'in':
      return bindIn(scalar, scope)
    case 'like': {
      const text = printScalar(scalar)
      const operand = castScalar(bindNode(scalar.operand, scope), { kind: 'string' }, text)
      return { kind: 'like', operand, pattern: scalar.pattern, type: BOOLEAN, required: operand.required }
    }
    default:
      return unreachable(scalar)
  }
}

function logicNode(kind: 'and' | 'or' | 'not', args: readonly BoundScalar[]): BoundScalar {
  const required = args.every(arg => arg.required)
  const [first] = args
  if (kind === 'not' && first !== undefined) return { kind, operand: first, type: BOOLEAN, required }
  return { kind: kind === 'or' ? 'or' : 'and', args, type: BOOLEAN, required }
}

function nanNode(operand: BoundScalar, text: string): BoundScalar {
  const number = operand.type.kind === 'unknown' ? castScalar(operand, { kind: 'double' }, text) : operand
  if (!isFloating(number.type)) throw typeError('only a float or double can be nan', text, [number.type])
  return { kind: 'is-nan', operand: number, type: BOOLEAN, required: true }
}

/** Each item is compared as in a comparison alone; the operand is cast for all of them. */
function bindIn(scalar: Extract<Scalar, { kind: 'in' }>, scope: PredicateScope): BoundScalar {
  const text = printScalar(scalar)
  const args = [scalar.operand, ...scalar.items].map(each => bindNode(each, scope))
  const [operand, ...items] = castToCommon(args, text)
  if (operand === undefined) return unreachable(scalar as never)
  for (const item of items) compareScalars('eq', [operand, item], text)
  const required = [operand, ...items].every(each => each.required)
  return { kind: 'in', operand, items, type: BOOLEAN, required }
}

/** Ids of the top-level columns of a relation that evaluation needs. */
export function scalarColumns(bound: BoundScalar, relation = 0): ReadonlySet<number> {
  const ids = new Set<number>()
  collectColumns(bound, relation, ids)
  return ids
}

function collectColumns(bound: BoundScalar, relation: number, ids: Set<number>): void {
  if (bound.kind === 'column' && bound.relation === relation) ids.add(bound.idPath[0] ?? bound.fieldId)
  if (bound.kind === 'predicate' && bound.relation === relation) {
    for (const side of [bound.whenTrue, bound.whenFalse]) for (const id of boundColumns(side)) ids.add(id)
  }
  for (const child of childScalars(bound)) collectColumns(child, relation, ids)
}
