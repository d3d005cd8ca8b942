/**
 * Requests with an `Idempotency-Key`: what was answered to a key is answered to it again, and nothing is done twice.
 *
 * Keys live in the memory of this server. A commit that comes again after a restart, or to another server, is found by the
 * snapshots that it adds (`commits.ts`); what has no snapshots can be looked at by the client.
 */
import { createHash } from 'node:crypto'
import type { Runtime } from '../base/runtime.js'
import { restErrorAnswer } from './error-answer.js'
import type { RestAnswer } from './rest-route.js'

/** How long a key is remembered, which clients are told. */
export const REPLY_LIFETIME_MS: number = 30 * 60_000

const KEYS_MAX = 20_000
/** Of all answers that are kept. */
const KEPT_BYTES_MAX = 2 ** 26
const KEY_LENGTH_MAX = 255

export interface KeyedRequest {
  /** Whose key it is: two principals may use the same one. */
  readonly principal: string
  readonly key: string
  /** What is asked: a key stands for one request. */
  readonly request: readonly (string | Uint8Array)[]
  readonly work: () => Promise<RestAnswer>
  /** How to answer a request that was done before, where the answer is not worth keeping. */
  readonly again?: (() => Promise<RestAnswer>) | undefined
}

export interface Replies {
  answer(request: KeyedRequest): Promise<RestAnswer>
}

interface Reply {
  readonly digest: string
  readonly endsMs: number
  /** `done`: it succeeded, and its answer was not kept. */
  readonly answer: Promise<RestAnswer | 'done'>
  isMade: boolean
  keptBytes: number
}

export function createReplies(runtime: Runtime): Replies {
  /** Oldest first. */
  const replies = new Map<string, Reply>()
  let keptBytes = 0

  const drop = (id: string, only?: Reply): void => {
    const reply = replies.get(id)
    if (reply === undefined || (only !== undefined && reply !== only)) return
    keptBytes -= reply.keptBytes
    replies.delete(id)
  }
  const forget = (): void => {
    const nowMs = runtime.nowMs()
    for (const [id, reply] of replies) {
      const isFull = replies.size > KEYS_MAX || keptBytes > KEPT_BYTES_MAX
      if (reply.endsMs > nowMs && !isFull) return
      // One that is being made takes no memory yet, and would be done twice.
      if (reply.isMade || replies.size > KEYS_MAX) drop(id)
    }
  }
  const keep = (id: string, reply: Reply, made: RestAnswer): void => {
    const sizeBytes = made.body instanceof Uint8Array ? made.body.length : 0
    if (!isFinal(made) || sizeBytes > KEPT_BYTES_MAX) drop(id, reply)
    if (replies.get(id) !== reply) return
    reply.isMade = true
    reply.keptBytes = sizeBytes
    keptBytes += sizeBytes
    forget()
  }

  const start = (id: string, digest: string, request: KeyedRequest): Promise<RestAnswer> => {
    const first = request.work()
    const answer = first.then(made => {
      const isDone = made.status === 200 && request.again !== undefined
      keep(id, reply, isDone ? { ...made, body: undefined } : made)
      return isDone ? 'done' : made
    })
    answer.catch(() => drop(id, reply))
    const endsMs = runtime.nowMs() + REPLY_LIFETIME_MS
    const reply: Reply = { digest, endsMs, answer, isMade: false, keptBytes: 0 }
    replies.set(id, reply)
    forget()
    return first
  }

  return {
    async answer(request) {
      if (request.key.length > KEY_LENGTH_MAX) return unprocessable('The idempotency key is too long')
      const id = JSON.stringify([request.principal, request.key])
      const digest = digestOf(request.request)
      const known = replies.get(id)
      if (known === undefined || known.endsMs <= runtime.nowMs()) {
        drop(id)
        return start(id, digest, request)
      }
      if (known.digest !== digest) return unprocessable('The idempotency key was used for another request')
      const kept = await known.answer
      return kept === 'done' ? (request.again ?? request.work)() : kept
    },
  }
}

/** Server errors and refusals for the time being are not kept: the request may be repeated. */
function isFinal({ status }: RestAnswer): boolean {
  return status < 500 && status !== 408 && status !== 429
}

function unprocessable(message: string): RestAnswer {
  return restErrorAnswer({ status: 422, type: 'UnprocessableEntityException', message })
}

function digestOf(parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part).update('\u0000')
  return hash.digest('base64url')
}
