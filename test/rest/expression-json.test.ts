/** Predicates on the wire: what Java and Python write is understood, and what is written means the same. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LakeError } from '../../src/base/errors.js'
import { type JsonValue, parseJson, stringifyJson } from '../../src/base/json.js'
import { type Bound, bind } from '../../src/expression/bind.js'
import * as write from '../../src/expression/expression.js'
import { type Expression, literalOf } from '../../src/expression/expression.js'
import {
  type ExpressionScope,
  parseExpression,
  parseWeakerExpression,
  serializeBound,
} from '../../src/rest/expression-json.js'
import type { Field, PrimitiveType } from '../../src/schema/types.js'

const column = (id: number, name: string, type: PrimitiveType): Field => ({ id, name, required: false, type })
const FIELDS: readonly Field[] = [
  column(1, 'id', { kind: 'long' }),
  column(2, 'name', { kind: 'string' }),
  column(3, 'day', { kind: 'date' }),
  column(4, 'at', { kind: 'timestamptz' }),
  column(5, 'local_ns', { kind: 'timestamp_ns' }),
  column(6, 'clock', { kind: 'time' }),
  column(7, 'price', { kind: 'decimal', precision: 20, scale: 2 }),
  column(8, 'ratio', { kind: 'double' }),
  column(9, 'weight', { kind: 'float' }),
  column(10, 'raw', { kind: 'binary' }),
  column(11, 'hash', { kind: 'fixed', lengthBytes: 2 }),
  column(12, 'uid', { kind: 'uuid' }),
  column(13, 'ok', { kind: 'boolean' }),
  {
    id: 20,
    name: 'place',
    required: false,
    type: { kind: 'struct', fields: [column(21, 'city', { kind: 'string' })] },
  },
]
const SCOPE: ExpressionScope = { schema: { fields: FIELDS } }

function bound(json: JsonValue, scope: ExpressionScope = SCOPE): Bound {
  return bind(parseExpression(json, scope), scope.schema, { caseSensitive: scope.caseSensitive })
}

function same(json: JsonValue, expression: Expression): void {
  expect(bound(json)).toEqual(bind(expression, SCOPE.schema))
}

/** Through text, as on the wire. */
function again(predicate: Bound): Bound {
  return bound(parseJson(stringifyJson(serializeBound(predicate))))
}

function kindOf(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    return error instanceof LakeError ? error.kind : error
  }
}

