/**
 * Reading objects. A body that breaks off is read on from where it broke, of the same version of the object. A range is
 * one request; a long one is several that run side by side, as one connection carries only so much:
 *
 *   |<- 8 MiB ->|<- 8 MiB ->|<- rest ->|     the first says how large the object is
 */
import { Readable } from 'node:stream'
import { unzeroedBytes } from '../base/bytes.js'
import { mapBounded } from '../base/concurrency.js'
import { LakeError } from '../base/errors.js'
import type { ByteRange, FileStat, IoOptions } from './file-io.js'
import { failureOf } from './s3-errors.js'
import { parseS3Location } from './s3-location.js'
import { type S3Sending, type S3Store, sendOnce, sendRetried, startRetries } from './s3-request.js'

/** Ranges longer than two of these are cut into them. */
const PIECE_BYTES = 8 * 2 ** 20
const PIECES_AT_ONCE = 8

export interface RangeRead {
  readonly location: string
  readonly range: ByteRange
  readonly into?: Uint8Array | undefined
  readonly signal?: AbortSignal | undefined
}

/** What a file has of the range. @throws not-found, denied, unavailable */
export async function readRange(store: S3Store, read: RangeRead): Promise<Uint8Array> {
  const { location, range, into, signal } = read
  if (range.lengthBytes <= 0) {
    await statObject(store, location, { signal })
    return new Uint8Array(0)
  }
  if (range.lengthBytes <= 2 * PIECE_BYTES) return (await readPiece(store, read)).bytes
  const first = await readPiece(store, { ...read, range: { ...range, lengthBytes: PIECE_BYTES } })
  if (first.bytes.length < PIECE_BYTES) return first.bytes
  // Only what the file has: a range from a broken footer must not ask for gigabytes of memory.
  const wanted = Math.max(first.bytes.length, Math.min(range.lengthBytes, first.fileBytes - range.offset))
  const bytes = into !== undefined && wanted <= into.length ? into.subarray(0, wanted) : unzeroedBytes(wanted)
  if (first.bytes.buffer !== bytes.buffer || first.bytes.byteOffset !== bytes.byteOffset)
    bytes.set(first.bytes)
  await mapBounded(
    piecesOf(wanted),
    async at => {
      const place = bytes.subarray(at, Math.min(at + PIECE_BYTES, wanted))
      const piece = await readPiece(store, {
        location,
        range: { offset: range.offset + at, lengthBytes: place.length },
        into: place,
        signal,
        etag: first.etag,
      })
      if (piece.bytes.length < place.length) throw changedError(location)
    },
    { limit: PIECES_AT_ONCE, signal },
  )
  return bytes
}

/** Where the pieces after the first begin. */
function piecesOf(wanted: number): number[] {
  const starts: number[] = []
  for (let at = PIECE_BYTES; at < wanted; at += PIECE_BYTES) starts.push(at)
  return starts
}

/** A whole file. @throws not-found, denied, unavailable */
export async function readObject(
  store: S3Store,
  location: string,
  { signal }: IoOptions,
): Promise<Uint8Array> {
  return (await readPiece(store, { location, range: undefined, signal })).bytes
}

/** Size, age and etag. @throws not-found, denied, unavailable */
export async function statObject(store: S3Store, location: string, { signal }: IoOptions): Promise<FileStat> {
  const { key } = parseS3Location(location)
  const answer = await sendRetried(store, {
    kind: 'head',
    location,
    signal,
    send: ({ sdk, client, settings, bucket, options }) =>
      client.send(
        new sdk.HeadObjectCommand({ Bucket: bucket, Key: key, ...settings.all, ...settings.touching }),
        options,
      ),
  })
  return {
    location,
    sizeBytes: answer.ContentLength ?? 0,
    modifiedMs: answer.LastModified?.getTime() ?? 0,
    ...(answer.ETag === undefined ? {} : { etag: answer.ETag }),
  }
}

interface PieceRead {
  readonly location: string
  readonly range: ByteRange | undefined
  readonly into?: Uint8Array | undefined
  readonly signal?: AbortSignal | undefined
  /** The version of the object that must be read. */
  readonly etag?: string | undefined
}

interface Piece {
  readonly bytes: Uint8Array
  readonly etag: string | undefined
  readonly fileBytes: number
}

/** How far a read has come, over the requests that it takes. */
interface Progress {
  bytes: Uint8Array | undefined
  filled: number
  etag: string | undefined
  fileBytes: number
}

