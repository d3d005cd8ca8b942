/** Names in paths and queries come back as they were. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { restPaths } from '../../src/rest/endpoints.js'
import {
  decodeNamespacePath,
  decodePathSegment,
  encodeNamespacePath,
  encodePathSegment,
  namespaceFromQuery,
  namespaceToQuery,
} from '../../src/rest/identifier-json.js'
import { kindOf } from './kind-of.js'

const level = fc
  .string({ unit: 'binary', minLength: 1 })
  .filter(text => !text.includes('\u001f') && text !== '.' && text !== '..')
const namespace = fc.array(level, { minLength: 1, maxLength: 4 })

describe('names', () => {
  it('come back from a path, whatever they are made of', () => {
    fc.assert(
      fc.property(namespace, levels => {
        expect(decodeNamespacePath(encodeNamespacePath(levels))).toEqual(levels)
        const url = new URL(`http://h${restPaths({ prefix: 'p' }).namespace(levels)}`)
        expect(decodeNamespacePath(url.pathname.slice('/v1/p/namespaces/'.length))).toEqual(levels)
      }),
    )
  })

  it('come back from a query', () => {
    fc.assert(
      fc.property(namespace, levels => {
        const query = new URLSearchParams({ parent: namespaceToQuery(levels) }).toString()
        expect(namespaceFromQuery(new URLSearchParams(query).get('parent') ?? '')).toEqual(levels)
      }),
    )
  })

  it('may be joined by another separator; the usual one is understood in any case', () => {
    expect(encodeNamespacePath(['a', 'b'], '%2E')).toBe('a%2Eb')
    expect(decodeNamespacePath('a%2Eb', '%2E')).toEqual(['a', 'b'])
    expect(decodeNamespacePath('a%1fb', '%2E')).toEqual(['a', 'b'])
    expect(namespaceFromQuery('a.b', '%2E')).toEqual(['a', 'b'])
    expect(namespaceFromQuery('a\u001fb', '%2E')).toEqual(['a', 'b'])
    expect(namespaceFromQuery('')).toEqual([])
  })

  it('of Java have a plus for a space', () => {
    expect(decodePathSegment('two+words%2B')).toBe('two words+')
  })

  it('that no path can hold are refused, and so is what is no encoding', () => {
    for (const name of ['', '.', '..']) expect(kindOf(() => encodePathSegment(name))).toBe('invalid-argument')
    expect(kindOf(() => decodePathSegment('%ff'))).toBe('invalid-argument')
  })
})

describe('paths', () => {
  it('begin with the prefix, which is encoded already', () => {
    const paths = restPaths({ prefix: '/catalogs%3A1/x/' })
    expect(paths.namespaces).toBe('/v1/catalogs%3A1/x/namespaces')
    expect(paths.table({ namespace: ['a'], name: 'b/c' }, 'plan', 'p 1')).toBe(
      '/v1/catalogs%3A1/x/namespaces/a/tables/b%2Fc/plan/p%201',
    )
    expect(restPaths({}).view({ namespace: ['a', 'b'], name: 'v' })).toBe('/v1/namespaces/a%1Fb/views/v')
  })
})
