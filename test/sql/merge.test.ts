import { describe, expect, it } from 'vitest'
import { isLakeError } from '../../src/base/errors.js'
import { printScalar } from '../../src/expression/scalar/print.js'
import { parseMergeClauses } from '../../src/sql/merge.js'
import { sql } from '../../src/sql/template.js'

/** Where a text is refused, and what was expected there. */
function refusal(parse: () => unknown): string {
  try {
    parse()
  } catch (error) {
    if (!isLakeError(error)) throw error
    const { position, expected } = error.context
    return `${position}: ${expected ?? error.message}`
  }
  throw new Error('parsed')
}

describe('parseMergeClauses', () => {
  it('reads each kind of clause', () => {
    const clauses = parseMergeClauses([
      "when matched and s.op = 'D' then delete",
      'WHEN MATCHED AND s.v > t.v THEN UPDATE SET v = s.v, n = t.n + 1',
      'when matched then update set *',
      "when not matched and s.op <> 'D' then insert (id, v) values (s.id, upper(s.v))",
      'when not matched by target then insert *',
      'when not matched by source and t.old then delete',
      'when not matched by source then update set gone = true',
    ])
    expect(
      clauses.map(({ when, condition, action }) => [when, condition && printScalar(condition), action.kind]),
    ).toEqual([
      ['matched', "s.op = 'D'", 'delete'],
      ['matched', 's.v > t.v', 'update'],
      ['matched', undefined, 'update'],
      ['not-matched', "s.op <> 'D'", 'insert'],
      ['not-matched', undefined, 'insert'],
      ['not-matched-by-source', 't.old', 'delete'],
      ['not-matched-by-source', undefined, 'update'],
    ])
    expect(clauses[2]?.action).toEqual({ kind: 'update', set: 'all' })
    expect(clauses[4]?.action).toEqual({ kind: 'insert', values: 'all' })
    expect(clauses[3]?.action).toMatchObject({
      values: [{ column: 'id' }, { column: 'v', value: { kind: 'call' } }],
    })
    expect(clauses[1]?.action).toMatchObject({ set: [{ column: 'v' }, { column: 'n' }] })
  })

  it('reads several clauses of one text', () => {
    const text = 'when matched then update set a = s.a when not matched then insert *'
    expect(parseMergeClauses(text).map(({ when }) => when)).toEqual(['matched', 'not-matched'])
  })

  it('takes values of templates, and clauses as data', () => {
    const name = "it's"
    const [given, data] = parseMergeClauses([
      sql`when matched and s.name = ${name} then update set n = ${1}`,
      { when: 'not-matched', action: { kind: 'insert', values: 'all' } },
    ])
    expect(given?.condition && printScalar(given.condition)).toBe("s.name = 'it''s'")
    expect(given?.action).toMatchObject({ set: [{ column: 'n', value: { kind: 'literal' } }] })
    expect(data).toEqual({ when: 'not-matched', action: { kind: 'insert', values: 'all' } })
  })

  it('refuses what no merge does', () => {
    const refused = (...texts: readonly string[]): string => refusal(() => parseMergeClauses(texts))
    expect(refused('when matched then insert *')).toBe('18: update, delete')
    expect(refused('when not matched then delete')).toBe('22: insert')
    expect(refused('when not matched by source then update set *')).toBe('43: a name')
    expect(refused('when not matched by others then delete')).toBe('20: target, source')
    expect(refused('when not matched then insert (a, b) values (1)')).toBe(
      '36: there is not one value for each column',
    )
    expect(refused('when not matched then insert values (1)')).toBe('29: "("')
    expect(refused('when matched then delete;')).toBe('24: the end of the text')
    expect(refused()).toContain('a merge needs a clause')
    expect(refused('when matched then delete', 'when matched and a then update set *')).toContain(
      'stands behind one',
    )
  })
})
