import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hexDecode } from '../../src/base/bytes.js'
import { parseJson, stringifyJson } from '../../src/base/json.js'
import { parseType } from '../../src/schema/type-text.js'
import type { Type, Value } from '../../src/schema/types.js'
import { equalValues } from '../../src/schema/value.js'
import { displayValue, valueFromJson, valueToJson } from '../../src/schema/value-json.js'
import { anyFields, anyValue } from './arbitrary.js'

const STRUCT: Type = {
  kind: 'struct',
  fields: [
    { id: 1, name: 'a', required: false, type: { kind: 'int' } },
    { id: 2, name: 'b', required: false, type: { kind: 'string' } },
  ],
}
const MAP: Type = {
  kind: 'map',
  keyId: 4,
  key: { kind: 'string' },
  valueId: 5,
  valueRequired: false,
  value: { kind: 'int' },
}

describe('the JSON single-value form', () => {
  it('is that of Appendix D', () => {
    const forms: [Type, Value, string][] = [
      [{ kind: 'boolean' }, true, 'true'],
      [{ kind: 'int' }, 34, '34'],
      [{ kind: 'long' }, 9007199254740993n, '9007199254740993'],
      [{ kind: 'double' }, 1.5, '1.5'],
      // Java takes a number without a point or an exponent for an integer, and refuses it.
      [{ kind: 'double' }, 1, '1.0'],
      [{ kind: 'double' }, -0, '-0.0'],
      [{ kind: 'double' }, 1e21, '1e+21'],
      [{ kind: 'float' }, -3, '-3.0'],
      [parseType('decimal(9, 2)'), 1420n, '"14.20"'],
      [parseType('decimal(9, 2)'), -5n, '"-0.05"'],
      [{ kind: 'date' }, 17486, '"2017-11-16"'],
      [{ kind: 'time' }, 81068123456n, '"22:31:08.123456"'],
      [{ kind: 'timestamp' }, 1510871468123456n, '"2017-11-16T22:31:08.123456"'],
      [{ kind: 'timestamptz' }, 1510871468123456n, '"2017-11-16T22:31:08.123456+00:00"'],
      [{ kind: 'timestamp_ns' }, 1510871468123456789n, '"2017-11-16T22:31:08.123456789"'],
      [{ kind: 'timestamptz_ns' }, 1510871468123456789n, '"2017-11-16T22:31:08.123456789+00:00"'],
      [{ kind: 'string' }, 'iceberg', '"iceberg"'],
      [
        { kind: 'uuid' },
        hexDecode('f79c3e09677c4bbda4793f349cb785e7')!,
        '"f79c3e09-677c-4bbd-a479-3f349cb785e7"',
      ],
      [parseType('fixed[4]'), Uint8Array.of(0, 1, 2, 255), '"000102ff"'],
      [{ kind: 'binary' }, Uint8Array.of(0, 1, 2, 255), '"000102ff"'],
      [STRUCT, [1, 'bar'], '{"1":1,"2":"bar"}'],
      [{ kind: 'list', elementId: 3, elementRequired: true, element: { kind: 'int' } }, [1, 2, 3], '[1,2,3]'],
      [
        MAP,
        [
          ['a', 1],
          ['b', null],
        ],
        '{"keys":["a","b"],"values":[1,null]}',
      ],
    ]
    for (const [type, value, json] of forms) {
      expect(stringifyJson(valueToJson(type, value))).toBe(json)
      expect(valueFromJson(type, parseJson(json))).toEqual(value)
    }
  })

  it('reads back what it wrote, through JSON text', () => {
    fc.assert(
      fc.property(
        anyFields().chain(fields => {
          const type: Type = { kind: 'struct', fields }
          return anyValue(type).map(value => ({ type, value: noNegativeZero(value) }))
        }),
        ({ type, value }) => {
          const read = valueFromJson(type, parseJson(stringifyJson(valueToJson(type, value))))
          return equalValues(type, read, value)
        },
      ),
    )
  })

  it('reads upper-case hex and timestamps of any offset', () => {
    expect(valueFromJson({ kind: 'binary' }, 'FF0a')).toEqual(Uint8Array.of(255, 10))
    expect(valueFromJson({ kind: 'timestamptz' }, '2017-11-16T14:31:08-08:00')).toBe(1510871468000000n)
    expect(valueFromJson({ kind: 'double' }, 3)).toBe(3)
  })

  it('refuses what is no value of the type', () => {
    const wrong: [Type, string][] = [
      [{ kind: 'int' }, '2147483648'],
      [{ kind: 'int' }, '1.5'],
      [{ kind: 'long' }, '9223372036854775808'],
      [{ kind: 'long' }, '"1"'],
      [{ kind: 'double' }, '"x"'],
      [parseType('decimal(9, 2)'), '"1.234"'],
      [parseType('decimal(3, 2)'), '"10.00"'],
      [{ kind: 'timestamp' }, '"2017-11-16T22:31:08+00:00"'],
      [{ kind: 'timestamptz' }, '"2017-11-16T22:31:08"'],
      [{ kind: 'date' }, '"2017-02-29"'],
      [parseType('fixed[2]'), '"00"'],
      [{ kind: 'uuid' }, '"f79c3e09"'],
      [MAP, '{"keys":["a"],"values":[]}'],
      [STRUCT, '[]'],
    ]
    for (const [type, json] of wrong) {
      expect(() => valueFromJson(type, parseJson(json))).toThrow(expect.objectContaining({ kind: 'corrupt' }))
    }
  })

  it('does not exist for variant and geographic types', () => {
    for (const kind of ['variant', 'geometry', 'geography'] as const) {
      expect(() => valueToJson({ kind }, Uint8Array.of(1))).toThrow(
        expect.objectContaining({ kind: 'unsupported' }),
      )
      expect(valueToJson({ kind }, null)).toBeNull()
      expect(displayValue({ kind }, Uint8Array.of(1, 255))).toBe('01ff')
    }
  })
})

describe('the form for people', () => {
  it('names the fields of structs and spells out NaN and infinities', () => {
    expect(displayValue(STRUCT, [1, null])).toEqual({ a: 1, b: null })
    expect(displayValue(MAP, [['k', 1]])).toEqual({ keys: ['k'], values: [1] })
    const special = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    expect(special.map(value => displayValue({ kind: 'float' }, value))).toEqual([
      'NaN',
      'Infinity',
      '-Infinity',
    ])
  })

  it('keeps a long exact', () => {
    expect(stringifyJson(displayValue({ kind: 'long' }, -(2n ** 63n)))).toBe('-9223372036854775808')
  })

  it('keeps a field named __proto__', () => {
    const type: Type = {
      kind: 'struct',
      fields: [{ id: 1, name: '__proto__', required: false, type: { kind: 'int' } }],
    }
    expect(Object.entries(displayValue(type, [1]) ?? {})).toEqual([['__proto__', 1]])
  })
})

/** JSON has one zero. */
function noNegativeZero(value: Value): Value {
  if (Object.is(value, -0)) return 0
  return Array.isArray(value) ? value.map(noNegativeZero) : value
}
