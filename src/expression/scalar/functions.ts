/**
 * The functions of SQL by name: how many arguments each takes, what they are cast to, and the type of the result.
 *
 *   numbers   abs ceil ceiling floor greatest least round(x [, digits])
 *   text      || concat lower upper trim ltrim rtrim length char_length substring substr replace
 *             starts_with ends_with contains
 *   times     year month day dayofmonth hour minute second date_add date_sub datediff
 *   choice    coalesce ifnull nvl nullif if
 */
import { LakeError } from '../../base/errors.js'
import type { Type } from '../../schema/types.js'
import { numberScalar } from './arithmetic-types.js'
import type { BoundScalar, ScalarFunction } from './bound.js'
import { castScalar, castToCommon, typeError } from './cast-scalar.js'
import { checkComparable, compareScalars } from './comparison.js'
import { boundedDecimal, isFloating, isTimestamp } from './types.js'

interface FunctionRule {
  readonly argsMin: number
  readonly argsMax: number
  readonly bind: (args: readonly BoundScalar[], text: string) => BoundScalar
}

const STRING: Type = { kind: 'string' }
const INT: Type = { kind: 'int' }
const LONG: Type = { kind: 'long' }
const BOOLEAN: Type = { kind: 'boolean' }
const DATE: Type = { kind: 'date' }
const ANY = Number.POSITIVE_INFINITY

/**
 * A call by the name of its function.
 * @throws invalid-argument for an unknown function, a wrong number of arguments, or types that it does not take
 */
export function bindCall(name: string, args: readonly BoundScalar[], text: string): BoundScalar {
  const rule = RULES.get(name)
  if (rule === undefined) {
    throw new LakeError('invalid-argument', 'the function is not known', {
      context: { function: name, functions: [...RULES.keys()].sort() },
    })
  }
  if (args.length < rule.argsMin || args.length > rule.argsMax) {
    throw new LakeError('invalid-argument', 'the function takes another number of arguments', {
      context: { expression: text, given: args.length, min: rule.argsMin, max: String(rule.argsMax) },
    })
  }
  return rule.bind(args, text)
}

function strict(name: ScalarFunction, args: readonly BoundScalar[], type: Type, text: string): BoundScalar {
  return { kind: 'call', name, args, type, text, required: args.every(arg => arg.required) }
}

/** A function whose arguments are cast to fixed types, the last of which stands for all further ones. */
function fixed(
  name: ScalarFunction,
  options: { readonly takes: readonly [Type, ...Type[]]; readonly gives: Type; readonly optional?: number },
): FunctionRule {
  const { takes, gives, optional = 0 } = options
  return {
    argsMin: takes.length - optional,
    argsMax: takes.length,
    bind: (args, text) =>
      strict(
        name,
        args.map((arg, at) => castScalar(arg, takes[at] ?? takes[0], text)),
        gives,
        text,
      ),
  }
}

function onText(name: ScalarFunction): FunctionRule {
  return fixed(name, { takes: [STRING], gives: STRING })
}

function textTest(name: ScalarFunction): FunctionRule {
  return fixed(name, { takes: [STRING, STRING], gives: BOOLEAN })
}

const COALESCE: FunctionRule = { argsMin: 1, argsMax: ANY, bind: bindCoalesce }
const CEIL: FunctionRule = { argsMin: 1, argsMax: 1, bind: (args, text) => bindFloor('ceil', args, text) }
const LENGTH: FunctionRule = { argsMin: 1, argsMax: 1, bind: bindLength }
const SUBSTRING: FunctionRule = fixed('substring', { takes: [STRING, INT, INT], gives: STRING, optional: 1 })
const DAY: FunctionRule = datePart('day')
const STARTS_WITH: FunctionRule = textTest('starts-with')
const ENDS_WITH: FunctionRule = textTest('ends-with')
const DATE_DIFF: FunctionRule = fixed('date-diff', { takes: [DATE, DATE], gives: INT })

const RULES: ReadonlyMap<string, FunctionRule> = new Map<string, FunctionRule>([
  ['coalesce', COALESCE],
  ['ifnull', { ...COALESCE, argsMin: 2, argsMax: 2 }],
  ['nvl', { ...COALESCE, argsMin: 2, argsMax: 2 }],
  ['nullif', { argsMin: 2, argsMax: 2, bind: bindNullIf }],
  ['if', { argsMin: 3, argsMax: 3, bind: bindIf }],
  ['greatest', { argsMin: 2, argsMax: ANY, bind: (args, text) => bindExtreme('greatest', args, text) }],
  ['least', { argsMin: 2, argsMax: ANY, bind: (args, text) => bindExtreme('least', args, text) }],
  ['abs', { argsMin: 1, argsMax: 1, bind: bindAbs }],
  ['round', { argsMin: 1, argsMax: 2, bind: bindRound }],
  ['floor', { argsMin: 1, argsMax: 1, bind: (args, text) => bindFloor('floor', args, text) }],
  ['ceil', CEIL],
  ['ceiling', CEIL],
  ['concat', { argsMin: 1, argsMax: ANY, bind: bindConcat }],
  ['lower', onText('lower')],
  ['upper', onText('upper')],
  ['trim', onText('trim')],
  ['ltrim', onText('ltrim')],
  ['rtrim', onText('rtrim')],
  ['length', LENGTH],
  ['char_length', LENGTH],
  ['substring', SUBSTRING],
  ['substr', SUBSTRING],
  ['replace', fixed('replace', { takes: [STRING, STRING, STRING], gives: STRING, optional: 1 })],
  ['starts_with', STARTS_WITH],
  ['startswith', STARTS_WITH],
  ['ends_with', ENDS_WITH],
  ['endswith', ENDS_WITH],
  ['contains', textTest('contains')],
  ['year', datePart('year')],
  ['month', datePart('month')],
  ['day', DAY],
  ['dayofmonth', DAY],
  ['hour', clockPart('hour')],
  ['minute', clockPart('minute')],
  ['second', clockPart('second')],
  ['date_add', fixed('date-add', { takes: [DATE, INT], gives: DATE })],
  ['date_sub', fixed('date-sub', { takes: [DATE, INT], gives: DATE })],
  ['datediff', DATE_DIFF],
  ['date_diff', DATE_DIFF],
])

