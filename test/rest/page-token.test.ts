/** Pages of lists. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Page, pageOf } from '../../src/rest/page-token.js'
import { kindOf } from './kind-of.js'

const names = fc.uniqueArray(fc.array(fc.string({ maxLength: 3 }), { minLength: 1, maxLength: 3 }), {
  selector: name => JSON.stringify(name),
  maxLength: 30,
})

function walk(items: () => readonly (readonly string[])[], pageSize: number): readonly (readonly string[])[] {
  const seen: (readonly string[])[] = []
  for (let pageToken: string | undefined = ''; pageToken !== undefined; ) {
    const page: Page<readonly string[]> = pageOf(items(), { pageToken, pageSize }, name => name)
    expect(page.items.length).toBeLessThanOrEqual(pageSize)
    seen.push(...page.items)
    pageToken = page.nextPageToken
  }
  return seen
}

describe('pages', () => {
  it('together hold every item once', () => {
    fc.assert(
      fc.property(names, fc.integer({ min: 1, max: 7 }), (items, pageSize) => {
        const seen = walk(() => items, pageSize)
        expect(new Set(seen.map(String)).size).toBe(new Set(items.map(String)).size)
        expect(seen).toHaveLength(items.length)
        expect(new Set(seen)).toEqual(new Set(items))
      }),
    )
  })

  it('lose nothing that stays, while others come and go', () => {
    fc.assert(
      fc.property(names, names, fc.integer({ min: 1, max: 3 }), (staying, others, pageSize) => {
        let turn = 0
        const items = (): readonly (readonly string[])[] => [
          ...staying,
          ...others.filter((_, index) => (index + turn++) % 2 === 0),
        ]
        const seen = new Set(walk(items, pageSize).map(name => JSON.stringify(name)))
        for (const name of staying) expect(seen).toContain(JSON.stringify(name))
      }),
    )
  })

  it('are one where nobody asked for pages', () => {
    expect(pageOf([['b'], ['a']], {}, name => name)).toEqual({ items: [['b'], ['a']] })
  })

  it('are not given for tokens of others, or with no item', () => {
    for (const pageToken of ['%%%', 'bm9uZQ', 'MQ'])
      expect(kindOf(() => pageOf([['a']], { pageToken }, name => name))).toBe('invalid-argument')
    expect(kindOf(() => pageOf([['a']], { pageToken: '', pageSize: 0 }, name => name))).toBe(
      'invalid-argument',
    )
  })
})
