/** Deleting objects in batches, of which each object has its own outcome. */
import type { S3Client } from '@aws-sdk/client-s3'
import { mapBounded } from '../base/concurrency.js'
import { checkSignal, errorText, isLakeError } from '../base/errors.js'
import { fullJitterMs } from '../base/retry.js'
import type { DeleteReport, IoOptions } from './file-io.js'
import { parseS3Location } from './s3-location.js'
import { type S3Store, sendRetried } from './s3-request.js'

const BATCHES_AT_ONCE = 4
/** What is said of an object that may be deleted at another time. */
const PASSING = new Set([
  'SlowDown',
  'InternalError',
  'ServiceUnavailable',
  'OperationAborted',
  'RequestTimeout',
])

interface Outcome {
  readonly location: string
  /** Undefined: it is gone. */
  readonly reason?: string | undefined
}

/** Absent objects count as deleted. Never throws for an object. @throws aborted */
export async function deleteObjects(
  store: S3Store,
  locations: readonly string[],
  { signal }: IoOptions,
): Promise<DeleteReport> {
  const { batches, refused } = await batchesOf(store, locations, signal)
  const outcomes = await mapBounded(batches, batch => deleteBatch(store, batch, signal), {
    limit: BATCHES_AT_ONCE,
    signal,
  })
  const deleted: string[] = []
  const failed: { location: string; reason: string }[] = []
  for (const { location, reason } of [...refused, ...outcomes.flat()]) {
    if (reason === undefined) deleted.push(location)
    else failed.push({ location, reason })
  }
  return { deleted, failed }
}

/** Objects of one bucket that are reached with the same credentials are deleted together. */
async function batchesOf(
  store: S3Store,
  locations: readonly string[],
  signal: AbortSignal | undefined,
): Promise<{ readonly batches: readonly (readonly string[])[]; readonly refused: readonly Outcome[] }> {
  const batches: string[][] = []
  const refused: Outcome[] = []
  const open = new Map<S3Client, Map<string, string[]>>()
  for (const location of locations) {
    try {
      parseS3Location(location)
      const { client, bucket, settings } = await store.connections.open(location, signal)
      const ofClient = open.get(client) ?? new Map<string, string[]>()
      open.set(client, ofClient)
      let batch = ofClient.get(bucket)
      if (batch === undefined || batch.length >= settings.deleteBatchSize) {
        batch = []
        ofClient.set(bucket, batch)
        batches.push(batch)
      }
      batch.push(location)
    } catch (error) {
      checkSignal(signal)
      refused.push({ location, reason: reasonOf(error) })
    }
  }
  return { batches, refused }
}

async function deleteBatch(
  store: S3Store,
  batch: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Outcome[]> {
  const done: Outcome[] = []
  let left = batch
  for (let attempt = 1; left.length > 0; attempt++) {
    const refusals = await sendBatch(store, left, signal)
    const mayRepeat = attempt <= store.settings.retriesMax
    const again: string[] = []
    for (const location of left) {
      const reason = refusals.get(parseS3Location(location).key)
      if (mayRepeat && reason !== undefined && PASSING.has(reason)) again.push(location)
      else done.push({ location, reason })
    }
    left = again
    if (left.length > 0) {
      await store.runtime.sleep(fullJitterMs(attempt, store.settings.backoff, store.runtime), signal)
    }
  }
  return done
}

/** The objects that were not deleted, by key, and why. */
async function sendBatch(
  store: S3Store,
  batch: readonly string[],
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, string>> {
  const keys = batch.map(location => parseS3Location(location).key)
  try {
    const { Errors = [] } = await sendRetried(store, {
      kind: 'delete',
      location: batch[0] ?? '',
      signal,
      send: ({ sdk, client, settings, bucket, options }) =>
        client.send(
          new sdk.DeleteObjectsCommand({
            Bucket: bucket,
            Delete: { Quiet: true, Objects: keys.map(Key => ({ Key })) },
            ...settings.all,
          }),
          options,
        ),
    })
    return new Map(Errors.map(({ Key, Code, Message }) => [Key ?? '', Code ?? Message ?? 'refused']))
  } catch (error) {
    checkSignal(signal)
    const reason = reasonOf(error)
    return new Map(keys.map(key => [key, reason]))
  }
}

function reasonOf(error: unknown): string {
  return isLakeError(error) ? String(error.context.reason ?? error.message) : errorText(error)
}
