/**
 * Streaming an object of unknown length. What is not longer than a part becomes one request; longer ones are uploads in
 * parts, of which some are on their way while the next one fills. Parts grow, so that 10,000 of them hold the largest
 * object of S3 (5 TiB):
 *
 *   parts 1 - 1000: 8 MiB, - 2000: 16 MiB, - 3000: 32 MiB, ...
 *
 * An upload says which checksum its parts carry, and its completion repeats those of all parts, so that S3 joins only what
 * was sent. Nothing is visible before it is completed; what is aborted leaves nothing. A process that dies leaves parts
 * that are not listed as files: a lifecycle rule for incomplete uploads removes them.
 */
import { unzeroedBytes } from '../base/bytes.js'
import { isLakeError, LakeError } from '../base/errors.js'
import type { FileWriter, IoOptions } from './file-io.js'
import { deleteObjects } from './s3-delete.js'
import { failureOf } from './s3-errors.js'
import { parseS3Location } from './s3-location.js'
import { type S3Store, sendOnce, sendRetried, startRetries } from './s3-request.js'
import { findMark, putObject, WRITE_MARK } from './s3-write.js'

const PARTS_OF_A_SIZE = 1000
const PARTS_MAX = 10_000
const FIRST_BUFFER_BYTES = 64 * 1024

interface Upload {
  readonly store: S3Store
  readonly location: string
  readonly signal: AbortSignal
  /** In the object's metadata: who asks whether it was completed knows it by this. */
  readonly mark: string
  readonly uploadId: string
  /** An answer to its creation was lost: there may be others of the same object. */
  readonly mayHaveTwins: boolean
}

interface SentPart {
  readonly PartNumber: number
  readonly ETag: string | undefined
  readonly ChecksumCRC32: string | undefined
}

/** The size of a part, which count from 1. */
export function partSizeBytes(partNumber: number, firstSizeBytes: number): number {
  return firstSizeBytes * 2 ** Math.floor((partNumber - 1) / PARTS_OF_A_SIZE)
}

/** A writer whose file appears when it is closed. Sends nothing before a part is full. */
export function openS3Writer(store: S3Store, location: string, options: IoOptions): FileWriter {
  parseS3Location(location)
  const stop = new AbortController()
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal])
  const buffer = createPartBuffer()
  let parts: PartSender | undefined
  let sizeBytes = 0
  let state: 'open' | 'closing' | 'done' = 'open'

  const checkOpen = (): void => {
    if (state !== 'open') {
      throw new LakeError('invalid-argument', 'the writer is no longer open', { context: { location } })
    }
  }
  const nextPartBytes = (): number => partSizeBytes((parts?.count ?? 0) + 1, store.settings.partSizeBytes)

  return {
    get sizeBytes() {
      return sizeBytes
    },
    async write(bytes) {
      checkOpen()
      for (let at = 0; at < bytes.length; ) {
        // A part is sent when there is more: the last one may be all there is.
        if (buffer.length === nextPartBytes()) {
          parts ??= createPartSender({ store, location, signal })
          await parts.send(buffer.take())
        }
        const taken = buffer.add(bytes.subarray(at), nextPartBytes())
        at += taken
        sizeBytes += taken
      }
    },
    async close() {
      checkOpen()
      state = 'closing'
      if (parts === undefined) await putObject(store, location, buffer.take(), { signal })
      else {
        if (buffer.length > 0) await parts.send(buffer.take())
        await parts.complete()
      }
      state = 'done'
    },
    async abort() {
      if (state === 'done') return
      const wasClosing = state === 'closing'
      state = 'done'
      stop.abort()
      await parts?.abort()
      // Names are nobody else's: what a close that failed may have made is removed.
      if (wasClosing) await deleteObjects(store, [location], {})
    },
  }
}

interface PartBuffer {
  readonly length: number
  /** Takes what fits below the limit; gives how much. */
  add(bytes: Uint8Array, limit: number): number
  /** The bytes, which are the caller's from then on. */
  take(): Uint8Array
}

function createPartBuffer(): PartBuffer {
  let memory = new Uint8Array(0)
  let length = 0
  return {
    get length() {
      return length
    },
    add(bytes, limit) {
      const taken = Math.min(bytes.length, limit - length)
      if (length + taken > memory.length) {
        const grown = unzeroedBytes(
          Math.min(limit, Math.max(FIRST_BUFFER_BYTES, 2 * memory.length, length + taken)),
        )
        grown.set(memory.subarray(0, length))
        memory = grown
      }
      memory.set(bytes.subarray(0, taken), length)
      length += taken
      return taken
    },
    take() {
      const bytes = memory.subarray(0, length)
      memory = new Uint8Array(0)
      length = 0
      return bytes
    },
  }
}

/** Sends the parts of one upload. */
interface PartSender {
  /** Parts so far. */
  readonly count: number
  /** Sends a part as soon as few enough are on their way. @throws what sending this or an earlier one ended with */
  send(bytes: Uint8Array): Promise<void>
  complete(): Promise<void>
  /** Ends what is on its way, and removes what arrived. Does not throw. */
  abort(): Promise<void>
}