describe('a predicate that others write', () => {
  it('is understood in the old form and in the new one', () => {
    const wanted = write.and(
      write.gt('id', 5),
      write.or(write.isNull('name'), write.isIn('name', ['a', 'b'])),
    )
    same(
      {
        type: 'and',
        left: { type: 'gt', term: 'id', value: 5 },
        right: {
          type: 'or',
          left: { type: 'is-null', term: { type: 'reference', term: 'name' } },
          right: { type: 'in', term: 'name', values: ['a', { type: 'literal', value: 'b' }] },
        },
      },
      wanted,
    )
    same(
      {
        type: 'and',
        left: {
          type: 'gt',
          left: { type: 'reference', name: 'id' },
          right: { type: 'literal', value: 5, 'data-type': 'long' },
        },
        right: {
          type: 'or',
          left: { type: 'is-null', child: { type: 'reference', id: 2 } },
          right: {
            type: 'in',
            child: { type: 'reference', id: 2 },
            values: { type: 'literals', values: ['a', 'b'], 'data-type': 'string' },
          },
        },
      },
      wanted,
    )
  })

  it.each<[string, JsonValue, Expression]>([
    ['true', true, write.alwaysTrue],
    ['false as an object', { type: 'false' }, write.alwaysFalse],
    ['true as a literal', { type: 'literal', value: true }, write.alwaysTrue],
    ['a negation', { type: 'not', child: { type: 'eq', term: 'id', value: 1 } }, write.notEq('id', 1)],
    ['a prefix', { type: 'starts-with', term: 'name', value: 'x' }, write.startsWith('name', 'x')],
    ['a field of a struct', { type: 'eq', term: 'place.city', value: 'x' }, write.eq('place.city', 'x')],
    [
      'a field of a struct by id',
      { type: 'not-null', child: { type: 'reference', id: 21 } },
      write.notNull('place.city'),
    ],
    [
      'an identity',
      { type: 'eq', term: { type: 'transform', transform: 'identity', term: 'id' }, value: 1 },
      write.eq('id', 1),
    ],
    [
      'a literal on the left',
      { type: 'lt', left: 5, right: { type: 'reference', name: 'id' } },
      write.gt('id', 5),
    ],
    [
      'a large long',
      { type: 'eq', term: 'id', value: 9223372036854775807n },
      write.eq('id', 9223372036854775807n),
    ],
    ['days of a date', { type: 'eq', term: 'day', value: 19782 }, write.eq('day', '2024-02-29')],
    ['text of a date', { type: 'eq', term: 'day', value: '2024-02-29' }, write.eq('day', '2024-02-29')],
    [
      'microseconds',
      { type: 'lt', term: 'at', value: 1709164800000001n },
      write.lt('at', '2024-02-29T00:00:00.000001Z'),
    ],
    [
      'microseconds of a column with nanoseconds',
      { type: 'lt', term: 'local_ns', value: 1709164800000001n },
      write.lt('local_ns', '2024-02-29T00:00:00.000001'),
    ],
    [
      'microseconds of a day',
      { type: 'eq', term: 'clock', value: 3_600_000_000 },
      write.eq('clock', '01:00:00'),
    ],
    ['a decimal', { type: 'gt-eq', term: 'price', value: '12.30' }, write.gtEq('price', '12.3')],
    ['bytes', { type: 'eq', term: 'raw', value: '0aFF' }, write.eq('raw', Uint8Array.of(10, 255))],
    ['NaN', { type: 'eq', term: 'ratio', value: 'NaN' }, write.isNan('ratio')],
  ])('with %s means what it says', (_name, json, expression) => {
    same(json, expression)
  })

  it('finds columns without regard to case when asked', () => {
    const scope = { ...SCOPE, caseSensitive: false }
    const expected = bind(write.eq('day', '2024-02-29'), SCOPE.schema)
    expect(bound({ type: 'eq', term: 'DAY', value: 19782 }, scope)).toEqual(expected)
  })

  it.each<[string, JsonValue | undefined, string]>([
    ['nothing', undefined, 'corrupt'],
    ['null', null, 'corrupt'],
    ['text', 'id > 5', 'corrupt'],
    ['an unknown operation', { type: 'like', term: 'name', value: 'x' }, 'corrupt'],
    ['no value', { type: 'eq', term: 'id' }, 'corrupt'],
    ['null as a value', { type: 'eq', term: 'id', value: null }, 'corrupt'],
    ['no values', { type: 'in', term: 'id' }, 'corrupt'],
    ['one operand', { type: 'and', left: true }, 'corrupt'],
    ['bytes that are no hex', { type: 'eq', term: 'raw', value: 'xyz' }, 'corrupt'],
    ['a field that is not there', { type: 'is-null', child: { type: 'reference', id: 99 } }, 'corrupt'],
    [
      'a transform',
      { type: 'eq', term: { type: 'transform', transform: 'bucket[4]', term: 'id' }, value: 1 },
      'unsupported',
    ],
    [
      'a function',
      { type: 'eq', left: { type: 'apply', function: 'f', arguments: [] }, right: 1 },
      'unsupported',
    ],
    [
      'two columns',
      { type: 'eq', left: { type: 'reference', id: 1 }, right: { type: 'reference', id: 1 } },
      'unsupported',
    ],
  ])('with %s is refused', (_name, json, kind) => {
    expect(kindOf(() => parseExpression(json, SCOPE))).toBe(kind)
  })

  it('may be a long chain, and is refused when it is too deep', () => {
    let chain: JsonValue = { type: 'eq', term: 'id', value: 0 }
    for (let value = 1; value < 20_000; value++)
      chain = { type: 'or', left: chain, right: { type: 'eq', term: 'id', value } }
    expect(bound(chain).op).toBe('or')
    let deep: JsonValue = true
    for (let level = 0; level < 20_000; level++) deep = { type: 'not', child: deep }
    expect(kindOf(() => parseExpression(deep, SCOPE))).toBe('corrupt')
  })

  it('keeps no fewer rows where a part of it is not understood', () => {
    const bucket: JsonValue = {
      type: 'eq',
      term: { type: 'transform', transform: 'bucket[4]', term: 'id' },
      value: 1,
    }
    const named: JsonValue = { type: 'eq', term: 'name', value: 'x' }
    const weaker = (json: JsonValue) => {
      const { expression, isExact } = parseWeakerExpression(json, SCOPE)
      return [bind(expression, SCOPE.schema), isExact]
    }
    const name = bind(write.eq('name', 'x'), SCOPE.schema)
    expect(weaker(named)).toEqual([name, true])
    expect(weaker({ type: 'and', left: bucket, right: named })).toEqual([name, false])
    expect(weaker({ type: 'or', left: bucket, right: named })).toEqual([{ op: 'true' }, false])
    expect(weaker({ type: 'not', child: bucket })).toEqual([{ op: 'true' }, false])
    expect(weaker({ type: 'not', child: { type: 'not', child: bucket } })).toEqual([{ op: 'true' }, false])
    expect(kindOf(() => parseWeakerExpression({ type: 'eq', term: 'id' }, SCOPE))).toBe('corrupt')
  })
})

