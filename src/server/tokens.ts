/**
 * Bearer tokens and whose they are. Only digests are kept, and a token is looked up by its digest, so neither memory nor
 * the time of an answer tells anything about a token.
 */
import { createHash } from 'node:crypto'
import { LakeError } from '../base/errors.js'
import { ANYONE, checkGrant, type Principal } from './grants.js'

export interface TokenHolder extends Principal {
  /** The token itself, at least 16 characters, or its SHA-256 digest as 64 hex digits. */
  readonly token: string | { readonly sha256: string }
}

export interface Tokens {
  /** False: nobody needs one. */
  readonly required: boolean
  /** Whose token it is; undefined for one that nobody has, or none where one is needed. */
  principalOf(token: string | undefined): Principal | undefined
}

const TOKEN_LENGTH_MIN = 16
const DIGEST = /^[0-9a-f]{64}$/i

/** @throws invalid-argument for a short token, a digest that is none, two holders of one token, two lists of grants for one name, a grant that cannot be held */
export function createTokens(holders: readonly TokenHolder[] | undefined): Tokens {
  if (holders === undefined) return { required: false, principalOf: () => ANYONE }
  const byDigest = new Map<string, Principal>()
  const grantsOf = new Map<string, string>()
  for (const holder of holders) {
    holder.grants.forEach(checkGrant)
    const digest = digestOf(holder)
    if (byDigest.has(digest))
      throw new LakeError('invalid-argument', 'two principals have the same token', {
        context: { principal: holder.name },
      })
    // Plans and answers to keys belong to names.
    const grants = JSON.stringify(holder.grants)
    if ((grantsOf.get(holder.name) ?? grants) !== grants)
      throw new LakeError('invalid-argument', 'a principal has two lists of grants', {
        context: { principal: holder.name },
      })
    grantsOf.set(holder.name, grants)
    byDigest.set(digest, { name: holder.name, grants: holder.grants })
  }
  return {
    required: true,
    principalOf: token => (token === undefined ? undefined : byDigest.get(sha256(token))),
  }
}

/** The token of an `Authorization` header. */
export function bearerToken(header: string | undefined): string | undefined {
  return /^Bearer +([^\s]+) *$/i.exec(header ?? '')?.[1]
}

function digestOf({ name, token }: TokenHolder): string {
  if (typeof token !== 'string' && DIGEST.test(token.sha256)) return token.sha256.toLowerCase()
  if (typeof token === 'string' && token.length >= TOKEN_LENGTH_MIN && !/\s/.test(token)) return sha256(token)
  throw new LakeError(
    'invalid-argument',
    'a token has 16 characters at least, or a digest of 64 hex digits',
    {
      context: { principal: name },
    },
  )
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex')
}
