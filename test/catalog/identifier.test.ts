/** Names of tables and namespaces. */
import { describe, expect, it } from 'vitest'
import {
  checkDotless,
  parseIdentifier,
  parseNamespace,
  printIdentifier,
} from '../../src/catalog/identifier.js'

describe('the name of a table', () => {
  it('is its namespace, a dot and its name', () => {
    expect(parseIdentifier('shop.orders')).toEqual({ namespace: ['shop'], name: 'orders' })
    expect(parseIdentifier('a.b.größe 😀')).toEqual({ namespace: ['a', 'b'], name: 'größe 😀' })
    expect(printIdentifier(parseIdentifier('a.b.c'))).toBe('a.b.c')
    expect(parseNamespace('a.b')).toEqual(['a', 'b'])
  })

  it.each(['', 'orders', '.orders', 'shop.', 'a..b', '.'])('is not %o', text => {
    expect(() => parseIdentifier(text)).toThrowError(expect.objectContaining({ kind: 'invalid-argument' }))
  })

  it('has no dots or control characters where levels are joined by dots', () => {
    expect(() => checkDotless(['a b', "it's", 'a/b'])).not.toThrow()
    for (const level of ['a.b', '', 'a\nb', 'a\u001fb', '\u007f'])
      expect(() => checkDotless([level])).toThrowError(expect.objectContaining({ kind: 'invalid-argument' }))
    expect(() => checkDotless([])).toThrowError(expect.objectContaining({ kind: 'invalid-argument' }))
  })
})
