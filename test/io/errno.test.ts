import { describe, expect, it } from 'vitest'
import { LakeError } from '../../src/base/errors.js'
import { storageError } from '../../src/io/errno.js'

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