async function readPiece(store: S3Store, read: PieceRead): Promise<Piece> {
  const retries = startRetries(store, read)
  let progress = noProgress(read)
  for (;;) {
    const before = progress.filled
    try {
      await readOn(store, read, progress)
      return {
        bytes: progress.bytes ?? new Uint8Array(0),
        etag: progress.etag,
        fileBytes: progress.fileBytes,
      }
    } catch (error) {
      const { status } = failureOf(error)
      // The range begins behind the last byte, or the file has none.
      if (status === 416) return { bytes: new Uint8Array(0), etag: progress.etag, fileBytes: 0 }
      // Somebody replaced the file: what was read so far is of another one.
      if (status === 412 && read.etag === undefined && before > 0) progress = noProgress(read)
      else {
        if (status === 412) throw changedError(read.location)
        if (progress.filled > before) retries.reset()
        await retries.next(error)
      }
    }
  }
}

function noProgress({ etag }: PieceRead): Progress {
  return { bytes: undefined, filled: 0, etag, fileBytes: 0 }
}

function changedError(location: string): LakeError {
  return new LakeError('unavailable', 'the file was replaced while it was read', { context: { location } })
}

async function readOn(store: S3Store, read: PieceRead, progress: Progress): Promise<void> {
  const { location, range, signal } = read
  const { key } = parseS3Location(location)
  await sendOnce(store, {
    kind: 'get',
    location,
    signal,
    async send(sending) {
      const { sdk, client, settings, bucket, options } = sending
      const answer = await client.send(
        new sdk.GetObjectCommand({
          Bucket: bucket,
          Key: key,
          ...(range === undefined && progress.filled === 0
            ? {}
            : { Range: rangeHeader(range, progress.filled) }),
          ...(progress.etag === undefined ? {} : { IfMatch: progress.etag }),
          ...settings.all,
          ...settings.touching,
        }),
        options,
      )
      progress.etag ??= answer.ETag
      await receive(answer, read, { progress, sending })
    },
  })
}

function rangeHeader(range: ByteRange | undefined, filled: number): string {
  if (range === undefined) return `bytes=${filled}-`
  return `bytes=${range.offset + filled}-${range.offset + range.lengthBytes - 1}`
}

interface Answer {
  readonly Body?: unknown
  readonly ContentLength?: number | undefined
  readonly ContentRange?: string | undefined
}

async function receive(
  answer: Answer,
  { location, range, into }: PieceRead,
  { progress, sending }: { readonly progress: Progress; readonly sending: S3Sending },
): Promise<void> {
  const length = answer.ContentLength
  const start = (range?.offset ?? 0) + progress.filled
  if (length === undefined || !(answer.Body instanceof Readable)) throw brokenAnswer(location)
  if (answer.ContentRange === undefined && start > 0) {
    throw new LakeError('unsupported', 'the store does not read ranges', { context: { location } })
  }
  progress.fileBytes = fileBytesOf(answer) ?? length
  // A store that sends more than was asked for is not believed.
  const wanted = range === undefined ? length : Math.min(length, range.lengthBytes - progress.filled)
  // Every byte of it is written, or nobody gets to see it.
  progress.bytes ??=
    into !== undefined && wanted <= into.length ? into.subarray(0, wanted) : unzeroedBytes(wanted)
  const { bytes } = progress
  await drain(answer.Body, chunk => {
    const part = chunk.subarray(0, bytes.length - progress.filled)
    bytes.set(part, progress.filled)
    progress.filled += part.length
    sending.moved(part.length)
    return part.length === chunk.length
  })
  if (progress.filled < bytes.length) throw brokenAnswer(location)
}

/** Takes the chunks of a body as they come, until they end or `take` wants no more. */
function drain(body: Readable, take: (chunk: Buffer) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    body.on('data', (chunk: Buffer) => {
      if (take(chunk)) return
      body.destroy()
      resolve()
    })
    body.once('error', reject)
    body.once('close', resolve)
  })
}

function fileBytesOf({ ContentRange }: Answer): number | undefined {
  const total = /\/(\d+)$/.exec(ContentRange ?? '')?.[1]
  return total === undefined ? undefined : Number(total)
}

function brokenAnswer(location: string): LakeError {
  return new LakeError('unavailable', 'the answer of storage broke off', { context: { location } })
}
