/**
 * Predicates on the wire of the REST catalog, from and to ours.
 *
 * A predicate is read with the schema it is for, because a literal has no type on the wire: Java writes a date of a
 * written predicate as its days and a timestamp as its microseconds, bytes are hex, everything else is as in the
 * JSON of single values. Both generations of the form are read, `term`/`value` and `child`/`left`/`right`; the first
 * is written, as it is the one that every reader knows.
 *
 * Predicates over transforms and functions have no form here. `parseExpression` refuses them; for planning,
 * `parseWeakerExpression` puts in their place what keeps every row that they keep.
 * @see Iceberg REST catalog specification, "Predicate", "Term", "Literal"
 */
import { unreachable } from '../base/assert.js'
import { hexDecode } from '../base/bytes.js'
import { isLakeError, LakeError } from '../base/errors.js'
import { isJsonObject, type JsonObject, type JsonValue } from '../base/json.js'
import { asObject, corruptField, requiredInt, requiredMember, requiredText } from '../base/json-fields.js'
import { type Bound, type BoundLeaf, findColumn } from '../expression/bind.js'
import {
  allOf,
  alwaysFalse,
  alwaysTrue,
  anyOf,
  type ComparisonOp,
  type Expression,
  FLIPPED_OPS,
  type Literal,
  not,
  type PrefixOp,
  type SetOp,
  type UnaryOp,
} from '../expression/expression.js'
import { fieldPath } from '../schema/schema.js'
import { parseType } from '../schema/type-text.js'
import type { Field, PrimitiveType, Type, Value } from '../schema/types.js'
import { valueFromJson, valueToJson } from '../schema/value-json.js'

/** What names and literals of a predicate are understood by. */
export interface ExpressionScope {
  readonly schema: { readonly fields: readonly Field[] }
  /** Default true. */
  readonly caseSensitive?: boolean | undefined
}

/**
 * Columns are checked by who binds the predicate, not here.
 * @throws corrupt; unsupported for predicates over transforms and functions
 */
export function parseExpression(json: JsonValue | undefined, scope: ExpressionScope): Expression {
  return parseNode(json, { ...scope, unsupported: 'throw' }, { depth: 0, isPositive: true })
}

/** `isExact` false: the predicate keeps all rows that are asked for, and others. @throws corrupt */
export function parseWeakerExpression(
  json: JsonValue | undefined,
  scope: ExpressionScope,
): { readonly expression: Expression; readonly isExact: boolean } {
  const context: Context = { ...scope, unsupported: 'weaken', isExact: true }
  const expression = parseNode(json, context, { depth: 0, isPositive: true })
  return { expression, isExact: context.isExact }
}

type Context = ExpressionScope &
  ({ readonly unsupported: 'throw' } | { readonly unsupported: 'weaken'; isExact: boolean })

/** Where a predicate stands. Under a `not` the weaker one is the one that keeps less. */
interface Position {
  readonly depth: number
  readonly isPositive: boolean
}

/** Chains of `and` and of `or` count as one. */
const DEPTH_MAX = 500

function parseNode(json: JsonValue | undefined, context: Context, position: Position): Expression {
  if (typeof json === 'boolean') return constantOf(json)
  const node = asObject(json, 'predicate')
  const type = requiredText(node, 'type').toLowerCase()
  const below: Position = { ...position, depth: position.depth + 1 }
  if (below.depth > DEPTH_MAX) throw corruptField('predicate', `at most ${DEPTH_MAX} levels`)
  switch (type) {
    case 'true':
    case 'false':
      return constantOf(type === 'true')
    case 'literal':
      return constantOf(node.value === true)
    case 'not':
      return not(parseNode(node.child, context, { ...below, isPositive: !below.isPositive }))
    case 'and':
      return allOf(operandsOf(node, type).map(child => parseNode(child, context, below)))
    case 'or':
      return anyOf(operandsOf(node, type).map(child => parseNode(child, context, below)))
    default:
      return parseLeafOrWeaken(node, type, { context, position })
  }
}

function constantOf(value: boolean): Expression {
  return value ? alwaysTrue : alwaysFalse
}

/** The operands of a chain of one operator, from left to right, however deep it is nested. */
function operandsOf(node: JsonObject, type: 'and' | 'or'): readonly JsonValue[] {
  const operands: JsonValue[] = []
  const waiting: JsonValue[] = [node]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (isJsonObject(next) && typeof next.type === 'string' && next.type.toLowerCase() === type)
      waiting.push(requiredMember(next, 'right'), requiredMember(next, 'left'))
    else operands.push(next)
  }
  return operands
}

