/** Names of tables and namespaces. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  checkDotless,
  parseIdentifier,
  parseNamespace,
  printIdentifier,
  printNamespace,
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

  it('has backquotes around a level with dots, and is the same when it is read again', () => {
    expect(parseIdentifier('`new.db`.`a.``b`')).toEqual({ namespace: ['new.db'], name: 'a.`b' })
    expect(printIdentifier({ namespace: ['new.db'], name: 'a.`b' })).toBe('`new.db`.`a.``b`')
    expect(parseNamespace('`a.b`.c')).toEqual(['a.b', 'c'])
    // Without a dot inside, backquotes belong to the name.
    expect(parseIdentifier('`a`.b`')).toEqual({ namespace: ['`a`'], name: 'b`' })
    const level = fc.string({ unit: fc.constantFrom('a', '.', ' ', '%'), minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(fc.array(level, { minLength: 1, maxLength: 3 }), level, (namespace, name) => {
        expect(parseIdentifier(printIdentifier({ namespace, name }))).toEqual({ namespace, name })
        expect(parseNamespace(printNamespace(namespace))).toEqual(namespace)
      }),
    )
  })

  it('has no dots or control characters where levels are joined by dots', () => {
    expect(() => checkDotless(['a b', "it's", 'a/b'])).not.toThrow()
    for (const level of ['a.b', '', 'a\nb', 'a\u001fb', '\u007f'])
      expect(() => checkDotless([level])).toThrowError(expect.objectContaining({ kind: 'invalid-argument' }))
    expect(() => checkDotless([])).toThrowError(expect.objectContaining({ kind: 'invalid-argument' }))
  })
})
