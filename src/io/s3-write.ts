/**
 * Writing objects in one request. Bodies are buffers of a known length: a stream could not be sent again, and servers
 * that refuse a long one early reset the connection.
 *
 * A conditional write whose answer is lost may have been done, or be done yet. So it carries a mark of its own in the
 * object's metadata, and is settled by looking:
 *
 *   our mark                                done
 *   nothing there, or the old etag          not yet: send the identical request again
 *   somebody else's mark                    create: exists.  replace: nobody knows, as ours may have been replaced since
 *
 * A refusal is looked at too: something on the way may have sent the request twice. A 409 (ConditionalRequestConflict:
 * another write of the object was under way) was certainly not done, and is sent again.
 */
import { asBuffer } from '../base/bytes.js'
import { checkSignal, isLakeError, LakeError } from '../base/errors.js'
import type { IoOptions } from './file-io.js'
import { failureOf, s3Error } from './s3-errors.js'
import { parseS3Location } from './s3-location.js'
import {
  type S3Call,
  type S3RequestKind,
  type S3Store,
  sendOnce,
  sendRetried,
  startRetries,
} from './s3-request.js'

/** Metadata of an object: which write made it. */
export const WRITE_MARK = 'serac-write'

/** Writes an object of any name, over what is there. @throws denied, unavailable */
export async function putObject(
  store: S3Store,
  location: string,
  bytes: Uint8Array,
  { signal }: IoOptions,
): Promise<void> {
  await sendRetried(store, putCall({ location, bytes, signal, kind: 'put', conditions: {} }))
}

/** @throws denied, unavailable, commit-state-unknown (it may have been created) */
export async function createObject(
  store: S3Store,
  location: string,
  bytes: Uint8Array,
  { signal }: IoOptions,
): Promise<'created' | 'exists'> {
  const isDone = await writeConditionally(store, {
    write: { location, bytes, signal, kind: 'create', conditions: { IfNoneMatch: '*' } },
    stillOpen: found => found === undefined,
    othersMeanRefused: true,
  })
  return isDone ? 'created' : 'exists'
}

/** @throws denied, unavailable, commit-state-unknown (it may have been replaced) */
export async function replaceObject(
  store: S3Store,
  location: string,
  bytes: Uint8Array,
  { signal, etag }: IoOptions & { readonly etag: string },
): Promise<'replaced' | 'changed'> {
  const isDone = await writeConditionally(store, {
    write: { location, bytes, signal, kind: 'replace', conditions: { IfMatch: etag } },
    stillOpen: found => found?.etag === etag,
    othersMeanRefused: false,
  })
  return isDone ? 'replaced' : 'changed'
}

interface PutRequest {
  readonly location: string
  readonly bytes: Uint8Array
  readonly signal: AbortSignal | undefined
  readonly kind: S3RequestKind
  readonly conditions: { readonly IfNoneMatch?: string; readonly IfMatch?: string }
  readonly mark?: string | undefined
}

function putCall({ location, bytes, signal, kind, conditions, mark }: PutRequest): S3Call<void> {
  const { key } = parseS3Location(location)
  const body = sendable(bytes)
  return {
    kind,
    location,
    signal,
    bodyBytes: body.length,
    async send({ sdk, client, settings, bucket, options }) {
      await client.send(
        new sdk.PutObjectCommand({
          Bucket: bucket,
          Key: key,
          Body: body,
          ContentLength: body.length,
          ...(mark === undefined ? {} : { Metadata: { [WRITE_MARK]: mark } }),
          ...conditions,
          ...settings.all,
          ...settings.touching,
          ...settings.making,
        }),
        options,
      )
    },
  }
}

/** A buffer over the bytes; a copy of shared memory, which the system's hashes do not take. */
export function sendable(bytes: Uint8Array): Buffer {
  return bytes.buffer instanceof SharedArrayBuffer ? Buffer.from(bytes) : asBuffer(bytes)
}

interface ConditionalWrite {
  readonly write: PutRequest
  /** Whether what is there lets the write be done still. */
  readonly stillOpen: (found: Found | undefined) => boolean
  /** Another's object tells that ours was refused. */
  readonly othersMeanRefused: boolean
}

export interface Found {
  readonly mark: string | undefined
  readonly etag: string | undefined
}

/** True when it was done, false when it was certainly refused. */
async function writeConditionally(store: S3Store, conditional: ConditionalWrite): Promise<boolean> {
  const { location, kind, signal } = conditional.write
  const mark = store.runtime.uuid()
  // Once it is sent nobody can take it back: a signal ends waits, not requests.
  checkSignal(signal)
  const call = putCall({ ...conditional.write, mark, signal: undefined })
  const retries = startRetries(store, { location, signal })
  let mayBeDone = false
  for (;;) {
    try {
      await sendOnce(store, call)
      return true
    } catch (error) {
      const { status, isCertain } = failureOf(error)
      if (status === 404 && kind === 'replace' && !mayBeDone) return false
      const isRefused = status === 412
      mayBeDone ||= !isCertain
      if (isRefused || mayBeDone) {
        const found = await looked(store, location)
        if (found?.mark === mark) return true
        if (isRefused && !mayBeDone) return false
        if (!conditional.stillOpen(found)) {
          if (conditional.othersMeanRefused) return false
          throw unknownState(location, error)
        }
      }
      await retries.next(error).catch(failure => {
        throw mayBeDone ? unknownState(location, failure) : failure
      })
    }
  }
}

/** Who cannot look does not know. */
function looked(store: S3Store, location: string): Promise<Found | undefined> {
  return findMark(store, location, {}).catch(cause => {
    throw unknownState(location, cause)
  })
}

/** Which write made the object; undefined when there is none. */
export async function findMark(
  store: S3Store,
  location: string,
  { signal }: IoOptions,
): Promise<Found | undefined> {
  const { key } = parseS3Location(location)
  try {
    return await sendRetried(store, {
      kind: 'head',
      location,
      signal,
      async send({ sdk, client, settings, bucket, options }) {
        const answer = await client.send(
          new sdk.HeadObjectCommand({ Bucket: bucket, Key: key, ...settings.all, ...settings.touching }),
          options,
        )
        return { mark: answer.Metadata?.[WRITE_MARK], etag: answer.ETag }
      },
    })
  } catch (error) {
    if (isLakeError(error, 'not-found')) return undefined
    throw error
  }
}

function unknownState(location: string, error: unknown): LakeError {
  return new LakeError('commit-state-unknown', 'a conditional write was sent, and its answer was lost', {
    context: { location },
    cause: s3Error(error, location),
  })
}
