/**
 * wal2json: what a PostgreSQL slot with this plugin gives, in either format version. The first line tells which it is.
 *
 * The capture needs the plugin's options `include-lsn` and `include-pk`; `include-timestamp` gives the time of commits.
 */
import type { FeedContext, SourceTransaction } from '../change-event.js'
import type { FeedLine } from '../feed-lines.js'
import { textOfLine } from './records.js'
import type { LineReader } from './transactions.js'
import { createVersion1Reader, isVersion1 } from './v1.js'
import { createVersion2Reader } from './v2.js'

/**
 * @throws corrupt with the line's number; invalid-argument, naming an option of the plugin, for a capture that lacks what
 * has to be known
 */
export async function* readWal2Json(
  lines: AsyncIterable<FeedLine>,
  context: FeedContext,
): AsyncGenerator<SourceTransaction> {
  let reader: LineReader | undefined
  for await (const line of lines) {
    reader ??= isVersion1(textOfLine(line).text)
      ? createVersion1Reader(context)
      : createVersion2Reader(context)
    const ended = reader.read(line)
    // Most lines end nothing, and to delegate costs more than to read one.
    if (ended.length > 0) yield* ended
  }
  if (reader !== undefined) yield* reader.finish()
}
