/**
 * Expressions beside Spark's answers. `spark-answers.json` holds, for each expression, the type and the text that
 * Spark 4.1.4 gave for the row below in ANSI mode with the session in UTC (`select (e)`, then `cast(e as string)`),
 * or null where it refused the expression or failed on the row.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { isLakeError } from '../../src/base/errors.js'
import { columnValues } from '../../src/batch/values.js'
import { batchOf } from '../../src/batch/vector-builder.js'
import { bindScalar } from '../../src/expression/scalar/bind.js'
import { castValue } from '../../src/expression/scalar/cast-value.js'
import { evaluateScalar } from '../../src/expression/scalar/evaluate.js'
import { printType } from '../../src/schema/type-text.js'
import type { Field, Type } from '../../src/schema/types.js'
import { parseScalar } from '../../src/sql/scalar.js'

type Answer = readonly [type: string, text: string | null] | null

const ANSWERS = JSON.parse(readFileSync(join(import.meta.dirname, 'spark-answers.json'), 'utf8')) as Readonly<
  Record<string, Answer>
>

const FIELDS: readonly Field[] = (
  [
    ['i', { kind: 'int' }],
    ['l', { kind: 'long' }],
    ['f', { kind: 'float' }],
    ['x', { kind: 'double' }],
    ['d', { kind: 'decimal', precision: 9, scale: 2 }],
    ['w', { kind: 'decimal', precision: 38, scale: 10 }],
    ['s', { kind: 'string' }],
    ['o', { kind: 'boolean' }],
    ['day', { kind: 'date' }],
    ['ts', { kind: 'timestamp' }],
    ['tz', { kind: 'timestamptz' }],
  ] as const
).map(([name, type], index) => ({ id: index + 1, name, required: false, type }))

/** 5, 7, 1.5, 2.25, 12.34, 123456789.0123456789, 'abc', true, 2024-03-15, and 10:20:30.5 of that day twice. */
const MOMENT = 1_710_498_030_500_000n
const BATCH = batchOf(FIELDS, [
  [5, 7n, 1.5, 2.25, 1234n, 1_234_567_890_123_456_789n, 'abc', true, 19_797, MOMENT, MOMENT],
])

const SPARK_NAMES: ReadonlyMap<string, string> = new Map([
  ['long', 'bigint'],
  ['timestamp', 'timestamp_ntz'],
  ['timestamptz', 'timestamp'],
  ['unknown', 'void'],
])

function sparkType(type: Type): string {
  const text = printType(type)
  return SPARK_NAMES.get(text) ?? text.replace(', ', ',')
}

function answerTo(expression: string): Answer {
  try {
    const bound = bindScalar(parseScalar(expression), { fields: FIELDS })
    const [value = null] = columnValues(evaluateScalar(bound, BATCH), bound.type)
    const text = value === null ? null : castValue(value, bound.type, { kind: 'string' })
    return [sparkType(bound.type), text === null ? null : String(text)]
  } catch (error) {
    if (isLakeError(error, 'invalid-argument')) return null
    throw error
  }
}

describe('expressions', () => {
  it('have the types and values that Spark gives them, and fail where Spark fails', () => {
    expect(Object.fromEntries(Object.keys(ANSWERS).map(each => [each, answerTo(each)]))).toEqual(ANSWERS)
  })
})
