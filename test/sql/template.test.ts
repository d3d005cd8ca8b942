import { describe, expect, it } from 'vitest'
import { isLakeError } from '../../src/base/errors.js'
import { and, eq, isIn, isNull, lt, not, or, startsWith } from '../../src/expression/expression.js'
import { parsePredicate } from '../../src/sql/predicate.js'
import { type SqlValue, sql } from '../../src/sql/template.js'

describe('sql template', () => {
  it('binds values as literals, whatever they hold', () => {
    const nasty = "eu' or 1 = 1 -- ?"
    expect(parsePredicate(sql`region = ${nasty} and id < ${2n ** 60n}`)).toEqual(
      and(eq('region', nasty), lt('id', 2n ** 60n)),
    )
    expect(parsePredicate(sql`${5} > a`)).toEqual(lt('a', 5))
    expect(parsePredicate(sql`a like ${'x%'}`)).toEqual(startsWith('a', 'x'))
    expect(parsePredicate(sql`ts < ${new Date(1)}`)).toEqual(lt('ts', new Date(1)))
  })

  it('takes lists for `in`', () => {
    expect(parsePredicate(sql`a in ${[1, 2]}`)).toEqual(isIn('a', [1, 2]))
    expect(parsePredicate(sql`a in (${[1, 2]}, ${3}, 4)`)).toEqual(isIn('a', [1, 2, 3, 4]))
    expect(parsePredicate(sql`a in ${[]}`)).toEqual(isIn('a', []))
  })

  it('takes predicates and booleans as conditions', () => {
    const recent = sql`ts > ${5}`
    expect(parsePredicate(sql`a = 1 and not (${recent})`)).toEqual(
      and(eq('a', 1), not(parsePredicate(recent))),
    )
    expect(parsePredicate(sql`${isNull('a')} or ${true}`)).toEqual(or(isNull('a'), { op: 'true' }))
  })

  it('refuses a value where it can mean nothing', () => {
    const failureOf = (run: () => unknown): unknown => {
      try {
        run()
      } catch (error) {
        return isLakeError(error) ? [error.kind, error.context.position ?? error.context.valueIndex] : error
      }
      return undefined
    }
    expect(failureOf(() => sql`a = ${1} and b = ${null as unknown as SqlValue}`)).toEqual([
      'invalid-argument',
      1,
    ])
    expect(failureOf(() => sql`a = ${undefined as unknown as SqlValue}`)).toEqual(['invalid-argument', 0])
    expect(failureOf(() => parsePredicate(sql`a = ${[1]}`))).toEqual(['invalid-argument', 4])
    expect(failureOf(() => parsePredicate(sql`a = ${1} and ${'x'}`))).toEqual(['invalid-argument', 10])
    expect(failureOf(() => parsePredicate(sql`${'a'} is null`))).toEqual(['invalid-argument', 0])
    expect(failureOf(() => parsePredicate(sql`a = ${1} and b = ?`))).toEqual(['invalid-argument', 14])
  })
})