// Choice

function bindCoalesce(args: readonly BoundScalar[], text: string): BoundScalar {
  const cast = castToCommon(args, text)
  const type = cast[0]?.type ?? { kind: 'unknown' }
  return { kind: 'coalesce', args: cast, type, required: cast.some(arg => arg.required) }
}

function bindNullIf(args: readonly BoundScalar[], text: string): BoundScalar {
  const [value, other] = args as readonly [BoundScalar, BoundScalar]
  const when = compareScalars('eq', [value, other], text)
  const nothing: BoundScalar = { kind: 'literal', type: value.type, value: null, required: false }
  return {
    kind: 'case',
    branches: [{ when, result: nothing }],
    otherwise: value,
    type: value.type,
    required: false,
  }
}

function bindIf(args: readonly BoundScalar[], text: string): BoundScalar {
  const [condition, ...values] = args as readonly [BoundScalar, BoundScalar, BoundScalar]
  const when = castScalar(condition, BOOLEAN, text)
  const [result, otherwise] = castToCommon(values, text) as [BoundScalar, BoundScalar]
  const required = result.required && otherwise.required
  return { kind: 'case', branches: [{ when, result }], otherwise, type: result.type, required }
}

function bindExtreme(kind: 'greatest' | 'least', args: readonly BoundScalar[], text: string): BoundScalar {
  const cast = castToCommon(args, text)
  const type = cast[0]?.type ?? { kind: 'unknown' }
  checkComparable(type, text)
  return { kind, args: cast, type, required: cast.some(arg => arg.required) }
}

// Numbers

function bindAbs(args: readonly BoundScalar[], text: string): BoundScalar {
  const [number] = args.map(arg => numberScalar(arg, text)) as [BoundScalar]
  return strict('abs', [number], number.type, text)
}

/** The digits are a literal: they say how many the result has. */
function bindRound([value, digits]: readonly BoundScalar[], text: string): BoundScalar {
  const number = numberScalar(value as BoundScalar, text)
  const kept = digits === undefined ? INT_ZERO : castScalar(digits, INT, text)
  if (kept.kind !== 'literal' || typeof kept.value !== 'number') {
    throw typeError('the digits to round to are a number that is written out', text, [kept.type])
  }
  return strict('round', [number, kept], roundedType(number.type, kept.value), text)
}

const INT_ZERO: BoundScalar = { kind: 'literal', type: INT, value: 0, required: true }

function roundedType(type: Type, digits: number): Type {
  if (type.kind !== 'decimal') return type
  const whole = type.precision - type.scale + 1
  if (digits < 0) return boundedDecimal(Math.max(whole, -digits + 1), 0)
  const scale = Math.min(type.scale, digits)
  return boundedDecimal(whole + scale, scale)
}

function bindFloor(name: 'floor' | 'ceil', args: readonly BoundScalar[], text: string): BoundScalar {
  const [number] = args.map(arg => numberScalar(arg, text)) as [BoundScalar]
  const { type } = number
  if (type.kind === 'decimal') {
    if (type.scale === 0) return number
    return strict(name, [number], boundedDecimal(type.precision - type.scale + 1, 0), text)
  }
  return isFloating(type) ? strict(name, [number], LONG, text) : castScalar(number, LONG, text)
}

// Text

function bindConcat(args: readonly BoundScalar[], text: string): BoundScalar {
  const bytes = args.every(arg => arg.type.kind === 'binary' || arg.type.kind === 'fixed')
  const type: Type = bytes ? { kind: 'binary' } : STRING
  return strict(
    'concat',
    args.map(arg => castScalar(arg, type, text)),
    type,
    text,
  )
}

function bindLength(args: readonly BoundScalar[], text: string): BoundScalar {
  const [value] = args as readonly [BoundScalar]
  const bytes = value.type.kind === 'binary' || value.type.kind === 'fixed'
  return strict('length', [castScalar(value, bytes ? { kind: 'binary' } : STRING, text)], INT, text)
}

// Times

function datePart(name: ScalarFunction): FunctionRule {
  return {
    argsMin: 1,
    argsMax: 1,
    bind: (args, text) => {
      const [value] = args as readonly [BoundScalar]
      return strict(name, [isTimestamp(value.type) ? value : castScalar(value, DATE, text)], INT, text)
    },
  }
}

function clockPart(name: ScalarFunction): FunctionRule {
  return {
    argsMin: 1,
    argsMax: 1,
    bind: (args, text) => {
      const [value] = args as readonly [BoundScalar]
      const direct = isTimestamp(value.type) || value.type.kind === 'time'
      return strict(name, [direct ? value : castScalar(value, { kind: 'timestamptz' }, text)], INT, text)
    },
  }
}
