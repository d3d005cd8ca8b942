/** Grants: which one counts, what it reaches, and how they are written down. */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  grantOn,
  type Principal,
  requireManage,
  requireTable,
  seesNamespace,
} from '../../src/server/grants.js'
import { parsePrincipals } from '../../src/server/principals-json.js'
import { createTokens } from '../../src/server/tokens.js'
import { kindOf } from '../support/errors.js'

const principal: Principal = {
  name: 'ann',
  grants: [
    { namespace: ['shop'], table: 'payroll', access: 'read', columns: ['month'] },
    { namespace: ['shop', 'eu'], access: 'write' },
    { namespace: ['shop'], access: 'read' },
  ],
}
const table = (name: string, ...namespace: readonly string[]) => ({ namespace, name })

describe('a grant', () => {
  it('counts when it is the first that names the table', () => {
    expect(grantOn(principal, table('payroll', 'shop'))?.columns).toEqual(['month'])
    expect(grantOn(principal, table('orders', 'shop'))).toMatchObject({ access: 'read' })
    expect(grantOn(principal, table('payroll', 'shop', 'eu'))).toMatchObject({ access: 'write' })
    expect(grantOn(principal, table('x', 'shop', 'eu', 'north'))).toMatchObject({ access: 'write' })
    expect(grantOn(principal, table('x', 'shopping'))).toBeUndefined()
  })

  it('reaches as far as it says; what none names is not there', () => {
    const asked = (access: 'read' | 'write' | 'manage', ...name: readonly [string, ...string[]]) =>
      kindOf(() => requireTable(principal, table(...name), access))
    expect(asked('read', 'orders', 'shop')).toBeUndefined()
    expect(asked('write', 'orders', 'shop')).toBe('denied')
    expect(asked('write', 'x', 'shop', 'eu')).toBeUndefined()
    expect(asked('manage', 'x', 'shop', 'eu')).toBe('denied')
    expect(asked('read', 'x', 'hr')).toBe('not-found')
  })

  it('shows the namespaces on the way to it', () => {
    const narrow: Principal = { name: 'bob', grants: [{ namespace: ['a', 'b'], table: 't', access: 'read' }] }
    expect(
      [['a'], ['a', 'b'], ['a', 'c'], ['b'], ['a', 'b', 'c']].map(ns => seesNamespace(narrow, ns)),
    ).toEqual([true, true, false, false, true])
    expect(kindOf(() => requireManage(narrow, ['a', 'b']))).toBe('denied')
  })
})

describe('the file of principals', () => {
  const file = (principal: object): string =>
    JSON.stringify({ principals: [{ name: 'ann', token: 'a-long-enough-token', grants: [], ...principal }] })

  it('says who has which token, and what for', () => {
    const text = file({
      grants: [
        { namespace: 'shop.eu', table: 'orders', access: 'read', columns: ['id'], where: "region = 'eu'" },
        { namespace: ['new.db'], access: 'manage' },
      ],
    })
    const [ann] = parsePrincipals(text)
    expect(ann?.grants).toMatchObject([
      { namespace: ['shop', 'eu'], table: 'orders', columns: ['id'], where: "region = 'eu'" },
      { namespace: ['new.db'], access: 'manage' },
    ])
    expect(createTokens(parsePrincipals(text)).principalOf('a-long-enough-token')?.name).toBe('ann')
  })

  it('may have the digest of a token in its place', () => {
    const sha256 = createHash('sha256').update('a-long-enough-token').digest('hex')
    const withDigest = (digest: string): string => {
      const { token: _, ...rest } = JSON.parse(file({})).principals[0]
      return JSON.stringify({ principals: [{ ...rest, 'token-sha256': digest }] })
    }
    const tokens = createTokens(parsePrincipals(withDigest(sha256)))
    expect(tokens.principalOf('a-long-enough-token')?.name).toBe('ann')
    expect(tokens.principalOf(sha256)).toBeUndefined()
    expect(kindOf(() => createTokens(parsePrincipals(withDigest('e63e7d93'))))).toBe('invalid-argument')
  })

  it.each([
    ['a misspelt restriction', { grants: [{ access: 'read', colums: ['id'] }] }],
    ['an unknown access', { grants: [{ access: 'admin' }] }],
    ['a grant that filters what it lets write', { grants: [{ access: 'write', where: 'true' }] }],
    ['a table without its namespace', { grants: [{ table: 't', access: 'read' }] }],
    ['no grants', { grants: undefined }],
    ['an empty level', { grants: [{ namespace: 'a..b', access: 'read' }] }],
  ])('is refused with %s', (_, principal) => {
    expect(kindOf(() => parsePrincipals(file(principal)))).toBe('invalid-argument')
  })

  it('is refused when it is none', () => {
    for (const text of ['', '[]', '{"principals": {}}', '{"principals": [], "more": 1}', 'null'])
      expect(kindOf(() => parsePrincipals(text))).toBe('invalid-argument')
  })

  it('has tokens that cannot be guessed', () => {
    expect(kindOf(() => createTokens(parsePrincipals(file({ token: 'short' }))))).toBe('invalid-argument')
  })
})
