import { describe, expect, it } from 'vitest'
import { joinLocation, localPath, scheme, trimTrailingSlash } from '../../src/io/location.js'

describe('locations', () => {
  it('have a scheme or are bare paths', () => {
    expect(scheme('s3://b/k')).toBe('s3')
    expect(scheme('FILE:/x')).toBe('file')
    expect(scheme('memory://x')).toBe('memory')
    expect(scheme('/a:b/c')).toBeUndefined()
    expect(scheme('relative')).toBeUndefined()
  })

  it('lose slashes at the end, but never their root', () => {
    expect(trimTrailingSlash('s3://b/t//')).toBe('s3://b/t')
    expect(trimTrailingSlash('/a/')).toBe('/a')
    expect(trimTrailingSlash('/')).toBe('/')
    expect(trimTrailingSlash('file:///')).toBe('file:///')
    expect(trimTrailingSlash('s3://b')).toBe('s3://b')
  })

  it('join with single slashes and keep what is inside the parts', () => {
    expect(joinLocation('s3://b/t/', 'data', '/p=a%2Fb/', 'f.parquet')).toBe(
      's3://b/t/data/p=a%2Fb/f.parquet',
    )
    expect(joinLocation('/', 'a')).toBe('/a')
    expect(joinLocation('/t', '', 'a')).toBe('/t/a')
    expect(joinLocation('file:///', 'a')).toBe('file:///a')
  })

  it('name one file in all local spellings, without decoding', () => {
    for (const location of ['/a/b%20c', 'file:/a/b%20c', 'file:///a/b%20c', 'file://localhost/a/b%20c']) {
      expect(localPath(location)).toBe('/a/b%20c')
    }
  })

  it('that are not local are refused', () => {
    for (const location of ['s3://a/b', 'a/b', 'file:a', 'file://host/a', '']) {
      expect(() => localPath(location)).toThrow('not an absolute path')
    }
  })
})
