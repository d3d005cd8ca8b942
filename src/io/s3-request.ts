/**
 * Sending requests to S3: at most so many at once, each counted, and those that may be sent twice sent again when the
 * store is busy or the connection breaks, after a wait with full jitter.
 */

import { setMaxListeners } from 'node:events'
import { createGate, type Gate } from '../base/concurrency.js'
import { checkSignal, LakeError } from '../base/errors.js'
import { fullJitterMs } from '../base/retry.js'
import type { Runtime } from '../base/runtime.js'
import { maxSockets } from './aws-config.js'
import type { Properties } from './aws-properties.js'
import { createS3Connections, type S3Connection, type S3Connections } from './s3-client.js'
import { failureOf, s3Error } from './s3-errors.js'
import { type S3Settings, s3Settings } from './s3-settings.js'
import type { StorageAccess } from './storage-access.js'

/** What a request is for; each attempt of it is one HTTP request. */
export type S3RequestKind =
  | 'get'
  | 'head'
  | 'put'
  | 'create'
  | 'replace'
  | 'list'
  | 'delete'
  | 'create-upload'
  | 'upload-part'
  | 'complete-upload'
  | 'abort-upload'

export type HttpMethod = 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'

/** One HTTP request that was sent, told when it is over. */
export interface S3Request {
  readonly method: HttpMethod
  readonly kind: S3RequestKind
  /** The object; of a list its prefix, of a batch of deletes the first. */
  readonly location: string
  /** Of the object: sent, or received. */
  readonly bytes: number
}

const METHOD_OF_KIND: Readonly<Record<S3RequestKind, HttpMethod>> = {
  get: 'GET',
  head: 'HEAD',
  put: 'PUT',
  create: 'PUT',
  replace: 'PUT',
  list: 'GET',
  delete: 'POST',
  'create-upload': 'POST',
  'upload-part': 'PUT',
  'complete-upload': 'POST',
  'abort-upload': 'DELETE',
}

export interface S3StoreOptions {
  readonly properties: Properties
  readonly runtime: Runtime
  /** Credentials by prefix, as catalogs hand them out. */
  readonly access?: StorageAccess | undefined
  /** Told of each HTTP request: what budgets are asserted on. */
  readonly onRequest?: ((request: S3Request) => void) | undefined
}

/** What everything that sends requests shares. */
export interface S3Store {
  readonly runtime: Runtime
  readonly settings: S3Settings
  readonly connections: S3Connections
  readonly gate: Gate
  readonly onRequest: ((request: S3Request) => void) | undefined
}

/** @throws invalid-argument, unsupported for properties that cannot be */
export function createS3Store(options: S3StoreOptions): S3Store {
  return {
    runtime: options.runtime,
    settings: s3Settings(options.properties),
    connections: createS3Connections(options),
    gate: createGate(maxSockets(options.properties)),
    onRequest: options.onRequest,
  }
}

/** What a request may use while it is sent. */
export interface S3Sending extends S3Connection {
  /** The options of `client.send`. */
  readonly options: { readonly abortSignal?: AbortSignal; readonly requestTimeout?: number }
  /** Adds to the bytes that the request moved. */
  moved(bytes: number): void
}

export interface S3Call<T> {
  readonly kind: S3RequestKind
  readonly location: string
  readonly signal?: AbortSignal | undefined
  /** Bytes that are sent: they add to the time that the request may take. */
  readonly bodyBytes?: number | undefined
  send(sending: S3Sending): Promise<T>
}

/** The slowest that an upload may go without being taken for a hang. */
const UPLOAD_BYTES_PER_SECOND_MIN = 64 * 1024

/** Sends the request once. Throws what the SDK throws: `failureOf` tells what it means. */
export async function sendOnce<T>(store: S3Store, call: S3Call<T>): Promise<T> {
  checkSignal(call.signal)
  // One signal ends all requests of a scan: many listen, and each leaves when its request is over.
  if (call.signal !== undefined) setMaxListeners(0, call.signal)
  const connection = await store.connections.open(call.location, call.signal)
  const leave = await store.gate.enter(1, call.signal)
  const sentBytes = call.bodyBytes ?? 0
  let bytes = sentBytes
  const timeoutMs = connection.settings.requestTimeoutMs + (1000 * sentBytes) / UPLOAD_BYTES_PER_SECOND_MIN
  try {
    return await call.send({
      ...connection,
      options: {
        ...(call.signal === undefined ? {} : { abortSignal: call.signal }),
        requestTimeout: Math.ceil(timeoutMs),
      },
      moved: more => {
        bytes += more
      },
    })
  } catch (error) {
    checkSignal(call.signal)
    throw error
  } finally {
    leave()
    store.onRequest?.({
      method: METHOD_OF_KIND[call.kind],
      kind: call.kind,
      location: call.location,
      bytes,
    })
  }
}

/** Sends a request that may be sent twice, until it is answered. @throws what `s3Error` makes of the last failure */
export async function sendRetried<T>(store: S3Store, call: S3Call<T>): Promise<T> {
  const retries = startRetries(store, call)
  for (;;) {
    try {
      return await sendOnce(store, call)
    } catch (error) {
      await retries.next(error)
    }
  }
}

/** The failures of one request in a row. */
export interface Retries {
  /** Waits until it may be tried again. @throws the failure, as a LakeError, when it is none that passes, or the last */
  next(error: unknown): Promise<void>
  /** Something was gained: failures count from here. */
  reset(): void
}

export function startRetries(
  store: S3Store,
  { location, signal }: Pick<S3Call<unknown>, 'location' | 'signal'>,
): Retries {
  let failures = 0
  return {
    async next(error) {
      failures++
      const { isPassing } = failureOf(error)
      if (!isPassing || failures > store.settings.retriesMax)
        throw withAttempts(s3Error(error, location), failures)
      await store.runtime.sleep(fullJitterMs(failures, store.settings.backoff, store.runtime), signal)
    },
    reset() {
      failures = 0
    },
  }
}

function withAttempts(error: LakeError, attempts: number): LakeError {
  if (attempts === 1 || error.kind === 'aborted') return error
  return new LakeError(error.kind, error.message, {
    context: { ...error.context, attempts },
    cause: error.cause,
  })
}