describe('a predicate of ours', () => {
  it('is written as Java writes it', () => {
    const json = serializeBound(
      bind(
        write.and(write.gt('place.city', 'x'), write.isIn('raw', [Uint8Array.of(255), Uint8Array.of(171)])),
        SCOPE.schema,
      ),
    )
    expect(json).toEqual({
      type: 'and',
      left: { type: 'gt', term: 'place.city', value: 'x' },
      right: { type: 'in', term: 'raw', values: ['AB', 'FF'] },
    })
    const floats = bind(write.gt('ratio', 1), SCOPE.schema)
    expect(stringifyJson(serializeBound(floats))).toBe('{"type":"gt","term":"ratio","value":1.0}')
  })

  const values: readonly (readonly [string, fc.Arbitrary<write.LiteralInput>])[] = [
    ['id', fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })],
    ['name', fc.string()],
    ['day', fc.integer({ min: -800_000, max: 2_000_000 }).map(value => typed({ kind: 'date' }, value))],
    [
      'at',
      fc.bigInt({ min: -(10n ** 16n), max: 10n ** 16n }).map(value => typed({ kind: 'timestamptz' }, value)),
    ],
    [
      'local_ns',
      fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }).map(value => typed({ kind: 'timestamp_ns' }, value)),
    ],
    ['clock', fc.bigInt({ min: 0n, max: 86_399_999_999n }).map(value => typed({ kind: 'time' }, value))],
    [
      'price',
      fc
        .bigInt({ min: -(10n ** 19n), max: 10n ** 19n })
        .map(value => typed({ kind: 'decimal', precision: 20, scale: 2 }, value)),
    ],
    ['ratio', fc.double()],
    ['weight', fc.float()],
    ['raw', fc.uint8Array()],
    ['hash', fc.uint8Array({ minLength: 2, maxLength: 2 })],
    ['uid', fc.uint8Array({ minLength: 16, maxLength: 16 })],
    ['ok', fc.boolean()],
  ]

  function typed(type: PrimitiveType, value: number | bigint): write.Literal {
    return { kind: 'typed', type, value }
  }

  const leaf: fc.Arbitrary<Expression> = fc.oneof(
    fc.constantFrom(
      ...FIELDS.map(field => write.isNull(field.name)),
      write.notNan('ratio'),
      write.isNan('weight'),
    ),
    fc.string({ minLength: 1 }).map(prefix => write.startsWith('name', prefix)),
    fc.string({ minLength: 1 }).map(prefix => write.notStartsWith('place.city', prefix)),
    ...values.map(([name, value]) =>
      fc
        .tuple(fc.constantFrom('eq', 'not-eq', 'lt', 'lt-eq', 'gt', 'gt-eq'), value)
        .map(([op, input]): Expression => ({ op, column: name, literal: literalOf(input) })),
    ),
    ...values.map(([name, value]) => fc.array(value, { maxLength: 4 }).map(all => write.isIn(name, all))),
  )
  const expressions = fc.letrec<{ node: Expression }>(tie => ({
    node: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.tuple(tie('node'), tie('node')).map(([a, b]) => write.and(a, b)),
      fc.tuple(tie('node'), tie('node')).map(([a, b]) => write.or(a, b)),
      tie('node').map(write.not),
    ),
  })).node

  it('comes back as it was', () => {
    fc.assert(
      fc.property(expressions, expression => {
        const predicate = bind(expression, SCOPE.schema)
        expect(shape(again(predicate))).toEqual(shape(predicate))
      }),
    )
  })
})

/** Chains are balanced again when they are read, so their operands are compared as lists. */
function shape(predicate: Bound): unknown {
  if (predicate.op !== 'and' && predicate.op !== 'or') return predicate
  const operands = (node: Bound): readonly Bound[] =>
    node.op === predicate.op && 'left' in node ? [...operands(node.left), ...operands(node.right)] : [node]
  return { op: predicate.op, operands: operands(predicate).map(shape) }
}
