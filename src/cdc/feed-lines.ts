/**
 * A feed as lines of text: plain or gzip, from a file or from any stream of bytes, in bounded memory.
 */
import { LakeError } from '../base/errors.js'
import { type ExactJson, type ExactJsonObject, JsonNumber, parseJsonExact } from '../base/json.js'
import { cutLines, lineDecoder, readChunks } from '../format/text-lines.js'
import type { FileIO } from '../io/file-io.js'

export interface FeedLine {
  /** From 1, counted over the feed. */
  readonly number: number
  /** Decoded when it is asked for, where the line came as bytes: @throws corrupt for bytes that are not UTF-8 */
  readonly text: string
  /** The bytes of the text, for readers that need no text. */
  readonly bytes?: Uint8Array | undefined
}

class LineOfBytes implements FeedLine {
  readonly number: number
  readonly bytes: Uint8Array
  readonly #textOf: (bytes: Uint8Array) => string
  #text: string | undefined

  constructor(number: number, bytes: Uint8Array, textOf: (bytes: Uint8Array) => string) {
    this.number = number
    this.bytes = bytes
    this.#textOf = textOf
  }

  get text(): string {
    this.#text ??= this.#textOf(this.bytes)
    return this.#text
  }
}

/** The lines of files, one after the other; numbers go on from file to file. @throws not-found, corrupt, unavailable */
export async function* readFeedFiles(
  io: FileIO,
  locations: readonly string[],
  options: { readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<FeedLine> {
  let before = 0
  for (const location of locations) {
    let last = before
    for await (const line of feedLines(readChunks(io, location, options), { source: location, before })) {
      last = line.number
      yield line
    }
    before = last
  }
}

/**
 * The lines of a stream of bytes, which is unpacked when it begins like gzip. Empty lines are counted, not returned, and so
 * are the lines `before`.
 */
export function feedLines(
  chunks: AsyncIterable<Uint8Array>,
  options: { readonly source: string; readonly before?: number | undefined },
): AsyncGenerator<FeedLine> {
  const { before = 0 } = options
  const decode = lineDecoder(options)
  return cutLines(chunks, options, (bytes, number) => {
    if (bytes.length === 0) return undefined
    return new LineOfBytes(before + number, bytes, () => decode(bytes, number))
  })
}

/** The JSON of a line. @throws corrupt with the line's number */
export function parseFeedJson(line: FeedLine): ExactJson {
  try {
    return parseJsonExact(line.text)
  } catch (cause) {
    throw new LakeError('corrupt', 'a line of the feed is not valid JSON', {
      cause,
      context: { line: line.number, text: line.text.slice(0, 80) },
    })
  }
}

/** True for a JSON object, which a number with exact digits is not. */
export function isExactObject(value: ExactJson | undefined): value is ExactJsonObject {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber)
  )
}
