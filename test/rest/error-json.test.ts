/** Errors of the protocol: ours as servers send them, theirs as clients take them. */
import { describe, expect, it } from 'vitest'
import { type ErrorContext, type ErrorKind, LakeError } from '../../src/base/errors.js'
import { stringifyJson } from '../../src/base/json.js'
import { lakeErrorOf, parseRestError, restErrorOf, serializeRestError } from '../../src/rest/error-json.js'

const KINDS: readonly (readonly [ErrorKind, ErrorContext, number, string])[] = [
  ['invalid-argument', {}, 400, 'BadRequestException'],
  ['denied', {}, 403, 'ForbiddenException'],
  ['not-found', { table: 'a.b' }, 404, 'NoSuchTableException'],
  ['not-found', { view: 'a.b' }, 404, 'NoSuchViewException'],
  ['not-found', { namespace: 'a' }, 404, 'NoSuchNamespaceException'],
  ['not-found', { planId: 'p' }, 404, 'NoSuchPlanIdException'],
  ['not-found', { location: 's3://a' }, 404, 'NotFoundException'],
  ['already-exists', { table: 'a.b' }, 409, 'AlreadyExistsException'],
  ['conflict', { table: 'a.b' }, 409, 'CommitFailedException'],
  ['conflict', { namespace: 'a', holds: 'tables' }, 409, 'NamespaceNotEmptyException'],
  ['unsupported', {}, 406, 'UnsupportedOperationException'],
  ['corrupt', {}, 422, 'CorruptMetadataException'],
  ['commit-state-unknown', {}, 500, 'CommitStateUnknownException'],
  ['unavailable', {}, 503, 'ServiceUnavailableException'],
]

describe('errors of ours', () => {
  it.each(
    KINDS,
  )('of kind %s, about %o, are %i %s, and the same kind at the other end', (kind, context, status, type) => {
    const error = restErrorOf(new LakeError(kind, 'it went wrong', { context }))
    expect(error).toMatchObject({ status, type })
    const body = stringifyJson(serializeRestError(error))
    expect(JSON.parse(body)).toEqual({ error: { message: error.message, type, code: status } })
    const taken = lakeErrorOf(parseRestError(status, body), { conflictKind: 'conflict' })
    expect(taken).toMatchObject({ kind, context: { status, type, reason: error.message } })
  })

  it('are worded as engines look for them', () => {
    const say = (kind: ErrorKind, context: ErrorContext): string =>
      restErrorOf(new LakeError(kind, 'x', { context })).message
    expect(say('not-found', { namespace: 'a.b' })).toBe('Namespace does not exist: a.b')
    expect(say('not-found', { table: 'a.b' })).toBe('Table does not exist: a.b')
    expect(say('already-exists', { view: 'a.b' })).toBe('View already exists: a.b')
    expect(say('conflict', { namespace: 'a', holds: 'tables' })).toBe('Namespace a is not empty')
    expect(say('denied', { reason: 'no grant' })).toBe('x (reason: no grant)')
  })

  it('that are not ours tell nothing of themselves', () => {
    expect(restErrorOf(new TypeError('password is 123'))).toEqual({
      status: 500,
      type: 'InternalServerError',
      message: 'internal error',
    })
  })
})

describe('errors of others', () => {
  it('may have no body, no JSON, or the form of a token server', () => {
    expect(parseRestError(502, '')).toEqual({ status: 502, message: '' })
    expect(parseRestError(502, '<html>')).toEqual({ status: 502, message: '<html>' })
    expect(parseRestError(502, 'x'.repeat(5000)).message).toHaveLength(500)
    expect(parseRestError(400, '{"error": {"message": 1}}')).toEqual({ status: 400, message: '' })
    expect(parseRestError(403, '{"message": "Forbidden"}')).toEqual({ status: 403, message: 'Forbidden' })
    expect(parseRestError(401, '{"error": "invalid_client"}')).toEqual({
      status: 401,
      type: 'invalid_client',
      message: 'invalid_client',
    })
  })

  it.each<[number, ErrorKind]>([
    [400, 'invalid-argument'],
    [401, 'denied'],
    [404, 'not-found'],
    [405, 'unsupported'],
    [408, 'unavailable'],
    [409, 'already-exists'],
    [418, 'invalid-argument'],
    [419, 'denied'],
    [422, 'invalid-argument'],
    [429, 'unavailable'],
    [500, 'unavailable'],
    [501, 'unsupported'],
    [503, 'unavailable'],
  ])('go by their status where nothing else is said: %i is %s', (status, kind) => {
    expect(lakeErrorOf({ status, message: '' }, { conflictKind: 'already-exists' }).kind).toBe(kind)
  })
})