function parseLeafOrWeaken(
  node: JsonObject,
  type: string,
  at: { readonly context: Context; readonly position: Position },
): Expression {
  const { context, position } = at
  try {
    return parseLeaf(node, type, context)
  } catch (error) {
    if (context.unsupported === 'throw' || !isLakeError(error, 'unsupported')) throw error
    context.isExact = false
    return constantOf(position.isPositive)
  }
}

// ---- leaves

function parseLeaf(node: JsonObject, type: string, scope: ExpressionScope): Expression {
  switch (type) {
    case 'is-null':
    case 'not-null':
    case 'is-nan':
    case 'not-nan':
      return { op: type satisfies UnaryOp, column: operandColumn(node, scope) }
    case 'in':
    case 'not-in': {
      const column = operandColumn(node, scope)
      return { op: type satisfies SetOp, column, literals: parseLiterals(node.values, typeOf(column, scope)) }
    }
    case 'starts-with':
    case 'not-starts-with': {
      const { column, literal, isFlipped } = comparedOf(node, scope)
      if (isFlipped) throw notRead('a test of a prefix')
      return { op: type satisfies PrefixOp, column, literal }
    }
    case 'eq':
    case 'not-eq':
    case 'lt':
    case 'lt-eq':
    case 'gt':
    case 'gt-eq': {
      const { column, literal, isFlipped } = comparedOf(node, scope)
      const op: ComparisonOp = isFlipped ? FLIPPED_OPS[type] : type
      return { op, column, literal }
    }
    default:
      throw corruptField('type', 'an operation of a predicate')
  }
}

function notRead(what: string): LakeError {
  return new LakeError('unsupported', 'a predicate of the request is not one that serac evaluates', {
    context: { predicate: what },
  })
}

function operandColumn(node: JsonObject, scope: ExpressionScope): string {
  return Object.hasOwn(node, 'child') ? referenceOf(node.child, scope) : termOf(node.term, scope)
}

interface Compared {
  readonly column: string
  readonly literal: Literal
  /** The literal stands left of the column. */
  readonly isFlipped: boolean
}

function comparedOf(node: JsonObject, scope: ExpressionScope): Compared {
  const isOld = !Object.hasOwn(node, 'left') && !Object.hasOwn(node, 'right')
  const left = isOld ? node.term : node.left
  const right = isOld ? node.value : node.right
  const isFlipped = !isOld && !isTerm(left) && isTerm(right)
  if (!isOld && isTerm(left) === isTerm(right)) throw notRead('a comparison of two columns or two literals')
  const column = isOld ? termOf(left, scope) : referenceOf(isFlipped ? right : left, scope)
  const literal = parseLiteral(isFlipped ? left : right, typeOf(column, scope))
  return { column, literal, isFlipped }
}

/** Everything that is an object but a literal. */
function isTerm(json: JsonValue | undefined): boolean {
  return isJsonObject(json) && json.type !== 'literal'
}

// ---- terms

/** The old form, in which text is a name. */
function termOf(json: JsonValue | undefined, scope: ExpressionScope): string {
  return typeof json === 'string' ? json : referenceOf(json, scope)
}

function referenceOf(json: JsonValue | undefined, scope: ExpressionScope): string {
  const node = asObject(json, 'term')
  switch (requiredText(node, 'type').toLowerCase()) {
    case 'reference':
      return Object.hasOwn(node, 'id')
        ? nameOf(requiredInt(node, 'id'), scope)
        : requiredText(node, Object.hasOwn(node, 'name') ? 'name' : 'term')
    case 'transform':
      if (requiredText(node, 'transform').toLowerCase() === 'identity') return termOf(node.term, scope)
      throw notRead('a comparison of a transform')
    case 'apply':
      throw notRead('a comparison of a function')
    default:
      throw corruptField('type', 'reference, transform or apply')
  }
}

function nameOf(fieldId: number, { schema }: ExpressionScope): string {
  const path = fieldPath(schema, fieldId)
  if (path === undefined) throw corruptField('id', 'id of a field')
  return path.join('.')
}

