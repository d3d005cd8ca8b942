/**
 * Files and streams of text in bounded memory: chunks of bytes, unpacked when they begin like gzip, as lines or as text.
 */
import { pipeline, Readable } from 'node:stream'
import { TextDecoder } from 'node:util'
import { createGunzip } from 'node:zlib'
import { concatBytes } from '../base/bytes.js'
import { errorText, LakeError } from '../base/errors.js'
import type { FileIO, IoOptions } from '../io/file-io.js'

const CHUNK_BYTES = 1 << 20
/** A single line larger than this is refused; PostgreSQL's largest value is 1 GiB, JavaScript's longest text half of that. */
const LINE_BYTES_MAX = 256 << 20

/** What the bytes are called in errors. */
export interface TextSource {
  readonly source: string
}

export interface TextLine {
  /** From 1. */
  readonly number: number
  readonly text: string
}

/** The lines of a stream of bytes, which is gunzipped when it begins like gzip. Empty lines are counted, not returned. */
export function textLines(chunks: AsyncIterable<Uint8Array>, options: TextSource): AsyncGenerator<TextLine> {
  const decoder = lineDecoder(options)
  return cutLines(chunks, options, (bytes, number) => {
    const text = decoder(bytes, number)
    return text === '' ? undefined : { number, text }
  })
}

/**
 * What `make` gives for the bytes of each line, without those for which it gives nothing. The bytes are without the end of
 * the line, and share memory with the chunk that they came in.
 */
export async function* cutLines<T>(
  chunks: AsyncIterable<Uint8Array>,
  { source }: TextSource,
  make: (bytes: Uint8Array, number: number) => T | undefined,
): AsyncGenerator<T> {
  let parts: Uint8Array[] = []
  let sizeBytes = 0
  let number = 0
  const take = (): T | undefined => {
    number += 1
    const bytes = parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts)
    parts = []
    sizeBytes = 0
    const end = bytes[bytes.length - 1] === 13 ? bytes.length - 1 : bytes.length
    return make(end === bytes.length ? bytes : bytes.subarray(0, end), number)
  }
  for await (const chunk of unpacked(chunks, { source })) {
    let from = 0
    for (let end = chunk.indexOf(10, from); end >= 0; end = chunk.indexOf(10, from)) {
      parts.push(chunk.subarray(from, end))
      from = end + 1
      const line = take()
      if (line !== undefined) yield line
    }
    if (from < chunk.length) {
      parts.push(chunk.subarray(from))
      sizeBytes += chunk.length - from
      if (sizeBytes > LINE_BYTES_MAX) {
        throw new LakeError('unsupported', 'a line is longer than 256 MiB', {
          context: { source, line: number + 1 },
        })
      }
    }
  }
  if (parts.length > 0) {
    const line = take()
    if (line !== undefined) yield line
  }
}

/** Turns the bytes of a line into text. @throws corrupt, from the function that it returns */
export function lineDecoder({ source }: TextSource): (bytes: Uint8Array, number: number) => string {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  return (bytes, number) => {
    try {
      return decoder.decode(bytes)
    } catch (cause) {
      throw new LakeError('corrupt', 'a line is not UTF-8', { cause, context: { source, line: number } })
    }
  }
}

/**
 * The text of a stream of UTF-8 bytes, in pieces of any length; a byte order mark is left out.
 * @throws corrupt
 */
export async function* textPieces(
  chunks: AsyncIterable<Uint8Array>,
  options: TextSource,
): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const decode = (bytes: Uint8Array | undefined): string => {
    try {
      return bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true })
    } catch (cause) {
      throw new LakeError('corrupt', 'the text is not UTF-8', { cause, context: { source: options.source } })
    }
  }
  for await (const chunk of unpacked(chunks, options)) {
    const text = decode(chunk)
    if (text !== '') yield text
  }
  const last = decode(undefined)
  if (last !== '') yield last
}

/** The bytes of a file, one piece after the other. @throws not-found, denied, unavailable, aborted */
export async function* readChunks(
  io: FileIO,
  location: string,
  { signal }: IoOptions = {},
): AsyncGenerator<Uint8Array> {
  const { sizeBytes } = await io.stat(location, { signal })
  for (let offset = 0; offset < sizeBytes; offset += CHUNK_BYTES) {
    const lengthBytes = Math.min(CHUNK_BYTES, sizeBytes - offset)
    yield await io.read(location, { signal, range: { offset, lengthBytes } })
  }
}

/** The bytes, unpacked when they begin like gzip. @throws corrupt */
export async function* unpacked(
  chunks: AsyncIterable<Uint8Array>,
  { source }: TextSource,
): AsyncGenerator<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]()
  const first = await firstBytes(iterator)
  const all = joined(first, iterator)
  if (first.length < 2 || first[0] !== 0x1f || first[1] !== 0x8b) {
    yield* all
    return
  }
  try {
    // A pipeline, so that an error of the source ends the reading and an end of the reading closes the source.
    const gunzip = pipeline(Readable.from(all), createGunzip(), () => undefined)
    for await (const chunk of gunzip) yield chunk as Uint8Array
  } catch (cause) {
    if (!isZlibError(cause)) throw cause
    throw new LakeError('corrupt', 'the bytes are not valid gzip', {
      cause,
      context: { source, reason: errorText(cause) },
    })
  }
}

function isZlibError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')
}

/** The first chunks, two bytes at least: a stream may come in pieces of any size. */
async function firstBytes(iterator: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  let bytes: Uint8Array = new Uint8Array(0)
  while (bytes.length < 2) {
    const next = await iterator.next()
    if (next.done === true) return bytes
    bytes = concatBytes([bytes, next.value])
  }
  return bytes
}

/** The first bytes and what follows; closes the source when the reader has had enough. */
async function* joined(first: Uint8Array, iterator: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    if (first.length > 0) yield first
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value
  } finally {
    await iterator.return?.()
  }
}
