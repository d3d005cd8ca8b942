import { describe, expect, it } from 'vitest'
import { LakeError } from '../../src/base/errors.js'
import { writeFailure } from '../../src/catalog/dynamodb-errors.js'
import { storageError } from '../../src/io/errno.js'
import { failureOf } from '../../src/io/s3-errors.js'

const systemError = (code: string): Error => Object.assign(new Error(`${code}: it failed`), { code })

describe('errors of the operating system', () => {
  it.each([
    ['ENOSPC', 'unavailable'],
    ['EDQUOT', 'unavailable'],
    ['EIO', 'unavailable'],
    ['EMFILE', 'unavailable'],
    ['ENFILE', 'unavailable'],
    ['EACCES', 'denied'],
    ['EPERM', 'denied'],
    ['EROFS', 'denied'],
    ['ENOENT', 'not-found'],
    ['EISDIR', 'not-found'],
    ['ENAMETOOLONG', 'invalid-argument'],
  ])('%s is %s, with location and code', (code, kind) => {
    const error = storageError(systemError(code), '/t/f')
    expect(error.kind).toBe(kind)
    expect(error.context).toEqual({ location: '/t/f', reason: code })
    expect(error.cause).toBeInstanceOf(Error)
  })

  it('are not wrapped twice', () => {
    const error = new LakeError('denied', 'storage refused access')
    expect(storageError(error, '/t/f')).toBe(error)
  })
})

describe('errors of a connection to AWS', () => {
  it.each([
    'ECONNREFUSED',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'ENOTFOUND',
  ])('say by %s that nothing was sent', code => {
    const error = Object.assign(systemError(code), {
      syscall: code === 'ENOTFOUND' ? 'getaddrinfo' : 'connect',
    })
    expect(failureOf(error)).toMatchObject({ isCertain: true, isPassing: true })
    expect(writeFailure(error)).toBe('busy')
  })

  it.each([
    ['EHOSTUNREACH', 'read'],
    ['ENETUNREACH', 'write'],
    ['ECONNRESET', 'read'],
    ['EPIPE', 'write'],
    ['ETIMEDOUT', 'read'],
  ])('leave it open by %s of a connection that stood', (code, syscall) => {
    const error = Object.assign(systemError(code), {
      syscall,
      $metadata: { attempts: 1, totalRetryDelay: 0 },
    })
    expect(failureOf(error)).toMatchObject({ isCertain: false, isPassing: true })
    expect(writeFailure(error)).toBe('unknown')
  })
})