/** Undefined for a column that is not there, or ambiguous: binding says so. */
function typeOf(column: string, { schema, caseSensitive }: ExpressionScope): Type | undefined {
  try {
    return findColumn(column, schema.fields, { caseSensitive })?.type
  } catch (error) {
    if (isLakeError(error, 'invalid-argument')) return undefined
    throw error
  }
}

// ---- literals

function parseLiterals(json: JsonValue | undefined, type: Type | undefined): readonly Literal[] {
  if (Array.isArray(json)) return (json as readonly JsonValue[]).map(item => parseLiteral(item, type))
  const node = asObject(json, 'values')
  const { values } = node
  if (node.type !== 'literals' || !Array.isArray(values)) throw corruptField('values', 'array of literals')
  const stated = parseType(requiredText(node, 'data-type'))
  return (values as readonly JsonValue[]).map(item => typedLiteral(item, stated))
}

function parseLiteral(json: JsonValue | undefined, type: Type | undefined): Literal {
  if (!isJsonObject(json)) return bareLiteral(json, type)
  if (json.type !== 'literal') throw corruptField('value', 'literal')
  const stated = json['data-type']
  return typeof stated === 'string'
    ? typedLiteral(json.value, parseType(stated))
    : bareLiteral(json.value, type)
}

function typedLiteral(json: JsonValue | undefined, type: PrimitiveType): Literal {
  const value = valueFromJson(type, json ?? null)
  if (value === null) throw corruptField('value', 'literal')
  return { kind: 'typed', type, value }
}

function bareLiteral(json: JsonValue | undefined, type: Type | undefined): Literal {
  switch (typeof json) {
    case 'boolean':
      return { kind: 'boolean', value: json }
    case 'string':
      return textLiteral(json, type)
    case 'number':
    case 'bigint':
      return temporalLiteral(json, type) ?? { kind: 'number', text: String(json) }
    default:
      throw corruptField('value', 'literal')
  }
}

function textLiteral(text: string, type: Type | undefined): Literal {
  if (type?.kind !== 'binary' && type?.kind !== 'fixed') return { kind: 'string', text }
  const bytes = hexDecode(text)
  if (bytes === undefined) throw corruptField('value', 'hexadecimal text')
  return { kind: 'binary', bytes }
}

/** A whole number for a column of times: days, or microseconds also where the column has nanoseconds. */
function temporalLiteral(json: number | bigint, type: Type | undefined): Literal | undefined {
  if (typeof json === 'number' && !Number.isInteger(json)) return undefined
  switch (type?.kind) {
    case 'date':
      return { kind: 'typed', type, value: Number(json) }
    case 'time':
    case 'timestamp':
    case 'timestamptz':
      return { kind: 'typed', type, value: BigInt(json) }
    case 'timestamp_ns':
      return { kind: 'typed', type: { kind: 'timestamp' }, value: BigInt(json) }
    case 'timestamptz_ns':
      return { kind: 'typed', type: { kind: 'timestamptz' }, value: BigInt(json) }
    default:
      return undefined
  }
}

// ---- out

/** A bound predicate: columns by name, in the schema that it was bound to. */
export function serializeBound(bound: Bound): JsonValue {
  switch (bound.op) {
    case 'true':
    case 'false':
      return bound.op === 'true'
    case 'and':
    case 'or':
      return { type: bound.op, left: serializeBound(bound.left), right: serializeBound(bound.right) }
    default:
      return serializeLeaf(bound)
  }
}

function serializeLeaf(leaf: BoundLeaf): JsonObject {
  const term = leaf.path.join('.')
  switch (leaf.op) {
    case 'is-null':
    case 'not-null':
    case 'is-nan':
    case 'not-nan':
      return { type: leaf.op, term }
    case 'in':
    case 'not-in':
      return { type: leaf.op, term, values: leaf.values.map(value => literalToJson(leaf.type, value)) }
    case 'starts-with':
    case 'not-starts-with':
    case 'eq':
    case 'not-eq':
    case 'lt':
    case 'lt-eq':
    case 'gt':
    case 'gt-eq':
      return { type: leaf.op, term, value: literalToJson(leaf.type, leaf.value) }
    default:
      return unreachable(leaf)
  }
}

/** Hex is written in capitals, as the specification has it. */
function literalToJson(type: PrimitiveType, value: Value): JsonValue {
  const json = valueToJson(type, value)
  const isHex = type.kind === 'binary' || type.kind === 'fixed'
  return isHex && typeof json === 'string' ? json.toUpperCase() : json
}