function createPartSender(on: Pick<Upload, 'store' | 'location' | 'signal'>): PartSender {
  const { store } = on
  const sent: SentPart[] = []
  const onTheirWay = new Set<Promise<void>>()
  let started: Promise<Upload> | undefined
  let count = 0
  let failure: { readonly error: unknown } | undefined

  const sendPart = async (partNumber: number, bytes: Uint8Array): Promise<void> => {
    started ??= startUpload(on)
    sent.push(await uploadPart(await started, partNumber, bytes))
  }
  const checkFailure = (): void => {
    if (failure !== undefined) throw failure.error
  }

  return {
    get count() {
      return count
    },
    async send(bytes) {
      while (onTheirWay.size >= store.settings.partsInFlightMax) await Promise.race(onTheirWay)
      checkFailure()
      if (count === PARTS_MAX) {
        throw new LakeError('unsupported', 'the file is larger than S3 takes', {
          context: { location: on.location },
        })
      }
      count++
      const part = sendPart(count, bytes)
        .catch(error => {
          failure ??= { error }
        })
        .finally(() => onTheirWay.delete(part))
      onTheirWay.add(part)
    },
    async complete() {
      await Promise.all(onTheirWay)
      checkFailure()
      if (started === undefined) return
      const upload = await started
      await completeUpload(
        upload,
        sent.sort((a, b) => a.PartNumber - b.PartNumber),
      )
      await abortTwins(upload).catch(() => undefined)
    },
    async abort() {
      // A part that arrives after the upload ended would stay.
      await Promise.all(onTheirWay)
      const upload = await started?.catch(() => undefined)
      if (upload === undefined) return
      // What is left then is found by the bucket's rule for incomplete uploads.
      await abortUpload(upload).catch(() => undefined)
      await abortTwins(upload).catch(() => undefined)
    },
  }
}

/** Nothing ends it early: an upload that nobody knows the name of would stay. */
async function startUpload(on: Pick<Upload, 'store' | 'location' | 'signal'>): Promise<Upload> {
  const { store, location } = on
  const { key } = parseS3Location(location)
  const mark = store.runtime.uuid()
  const retries = startRetries(store, { location })
  for (let mayHaveTwins = false; ; ) {
    try {
      const { UploadId } = await sendOnce(store, {
        kind: 'create-upload',
        location,
        send: ({ sdk, client, settings, bucket, options }) =>
          client.send(
            new sdk.CreateMultipartUploadCommand({
              Bucket: bucket,
              Key: key,
              ChecksumAlgorithm: 'CRC32',
              Metadata: { [WRITE_MARK]: mark },
              ...settings.all,
              ...settings.touching,
              ...settings.making,
            }),
            options,
          ),
      })
      if (UploadId !== undefined) return { ...on, mark, uploadId: UploadId, mayHaveTwins }
      throw new LakeError('unavailable', 'the store began an upload without a name', {
        context: { location },
      })
    } catch (error) {
      mayHaveTwins ||= !failureOf(error).isCertain
      await retries.next(error)
    }
  }
}

async function uploadPart(upload: Upload, partNumber: number, bytes: Uint8Array): Promise<SentPart> {
  const { store, location, signal, uploadId } = upload
  const { key } = parseS3Location(location)
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const { ETag, ChecksumCRC32 } = await sendRetried(store, {
    kind: 'upload-part',
    location,
    signal,
    bodyBytes: body.length,
    send: ({ sdk, client, settings, bucket, options }) =>
      client.send(
        new sdk.UploadPartCommand({
          Bucket: bucket,
          Key: key,
          UploadId: uploadId,
          PartNumber: partNumber,
          Body: body,
          ContentLength: body.length,
          ChecksumAlgorithm: 'CRC32',
          ...settings.all,
          ...settings.touching,
        }),
        options,
      ),
  })
  return { PartNumber: partNumber, ETag, ChecksumCRC32 }
}

/**
 * Joins the parts. A store that knows the upload no more may have completed it: before an answer that was lost, or for the
 * first copy of a request that came twice.
 */
async function completeUpload(upload: Upload, parts: readonly SentPart[]): Promise<void> {
  const { store, location, signal, uploadId, mark } = upload
  const { key } = parseS3Location(location)
  const retries = startRetries(store, upload)
  for (;;) {
    try {
      await sendOnce(store, {
        kind: 'complete-upload',
        location,
        signal,
        send: ({ sdk, client, settings, bucket, options }) =>
          client.send(
            new sdk.CompleteMultipartUploadCommand({
              Bucket: bucket,
              Key: key,
              UploadId: uploadId,
              MultipartUpload: { Parts: [...parts] },
              ...settings.all,
              ...settings.touching,
            }),
            options,
          ),
      })
      return
    } catch (error) {
      const isGone = failureOf(error).status === 404
      if (isGone && (await findMark(store, location, { signal }))?.mark === mark) return
      await retries.next(error)
    }
  }
}

/** Removes uploads of the object that lost answers left behind; its name is nobody else's. */
async function abortTwins(upload: Upload): Promise<void> {
  if (!upload.mayHaveTwins) return
  const { store, location } = upload
  const { key } = parseS3Location(location)
  const { Uploads = [] } = await sendRetried(store, {
    kind: 'list',
    location,
    send: ({ sdk, client, settings, bucket, options }) =>
      client.send(
        new sdk.ListMultipartUploadsCommand({ Bucket: bucket, Prefix: key, ...settings.all }),
        options,
      ),
  })
  for (const { Key, UploadId } of Uploads) {
    if (Key === key && UploadId !== undefined && UploadId !== upload.uploadId) {
      await abortUpload({ ...upload, uploadId: UploadId })
    }
  }
}

async function abortUpload({ store, location, uploadId }: Upload): Promise<void> {
  const { key } = parseS3Location(location)
  try {
    await sendRetried(store, {
      kind: 'abort-upload',
      location,
      send: ({ sdk, client, settings, bucket, options }) =>
        client.send(
          new sdk.AbortMultipartUploadCommand({
            Bucket: bucket,
            Key: key,
            UploadId: uploadId,
            ...settings.all,
          }),
          options,
        ),
    })
  } catch (error) {
    if (!isLakeError(error, 'not-found')) throw error
  }
}
