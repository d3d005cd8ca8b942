import { describe, expect, it } from 'vitest'
import {
  absoluteLocation,
  comparableLocation,
  isRelative,
  joinLocation,
  localPath,
  scheme,
  trimTrailingSlash,
} from '../../src/io/location.js'

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

  it('are relative without a root, and start in a folder then', () => {
    for (const location of ['a/b', './a', 'file:a', '']) expect(isRelative(location)).toBe(true)
    for (const location of ['/a', 'file:/a', 'file:///a', 's3://b/k', 'memory:x'])
      expect(isRelative(location)).toBe(false)
    expect(absoluteLocation('a/b%20', '/base')).toBe('/base/a/b%20')
    expect(absoluteLocation('././a/', '/base/')).toBe('/base/a/')
    expect(absoluteLocation('file:a', '/')).toBe('/a')
    expect(absoluteLocation('.', '/base')).toBe('/base')
    expect(absoluteLocation('s3://b/k', '/base')).toBe('s3://b/k')
  })

  it('are compared in one spelling: of local paths, and of the s3 schemes', () => {
    for (const location of ['/a/b%20c', 'file:/a/b%20c', 'FILE:///a/b%20c', 'file://localhost/a/b%20c'])
      expect(comparableLocation(location)).toBe('/a/b%20c')
    for (const location of ['s3://b/s3a:/k', 's3a://b/s3a:/k', 'S3N://b/s3a:/k'])
      expect(comparableLocation(location)).toBe('s3://b/s3a:/k')
    expect(comparableLocation('file://host/a')).not.toBe('/a')
    expect(comparableLocation('gs://b/k')).toBe('gs://b/k')
    expect(comparableLocation('file:a')).toBe('file:a')
    for (const location of ['a/./b', './a/./b', '././/a/./b'])
      expect(comparableLocation(location)).toBe('a/./b')
    expect(comparableLocation('../a')).toBe('../a')
  })

  it('that are not local are refused', () => {
    for (const location of ['s3://a/b', 'a/b', 'file:a', 'file://host/a', '']) {
      expect(() => localPath(location)).toThrow('not an absolute path')
    }
  })
})
