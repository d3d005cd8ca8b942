/**
 * A feed as lines of text: plain or gzip, from a file or from any stream of bytes, in bounded memory.
 */
import { LakeError } from '../base/errors.js'
import { type ExactJson, type ExactJsonObject, JsonNumber, parseJsonExact } from '../base/json.js'
import { readChunks, textLines } from '../format/text-lines.js'
import type { FileIO } from '../io/file-io.js'

export interface FeedLine {
  /** From 1, counted over the feed. */
  readonly number: number
  readonly text: string
}

/** The lines of files, one after the other; numbers go on from file to file. @throws not-found, corrupt, unavailable */
export async function* readFeedFiles(
  io: FileIO,
  locations: readonly string[],
  options: { readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<FeedLine> {
  let before = 0
  for (const location of locations) {
    let last = 0
    for await (const line of feedLines(readChunks(io, location, options), { source: location })) {
      last = line.number
      yield { number: before + line.number, text: line.text }
    }
    before += last
  }
}

/** The lines of a stream of bytes, which is unpacked when it begins like gzip. Empty lines are counted, not returned. */
export function feedLines(
  chunks: AsyncIterable<Uint8Array>,
  options: { readonly source: string },
): AsyncGenerator<FeedLine> {
  return textLines(chunks, options)
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
